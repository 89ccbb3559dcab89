"""Baseline of the arms side by side. No tests: randomised arms differ by chance, and the size of a difference is what matters.

Source: Senn, Stat Med 1994;13:1715; standardised differences: Austin, Stat Med 2009;28:3083.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from condyle.evaluate.trial.table import UNKNOWN, Trial, Unit

LARGE = 0.1  # Austin 2009: a standardised difference that is worth a look


@dataclass(frozen=True, slots=True)
class BalanceLine:
    """One characteristic, or one value of it.

    Parameters
    ----------
    name, value : column; '' for a number, else the category
    control, arm : mean and standard deviation of a number, count and share of a category
    missing : in control and arm
    difference : standardised, arm - control; NaN when neither arm varies
    """

    name: str
    value: str
    control: tuple[float, float]
    arm: tuple[float, float]
    missing: tuple[int, int]
    difference: float

    @property
    def large(self) -> bool:
        """Is the standardised difference above 0.1 in size?"""
        return abs(self.difference) > LARGE


def balance(trial: Trial, columns: Sequence[str]) -> tuple[BalanceLine, ...]:
    """Baseline by assigned arm, of all that were randomised.

    Parameters
    ----------
    columns : names; ``stratum``, ``reader`` and ``study`` too. A column of numbers with more than two values is one line of
        mean and standard deviation, any other has a line for each value
    """
    lines: list[BalanceLine] = []
    for name in columns:
        texts = [[_text(unit, name) for unit in trial.randomised if unit.assigned == arm] for arm in (trial.control, trial.arm)]
        known = [[text for text in arm if text.lower() not in UNKNOWN] for arm in texts]
        missing = len(texts[0]) - len(known[0]), len(texts[1]) - len(known[1])
        numbers = [[_number(text) for text in arm] for arm in known]
        values = sorted({text for arm in known for text in arm})
        if len(values) > 2 and all(one is not None for arm in numbers for one in arm):
            lines.append(_numeric(name, [np.array(arm, np.float64) for arm in numbers], missing))
        else:
            lines += [_category(name, value, known, missing) for value in values]
    return tuple(lines)


def _numeric(name: str, arms: Sequence[np.ndarray], missing: tuple[int, int]) -> BalanceLine:
    centre = [float(arm.mean()) if len(arm) else float("nan") for arm in arms]
    spread = [float(arm.std(ddof=1)) if len(arm) > 1 else float("nan") for arm in arms]
    pooled = float(np.sqrt((spread[0] ** 2 + spread[1] ** 2) / 2))
    difference = (centre[1] - centre[0]) / pooled if pooled > 0 else float("nan")
    return BalanceLine(name, "", (centre[0], spread[0]), (centre[1], spread[1]), missing, difference)


def _category(name: str, value: str, arms: Sequence[Sequence[str]], missing: tuple[int, int]) -> BalanceLine:
    counts = [list(arm).count(value) for arm in arms]
    shares = [count / len(arm) if arm else float("nan") for count, arm in zip(counts, arms, strict=True)]
    pooled = float(np.sqrt(sum(share * (1 - share) for share in shares) / 2))
    difference = (shares[1] - shares[0]) / pooled if pooled > 0 else float("nan")
    return BalanceLine(name, value, (float(counts[0]), shares[0]), (float(counts[1]), shares[1]), missing, difference)


def _text(unit: Unit, name: str) -> str:
    return str(getattr(unit, name)) if name in ("stratum", "reader", "study", "cluster") else unit.values.get(name, "")


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None

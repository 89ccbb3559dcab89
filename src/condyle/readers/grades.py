"""Grades as steps: a network gives an ordinal finding one output for each step above the lowest, named ``finding>=step``.

Two links. ``cumulative``: an output says "at least this step" (Frank and Hall, ECML 2001). ``corn``: it says "at least this step, given
that the one below was reached" (Shi, Cao and Raschka, Pattern Analysis and Applications 2023), so that the product of the outputs up to
a step can never rise with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Link = Literal["cumulative", "corn"]
LINKS: tuple[Link, ...] = ("corn", "cumulative")
_SIGN = ">="


def columns_of(scales: Mapping[str, Sequence[int]]) -> tuple[str, ...]:
    """Names of a network's outputs.

    Parameters
    ----------
    scales : finding -> the steps of its scale, rising; empty for a binary finding
    """
    return tuple(
        one for name, steps in scales.items() for one in ((f"{name}{_SIGN}{step}" for step in steps[1:]) if steps else (name,))
    )  # fmt: skip


def step_of(column: str) -> tuple[str, int | None]:
    """'grade>=2' -> ('grade', 2); 'cyst' -> ('cyst', None)."""
    name, sign, step = column.partition(_SIGN)
    return name, int(step) if sign else None


def findings_of(columns: Iterable[str]) -> dict[str, list[int]]:
    """finding -> its columns, in order."""
    found: dict[str, list[int]] = {}
    for number, column in enumerate(columns):
        found.setdefault(step_of(column)[0], []).append(number)
    return found


def chained(scores: Floats, columns: Sequence[str], link: Link) -> Floats:
    """[..., column] what each output says -> probabilities, those of "at least a step" never rising with the step."""
    out = np.array(scores, np.float64)
    for column, own in findings_of(columns).items():
        if step_of(columns[own[0]])[1] is not None:
            part = out[..., own]
            out[..., own] = np.cumprod(part, -1) if link == "corn" else np.minimum.accumulate(part, -1)
        elif len(own) > 1:
            raise ValueError(f"{column} stands twice")
    return out


def steps_of(at_least: Floats) -> Floats:
    """[row, steps - 1] probabilities of "at least" -> [row, steps] probabilities of each step."""
    bounded = np.concatenate([np.ones((len(at_least), 1)), at_least, np.zeros((len(at_least), 1))], axis=1)
    return -np.diff(bounded, axis=1)


def grade_of(at_least: Floats, first: int = 1) -> NDArray[np.int_]:
    """[row] the median step: the highest that is more likely reached than not. It has the least expected error in grades."""
    return np.asarray(first + (at_least > 0.5).sum(axis=1), np.int_)

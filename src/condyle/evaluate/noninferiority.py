"""Non-inferiority: is a lower limit above minus the margin? Margin and direction are inputs, never defaults."""

from __future__ import annotations

from dataclasses import dataclass

from condyle.errors import InputError
from condyle.evaluate.estimate import Estimate


@dataclass(frozen=True, slots=True)
class Verdict:
    """Parameters
    ----------
    shown : whether the new is shown to be no worse than the margin
    limit : the limit that decided: the lower one of new - old when higher is better, else minus the upper one
    margin : positive
    sentence : for the report; a failed test says "not shown", never "equivalent" or "inferior"
    """

    shown: bool
    limit: float
    margin: float
    sentence: str


def noninferior(difference: Estimate, margin: float, *, higher_is_better: bool = True) -> Verdict:
    """Verdict from a two-sided interval of new - old: its level L tests one-sided at (1 - L) / 2 (0.95 -> 0.025).

    Superiority may be tested on the same interval afterwards without adjustment; the other order is not valid.
    """
    if not margin > 0:
        raise InputError(
            "statistics-margin", "A margin is a positive number on the scale of the difference.",
            what_to_do="Write 0.05 for five points; the direction is an argument of its own.",
        )  # fmt: skip
    limit = difference.low if higher_is_better else -difference.high
    shown = bool(limit > -margin)  # NaN is not shown
    direction = "higher" if higher_is_better else "lower"
    words = "is shown" if shown else "is not shown"
    return Verdict(
        shown, limit, margin,
        f"Non-inferiority {words}: {'lower' if higher_is_better else 'negated upper'} limit {limit:.3f} against margin -{margin:g} "
        f"({direction} is better, one-sided alpha {(1 - difference.level) / 2:.3g}).",
    )  # fmt: skip

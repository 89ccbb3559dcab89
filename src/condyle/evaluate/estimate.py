"""What every statistic returns: a number with its interval, and what is needed to redo it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, ndtr, ndtri

from condyle.errors import InputError

_NAN = float("nan")
NO_SPREAD = "The data show no spread: no interval."


@dataclass(frozen=True, slots=True)
class Estimate:
    """One number and how sure it is.

    Parameters
    ----------
    measure : str - what is estimated, in the field's word ('AUROC', 'sensitivity', 'difference of AUROC')
    estimate : float - NaN when it is not defined (no positives, 0/0)
    low, high : float - limits of the two-sided interval; NaN when none can be given, a warning says why. Limits that meet are dropped:
        an Estimate holds no interval of width 0
    method : str - of the interval, in words
    n : units; clusters : independent units (patients)
    events : of a share its numerator (sensitivity: hits among n positives); of every other measure the units with the finding, the lesions,
        the true boxes. None where there are none to count (grades, times), and of a difference of two shares: ``counts`` holds its cells
    level : confidence of the interval
    se : standard error on the scale of the estimate
    statistic, df, p : test of ``null``; p is two-sided unless ``null`` says otherwise
    null : str - what p tests; '' when nothing is tested
    resamples, drawn, seed : bootstrap resamples that gave a value, of those drawn; 0 when there was none
    warnings : sentences that must be printed beside the number
    counts : the cells behind a difference of shares, in the order of its function: (both, only first, only second, neither) of pairs,
        (events, units, events, units) of two sets
    replicates : finite bootstrap values behind the interval, to test a planned limit with; written nowhere
    bias : z0 and acceleration of a BCa interval; NaN otherwise
    """

    measure: str
    estimate: float
    low: float = _NAN
    high: float = _NAN
    method: str = ""
    n: int = 0
    events: int | None = None
    clusters: int = 0
    level: float = 0.95
    se: float = _NAN
    statistic: float = _NAN
    df: float = _NAN
    p: float = _NAN
    null: str = ""
    resamples: int = 0
    drawn: int = 0
    seed: int | None = None
    warnings: tuple[str, ...] = ()
    counts: tuple[int, ...] = ()
    replicates: NDArray[np.float64] | None = field(default=None, compare=False, repr=False)
    bias: tuple[float, float] = field(default=(_NAN, _NAN), compare=False, repr=False)

    def __post_init__(self) -> None:
        """Limits that meet are no interval: data without spread cannot say how sure they are. They are dropped, with a warning."""
        if np.isfinite(self.low) and self.high - self.low <= 1e-12:
            object.__setattr__(self, "low", _NAN)
            object.__setattr__(self, "high", _NAN)
            object.__setattr__(self, "warnings", (*self.warnings, NO_SPREAD))

    def __str__(self) -> str:
        if np.isnan(self.estimate):
            return "not defined"
        digits = 3
        while digits < 6 and self.low < self.high and f"{self.low:.{digits}f}" == f"{self.high:.{digits}f}":
            digits += 1  # an interval never looks like a point
        return f"{self.estimate:.{digits}f}" + ("" if np.isnan(self.low) else f" ({self.low:.{digits}f} to {self.high:.{digits}f})")

    def warned(self, *sentences: str) -> Estimate:
        """The same with more warnings."""
        return replace(self, warnings=self.warnings + tuple(one for one in sentences if one))


def cut(found: Estimate, low: float = -1.0, high: float = 1.0) -> Estimate:
    """The same with limits inside the range of the measure, and a warning where one was beyond it: normal and t limits know no range."""
    beyond = [f"{end:g}" for end, outside in ((low, found.low < low), (high, found.high > high)) if outside]
    if not beyond:
        return found
    sentence = f"The interval was cut at {' and '.join(beyond)}, the end of the range."
    return replace(found, low=max(found.low, low), high=min(found.high, high)).warned(sentence)


def z_of(level: float) -> float:
    """Half-width of a two-sided normal interval: 1.96 for 0.95. Raises InputError unless 0 < level < 1."""
    if not 0 < level < 1:
        raise InputError("statistics-level", f"A confidence of {level} is not between 0 and 1.", what_to_do="Use 0.95, not 95.")
    return float(ndtri(0.5 + level / 2))


def two_sided(z: float) -> float:
    """p of a standard normal statistic, both tails."""
    return float(2 * ndtr(-abs(z)))


def logit_limits(share: float, se: float, factor: float) -> tuple[float, float]:
    """Limits of a share that stay inside (0, 1): expit(logit p -+ factor * se / (p (1 - p))).

    NaN when the share is 0 or 1 or its standard error is 0, where the logit has no width to give.
    """
    if not 0 < share < 1 or not se > 0:
        return _NAN, _NAN
    centre, half = np.log(share / (1 - share)), factor * se / (share * (1 - share))
    return float(expit(centre - half)), float(expit(centre + half))


def binary(truth: ArrayLike, what: str = "Truth") -> NDArray[np.bool_]:
    """Outcomes as booleans. Raises InputError unless every one is 0 or 1."""
    given = np.asarray(truth, np.float64)
    if given.ndim != 1 or not np.isin(given, (0.0, 1.0)).all():
        raise InputError("statistics-truth", f"{what} must be a list of 0 and 1.", what_to_do="Leave out rows with unknown truth first.")
    return np.asarray(given > 0)


def finite(values: ArrayLike, like: NDArray[np.generic] | None = None, what: str = "Scores") -> NDArray[np.float64]:
    """Numbers as float64. Raises InputError when one is NaN or infinite, or their count differs from ``like``."""
    given = np.asarray(values, np.float64)
    if like is not None and given.shape[-1:] != like.shape:
        raise InputError(
            "statistics-shape", f"{what} and truth must have one length.", what_to_do="Give one number for each value of truth.",
        )  # fmt: skip
    if not np.isfinite(given).all():
        raise InputError("statistics-values", f"{what} must be finite.", what_to_do="Leave out, and count, rows without a number.")
    return given

"""The smooth calibration curve and how far it lies from the diagonal: ICI, E50, E90, Emax. Always name the smoother.

Loess comes from scikit-misc and lowess from statsmodels (extra ``evaluate``): both repeat R's own programs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from condyle.errors import InputError, MissingExtraError
from condyle.evaluate.estimate import binary
from condyle.evaluate.recalibration import probabilities

Floats = NDArray[np.float64]

SMOOTHERS = {"loess": "loess, degree 2, span 0.75", "lowess": "lowess, span 2/3, no robustness iterations"}


@dataclass(frozen=True, slots=True, eq=False)
class SmoothCurve:
    """Observed share along the score.

    Parameters
    ----------
    observed : (n,) smoothed share at each unit's score
    smoother : str - in words
    ici, e50, e90, emax : mean, median, 90th percentile and largest distance of the curve from the score over the units
    """

    observed: Floats
    smoother: str
    ici: float
    e50: float
    e90: float
    emax: float


def smooth_calibration(truth: ArrayLike, score: ArrayLike, *, smoother: str = "loess") -> SmoothCurve:
    """Smooth curve of outcome on score.

    Parameters
    ----------
    truth : (n,) 0 or 1; score : (n,) probabilities with at least ten different values
    smoother : 'loess' (Austin & Steyerberg) or 'lowess' (val.prob of R's rms); their numbers differ

    Source: Austin & Steyerberg, Stat Med 2019;38:4051-4065 (ICI, E50, E90); Harrell, Regression Modeling Strategies (Emax).
    """
    y = binary(truth)
    p = probabilities(score, y)
    if smoother not in SMOOTHERS:
        raise InputError("statistics-smoother", f"There is no smoother {smoother!r}.", what_to_do="Use loess or lowess.")
    if len(np.unique(p)) < 10:
        raise InputError("statistics-few", "A smooth curve needs ten different scores or more.", what_to_do="Use bins.")
    observed = _loess(y, p) if smoother == "loess" else _lowess(y, p)
    away = np.abs(p - observed)
    return SmoothCurve(
        observed, SMOOTHERS[smoother], float(away.mean()), float(np.median(away)), float(np.quantile(away, 0.9)), float(away.max())
    )


def _loess(y: NDArray[np.bool_], p: Floats) -> Floats:
    try:
        from skmisc.loess import loess
    except ImportError as error:
        raise MissingExtraError("evaluate", "A loess curve", "scikit-misc") from error
    model = loess(p, y.astype(np.float64), span=0.75, degree=2)
    model.fit()
    return np.asarray(model.outputs.fitted_values, np.float64)


def loess_at(y: NDArray[np.bool_], p: Floats, weights: Floats, along: Floats) -> Floats:
    """The same loess of weighted rows, read at places ``along``; NaN outside the scores of weight and where it cannot be fitted."""
    try:
        from skmisc.loess import loess
    except ImportError as error:
        raise MissingExtraError("evaluate", "A loess curve", "scikit-misc") from error
    kept = weights > 0
    found = np.full(len(along), np.nan)
    inside = (along >= p[kept].min()) & (along <= p[kept].max()) if kept.any() else np.zeros(len(along), bool)
    if len(np.unique(p[kept])) < 10 or not inside.any():
        return found
    model = loess(p[kept], y[kept].astype(np.float64), weights=weights[kept], span=0.75, degree=2)
    try:
        model.fit()
        found[inside] = model.predict(along[inside]).values
    except ValueError:  # dloess: too few different places under one span
        return found
    return found


def _lowess(y: NDArray[np.bool_], p: Floats) -> Floats:
    try:
        from statsmodels.nonparametric.smoothers_lowess import lowess
    except ImportError as error:
        raise MissingExtraError("evaluate", "A lowess curve", "statsmodels") from error
    order = np.argsort(p, kind="stable")
    # R's default: neighbours within a hundredth of the range are interpolated.
    drawn = lowess(
        y[order].astype(np.float64), p[order], frac=2 / 3, it=0, delta=0.01 * float(np.ptp(p)), is_sorted=True, return_sorted=False
    )
    place, first = np.unique(p[order], return_index=True)
    return np.asarray(np.interp(p, place, drawn[first]))

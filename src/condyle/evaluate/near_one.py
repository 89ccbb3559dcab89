"""The area under the ROC curve near 1, where DeLong's variance vanishes."""

from __future__ import annotations

import numpy as np
from scipy.optimize import brentq

from condyle.evaluate.estimate import z_of


def newcombe_variance(area: float, positives: int, negatives: int) -> float:
    """Hanley-McNeil variance of an AUROC with both class sizes replaced by their mean in the numerator.

    Source: Newcombe, Stat Med 2006;25:559-573, method 4; the exponential model of Hanley & McNeil, Radiology 1982.
    """
    mean = (positives + negatives) / 2
    return area * (1 - area) / (positives * negatives) * (2 * mean - 1 - 3 * (mean - 1) / ((2 - area) * (1 + area)))


def newcombe_limits(area: float, positives: int, negatives: int, *, level: float = 0.95) -> tuple[float, float]:
    """Score-type limits of an AUROC, defined at 0 and 1 and never outside.

    Parameters
    ----------
    area : in [0, 1]; positives, negatives : at least 1 each

    Returns
    -------
    (low, high): the areas t with (area - t)^2 = z^2 V(t), V as in ``newcombe_variance``

    Source: Newcombe, Stat Med 2006;25:559-573, method 5.
    """
    z = z_of(level)

    def outside(t: float) -> float:
        return (area - t) ** 2 - z**2 * newcombe_variance(t, positives, negatives)

    # At 0 and 1 the variance is 0, so the sign is that of (area - t)^2; inside, at the area itself, it is negative.
    low = 0.0 if area <= 0 else float(brentq(outside, 0.0, min(area, 1 - 1e-15), xtol=1e-13))
    high = 1.0 if area >= 1 else float(brentq(outside, max(area, 1e-15), 1.0, xtol=1e-13))
    return float(np.clip(low, 0, 1)), float(np.clip(high, 0, 1))

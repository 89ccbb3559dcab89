"""Lin's concordance correlation: precision times accuracy of two ways to measure. Pearson's r alone is no agreement."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from condyle.evaluate.estimate import Estimate, finite, z_of


@dataclass(frozen=True, slots=True)
class Concordance:
    """Parameters
    ----------
    ccc : Estimate - interval by Fisher's z
    accuracy : C_b in (0, 1], 1 when both have one mean and one spread
    scale_shift, location_shift : of the second against the first: ratio of standard deviations, and difference of means in units
        of their geometric mean
    """

    ccc: Estimate
    accuracy: float
    scale_shift: float
    location_shift: float


def concordance(first: ArrayLike, second: ArrayLike, *, level: float = 0.95, transform: bool = True) -> Concordance:
    """Concordance correlation of (n,) pairs of independent units, moments with divisor n.

    Parameters
    ----------
    transform : interval through Fisher's z (default) or on the plain scale

    Source: Lin, Biometrics 1989;45:255-268, variance as corrected in Biometrics 2000;56:324-325.
    """
    x = finite(first, what="Measurements")
    y = finite(second, x, what="Measurements")
    n = len(x)
    vx, vy = float(x.var()), float(y.var())
    if n < 3 or not vx * vy > 0:
        empty = Estimate("concordance correlation", float("nan"), n=n, clusters=n, level=level, warnings=("A method shows no variation.",))
        return Concordance(empty, float("nan"), float("nan"), float("nan"))
    cov = float(((x - x.mean()) * (y - y.mean())).mean())
    gap = float(y.mean() - x.mean())
    ccc = 2 * cov / (vx + vy + gap**2)
    r = cov / np.sqrt(vx * vy)
    scale, shift = float(np.sqrt(vy / vx)), float(gap / (vx * vy) ** 0.25)
    accuracy = 2 / (scale + 1 / scale + shift**2)
    variance = ((1 - r**2) * ccc**2 * (1 - ccc**2) / r**2 + 2 * ccc**3 * (1 - ccc) * shift**2 / r - ccc**4 * shift**4 / (2 * r**2)) / (
        n - 2
    )
    se = float(np.sqrt(max(variance, 0.0)))
    z = z_of(level)
    if transform:
        half = z * se / (1 - ccc**2)
        low, high = np.tanh(np.arctanh(ccc) - half), np.tanh(np.arctanh(ccc) + half)
    else:
        low, high = ccc - z * se, ccc + z * se
    words = "Fisher's z" if transform else "normal"
    found = Estimate("concordance correlation", float(ccc), float(low), float(high), words, n, clusters=n, level=level, se=se)
    return Concordance(found, float(accuracy), scale, shift)

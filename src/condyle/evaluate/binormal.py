"""The variance of an area under a binormal ROC curve: what to plan a study of one score with, beside DeLong's of the sample."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtri

from condyle.evaluate.estimate import binary
from condyle.evaluate.roc import Curve, roc_curve


def fitted_binormal(curve: Curve) -> tuple[float, float]:
    """Intercept a and slope b of the normal deviate of specificity on that of sensitivity, least squares over the inner corners.

    NaN when fewer than two corners are inside.
    """
    inside = (curve.sensitivity > 0) & (curve.sensitivity < 1) & (curve.specificity > 0) & (curve.specificity < 1)
    if inside.sum() < 2:
        return float("nan"), float("nan")
    b, a = np.polyfit(ndtri(curve.sensitivity[inside]), ndtri(curve.specificity[inside]), 1)
    return float(a), float(b)


def binormal_variance(truth: ArrayLike, score: ArrayLike) -> float:
    """Variance of the AUROC of a binormal curve with this sample's class sizes.

    var = [f^2 (1 + b^2 / r + a^2 / 2) + g^2 b^2 (1 + r) / (2 r)] / positives, r negatives a positive, with the derivatives of the
    area f = e / sqrt(2 pi (1 + b^2)), g = -a b e / sqrt(2 pi (1 + b^2)^3), e = exp(-a^2 / (2 (1 + b^2))).

    Source: Obuchowski & McClish, Stat Med 1997;16:1529-1542, formula 4; the fit is pROC's smooth(method = 'binormal').
    """
    positive = binary(truth)
    a, b = fitted_binormal(roc_curve(positive, score))
    positives = int(positive.sum())
    r = (len(positive) - positives) / positives
    spread = 1 + b**2
    e = np.exp(-(a**2) / (2 * spread))
    f, g = e / np.sqrt(2 * np.pi * spread), -a * b * e / np.sqrt(2 * np.pi * spread**3)
    return float((f**2 * (1 + b**2 / r + a**2 / 2) + g**2 * b**2 * (1 + r) / (2 * r)) / positives)

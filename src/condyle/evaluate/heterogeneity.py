"""Estimates of several cohorts together: do they differ more than chance, and what may the next cohort show?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import expit
from scipy.stats import chi2, t

from condyle.errors import InputError
from condyle.evaluate.estimate import Estimate


@dataclass(frozen=True, slots=True)
class Pooled:
    """Parameters
    ----------
    mean : Estimate - random-effects mean with Hartung-Knapp limits, on the scale of the shares
    prediction : (low, high) where the value of a new cohort is expected; NaN under three cohorts
    q, df, p : Cochran's test of equal values; i_squared : share of variation beyond chance; tau_squared : on the logit scale
    """

    mean: Estimate
    prediction: tuple[float, float]
    q: float
    df: int
    p: float
    i_squared: float
    tau_squared: float


def pool_shares(measure: str, values: ArrayLike, errors: ArrayLike, *, level: float = 0.95) -> Pooled:
    """Pool shares in (0, 1) (AUROC, sensitivity) of independent cohorts on the logit scale.

    Parameters
    ----------
    values, errors : (cohorts,) and standard errors on the plain scale

    Source: DerSimonian & Laird 1986 (tau^2); IntHout, Ioannidis & Borm, BMC Med Res Methodol 2014;14:25 (Hartung-Knapp);
    Higgins, Thompson & Spiegelhalter 2009 (prediction interval).
    """
    share, se = np.asarray(values, np.float64), np.asarray(errors, np.float64)
    if len(share) < 2 or ((share <= 0) | (share >= 1) | ~(se > 0)).any():
        raise InputError("statistics-pool", "Pooling needs two cohorts or more with shares inside (0, 1) and positive errors.")
    y, v = np.log(share / (1 - share)), (se / (share * (1 - share))) ** 2
    k, w = len(y), 1 / v
    q = float((w * (y - (w * y).sum() / w.sum()) ** 2).sum())
    tau2 = max(0.0, (q - (k - 1)) / (w.sum() - (w**2).sum() / w.sum()))
    w = 1 / (v + tau2)
    mean = float((w * y).sum() / w.sum())
    hk = float((w * (y - mean) ** 2).sum() / ((k - 1) * w.sum()))
    # Never narrower than the usual random-effects error (Roever, Knapp & Friede 2015).
    error = float(np.sqrt(max(hk, 1 / w.sum())))
    half = float(t.ppf(0.5 + level / 2, k - 1)) * error
    wide = float(t.ppf(0.5 + level / 2, k - 2)) * float(np.sqrt(tau2 + error**2)) if k > 2 else float("nan")
    made = Estimate(
        f"pooled {measure}", float(expit(mean)), float(expit(mean - half)), float(expit(mean + half)),
        "random effects on the logit scale, Hartung-Knapp", k, clusters=k, level=level, df=k - 1,
        warnings=("Fewer than five cohorts.",) if k < 5 else (),
    )  # fmt: skip
    return Pooled(
        made,
        (float(expit(mean - wide)), float(expit(mean + wide))),
        q,
        k - 1,
        float(chi2.sf(q, k - 1)),
        max(0.0, (q - (k - 1)) / q) if q > 0 else 0.0,
        tau2,
    )

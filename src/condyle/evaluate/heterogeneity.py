"""Estimates of several cohorts together: do they differ more than chance, and what may the next cohort show?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

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
    mean : Estimate - random-effects mean with modified Hartung-Knapp limits, on the scale of the shares
    expected : Estimate - where the value of a new cohort is expected (prediction interval); no limits under three cohorts
    test : Estimate - Cochran's test of equal values: Q, df, p
    i_squared : share of variation beyond chance; tau_squared : on the logit scale
    """

    mean: Estimate
    expected: Estimate
    test: Estimate
    i_squared: float
    tau_squared: float

    @property
    def prediction(self) -> tuple[float, float]:
        return self.expected.low, self.expected.high

    @property
    def q(self) -> float:
        return self.test.statistic

    @property
    def df(self) -> int:
        return int(self.test.df)

    @property
    def p(self) -> float:
        return self.test.p


def pool_shares(
    measure: str, values: ArrayLike, errors: ArrayLike, *, level: float = 0.95, sizes: tuple[int, int | None, int] | None = None
) -> Pooled:
    """Pool shares in (0, 1) (AUROC, sensitivity) of independent cohorts on the logit scale.

    Parameters
    ----------
    values, errors : (cohorts,) and standard errors on the plain scale
    sizes : rows, events and patients of all cohorts together, for the record; None: counts of cohorts

    Source: DerSimonian & Laird 1986 (tau^2); IntHout, Ioannidis & Borm, BMC Med Res Methodol 2014;14:25 (Hartung-Knapp);
    Higgins, Thompson & Spiegelhalter 2009 (prediction interval).
    """
    share, se = np.asarray(values, np.float64), np.asarray(errors, np.float64)
    if len(share) < 2 or ((share <= 0) | (share >= 1) | ~(se > 0)).any():
        raise InputError(
            "statistics-pool", "Pooling needs two cohorts or more with shares inside (0, 1) and positive errors.",
            what_to_do="Leave out cohorts at 0 or 1, and say so; one cohort alone is not pooled.",
        )  # fmt: skip
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
    n, events, patients = sizes or (k, None, k)
    record: dict[str, Any] = {"n": n, "events": events, "clusters": patients, "level": level}
    few = (f"Fewer than five cohorts: {k}.",) if k < 5 else ()
    made = Estimate(
        f"pooled {measure}", float(expit(mean)), float(expit(mean - half)), float(expit(mean + half)),
        f"random effects on the logit scale over {k} cohorts, modified Hartung-Knapp", df=k - 1, warnings=few, **record,
    )  # fmt: skip
    wide = float(t.ppf(0.5 + level / 2, k - 2)) * float(np.sqrt(tau2 + error**2)) if k > 2 else float("nan")
    unknown = "" if k > 2 else "No interval: it needs three cohorts."
    new = Estimate(
        f"{measure} of a new cohort", float(expit(mean)), float(expit(mean - wide)), float(expit(mean + wide)),
        f"prediction interval over {k} cohorts, t on the logit scale", df=k - 2 if k > 2 else float("nan"), warnings=few, **record,
    ).warned(unknown)  # fmt: skip
    test = Estimate(
        f"heterogeneity of {measure}", q, method="Cochran's Q on the logit scale, chi-square; no interval: a test", statistic=q, df=k - 1,
        p=float(chi2.sf(q, k - 1)), null="the cohorts have one value", **record,
    )  # fmt: skip
    return Pooled(made, new, test, max(0.0, (q - (k - 1)) / q) if q > 0 else 0.0, tau2)

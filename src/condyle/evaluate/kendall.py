"""Kendall's coefficient of concordance: do several raters put the units in one order?"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import chi2, rankdata

from condyle.errors import InputError
from condyle.evaluate.estimate import Estimate


def kendall_w(ratings: ArrayLike) -> Estimate:
    """Concordance of ranks, corrected for ties; 0 no common order, 1 the same order.

    Parameters
    ----------
    ratings : (units, raters), complete

    Returns
    -------
    Estimate without an interval; statistic raters (units - 1) W is chi-square with units - 1 degrees of freedom

    Source: Kendall, Rank Correlation Methods 1948, chapter 6.
    """
    table = np.asarray(ratings, np.float64)
    if table.ndim != 2 or min(table.shape) < 2 or not np.isfinite(table).all():
        raise InputError(
            "statistics-shape", "Ratings must be a complete table of two or more units by two or more raters.",
            what_to_do="Leave out, and count, units that a rater did not rate.",
        )  # fmt: skip
    n, raters = table.shape
    ranks = rankdata(table, axis=0)
    spread = float(((ranks.sum(1) - ranks.sum() / n) ** 2).sum())
    tied = sum(float((counts**3 - counts).sum()) for counts in (np.unique(column, return_counts=True)[1] for column in table.T))
    whole = raters**2 * (n**3 - n) - raters * tied
    value = 12 * spread / whole if whole > 0 else float("nan")
    statistic = raters * (n - 1) * value
    return Estimate(
        "Kendall's W", value, method="none", n=n, clusters=n, statistic=statistic, df=n - 1, p=float(chi2.sf(statistic, n - 1)),
        null="no common order", warnings=("No interval is known for W; resample units for one.",),
    )  # fmt: skip

"""Intraclass correlation of numbers given by several raters to the same units."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import f

from condyle.errors import InputError
from condyle.evaluate.estimate import Estimate

# Name -> (form, unit): McGraw & Wong's names. (1) one-way, (A) agreement, (C) consistency; single rating or mean of k.
FORMS = ("ICC(1)", "ICC(A,1)", "ICC(C,1)", "ICC(k)", "ICC(A,k)", "ICC(C,k)")


@dataclass(frozen=True, slots=True)
class MeanSquares:
    """Of a complete table of n units by k raters: between units, between raters, residual, and within units (one-way)."""

    n: int
    k: int
    units: float
    raters: float
    residual: float
    within: float
    size: float = 0.0  # mean square of the ratings themselves, beside which rounding is nothing


def mean_squares(ratings: ArrayLike) -> MeanSquares:
    """Analysis of variance of (units, raters). Raises InputError unless complete, with two of each."""
    table = np.asarray(ratings, np.float64)
    if table.ndim != 2 or min(table.shape) < 2 or not np.isfinite(table).all():
        raise InputError(
            "statistics-shape", "Ratings must be a complete table of two or more units by two or more raters.",
            what_to_do="Leave out, and count, units that a rater did not rate.",
        )  # fmt: skip
    n, k = table.shape
    grand, by_unit, by_rater = table.mean(), table.mean(1), table.mean(0)
    units = k * ((by_unit - grand) ** 2).sum()
    raters = n * ((by_rater - grand) ** 2).sum()
    total = ((table - grand) ** 2).sum()
    return MeanSquares(
        n, k, float(units / (n - 1)), float(raters / (k - 1)), float((total - units - raters) / ((n - 1) * (k - 1))),
        float((total - units) / (n * (k - 1))), float((table**2).mean()),
    )  # fmt: skip


def icc(ratings: ArrayLike, form: str, *, level: float = 0.95) -> Estimate:
    """An intraclass correlation with its F-based interval.

    Parameters
    ----------
    ratings : (units, raters), complete
    form : one of ``FORMS``; ICC(A,1) answers "may a rater be exchanged", ICC(C,1) forgives constant offsets

    Returns
    -------
    Estimate; a negative value is reported as it is. statistic, df and p test that it is 0 (F). NaN where units do not differ, 1 without
    an interval where nothing is left to differ within them

    Source: McGraw & Wong, Psychol Methods 1996;1:30-46, tables 4 and 7; Shrout & Fleiss 1979.
    """
    if form not in FORMS:
        raise InputError("statistics-icc", f"There is no form {form!r}.", what_to_do="Use one of " + ", ".join(FORMS) + ".")
    ms = mean_squares(ratings)
    one_way = form in ("ICC(1)", "ICC(k)")
    error, df2 = (ms.within, ms.n * (ms.k - 1)) if one_way else (ms.residual, (ms.n - 1) * (ms.k - 1))
    df1 = ms.n - 1
    ratio = ms.units / error if error > 0 else float("inf")
    value = _value(ms, form)
    counts: dict[str, Any] = {"n": ms.n, "clusters": ms.n, "level": level}
    if not np.isfinite(value):
        return Estimate(form, float("nan"), warnings=("The units do not differ: not defined.",), **counts)
    if 1 - value < 1e-12:
        words = "The raters agree exactly, but for what the form forgives: no interval."
        return Estimate(form, 1.0, method="McGraw & Wong 1996", warnings=(words,), **counts)
    if form.startswith("ICC(A"):
        of_mean = form == "ICC(A,k)"
        low, high = agreement_limits(ms, satterthwaite_df(ms, value, of_mean=of_mean), of_mean=of_mean, level=level)
    else:
        least = ratio / f.ppf(0.5 + level / 2, df1, df2)
        most = ratio * f.ppf(0.5 + level / 2, df2, df1)
        low, high = (1 - 1 / least, 1 - 1 / most) if form.endswith("k)") else tuple((x - 1) / (x + ms.k - 1) for x in (least, most))
    return Estimate(
        form, value, float(low), float(high), "F, McGraw & Wong 1996", statistic=ratio, df=df2, p=float(f.sf(ratio, df1, df2)),
        null="the correlation is 0", **counts,
    )  # fmt: skip


def satterthwaite_df(ms: MeanSquares, value: float, *, of_mean: bool) -> float:
    """Degrees of freedom of the denominator of an agreement form."""
    k = 1 if of_mean else ms.k
    a = k * value / (ms.n * (1 - value))
    b = 1 + k * value * (ms.n - 1) / (ms.n * (1 - value))
    total = (a * ms.raters + b * ms.residual) ** 2
    return float(total / ((a * ms.raters) ** 2 / (ms.k - 1) + (b * ms.residual) ** 2 / ((ms.n - 1) * (ms.k - 1))))


def _value(ms: MeanSquares, form: str) -> float:
    """NaN where the form divides by 0: rounding of a constant table counts as 0."""
    n, k = ms.n, ms.k
    above = ms.units - (ms.within if form in ("ICC(1)", "ICC(k)") else ms.residual)
    below = {
        "ICC(1)": ms.units + (k - 1) * ms.within,
        "ICC(A,1)": ms.units + (k - 1) * ms.residual + k / n * (ms.raters - ms.residual),
        "ICC(C,1)": ms.units + (k - 1) * ms.residual,
        "ICC(k)": ms.units,
        "ICC(A,k)": ms.units + (ms.raters - ms.residual) / n,
        "ICC(C,k)": ms.units,
    }[form]
    return above / below if abs(below) > 1e-24 * ms.size else float("nan")


def agreement_limits(ms: MeanSquares, df: float, *, of_mean: bool, level: float = 0.95) -> tuple[float, float]:
    """Limits of an agreement form, given the degrees of freedom of its denominator."""
    n, k = ms.n, ms.k
    most, least = f.ppf(0.5 + level / 2, n - 1, df), f.ppf(0.5 + level / 2, df, n - 1)
    rest = ms.raters - ms.residual if of_mean else k * ms.raters + (k * n - k - n) * ms.residual
    low = n * (ms.units - most * ms.residual) / (most * rest + n * ms.units)
    high = n * (least * ms.units - ms.residual) / (rest + n * least * ms.units)
    return float(low), float(high)

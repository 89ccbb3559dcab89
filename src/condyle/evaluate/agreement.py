"""How well grades agree: weighted kappa, balanced accuracy, errors of more than one step."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from condyle.errors import InputError


def confusion(truth: ArrayLike, grade: ArrayLike, scale: Sequence[int], weights: ArrayLike | None = None) -> NDArray[np.float64]:
    """[true step, given step] table of weights over the whole scale, also its unused steps.

    A grade outside the scale (a level that was not found) belongs to no column and is left out here;
    ``quadratic_kappa`` and the others say how they count it.
    """
    true, given = np.asarray(truth, np.float64), np.asarray(grade, np.float64)
    steps = np.asarray(scale, np.float64)
    strange = true[~np.isin(true, steps)]
    if len(strange):
        raise InputError(
            "statistics-scale", f"A true grade of {strange[0]:g} is not on the scale {tuple(scale)}.",
            what_to_do="Correct the grade, or give the whole scale.",
        )  # fmt: skip
    weight = np.ones(len(true)) if weights is None else np.asarray(weights, np.float64)
    order = np.argsort(steps)
    used = np.isin(given, steps)
    rows, columns = (order[np.searchsorted(steps[order], values[used])] for values in (true, given))
    return np.asarray(np.bincount(rows * len(steps) + columns, weight[used], len(steps) ** 2).reshape(len(steps), len(steps)))


def quadratic_kappa(truth: ArrayLike, grade: ArrayLike, scale: Sequence[int], weights: ArrayLike | None = None) -> float:
    """Cohen's kappa with quadratic weights over the whole scale.

    Parameters
    ----------
    truth, grade : (n,) steps of the scale. Every given grade must be on it: give a missed level a wrong grade first
    scale : all steps, so that the weights do not depend on the grades that happen to occur
    weights : (n,) not negative; None is 1 each

    Returns
    -------
    float; NaN when nothing is left to agree on beyond chance

    Source: Cohen, Psychol Bull 1968;70:213-220.
    """
    if not np.isin(np.asarray(grade), np.asarray(scale)).all():
        raise InputError("statistics-scale", "A given grade is not on the scale.", what_to_do="Give missed levels a wrong grade first.")
    return kappa_of(confusion(truth, grade, scale, weights), "quadratic")


def distances(steps: int, weighting: str) -> NDArray[np.float64]:
    """(steps, steps) disagreement between steps: 'none' 0 or 1, 'linear' |i - j|, 'quadratic' (i - j)^2."""
    place = np.arange(steps)
    apart = np.abs(place[:, None] - place[None, :]).astype(np.float64)
    if weighting == "none":
        return np.asarray((apart > 0).astype(np.float64))
    if weighting not in ("linear", "quadratic"):
        raise InputError("statistics-weighting", f"There is no weighting {weighting!r}.", what_to_do="Use none, linear or quadratic.")
    return np.asarray(apart if weighting == "linear" else apart**2.0)


def kappa_of(table: NDArray[np.float64], weighting: str) -> float:
    """Cohen's kappa of a square table of counts or weights: 1 - observed / expected disagreement; NaN when 0 / 0."""
    if table.sum() <= 0:
        return float("nan")
    share = table / table.sum()
    distance = distances(len(table), weighting)
    expected = float((distance * np.outer(share.sum(1), share.sum(0))).sum())
    return float(1 - (distance * share).sum() / expected) if expected > 0 else float("nan")


def balanced_accuracy(truth: ArrayLike, grade: ArrayLike, scale: Sequence[int], weights: ArrayLike | None = None) -> float:
    """Mean over the true steps that occur of the share graded right. A grade outside the scale is wrong."""
    true = np.asarray(truth)
    weight = np.ones(len(true)) if weights is None else np.asarray(weights, np.float64)
    table = confusion(true, grade, scale, weight)
    totals = np.array([weight[true == step].sum() for step in scale])
    used = totals > 0
    return float((np.diag(table)[used] / totals[used]).mean()) if used.any() else float("nan")


def off_by_more_than_one(truth: ArrayLike, grade: ArrayLike, weights: ArrayLike | None = None) -> float:
    """Share of grades more than one step from the truth."""
    far = (np.abs(np.asarray(truth, np.float64) - np.asarray(grade, np.float64)) > 1).astype(np.float64)
    return float(np.average(far, weights=None if weights is None else np.asarray(weights, np.float64)))

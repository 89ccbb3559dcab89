"""How well scores rank: the area under the ROC curve, over all pairs or within groups only."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from condyle.errors import InputError


def auroc(truth: ArrayLike, score: ArrayLike, weights: ArrayLike | None = None) -> float:
    """Chance that a positive scores higher than a negative, ties counted one half.

    Parameters
    ----------
    truth : (n,) 0 or 1
    score : (n,) finite numbers, any rising scale
    weights : (n,) not negative, such as how often each row's patient was drawn; None is 1 each

    Returns
    -------
    float in [0, 1]; NaN when there is no positive or no negative of weight.

    Source: Mann-Whitney form, Hanley & McNeil, Radiology 1982;143:29-36. With weights
    sum w+ (W- below + W- tied / 2) / (W+ W-).
    """
    positive, values, weight = _checked(truth, score, weights)
    won, pairs = _pairs_won(positive, values, weight)
    return float(won / pairs) if pairs > 0 else float("nan")


def auroc_within_groups(truth: ArrayLike, score: ArrayLike, groups: ArrayLike, weights: ArrayLike | None = None) -> float:
    """AUROC over pairs of one group only, such as one spinal level.

    Every pair of a positive and a negative of the same group counts once, so what the group alone predicts is
    worth exactly 0.5. Groups without a positive or without a negative add no pairs.

    Parameters
    ----------
    truth, score, weights : as in ``auroc``
    groups : (n,) labels

    Returns
    -------
    float in [0, 1]; NaN when no group has both classes.

    Source: stratified Mann-Whitney statistic, van Elteren 1960, weighted by pairs.
    """
    positive, values, weight = _checked(truth, score, weights)
    labels = np.asarray(groups)
    won = pairs = 0.0
    for label in np.unique(labels):
        own = labels == label
        more_won, more_pairs = _pairs_won(positive[own], values[own], weight[own])
        won, pairs = won + more_won, pairs + more_pairs
    return float(won / pairs) if pairs > 0 else float("nan")


def _pairs_won(positive: NDArray[np.bool_], score: NDArray[np.float64], weight: NDArray[np.float64]) -> tuple[float, float]:
    _, place = np.unique(score, return_inverse=True)
    steps = int(place.max()) + 1 if len(place) else 0
    above = np.bincount(place, weight * positive, steps)
    below = np.bincount(place, weight * ~positive, steps)
    won = float(above @ (np.cumsum(below) - 0.5 * below))
    return won, float(above.sum() * below.sum())


def _checked(
    truth: ArrayLike, score: ArrayLike, weights: ArrayLike | None
) -> tuple[NDArray[np.bool_], NDArray[np.float64], NDArray[np.float64]]:
    given, values = np.asarray(truth, np.float64), np.asarray(score, np.float64)
    weight = np.ones(len(given)) if weights is None else np.asarray(weights, np.float64)
    if given.ndim != 1 or given.shape != values.shape or given.shape != weight.shape:
        raise InputError(
            "statistics-shape", "Truth, score and weights must be three lists of one length.",
            what_to_do="Give a score, and a weight if any, for each value of truth.",
        )  # fmt: skip
    if not np.isin(given, (0.0, 1.0)).all():
        raise InputError("statistics-truth", "Truth must be 0 or 1.", what_to_do="Leave out rows with unknown truth first.")
    if not np.isfinite(values).all() or not np.isfinite(weight).all() or (weight < 0).any():
        raise InputError(
            "statistics-values", "Scores must be finite, and weights finite and not negative.",
            what_to_do="Leave out, and count, rows without a number.",
        )  # fmt: skip
    return given > 0, values, weight

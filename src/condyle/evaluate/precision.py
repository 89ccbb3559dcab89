"""Average precision: the area under the precision-recall curve as a step sum."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from condyle.evaluate.estimate import binary, finite

Floats = NDArray[np.float64]


def precision_recall(truth: ArrayLike, score: ArrayLike, weights: ArrayLike | None = None) -> tuple[Floats, Floats, Floats]:
    """Precision, recall and threshold at every distinct score, highest score first; ties stand at one threshold.

    A unit is positive when its score is at or above the threshold. Empty when nothing has weight.
    """
    positive = binary(truth)
    values = finite(score, positive)
    weight = np.ones(len(values)) if weights is None else np.asarray(weights, np.float64)
    levels, place = np.unique(values, return_inverse=True)
    ups = np.cumsum(np.bincount(place, weight * positive, len(levels))[::-1])
    all_ = np.cumsum(np.bincount(place, weight, len(levels))[::-1])
    seen = all_ > 0
    recall = ups[seen] / ups[-1] if len(ups) and ups[-1] > 0 else np.full(int(seen.sum()), np.nan)
    return ups[seen] / all_[seen], recall, levels[::-1][seen]


def average_precision(truth: ArrayLike, score: ArrayLike, weights: ArrayLike | None = None) -> float:
    """Sum over thresholds of (recall gained) x precision; a random score reaches the prevalence, so print it beside.

    No trapezia (optimistic) and no 101-point interpolation (that is the average precision of COCO, ``coco.py``).

    Returns
    -------
    float in (0, 1]; NaN without positives

    Source: Su, Yuan & Zhu, ICTIR 2015; the definition of scikit-learn's average_precision_score.
    """
    precision, recall, _ = precision_recall(truth, score, weights)
    if not len(recall) or np.isnan(recall).any():
        return float("nan")
    return float((np.diff(np.r_[0.0, recall]) * precision).sum())

"""How well masks overlap."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike


def dice(truth: ArrayLike, given: ArrayLike) -> float:
    """2 |A and B| / (|A| + |B|) of two boolean masks of one shape; NaN when both are empty.

    An empty pair has no overlap to speak of: count such pairs and print their number, do not score them 1.

    Source: Dice, Ecology 1945;26:297-302.
    """
    shared, sizes = _counts(truth, given)
    return 2 * shared / sizes if sizes else float("nan")


def iou(truth: ArrayLike, given: ArrayLike) -> float:
    """|A and B| / |A or B| of two boolean masks of one shape; NaN when both are empty. Source: Jaccard 1912."""
    shared, sizes = _counts(truth, given)
    return shared / (sizes - shared) if sizes else float("nan")


def _counts(truth: ArrayLike, given: ArrayLike) -> tuple[int, int]:
    first, second = np.asarray(truth, bool), np.asarray(given, bool)
    if first.shape != second.shape:
        raise ValueError(f"masks of shapes {first.shape} and {second.shape} cannot be compared")
    return int((first & second).sum()), int(first.sum()) + int(second.sum())

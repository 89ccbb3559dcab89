"""How well masks overlap."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike


def dice(truth: ArrayLike, given: ArrayLike) -> float:
    """2 |A and B| / (|A| + |B|) of two boolean masks of one shape; NaN when both are empty.

    An empty pair has no overlap to speak of: count such pairs and print their number, do not score them 1.

    Source: Dice, Ecology 1945;26:297-302.
    """
    first, second = np.asarray(truth, bool), np.asarray(given, bool)
    if first.shape != second.shape:
        raise ValueError(f"masks of shapes {first.shape} and {second.shape} cannot be compared")
    sizes = int(first.sum()) + int(second.sum())
    return 2 * int((first & second).sum()) / sizes if sizes else float("nan")

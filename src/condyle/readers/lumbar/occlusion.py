"""Class maps by occlusion: how far the score of a finding falls when a place of the crop is smoothed away.

Zeiler and Fergus (ECCV 2014) with a blur in place of a grey square, which would be a new edge. A map made so says what it
measured, and nothing more: where the picture matters to the grader. Maps from the grader's weights (gradient times activation)
were tried first and did not follow it: docs/results.md.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

SIDE, STEP = 24, 12  # pixels of the square that is smoothed, and from one to the next
_TOUCHED = 0.15  # of a square
_BLUR = 10.0  # standard deviation, pixels: nothing of a disc's texture or border is left


def occlusion_maps(
    logits_of: Callable[[NDArray[np.float32]], NDArray[np.float32]], grey: NDArray[np.float32], read: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """Maps of one crop for every output.

    Parameters
    ----------
    logits_of : [n, row, column] grey -> [n, output] logits, everything else of the level held fixed
    grey : [row, column] the crop
    read : [row, column] the parts that the grader reads; squares that touch none of them are not tried

    Returns
    -------
    [output, row, column] float32, in logits: the mean fall over the squares that cover a pixel; negative where the score rose, 0
    where nothing was tried.
    """
    squares = [(rows, columns) for rows, columns in _squares(*grey.shape) if read[rows, columns].mean() > _TOUCHED]
    smooth = cv2.GaussianBlur(grey, (0, 0), _BLUR)
    changed = np.repeat(grey[None], len(squares) + 1, axis=0)
    for one, (rows, columns) in zip(changed[1:], squares, strict=True):
        one[rows, columns] = smooth[rows, columns]
    logits = logits_of(changed)
    maps = np.zeros((logits.shape[1], *grey.shape), np.float32)
    count = np.zeros(grey.shape, np.float32)
    for fall, (rows, columns) in zip(logits[0] - logits[1:], squares, strict=True):
        maps[:, rows, columns] += fall[:, None, None]
        count[rows, columns] += 1
    return np.asarray(maps / np.maximum(count, 1), np.float32)


def _squares(rows: int, columns: int) -> list[tuple[slice, slice]]:
    """Overlapping squares that cover the crop, those at the border cut off."""
    return [
        (slice(max(row, 0), row + SIDE), slice(max(column, 0), column + SIDE))
        for row in range(-SIDE // 4, rows - SIDE // 2, STEP)
        for column in range(-SIDE // 4, columns - SIDE // 2, STEP)
    ]

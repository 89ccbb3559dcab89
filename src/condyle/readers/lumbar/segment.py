"""Vertebrae, canal and discs on one mid-sagittal picture."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from condyle.quantiles import percentiles

GRID_MM = 0.9375
"""Pixel size of the network's grid, mm: T2 SPACE of 240 x 300 mm becomes 256 x 320 pixels."""

BACKGROUND, VERTEBRA, CANAL, DISC = 0, 1, 2, 3
_MULTIPLE = 32

Network = Callable[[NDArray[np.float32]], NDArray[np.float32]]
"""(batch, 1, rows, columns) grey -> (batch, 4, rows, columns) logits; rows and columns multiples of 32."""


def scale_grey(picture: NDArray[Any]) -> NDArray[np.float32]:
    """Grey values to [-1, 1]: the 1st percentile becomes -1, the 99th +1, what lies beyond is clipped.

    Any rising affine change of the input leaves the result as it was, so rescale, window and bit depth do not
    matter. A picture of one value becomes 0.
    """
    grey = np.asarray(picture, np.float32)
    low, high = percentiles(grey.ravel(), 1, 99)
    if high <= low:
        return np.zeros(grey.shape, np.float32)
    return np.asarray(np.clip((grey - low) / (high - low), 0.0, 1.0) * 2 - 1, np.float32)


def segment(picture: NDArray[Any], network: Network) -> NDArray[np.float32]:
    """Probabilities of background, vertebra, canal and disc.

    Parameters
    ----------
    picture : [row, column] grey values on the grid of ``GRID_MM``, head up, front to the left

    Returns
    -------
    [4, row, column] float32, summing to 1 at every pixel. The picture is padded to the network's multiple
    with its darkest grey and the padding is cut off again.
    """
    rows, columns = picture.shape
    pad = (-rows % _MULTIPLE, -columns % _MULTIPLE)
    grey = np.pad(scale_grey(picture), ((0, pad[0]), (0, pad[1])), constant_values=-1.0)
    logits = network(grey[None, None])[0, :, :rows, :columns].astype(np.float32)
    shares = np.exp(logits - logits.max(axis=0))
    return np.asarray(shares / shares.sum(axis=0), np.float32)

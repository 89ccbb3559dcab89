"""Attention object localisation (AOLM): where the last two blocks of a network agree that something is.

Zhang et al., MMAL-Net, arXiv 2003.09150; the rule is that of the published code, for a grid of any size and stride, in two
or three dimensions. It only looks at feature maps: no labels and no weights of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Attended:
    """A box on the grid of a feature map.

    Parameters
    ----------
    spans : (first, end) cells along each axis, half-open
    share : of the map's cells that lie in the box
    fallback : why it is the whole map: 'flat' (no cell above the mean), 'disjoint' (the blocks agree nowhere); '' when it is not
    """

    spans: tuple[Span, ...]
    share: float
    fallback: str = ""


def attend(late: NDArray[np.floating], before: NDArray[np.floating], *, smallest: int = 2, margin: int = 0) -> Attended:
    """The box of one map.

    Parameters
    ----------
    late, before : [row, column] or [slice, row, column], features of the last block and of the one before, summed over channels
    smallest : cells along an axis that a box has at least, where the map has as many
    margin : cells added on each side

    Notes
    -----
    Cells of ``late`` above its mean form connected components (8 neighbours in two dimensions, 26 in three); the largest is kept, of
    equal ones the first in raster order; within it those cells count whose ``before`` lies above its own mean; the box holds them all.
    """
    above = late > late.mean()
    if not above.any():
        return _whole(late.shape, "flat")
    agreed = _largest(above) & (before > before.mean())
    if not agreed.any():
        return _whole(late.shape, "disjoint")
    places = np.nonzero(agreed)
    spans = tuple(
        _widened(int(own.min()), int(own.max()) + 1, size, smallest, margin) for own, size in zip(places, late.shape, strict=True)
    )
    return Attended(spans, float(np.prod([(end - first) / size for (first, end), size in zip(spans, late.shape, strict=True)])))


def attend_batch(late: NDArray[np.floating], before: NDArray[np.floating], *, smallest: int = 2, margin: int = 0) -> tuple[Attended, ...]:
    """The boxes of [n, ...] maps, each with its own means."""
    return tuple(attend(one, other, smallest=smallest, margin=margin) for one, other in zip(late, before, strict=True))


def pixel_spans(box: Attended, strides: Sequence[int], *, original: bool = False) -> tuple[Span, ...]:
    """The box in pixels, half-open.

    Parameters
    ----------
    strides : pixels a cell along each axis
    original : as the published code has it: begins one pixel early unless at the border and ends one pixel early (its inclusive
        last pixel is one before ours)
    """
    if original:
        return tuple((max(0, first * s - 1), end * s) for (first, end), s in zip(box.spans, strides, strict=True))
    return tuple((first * s, end * s) for (first, end), s in zip(box.spans, strides, strict=True))


def _largest(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    if mask.ndim == 2:
        import cv2

        _, names = cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)
    else:
        from scipy import ndimage  # which a cold process would load for slices alone

        names, _ = ndimage.label(mask, np.ones((3,) * mask.ndim))
    sizes = np.bincount(names.ravel())[1:]
    equal = np.flatnonzero(sizes == sizes.max()) + 1
    return np.asarray(names == min(equal.tolist(), key=lambda name: int((names == name).argmax())))


def _widened(first: int, end: int, size: int, smallest: int, margin: int) -> Span:
    first, end = max(0, first - margin), min(size, end + margin)
    lacking = min(smallest, size) - (end - first)
    if lacking > 0:
        first = min(max(0, first - lacking // 2), size - min(smallest, size))
        end = first + min(smallest, size)
    return first, end


def _whole(shape: Sequence[int], why: str) -> Attended:
    return Attended(tuple((0, size) for size in shape), 1.0, why)

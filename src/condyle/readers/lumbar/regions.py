"""Parts of a level's crop that a grader is told about apart: thirds of the disc, both end plates, the marrow beyond, the canal.

A backbone's features are averaged over these parts and not over a grid of cells, so that a number means the same tissue in a
flat disc as in a high one. Measured on SPIDER: docs/results.md, log of experiments.
"""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np
from numpy.typing import NDArray

from condyle.quantiles import percentiles
from condyle.readers.lumbar.crops import DISC, CropSpec
from condyle.readers.lumbar.measured import own_disc

NAMES = (
    "disc_front", "disc_middle", "disc_back", "plate_above", "marrow_above", "plate_below", "marrow_below", "back_edge", "canal",
    "front_edge",
)  # fmt: skip
ENLARGED = 2  # the backbone sees the crop at twice its size: textures of a few pixels become textures that it knows
CELL = 4  # crop pixels on the side of one cell of the regions' grid


def enlarge(grey: NDArray[np.float32]) -> NDArray[np.float32]:
    """[n, rows, columns] -> [n, 2 rows, 2 columns], cubic."""
    size = (ENLARGED * grey.shape[2], ENLARGED * grey.shape[1])
    return np.stack([cv2.resize(one, size, interpolation=cv2.INTER_CUBIC) for one in grey]).astype(np.float32)


def grid(spec: CropSpec) -> tuple[int, int]:
    """Rows and columns of the regions' grid."""
    return spec.rows // CELL, spec.columns // CELL


def region_shares(tissues: Iterable[NDArray[np.float32]], spec: CropSpec) -> NDArray[np.float32]:
    """[n, region, grid row, grid column] share of every cell that belongs to a region.

    Parameters
    ----------
    tissues : [3, row, column] probabilities of vertebra, canal, disc of each crop
    """
    rows, columns = grid(spec)
    return np.stack(
        [np.stack([cv2.resize(one, (columns, rows), interpolation=cv2.INTER_AREA) for one in regions(tissue, spec)]) for tissue in tissues]
    )


def regions(tissue: NDArray[np.float32], spec: CropSpec) -> NDArray[np.float32]:
    """[region, row, column] 1 inside, 0 outside, in the order of ``NAMES``; regions may overlap.

    Parameters
    ----------
    tissue : [3, row, column] probabilities of vertebra, canal, disc

    Notes
    -----
    All follow from the outline of the disc at the crop's middle, lengths in disc widths. Where no disc is seen, a flat one is
    taken: the regions then still say "around here".
    """
    unit = spec.pixels_per_width
    disc = _disc(tissue[DISC], spec)
    row, column = np.mgrid[: spec.rows, : spec.columns]
    first, last = percentiles(np.nonzero(disc)[1], 1, 99)
    place = (column - first) / max(last - first, 4.0)
    own = np.flatnonzero(disc.any(axis=0))
    every = np.arange(spec.columns)
    top = np.interp(every, own, disc.argmax(axis=0)[own])
    bottom = np.interp(every, own, (spec.rows - 1 - disc[::-1].argmax(axis=0))[own])
    inside = (place > 0.02) & (place < 0.98)
    above, below = top - row, row - bottom
    level = (row > top - 0.05 * unit) & (row < bottom + 0.05 * unit)
    parts = (
        disc & (place < 0.33),
        disc & (place >= 0.33) & (place < 0.67),
        disc & (place >= 0.67),
        inside & (above > 0) & (above < 0.12 * unit),
        inside & (above >= 0.1 * unit) & (above < 0.35 * unit),
        inside & (below > 0) & (below < 0.12 * unit),
        inside & (below >= 0.1 * unit) & (below < 0.35 * unit),
        (place > 0.9) & (place < 1.15) & level,
        (place >= 1.05) & (place < 1.6) & (np.abs(row - (top + bottom) / 2) < 0.3 * unit),
        (place < 0.05) & (place > -0.2) & (row > top - 0.15 * unit) & (row < bottom + 0.15 * unit),
    )
    return np.stack(parts).astype(np.float32)


def _disc(share: NDArray[np.float32], spec: CropSpec) -> NDArray[np.bool_]:
    """The disc at the crop's middle; a flat one there when none is seen."""
    own = own_disc(share, spec)
    if own.sum() >= 12:
        return own
    (row, column), unit = spec.centre, spec.pixels_per_width
    rows, columns = np.mgrid[: spec.rows, : spec.columns]
    return np.asarray((np.abs(rows - row) < 0.12 * unit) & (np.abs(columns - column) < 0.45 * unit))

"""The end plates beside a disc, as heights above and below the disc's axis, on the mid-sagittal picture.

An outline network leaves the dark end plate between disc and marrow unlabelled, 0.6 to 1.3 mm on each side: a disc measured from edge to
edge of its own outline is a fifth too low. The plate is therefore placed between the edge of the disc and the edge of the vertebra.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from condyle.readers.lumbar.discs import DISC, VERTEBRA, Disc

ACROSS = np.linspace(-0.4, 0.4, 41)  # places along the axis, disc widths from the middle: the middle four fifths
# Share of the unlabelled gap that belongs to the disc. Set on 16 simulated studies (T2, seeds 90000 to 91007) that are in no error table.
_OF_THE_GAP = 0.7
_STEP = 0.25  # pixels


@dataclass(frozen=True, slots=True, eq=False)
class Plates:
    """The two end plates of one disc.

    Parameters
    ----------
    upper, lower : (41,) pixels from the disc's axis to the plate above and below, at ``ACROSS``; NaN where the disc is not seen
    """

    disc: Disc
    upper: NDArray[np.float64]
    lower: NDArray[np.float64]

    @property
    def heights(self) -> NDArray[np.float64]:
        return self.upper + self.lower

    def points(self, side: float) -> NDArray[np.float64]:
        """(n, 2) (row, column) of the upper (1) or lower (-1) plate."""
        away = self.upper if side > 0 else self.lower
        seen = np.isfinite(away)
        along = ACROSS[seen, None] * self.disc.width * self.disc.axis
        return np.asarray(self.disc.centre + along + side * away[seen, None] * self.disc.up)

    def slope(self, side: float) -> float | None:
        """Angle of a plate on the picture, radians as ``Disc.angle``: a robust line through its points; None when too little is seen."""
        points = self.points(side)
        if len(points) < len(ACROSS) // 2:
            return None
        along, away = (points - self.disc.centre) @ self.disc.axis, (points - self.disc.centre) @ self.disc.up
        line = np.polyfit(along, away, 1)
        error = np.abs(np.polyval(line, along) - away)
        near = error <= max(2.0 * float(np.median(error)), 0.5)
        line = np.polyfit(along[near], away[near], 1)
        return float(self.disc.angle - np.arctan(line[0]))


def find_plates(disc: Disc, tissue: NDArray[np.floating]) -> Plates:
    """End plates of a disc.

    Parameters
    ----------
    tissue : [3, row, column] probabilities of vertebra, canal, disc

    Notes
    -----
    Where no vertebra is labelled beyond the disc (the sacrum), the gap is taken to be as wide as on the other side.
    """
    sides = [_edges(disc, tissue, side) for side in (1.0, -1.0)]
    gaps = [bone - own for own, bone in sides]
    usual = [float(np.nanmedian(gap)) if np.isfinite(gap).sum() > len(gap) // 3 else np.nan for gap in gaps]
    known = [one for one in usual if np.isfinite(one)]
    widths = [one if np.isfinite(one) else (known[0] if known else 0.0) for one in usual]
    upper, lower = (
        own + _OF_THE_GAP * np.where(np.isfinite(gap), np.minimum(gap, 2 * width), width)
        for (own, _), gap, width in zip(sides, gaps, widths, strict=True)
    )
    return Plates(disc, upper, lower)


def _edges(disc: Disc, tissue: NDArray[np.floating], side: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Distances from the axis at which the disc ends and the vertebra begins, (41,) pixels each, NaN where they do not."""
    away = np.arange(0.0, 0.45 * disc.width, _STEP)
    start = disc.centre + ACROSS[:, None] * disc.width * disc.axis
    places = start[:, None, :] + side * away[None, :, None] * disc.up
    own, bone = (_bilinear(tissue[kind], places) for kind in (DISC, VERTEBRA))
    inside = own[:, 0] > 0.5
    return np.where(inside, _first(own < 0.5, away), np.nan), np.where(inside, _first(bone > 0.5, away), np.nan)


def _first(found: NDArray[np.bool_], away: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(found.any(axis=1), away[found.argmax(axis=1)] - _STEP / 2, np.nan)


def _bilinear(layer: NDArray[np.floating], places: NDArray[np.float64]) -> NDArray[np.float32]:
    import cv2

    rows, columns = places[..., 0].astype(np.float32), places[..., 1].astype(np.float32)
    return np.asarray(cv2.remap(np.asarray(layer, np.float32), columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT), np.float32)

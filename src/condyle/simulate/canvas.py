"""Canvas: one slice of tissue, painted back to front, for several pulse sequences at once.

The slice is cut into thin sub-slices, which are averaged at the end: that is the partial volume across the slice. Within the
plane, edges are soft by ``surfaces.coverage``. Water is painted once a sequence, fat once for all (its density), because fat
is one tissue whose signal each sequence scales.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from condyle.simulate.signal import Sequence, water_signal
from condyle.simulate.surfaces import Floats, NoiseField
from condyle.simulate.tissues import TISSUES, Tissue
from condyle.study import Geometry

Window = tuple[slice, slice]


@dataclass(frozen=True, slots=True)
class Palette:
    """The sequences that are painted together, and the field strength."""

    sequences: tuple[Sequence, ...]
    tesla: float

    def water(self, tissue: Tissue) -> Floats:
        """Signals of the tissue's water in every sequence, shape (sequences,)."""
        return np.array([water_signal(tissue, sequence, self.tesla) for sequence in self.sequences], np.float32)


class Canvas:
    """One slice.

    Parameters
    ----------
    geometry : of the whole stack
    k : index of the slice
    thickness : mm
    palette : what is painted
    subslices : odd; the middle one decides the label map

    Attributes
    ----------
    points : (3, subslices, rows, columns) LPS mm
    water : (sequences, subslices, rows, columns) signal
    fat : (subslices, rows, columns) density of fat, 0 to 1
    labels : (rows, columns) uint8
    pixel : mm, width of a pixel
    """

    def __init__(self, geometry: Geometry, k: int, thickness: float, palette: Palette, subslices: int = 3) -> None:
        _, rows, columns = geometry.shape
        self.geometry, self.k, self.palette, self.thickness = geometry, k, palette, thickness
        self.middle = subslices // 2
        self.spacing = geometry.spacing
        self.pixel = float(np.mean(self.spacing[1:]))
        self._to_index = np.linalg.inv(geometry.affine[:3, :3]).T
        offsets = ((np.arange(subslices) + 0.5) / subslices - 0.5) * thickness / geometry.spacing[0]
        step = geometry.affine.astype(np.float32)
        slices = (np.float32(k) + offsets.astype(np.float32))[:, None, None]
        j = np.arange(rows, dtype=np.float32)[None, :, None]
        i = np.arange(columns, dtype=np.float32)[None, None, :]
        self.points: Floats = np.stack([step[n, 0] * slices + step[n, 1] * j + step[n, 2] * i + step[n, 3] for n in range(3)])
        self.water: Floats = np.zeros((len(palette.sequences), subslices, rows, columns), np.float32)
        self.fat: Floats = np.zeros((subslices, rows, columns), np.float32)
        self._fields: dict[NoiseField, Floats] = {}
        self.labels: NDArray[np.uint8] = np.zeros((rows, columns), np.uint8)

    @property
    def everywhere(self) -> Window:
        return slice(None), slice(None)

    def window(self, corners: ArrayLike, margin: float = 1.5) -> Window | None:
        """Rows and columns that hold the projections of ``corners`` (n, 3) LPS mm and ``margin`` mm around; None when the slice
        does not cut the box of the corners, or nothing of it is in view."""
        index = (np.atleast_2d(np.asarray(corners, np.float64)) - self.geometry.affine[:3, 3]) @ self._to_index
        dk, dj, di = self.spacing
        reach = (self.thickness / 2 + margin) / dk
        if index[:, 0].min() - reach > self.k or index[:, 0].max() + reach < self.k:
            return None
        low, high = index[:, 1:].min(0) - margin / np.array([dj, di]), index[:, 1:].max(0) + margin / np.array([dj, di])
        rows, columns = self.labels.shape
        r0, r1 = max(int(low[0]), 0), min(int(high[0]) + 2, rows)
        c0, c1 = max(int(low[1]), 0), min(int(high[1]) + 2, columns)
        return (slice(r0, r1), slice(c0, c1)) if r1 > r0 and c1 > c0 else None

    def at(self, window: Window) -> Floats:
        """Points of a window, (3, subslices, rows, columns)."""
        return self.points[:, :, window[0], window[1]]

    def take(self, background: Canvas) -> None:
        """Start from what is painted on a canvas of the same slice with one sub-slice."""
        self.water[:], self.fat[:], self.labels[:] = background.water, background.fat, background.labels

    def field(self, noise: NoiseField, window: Window | None = None) -> Floats:
        """A random field on the middle sub-slice, (1, rows, columns) of the window.

        Computed once a slice, on every n-th pixel as far as its scale allows, and kept.
        """
        import cv2

        if noise not in self._fields:
            every = max(1, round(noise.finest / self.pixel / 1.5))
            small = noise(self.points[:, self.middle : self.middle + 1, ::every, ::every])[0]
            rows, columns = self.labels.shape
            grow = np.array([[every, 0, 0], [0, every, 0]], np.float32)
            if every > 1:
                small = cv2.warpAffine(small, grow, (columns, rows), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
            self._fields[noise] = small[None].astype(np.float32)
        found = self._fields[noise]
        return found if window is None else found[:, window[0], window[1]]

    def paint(
        self,
        window: Window,
        cover: Floats,
        tissue: str | Tissue,
        *,
        fat: Floats | float = 0.0,
        gain: Floats | float = 1.0,
        other: str | Tissue | None = None,
        mix: Floats | float = 0.0,
        label: int | None = None,
    ) -> None:
        """Lay a tissue over what is there.

        Parameters
        ----------
        cover : share of each pixel that is covered, 0 to 1, broadcast over (subslices, rows, columns) of the window
        tissue : whose water is painted
        fat : fraction of fat, 0 to 1
        gain : factor on the signal (texture)
        other, mix : second tissue and its share
        label : value for the label map where the middle sub-slice is more than half covered; None leaves it
        """
        if not cover.any():
            return
        signals = self.palette.water(_tissue(tissue))
        others = signals if other is None else self.palette.water(_tissue(other))
        rows, columns = window
        watery = (1 - fat) * gain
        for n in range(len(signals)):
            value = (signals[n] + mix * (others[n] - signals[n])) * watery if other is not None else signals[n] * watery
            canvas = self.water[n, :, rows, columns]
            canvas += cover * (value - canvas)
        canvas = self.fat[:, rows, columns]
        canvas += cover * (fat * gain - canvas)
        if label is not None:
            full = np.broadcast_to(cover, canvas.shape)[self.middle] > 0.5
            self.labels[rows, columns][full] = label

    def collapse(self) -> tuple[Floats, Floats]:
        """(sequences, rows, columns) water and (rows, columns) fat, averaged over the sub-slices."""
        return self.water.mean(1), self.fat.mean(0)


def _tissue(tissue: str | Tissue) -> Tissue:
    return TISSUES[tissue] if isinstance(tissue, str) else tissue

"""Metal in the field: signal that is displaced along the frequency axis, piles up at a bright rim and leaves a void."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from condyle.simulate.surfaces import Floats


@dataclass(frozen=True, slots=True)
class Metal:
    """A piece of metal, as a sphere.

    Parameters
    ----------
    place : (3,) LPS mm
    radius : mm
    shift : mm by which signal at its surface is displaced, along the field; about 8 for titanium, 60 for steel at 1.5 T
    """

    place: NDArray[np.float64]
    radius: float = 4.0
    shift: float = 12.0


def displacement(points: Floats, pieces: tuple[Metal, ...]) -> tuple[Floats, NDArray[np.bool_]]:
    """Displacement in mm along the frequency axis at points (3, row, column) LPS mm, and where the metal itself lies.

    Source: field of a magnetised sphere outside of it, proportional to (3 cos^2 - 1) / r^3 with the angle to the main field
    (here the body axis); Schenck, Med Phys 1996;23:815-850.
    """
    total = np.zeros(points.shape[1:], np.float32)
    inside = np.zeros(points.shape[1:], bool)
    for piece in pieces:
        offset = [points[n] - np.float32(piece.place[n]) for n in range(3)]
        distance = np.maximum(np.sqrt(sum(one**2 for one in offset)), np.float32(0.5 * piece.radius))
        cosine = offset[2] / distance
        total = total + np.float32(piece.shift / 2) * (3 * cosine**2 - 1) * (np.float32(piece.radius) / distance) ** 3
        inside |= distance < piece.radius
    return total, inside


def spoil(signal: Floats, shift: Floats, inside: NDArray[np.bool_], pixel: float, thickness: float) -> Floats:
    """A slice [row, column] as it is received: every pixel's signal at its displaced column, shared by the two nearest; none
    from the metal, and none from where the displacement exceeds the slice, because the slice was excited elsewhere."""
    rows, columns = signal.shape
    kept = np.where(inside | (np.abs(shift) > thickness * 1.5), 0.0, signal)
    target = np.arange(columns)[None, :] + shift / pixel
    first = np.floor(target).astype(int)
    part = target - first
    out = np.zeros(rows * columns)
    for column, weight in ((first, 1 - part), (first + 1, part)):
        seen = (column >= 0) & (column < columns)
        place = (np.arange(rows)[:, None] * columns + column)[seen]
        out += np.bincount(place, weights=(kept * weight)[seen], minlength=rows * columns)
    return out.reshape(rows, columns).astype(np.float32)

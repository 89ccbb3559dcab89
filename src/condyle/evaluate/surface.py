"""Distances between the surfaces of two masks in millimetres, every surface element weighted by its area.

The surface runs through the corners of voxels: a 2 x 2 x 2 block that is neither empty nor full holds an element, at the
block's centre, with the area that marching cubes draws there. Voxel spacing is per axis, in the order of the array's axes.

Source: Nikolov et al., J Med Internet Res 2021;23:e26151 (surface Dice, area-weighted distances).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations, product

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import distance_transform_edt

from condyle.errors import InputError

Floats = NDArray[np.float64]
Corner = tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class SurfaceDistances:
    """Distance of every element of one surface to the other, nearest first, with its area (length in two dimensions).

    An empty mask has no elements; the distances of the other are then infinite.
    """

    truth_to_given: Floats
    truth_area: Floats
    given_to_truth: Floats
    given_area: Floats

    def hausdorff(self, percent: float = 95.0) -> float:
        """The larger of both one-sided percentiles of distance over area; inf when one mask is empty, NaN when both are."""
        sides = [
            _percentile(distance, area, percent)
            for distance, area in ((self.truth_to_given, self.truth_area), (self.given_to_truth, self.given_area))
        ]
        return float("nan") if np.isnan(sides).all() else float(np.nanmax(sides)) if not np.isnan(sides).any() else float("inf")

    def average(self) -> tuple[float, float]:
        """Area-weighted mean distance from truth to given, and from given to truth; NaN for an empty side."""
        return _mean(self.truth_to_given, self.truth_area), _mean(self.given_to_truth, self.given_area)

    def assd(self) -> float:
        """Average symmetric surface distance: sum of distance x area of both sides over the sum of area."""
        return _mean(np.r_[self.truth_to_given, self.given_to_truth], np.r_[self.truth_area, self.given_area])

    def overlap(self, tolerance_mm: float) -> tuple[float, float]:
        """Share of the truth's surface, and of the given one, within the tolerance of the other; NaN for an empty side."""
        return _within(self.truth_to_given, self.truth_area, tolerance_mm), _within(self.given_to_truth, self.given_area, tolerance_mm)

    def surface_dice(self, tolerance_mm: float) -> float:
        """Share of both surfaces within the tolerance; 0 when one mask is empty, NaN when both are."""
        return _within(np.r_[self.truth_to_given, self.given_to_truth], np.r_[self.truth_area, self.given_area], tolerance_mm)


def surface_distances(truth: ArrayLike, given: ArrayLike, spacing_mm: Sequence[float]) -> SurfaceDistances:
    """Surfaces of two boolean masks of one shape, two- or three-dimensional.

    Parameters
    ----------
    spacing_mm : millimetres along each axis of the arrays; a wrong order changes thick slices tenfold
    """
    first, second = np.asarray(truth, bool), np.asarray(given, bool)
    if first.shape != second.shape or first.ndim not in (2, 3) or len(spacing_mm) != first.ndim:
        raise InputError(
            "statistics-masks", "Two masks of one shape with two or three axes, and a spacing for each axis, are needed.",
            what_to_do="Put both masks on one grid, and give millimetres in the order of its axes.",
        )  # fmt: skip
    if not all(step > 0 for step in spacing_mm):
        raise InputError(
            "statistics-masks", "A spacing must be positive.", what_to_do="Give millimetres along each axis, such as (3.0, 0.4, 0.4).",
        )  # fmt: skip
    both = first | second
    if not both.any():
        return SurfaceDistances(*(np.zeros(0) for _ in range(4)))
    box = tuple(slice(int(where.min()), int(where.max()) + 1) for where in np.nonzero(both))
    areas = element_areas(tuple(float(step) for step in spacing_mm))
    codes = [_codes(np.pad(mask[box], 1)) for mask in (first, second)]
    borders = [(code > 0) & (code < len(areas) - 1) for code in codes]
    maps = [distance_transform_edt(~border, sampling=spacing_mm) if border.any() else np.full(border.shape, np.inf) for border in borders]
    return SurfaceDistances(
        *_sorted(maps[1][borders[0]], areas[codes[0][borders[0]]]), *_sorted(maps[0][borders[1]], areas[codes[1][borders[1]]])
    )


@cache
def element_areas(spacing_mm: tuple[float, ...]) -> Floats:
    """Area (length) of the surface in a block by its code, bit k set when corner k (C order of the offsets) is inside.

    The smaller side of the block is cut off: each of its connected groups of corners has one shape of marching cubes
    (corner, edge, three in a face, whole face, corner with its three neighbours, chain), cut through the middles of edges.
    """
    corners = list(product((0, 1), repeat=len(spacing_mm)))
    found = np.zeros(2 ** len(corners))
    for code in range(len(found)):
        inside = [corner for bit, corner in enumerate(corners) if code >> bit & 1]
        if len(inside) > len(corners) // 2:
            inside = [corner for corner in corners if corner not in inside]
        found[code] = sum(_area(group, np.array(spacing_mm)) for group in _groups(inside))
    return found


def _area(group: list[Corner], spacing: Floats) -> float:
    if len(spacing) == 2:
        edge = _axes(group)
        return float(np.hypot(*(spacing / 2))) if len(group) == 1 else float(spacing[edge[0]])
    face = np.prod(spacing) / spacing  # area of a voxel's face across each axis

    def tilted(*parts: tuple[float, Sequence[int]]) -> float:
        """Sum of the lengths of normals that have one size on the named axes and 0 on the others."""
        return float(sum(size * np.linalg.norm(face[list(axes)]) for size, axes in parts))

    every = (0, 1, 2)
    if len(group) == 1:
        return tilted((0.125, every))
    if len(group) == 2:
        return tilted((0.5, [axis for axis in every if axis not in _axes(group)]))
    if len(group) == 3:
        return tilted((0.5, [axis for axis in every if axis not in _axes(group)]), (0.375, every))
    flat = [axis for axis in every if len({corner[axis] for corner in group}) == 1]
    if flat:
        return tilted((1.0, flat))
    neighbours = {corner: sum(_touch(corner, other) for other in group) for corner in group}
    if max(neighbours.values()) == 3:
        return tilted((0.75, every))
    # A chain over three axes: both middle corners give its middle axis.
    one, other = (corner for corner in group if neighbours[corner] == 2)
    middle = next(axis for axis in every if one[axis] != other[axis])
    return tilted((0.5, every), *((0.25, (middle, axis)) for axis in every if axis != middle))


def _axes(group: list[Corner]) -> list[int]:
    """Axes along which neighbouring corners of a group differ."""
    return sorted(
        {
            next(k for k, (a, b) in enumerate(zip(one, other, strict=True)) if a != b)
            for one, other in combinations(group, 2)
            if _touch(one, other)
        }
    )


def _touch(one: Corner, other: Corner) -> bool:
    return sum(a != b for a, b in zip(one, other, strict=True)) == 1


def _groups(inside: list[Corner]) -> list[list[Corner]]:
    left, groups = list(inside), []
    while left:
        group = [left.pop()]
        for corner in group:
            near = [other for other in left if _touch(corner, other)]
            group += near
            left = [other for other in left if other not in near]
        groups.append(group)
    return groups


def _codes(mask: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Code of every block of neighbouring voxels; each axis is one shorter than the mask."""
    found = np.zeros([size - 1 for size in mask.shape], np.intp)
    for bit, corner in enumerate(product((0, 1), repeat=mask.ndim)):
        part = mask[tuple(slice(offset, offset + size - 1) for offset, size in zip(corner, mask.shape, strict=True))]
        found += part.astype(np.intp) << bit
    return found


def _sorted(distance: Floats, area: Floats) -> tuple[Floats, Floats]:
    order = np.lexsort((area, distance))
    return distance[order], area[order]


def _percentile(distance: Floats, area: Floats, percent: float) -> float:
    if not len(distance):
        return float("nan")
    share = np.cumsum(area) / area.sum()
    return float(distance[min(int(np.searchsorted(share, percent / 100)), len(distance) - 1)])


def _mean(distance: Floats, area: Floats) -> float:
    return float((distance * area).sum() / area.sum()) if len(area) else float("nan")


def _within(distance: Floats, area: Floats, tolerance: float) -> float:
    # A distance of whole voxels may differ from the tolerance by rounding alone (3 x 0.4 is above 1.2), and is within it.
    return float(area[distance <= tolerance * (1 + 1e-6)].sum() / area.sum()) if len(area) else float("nan")

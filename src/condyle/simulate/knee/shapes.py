"""Bones and cartilage: distances of three real knees, mixed and bent into a new one.

``shapes.npz`` is written by scripts/knee_shapes.py from the label maps of pymskt (MIT licence, see NOTICE).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources

import numpy as np
from numpy.typing import NDArray

from condyle.simulate.knee.fields import Grid, empty
from condyle.simulate.surfaces import NoiseField

REFERENCE_WIDTH = 75.0
"""mm, tibial width of the reference knee, to which the real ones were scaled."""


@cache
def _stored() -> Mapping[str, NDArray[np.generic]]:
    with resources.files("condyle.simulate.knee").joinpath("shapes.npz").open("rb") as file, np.load(file, allow_pickle=False) as data:
        return {name: data[name] for name in data.files}


@dataclass(frozen=True, slots=True, eq=False)
class Bone:
    """A bone and its cartilage.

    Parameters
    ----------
    surface : signed distance to the bone
    thickness : mm of cartilage upon it (same lattice); None without cartilage
    """

    surface: Grid
    thickness: Grid | None

    _coat: list[Grid] = field(default_factory=list, repr=False)

    def coat(self) -> Grid:
        """Signed distance to bone and cartilage together."""
        if self.thickness is None:
            return self.surface
        if not self._coat:
            self._coat.append(self.surface.like(self.surface.values - self.thickness.values))
        return self._coat[0]


def mixed(name: str, weights: NDArray[np.float64]) -> Bone:
    """A bone of the knees' distances, weighted (3,), in the pose of the reference knee."""
    data = _stored()
    values = data[name]
    share = weights[: len(values)] / weights[: len(values)].sum()
    surface = np.tensordot(share, values.astype(np.float32), 1) / 10
    low, step = np.asarray(data[f"{name}_low"], np.float64), float(data["step"])
    if f"{name}_cartilage" not in data:
        return Bone(Grid(low, step, surface.astype(np.float32)), None)
    thick = np.tensordot(share, data[f"{name}_cartilage"].astype(np.float32), 1) / 40
    return Bone(Grid(low, step, surface.astype(np.float32)), Grid(low, step, thick.astype(np.float32)))


_INWARDS = {"medial": np.array([3.5, 0.0, 0.0]), "lateral": np.zeros(3)}
"""mm by which an outline is moved, so that its rim ends where the mixed plateau does and it bears on as much cartilage as real ones."""


def planform(side: str) -> Grid:
    """Signed distance to the outline of a meniscus seen from above, [1, y, x]."""
    data = _stored()
    field = data[f"meniscus_{side}"].astype(np.float32) / 10
    return Grid(np.asarray(data["meniscus_low"], np.float64) + _INWARDS[side], float(data["step"]), field.min(0, keepdims=True))


@dataclass(frozen=True, slots=True, eq=False)
class Bend:
    """A smooth displacement of all of space: what differs between people beside the mixture.

    Parameters
    ----------
    fields : one a direction
    amount : mm, about one standard deviation
    """

    fields: tuple[NoiseField, NoiseField, NoiseField]
    amount: float

    def __call__(self, points: NDArray[np.float32]) -> NDArray[np.float32]:
        """(3, ...) places moved."""
        moved = [points[n] + np.float32(self.amount) * self.fields[n](points) for n in range(3)]
        return np.stack(moved).astype(np.float32)

    def lattice(self, grid: Grid, back: NDArray[np.float64] | None = None) -> NDArray[np.float32]:
        """(3, z, y, x) places of a lattice, led through ``back`` (4, 4) if given, then moved.

        The displacement is worked out every 8 mm and filled in: it varies over 60.
        """
        coarse = empty(grid.low, grid.high, 8.0)
        places, own = grid.points(), coarse.points()
        if back is not None:
            places, own = _led(back, places), _led(back, own)
        return np.stack([places[n] + np.float32(self.amount) * coarse.like(self.fields[n](own)).on(grid) for n in range(3)])


def _led(m: NDArray[np.float64], points: NDArray[np.float32]) -> NDArray[np.float32]:
    a = m.astype(np.float32)
    return np.stack([a[n, 0] * points[0] + a[n, 1] * points[1] + a[n, 2] * points[2] + a[n, 3] for n in range(3)])


def placed(bone: Bone, bend: Bend, pose: NDArray[np.float64], taller: float = 0.0) -> Bone:
    """The bone bent, then moved: ``pose`` (4, 4) leads from the bone's own coordinates to those of the knee.

    ``taller`` mm are added to the lattice on all sides, so that a moved bone stays within.
    """
    grid = bone.surface
    shape = tuple(n + 2 * round(taller / grid.step) for n in grid.values.shape)
    target = Grid(grid.low - taller, grid.step, np.zeros(shape, np.float32))
    own = bend.lattice(target, np.asarray(np.linalg.inv(pose), np.float64))
    surface = target.like(grid.at(own))
    return Bone(surface, None if bone.thickness is None else target.like(bone.thickness.at(own)))

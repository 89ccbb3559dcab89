"""Coarse to fine, the coarse half: where the joint is, from volumes so coarse that a small 3-D network reads them at once.

Every series is brought to one grid along the axes of the patient, right joints mirrored, whatever its plane; the network marks
structures on it (such as the menisci); their box in millimetres is where the crops of all planes are cut. Where it finds nothing the
whole image is shown, and the reading says so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from condyle.prepare.resample import resample
from condyle.readers.multiplane.stack import Stack, to_bytes
from condyle.study import Geometry, Volume

Floats = NDArray[np.float32]
Run = Callable[[Floats], Floats]  # [n, z, y, x] of ``coarse`` -> logits [n, structure, z, y, x]
Box = tuple[tuple[float, float], tuple[float, float], tuple[float, float]]  # LPS mm: (low, high) along x, y, z
TRIMMED = (0.02, 0.98)  # share of a structure's cells along an axis between which its box lies: specks move nothing


@dataclass(frozen=True, slots=True)
class LocateSpec:
    """How the joint is looked for.

    Parameters
    ----------
    structures : names, in the order of the network's outputs
    cell_mm, cells : of the grid, along z, y and x
    smallest_cm3 : what is smaller was not found
    apart_mm : series whose centres lie further apart than this contradict each other
    near_mm : what lies further than this from every structure is blackened; 0 shows all
    """

    structures: tuple[str, ...]
    cell_mm: float = 5.0
    cells: tuple[int, int, int] = (32, 40, 40)
    smallest_cm3: float = 1.0
    apart_mm: float = 20.0
    near_mm: float = 0.0


@dataclass(frozen=True, slots=True)
class Place:
    """Where the joint is.

    Parameters
    ----------
    centre_mm : LPS; None is the middle of each series
    whole : the whole image is shown, because the joint was looked for and not found
    how : the rule that found it; flag : of the reading, '' when nothing is to be said
    boxes : structure -> its box in the patient
    near : what lies near the structures, 1 or 0, one volume a series that shows them; empty shows all
    """

    centre_mm: tuple[float, float, float] | None = None
    whole: bool = False
    how: str = "middle of each series"
    flag: str = ""
    boxes: Mapping[str, Box] = field(default_factory=dict)
    near: tuple[Volume, ...] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """A structure in one series: its box, its size, and the mean probability within it."""

    box: Box
    cm3: float
    sure: float


def grid(volume: Volume, spec: LocateSpec, side: str) -> Geometry:
    """The grid about the middle of a volume: [z, y, x] from feet to head, front to back, and from the lateral side of a left joint."""
    steps = np.array([spec.cell_mm, spec.cell_mm, -spec.cell_mm if side == "right" else spec.cell_mm])
    affine = np.eye(4)
    affine[:3, :3] = np.eye(3)[:, ::-1] * steps
    affine[:3, 3] = volume.geometry.centre - affine[:3, :3] @ ((np.array(spec.cells) - 1) / 2)
    return Geometry(affine, spec.cells)


def coarse(volume: Volume, spec: LocateSpec, side: str) -> tuple[NDArray[np.uint8], Geometry]:
    """([z, y, x] grey, black beyond the series; its grid) of one calibrated series."""
    small = resample(volume, spec.cell_mm)
    target = grid(volume, spec, side)
    return to_bytes(sampled(small, target)), target


def sampled(volume: Volume, target: Geometry, order: int = 1) -> Floats:
    """A volume on another grid, 0 beyond it; ``order`` 0 takes the nearest voxel."""
    from scipy import ndimage

    back = np.linalg.inv(volume.geometry.affine) @ target.affine
    pixels = np.asarray(volume.pixels, np.float32)
    # A single slice has no neighbour to interpolate with, and thick ones reach half a slice beyond their middle.
    pixels = np.pad(pixels, ((1, 1), (0, 0), (0, 0)), mode="edge")
    offset = back[:3, 3] + np.array([1.0, 0.0, 0.0])
    out = ndimage.affine_transform(pixels, back[:3, :3], offset, target.shape, order=order, cval=0.0, prefilter=False)
    return np.asarray(out, np.float32)


def as_coarse_input(grey: NDArray[np.uint8]) -> Floats:
    """[..., z, y, x] bytes -> what the network takes."""
    return np.asarray(grey, np.float32) / 64.0 - 1.0


def find(chance: Floats, where: Geometry, spec: LocateSpec) -> dict[str, Found]:
    """structure -> where it was found; those that were not are missing.

    Parameters
    ----------
    chance : [structure, z, y, x] probabilities on the grid ``where``
    """
    found = {}
    for name, own in zip(spec.structures, chance, strict=True):
        inside = own > 0.5
        cm3 = float(inside.sum()) * spec.cell_mm**3 / 1000
        if cm3 < spec.smallest_cm3:
            continue
        found[name] = Found(box_of(inside, where, spec.cell_mm), cm3, float(own[inside].mean()))
    return found


def box_of(inside: NDArray[np.bool_], where: Geometry, cell_mm: float) -> Box:
    """The box of the marked cells in the patient, without the outermost 2 % along each axis."""
    world = where.to_world(np.argwhere(inside))
    low, high = np.quantile(world, TRIMMED, axis=0)
    (a, b, c), (d, e, f) = (low - cell_mm / 2).tolist(), (high + cell_mm / 2).tolist()
    return (a, d), (b, e), (c, f)


def centre_of(boxes: Sequence[Box]) -> NDArray[np.float64]:
    """(3,) LPS mm, the middle of the box that holds all of these."""
    every = np.array(boxes)
    return np.asarray((every[:, :, 0].min(axis=0) + every[:, :, 1].max(axis=0)) / 2, np.float64)


def place_of(volumes: Mapping[str, Volume], side: str, run: Run, spec: LocateSpec) -> Place:
    """Where the joint is, from all series of one side together.

    Series that agree are averaged, the surer ones weigh more; of series that contradict each other the surest is believed and the
    place is flagged.
    """
    seen = {name: coarse(volume, spec, side) for name, volume in volumes.items() if volume.geometry.calibrated}
    told: list[tuple[float, dict[str, Found], tuple[Volume, ...]]] = []
    if seen:
        logits = run(np.stack([as_coarse_input(grey) for grey, _ in seen.values()]))
        chances = 1 / (1 + np.exp(-np.clip(logits, -30, 30)))
        for chance, (_, where) in zip(np.asarray(chances, np.float32), seen.values(), strict=True):
            found = find(chance, where, spec)
            if found:
                told.append((sum(one.sure * one.cm3 for one in found.values()), found, _near(chance, where, spec)))
    if not told:
        return Place(None, True, "not found: the whole image", "joint_not_found")
    told.sort(key=lambda entry: -entry[0])
    centres = np.array([centre_of([one.box for one in found.values()]) for _, found, _ in told])
    apart = max((float(np.linalg.norm(a - b)) for a in centres for b in centres), default=0.0)
    if apart > spec.apart_mm:
        x, y, z = centres[0].tolist()
        surest = _boxes([told[0][1]], spec)
        return Place((x, y, z), False, "surest series; the others contradict it", "planes_disagree", surest, told[0][2])
    x, y, z = np.average(centres, axis=0, weights=[weight for weight, _, _ in told]).tolist()
    boxes, near = _boxes([found for _, found, _ in told], spec), tuple(one for _, _, own in told for one in own)
    return Place((x, y, z), False, f"found on {len(told)} of {len(volumes)} series", "", boxes, near)


def _near(chance: Floats, where: Geometry, spec: LocateSpec) -> tuple[Volume, ...]:
    """What lies within ``near_mm`` of the structures, on the coarse grid; nothing when all is shown."""
    if not spec.near_mm:
        return ()
    from scipy import ndimage

    away = ndimage.distance_transform_edt(~(chance > 0.5).any(axis=0)) * spec.cell_mm
    return (Volume((away <= spec.near_mm).astype(np.uint8), where),)


def only_near(stack: Stack, near: Sequence[Volume]) -> Stack:
    """The stack with all else blackened, without the slices on which nothing is left; as it was when that would be all of them."""
    places = np.flatnonzero(stack.shown)
    kept = np.zeros(stack.pixels.shape, bool)
    for place in places.tolist():
        affine = np.array(stack.geometry.affine)
        affine[:3, 3] = stack.to_world(place, [[0, 0]])[0]
        where = Geometry(affine, (1, *stack.pixels.shape[1:]))
        for volume in near:
            kept[place] |= sampled(volume, where)[0] > 0.5
    left = places[kept[places].any(axis=(1, 2))]
    if not len(left):
        return stack
    pixels, whole = np.zeros_like(stack.pixels), np.zeros_like(stack.pixels)
    index = np.full_like(stack.index, -1)
    pixels[: len(left)], whole[: len(left)], index[: len(left)] = stack.pixels[left] * kept[left], stack.pixels[left], stack.index[left]
    return replace(stack, pixels=pixels, shown=index >= 0, index=index, whole=whole)


def _boxes(told: Sequence[Mapping[str, Found]], spec: LocateSpec) -> dict[str, Box]:
    """structure -> mean of its boxes."""
    out: dict[str, Box] = {}
    for name in spec.structures:
        own = [np.array(found[name].box) for found in told if name in found]
        if own:
            (a, d), (b, e), (c, f) = np.mean(own, axis=0).tolist()
            out[name] = ((a, d), (b, e), (c, f))
    return out

"""The stack: what a network sees of one series. Training and reading cut it with this one function.

A square of fixed millimetres about the joint, a fixed number of pixels, some of the slices, eight bits. Knees of
different size and spacing so come at one scale, and a right knee is mirrored to look like a left one: medial and lateral
are different findings, so their place must not depend on the side.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from condyle.prepare.crop import crop_mm
from condyle.prepare.orient import orient
from condyle.prepare.resample import STEP as RESAMPLE
from condyle.prepare.resample import regrid
from condyle.quantiles import percentiles
from condyle.study import Geometry, Volume

LOWER, UPPER = 0.5, 99.5  # percentiles that become black and white


@dataclass(frozen=True, slots=True)
class StackSpec:
    """How a stack is cut.

    Parameters
    ----------
    field_mm : side of the square; pixels : its rows and columns
    slices : how many at most; depth_mm : how far they reach along the normal, evenly about the centre
    mirror : right joints are shown as left ones
    regular : a slice of the stack lies at the same millimetres from the centre in every series, whatever its spacing: the nearest slice is
        shown there, so one may be shown twice, and nothing beyond the series
    """

    field_mm: float = 140.0
    pixels: int = 128
    slices: int = 12
    depth_mm: float = 120.0
    mirror: bool = True
    regular: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Stack:
    """What the network sees of one series.

    Parameters
    ----------
    pixels : [slices, row, column] uint8, black where ``shown`` is False
    shown : [slices] bool
    index : [slices] slice of ``geometry`` behind each; -1 where there is none
    geometry : of the whole series on the stack's rows and columns; the affine holds for [index, row, column] also
        when the stack was mirrored
    whole : the same before what lies far from the joint's structures was blackened; None where nothing was
    """

    pixels: NDArray[np.uint8]
    shown: NDArray[np.bool_]
    index: NDArray[np.int64]
    geometry: Geometry
    whole: NDArray[np.uint8] | None = None

    @property
    def picture(self) -> NDArray[np.uint8]:
        """[slices, row, column] what a person is shown."""
        return self.pixels if self.whole is None else self.whole

    def to_world(self, slice_number: int, points: ArrayLike) -> NDArray[np.float64]:
        """(n, 2) (row, column) on one shown slice -> (n, 3) LPS mm."""
        at = np.asarray(points, np.float64).reshape(-1, 2)
        return self.geometry.to_world(np.column_stack([np.full(len(at), float(self.index[slice_number])), at]))


def cut_stack(
    volume: Volume, plane: str, spec: StackSpec, *, centre_mm: ArrayLike | None = None, side: str = "", whole: bool = False
) -> Stack:
    """Cut the stack of one series.

    Parameters
    ----------
    volume : modality values of a series of this plane
    centre_mm : (3,) LPS mm, middle of the square and of the slices; None is the middle of the volume
    side : 'right' is mirrored when the spec asks for it
    whole : the square holds the whole image, whatever its millimetres

    Returns
    -------
    Stack. A volume without millimetres is shown whole, because nothing else is known of its size.
    """
    turned = orient(volume, plane=plane)
    calibrated = turned.geometry.calibrated
    centre = turned.geometry.centre if centre_mm is None else np.asarray(centre_mm, np.float64)
    field_mm = max(turned.geometry.spacing[axis] * turned.shape[axis] for axis in (1, 2)) if whole else spec.field_mm
    window = crop_mm(turned, field_mm, centre_mm=centre) if calibrated else turned
    index = np.full(spec.slices, -1, np.int64)
    regular = spec.regular and calibrated
    if regular:
        index = regular_slices(turned.geometry, centre, spec.slices, spec.depth_mm)
    else:
        chosen = choose_slices(turned.geometry, centre, spec.slices, spec.depth_mm if calibrated else np.inf)
        index[: len(chosen)] = chosen
    shown = index >= 0
    picked = np.ascontiguousarray(window.pixels[index[shown]])
    carrier = Volume(picked, Geometry(window.geometry.affine, picked.shape, calibrated))
    shape = (len(picked), spec.pixels, spec.pixels)
    pixels = np.zeros((spec.slices, spec.pixels, spec.pixels), np.uint8)
    pixels[shown] = to_bytes(RESAMPLE.apply(carrier, shape=shape, shrink="area").pixels)
    geometry = regrid(window.geometry, (window.shape[0], spec.pixels, spec.pixels))
    stack = Stack(pixels, shown, index, geometry)
    return mirrored(stack, plane, regular=regular) if spec.mirror and side == "right" else stack


def choose_slices(geometry: Geometry, centre_mm: NDArray[np.float64], most: int, depth_mm: float) -> NDArray[np.int64]:
    """Slices within the depth about the centre, evenly spread, in order, none twice; at least one."""
    count, step = geometry.shape[0], geometry.spacing[0]
    middle = min(max(float(geometry.to_index(centre_mm)[0]), 0.0), count - 1.0)
    reach = min(depth_mm / 2 / step, float(count))
    first, last = max(0, int(np.ceil(middle - reach))), min(count - 1, int(np.floor(middle + reach)))
    if last < first:
        return np.array([round(middle)], np.int64)
    spread = np.rint(np.linspace(first, last, min(most, last - first + 1))).astype(np.int64)
    return spread[np.diff(spread, prepend=-1) > 0]


def regular_slices(geometry: Geometry, centre_mm: NDArray[np.float64], many: int, depth_mm: float) -> NDArray[np.int64]:
    """[many] nearest slice to each of so many places evenly within the depth about the centre; -1 beyond the series. At least one."""
    count, step = geometry.shape[0], depth_mm / many / geometry.spacing[0]
    middle = float(geometry.to_index(centre_mm)[0])
    found = np.rint(middle + (np.arange(many) - (many - 1) / 2) * step).astype(np.int64)
    inside = (found >= 0) & (found < count)
    if not inside.any():
        nearest = int(np.argmin(np.minimum(np.abs(found), np.abs(found - count + 1))))
        found[nearest], inside[nearest] = min(max(int(found[nearest]), 0), count - 1), True
    return np.where(inside, found, -1)


def mirrored(stack: Stack, plane: str, *, regular: bool = False) -> Stack:
    """The stack as the other side would look: left and right exchanged, places in the patient unchanged."""
    if plane == "sagittal":
        count = len(stack.shown) if regular else int(stack.shown.sum())
        order = np.r_[np.arange(count)[::-1], np.arange(count, len(stack.shown))]
        return replace(
            stack, pixels=np.ascontiguousarray(stack.pixels[order]), index=stack.index[order], shown=stack.shown[order]
        )  # fmt: skip
    affine = np.array(stack.geometry.affine)
    affine[:3, 3] += affine[:3, 2] * (stack.geometry.shape[2] - 1)
    affine[:3, 2] *= -1
    own = stack.geometry
    geometry = Geometry(affine, own.shape, own.calibrated, own.spacing_source)
    return replace(stack, pixels=np.ascontiguousarray(stack.pixels[..., ::-1]), geometry=geometry)


def to_bytes(grey: NDArray[np.generic]) -> NDArray[np.uint8]:
    """Stretch between two percentiles to 0..255. A flat stack becomes black.

    Multiplying the input by a positive number or adding one changes nothing; a few hot pixels hardly do.
    """
    low, high = percentiles(np.asarray(grey[:, ::2, ::2], np.float32).ravel(), LOWER, UPPER)
    out = np.zeros(grey.shape, np.uint8)
    if high > low:
        for one, own in zip(grey, out, strict=True):  # a slice at a time stays in the processor's cache
            stretched = (np.asarray(one, np.float32) - low) * (255.0 / (high - low))
            own[...] = np.rint(np.clip(stretched, 0, 255, out=stretched), out=stretched)
    return out


def as_input(
    pixels: NDArray[np.uint8], shown: NDArray[np.bool_], out: NDArray[np.float32] | None = None
) -> NDArray[np.float32]:
    """The stack as the network wants it: mean 0 and standard deviation 1 over the shown slices, 0 elsewhere.

    Parameters
    ----------
    pixels : [slices, row, column]; shown : [slices]
    out : zeros to write into, of the shape of ``pixels``; None makes them
    """
    import cv2

    out = np.zeros(pixels.shape, np.float32) if out is None else out
    places = np.flatnonzero(shown).tolist()
    if places:
        # A slice at a time, looked up into its place: no copy of the stack is ever made.
        means, sds = np.array([cv2.meanStdDev(np.ascontiguousarray(pixels[one])) for one in places])[..., 0, 0].T
        mean = float(means.mean())
        sd = float(np.sqrt(max(float((sds**2 + means**2).mean()) - mean**2, 0.0)))
        table = ((np.arange(256) - mean) / max(sd, 1.0)).astype(np.float32)
        for one in places:
            cv2.LUT(np.ascontiguousarray(pixels[one]), table, out[one])
    return out

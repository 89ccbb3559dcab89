"""NIfTI-1 and NIfTI-2. Its world is RAS (x to the right, y to the front); ours is LPS."""

from __future__ import annotations

import gzip
import io
import warnings
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from condyle.errors import InputError
from condyle.intake.blob import Blob
from condyle.intake.lone_file import placed, study_of
from condyle.intake.nominal import unplaced
from condyle.study import Geometry, Problem, Series, Study, Volume

HEADER_BYTES = 544  # NIfTI-2 has 540, NIfTI-1 348
MAX_BYTES = 4 << 30
_RAS_TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])


@dataclass(frozen=True, slots=True)
class NiftiSource:
    """What ``load_nifti`` needs: the blob and how its axes become (slice, row, column)."""

    blob: Blob
    axes: tuple[int, int, int]
    flips: tuple[bool, bool, bool]


def open_nifti(blob: Blob, path: str, overrides: Mapping[str, Any]) -> Study:
    """A study of one series. Raises ``InputError`` when the header is damaged or no volume."""
    image = _image(_inflated(blob, HEADER_BYTES + 4), blob.where)
    shape = _volume_shape(image, blob.where)
    affine, coded = _affine(image, blob.where)
    axes, flips = arrangement(affine, shape)
    arranged = (shape[axes[0]], shape[axes[1]], shape[axes[2]])
    problems: list[Problem] = []
    geometry: Geometry | None
    if coded:
        geometry = Geometry(_arranged_affine(affine, shape, axes, flips), arranged, True, "tags")
    else:
        geometry, problems = placed(arranged, blob.where, overrides)
        problems.append(_uncoded(blob.where))
    return study_of(blob, "nifti", NiftiSource(blob, axes, flips), geometry, path, overrides, problems)


def load_nifti(series: Series) -> Volume:
    """[slice, row, column], the scale of the header applied. Raises ``InputError``."""
    source: NiftiSource = series.source
    where = source.blob.where
    image = _image(_inflated(source.blob, MAX_BYTES), where)
    shape = _volume_shape(image, where)
    try:
        pixels = np.asanyarray(image.dataobj).reshape(shape)
    except (ValueError, OSError, EOFError, OverflowError, MemoryError):
        raise damaged(where, "its voxels end before the header says they do") from None
    if pixels.dtype.kind not in "iuf":
        raise damaged(where, f"voxels of type {pixels.dtype} are not grey values")
    pixels = pixels.transpose(source.axes)
    pixels = pixels[tuple(slice(None, None, -1 if flip else 1) for flip in source.flips)]
    if pixels.dtype.kind == "f":
        pixels = _finite(pixels.astype(np.float32), where)
    pixels = np.ascontiguousarray(pixels.astype(pixels.dtype.newbyteorder("=")))
    return Volume(pixels, series.geometry or unplaced(pixels.shape), series.series_id)


def arrangement(affine: NDArray[np.float64], shape: tuple[int, ...]) -> tuple[tuple[int, int, int], tuple[bool, bool, bool]]:
    """Which file axis becomes slice, row, column, and which of them are turned round.

    The axis with the coarsest step is the slice axis (on a tie, the one nearest to left-right). Then
    rows run to the feet (axial: to the back) and columns to the back (else to the left), as in DICOM,
    and slices rise to the left, the back or the head.
    """
    steps = np.linalg.norm(affine[:3, :3], axis=0)
    world = np.abs(affine[:3, :3] / steps)
    nearest = _assign(world)
    coarse = [axis for axis in range(3) if steps[axis] > 0.99 * steps.max()]
    slice_axis = min(coarse, key=lambda axis: (shape[axis], nearest[axis])) if len(coarse) < 3 else min(coarse, key=lambda axis: nearest[axis])
    rest = [axis for axis in range(3) if axis != slice_axis]
    row_axis = max(rest, key=lambda axis: nearest[axis])
    column_axis = min(rest, key=lambda axis: nearest[axis])
    axes = (slice_axis, row_axis, column_axis)
    flips = []
    for place, axis in enumerate(axes):
        lps = affine[nearest[axis], axis] * (-1 if nearest[axis] < 2 else 1)
        wanted = -1 if place == 1 and nearest[axis] == 2 else 1
        flips.append(bool(lps * wanted < 0))
    return axes, (flips[0], flips[1], flips[2])


def _assign(world: NDArray[np.float64]) -> list[int]:
    """For each file axis the world axis it runs along, each world axis once."""
    from itertools import permutations

    best = max(permutations(range(3)), key=lambda order: sum(world[order[axis], axis] for axis in range(3)))
    return list(best)


def _arranged_affine(affine: NDArray[np.float64], shape: tuple[int, ...], axes: tuple[int, ...], flips: tuple[bool, ...]) -> NDArray[np.float64]:
    lps = _RAS_TO_LPS @ affine
    result = np.eye(4)
    origin = lps[:3, 3].copy()
    for place, (axis, flip) in enumerate(zip(axes, flips, strict=True)):
        step = lps[:3, axis]
        result[:3, place] = -step if flip else step
        if flip:
            origin += step * (shape[axis] - 1)
    result[:3, 3] = origin
    return result


def _image(data: bytes, where: str) -> Any:
    import nibabel as nib

    kind = {348: nib.Nifti1Image, 540: nib.Nifti2Image}
    sizes = {int.from_bytes(data[:4], order) for order in ("little", "big")} if len(data) >= 4 else set()  # type: ignore[arg-type]
    reader = next((kind[size] for size in sizes if size in kind), None)
    if reader is None:
        raise damaged(where, "it does not begin with a NIfTI header")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return reader.from_bytes(data)
    except Exception as error:  # nibabel raises many kinds on hostile headers; each means: not usable
        raise damaged(where, f"its header cannot be parsed ({type(error).__name__})") from None


def _volume_shape(image: Any, where: str) -> tuple[int, int, int]:
    shape = tuple(int(n) for n in image.shape)
    while len(shape) > 3 and shape[-1] == 1:
        shape = shape[:-1]
    if len(shape) == 2:
        shape = (*shape, 1)
    if len(shape) != 3 or min(shape) < 1:
        raise damaged(where, f"an array of shape {shape} is not one volume")
    if int(np.prod(shape, dtype=object)) * image.get_data_dtype().itemsize > MAX_BYTES:
        raise damaged(where, f"an array of shape {shape} needs more than {MAX_BYTES >> 30} GiB")
    return shape[0], shape[1], shape[2]


def _affine(image: Any, where: str) -> tuple[NDArray[np.float64], bool]:
    header = image.header
    affine = np.array(image.affine, dtype=np.float64)
    if not np.isfinite(affine).all() or abs(np.linalg.det(affine[:3, :3])) < 1e-9:
        raise damaged(where, "its affine is not a regular matrix")
    return affine, bool(int(header["sform_code"]) > 0 or int(header["qform_code"]) > 0)


def _inflated(blob: Blob, count: int) -> bytes:
    """The first ``count`` bytes behind gzip, or of the plain file. A bomb stops at ``count``."""
    if not blob.head(2).startswith(b"\x1f\x8b"):
        return blob.head(count) if count < blob.size else blob.read()
    source = blob.head(max(count, 4096)) if count < 1 << 16 else blob.read()
    try:
        if count < 1 << 16:
            return zlib.decompressobj(31).decompress(source, count)
        with gzip.GzipFile(fileobj=io.BytesIO(source)) as stream:
            return stream.read(count)
    except (OSError, EOFError, zlib.error):
        raise damaged(blob.where, "its compression is damaged or it ends early") from None


def _finite(pixels: NDArray[Any], where: str) -> NDArray[Any]:
    if not np.isfinite(pixels).all():
        raise damaged(where, "it holds values that are not numbers")
    return pixels


def _uncoded(where: str) -> Problem:
    return Problem(
        "nifti-uncoded", "warning", "A NIfTI file does not say where it lies in the patient.", where, "Its sform and qform codes are 0.",
        "Convert it again from DICOM, or say its plane and spacing.",
    )  # fmt: skip


def damaged(where: str, why: str) -> InputError:
    """The error for a NIfTI file that cannot be used."""
    return InputError(
        "nifti-damaged", "A NIfTI file cannot be read.", where=where, why=f"{why[0].upper()}{why[1:]}.", what_to_do="Convert it again from its source.",
    )  # fmt: skip

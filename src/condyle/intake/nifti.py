"""NIfTI-1 and NIfTI-2. Its world is RAS (x to the right, y to the front); ours is LPS."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from condyle.errors import InputError
from condyle.intake.arrange import Arrangement, arrange
from condyle.intake.blob import Blob
from condyle.intake.lone_file import placed, study_of
from condyle.intake.nominal import unplaced
from condyle.intake.quiet import quiet
from condyle.study import Geometry, Problem, Series, Study, Volume

HEADER_BYTES = 544  # NIfTI-2 has 540 and 4 bytes of extension flags, NIfTI-1 348
MAX_BYTES = 4 << 30
_RAS_TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])


@dataclass(frozen=True, slots=True)
class NiftiSource:
    """What ``load_nifti`` needs: the blob, where and of what type its voxels are, and how its axes become (slice, row, column)."""

    blob: Blob
    offset: int
    kind: np.dtype[Any]
    arrangement: Arrangement

    def voxels(self, count: int) -> NDArray[Any]:
        """The first stored voxels, at most ``count``. Raises ``InputError``."""
        stored = _inflated(self.blob, self.offset + count * self.kind.itemsize)[self.offset :]
        return np.frombuffer(stored, self.kind, len(stored) // self.kind.itemsize)


def is_nifti(head: bytes) -> bool:
    """Whether the first bytes (inflated) are a NIfTI header: its size and its magic."""
    size = {int.from_bytes(head[:4], "little"), int.from_bytes(head[:4], "big")}
    return (348 in size and head[344:348] in (b"n+1\0", b"ni1\0")) or (540 in size and head[4:7] in (b"n+2", b"ni2"))


def open_nifti(blob: Blob, path: str, overrides: Mapping[str, Any]) -> Study:
    """A study of one series. Raises ``InputError`` when the header is damaged or no single volume."""
    image = _image(_inflated(blob, HEADER_BYTES), blob.where)
    shape = _volume_shape(image, blob.where)
    affine = _RAS_TO_LPS @ _affine(image, blob.where)
    arrangement = arrange(affine)
    problems: list[Problem] = []
    geometry: Geometry | None
    if int(image.header["sform_code"]) > 0 or int(image.header["qform_code"]) > 0:
        geometry = Geometry(arrangement.affine(affine, shape), arrangement.shape(shape), True, "tags")
    else:
        geometry, problems = placed(arrangement.shape(shape), blob.where, overrides)
        problems.append(_uncoded(blob.where))
    source = NiftiSource(blob, max(int(image.dataobj.offset), 0), image.get_data_dtype(), arrangement)
    return study_of([(blob, "nifti", source, geometry, problems)], path, overrides)


def load_nifti(series: Series) -> Volume:
    """[slice, row, column], the scale of the header applied. Raises ``InputError``."""
    source: NiftiSource = series.source
    where = source.blob.where
    image = _image(_inflated(source.blob, MAX_BYTES), where)
    shape = _volume_shape(image, where)
    try:
        pixels = np.asanyarray(image.dataobj).reshape(shape)
    except (ValueError, OSError, EOFError, OverflowError, MemoryError):
        raise _damaged(where, "its voxels end before the header says they do") from None
    if pixels.dtype.kind not in "iuf":
        raise _damaged(where, f"voxels of type {pixels.dtype} are not grey values")
    pixels = source.arrangement.pixels(pixels)
    if pixels.dtype.kind == "f":
        pixels = pixels.astype(np.float32)
        if not np.isfinite(pixels).all():
            raise _damaged(where, "it holds values that are not numbers")
    pixels = np.ascontiguousarray(pixels, dtype=pixels.dtype.newbyteorder("="))
    return Volume(pixels, series.geometry or unplaced(pixels.shape), series.series_id)


def _image(data: bytes, where: str) -> Any:
    import nibabel as nib

    if not is_nifti(data):
        raise _damaged(where, "it does not begin with a NIfTI header")
    if data[344:347] == b"ni1" or data[4:7] == b"ni2":
        raise _damaged(where, "its voxels lie in a second file (.img)", "Convert the pair to one .nii file.")
    reader = nib.Nifti2Image if data[4:7] == b"n+2" else nib.Nifti1Image
    try:
        with quiet():
            return reader.from_bytes(data)
    except Exception as error:  # nibabel raises many kinds on hostile headers; each means: not usable
        raise _damaged(where, f"its header cannot be parsed ({type(error).__name__})") from None


def _volume_shape(image: Any, where: str) -> tuple[int, int, int]:
    shape = tuple(int(n) for n in image.shape)
    while len(shape) > 3 and shape[-1] == 1:
        shape = shape[:-1]
    if len(shape) == 2:
        shape = (*shape, 1)
    if len(shape) != 3 or min(shape) < 1:
        raise _damaged(where, f"an array of shape {shape} is not one volume", "Give one volume a file.")
    if shape[0] * shape[1] * shape[2] * image.get_data_dtype().itemsize > MAX_BYTES:
        raise _damaged(where, f"an array of shape {shape} needs more than {MAX_BYTES >> 30} GiB")
    return shape[0], shape[1], shape[2]


def _affine(image: Any, where: str) -> NDArray[np.float64]:
    affine = np.array(image.affine, dtype=np.float64)
    if not np.isfinite(affine).all() or abs(np.linalg.det(affine[:3, :3])) < 1e-9:
        raise _damaged(where, "its affine is not a regular matrix")
    return affine


def _inflated(blob: Blob, count: int) -> bytes:
    """The first ``count`` bytes, behind gzip if need be. A bomb stops at ``count``."""
    if not is_gzip(blob.head(2)):
        return blob.head(count)
    try:
        return inflate(blob.head(1 << 16) if count <= HEADER_BYTES else blob.read(), count)
    except zlib.error:
        raise _damaged(blob.where, "its compression is damaged") from None


def inflated_head(blob: Blob) -> bytes:
    """The first bytes behind gzip, enough for a header; empty when it is damaged."""
    try:
        return inflate(blob.head(1 << 16), HEADER_BYTES)
    except zlib.error:
        return b""


def is_gzip(head: bytes) -> bool:
    """Whether the first two bytes are those of gzip (RFC 1952)."""
    return head[:2] == b"\x1f\x8b"


def inflate(data: bytes, count: int) -> bytes:
    """At most ``count`` bytes of a gzip stream (of several members, too). Raises ``zlib.error``."""
    parts: list[bytes] = []
    while data and count > 0:
        stream = zlib.decompressobj(31)
        part = stream.decompress(data, count)
        parts.append(part)
        count -= len(part)
        data = stream.unused_data if stream.eof else b""
    return b"".join(parts)


def _uncoded(where: str) -> Problem:
    return Problem(
        "nifti-uncoded",
        "warning",
        "A NIfTI file does not say where it lies in the patient.",
        where,
        "Its sform and qform codes are 0.",
        "Convert it again from DICOM, or say its plane and spacing.",
    )


def _damaged(where: str, why: str, what_to_do: str = "Convert it again from its source.") -> InputError:
    return InputError(
        "nifti-damaged", "A NIfTI file cannot be read.", where=where, why=f"{why[0].upper()}{why[1:]}.", what_to_do=what_to_do
    )

"""``.npy`` in the layout of MRNet: ``<plane>/<study>.npy``, an array (slices, rows, columns) each.

The folder names the plane; nothing names spacing, position or order, so the geometry is nominal.
Arrays of one study number in the folders ``sagittal``, ``coronal``, ``axial`` are one study. Arrays
are read without pickle.
"""

from __future__ import annotations

import io
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from condyle.errors import InputError
from condyle.intake.blob import Blob
from condyle.intake.lone_file import placed, study_of
from condyle.intake.nominal import unplaced
from condyle.study import Series, Study, Trait, Volume
from condyle.study.geometry import PLANES

MAGIC = b"\x93NUMPY"
MAX_BYTES = 4 << 30


@dataclass(frozen=True, slots=True)
class ArraySource:
    """What ``load_array`` needs; the values begin at byte ``offset``."""

    blob: Blob
    offset: int
    kind: np.dtype[Any]
    shape: tuple[int, int, int]

    def voxels(self, count: int) -> NDArray[Any]:
        """The first stored values, at most ``count``. Raises ``InputError``."""
        stored = self.blob.head(self.offset + count * self.kind.itemsize)[self.offset :]
        return np.frombuffer(stored, self.kind, len(stored) // self.kind.itemsize)


def group_arrays(blobs: Sequence[Blob]) -> list[list[Blob]]:
    """Arrays that belong to one study: the same name in sibling folders named by planes."""
    groups: dict[tuple[str, str], list[Blob]] = defaultdict(list)
    for blob in blobs:
        path = PurePosixPath(blob.where)
        key = (str(path.parent.parent), path.name) if path.parent.name.lower() in PLANES else (str(path), "")
        groups[key].append(blob)
    return list(groups.values())


def open_arrays(blobs: Sequence[Blob], path: str, overrides: Mapping[str, Any]) -> Study:
    """One study of one series an array. Raises ``InputError``."""
    members = []
    for blob in blobs:
        shape, kind, offset = _layout(blob)
        folder = (PurePosixPath(blob.where).parent.name or Path(blob.path).parent.name).lower()
        told = {**({"plane": folder} if folder in PLANES else {}), **overrides}
        geometry, problems = placed(shape, blob.where, told)
        members.append((blob, "npy", ArraySource(blob, offset, kind, shape), geometry, problems))
    study = study_of(members, path, overrides)
    return replace(study, series=tuple(_with_plane_of_folder(series) for series in study.series))


def _with_plane_of_folder(series: Series) -> Series:
    """The plane that the folder names, unless the user said it."""
    if series.geometry is None or series.role.plane.source == "user":
        return series
    plane = series.geometry.plane
    return series.with_role(replace(series.role, plane=Trait(plane, "text", 0.9, (("text", plane),))))


def load_array(series: Series) -> Volume:
    """[slice, row, column] as stored. Raises ``InputError``."""
    source: ArraySource = series.source
    try:
        pixels = np.load(io.BytesIO(source.blob.read()), allow_pickle=False).reshape(source.shape)
    except (ValueError, EOFError, OSError):
        raise _damaged(source.blob.where, "its values end before its header says they do") from None
    pixels = np.ascontiguousarray(pixels, dtype=pixels.dtype.newbyteorder("="))
    if pixels.dtype.kind == "f" and not np.isfinite(pixels).all():
        raise _damaged(source.blob.where, "it holds values that are not numbers")
    return Volume(pixels, series.geometry or unplaced(pixels.shape), series.series_id)


def _layout(blob: Blob) -> tuple[tuple[int, int, int], np.dtype[Any], int]:
    """(slices, rows, columns), type of the values and their first byte, from the header alone."""
    from numpy.lib import format as npy

    stream = io.BytesIO(blob.head(1 << 16))
    try:
        version = npy.read_magic(stream)
        shape, _, kind = npy.read_array_header_1_0(stream) if version == (1, 0) else npy.read_array_header_2_0(stream)
    except (ValueError, EOFError):
        raise _damaged(blob.where, "its header cannot be parsed") from None
    if kind.kind not in "iuf" or len(shape) not in (2, 3) or min(shape) < 1:
        raise _damaged(blob.where, f"an array of type {kind} and shape {shape} is not a stack of grey pictures")
    if math.prod(shape) * kind.itemsize > min(MAX_BYTES, blob.size):
        raise _damaged(blob.where, "its values end before its header says they do")
    return (1, shape[0], shape[1]) if len(shape) == 2 else (shape[0], shape[1], shape[2]), kind, stream.tell()


def _damaged(where: str, why: str) -> InputError:
    return InputError(
        "array-damaged",
        "A .npy array cannot be read.",
        where=where,
        why=f"{why[0].upper()}{why[1:]}.",
        what_to_do="Save it again as an array of plain numbers.",
    )

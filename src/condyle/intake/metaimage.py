"""MetaImage: ``.mha`` (one file) and ``.mhd`` with its raw file. Its world is LPS, as ours.

Source: the MetaIO documentation of ITK (https://itk.org/Wiki/ITK/MetaIO/Documentation). The numbers of
TransformMatrix are the directions of the first, second, third axis, three each.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from condyle.errors import InputError
from condyle.intake.arrange import Arrangement, arrange
from condyle.intake.blob import Blob
from condyle.intake.lone_file import study_of
from condyle.study import Geometry, Series, Study, Volume

HEADER_BYTES = 64 << 10
MAX_BYTES = 4 << 30
_TYPES = {
    "MET_CHAR": "i1",
    "MET_UCHAR": "u1",
    "MET_SHORT": "i2",
    "MET_USHORT": "u2",
    "MET_INT": "i4",
    "MET_UINT": "u4",
    "MET_LONG": "i4",
    "MET_ULONG": "u4",
    "MET_LONG_LONG": "i8",
    "MET_ULONG_LONG": "u8",
    "MET_FLOAT": "f4",
    "MET_DOUBLE": "f8",
}


@dataclass(frozen=True, slots=True)
class MetaSource:
    """What ``load_metaimage`` needs.

    Parameters
    ----------
    data : Blob that holds the voxels, from ``offset`` on
    kind : numpy type with byte order
    shape : of the file, slowest axis first (z, y, x)
    """

    data: Blob
    offset: int
    compressed: bool
    kind: str
    shape: tuple[int, int, int]
    arrangement: Arrangement

    def voxels(self, count: int) -> NDArray[Any]:
        """The first stored voxels, at most ``count``. Raises ``InputError``."""
        size = np.dtype(self.kind).itemsize
        if self.compressed:
            try:
                data = zlib.decompressobj().decompress(self.data.read()[self.offset :], count * size)
            except zlib.error:
                raise _damaged(self.data.where, "its compression is damaged") from None
        else:
            data = self.data.head(self.offset + count * size)[self.offset :]
        return np.frombuffer(data, self.kind, len(data) // size)


def is_metaimage(head: bytes) -> bool:
    """Whether the first bytes are a MetaImage header: its first keys are always one of these."""
    return head.lstrip()[:11] in (b"ObjectType ", b"ObjectType=") or (head[:5] == b"NDims" and b"DimSize" in head[:512])


def open_metaimage(blob: Blob, path: str, overrides: Mapping[str, Any]) -> tuple[Study, str]:
    """(a study of one series, the name of the raw file it needs or ''). Raises ``InputError``."""
    keys, end = _header(blob.head(HEADER_BYTES), blob.where)
    sizes = _integers(keys, "DimSize", blob.where)
    while len(sizes) > 3 and sizes[-1] == 1:
        sizes = sizes[:-1]
    if len(sizes) != 3 or min(sizes) < 1 or keys.get("ElementNumberOfChannels", "1") != "1":
        raise _damaged(blob.where, "it is not one volume of one channel")
    if keys.get("ElementType") not in _TYPES:
        raise _damaged(blob.where, "its ElementType is missing or unknown")
    big = _true(keys.get("ElementByteOrderMSB", keys.get("BinaryDataByteOrderMSB", "False")))
    kind = f"{'>' if big else '<'}{_TYPES[keys['ElementType']]}"
    needed = math.prod(sizes) * np.dtype(kind).itemsize
    if needed > MAX_BYTES:
        raise _damaged(blob.where, f"its voxels need more than {MAX_BYTES >> 30} GiB")
    affine = _affine(keys, blob.where)
    arrangement = arrange(affine)
    shape = (sizes[0], sizes[1], sizes[2])
    geometry = Geometry(arrangement.affine(affine, shape), arrangement.shape(shape), True, "tags")
    name = keys["ElementDataFile"]
    data = blob if name == "LOCAL" else _beside(blob, name)
    compressed = _true(keys.get("CompressedData", "False"))
    offset = _offset(keys, end if name == "LOCAL" else 0, data.size - needed, compressed, blob.where)
    source = MetaSource(data, offset, compressed, kind, shape[::-1], arrangement)
    if not source.compressed and data.size - source.offset < needed:
        raise _damaged(data.where, f"its voxels end after {max(data.size - source.offset, 0)} of {needed} bytes")
    beside = () if name == "LOCAL" else (data,)
    return study_of([(blob, "metaimage", source, geometry, [])], path, overrides, beside=beside), "" if name == "LOCAL" else data.where


def load_metaimage(series: Series) -> Volume:
    """[slice, row, column] as stored. Raises ``InputError``."""
    source: MetaSource = series.source
    count = math.prod(source.shape)
    stored = source.voxels(count)
    if len(stored) < count:
        raise _damaged(source.data.where, f"its voxels end after {stored.nbytes} of {count * stored.itemsize} bytes")
    stored = stored.reshape(source.shape)
    pixels = source.arrangement.pixels(stored.transpose(2, 1, 0))
    pixels = np.array(pixels, dtype=pixels.dtype.newbyteorder("="), order="C")
    if pixels.dtype.kind == "f" and not np.isfinite(pixels).all():
        raise _damaged(source.data.where, "it holds values that are not numbers")
    assert series.geometry is not None
    return Volume(pixels, series.geometry, series.series_id)


def _header(head: bytes, where: str) -> tuple[dict[str, str], int]:
    """(keys, first byte behind the header). ElementDataFile is its last line."""
    keys: dict[str, str] = {}
    position = 0
    while (stop := head.find(b"\n", position)) >= 0 or (position < len(head) and b"ElementDataFile" in head[position:]):
        line = head[position : stop if stop >= 0 else len(head)]
        position = stop + 1 if stop >= 0 else len(head)
        name, separator, value = line.partition(b"=")
        if not separator or not line.isascii():
            raise _damaged(where, "its header is not lines of 'key = value'")
        keys[name.strip().decode("ascii")] = value.strip().decode("ascii")
        if "ElementDataFile" in keys:
            return keys, position
    raise _damaged(where, "its header has no ElementDataFile")


def _offset(keys: Mapping[str, str], start: int, last: int, compressed: bool, where: str) -> int:
    """First byte of the voxels, counted from the start of their file: HeaderSize, or -1 for voxels that end with it.

    Parameters
    ----------
    start, last : where the voxels begin without the key, and where they must begin to end with the file
    """
    if not _true(keys.get("BinaryData", "True")):
        raise _damaged(where, "its voxels are written as text (BinaryData = False), which is not read")
    text = keys.get("HeaderSize", "0")
    if text == "-1" and not compressed:
        return max(last, start)
    if not text.isdigit() or len(text) > 15:
        raise _damaged(where, "its HeaderSize is neither a number of bytes nor, for voxels that are not compressed, -1")
    return int(text) or start


def _affine(keys: Mapping[str, str], where: str) -> NDArray[np.float64]:
    spacing = _floats(keys, ("ElementSpacing", "ElementSize"), 3, (1.0, 1.0, 1.0), where)
    offset = _floats(keys, ("Offset", "Position", "Origin"), 3, (0.0, 0.0, 0.0), where)
    directions = _floats(keys, ("TransformMatrix", "Rotation", "Orientation"), 9, (1, 0, 0, 0, 1, 0, 0, 0, 1), where)
    affine = np.eye(4)
    affine[:3, :3] = np.reshape(directions, (3, 3)).T * np.array(spacing)
    affine[:3, 3] = offset
    if not np.isfinite(affine).all() or abs(np.linalg.det(affine[:3, :3])) < 1e-9:
        raise _damaged(where, "its spacing and directions are not a regular matrix")
    return affine


def _floats(keys: Mapping[str, str], names: tuple[str, ...], count: int, default: tuple[float, ...], where: str) -> tuple[float, ...]:
    text = next((keys[name] for name in names if name in keys), None)
    if text is None:
        return default
    try:
        values = tuple(float(part) for part in text.split())
    except ValueError:
        values = ()
    if len(values) < count or (count == 9 and len(values) != 9):
        raise _damaged(where, f"its {names[0]} does not hold {count} numbers")
    return values[:count]


def _integers(keys: Mapping[str, str], name: str, where: str) -> tuple[int, ...]:
    parts = keys.get(name, "").split()
    if not parts or not all(part.isdigit() and len(part) < 8 for part in parts):
        raise _damaged(where, f"its {name} does not hold whole numbers")
    return tuple(int(part) for part in parts)


def _true(text: str) -> bool:
    return text.strip().lower() in ("true", "1", "t", "y", "yes")


def _beside(blob: Blob, name: str) -> Blob:
    """The raw file in the same folder. A name that leads elsewhere is refused."""
    if PurePosixPath(name.replace("\\", "/")).name != name or name in ("", "LIST", ".", ".."):
        raise _damaged(blob.where, "its ElementDataFile is not the name of a file in the same folder")
    found = blob.beside(name)
    if found is None:
        raise _damaged(blob.where, "the file named by its ElementDataFile is missing")
    return found


def _damaged(where: str, why: str) -> InputError:
    return InputError(
        "metaimage-damaged", "A MetaImage cannot be read.", where=where, why=f"{why[0].upper()}{why[1:]}.", what_to_do="Save it again."
    )

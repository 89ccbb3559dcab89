"""PNG and JPEG pictures of research sets. They carry no geometry; what is assumed is said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from condyle.errors import InputError
from condyle.intake.blob import Blob
from condyle.intake.codestream import picture_size
from condyle.intake.lone_file import placed, study_of
from condyle.intake.nominal import unplaced
from condyle.study import Series, Study, Volume

MAX_PIXELS = 64_000_000  # a PNG of 20 KiB can claim 2^62 pixels: look at the size before decoding


@dataclass(frozen=True, slots=True)
class PictureSource:
    """What ``load_picture`` needs."""

    blob: Blob
    rows: int
    columns: int

    def voxels(self, count: int) -> NDArray[Any]:
        """The first grey values, at most ``count``. Raises ``InputError``."""
        return decode_picture(self.blob).ravel()[:count]


def open_picture(blob: Blob, path: str, overrides: Mapping[str, Any]) -> Study:
    """A study of one series of one slice. Raises ``InputError`` for a damaged or oversized picture."""
    rows, columns = _size(blob.head(1 << 20), blob.where)
    geometry, problems = placed((1, rows, columns), blob.where, overrides)
    return study_of([(blob, "picture", PictureSource(blob, rows, columns), geometry, problems)], path, overrides)


def load_picture(series: Series) -> Volume:
    """[1, row, column] grey values as stored (8 or 16 bit); colour is turned into luminance."""
    source: PictureSource = series.source
    pixels = decode_picture(source.blob)[None]
    if pixels.shape != (1, source.rows, source.columns):
        raise _damaged(source.blob.where, "its pixels do not have the size that its header says")
    return Volume(pixels, series.geometry or unplaced(pixels.shape), series.series_id)


def decode_picture(blob: Blob) -> NDArray[Any]:
    """[row, column] grey values. Raises ``InputError``."""
    import cv2

    data = blob.read()
    _size(data, blob.where)
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error:
        pixels = None
    if pixels is None:
        raise _damaged(blob.where, "it cannot be decoded")
    if pixels.ndim == 3:
        colour = pixels[..., :3]
        same = bool((colour[..., 0] == colour[..., 1]).all() and (colour[..., 0] == colour[..., -1]).all())
        pixels = colour[..., 0] if same else cv2.cvtColor(np.ascontiguousarray(colour), cv2.COLOR_BGR2GRAY)
    return np.ascontiguousarray(pixels)


def _size(data: bytes, where: str) -> tuple[int, int]:
    """(rows, columns) from the header, nothing decoded. Raises ``InputError``."""
    size = picture_size(data)
    if size is None or min(size) < 1:
        raise _damaged(where, "its header does not say how large it is")
    if size[0] * size[1] > MAX_PIXELS:
        raise _damaged(where, f"it claims {size[0]} x {size[1]} pixels, more than {MAX_PIXELS // 1_000_000} million")
    return size


def _damaged(where: str, why: str) -> InputError:
    return InputError(
        "picture-damaged",
        "A picture cannot be read.",
        where=where,
        why=f"{why[0].upper()}{why[1:]}.",
        what_to_do="Save it again as an 8- or 16-bit grey PNG.",
    )

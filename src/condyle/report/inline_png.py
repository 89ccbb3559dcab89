"""Arrays inside documents: PNG as base64, with the scale that brings class maps back to their values."""

from __future__ import annotations

import base64
import binascii
import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

MAX_PIXELS = 16_000_000
_STEPS = 65535


@dataclass(frozen=True, slots=True)
class InlinePng:
    """A 2-D array as text.

    Parameters
    ----------
    png : str - base64 of a grey PNG, 8 bits for pictures and 16 bits for maps
    type : 'uint8' (a picture, exact) or 'float32' (a map: value = offset + scale * pixel)
    scale, offset : float
    """

    png: str
    type: str
    scale: float = 1.0
    offset: float = 0.0


def to_inline(array: NDArray[Any]) -> InlinePng:
    """Pictures exactly; maps in 65535 steps between their lowest and highest value."""
    if array.dtype == np.uint8:
        return InlinePng(_base64(array), "uint8")
    values = array.astype(np.float64)
    if not np.isfinite(values).all():
        raise ValueError("a class map holds values that are not finite")
    offset = float(values.min())
    scale = float(values.max() - offset) / _STEPS or 1.0
    return InlinePng(_base64(np.rint((values - offset) / scale).astype(np.uint16)), "float32", scale, offset)


def from_inline(inline: InlinePng) -> NDArray[Any]:
    """The array again. Raises ValueError for anything but a grey PNG of reasonable size."""
    import cv2

    try:
        content = base64.b64decode(inline.png, validate=True)
    except binascii.Error as error:
        raise ValueError("an inline image is not base64") from error
    # The header is judged before anything is decoded: a small PNG can unfold to gigabytes.
    if len(content) < 33 or content[:8] != b"\x89PNG\r\n\x1a\n" or content[12:16] != b"IHDR":
        raise ValueError("an inline image is not a PNG")
    width, height, depth, colour = struct.unpack(">IIBB", content[16:26])
    wanted = 8 if inline.type == "uint8" else 16
    if width * height > MAX_PIXELS or depth != wanted or colour != 0:
        raise ValueError(f"an inline image is not a grey PNG of {wanted} bits and at most {MAX_PIXELS} pixels")
    array = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    if array is None or array.shape != (height, width):
        raise ValueError("an inline image is damaged")
    if inline.type == "uint8":
        return np.asarray(array, np.uint8)
    return np.asarray(inline.offset + inline.scale * array.astype(np.float64), np.float32)


def data_uri(array: NDArray[np.uint8]) -> str:
    """A grey [row, column] or BGRA [row, column, 4] picture as a data URI."""
    return "data:image/png;base64," + _base64(array)


def _base64(array: NDArray[Any]) -> str:
    import cv2

    done, content = cv2.imencode(".png", array)
    if not done:
        raise ValueError(f"a picture of shape {array.shape} and type {array.dtype} cannot be stored as PNG")
    return base64.b64encode(content.tobytes()).decode("ascii")

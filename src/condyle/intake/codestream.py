"""How large a compressed picture says it is, read from its own header before anything is decoded.

A stream of a few hundred bytes may claim 65535 x 65535 pixels; a decoder would allocate them.
Sources: ITU T.81 B.2.2 (JPEG, JPEG lossless), ITU T.87 C.2.2 (JPEG-LS), ITU T.800 A.5.1 (JPEG 2000), PNG 11.2.2.
"""

from __future__ import annotations

import struct

PNG, JPEG, J2K = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"\xff\x4f\xff\x51"
_NO_FRAME = frozenset({0xC4, 0xC8, 0xCC})  # DHT, JPG, DAC lie among the frame markers
_ALONE = frozenset({0x01, 0xD8, *range(0xD0, 0xD8)})  # markers without a segment


def picture_size(data: bytes) -> tuple[int, int] | None:
    """(rows, columns) of a PNG, JPEG, JPEG-LS or JPEG 2000 stream; None when it does not say."""
    if data.startswith(PNG):
        return _png(data)
    if data.startswith(JPEG):
        return _jpeg(data)
    return _jpeg2000(data)


def _png(data: bytes) -> tuple[int, int] | None:
    if len(data) < 24 or data[12:16] != b"IHDR":
        return None
    columns, rows = struct.unpack_from(">II", data, 16)
    return rows, columns


def _jpeg(data: bytes) -> tuple[int, int] | None:
    position = 2
    while position + 9 <= len(data):
        if data[position] != 0xFF:
            return None
        marker = data[position + 1]
        if marker == 0xFF:  # fill byte
            position += 1
        elif marker in _ALONE:
            position += 2
        elif marker == 0xF7 or (0xC0 <= marker <= 0xCF and marker not in _NO_FRAME):
            rows, columns = struct.unpack_from(">HH", data, position + 5)
            return rows, columns
        else:
            position += 2 + int.from_bytes(data[position + 2 : position + 4], "big")
    return None


def _jpeg2000(data: bytes) -> tuple[int, int] | None:
    start = data.find(J2K, 0, 4096)  # behind the boxes of a JP2 file, if any
    if start < 0 or len(data) < start + 24:
        return None
    right, bottom, left, top = struct.unpack_from(">IIII", data, start + 8)
    return bottom - top, right - left

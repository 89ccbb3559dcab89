"""The ordinary DICOM file, fast: explicit VR little endian, walked with one precompiled struct.

Anything unusual (another transfer syntax, a foreign value representation, tags out of order, a
nested private surprise) gives None and pydicom reads the file instead; tests compare both, byte for
byte, over real and mutated files. Measured: docs/benchmarks.md, "Intake".

Source: DICOM PS3.5, 7.1 (element structure), 7.5 (sequences), PS3.10, 7.1 (file meta information).
"""

from __future__ import annotations

from dataclasses import dataclass
from struct import Struct

from condyle.intake.tags import ELEMENTS, PIXEL_DATA

HEAD_BYTES = 16 << 10  # holds the header of nearly every file without large private elements
LONG_HEAD_BYTES = 4 << 20

IMPLICIT = b"1.2.840.10008.1.2"
EXPLICIT = b"1.2.840.10008.1.2.1"
NOT_FAST = {IMPLICIT, b"1.2.840.10008.1.2.2", b"1.2.840.10008.1.2.1.99"}  # implicit, big endian, deflated

_ELEMENT = Struct("<HH2sH").unpack_from
_LENGTH = Struct("<I").unpack_from
_SHORT = frozenset(b"AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US".split())
_LONG = frozenset(b"OB OD OF OL OV OW SQ SV UC UN UR UT UV".split())
_WANTED = {tag: (vr.encode() if vr != "US" else b"") for tag, vr in ELEMENTS.values()}
_UNDEFINED = 0xFFFFFFFF
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_MAX_DEPTH = 16


@dataclass(frozen=True, slots=True)
class Scan:
    """What the walk found.

    Parameters
    ----------
    raw : tag -> value bytes of the wanted elements
    pixel_offset : int - first byte of the pixel value; 0 when there are no pixels
    pixel_length : int - bytes of the pixel value; -1 when encapsulated (undefined length)
    """

    raw: dict[int, bytes]
    pixel_offset: int
    pixel_length: int


class TooShort(Exception):
    """The header goes on behind the bytes at hand."""


def scan(head: bytes, size: int) -> Scan | None:
    """Walk the top-level elements of ``head`` (the first bytes of a file of ``size`` bytes).

    Returns None for anything unusual. Raises ``TooShort`` when more bytes are needed.
    """
    if head[128:132] != b"DICM":
        return None
    raw: dict[int, bytes] = {}
    end = len(head)
    position, last = 132, 0
    while True:
        if position + 12 > end:
            if end < size:
                raise TooShort
            return Scan(raw, 0, 0) if position == end and _ordinary(raw) else None
        group, element, vr, length = _ELEMENT(head, position)
        tag = group << 16 | element
        if tag <= last:
            return None
        last = tag
        if vr in _SHORT:
            value = position + 8
        elif vr in _LONG:
            length = _LENGTH(head, position + 8)[0]
            value = position + 12
            if tag == PIXEL_DATA:
                return _with_pixels(raw, vr, value, length)
            if length == _UNDEFINED:
                if vr != b"SQ":
                    return None
                position = _skip_sequence(head, value, size, 0)
                if position < 0:
                    return None
                continue
        else:
            return None
        position = value + length
        if tag in _WANTED:
            if position > end:
                if end < size:
                    raise TooShort
                return None
            kind = _WANTED[tag]
            if vr != kind and (kind or vr not in (b"US", b"SS")):
                return None
            raw[tag] = head[value:position]
        elif position > size or group > 0x7FE0:
            return None


def _with_pixels(raw: dict[int, bytes], vr: bytes, value: int, length: int) -> Scan | None:
    if vr not in (b"OW", b"OB") or not _ordinary(raw):
        return None
    encapsulated = raw[0x00020010].rstrip(b"\0 ") != EXPLICIT
    if encapsulated != (length == _UNDEFINED):
        return None
    return Scan(raw, value, -1 if encapsulated else length)


def _ordinary(raw: dict[int, bytes]) -> bool:
    syntax = raw.get(0x00020010, b"").rstrip(b"\0 ")
    return syntax.startswith(b"1.2.840.10008.1.2") and syntax not in NOT_FAST


def _skip_sequence(head: bytes, position: int, size: int, depth: int) -> int:
    """The byte behind a sequence of undefined length whose items begin at ``position``; -1 if it is unusual."""
    end = len(head)
    while depth < _MAX_DEPTH:
        if position + 8 > end:
            if end < size:
                raise TooShort
            return -1
        group, element, _, _ = _ELEMENT(head, position)
        tag, length = group << 16 | element, _LENGTH(head, position + 4)[0]
        position += 8
        if tag == _SEQUENCE_END:
            return position if length == 0 else -1
        if tag != _ITEM:
            return -1
        if length == _UNDEFINED:
            position = _skip_item(head, position, size, depth)
            if position < 0:
                return -1
        else:
            position += length
            if position > size:
                return -1
    return -1


def _skip_item(head: bytes, position: int, size: int, depth: int) -> int:
    """The byte behind an item of undefined length whose elements begin at ``position``; -1 if it is unusual."""
    end = len(head)
    while True:
        if position + 12 > end:
            if end < size:
                raise TooShort
            if position + 8 > end:
                return -1
        group, element, vr, length = _ELEMENT(head, position)
        tag = group << 16 | element
        if tag == _ITEM_END:
            return position + 8 if _LENGTH(head, position + 4)[0] == 0 else -1
        if vr in _SHORT:
            position += 8 + length
        elif vr in _LONG and position + 12 <= end:
            length = _LENGTH(head, position + 8)[0]
            position += 12
            if length == _UNDEFINED:
                if vr != b"SQ":
                    return -1
                position = _skip_sequence(head, position, size, depth + 1)
                if position < 0:
                    return -1
            else:
                position += length
        else:
            return -1
        if position > size:
            return -1

"""The ordinary DICOM file, fast: explicit VR little endian, walked with one precompiled struct.

Anything unusual (another transfer syntax, a foreign value representation, tags out of order, a
nested private surprise) gives None and pydicom reads the file instead; tests compare both, byte for
byte, over real and mutated files. Measured: docs/benchmarks.md, "Intake".

The slices of a series share most of their bytes. Runs of elements that were walked once are known by
their first tag; where the next file holds the same bytes at that tag, it holds the same elements.

Source: DICOM PS3.5, 7.1 (element structure), 7.5 (sequences), PS3.10, 7.1 (file meta information).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from itertools import islice
from struct import Struct
from typing import NamedTuple

from condyle.intake.tags import ELEMENTS, MODALITY_LUT, MOST_VALUE_BYTES, PIXEL_DATA

HEAD_BYTES = 16 << 10  # holds the header of nearly every file without large private elements
LONG_HEAD_BYTES = 4 << 20

IMPLICIT = b"1.2.840.10008.1.2"
EXPLICIT = b"1.2.840.10008.1.2.1"
NOT_FAST = {IMPLICIT, b"1.2.840.10008.1.2.2", b"1.2.840.10008.1.2.1.99"}  # implicit, big endian, deflated

_ELEMENT = Struct("<IHH").unpack_from  # tag as it stands in the file (element above group), VR, short length
_LENGTH = Struct("<I").unpack_from


def _code(vr: bytes) -> int:
    """A value representation as the number that ``_ELEMENT`` gives for it."""
    return int.from_bytes(vr, "little")


_SHORT = frozenset(map(_code, b"AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US".split()))
_LONG = frozenset(map(_code, b"OB OD OF OL OV OW SQ SV UC UN UR UT UV".split()))
_SQ, _UL, _PIXEL_KINDS = _code(b"SQ"), _code(b"UL"), (_code(b"OW"), _code(b"OB"))
_UNDEFINED = 0xFFFFFFFF
_MAX_DEPTH = 16


def _in_file(tag: int) -> int:
    """A tag as four little-endian bytes read at once: 0x7FE00010 -> 0x00107FE0."""
    return (tag & 0xFFFF) << 16 | tag >> 16


_WANTED: dict[int, tuple[int, tuple[int, ...]]] = {
    _in_file(tag): (tag, (_code(b"US"), _code(b"SS")) if vr == "US" else (_code(vr.encode()),)) for tag, vr in ELEMENTS.values()
}
_WANTED[_in_file(MODALITY_LUT)] = (MODALITY_LUT, ())  # of no kind that is ordinary
_META_LENGTH, _PIXELS = _in_file(0x00020000), _in_file(PIXEL_DATA)
_ITEM, _ITEM_END, _SEQUENCE_END = _in_file(0xFFFEE000), _in_file(0xFFFEE00D), _in_file(0xFFFEE0DD)

# Elements that differ from slice to slice, so that a run ends before them: times, the instance, its place and window.
_CHANGING = frozenset(map(_in_file, (
    0x00020003, 0x00080012, 0x00080013, 0x00080018, 0x00080022, 0x00080023, 0x00080032, 0x00080033, 0x00200013, 0x00200032, 0x00201041,
    0x00280106, 0x00280107, 0x00281050, 0x00281051,
)))  # fmt: skip
_MOST_RUNS = 256


class Scan(NamedTuple):
    """What the walk found. One a file: a tuple is made in a third of the time of a frozen dataclass.

    Parameters
    ----------
    raw : tag -> value bytes of the wanted elements
    pixel_offset : int - first byte of the pixel value; 0 when there are no pixels
    pixel_length : int - bytes of the pixel value; -1 when encapsulated (undefined length)
    """

    raw: dict[int, bytes]
    pixel_offset: int
    pixel_length: int


@dataclass(frozen=True, slots=True)
class Run:
    """Neighbouring elements of one group, byte for byte, and the wanted ones among them with their first and last tag."""

    data: bytes
    raw: dict[int, bytes]
    first: int
    last: int


Known = dict[int, Run]  # by the tag of the first element


class TooShort(Exception):
    """The header goes on behind the bytes at hand."""


class _Unusual(Exception):
    """Nested elements that pydicom should read."""


def scan(head: bytes, size: int, known: Known | None = None) -> Scan | None:
    """Walk the top-level elements of ``head`` (the first bytes of a file of ``size`` bytes).

    ``known`` are the runs of files before this one; those of this file are put into it. They change
    the speed, never the answer. Returns None for anything unusual. Raises ``TooShort`` when more
    bytes are needed.
    """
    if head[128:132] != b"DICM":
        return None
    raw: dict[int, bytes] = {}
    runs: Known = {} if known is None else known
    position, last, end = 144, 0, len(head)
    try:
        meta_end, in_meta = _meta_end(head), True
        opening, group, start, held = 0, -1, position, 0  # of the run that is walked: tag, group, place, wanted elements before it
        while True:
            tag, vr, length = _ELEMENT(head, position)
            if tag & 0xFFFF != group or tag in _CHANGING:
                if in_meta and tag & 0xFFFF != 2:
                    if position != meta_end or tag & 0xFFFF < 8:
                        return None
                    in_meta = False
                if opening:
                    _remember(runs, opening, head[start:position], raw, held)
                run = runs.get(tag)
                if run is not None and head.startswith(run.data, position):
                    if run.last:
                        if run.first <= last:
                            return None
                        raw.update(run.raw)
                        last = run.last
                    position += len(run.data)
                    opening, group = 0, -1
                    continue
                opening, group = (0, -1) if tag in _CHANGING else (tag, tag & 0xFFFF)
                start, held = position, len(raw)
            if vr in _SHORT:
                value = position + 8
                position = value + length
                wanted = _WANTED.get(tag)
                if wanted is not None:
                    number, kinds = wanted
                    if number <= last or vr not in kinds or length > MOST_VALUE_BYTES:
                        return None
                    if position > end:
                        break
                    last = number
                    raw[number] = head[value:position]
            elif vr in _LONG and tag not in _WANTED:
                length = _LENGTH(head, position + 8)[0]
                position += 12
                if tag == _PIXELS:
                    return _with_pixels(raw, vr, position, length)
                if length != _UNDEFINED:
                    position += length
                elif vr == _SQ:
                    position = _skip_sequence(head, position, 0)
                else:
                    return None
            else:
                return None
    except _Unusual:
        return None
    except struct.error:  # the bytes at hand end inside an element
        pass
    if end < size:
        raise TooShort
    return Scan(raw, 0, 0) if position == end and _ordinary(raw) else None


def _remember(runs: Known, tag: int, data: bytes, raw: dict[int, bytes], held: int) -> None:
    if len(data) <= HEAD_BYTES:
        if len(runs) >= _MOST_RUNS:
            runs.clear()
        own = dict(islice(raw.items(), held, None))
        runs[tag] = Run(data, own, min(own, default=0), max(own, default=0))


def _meta_end(head: bytes) -> int:
    """The byte behind the file meta information, as its group length says."""
    tag, vr, length = _ELEMENT(head, 132)
    if tag != _META_LENGTH or vr != _UL or length != 4:
        raise _Unusual
    return 144 + int(_LENGTH(head, 140)[0])


def _with_pixels(raw: dict[int, bytes], vr: int, value: int, length: int) -> Scan | None:
    if vr not in _PIXEL_KINDS or not _ordinary(raw):
        return None
    encapsulated = raw[0x00020010].rstrip(b"\0 ") != EXPLICIT
    if encapsulated != (length == _UNDEFINED):
        return None
    return Scan(raw, value, -1 if encapsulated else length)


def _ordinary(raw: dict[int, bytes]) -> bool:
    syntax = raw.get(0x00020010, b"").rstrip(b"\0 ")
    return syntax.startswith(b"1.2.840.10008.1.2") and syntax not in NOT_FAST


def _skip_sequence(head: bytes, position: int, depth: int) -> int:
    """The byte behind a sequence of undefined length whose items begin at ``position``."""
    while depth < _MAX_DEPTH:
        tag, length = _ELEMENT(head, position)[0], _LENGTH(head, position + 4)[0]
        position += 8
        if tag == _SEQUENCE_END:
            if length:
                break
            return position
        if tag != _ITEM:
            break
        position = _skip_item(head, position, depth, None if length == _UNDEFINED else position + length)
    raise _Unusual


def _skip_item(head: bytes, position: int, depth: int, stop: int | None) -> int:
    """The byte behind an item whose elements begin at ``position``; ``stop`` is where its length says that it ends.

    An item of defined length is walked, too: where its elements do not fill it, parsers disagree on what comes next.
    """
    while position != stop:
        tag, vr, length = _ELEMENT(head, position)
        if vr in _SHORT:
            position += 8 + length
        elif vr in _LONG:
            length = _LENGTH(head, position + 8)[0]
            position += 12
            if length != _UNDEFINED:
                position += length
            elif vr == _SQ:
                position = _skip_sequence(head, position, depth + 1)
            else:
                raise _Unusual
        elif stop is None and tag == _ITEM_END and not _LENGTH(head, position + 4)[0]:
            return position + 8
        else:
            raise _Unusual
        if stop is not None and position > stop:
            raise _Unusual
    return position

"""Header: the wanted elements of one DICOM object as raw bytes, turned into values when asked.

Both parsers (the fast one and pydicom) give the same raw bytes, so there is one conversion.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Mapping
from functools import lru_cache, wraps
from typing import Any, TypeVar

from condyle.intake.quiet import quiet
from condyle.intake.tags import ELEMENTS, SINGLE, TAG, TECHNICAL

T = TypeVar("T")
_BINARY = {"US": "H", "FD": "d"}
_CHARSET = TAG["SpecificCharacterSet"]


class Header:
    """Raw elements of one object.

    Parameters
    ----------
    raw : tag -> value bytes
    little : byte order of binary numbers
    """

    __slots__ = ("little", "raw")

    def __init__(self, raw: Mapping[int, bytes], little: bool = True) -> None:
        self.raw = raw
        self.little = little

    def text(self, name: str) -> str:
        """The first value as text; empty when absent."""
        values = self.texts(name)
        return values[0] if values else ""

    def texts(self, name: str) -> tuple[str, ...]:
        """All values as text without padding; () when absent or empty."""
        raw = self.raw.get(TAG[name])
        return _texts(raw, self.raw.get(_CHARSET, b""), name == "PatientName") if raw else ()

    def floats(self, name: str) -> tuple[float, ...]:
        """All values as finite floats; () when absent or when any is not a finite number."""
        raw = self.raw.get(TAG[name])
        return _floats(raw, _BINARY.get(ELEMENTS[name][1], ""), self.little) if raw else ()

    def number(self, name: str) -> float | None:
        """The first value as a float; None when absent or no number."""
        values = self.floats(name)
        return values[0] if values else None

    def whole(self, name: str) -> int | None:
        """The first value as an integer; None when absent or not whole."""
        value = self.number(name)
        return int(value) if value is not None and value == int(value) else None

    def padding(self, name: str, signed: bool) -> int | None:
        """PixelPaddingValue or its range limit, which is US or SS by PixelRepresentation."""
        raw = self.raw.get(TAG[name])
        if raw is None or len(raw) != 2:
            return None
        return int.from_bytes(raw, "little" if self.little else "big", signed=signed)

    def technical(self) -> dict[str, Any]:
        """The technical headers of a series; absent ones are left out, blank counts as absent (methods G48)."""
        found: dict[str, Any] = {}
        for key, name in TECHNICAL.items():
            if ELEMENTS[name][1] in ("DS", "IS", "FD"):
                values: tuple[Any, ...] = self.floats(name)
            else:
                values = self.texts(name)
            if values:
                found[key] = values[0] if key in SINGLE else values
        return found


def of_elements(*names: str) -> Callable[[Callable[[Header], T]], Callable[[Header], T]]:
    """Decorator for a function of these elements alone: it works once for all headers that agree in them.

    The slices of a series agree in nearly everything; to ask each header costs more than to look at it.
    """
    tags = tuple(TAG[name] for name in ("SpecificCharacterSet", *names))

    def decorate(work: Callable[[Header], T]) -> Callable[[Header], T]:
        @lru_cache(maxsize=4096)
        def known(little: bool, *raws: bytes | None) -> T:
            return work(Header({tag: raw for tag, raw in zip(tags, raws, strict=True) if raw is not None}, little))

        @wraps(work)
        def asked(header: Header) -> T:
            return known(header.little, *map(header.raw.get, tags))

        return asked

    return decorate


# The slices of a study share nearly all their values, so each is converted once.
@lru_cache(maxsize=1 << 14)
def _texts(raw: bytes, charset: bytes, person: bool) -> tuple[str, ...]:
    text = decode_text(raw, charset)
    values = tuple(part.strip(" \0") for part in ([text] if person else text.split("\\")))
    return values if any(values) else ()


@lru_cache(maxsize=1 << 14)
def _floats(raw: bytes, code: str, little: bool) -> tuple[float, ...]:
    try:
        if code:
            values = struct.unpack(f"{'<' if little else '>'}{len(raw) // struct.calcsize(code)}{code}", raw)
        else:
            values = tuple(map(float, raw.strip(b" \0").split(b"\\")))
    except (ValueError, struct.error):
        return ()
    return values if all(map(math.isfinite, values)) else ()


def decode_text(raw: bytes, charset: bytes) -> str:
    """Bytes of a text element -> text, by SpecificCharacterSet (DICOM PS3.3 C.12.1.1.2).

    Plain ASCII, the ordinary header, needs no table. What cannot be decoded is replaced, never fatal.
    """
    if raw.isascii() and b"\x1b" not in raw:
        return raw.decode("ascii")
    from pydicom.charset import convert_encodings, decode_bytes

    names = [part.strip().decode("ascii", "replace") for part in charset.split(b"\\")]
    with quiet():
        try:
            encodings = convert_encodings(names)
        except LookupError:
            encodings = ["iso8859"]
        return str(decode_bytes(raw, encodings, {0x5C, 0x5E, 0x3D}))

"""One DICOM object: its header and where its pixels lie. The fast walk first, pydicom for the rest."""

from __future__ import annotations

import io
import os
import struct
from typing import Any, NamedTuple

from condyle.errors import InputError
from condyle.intake.blob import Blob
from condyle.intake.fast_dicom import HEAD_BYTES, LONG_HEAD_BYTES, Known, TooShort, scan
from condyle.intake.header import Header
from condyle.intake.layout import Layout, layout_of
from condyle.intake.quiet import quiet
from condyle.intake.tags import ELEMENTS, MOST_VALUE_BYTES

DEFLATED = "1.2.840.10008.1.2.1.99"
BIG_ENDIAN = "1.2.840.10008.1.2.2"
NATIVE = frozenset({"1.2.840.10008.1.2", "1.2.840.10008.1.2.1", BIG_ENDIAN})
_META = 0x0002


class DicomFile(NamedTuple):
    """One DICOM object, pixels not read. A tuple with names, for the reason of ``Frame``.

    Parameters
    ----------
    blob : Blob
    header : Header
    layout : Layout
    pixel_offset : int - first byte of the pixel value in the file; 0 when there is none, or when it
        has no place of its own (deflated)
    pixel_length : int - bytes of the pixel value; -1 encapsulated, 0 none
    dataset : pydicom's data set without pixels, or None when the fast walk sufficed
    """

    blob: Blob
    header: Header
    layout: Layout
    pixel_offset: int
    pixel_length: int
    dataset: Any = None

    @property
    def where(self) -> str:
        return self.blob.where


def read_dicom(blob: Blob, head: bytes = b"", known: Known | None = None) -> DicomFile:
    """The header of one object. Raises ``InputError`` when it cannot be read as DICOM.

    Parameters
    ----------
    head : its first bytes if they were read before
    known : runs of elements of files before this one (see ``fast_dicom.scan``), for speed alone
    """
    head = head or blob.head(HEAD_BYTES)
    try:
        try:
            found = scan(head, blob.size, known)
        except TooShort:
            found = scan(blob.head(LONG_HEAD_BYTES), blob.size, known)
    except TooShort:
        found = None
    if found is None:
        return read_with_pydicom(blob)
    return _file(blob, Header(found.raw), found.pixel_offset, found.pixel_length, None)


class _Bounded(io.BufferedReader):
    """A file that hands out what it holds: Python allocates all that is asked for, and a hostile length asks for 4 GiB."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is None or size < 1 << 16:
            return super().read(size)
        return super().read(min(size, os.fstat(self.fileno()).st_size))


def read_with_pydicom(blob: Blob) -> DicomFile:
    """The same by pydicom, for everything that is not an ordinary file."""
    import pydicom

    stream = io.BytesIO(blob.read()) if blob.member else None
    try:
        with quiet(), stream or _Bounded(io.FileIO(blob.path)) as file:
            dataset = pydicom.dcmread(file, stop_before_pixels=True, force=True)
            if not dataset and not dataset.file_meta:
                raise _not_dicom(blob.where, "it holds no DICOM element")
            header = _header(dataset)
            deflated = header.text("TransferSyntaxUID") == DEFLATED
            offset, length = _pixel_place(file, dataset) if not deflated else (0, _deflated_length(blob, dataset))
    except OSError as error:
        raise _not_dicom(blob.where, f"reading it fails ({error.strerror or 'input ends early'})") from None
    except InputError:
        raise
    except Exception as error:  # pydicom raises many kinds on hostile bytes; each means: this file cannot be used
        raise _not_dicom(blob.where, f"its elements cannot be parsed ({type(error).__name__})") from None
    return _file(blob, header, offset, length, dataset)


def _file(blob: Blob, header: Header, offset: int, length: int, dataset: Any) -> DicomFile:
    return DicomFile(blob, header, layout_of(header), offset, length, dataset)


def _header(dataset: Any) -> Header:
    """Raw bytes of the wanted elements of a pydicom data set, as the fast walk would give them."""
    little = (
        bool(getattr(dataset, "is_little_endian", True)) if dataset.original_encoding[1] is None else bool(dataset.original_encoding[1])
    )
    raw: dict[int, bytes] = {}
    for tag, vr in ELEMENTS.values():
        source = dataset.file_meta if tag >> 16 == _META else dataset
        if tag not in source:
            continue
        element = source.get_item(tag)
        value = element.value
        if value is None:
            raw[tag] = b""
        elif isinstance(value, bytes):
            raw[tag] = value[:MOST_VALUE_BYTES]
        else:  # already converted by pydicom while it read (file meta, character set)
            raw[tag] = _as_bytes(value, vr, little)[:MOST_VALUE_BYTES]
    return Header(raw, little)


def _as_bytes(value: Any, vr: str, little: bool) -> bytes:
    many = list(value) if isinstance(value, (list, tuple)) or type(value).__name__ == "MultiValue" else [value]
    if vr == "US":
        return b"".join(struct.pack("<H" if little else ">H", int(one) & 0xFFFF) for one in many)
    return "\\".join(str(one) for one in many).encode("ascii", "replace")


def _pixel_place(file: Any, dataset: Any) -> tuple[int, int]:
    """(offset, length) of the pixel value when the file stands before its element; (0, 0) when there is none."""
    little = dataset.original_encoding[1] is not False
    order = "<" if little else ">"
    start = file.read(12)
    if len(start) < 8 or struct.unpack(order + "HH", start[:4]) != (0x7FE0, 0x0010):
        return 0, 0
    place = file.tell() - len(start)
    if dataset.original_encoding[0]:
        offset, length = place + 8, struct.unpack(order + "I", start[4:8])[0]
    elif len(start) == 12:
        offset, length = place + 12, struct.unpack(order + "I", start[8:12])[0]
    else:
        return 0, 0
    return offset, (-1 if length == 0xFFFFFFFF else length)


def _deflated_length(blob: Blob, dataset: Any) -> int:
    import pydicom

    full = pydicom.dcmread(io.BytesIO(blob.read()), force=True)
    return len(full.PixelData) if "PixelData" in full and full.PixelData else 0


def _not_dicom(where: str, why: str) -> InputError:
    return InputError(
        "dicom-unreadable",
        "A file cannot be read as DICOM.",
        where=where,
        why=f"{why[0].upper()}{why[1:]}.",
        what_to_do="Send the study again from its source, uncut.",
    )

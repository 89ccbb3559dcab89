"""Layout: what a header says of the stored values. The files of a series nearly always share one."""

from __future__ import annotations

from dataclasses import dataclass

from condyle.intake.header import Header, of_elements


@dataclass(frozen=True, slots=True)
class Layout:
    """How the pixels of an object are stored.

    Parameters
    ----------
    syntax : TransferSyntaxUID; empty where the header does not say
    rows, columns, frames, bits_allocated, bits_stored : 0 where the header does not say
    high_bit : None where the header does not say
    signed : bool
    inverted : bool - MONOCHROME1: low values are bright
    padding : lowest and highest stored value that stands for "no pixel here", or None
    """

    syntax: str
    rows: int
    columns: int
    frames: int
    bits_allocated: int
    bits_stored: int
    high_bit: int | None
    signed: bool
    inverted: bool
    padding: tuple[int, int] | None

    @property
    def frame_bytes(self) -> int:
        """Bytes of one uncompressed frame of one sample a pixel."""
        return self.rows * self.columns * self.bits_allocated // 8


@of_elements(
    "TransferSyntaxUID", "Rows", "Columns", "NumberOfFrames", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation",
    "PhotometricInterpretation", "PixelPaddingValue", "PixelPaddingRangeLimit",
)  # fmt: skip
def layout_of(header: Header) -> Layout:
    """The layout that a header describes; the same object for headers that say the same."""
    allocated = header.whole("BitsAllocated") or 0
    signed = header.whole("PixelRepresentation") == 1
    return Layout(
        syntax=header.text("TransferSyntaxUID"),
        rows=header.whole("Rows") or 0,
        columns=header.whole("Columns") or 0,
        frames=max(header.whole("NumberOfFrames") or 0, 0) if header.texts("NumberOfFrames") else 1,
        bits_allocated=allocated,
        bits_stored=header.whole("BitsStored") or allocated,
        high_bit=header.whole("HighBit"),
        signed=signed,
        inverted=header.text("PhotometricInterpretation") == "MONOCHROME1",
        padding=_padding(header, signed),
    )


def _padding(header: Header, signed: bool) -> tuple[int, int] | None:
    """PixelPaddingValue up to PixelPaddingRangeLimit, which may lie on either side of it (PS3.3 C.7.5.1.1.2)."""
    value = header.padding("PixelPaddingValue", signed)
    limit = header.padding("PixelPaddingRangeLimit", signed)
    if value is None:
        return None
    return min(value, value if limit is None else limit), max(value, value if limit is None else limit)

"""Compressed frames -> stored values. One package, imagecodecs, decodes every syntax and lets go of
the interpreter lock while it works, so frames decode in threads (docs/decisions/0003-pixel-decoders.md).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from condyle.errors import InputError
from condyle.intake.codestream import picture_size
from condyle.intake.dicom_file import DicomFile

RLE = "1.2.840.10008.1.2.5"
# Transfer syntax (below 1.2.840.10008.1.2.4) -> decoder of imagecodecs. DICOM PS3.5, 8.2.
_DECODERS = {
    "50": "jpeg8_decode",  # JPEG baseline
    "51": "jpeg8_decode",  # JPEG extended, 8 and 12 bit
    "57": "jpegsof3_decode",  # JPEG lossless
    "70": "jpegsof3_decode",  # JPEG lossless, first-order prediction
    "80": "jpegls_decode",
    "81": "jpegls_decode",  # near-lossless
    "90": "jpeg2k_decode",
    "91": "jpeg2k_decode",
    "201": "htj2k_decode",  # high-throughput JPEG 2000
    "202": "htj2k_decode",
    "203": "htj2k_decode",
}
COMPRESSED = frozenset({RLE, *(f"1.2.840.10008.1.2.4.{name}" for name in _DECODERS)})


def decode_frame(data: bytes, file: DicomFile) -> NDArray[Any]:
    """[row, column] stored values of one compressed frame of ``file``.

    Raises
    ------
    InputError - the stream is damaged, or is not of the size that the header says
    """
    if file.layout.syntax == RLE:
        return decode_rle(data, file)
    size = picture_size(data[: 1 << 20])
    if size != (file.layout.rows, file.layout.columns):
        raise _failed(
            file, "its compressed stream has no size" if size is None else f"its compressed stream is {size}, the header says otherwise"
        )
    try:
        pixels = _decoder(file.layout.syntax)(data)
    except Exception as error:  # every codec has its own error class; each means: this stream is damaged
        raise _failed(file, f"its compressed stream is damaged ({type(error).__name__})") from None
    if pixels.shape != (file.layout.rows, file.layout.columns):
        raise _failed(file, f"it decodes to an array of shape {pixels.shape}")
    return np.asarray(pixels)


def decode_rle(data: bytes, file: DicomFile) -> NDArray[Any]:
    """DICOM run-length encoding: one PackBits segment a byte of the sample, most significant first. PS3.5, annex G."""
    size = file.layout.bits_allocated // 8
    count, *starts = np.frombuffer(data[:64].ljust(64, b"\0"), "<u4").tolist()
    starts = starts[:count]
    if count != size or sorted(starts) != starts or not all(64 <= start < len(data) for start in starts):
        raise _failed(file, f"its run-length header names {count} segments for {size} bytes a pixel")
    planes = np.empty((file.layout.rows, file.layout.columns, size), np.uint8)
    for place, (start, stop) in enumerate(zip(starts, [*starts[1:], len(data)], strict=True)):
        planes[..., size - 1 - place] = _packbits(data[start:stop], file)
    return planes.view(f"<u{size}")[..., 0]


def _packbits(segment: bytes, file: DicomFile) -> NDArray[np.uint8]:
    import imagecodecs

    wanted = file.layout.rows * file.layout.columns
    try:
        pixels = np.frombuffer(imagecodecs.packbits_decode(segment), np.uint8)
    except imagecodecs.PackbitsError:
        raise _failed(file, "a run-length segment is damaged") from None
    if len(pixels) < wanted:
        raise _failed(file, f"a run-length segment holds {len(pixels)} of {wanted} bytes")
    return pixels[:wanted].reshape(file.layout.rows, file.layout.columns)  # a byte of padding is allowed behind a segment


def _decoder(syntax: str) -> Callable[[bytes], Any]:
    import imagecodecs

    decoder: Callable[[bytes], Any] = getattr(imagecodecs, _DECODERS[syntax.rpartition(".")[2]])
    return decoder


def _failed(file: DicomFile, why: str) -> InputError:
    return InputError(
        "pixels-damaged",
        "The pixels of a file cannot be read.",
        where=file.where,
        why=f"{why[0].upper()}{why[1:]}.",
        what_to_do="Send the series again from its source.",
    )

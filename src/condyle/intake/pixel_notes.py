"""What stands between the stored values of a series and its pictures, as far as headers tell: done and said, or refused."""

from __future__ import annotations

from collections.abc import Sequence

from condyle.intake.dicom_file import NATIVE, DicomFile
from condyle.intake.frame import Frame
from condyle.intake.tags import MODALITY_LUT
from condyle.study import Problem

_LARGEST = 1e30  # a rescale beyond this leaves the range of float32


def pixel_notes(frames: Sequence[Frame]) -> list[Problem]:
    """One problem for each thing that is not plain, at the first frame that has it."""
    found = (_inverted(frames), _rescale_useless(frames), _lookup(frames), _high_bit(frames), _too_long(frames))
    return [problem for problem in found if problem is not None]


def has_lookup(file: DicomFile) -> bool:
    """Whether values go through a table. The fast walk leaves such objects to pydicom, so a file without data set has none."""
    return file.dataset is not None and MODALITY_LUT in file.dataset


def _inverted(frames: Sequence[Frame]) -> Problem | None:
    first = next((frame for frame in frames if frame.file.layout.inverted), None)
    return first and Problem(
        "monochrome1",
        "note",
        "The grey scale of a series is stored inverted and is turned round.",
        first.where,
        "PhotometricInterpretation is MONOCHROME1.",
    )


def _rescale_useless(frames: Sequence[Frame]) -> Problem | None:
    for frame in frames:
        if frame.slope == 0:
            what, why = "A series has a rescale slope of zero.", "All its values would be equal."
        elif not (abs(frame.slope) < _LARGEST and abs(frame.intercept) < _LARGEST):
            what, why = "The rescale of a series cannot be used.", "RescaleSlope or RescaleIntercept is no number, or too large for one."
        else:
            continue
        return Problem("rescale-invalid", "error", what, frame.where, why, "Export the series again.")
    return None


def _lookup(frames: Sequence[Frame]) -> Problem | None:
    first = next((frame for frame in frames if has_lookup(frame.file)), None)
    return first and Problem(
        "modality-lut",
        "error",
        "The values of a series go through a look-up table and are not used.",
        first.where,
        "ModalityLUTSequence (0028,3000) maps stored values by a table, which MR images do not have (PS3.3 C.8.3.1).",
        "Export the series as plain MR images, or with RescaleSlope and RescaleIntercept.",
    )


def _high_bit(frames: Sequence[Frame]) -> Problem | None:
    for frame in frames:
        layout = frame.file.layout
        if layout.high_bit is not None and layout.high_bit != layout.bits_stored - 1:
            return Problem(
                "high-bit",
                "warning",
                f"HighBit {layout.high_bit} does not fit BitsStored {layout.bits_stored}.",
                frame.where,
                "The values are read from the low bits, as the standard asks since 2008 (PS3.5, 8.1.1).",
                "Look at the pictures before trusting them.",
            )
    return None


def _too_long(frames: Sequence[Frame]) -> Problem | None:
    """Uncompressed pixels may be padded to an even length, no more (PS3.5, 8.1.1)."""
    for frame in frames:
        needed = frame.file.layout.frame_bytes * frame.file.layout.frames
        if frame.file.layout.syntax in NATIVE and frame.file.pixel_length > needed + 1:
            return Problem(
                "pixels-too-long",
                "warning",
                "A file holds more pixels than its header says.",
                frame.where,
                f"{frame.file.pixel_length} bytes are there and {needed} are read: Rows, Columns or NumberOfFrames may be wrong.",
                "Look at the pictures before trusting them.",
            )
    return None

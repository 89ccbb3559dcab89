"""Frame: one slice of a DICOM object with its place in the patient, before stacks are formed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from condyle.intake.dicom_file import DicomFile
from condyle.intake.header import Header
from condyle.intake.tags import TAG

# What may tell two images at one position apart, in the order in which a split is tried.
KINDS = ("stack", "image type", "echo time", "inversion time", "flip angle", "b-value", "time point", "acquisition", "trigger time")


@dataclass(frozen=True, slots=True)
class Frame:
    """One slice.

    Parameters
    ----------
    file : DicomFile
    index : int - frame number in the file, from 0
    position : ImagePositionPatient in LPS mm, or None
    orientation : ImageOrientationPatient, six cosines, or None
    spacing : PixelSpacing in mm (between rows, between columns), or None
    rows, columns : int
    slope, intercept : float - rescale of stored values
    thickness, gap : float or None - SliceThickness and SpacingBetweenSlices in mm
    order : int or None - InstanceNumber, or the frame number of a multi-frame object
    kinds : name of KINDS -> value; absent ones left out
    headers : technical headers of this frame
    tile : (row, column) of the top left pixel when the slice is a tile of a mosaic
    """

    file: DicomFile
    index: int
    position: tuple[float, ...] | None
    orientation: tuple[float, ...] | None
    spacing: tuple[float, ...] | None
    rows: int
    columns: int
    slope: float = 1.0
    intercept: float = 0.0
    thickness: float | None = None
    gap: float | None = None
    order: int | None = None
    kinds: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, Any] = field(default_factory=dict)
    tile: tuple[int, int] | None = None

    @property
    def where(self) -> str:
        """File, and frame where a file holds several, for messages."""
        name = self.file.where
        return name if self.file.frames <= 1 else f"{name}, frame {self.index + 1}"


_KIND_TAGS = {
    "echo time": "EchoTime",
    "inversion time": "InversionTime",
    "flip angle": "FlipAngle",
    "b-value": "DiffusionBValue",
    "time point": "TemporalPositionIdentifier",
    "acquisition": "AcquisitionNumber",
    "trigger time": "TriggerTime",
}


def single_frame(file: DicomFile) -> Frame:
    """The frame of an ordinary object that holds one slice."""
    header = file.header
    position = header.floats("ImagePositionPatient")
    orientation, spacing, slope, intercept, thickness, gap, kinds = _alike(header, tuple(map(header.raw.get, _ALIKE)))
    return Frame(
        file, 0, position if len(position) == 3 else None, orientation, spacing, file.rows, file.columns,
        slope, intercept, thickness, gap, header.whole("InstanceNumber"), kinds,
    )  # fmt: skip


_ALIKE = [TAG[name] for name in (
    "SpecificCharacterSet", "ImageOrientationPatient", "PixelSpacing", "RescaleSlope", "RescaleIntercept", "SliceThickness",
    "SpacingBetweenSlices", "ImageType", *_KIND_TAGS.values(),
)]  # fmt: skip
Alike = tuple[tuple[float, ...] | None, tuple[float, ...] | None, float, float, float | None, float | None, Mapping[str, Any]]
_seen: dict[tuple[bool, tuple[bytes | None, ...]], Alike] = {}


def _alike(header: Header, raws: tuple[bytes | None, ...]) -> Alike:
    """What the slices of a stack have in common, converted once and shared: orientation, spacing, rescale, kinds."""
    key = (header.little, raws)
    found = _seen.get(key)
    if found is None:
        if len(_seen) >= 1 << 12:
            _seen.clear()
        orientation, spacing = header.floats("ImageOrientationPatient"), header.floats("PixelSpacing")
        slope, intercept = header.number("RescaleSlope"), header.number("RescaleIntercept")
        kinds: dict[str, Any] = {"image type": header.texts("ImageType")}
        kinds |= {name: value for name, tag in _KIND_TAGS.items() if (value := header.number(tag)) is not None}
        found = _seen[key] = (
            orientation if len(orientation) == 6 else None,
            spacing if len(spacing) == 2 and min(spacing) > 0 else None,
            1.0 if slope is None else slope,
            0.0 if intercept is None else intercept,
            header.number("SliceThickness"),
            header.number("SpacingBetweenSlices"),
            kinds,
        )
    return found

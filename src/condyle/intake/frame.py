"""Frame: one slice of a DICOM object with its place in the patient, before stacks are formed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from condyle.intake.dicom_file import DicomFile
from condyle.intake.header import Header, of_elements

# What may tell two images at one position apart, in the order in which a split is tried.
KINDS = (
    "stack", "image type", "echo time", "echo number", "inversion time", "flip angle", "b-value", "time point", "acquisition",
    "trigger time",
)  # fmt: skip


_NOTHING: Mapping[str, Any] = MappingProxyType({})


class Frame(NamedTuple):
    """One slice. A tuple with names: studies have thousands, and a frozen dataclass takes five times as long to make.

    Parameters
    ----------
    file : DicomFile
    number : int - of the frame in the file, from 0
    position : ImagePositionPatient in LPS mm, or None
    orientation : ImageOrientationPatient, six cosines, or None
    spacing : PixelSpacing in mm (between rows, between columns), or None
    rows, columns : int
    slope, intercept : float - rescale of stored values; NaN when the header holds no number there
    thickness, gap : float or None - SliceThickness and SpacingBetweenSlices in mm
    order : int or None - InstanceNumber, or the frame number of a multi-frame object
    kinds : name of KINDS -> value; absent ones left out
    headers : technical headers of this frame
    tile : (row, column) of the top left pixel when the slice is a tile of a mosaic
    """

    file: DicomFile
    number: int
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
    kinds: Mapping[str, Any] = _NOTHING
    headers: Mapping[str, Any] = _NOTHING
    tile: tuple[int, int] | None = None

    @property
    def where(self) -> str:
        """File, and frame where a file holds several, for messages."""
        name = self.file.where
        return name if self.file.layout.frames <= 1 else f"{name}, frame {self.number + 1}"


_FAR_MM = 1e6
_KIND_TAGS = {
    "echo time": "EchoTime",
    "echo number": "EchoNumbers",
    "inversion time": "InversionTime",
    "flip angle": "FlipAngle",
    "b-value": "DiffusionBValue",
    "time point": "TemporalPositionIdentifier",
    "acquisition": "AcquisitionNumber",
    "trigger time": "TriggerTime",
}


def usable_position(values: tuple[float, ...]) -> tuple[float, ...] | None:
    """ImagePositionPatient if it is a point within a kilometre."""
    return values if len(values) == 3 and min(values) > -_FAR_MM and max(values) < _FAR_MM else None


def usable_steps(values: tuple[float, ...], count: int) -> tuple[float, ...] | None:
    """Distances in mm if they are ``count`` numbers that a scanner could have written."""
    return values if len(values) == count and min(values) > 1e-4 and max(values) < 1e4 else None


def usable_step(value: float | None) -> float | None:
    """A single distance in mm, such as SliceThickness."""
    return value if value is not None and usable_steps((value,), 1) else None


def single_frame(file: DicomFile) -> Frame:
    """The frame of an ordinary object that holds one slice."""
    header, layout = file.header, file.layout
    position = usable_position(header.floats("ImagePositionPatient"))
    orientation, spacing, slope, intercept, thickness, gap, kinds = _alike(header)
    return Frame(
        file, 0, position, orientation, spacing, layout.rows, layout.columns, slope, intercept, thickness, gap,
        header.whole("InstanceNumber"), kinds,
    )  # fmt: skip


Alike = tuple[tuple[float, ...] | None, tuple[float, ...] | None, float, float, float | None, float | None, Mapping[str, Any]]


@of_elements(
    "ImageOrientationPatient", "PixelSpacing", "RescaleSlope", "RescaleIntercept", "SliceThickness", "SpacingBetweenSlices",
    "ImageType", *_KIND_TAGS.values(),
)  # fmt: skip
def _alike(header: Header) -> Alike:
    """What the slices of a stack have in common: orientation, spacing, rescale, thickness, gap, kinds."""
    orientation = header.floats("ImageOrientationPatient")
    kinds: dict[str, Any] = {"image type": header.texts("ImageType")}
    kinds |= {name: value for name, tag in _KIND_TAGS.items() if (value := header.number(tag)) is not None}
    return (
        orientation if len(orientation) == 6 else None,
        usable_steps(header.floats("PixelSpacing"), 2),
        rescale_factor(header, "RescaleSlope", 1.0),
        rescale_factor(header, "RescaleIntercept", 0.0),
        usable_step(header.number("SliceThickness")),
        usable_step(header.number("SpacingBetweenSlices")),
        kinds,
    )


def rescale_factor(header: Header, name: str, absent: float) -> float:
    """A factor of the rescale; ``absent`` when the element is not there or empty, NaN when it holds no number."""
    if not header.texts(name):
        return absent
    value = header.number(name)
    return math.nan if value is None else value

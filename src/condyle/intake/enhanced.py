"""Frames of an enhanced (multi-frame) MR object, from its functional groups.

Source: DICOM PS3.3, C.7.6.16 (functional groups), C.8.13.5 (enhanced MR macros).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

from condyle.errors import InputError
from condyle.intake.dicom_file import DicomFile, read_with_pydicom
from condyle.intake.frame import Frame, rescale_factor, usable_position, usable_step, usable_steps
from condyle.intake.quiet import quiet

# Name in Series.headers -> (functional group, attribute).
_GROUPED = {
    "echo_time": ("MREchoSequence", "EffectiveEchoTime"),
    "repetition_time": ("MRTimingAndRelatedParametersSequence", "RepetitionTime"),
    "flip_angle": ("MRTimingAndRelatedParametersSequence", "FlipAngle"),
    "echo_train_length": ("MRTimingAndRelatedParametersSequence", "RFEchoTrainLength"),
    "inversion_time": ("MRModifierSequence", "InversionTimes"),
    "pixel_bandwidth": ("MRImagingModifierSequence", "PixelBandwidth"),
    "slice_thickness": ("PixelMeasuresSequence", "SliceThickness"),
    "b_value": ("MRDiffusionSequence", "DiffusionBValue"),
}
# What may tell two frames at one position apart (see frame.KINDS).
_KINDS = {
    "time point": ("FrameContentSequence", "TemporalPositionIndex"),
    "acquisition": ("FrameContentSequence", "FrameAcquisitionNumber"),
    "trigger time": ("CardiacSynchronizationSequence", "NominalCardiacTriggerDelayTime"),
}


def frames_of(file: DicomFile) -> list[Frame]:
    """One ``Frame`` for each frame of a multi-frame object. Raises ``InputError`` when its groups cannot be read."""
    with quiet():
        try:
            dataset = file.dataset if file.dataset is not None else read_with_pydicom(file.blob).dataset
            shared = _first(dataset, "SharedFunctionalGroupsSequence")
            each = dataset.get("PerFrameFunctionalGroupsSequence") or ()
            common = _common_headers(file, dataset)
            return [
                _frame(file, dataset, index, _Groups(each[index] if index < len(each) else None, shared), common)
                for index in range(file.layout.frames)
            ]
        except InputError:
            raise
        except Exception as error:  # pydicom raises many kinds on hostile elements; each means: not usable
            raise InputError(
                "frames-damaged",
                "The frames of a multi-frame object cannot be told apart.",
                where=file.where,
                why=f"Its functional groups cannot be parsed ({type(error).__name__}).",
                what_to_do="Export the series again.",
            ) from None


class _Groups:
    """The functional groups of one frame: its own before those shared by all frames."""

    def __init__(self, own: Any, shared: Any) -> None:
        self._levels = [level for level in (own, shared) if level is not None]

    def get(self, group: str, name: str) -> Any:
        for level in self._levels:
            item = _first(level, group)
            value = None if item is None else item.get(name)
            if value not in (None, ""):
                return value
        return None

    def floats(self, group: str, name: str) -> tuple[float, ...]:
        return _floats(self.get(group, name))


def _frame(file: DicomFile, dataset: Any, index: int, groups: _Groups, common: dict[str, Any]) -> Frame:
    position = groups.floats("PlanePositionSequence", "ImagePositionPatient")
    orientation = groups.floats("PlaneOrientationSequence", "ImageOrientationPatient") or file.header.floats("ImageOrientationPatient")
    if not position and file.layout.frames == 1:
        position = file.header.floats("ImagePositionPatient")
    spacing = groups.floats("PixelMeasuresSequence", "PixelSpacing") or file.header.floats("PixelSpacing")
    gap = groups.floats("PixelMeasuresSequence", "SpacingBetweenSlices")
    headers = dict(common)
    for key, place in _GROUPED.items():
        found = groups.floats(*place)
        if found:
            headers[key] = found[0]
    frame_type = groups.get("MRImageFrameTypeSequence", "FrameType")
    if frame_type:
        headers["image_type"] = tuple(str(part) for part in frame_type)
    side = groups.get("FrameAnatomySequence", "FrameLaterality")
    if side:
        headers["image_laterality"] = str(side)
    return Frame(
        file,
        index,
        position=usable_position(position),
        orientation=orientation if len(orientation) == 6 else None,
        spacing=usable_steps(spacing, 2),
        rows=file.layout.rows,
        columns=file.layout.columns,
        slope=_rescale(groups, file, "RescaleSlope", 1.0),
        intercept=_rescale(groups, file, "RescaleIntercept", 0.0),
        thickness=usable_step(headers.get("slice_thickness")),
        gap=usable_step(next(iter(gap), file.header.number("SpacingBetweenSlices"))),
        order=index + 1,
        kinds=_kinds(groups, headers),
        headers=headers,
    )


def _kinds(groups: _Groups, headers: dict[str, Any]) -> dict[str, Any]:
    kinds: dict[str, Any] = {
        "image type": (*headers.get("image_type", ()), str(groups.get("MRImageFrameTypeSequence", "ComplexImageComponent") or ""))
    }
    stack = groups.get("FrameContentSequence", "StackID")
    if stack is not None:
        kinds["stack"] = str(stack)
    for name, key in (
        ("echo time", "echo_time"),
        ("inversion time", "inversion_time"),
        ("flip angle", "flip_angle"),
        ("b-value", "b_value"),
    ):
        if key in headers:
            kinds[name] = headers[key]
    for name, place in _KINDS.items():
        found = groups.floats(*place)
        if found:
            kinds[name] = found[0]
    return kinds


def _common_headers(file: DicomFile, dataset: Any) -> dict[str, Any]:
    """Technical headers that all frames share; the enhanced pulse sequence in the words of the ordinary object."""
    headers = file.header.technical()
    name = dataset.get("PulseSequenceName")
    if name:
        headers.setdefault("sequence_name", str(name))
    if "scanning_sequence" not in headers:
        kinds = {"SPIN": ("SE",), "GRADIENT": ("GR",), "BOTH": ("SE", "GR")}.get(str(dataset.get("EchoPulseSequence") or ""), ())
        planar = ("EP",) if str(dataset.get("EchoPlanarPulseSequence") or "") == "YES" else ()
        inversion = ("IR",) if str(dataset.get("InversionRecovery") or "") == "YES" else ()
        if kinds or planar or inversion:
            headers["scanning_sequence"] = (*kinds, *planar, *inversion)
    return headers


def _first(dataset: Any, name: str) -> Any:
    sequence = dataset.get(name)
    return sequence[0] if sequence else None


def _floats(value: Any) -> tuple[float, ...]:
    if value is None or value == "":
        return ()
    many: Sequence[Any] | Iterator[Any] = value if hasattr(value, "__iter__") and not isinstance(value, str) else (value,)
    numbers = tuple(float(one) for one in many)
    return numbers if all(math.isfinite(number) for number in numbers) else ()


def _rescale(groups: _Groups, file: DicomFile, name: str, absent: float) -> float:
    """A factor of the rescale of one frame, its own before that of the object; NaN when there is one that is no number."""
    value = groups.get("PixelValueTransformationSequence", name)
    if value is None:
        return rescale_factor(file.header, name, absent)
    return next(iter(_floats(value)), math.nan)

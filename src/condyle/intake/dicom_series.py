"""DICOM objects -> studies and series: who belongs to whom, what is an MR image, what is not."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from condyle.errors import InputError
from condyle.intake.dicom_file import NATIVE, DicomFile
from condyle.intake.frame import Frame, single_frame
from condyle.intake.identity import patient_key, study_key
from condyle.intake.nominal import unplaced
from condyle.intake.pixels import damaged, read_frames
from condyle.intake.roles import infer_role
from condyle.intake.stacks import Stack, form_stacks
from condyle.study import Problem, Series, Study, Volume

MR_CLASSES = frozenset(
    {
        "1.2.840.10008.5.1.4.1.1.4",  # MR Image Storage
        "1.2.840.10008.5.1.4.1.1.4.1",  # Enhanced MR Image Storage
        "1.2.840.10008.5.1.4.1.1.4.4",  # Legacy Converted Enhanced MR Image Storage
    }
)
LOCALISER_WORDS = ("localizer", "localiser", "scout", "survey", "lokali", "locali", "loc_", "_loc", "3-plane", "3 plane", "3plane", "plan scan", "topogram")


@dataclass(frozen=True, slots=True)
class DicomSource:
    """What ``load_volume`` needs of a DICOM series: its frames in order."""

    frames: tuple[Frame, ...]


def not_used(file: DicomFile) -> str:
    """Why an object is no MR image that can be stacked; empty when it is one."""
    header = file.header
    modality, sop_class = header.text("Modality"), header.text("SOPClassUID")
    if sop_class == "1.2.840.10008.1.3.10":
        return "a DICOMDIR index, no image of its own"
    if file.pixel_length == 0:
        return f"no pixel data ({_kind(modality)})"
    if (sop_class and sop_class not in MR_CLASSES) or (not sop_class and modality != "MR"):
        return f"an image, but no MR image ({_kind(modality)})"
    if not file.syntax:
        return "damaged: no TransferSyntaxUID, so its bytes have no certain meaning"
    if (header.whole("SamplesPerPixel") or 1) != 1 or not header.text("PhotometricInterpretation").startswith("MONOCHROME"):
        return "a colour picture, not MR signal"
    return ""


def _kind(modality: str) -> str:
    return f"modality {modality}" if modality.isalnum() and len(modality) <= 16 else "modality not given"


def damage(file: DicomFile) -> str:
    """What is wrong with an MR object's pixels, as far as sizes tell; empty when nothing is."""
    if min(file.rows, file.columns, file.frames) < 1:
        return "damaged: Rows, Columns or NumberOfFrames is missing or not a number"
    if file.syntax in NATIVE:
        needed = file.frame_bytes * file.frames
        there = min(file.pixel_length, file.blob.size - file.pixel_offset)
        if there < needed:
            return f"damaged: truncated pixel data, {max(there, 0)} of {needed} bytes"
    return ""


def group_studies(files: Iterable[DicomFile]) -> dict[tuple[str, str], list[DicomFile]]:
    """Objects by (StudyInstanceUID, patient): two patients are never put together."""
    groups: dict[tuple[str, str], list[DicomFile]] = defaultdict(list)
    for file in files:
        header = file.header
        groups[header.text("StudyInstanceUID"), header.text("PatientID") or header.text("PatientName")].append(file)
    return groups


def build_study(uid: str, patient: str, files: Sequence[DicomFile], path: str, *, shared_uid: bool = False) -> Study:
    """One study from the MR objects of one patient. Slices that join no stack are listed in ``unused``."""
    by_series: dict[str, list[DicomFile]] = defaultdict(list)
    for file in files:
        by_series[file.header.text("SeriesInstanceUID") or f"number {file.header.text('SeriesNumber')}"].append(file)
    built: list[tuple[int, str, list[Series], list[tuple[str, str]]]] = []
    for series_uid, members in by_series.items():
        number = members[0].header.whole("SeriesNumber")
        series, left = build_series(members, number)
        built.append((number if number is not None else 1 << 30, series_uid, series, left))
    built.sort(key=lambda item: item[:2])
    unused = tuple(entry for *_, left in built for entry in left)
    return Study(
        study_key(uid if not shared_uid else f"{uid} of {patient}"), patient_key(patient),
        _with_ids([series for _, _, series, _ in built]), unused=unused, path=path,
    )  # fmt: skip


def build_series(members: Sequence[DicomFile], number: int | None) -> tuple[list[Series], list[tuple[str, str]]]:
    """The stacks of one series, and (where, reason) of what joined none."""
    frames = [single_frame(file) for file in members]
    stacked = form_stacks(frames)
    planes = {stack.geometry.plane for stack in stacked.stacks if stack.geometry is not None}
    series = [_series(stack, number, three_planes=len(planes) == 3) for stack in stacked.stacks]
    return series, [(frame.where, reason) for frame, reason in stacked.left_out]


def _series(stack: Stack, number: int | None, *, three_planes: bool) -> Series:
    headers = dict(stack.frames[0].headers) or stack.frames[0].file.header.technical()
    stack = stack.adding(*_pixel_notes(stack))
    used, problems = stack.used, stack.problems
    if three_planes or _says_localiser(headers):
        used, problems = False, (*problems, _localiser(stack))
    return Series(
        "", "dicom", DicomSource(stack.frames), stack.geometry, infer_role(headers, stack.geometry), number, headers, problems, used
    )  # fmt: skip


def _pixel_notes(stack: Stack) -> list[Problem]:
    notes = []
    first = stack.frames[0]
    if first.file.header.text("PhotometricInterpretation") == "MONOCHROME1":
        notes.append(
            Problem("monochrome1", "note", "The grey scale of a series is stored inverted and was turned round.", first.where, "PhotometricInterpretation is MONOCHROME1.")
        )  # fmt: skip
    return notes


def _says_localiser(headers: dict[str, Any]) -> bool:
    if any(value.upper() == "LOCALIZER" for value in headers.get("image_type", ())):
        return True
    text = f"{headers.get('series_description', '')} {headers.get('protocol_name', '')}".lower()
    return any(word in text for word in LOCALISER_WORDS)


def _localiser(stack: Stack) -> Problem:
    return Problem(
        "localiser", "note", "A series is a localiser and is not read.", stack.frames[0].where,
        "Its image type or name says so, or it holds all three planes.", "Nothing: the diagnostic series are read.",
    )  # fmt: skip


def _with_ids(groups: Sequence[Sequence[Series]]) -> tuple[Series, ...]:
    """Unique ids from the series number: ``003``, ``003-2`` for the second stack, ``x01`` without number."""
    import dataclasses

    result: list[Series] = []
    taken: set[str] = set()
    for place, group in enumerate(groups, start=1):
        stem = f"{group[0].number:03d}" if group and group[0].number is not None and group[0].number >= 0 else f"x{place:02d}"
        while any(stem == name or name.startswith(f"{stem}-") for name in taken):
            stem += "b"
        for part, series in enumerate(group, start=1):
            name = stem if len(group) == 1 else f"{stem}-{part}"
            taken.add(name)
            result.append(dataclasses.replace(series, series_id=name))
    return tuple(result)


def load_dicom(series: Series) -> Volume:
    """Modality values of a DICOM series. Raises ``InputError`` naming the file that cannot be decoded."""
    source: DicomSource = series.source
    frames = source.frames
    stored = read_frames([(frame.file, frame.index) for frame in frames])
    pixels = _modality(frames, stored)
    geometry = series.geometry or unplaced(pixels.shape)
    if geometry.shape != pixels.shape:
        raise damaged(frames[0].where, f"its pixels have the shape {pixels.shape}, the header says {geometry.shape}")
    return Volume(pixels, geometry, series.series_id)


def _modality(frames: Sequence[Frame], stored: Any) -> Any:
    """Invert MONOCHROME1, then rescale, slice by slice where slices differ (PS3.3 C.7.6.3.1.2, C.11.1)."""
    file = frames[0].file
    if file.header.text("PhotometricInterpretation") == "MONOCHROME1":
        top = -1 if file.signed else (1 << file.bits_stored) - 1
        np.subtract(stored.dtype.type(top), stored, out=stored)
    scales = {(frame.slope, frame.intercept) for frame in frames}
    if scales == {(1.0, 0.0)}:
        return stored
    if any(slope == 0 for slope, _ in scales):
        raise InputError("rescale-zero", "A series has a rescale slope of zero.", where=frames[0].where, why="All values would be equal.", what_to_do="Export the series again.")
    slopes = np.array([frame.slope for frame in frames], np.float32)[:, None, None]
    intercepts = np.array([frame.intercept for frame in frames], np.float32)[:, None, None]
    return stored * slopes + intercepts

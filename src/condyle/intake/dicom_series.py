"""DICOM objects -> studies and series: who belongs to whom, and what each series is."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from condyle.errors import InputError
from condyle.intake.dicom_file import DicomFile
from condyle.intake.enhanced import frames_of
from condyle.intake.frame import Frame, single_frame
from condyle.intake.identity import patient_key, study_key
from condyle.intake.modality import DicomSource
from condyle.intake.mosaic import is_mosaic, tiles_of
from condyle.intake.patients import Patient, apart, patient_of
from condyle.intake.pixel_notes import pixel_notes
from condyle.intake.roles import infer_role, is_scout
from condyle.intake.stack import Stack
from condyle.intake.stacks import form_stacks
from condyle.intake.tags import TAG
from condyle.study import Problem, Series, Study


@dataclass(frozen=True, slots=True)
class StudyFiles:
    """The MR objects of one study of one patient."""

    uid: str
    patient: str
    files: tuple[DicomFile, ...]
    uid_is_shared: bool = False


def group_studies(files: Iterable[DicomFile]) -> list[StudyFiles]:
    """Objects by StudyInstanceUID and patient: two patients are never put together.

    Objects without a study UID belong together when they lie in one folder.
    """
    found: dict[str, dict[Patient, list[DicomFile]]] = defaultdict(lambda: defaultdict(list))
    for file in files:
        uid = file.header.text("StudyInstanceUID") or f"without UID in {PurePosixPath(file.where).parent}"
        found[uid][patient_of(file.header)].append(file)
    groups: list[StudyFiles] = []
    for uid, members in found.items():
        persons = apart(members)
        ids = [person.number or person.written for person, _ in persons]
        for (person, own), number in zip(persons, ids, strict=True):
            whole = number if ids.count(number) == 1 else f"{number} {person.name} {person.birth}"
            groups.append(StudyFiles(uid, whole, tuple(file for one in own for file in members[one]), len(persons) > 1))
    return groups


def build_study(group: StudyFiles, path: str) -> Study:
    """One study. Slices that join no stack are listed in ``unused``."""
    by_series: dict[tuple[str, ...], list[DicomFile]] = defaultdict(list)
    for file in group.files:
        uid = file.header.text("SeriesInstanceUID")
        key: tuple[str, ...] = (
            (uid,)
            if uid
            else (str(PurePosixPath(file.where).parent), file.header.text("SeriesNumber"), file.header.text("SeriesDescription"))
        )
        by_series[key].append(file)
    built: list[tuple[int, tuple[str, ...], list[Series]]] = []
    unused: list[tuple[str, str]] = []
    problems: list[Problem] = [_two_patients()] if group.uid_is_shared else []
    for key, members in by_series.items():
        number = members[0].header.whole("SeriesNumber")
        series, left, trouble = build_series(members, number)
        unused += left
        problems += trouble
        if series:
            built.append((number if number is not None else 1 << 30, key, series))
    built.sort(key=lambda item: item[:2])
    identity = f"{group.uid} of {group.patient}" if group.uid_is_shared else group.uid
    ids = _with_ids([series for _, _, series in built])
    return Study(study_key(identity), patient_key(group.patient), ids, tuple(problems), tuple(unused), path)


def build_series(members: Sequence[DicomFile], number: int | None) -> tuple[list[Series], list[tuple[str, str]], list[Problem]]:
    """The stacks of one series, (where, reason) of what joined none, and problems of files that have no frame."""
    frames: list[Frame] = []
    left: list[tuple[str, str]] = []
    problems: list[Problem] = []
    for file in members:
        try:
            frames += _frames(file)
        except InputError as error:
            left.append((file.where, f"{error.why[0].lower()}{error.why[1:].rstrip('.')}"))
            problems.append(Problem(error.code, "error", error.what, error.where, error.why, error.what_to_do))
    if not frames:
        return [], left, problems
    stacked = form_stacks(frames)
    planes = {stack.geometry.plane for stack in stacked.stacks if stack.geometry is not None}
    series = [_series(stack, number, three_planes=len(planes) == 3) for stack in stacked.stacks]
    return series, left + _left_out(stacked.left_out), problems


_SOP_CLASS, _ENHANCED = TAG["SOPClassUID"], b"1.2.840.10008.5.1.4.1.1.4."


def _left_out(frames: Sequence[tuple[Frame, str]]) -> list[tuple[str, str]]:
    """(where, reason): a file of which no frame is used stands there once, with the first reason."""
    dropped = Counter(id(frame.file) for frame, _ in frames)
    entries: dict[str, str] = {}
    for frame, reason in frames:
        whole = dropped[id(frame.file)] >= frame.file.layout.frames
        entries.setdefault(frame.file.where if whole else frame.where, reason)
    return list(entries.items())


def _frames(file: DicomFile) -> list[Frame]:
    if file.layout.frames > 1 or file.header.raw.get(_SOP_CLASS, b"").startswith(_ENHANCED):
        return frames_of(file)
    frame = single_frame(file)
    if not is_mosaic(frame):
        return [frame]
    tiles = tiles_of(frame)
    if tiles is None:
        raise InputError(
            "mosaic-unsplit",
            "A mosaic cannot be split into its slices.",
            where=file.where,
            why="The header does not say how many tiles it holds and which way they go.",
            what_to_do="Export the series as single slices or as an enhanced object.",
        )
    return tiles


def _series(stack: Stack, number: int | None, *, three_planes: bool) -> Series:
    first = stack.frames[0]
    headers = dict(first.headers) or first.file.header.technical()
    stack = stack.adding(*pixel_notes(stack.frames))
    used, problems = stack.used, stack.problems
    if is_scout(headers) or (three_planes and len(stack.frames) < 32):
        # Nobody misses a localiser: that its few slices form no volume is no error of the study.
        used, problems = False, (*(problem for problem in problems if problem.severity != "error"), _localiser(first))
    return Series(
        "", "dicom", DicomSource(stack.frames), stack.geometry, infer_role(headers, stack.geometry), number, headers, problems, used
    )


def _localiser(frame: Frame) -> Problem:
    return Problem(
        "localiser",
        "note",
        "A series is a localiser and is not read.",
        frame.where,
        "Its image type or name says so, or it holds all three planes.",
        "Nothing: the diagnostic series are read.",
    )


def _two_patients() -> Problem:
    return Problem(
        "two-patients",
        "warning",
        "Objects of different patients carry the same StudyInstanceUID; they are kept apart.",
        "",
        "PatientID, PatientName or PatientBirthDate differ within the study.",
        "Check at the source which patient the study belongs to.",
    )


def _with_ids(groups: Sequence[Sequence[Series]]) -> tuple[Series, ...]:
    """Unique ids from the series number: ``003``; ``003-2`` for the second stack; ``x01`` without a number."""
    result: list[Series] = []
    taken: set[str] = set()
    for place, group in enumerate(groups, start=1):
        number = group[0].number
        stem = f"{number:03d}" if number is not None and number >= 0 else f"x{place:02d}"
        while stem in taken:
            stem += "b"
        taken.add(stem)
        result += [replace(one, series_id=stem if len(group) == 1 else f"{stem}-{part}") for part, one in enumerate(group, start=1)]
    return tuple(result)

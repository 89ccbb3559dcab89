"""Whatever a hospital sends -> studies. Headers are read here; pixels when ``load_volume`` asks."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from condyle.errors import InputError, UsageError
from condyle.intake.array import MAGIC as NPY
from condyle.intake.array import group_arrays, load_array, open_arrays
from condyle.intake.blob import Blob
from condyle.intake.codestream import JPEG, PNG
from condyle.intake.dicom_file import DicomFile, read_dicom
from condyle.intake.dicom_series import build_study, group_studies
from condyle.intake.dicomdir import SOP_CLASS as DICOMDIR
from condyle.intake.dicomdir import missing_files
from condyle.intake.eligible import damage, not_an_mr_image
from condyle.intake.files import Found, find_files, find_in_archive
from condyle.intake.identity import patient_key, study_key
from condyle.intake.lone_file import overridden
from condyle.intake.metaimage import is_metaimage, load_metaimage, open_metaimage
from condyle.intake.modality import load_dicom
from condyle.intake.nifti import inflated_head, is_gzip, is_nifti, load_nifti, open_nifti
from condyle.intake.picture import load_picture, open_picture
from condyle.intake.redact import Redactor, secret_words
from condyle.study import Problem, Series, Study, Volume

Overrides = Mapping[str, Any]
SNIFF_BYTES = 1024


@dataclass(frozen=True, slots=True)
class Opened:
    """Everything that was found.

    Parameters
    ----------
    studies : of DICOM in the order of their first file, then those of other files
    problems : what is wrong with files that belong to no study
    unused : (where, reason) of every file that belongs to no study
    """

    studies: tuple[Study, ...]
    problems: tuple[Problem, ...] = ()
    unused: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Part:
    """One source of a study that comes in several pieces, such as the rows of a manifest.

    Parameters
    ----------
    path : file, folder or archive
    overrides : what the user says of its series: traits of a role (``plane``, ``weighting``, ...) and
        ``spacing`` = (between slices, rows, columns) in mm
    """

    path: str | os.PathLike[str]
    overrides: Overrides = field(default_factory=dict)


@dataclass(slots=True)
class _Sorted:
    """Files by what they are."""

    dicom: list[DicomFile] = field(default_factory=list)
    by_kind: dict[str, list[Blob]] = field(default_factory=lambda: {"nifti": [], "metaimage": [], "npy": [], "picture": []})
    unused: list[tuple[str, str]] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def open_studies(path: str | os.PathLike[str], *, overrides: Overrides | None = None) -> Opened:
    """Open everything under ``path``: a file, a folder of any depth, a zip archive, a DICOMDIR.

    Parameters
    ----------
    overrides : what the user says of every series (see ``Part``)

    Raises
    ------
    InputError - the path itself is not there, or an override makes no sense
    """
    root = Path(path)
    files = _sort(find_files(root))
    redact = Redactor(secret_words(file.header for file in files.dicom))
    told = dict(overrides or {})
    studies, problems, unused = _dicom_studies([_renamed(file, redact) for file in files.dicom], str(root), told)
    others, more_problems, more_unused = _other_studies(files, redact, str(root), told, beside_dicom=bool(studies))
    return Opened(
        tuple(studies + others),
        tuple(problems + more_problems + [replace(problem, where=redact(problem.where)) for problem in files.problems]),
        tuple(unused + more_unused + [(redact(where), reason) for where, reason in files.unused]),
    )


def open_study(path: str | os.PathLike[str], *, study: str = "", overrides: Overrides | None = None) -> Study:
    """Open one study. ``study`` chooses among several by key.

    Raises
    ------
    InputError - nothing under ``path`` can be used
    UsageError - several studies and none chosen, or the one chosen is not there
    """
    opened = open_studies(path, overrides=overrides)
    if not opened.studies:
        raise _nothing(opened)
    found = [one for one in opened.studies if not study or one.study_key == study]
    if len(found) != 1:
        keys = ", ".join(one.study_key for one in opened.studies)
        raise UsageError(
            "study-not-chosen",
            "The study chosen is not there." if study else f"There are {len(opened.studies)} studies and one must be chosen.",
            why=f"Found: {keys}.",
            what_to_do="Name one of these keys with --study.",
        )
    whole = replace(found[0], problems=found[0].problems + opened.problems, unused=found[0].unused + opened.unused)
    if all(problem.severity == "error" for series in whole.series for problem in series.problems[-1:]) and not any(
        series.used for series in whole.series
    ):
        raise _nothing(Opened((), whole.all_problems(), whole.unused))
    return whole


def open_parts(parts: Sequence[Part], *, study_id: str = "", patient_id: str = "") -> Study:
    """One study from several sources, such as the pictures of one patient in a manifest.

    Parameters
    ----------
    study_id, patient_id : identifiers of the manifest; when given, the keys are made from them

    Raises
    ------
    InputError - a part cannot be used, or DICOM parts belong to different patients
    """
    studies = [open_study(part.path, overrides=part.overrides) for part in parts]
    if not studies:
        raise InputError("no-study", "A study without any part cannot be opened.", what_to_do="Name at least one path.")
    dicom = {study.patient_key for study in studies if any(series.format == "dicom" for series in study.series)}
    if len(dicom) > 1:
        raise InputError(
            "two-patients",
            "The parts of one study belong to different patients.",
            why=f"Their keys are {', '.join(sorted(dicom))}.",
            what_to_do="Correct the study_id of these rows.",
        )
    series: list[Series] = []
    for study in studies:
        taken = {one.series_id for one in series}
        series += [replace(one, series_id=_free(one.series_id, taken)) for one in study.series]
    return Study(
        study_key(f"id {study_id}") if study_id else studies[0].study_key,
        patient_key(f"id {patient_id}") if patient_id else studies[0].patient_key,
        tuple(series),
        tuple(problem for study in studies for problem in study.problems),
        tuple(entry for study in studies for entry in study.unused),
        studies[0].path,
    )


def load_volume(series: Series) -> Volume:
    """Decode a series: modality values on slices sorted by position.

    Integers stay integers when the rescale is the identity. Raises ``InputError`` naming the file
    that cannot be decoded.
    """
    return _LOADERS[series.format](series)


def load_volumes(study: Study) -> tuple[Study, dict[str, Volume]]:
    """Decode every used series. One that cannot be decoded is marked unused with the reason; the rest goes on.

    Returns
    -------
    (the study with such series marked, volumes by series_id)
    """
    volumes: dict[str, Volume] = {}
    series = []
    for one in study.series:
        if one.used:
            try:
                volumes[one.series_id] = load_volume(one)
            except InputError as error:
                one = replace(one, used=False, problems=(*one.problems, _problem(error)))
        series.append(one)
    return replace(study, series=tuple(series)), volumes


_LOADERS: dict[str, Callable[[Series], Volume]] = {
    "dicom": load_dicom,
    "nifti": load_nifti,
    "metaimage": load_metaimage,
    "npy": load_array,
    "picture": load_picture,
}


def _sort(found: Found) -> _Sorted:
    """Read the header of every file and tell what it is."""
    result = _Sorted(unused=list(found.refused), problems=list(found.problems))
    queue = deque(found.blobs)
    while queue:
        blob = queue.popleft()
        try:
            kind = _kind(blob)
            if kind == "dicom":
                result.dicom.append(read_dicom(blob))
            elif kind in result.by_kind:
                result.by_kind[kind].append(blob)
            elif kind == "zip":
                inner = find_in_archive(blob)
                queue.extendleft(reversed(inner.blobs))
                result.unused += inner.refused
                result.problems += inner.problems
            else:
                result.unused.append((blob.where, kind))
        except InputError as error:
            _refuse(blob, error, result.unused, result.problems)
    return result


def _kind(blob: Blob) -> str:
    """What a file is, by its content; otherwise the reason why it is not used."""
    head = blob.head(SNIFF_BYTES)
    if not head:
        return "an empty file"
    if head[128:132] == b"DICM" or head[:4] in (b"\x08\x00\x05\x00", b"\x08\x00\x08\x00", b"\x08\x00\x00\x00", b"\x02\x00\x00\x00"):
        return "dicom"
    if head.startswith((PNG, JPEG)):
        return "picture"
    if head.startswith(NPY):
        return "npy"
    if head.startswith(b"PK\x03\x04") or blob.where.lower().endswith(".zip"):
        return "an archive inside an archive; unpack it first" if blob.member else "zip"
    if is_gzip(head):
        return "nifti" if is_nifti(inflated_head(blob)) else "a gzip archive; unpack it first"
    if is_nifti(head):
        return "nifti"
    return "metaimage" if is_metaimage(head) else "not a medical image of a known format"


def _dicom_studies(files: list[DicomFile], path: str, told: Overrides) -> tuple[list[Study], list[Problem], list[tuple[str, str]]]:
    """Studies of DICOM objects; problems and files of no study."""
    usable: list[DicomFile] = []
    broken: list[tuple[DicomFile, str]] = []
    unused: list[tuple[str, str]] = []
    problems: list[Problem] = []
    for file in files:
        reason = not_an_mr_image(file)
        if reason:
            unused.append((file.where, reason))
        elif reason := damage(file):
            broken.append((file, reason))
        else:
            usable.append(file)
    studies = []
    for group in group_studies(usable):
        study = build_study(group, path)
        mine = [(file, reason) for file, reason in broken if file.header.text("StudyInstanceUID") == group.uid]
        broken = [entry for entry in broken if entry not in mine]
        study = replace(
            study,
            series=tuple(overridden(one, told) for one in study.series) if told else study.series,
            problems=study.problems + tuple(_damaged(file, reason) for file, reason in mine),
            unused=study.unused + tuple((file.where, reason) for file, reason in mine),
        )
        studies.append(study)
    problems += [_damaged(file, reason) for file, reason in broken]
    unused += [(file.where, reason) for file, reason in broken]
    present = [file.where for file in files]
    problems += [problem for file in files if file.header.text("SOPClassUID") == DICOMDIR and (problem := missing_files(file, present))]
    return [study for study in studies if study.series], problems + _orphans(studies), unused + _orphan_files(studies)


def _orphans(studies: list[Study]) -> list[Problem]:
    return [problem for study in studies if not study.series for problem in study.problems]


def _orphan_files(studies: list[Study]) -> list[tuple[str, str]]:
    return [entry for study in studies if not study.series for entry in study.unused]


def _other_studies(
    files: _Sorted, redact: Redactor, path: str, told: Overrides, *, beside_dicom: bool
) -> tuple[list[Study], list[Problem], list[tuple[str, str]]]:
    """Studies of files without DICOM identity: one file a study, arrays of one name in MRNet's folders together."""
    blobs = {kind: [replace(blob, where=redact(blob.where)) for blob in found] for kind, found in files.by_kind.items()}
    studies: list[Study] = []
    problems: list[Problem] = []
    unused: list[tuple[str, str]] = []
    raw_files: set[str] = set()
    for blob in blobs["metaimage"]:
        try:
            study, raw = open_metaimage(blob, path, told)
            studies.append(study)
            raw_files.add(raw)
        except InputError as error:
            _refuse(blob, error, unused, problems)
    for blob in blobs["nifti"]:
        try:
            studies.append(open_nifti(blob, path, told))
        except InputError as error:
            _refuse(blob, error, unused, problems)
    for group in group_arrays(blobs["npy"]):
        try:
            studies.append(open_arrays(group, path, told))
        except InputError as error:
            for blob in group:
                _refuse(blob, error, unused, problems)
    if beside_dicom or studies:
        unused += [(blob.where, "a picture beside medical images") for blob in blobs["picture"]]
    else:
        for blob in blobs["picture"]:
            try:
                studies.append(open_picture(blob, path, told))
            except InputError as error:
                _refuse(blob, error, unused, problems)
    files.unused = [entry for entry in files.unused if entry[0] not in raw_files]
    return studies, problems, unused


def _renamed(file: DicomFile, redact: Redactor) -> DicomFile:
    where = redact(file.where)
    return file if where == file.where else replace(file, blob=replace(file.blob, where=where))


def _refuse(blob: Blob, error: InputError, unused: list[tuple[str, str]], problems: list[Problem]) -> None:
    unused.append((blob.where, f"{error.why[0].lower()}{error.why[1:].rstrip('.')}"))
    problems.append(_problem(error))


def _problem(error: InputError) -> Problem:
    return Problem(error.code, "error", error.what, error.where, error.why, error.what_to_do)


def _damaged(file: DicomFile, reason: str) -> Problem:
    why = reason.removeprefix("damaged: ")
    return Problem(
        "file-damaged",
        "error",
        "An MR object cannot be used.",
        file.where,
        f"{why[0].upper()}{why[1:]}.",
        "Send the series again from its source.",
    )


def _nothing(opened: Opened) -> InputError:
    reasons = [problem.why.rstrip(".") for problem in opened.problems if problem.severity == "error"] + [
        reason for _, reason in opened.unused
    ]
    distinct = list(dict.fromkeys(reasons))
    why = f"None of {len(opened.unused)} files can be used: {'; '.join(distinct[:4])}." if distinct else "It holds no file."
    return InputError("no-study", "No MR study was found.", why=why, what_to_do="Give the folder, zip or file that holds the MR images.")


def _free(name: str, taken: set[str]) -> str:
    number, free = 2, name
    while free in taken:
        free, number = f"{name}.{number}", number + 1
    return free

"""Whatever a hospital sends -> studies. Headers are read here; pixels when ``load_volume`` asks."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from condyle.errors import InputError, UsageError
from condyle.intake.dicom_file import DicomFile
from condyle.intake.dicomdir import missing_by_index
from condyle.intake.files import displayable
from condyle.intake.gather import dicom_studies, other_studies
from condyle.intake.identity import patient_key, study_key
from condyle.intake.label_maps import named_label_maps
from condyle.intake.redact import Redactor, secret_words
from condyle.intake.sorting import sort_files
from condyle.study import Problem, Series, Study

Overrides = Mapping[str, Any]


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


def open_studies(path: str | os.PathLike[str], *, overrides: Overrides | None = None) -> Opened:
    """Open everything under ``path``: a file, a folder of any depth, a zip archive, a DICOMDIR.

    Parameters
    ----------
    overrides : what the user says of every series (see ``Part``)

    Raises
    ------
    InputError - the path itself is not there, or an override makes no sense
    """
    root, told = Path(path), dict(overrides or {})
    files = sort_files(root)
    files.problems += missing_by_index(files.dicom)
    redact = Redactor(secret_words(file.header for file in files.dicom))
    masked = redact.each([file.where for file in files.dicom])
    dicom = dicom_studies([_renamed(*pair) for pair in zip(files.dicom, masked, strict=True)], str(root), told)
    studies = [_without_names(study, redact) for study in dicom.studies]
    truth = named_label_maps(root)
    blobs = {
        kind: [replace(blob, where=redact(blob.where)) for blob in found if blob.where not in truth]
        for kind, found in files.by_kind.items()
    }
    others, raw_files = other_studies(blobs, str(root), told, beside_dicom=bool(dicom.studies))
    stray = [(redact(where), reason) for where, reason in files.unused]
    every = [blob for found in files.by_kind.values() for blob in found]
    stray += [(redact(blob.where), "a label map of the manifest") for blob in every if blob.where in truth]
    return Opened(
        tuple(studies + others.studies),
        tuple(dicom.problems + others.problems + [replace(problem, where=redact(problem.where)) for problem in files.problems]),
        tuple(dicom.unused + others.unused + [entry for entry in stray if entry[0] not in raw_files]),
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
        raise nothing_found(opened, path)
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
    if not any(series.used or any(problem.code == "localiser" for problem in series.problems) for series in whole.series):
        raise nothing_found(Opened((), whole.all_problems(), whole.unused), path)
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


def nothing_found(opened: Opened, path: str | os.PathLike[str]) -> InputError:
    """The error for a path in which ``opened`` found no study, with the reasons of all its files."""
    name = displayable(Path(path).name)
    reasons = [reason.removeprefix("damaged: ") for _, reason in opened.unused]
    reasons += [problem.why.rstrip(".") for problem in opened.problems if problem.severity == "error"]
    warnings = [problem.what.rstrip(".") for problem in opened.problems if problem.severity == "warning"]
    reasons += [f"{warning[0].lower()}{warning[1:]}" for warning in warnings]
    distinct = list({reason.lower(): reason for reason in reversed(reasons)}.values())[::-1]
    places = list(dict.fromkeys([problem.where for problem in opened.problems] + [where for where, _ in opened.unused]))
    where = ", ".join(place for place in places[:4] if place) + (", ..." if len(places) > 4 else "") or name
    reason = "; ".join(distinct[:4])
    if len(opened.unused) > 1:
        why = f"None of {len(opened.unused)} files can be used: {reason}."
    else:
        why = f"{reason[0].upper()}{reason[1:]}." if reason else "It holds no file."
    what_to_do = "Give the folder, zip or file that holds the MR images."
    return InputError("no-study", "No MR study was found.", where=where, why=why, what_to_do=what_to_do)


def _free(name: str, taken: set[str]) -> str:
    number, free = 2, name
    while free in taken:
        free, number = f"{name}.{number}", number + 1
    return free


def _renamed(file: DicomFile, where: str) -> DicomFile:
    return file if where == file.where else file._replace(blob=replace(file.blob, where=where))


def _without_names(study: Study, redact: Redactor) -> Study:
    """The study with names masked in the free text of its headers; roles have been inferred from the full text."""

    def masked(value: Any) -> Any:
        if isinstance(value, str):
            return redact(value)
        return tuple(masked(one) for one in value) if isinstance(value, tuple) else value

    return replace(
        study, series=tuple(replace(one, headers={key: masked(value) for key, value in one.headers.items()}) for one in study.series)
    )

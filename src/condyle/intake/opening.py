"""Whatever a hospital sends -> studies. Headers are read here; pixels when ``load_volume`` asks."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from condyle.errors import InputError, UsageError
from condyle.intake.blob import Blob, unreadable
from condyle.intake.dicom_file import DicomFile, read_dicom
from condyle.intake.dicom_series import build_study, damage, group_studies, load_dicom, not_used
from condyle.intake.lone_file import overridden
from condyle.intake.nifti import load_nifti, open_nifti
from condyle.intake.picture import load_picture, open_picture
from condyle.study import Problem, Series, Study, Volume

Overrides = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Opened:
    """Everything that was found.

    Parameters
    ----------
    studies : by patient and study, in the order of their first file
    problems : what is wrong with files that belong to no study
    unused : (where, reason) of every file that no study uses
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
    """Open everything under ``path``. Raises ``InputError`` when the path itself cannot be read."""
    root = Path(path)
    if not root.exists():
        raise InputError("path-missing", "There is nothing at the path given.", where=root.name, why="It does not exist.", what_to_do="Check the spelling.")
    blobs, unused, problems = [], [], []
    for blob in _walk(root):
        blobs.append(blob)
    dicom: list[DicomFile] = []
    studies: list[Study] = []
    for blob in blobs:
        try:
            kind = _sniff(blob)
            if kind == "dicom":
                dicom.append(read_dicom(blob))
            elif kind == "nifti":
                studies.append(open_nifti(blob, str(root), overrides or {}))
            elif kind == "picture":
                studies.append(open_picture(blob, str(root), overrides or {}))
            else:
                unused.append((blob.where, kind))
        except InputError as error:
            problems.append(_problem(error))
            unused.append((blob.where, error.why))
    usable: list[DicomFile] = []
    for file in dicom:
        reason = not_used(file) or damage(file)
        if reason:
            unused.append((file.where, reason))
        else:
            usable.append(file)
    groups = group_studies(usable)
    uids = [uid for uid, _ in groups]
    for (uid, patient), files in groups.items():
        study = build_study(uid, patient, files, str(root), shared_uid=uids.count(uid) > 1)
        studies.append(_overridden(study, overrides or {}))
    return Opened(tuple(studies), tuple(problems), tuple(unused))


def open_study(path: str | os.PathLike[str], *, study: str = "", overrides: Overrides | None = None) -> Study:
    """Open one study. ``study`` chooses among several by key.

    Raises
    ------
    InputError - nothing under ``path`` can be used
    UsageError - several studies and none chosen, or the one chosen is not there
    """
    opened = open_studies(path, overrides=overrides)
    found = [one for one in opened.studies if not study or one.study_key == study]
    if not opened.studies:
        raise _nothing(opened)
    if len(found) != 1:
        keys = ", ".join(one.study_key for one in opened.studies)
        raise UsageError(
            "study-not-chosen", f"There are {len(opened.studies)} studies and one must be chosen." if not study else "The study chosen is not there.",
            why=f"Found: {keys}.", what_to_do="Name one of these keys with --study.",
        )  # fmt: skip
    return replace(found[0], problems=found[0].problems + opened.problems, unused=found[0].unused + opened.unused)


def load_volume(series: Series) -> Volume:
    """Decode a series: modality values on slices sorted by position. Raises ``InputError`` naming the file."""
    loader = {"dicom": load_dicom, "nifti": load_nifti, "picture": load_picture}[series.format]
    return loader(series)


def _nothing(opened: Opened) -> InputError:
    reasons = list(dict.fromkeys(reason for _, reason in opened.unused))
    why = f"None of {len(opened.unused)} files can be used: {'; '.join(reasons[:5])}." if reasons else "It holds no file."
    return InputError("no-study", "No MR study was found.", why=why, what_to_do="Give the folder, zip or file that holds the MR images.")


def _walk(root: Path) -> Iterator[Blob]:
    if not root.is_dir():
        yield Blob(str(root), root.name, root.stat().st_size)
        return
    for folder, folders, names in os.walk(root):
        folders.sort()
        for name in sorted(names):
            path = os.path.join(folder, name)
            yield Blob(path, os.path.relpath(path, root), os.stat(path).st_size)


def _sniff(blob: Blob) -> str:
    head = blob.head(1024)
    if not head:
        return "empty file"
    if head[128:132] == b"DICM" or head[:4] in (b"\x08\x00\x05\x00", b"\x08\x00\x08\x00", b"\x08\x00\x00\x00", b"\x02\x00\x00\x00"):
        return "dicom"
    if head.startswith((b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff")):
        return "picture"
    if blob.where.lower().endswith((".nii", ".nii.gz")):
        return "nifti"
    return "not a medical image of a known format"


def _problem(error: InputError) -> Problem:
    return Problem(error.code, "error", error.what, error.where, error.why, error.what_to_do)


def _overridden(study: Study, overrides: Overrides) -> Study:
    return replace(study, series=tuple(overridden(series, overrides) for series in study.series)) if overrides else study


def open_parts(parts: Sequence[Part]) -> Study:
    """One study from several sources, such as the pictures of one patient in a manifest."""
    studies = [open_study(part.path, overrides=part.overrides) for part in parts]
    first = studies[0]
    series = [one for study in studies for one in study.series]
    named = tuple(replace(one, series_id=f"{number:03d}") for number, one in enumerate(series, start=1))
    return replace(
        first, series=named, problems=tuple(p for s in studies for p in s.problems), unused=tuple(u for s in studies for u in s.unused)
    )  # fmt: skip


__all__ = ["Opened", "Part", "load_volume", "open_parts", "open_studies", "open_study", "unreadable"]

"""Sorted files -> studies: those of DICOM objects, and those of files without DICOM identity."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from condyle.errors import InputError
from condyle.intake.array import group_arrays, open_arrays
from condyle.intake.blob import Blob
from condyle.intake.dicom_file import DicomFile
from condyle.intake.dicom_series import build_study, group_studies
from condyle.intake.eligible import damage, not_an_mr_image
from condyle.intake.label_maps import is_label_map
from condyle.intake.lone_file import overridden
from condyle.intake.metaimage import open_metaimage
from condyle.intake.nifti import open_nifti
from condyle.intake.picture import open_picture
from condyle.intake.refusal import problem_of, reason_of
from condyle.study import Problem, Study

Overrides = Mapping[str, Any]


@dataclass(slots=True)
class Gathered:
    """Studies, and what belongs to none of them."""

    studies: list[Study] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    unused: list[tuple[str, str]] = field(default_factory=list)


def dicom_studies(files: Sequence[DicomFile], path: str, told: Overrides) -> Gathered:
    """Studies of DICOM objects. A damaged object is a problem of its study if others of that study are whole."""
    result = Gathered()
    images: list[DicomFile] = []
    broken: dict[int, str] = {}
    for file in files:
        reason = not_an_mr_image(file)
        if reason:
            result.unused.append((file.where, reason))
            continue
        images.append(file)
        if reason := damage(file):
            broken[id(file)] = reason
    for group in group_studies(images):
        mine = [(file, broken[id(file)]) for file in group.files if id(file) in broken]
        study = build_study(replace(group, files=tuple(file for file in group.files if id(file) not in broken)), path)
        problems = study.problems + tuple(_damaged(file, reason) for file, reason in mine)
        unused = study.unused + tuple((file.where, reason) for file, reason in mine)
        if study.series:
            series = tuple(overridden(one, told) for one in study.series) if told else study.series
            result.studies.append(replace(study, series=series, problems=problems, unused=unused))
        else:
            result.problems += problems
            result.unused += unused
    return result


def other_studies(
    by_kind: Mapping[str, Sequence[Blob]], path: str, told: Overrides, *, beside_dicom: bool
) -> tuple[Gathered, frozenset[str]]:
    """Studies of files without DICOM identity: one file a study, arrays of one name in MRNet's folders together.

    Returns
    -------
    (what was gathered, ``where`` of files that hold the voxels of others)
    """
    result = Gathered()
    raw_files: set[str] = set()

    def meta(blob: Blob) -> Study:
        study, raw = open_metaimage(blob, path, told)
        raw_files.add(raw)
        return study

    for blob in by_kind["metaimage"]:
        _try(result, [blob], partial(meta, blob))
    for blob in by_kind["nifti"]:
        _try(result, [blob], partial(open_nifti, blob, path, told))
    for group in group_arrays(by_kind["npy"]):
        _try(result, group, partial(open_arrays, group, path, told))
    if beside_dicom or result.studies:
        result.unused += [(blob.where, "a picture beside medical images") for blob in by_kind["picture"]]
    else:
        for blob in by_kind["picture"]:
            _try(result, [blob], partial(open_picture, blob, path, told))
    return result, frozenset(raw_files)


def _try(result: Gathered, blobs: Sequence[Blob], build: Callable[[], Study]) -> None:
    try:
        study = build()
    except InputError as error:
        result.unused += [(blob.where, reason_of(error)) for blob in blobs]
        result.problems.append(problem_of(error))
        return
    if all(is_label_map(series) for series in study.series):
        result.unused += [(blob.where, "few values: a label map or an empty picture") for blob in blobs]
    else:
        result.studies.append(study)


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

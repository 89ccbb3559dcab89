"""Scan: every study under a folder as rows of a manifest, for a person to look at and correct."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from condyle.anatomy import JOINTS
from condyle.errors import InputError
from condyle.intake import open_studies
from condyle.intake.blob import Blob
from condyle.study import Problem, Series, Study

_RELIED_ON = 0.5  # below this confidence a trait is left empty rather than written as if the user had said it


@dataclass(frozen=True, slots=True)
class Scanned:
    """What lies under a folder.

    Parameters
    ----------
    rows : manifest rows (column -> value), one a usable series; study_id and patient_id are pseudonymous keys
    studies : how many
    problems : what is wrong with what was found
    left_out : (where, reason) of every file and series that no row names
    """

    rows: tuple[dict[str, Any], ...]
    studies: int
    problems: tuple[Problem, ...]
    left_out: tuple[tuple[str, str], ...]


def scan(folder: Path | str, manifest: Path | str) -> Scanned:
    """Look through a folder of any depth. Headers are read, pixels are not, nothing is written.

    Parameters
    ----------
    folder : holds studies, in folders, archives or loose
    manifest : where the rows will be written (``write_manifest``); paths are made relative to it

    Returns
    -------
    Scanned. Plane, weighting, fat suppression, contrast, side and joint are filled in where intake is at least half
    sure; what it is not sure of stays empty and is found again when the study is opened.

    Raises
    ------
    InputError - the folder is absent, or nothing under it can be used
    """
    opened = open_studies(folder)
    base = Path(os.path.abspath(manifest)).parent
    rows: list[dict[str, Any]] = []
    left_out = list(opened.unused)
    problems = [*opened.problems]
    for study in opened.studies:
        own = list(_rows(study, base))
        named = [row for row in own if _utf8(row["path"])]
        rows += named
        if len(named) < len(own):
            unnamed = _not_utf8(study)
            problems.append(unnamed)
            left_out.append((unnamed.where, unnamed.why[0].lower() + unnamed.why[1:].rstrip(".")))
        problems += study.all_problems()
        left_out += study.unused
        left_out += [(f"study {study.study_key}, series {one.series_id}", _why(one)) for one in study.series if not one.used]
    if not rows:
        reasons = "; ".join(dict.fromkeys(reason for _, reason in left_out[:50])) or "It holds no file"
        raise InputError(
            "scan-found-nothing",
            "There is no usable study in this folder.",
            why=f"{reasons[0].upper()}{reasons[1:300]}.",
            what_to_do="Give the folder that holds the MR studies.",
        )
    return Scanned(tuple(rows), len({row["study_id"] for row in rows}), tuple(problems), tuple(left_out))


def _utf8(path: str) -> bool:
    """Whether a table can name it: Linux takes any bytes as a file name."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def _not_utf8(study: Study) -> Problem:
    return Problem(
        "path-not-utf8",
        "error",
        "A study is left out of the manifest.",
        f"study {study.study_key}",
        "The name of its file, or of a folder on the way to it, is not UTF-8 text.",
        "Rename it and scan again.",
    )


def _rows(study: Study, base: Path) -> Iterator[dict[str, Any]]:
    dicom = [one for one in study.series if one.format == "dicom"]
    # Ids of DICOM series hold within their study, so its rows name the folder that holds all of it.
    shared = _common([path for one in dicom for path in _paths(one.source)]) if dicom else ""
    for one in study.series:
        if one.used:
            path = shared if one.format == "dicom" else _header_file(one)
            yield {
                "study_id": study.study_key,
                "patient_id": study.patient_key,
                "path": Path(os.path.relpath(path, base)).as_posix(),
                "series_id": one.series_id if one.format == "dicom" else "",
                **_traits(one),
            }


def _traits(series: Series) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in ("plane", "weighting", "fat_suppressed", "contrast", "side"):
        trait = getattr(series.role, name)
        found[name] = trait.value if trait.value is not None and trait.confidence >= _RELIED_ON and not trait.conflict else None
    part = series.role.body_part
    found["joint"] = part.value if part.value in JOINTS and part.confidence >= _RELIED_ON else None
    found["vendor"] = series.headers.get("manufacturer") or None
    strength = series.headers.get("field_strength")
    found["field_strength"] = strength if isinstance(strength, int | float) and 0.01 <= strength <= 20 else None
    # Simulated studies say so in every file; without the word here a package trained on them would pass for one of patients.
    found["simulated"] = "yes" if str(series.headers.get("study_description") or "").startswith("CONDYLE SIMULATION") else None
    return found


def _why(series: Series) -> str:
    return next((problem.what for problem in reversed(series.problems) if problem.severity == "error"), "it cannot be loaded")


def _header_file(series: Series) -> str:
    """The file to open: of a MetaImage in two files, the header beside the voxels."""
    path = _paths(series.source)[0]
    header = Path(path).with_suffix(".mhd")
    return str(header) if series.format == "metaimage" and not path.lower().endswith((".mha", ".zip")) and header.is_file() else path


def _common(paths: list[str]) -> str:
    """The one file, else the deepest folder that holds all."""
    distinct = {os.path.abspath(path) for path in paths}
    return distinct.pop() if len(distinct) == 1 else os.path.commonpath({os.path.dirname(path) for path in distinct})


def _paths(source: Any) -> list[str]:
    """Files on disk that a series' source names, in its order. Sources differ by format; all of them hold blobs."""
    if isinstance(source, Blob):
        return [source.path]
    if isinstance(source, tuple | list):
        return [path for one in source for path in _paths(one)]
    if dataclasses.is_dataclass(source) and not isinstance(source, type):
        return [path for field in dataclasses.fields(source) for path in _paths(getattr(source, field.name))]
    return []

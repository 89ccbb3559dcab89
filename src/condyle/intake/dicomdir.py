"""DICOMDIR: an index of the files on a medium. Its files are found anyway; what it names and is not there is said."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath

from condyle.intake.dicom_file import DicomFile, read_with_pydicom
from condyle.intake.quiet import quiet
from condyle.study import Problem

SOP_CLASS = "1.2.840.10008.1.3.10"


def missing_by_index(files: Sequence[DicomFile]) -> list[Problem]:
    """A warning for every DICOMDIR among ``files`` that names others which are not there."""
    present = [file.where for file in files]
    indices = [file for file in files if file.header.text("MediaStorageSOPClassUID") == SOP_CLASS]
    return [problem for index in indices if (problem := missing_files(index, present)) is not None]


def missing_files(index: DicomFile, present: Iterable[str]) -> Problem | None:
    """A warning when the index names files that were not found.

    Parameters
    ----------
    index : the DICOMDIR
    present : ``where`` of every file found
    """
    named = _named(index)
    folder = PurePosixPath(index.where).parent
    known = {where.upper() for where in present}
    absent = [name for name in named if str(folder / name).upper() not in known]
    if not absent:
        return None
    return Problem(
        "dicomdir-missing",
        "warning",
        f"The index of the medium names {len(absent)} of {len(named)} files that are not there.",
        index.where,
        "They were not copied, or lie elsewhere.",
        "Copy the whole medium if the study is incomplete.",
    )


def _named(index: DicomFile) -> list[str]:
    """Relative paths of all records; names that lead elsewhere are left out."""
    names = []
    with quiet():
        try:
            dataset = index.dataset if index.dataset is not None else read_with_pydicom(index.blob).dataset
            for record in dataset.get("DirectoryRecordSequence") or ():
                parts = record.get("ReferencedFileID") or ()
                parts = [parts] if isinstance(parts, str) else [str(part) for part in parts]
                if parts and not any(part in ("", ".", "..") or "/" in part or "\\" in part for part in parts):
                    names.append("/".join(parts))
        except Exception:  # a damaged index is no reason not to read the files themselves
            return names
    return names

"""Every file under a path: what it is, told from its content. DICOM headers are read on the way."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from pathlib import Path

from condyle.errors import InputError
from condyle.intake.array import MAGIC as NPY
from condyle.intake.blob import Blob
from condyle.intake.codestream import JPEG, PNG
from condyle.intake.dicom_file import DicomFile, read_dicom
from condyle.intake.fast_dicom import HEAD_BYTES, Known
from condyle.intake.files import find_files, find_in_archive
from condyle.intake.metaimage import is_metaimage
from condyle.intake.nifti import inflated_head, is_gzip, is_nifti
from condyle.intake.refusal import problem_of, reason_of
from condyle.study import Problem

_PACKED = (".docx", ".xlsx", ".pptx", ".odt", ".ods", ".odp", ".jar", ".epub")  # zip archives by their bytes, found beside viewers


@dataclass(slots=True)
class Sorted:
    """Files by what they are.

    Parameters
    ----------
    dicom : DICOM objects with their headers
    by_kind : files of the other formats
    unused : (where, reason) of files of no known format, or that cannot be read
    problems : what is wrong with the latter
    """

    dicom: list[DicomFile] = field(default_factory=list)
    by_kind: dict[str, list[Blob]] = field(default_factory=lambda: {"nifti": [], "metaimage": [], "npy": [], "picture": []})
    unused: list[tuple[str, str]] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def sort_files(root: Path) -> Sorted:
    """Read the head of every file and tell what it is. Raises ``InputError`` when ``root`` is not there."""
    found = find_files(root)
    result = Sorted(unused=list(found.refused), problems=list(found.problems))
    queue = deque(found.blobs)
    known: Known = {}
    while queue:
        blob = queue.popleft()
        try:
            head = blob.head(HEAD_BYTES)
            kind = _kind(blob, head)
            if kind == "dicom":
                result.dicom.append(read_dicom(blob, head, known))
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
            result.unused.append((blob.where, reason_of(error)))
            result.problems.append(problem_of(error))
    return result


def _kind(blob: Blob, head: bytes) -> str:
    """What a file is, by its content; otherwise the reason why it is not used."""
    if not head:
        return "an empty file"
    if head[128:132] == b"DICM" or head[:4] in (b"\x08\x00\x05\x00", b"\x08\x00\x08\x00", b"\x08\x00\x00\x00", b"\x02\x00\x00\x00"):
        return "dicom"
    if head.startswith((PNG, JPEG)):
        return "picture"
    if head.startswith(NPY):
        return "npy"
    if head.startswith(b"PK\x03\x04") or blob.where.lower().endswith(".zip"):
        return "not a medical image of a known format" if blob.where.lower().endswith(_PACKED) else "zip"
    if is_gzip(head):
        return "nifti" if is_nifti(inflated_head(blob)) else "a gzip archive; unpack it first"
    if is_nifti(head):
        return "nifti"
    return "metaimage" if is_metaimage(head) else "not a medical image of a known format"

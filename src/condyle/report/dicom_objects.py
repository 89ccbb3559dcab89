"""What the DICOM exporters share: codes, identifiers, dates, and the way to bytes.

These objects go back into the PACS that the images came from, so they carry the patient and study of their source
images. They are the only documents that do.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydicom.dataset import Dataset
from pydicom.sr.coding import Code

import condyle
from condyle.errors import InputError
from condyle.intake.source_header import source_header
from condyle.study import Finding, Geometry, Reading, Series, Site, Study

SCHEME = "99CONDYLE"
MANUFACTURER, MODEL = "Condyle (research use only)", "Condyle"
NO_SERIAL = "0"

PRESENT, ABSENT = Code("52101004", "SCT", "Present"), Code("272519000", "SCT", "Absent")
UNCERTAIN = Code("64957009", "SCT", "Uncertain")
NOT_ASSESSED = Code("not_assessed", SCHEME, "Not assessed")
DISC = Code("360499006", "SCT", "Intervertebral disc")
VERTEBRA = Code("51282000", "SCT", "Vertebra")
CANAL = Code("61853006", "SCT", "Vertebral canal")

# "Level of L4/L5 intervertebral disc" and so on, of CID 1000; levels of uncertain numbering have no code there.
_LEVELS = {
    "L5-S1": "243927000", "L4-L5": "243923001", "L3-L4": "243922006", "L2-L3": "243921004", "L1-L2": "243920003", "T12-L1": "243926009",
    "T11-T12": "243918001", "T10-T11": "243917006", "T9-T10": "243916002", "T8-T9": "243915003", "T7-T8": "243914004",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Source:
    """The DICOM series that a reading used, and the header of one slice of each where asked."""

    reading: Reading
    study: Study

    def series(self) -> tuple[Series, ...]:
        """The used series that came as DICOM, in the order of the package's slots."""
        by_id = {one.series_id: one for one in self.study.series}
        used = [by_id[series_id] for series_id in dict.fromkeys(self.reading.used_series.values()) if series_id in by_id]
        return tuple(one for one in used if one.format == "dicom")

    def header(self, series: Series, slice_index: int) -> Any:
        return source_header(series, slice_index)

    def slices(self) -> dict[str, int]:
        """The slice of each used series that the reading shows: of its key image, else the middle one."""
        shown = {image.series_id: image.slice_index for image in self.reading.key_images}
        return {
            one.series_id: shown.get(one.series_id, (one.geometry.shape[0] // 2) if one.geometry else 0) for one in self.series()
        }


def source_of(reading: Reading, study: Study | None) -> Source:
    """The source of a reading. Raises InputError when there is no DICOM among what the reading used."""
    if study is not None and study.study_key != reading.study_key:
        raise InputError(
            "dicom-source-other-study", "The reading and its source are of two studies.",
            where=f"reading of {reading.study_key!r:.40}, source {study.study_key!r:.40}", why="The objects would go to a wrong patient.",
            what_to_do="Give the study that was read.",
        )  # fmt: skip
    found = Source(reading, study) if study is not None else None
    if found is None or not found.series():
        raise InputError(
            "dicom-source-needed", "DICOM objects cannot be written for this reading.", where=f"study {reading.study_key}",
            why="They carry the patient and study of their source images, and no DICOM series was used.",
            what_to_do="Read the DICOM study itself, or choose other formats.",
        )  # fmt: skip
    return found


def uid(*parts: object) -> str:
    """A UID under 2.25 (PS3.5 B.2) that depends on nothing but its parts: the same reading gives the same object."""
    digest = hashlib.sha256("/".join(map(str, parts)).encode()).digest()
    return f"2.25.{int.from_bytes(digest[:16], 'big')}"


def fingerprint(reading: Reading) -> str:
    """Changes with anything that a DICOM object of the reading shows, so that no two contents share a UID."""
    said = (reading.study_key, reading.package, reading.findings, reading.reviews, reading.flags, condyle.__version__)
    shown = [(one.evidence_id, one.series_id, one.slice_index, np.round(one.points, 3).tobytes()) for one in reading.evidence]
    pixels = [(one.series_id, one.slice_index, one.pixels.tobytes()) for one in reading.key_images]
    return hashlib.sha256(repr((said, [(*one[:3], one[3].hex()) for one in shown], pixels)).encode()).hexdigest()


def level_code(site: Site) -> Code | None:
    """The level of a disc; None for other sites."""
    if site.level not in _LEVELS:
        return Code(f"level_{site.level}"[:16], SCHEME, f"Level {site.level}") if site.level else None
    return Code(_LEVELS[site.level], "SCT", f"Level of {site.level.replace('-', '/')} intervertebral disc")


def own_code(name: str, meaning: str) -> Code:
    """A code of our own scheme. Short values only (VR SH), so a long name is cut and told apart by its hash."""
    value = name if len(name) <= 16 else f"{name[:9]}_{hashlib.sha256(name.encode()).hexdigest()[:6]}"
    return Code(value, SCHEME, meaning[:64])


def finding_code(finding: Finding, title: str) -> Code:
    return own_code(finding.finding, title)


def to_bytes(dataset: Any, header: Any, seed: str) -> bytes:
    """The file. Dates are those of the source images, and what was drawn at random is drawn from ``seed``: same reading, same bytes.

    Raises
    ------
    InputError - the source images have no date, which these objects must have
    """
    day, time = _when(header)
    for keyword in ("InstanceCreationDate", "ContentDate", "SeriesDate", "DateOfSecondaryCapture"):
        if keyword in dataset:
            setattr(dataset, keyword, day)
    for keyword in ("InstanceCreationTime", "ContentTime", "SeriesTime", "TimeOfSecondaryCapture"):
        if keyword in dataset:
            setattr(dataset, keyword, time)
    if "TimezoneOffsetFromUTC" in header:
        dataset.TimezoneOffsetFromUTC = header.TimezoneOffsetFromUTC
    for one in dataset.get("ContributingEquipmentSequence", ()):
        one.pop("ContributionDateTime", None)  # optional, and it would be the clock's
    _fix_dimension_uids(dataset, uid(seed, "dimensions"))
    _name_scheme(dataset)
    stream = io.BytesIO()
    dataset.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


def plane_of(geometry: Geometry, k: int) -> tuple[list[float], list[float], list[float]]:
    """(position, orientation, spacing between rows and columns) of slice k, as DICOM wants them."""
    position = geometry.to_world([k, 0, 0])
    directions = geometry.directions
    _, rows, columns = geometry.spacing
    return [float(v) for v in position], [float(v) for v in (*directions[:, 2], *directions[:, 1])], [rows, columns]


def _when(header: Any) -> tuple[str, str]:
    for kind in ("Content", "Acquisition", "Series", "Study"):
        if day := str(header.get(f"{kind}Date") or ""):
            return day, str(header.get(f"{kind}Time") or "000000")
    raise InputError(
        "dicom-source-undated", "DICOM objects cannot be written for images without a date.",
        why="Reports and segmentations must carry one, and inventing it would mislead.", what_to_do="Choose other formats.",
    )  # fmt: skip


def _fix_dimension_uids(dataset: Dataset, fixed: str) -> None:
    for one in _datasets(dataset):
        if "DimensionOrganizationUID" in one:
            one.DimensionOrganizationUID = fixed


def _datasets(dataset: Dataset) -> Iterator[Dataset]:
    yield dataset
    for keyword in ("DimensionOrganizationSequence", "DimensionIndexSequence"):
        yield from dataset.get(keyword, ())


def _name_scheme(dataset: Dataset) -> None:
    """PS3.3 C.12.1.1.1: a private coding scheme is named."""
    if SCHEME not in str(dataset):
        return
    one = Dataset()
    one.CodingSchemeDesignator = SCHEME
    one.CodingSchemeName = "Findings of Condyle"
    one.CodingSchemeResponsibleOrganization = "The Condyle developers"
    dataset.CodingSchemeIdentificationSequence = [*dataset.get("CodingSchemeIdentificationSequence", ()), one]

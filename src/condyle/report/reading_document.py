"""What reading.json holds, said once for validation, for the shipped JSON Schema, and for loading.

``python -m condyle.report.reading_document > reading.schema.json`` writes the schema; a test compares it
with the file that ships.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from condyle.report.inline_png import InlinePng, from_inline
from condyle.study import Check, Comparison, Evidence, Finding, Geometry, KeyImage, PackageInfo, Problem, Reading, Review, Role, Series
from condyle.study.reading import EvidenceKind

Number = Annotated[float, Field(allow_inf_nan=False)]
Point = Annotated[list[Number], Field(min_length=3, max_length=3)]
Row = Annotated[list[Number], Field(min_length=4, max_length=4)]


class _Entry(BaseModel):
    # Reaches the plain dataclasses inside as well: an unknown key is an error everywhere.
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class StudyEntry(_Entry):
    study_key: str
    patient_key: str
    joint: str


class GeometryEntry(_Entry):
    affine: Annotated[list[Row], Field(min_length=4, max_length=4, description="array index (slice, row, column, 1) to LPS mm")]
    shape: Annotated[list[int], Field(min_length=3, max_length=3)]
    calibrated: bool
    spacing_source: str


class SeriesEntry(_Entry):
    series_id: str
    format: str
    number: int | None
    used: Annotated[bool, Field(description="false when an error keeps it from being loaded")]
    slots: Annotated[list[str], Field(description="input slots of the package that this series filled; empty: not used")]
    reason: Annotated[str, Field(description="why it filled no slot")]
    role: Role
    geometry: GeometryEntry | None
    technical: dict[str, float | str]
    problems: list[Problem]


class UnusedEntry(_Entry):
    where: str
    reason: str


class ImageEntry(_Entry):
    png: Annotated[str, Field(description="base64 of a grey PNG")]
    type: Literal["uint8", "float32"]
    scale: Annotated[Number, Field(description="value = offset + scale * pixel")]
    offset: Number


class EvidenceEntry(_Entry):
    evidence_id: str
    kind: EvidenceKind
    series_id: str
    slice_index: int
    label: str
    points: Annotated[list[Point], Field(description="LPS mm")]
    image: ImageEntry | None


class KeyImageEntry(_Entry):
    series_id: str
    slice_index: int
    title: str
    geometry: GeometryEntry
    image: ImageEntry


class CondyleEntry(_Entry):
    version: str


class Document(_Entry):
    """Everything that one package says about one study (reading.json of Condyle)."""

    # 1.1 added ``reviews`` and ``comparison``; a file of 1.0 has neither and is read as before.
    schema_version: Literal["1.0", "1.1"]
    study: StudyEntry
    flags: list[str]
    series: list[SeriesEntry]
    unused: list[UnusedEntry]
    checks: list[Check]
    problems: list[Problem]
    findings: list[Finding]
    evidence: list[EvidenceEntry]
    key_images: list[KeyImageEntry]
    package: PackageInfo
    condyle: CondyleEntry
    timing: dict[str, Number]
    seed: int
    reviews: Annotated[list[Review], Field(description="what a person made of findings; each holds the package's own finding")] = []
    comparison: Annotated[Comparison | None, Field(description="with an earlier reading of the same patient")] = None


def json_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of reading.json."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **Document.model_json_schema(), "title": "reading.json"}


def problems_of(content: Any) -> tuple[str, ...]:
    """All that is wrong with the content of a reading.json, one sentence each."""
    try:
        document = Document.model_validate(content)
    except ValidationError as error:
        wrong = error.errors(include_url=False, include_input=False)
        return tuple(f"{'.'.join(str(part) for part in one['loc']) or 'file'}: {one['msg']}" for one in wrong)
    problems: list[str] = []
    ids = [one.evidence_id for one in document.evidence]
    problems += [f"evidence: the id {one!r:.60} occurs twice" for one in sorted({one for one in ids if ids.count(one) > 1})]
    known = set(ids)
    for number, finding in enumerate(document.findings):
        problems += [f"findings.{number}: there is no evidence {one!r:.60}" for one in finding.evidence if one not in known]
    spoken = {(one.finding, one.site) for one in document.findings}
    for number, review in enumerate(document.reviews):
        if (review.original.finding, review.original.site) not in spoken:
            problems.append(f"reviews.{number}: the reading holds no {review.original.finding!r:.60} there")
    for place, image in _images(document):
        try:
            from_inline(InlinePng(**image.model_dump()))
        except ValueError as error:
            problems.append(f"{place}: {error}")
    for place, geometry in _geometries(document):
        if abs(np.linalg.det(np.array(geometry.affine)[:3, :3])) < 1e-9 or min(geometry.shape) < 1:
            problems.append(f"{place}: the geometry is not regular")
    return tuple(problems)


def from_document(content: Any) -> Reading:
    """A reading from content in which ``problems_of`` found nothing."""
    document = Document.model_validate(content)
    return Reading(
        study_key=document.study.study_key,
        patient_key=document.study.patient_key,
        joint=document.study.joint,
        series=tuple(_series(one) for one in document.series),
        used_series={slot: one.series_id for one in document.series for slot in one.slots},
        checks=tuple(document.checks),
        problems=tuple(document.problems),
        findings=tuple(document.findings),
        evidence=tuple(
            Evidence(
                one.evidence_id, one.kind, one.series_id, one.slice_index, np.array(one.points, np.float64).reshape(-1, 3),
                None if one.image is None else from_inline(InlinePng(**one.image.model_dump())), one.label,
            )
            for one in document.evidence
        ),
        key_images=tuple(
            KeyImage(one.series_id, one.slice_index, from_inline(InlinePng(**one.image.model_dump())), _geometry(one.geometry), one.title)
            for one in document.key_images
        ),
        package=document.package,
        flags=tuple(document.flags),
        unused=tuple((one.where, one.reason) for one in document.unused),
        timing=document.timing,
        seed=document.seed,
        condyle_version=document.condyle.version,
        reviews=tuple(document.reviews),
        comparison=document.comparison,
    )  # fmt: skip


def _series(entry: SeriesEntry) -> Series:
    geometry = None if entry.geometry is None else _geometry(entry.geometry)
    return Series(
        entry.series_id, entry.format, None, geometry, entry.role, entry.number, entry.technical, tuple(entry.problems), entry.used
    )


def _geometry(entry: GeometryEntry) -> Geometry:
    slices, rows, columns = entry.shape
    return Geometry(np.array(entry.affine), (slices, rows, columns), entry.calibrated, entry.spacing_source)


def _images(document: Document) -> list[tuple[str, ImageEntry]]:
    maps = [(f"evidence.{number}", one.image) for number, one in enumerate(document.evidence) if one.image is not None]
    return maps + [(f"key_images.{number}", one.image) for number, one in enumerate(document.key_images)]


def _geometries(document: Document) -> list[tuple[str, GeometryEntry]]:
    series = [(f"series.{number}", one.geometry) for number, one in enumerate(document.series) if one.geometry is not None]
    return series + [(f"key_images.{number}", one.geometry) for number, one in enumerate(document.key_images)]


if __name__ == "__main__":
    import json
    import sys

    sys.stdout.write(json.dumps(json_schema(), indent=1) + "\n")

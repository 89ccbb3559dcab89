"""report-sr.dcm: every finding as a DICOM structured report, Imaging Measurement Report (PS3.16, TID 1500).

One measurement group (TID 1501) a finding and site: presence or grade as a coded evaluation, probability and lengths
as measurements, and as a comment why it was not assessed or what a reader corrected.
"""

from __future__ import annotations

from typing import Any

from highdicom.sr import (
    AlgorithmIdentification,
    ComprehensiveSR,
    DeviceObserverIdentifyingAttributes,
    FindingSite,
    Measurement,
    MeasurementReport,
    MeasurementsAndQualitativeEvaluations,
    ObservationContext,
    ObserverContext,
    QualitativeEvaluation,
    RelationshipTypeValues,
    SourceImageForMeasurementGroup,
    TextContentItem,
    TrackingIdentifier,
)
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code

from condyle.anatomy import Joint
from condyle.intake.quiet import quiet
from condyle.intake.source_header import frame_number
from condyle.report.dicom_objects import (
    ABSENT,
    MANUFACTURER,
    NOT_ASSESSED,
    PRESENT,
    SCHEME,
    UNCERTAIN,
    Source,
    finding_code,
    fingerprint,
    level_code,
    own_code,
    source_of,
    to_bytes,
    uid,
)
from condyle.report.review import review_note
from condyle.report.sites import site_title
from condyle.report.statements import catalogue, entry_of
from condyle.study import Finding, Reading, Review, Study

_DECISIONS = {"present": PRESENT, "absent": ABSENT, "uncertain": UNCERTAIN, "not_assessed": NOT_ASSESSED}
_UNITS = {"mm": codes.UCUM.Millimeter, "": codes.UCUM.NoUnits, "%": codes.UCUM.Percent, "degrees": codes.UCUM.Degree}
_GIVEN = Code("given", SCHEME, "Given")
_PROCEDURE = Code("mr_imaging", SCHEME, "Magnetic resonance imaging")


def export(reading: Reading, *, source: Study | None = None) -> dict[str, bytes]:
    """The exporter.

    Parameters
    ----------
    source : the study that was read, as DICOM

    Raises
    ------
    InputError - no DICOM source, or source images without a date
    """
    found = source_of(reading, source)
    seed, joint = fingerprint(reading), catalogue(reading.joint)
    slices = found.slices()
    with quiet():
        headers = {one.series_id: found.header(one, slices[one.series_id]) for one in found.series()}
        groups = _Groups(reading, joint, seed, _images(found, slices, headers))
        report = MeasurementReport(
            observation_context=_context(reading),
            procedure_reported=_procedure(next(iter(headers.values()))),
            imaging_measurements=[groups.group(number, finding) for number, finding in enumerate(reading.findings)],
            title=codes.DCM.ImagingMeasurementReport,
        )
        document = ComprehensiveSR(
            evidence=list(headers.values()), content=report[0], series_instance_uid=uid(seed, "sr series"), series_number=9901,
            sop_instance_uid=uid(seed, "sr"), instance_number=1, manufacturer=MANUFACTURER, is_complete=True, is_final=False,
            is_verified=False,
        )  # fmt: skip
        document.SeriesDescription = "Condyle findings (research use only)"
        return {"report-sr.dcm": to_bytes(document, next(iter(headers.values())), seed)}


class _Groups:
    """The measurement groups of a reading."""

    def __init__(self, reading: Reading, joint: Joint, seed: str, images: dict[str, SourceImageForMeasurementGroup]) -> None:
        self.joint, self.seed, self.images = joint, seed, images
        self.reviews = {(one.original.finding, one.original.site): one for one in reading.reviews}
        self.series = {one.evidence_id: one.series_id for one in reading.evidence}
        self.algorithm = {"name": f"Condyle package {reading.package.name}"[:64], "version": reading.package.version}

    def group(self, number: int, finding: Finding) -> MeasurementsAndQualitativeEvaluations:
        entry = entry_of(finding.finding, self.joint, finding.kind)
        code, site = finding_code(finding, entry.title), level_code(finding.site)
        name = f"{site_title(finding.site, self.joint)} {entry.title}"
        group = MeasurementsAndQualitativeEvaluations(
            tracking_identifier=TrackingIdentifier(uid(self.seed, "finding", number), name[:64]),
            finding_type=code,
            algorithm_id=AlgorithmIdentification(**self.algorithm),
            finding_sites=[FindingSite(site)] if site else None,
            measurements=_measurements(finding, code) or None,
            qualitative_evaluations=[QualitativeEvaluation(code, _evaluation(finding, entry.title))],
            source_images=self._seen_on(finding) or None,
        )
        for text in _comments(finding, self.reviews.get((finding.finding, finding.site)), self.joint):
            comment = TextContentItem(codes.DCM.Comment, text[:1024], RelationshipTypeValues.CONTAINS)
            group[0].ContentSequence.append(comment)
        return group

    def _seen_on(self, finding: Finding) -> list[SourceImageForMeasurementGroup]:
        series = dict.fromkeys(self.series[one] for one in finding.evidence if one in self.series)
        return [self.images[one] for one in series if one in self.images]


def _measurements(finding: Finding, code: Code) -> list[Measurement]:
    if finding.decision == "not_assessed":
        return []
    if isinstance(finding.value, (int, float)):
        return [Measurement(code, float(finding.value), _UNITS.get(finding.unit, codes.UCUM.NoUnits))]
    return [] if finding.score is None else [Measurement(codes.DCM.Probability, round(float(finding.score), 4), codes.UCUM.NoUnits)]


def _evaluation(finding: Finding, title: str) -> Code:
    """Presence, the grade, the category, or that a length was given or not."""
    if finding.decision in ("not_assessed", "uncertain"):
        return _DECISIONS[finding.decision]
    if finding.kind == "ordinal" and finding.grade is not None:
        return own_code(f"grade_{finding.grade}", f"Grade {finding.grade}")
    if finding.kind == "category" and isinstance(finding.value, str):
        return own_code(f"value_{finding.value}", finding.value)
    return _GIVEN if finding.kind == "measurement" else _DECISIONS[finding.decision]


def _comments(finding: Finding, review: Review | None, joint: Joint) -> list[str]:
    grade = f"Uncertain, grade {finding.grade}." if finding.decision == "uncertain" and finding.grade is not None else ""
    said = review_note(review, joint).replace("\u00a0", " ") if review else ""
    return [text for text in (finding.reason, finding.note, grade, said[:1].upper() + said[1:]) if text]


def _context(reading: Reading) -> ObservationContext:
    """The observer is a program: no person stands behind it until one verifies it in the PACS.

    The study's pseudonym is not in it: pseudonym and identity in one object would undo the pseudonym.
    """
    package = reading.package
    device = DeviceObserverIdentifyingAttributes(
        uid(package.name, package.version, package.sha256), name="Condyle", manufacturer_name=MANUFACTURER,
        model_name=f"package {package.name} {package.version}"[:64],
    )  # fmt: skip
    return ObservationContext(observer_device_context=ObserverContext(codes.DCM.Device, device))


def _procedure(header: Any) -> Code:
    """What the source says was done, else that it was magnetic resonance imaging."""
    for one in header.get("ProcedureCodeSequence", ()):
        if one.get("CodeValue") and one.get("CodingSchemeDesignator") and one.get("CodeMeaning"):
            return Code(one.CodeValue, one.CodingSchemeDesignator, one.CodeMeaning)
    return _PROCEDURE


def _images(found: Source, slices: dict[str, int], headers: dict[str, Any]) -> dict[str, SourceImageForMeasurementGroup]:
    images = {}
    for one in found.series():
        header = headers[one.series_id]
        frames = [frame_number(one, slices[one.series_id])] if int(header.get("NumberOfFrames") or 1) > 1 else None
        images[one.series_id] = SourceImageForMeasurementGroup(header.SOPClassUID, header.SOPInstanceUID, frames)
    return images

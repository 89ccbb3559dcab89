"""The audit's first question: is any patient on both sides of a split?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from condyle.cohorts.audit.divisions import Division
from condyle.cohorts.audit.persons import anonymous, crossings, persons_of
from condyle.cohorts.manifest import ManifestRow
from condyle.evaluate.study_evidence import Sheet
from condyle.report.audit_page import AuditPart
from condyle.study import Check

_HOW = {
    "patient_id": "one patient_id", "spelling": "ids that differ by case or leading zeros", "headers": "one identity in the DICOM headers"
}  # fmt: skip


def people_part(rows: Sequence[ManifestRow], identities: Mapping[str, str], divisions: Sequence[Division]) -> AuditPart:
    """Persons in several parts of a split, and persons under several ids."""
    persons = persons_of(rows, identities)
    found = [one for division in divisions for one in crossings(division, persons, rows)]
    numbers: dict[str, list[int]] = {row.study_id: [] for row in rows}
    for row in rows:
        numbers[row.study_id].append(row.row)
    doubled = [person for person in persons if person.how != "patient_id"]
    hidden = anonymous(rows, identities)
    sheets = (
        Sheet("crossings", "Patients in several parts", ("Split", "Parts", "Known by", "Rows of the manifest"),
              [(one.division, ", ".join(one.parts), _HOW[one.how], _listed(one.rows)) for one in found]),
        Sheet("persons", "Patients who may be one under several ids", ("Known by", "Rows of the manifest"),
              [(_HOW[one.how], _listed([n for study in sorted(one.studies) for n in numbers[study]])) for one in doubled]),
        Sheet("divisions", "Splits", ("Split", "Parts", "Studies", "Studies without a part", "Names that the manifest lacks"),
              [(one.name, ", ".join(sorted(one.together(one.parts))), len(one.parts), len(numbers) - len(one.parts), one.strangers)
               for one in divisions]),
    )  # fmt: skip
    by_header = sum(one.how == "headers" for one in doubled)
    return AuditPart("Patients across splits", _check(len(found), by_header, len(divisions)), _about(hidden), sheets)


def _check(crossing: int, by_header: int, divisions: int) -> Check:
    advice = "Give all studies of a patient one patient_id and put them on one side, then train and judge again."
    if crossing:
        words = f"Patients in several parts of a split: {crossing}."
    elif by_header:
        words = f"Persons with several patient_ids, as their headers say: {by_header}; a split by patient_id will part them."
    elif not divisions:
        return Check("patients", None, None, 0.0, "patients", "There is no split to look at: the manifest has none and no file was given.")
    else:
        words = "Every patient lies in one part of " + (f"each of {divisions} splits." if divisions > 1 else "the split.")
    found = bool(crossing or by_header)
    return Check("patients", not found, float(crossing), 0.0, "patients", words, advice if found else "")


def _about(hidden: int) -> str:
    words = (
        "A patient is known by patient_id, by ids that differ only in case or leading zeros, and by what the DICOM headers say of the "
        "person (as a keyed hash). De-identification may have given one person new ids every time: that nothing was found here proves "
        "little; see the copies below."
    )
    return words + (f" The headers of {hidden} studies name one identity for many patients, which was not used." if hidden else "")


def _listed(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers))

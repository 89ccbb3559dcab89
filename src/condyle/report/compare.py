"""A reading against an earlier one of the same patient: what changed by more than the error of measurement."""

from __future__ import annotations

from dataclasses import replace

from condyle.errors import InputError
from condyle.report.repeatability import REMARK, Repeatability, place_on_scale, repeatability
from condyle.study import Change, Comparison, Finding, Reading

NO_LIMITS = "Limits of repeated readings were not measured for this package, so no difference is called a change."
OTHER_PACKAGE = "The earlier reading is by another package or version; what differs may be the package."
NUMBERING = "The numbering of one of the two readings is uncertain; a level's name may mean another disc."
ONE_SIDED = "Only one of the two readings gives it."
BY_PERSON = "A reader set one of the two values, and has no measured error."
NO_LIMIT = "No limit was measured for this finding."


def compared(reading: Reading, earlier: Reading) -> Reading:
    """The reading with its comparison.

    Parameters
    ----------
    earlier : of the same patient. Readings hold no dates: that it is earlier is the word of whoever gives it.

    Returns
    -------
    ``reading`` with ``comparison``: a change for each finding and site that either of the two assessed

    Raises
    ------
    InputError - another patient, another joint, or the very same study
    """
    _refuse(reading, earlier)
    table = repeatability(reading.package)
    doubt = _doubt(reading, earlier, table)
    before = {(one.finding, one.site): one for one in earlier.findings if one.decision != "not_assessed"}
    now = {(one.finding, one.site): one for one in reading.findings if one.decision != "not_assessed"}
    places = dict.fromkeys((one.finding, one.site) for one in (*reading.findings, *earlier.findings))
    changes = tuple(_change(before.get(place), now.get(place), table, doubt) for place in places if place in before or place in now)
    source = f"{table.source} (command: {table.command})" if table else NO_LIMITS
    comparison = Comparison(earlier.study_key, earlier.package.name, earlier.package.version, changes, source, REMARK)
    return replace(reading, comparison=comparison)


def _refuse(reading: Reading, earlier: Reading) -> None:
    what = "The two readings cannot be compared."
    if earlier.patient_key != reading.patient_key:
        raise InputError(
            "prior-other-patient", what, where=f"patient {reading.patient_key!r}, earlier reading of patient {earlier.patient_key!r:.40}",
            why="They are of two patients, or their keys were made with different key files.",
            what_to_do="Give a reading of this patient, made with the same local key file.",
        )  # fmt: skip
    if earlier.joint != reading.joint:
        raise InputError(
            "prior-other-joint", what, where=f"{reading.joint}, earlier {earlier.joint!r:.40}", why="They are of different joints.",
            what_to_do="Give an earlier reading of the same joint.",
        )  # fmt: skip
    if earlier.study_key == reading.study_key:
        raise InputError(
            "prior-same-study", what, where=f"study {reading.study_key!r}", why="The earlier reading is of the very same study.",
            what_to_do="Give the reading of an earlier study.",
        )  # fmt: skip


def _doubt(reading: Reading, earlier: Reading, table: Repeatability | None) -> str:
    """Why nothing at all can be judged; empty when it can."""
    if (earlier.package.name, earlier.package.sha256) != (reading.package.name, reading.package.sha256):
        return OTHER_PACKAGE
    if "numbering_uncertain" in (*reading.flags, *earlier.flags):
        return NUMBERING
    return "" if table else NO_LIMITS


def _change(before: Finding | None, now: Finding | None, table: Repeatability | None, doubt: str) -> Change:
    if before is None or now is None:
        return Change(before, now, None, None, "", "not_comparable", ONE_SIDED)
    places = place_on_scale(before), place_on_scale(now)
    if places[0] is None or places[1] is None or places[0][1] != places[1][1]:
        return Change(before, now, None, None, "", "not_comparable", doubt or BY_PERSON)
    difference, unit = round(places[1][0] - places[0][0], 3), places[0][1]
    limit = table.limits.get(now.finding) if table else None
    if doubt or limit is None or limit.unit != unit:
        return Change(before, now, difference, None, unit, "not_comparable", doubt or NO_LIMIT)
    beyond = abs(difference) > limit.limit and _says_something_else(before, now)
    return Change(before, now, difference, limit.limit, unit, "changed" if beyond else "unchanged")


def _says_something_else(before: Finding, now: Finding) -> bool:
    """A score may move far without leaving 'absent': only another decision, grade or value is a change for a person."""
    return (before.decision, before.grade, before.value) != (now.decision, now.grade, now.value)

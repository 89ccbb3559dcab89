"""Corrections: what a person made of a reading, believed only when it fits, both values kept."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from condyle.errors import InputError, TableError
from condyle.report.corrections import WITHDRAWN, Corrections, corrected, load_corrections
from condyle.report.findings_csv import finding_rows
from condyle.report.html_page import export
from condyle.report.reading_json import load_reading, to_bytes, to_document
from condyle.study import Finding, Reading, Site
from condyle.testing.readings import PLANTED, lumbar_reading


def entry(finding: Finding, action: str = "accepted", **corrected: object) -> dict:
    site = {"level": finding.site.level, "side": finding.site.side, "compartment": finding.site.compartment}
    original = {"decision": finding.decision, "grade": finding.grade, "value": finding.value}
    value = {"decision": "present", "grade": None, "value": None, **corrected} if corrected else None
    when = "2026-11-22T06:00:00Z"
    return {"finding": finding.finding, "site": site, "action": action, "original": original, "corrected": value, "at": when}


def document(reading: Reading, *entries: dict, **changed: object) -> dict:
    package = {"name": reading.package.name, "version": reading.package.version, "sha256": reading.package.sha256}
    whole = {"schema_version": "1.0", "study_key": reading.study_key, "package": package, "reader": "AB", "corrections": list(entries)}
    return whole | changed


def parsed(content: dict) -> Corrections:
    return Corrections.model_validate_json(json.dumps(content))


def at(reading: Reading, finding: str, level: str = "L4-L5") -> Finding:
    return next(one for one in reading.findings if one.finding == finding and one.site == Site(level))


def test_a_changed_finding_has_the_readers_value_and_keeps_the_packages(lumbar):
    herniation = at(lumbar, "herniation")
    final = corrected(lumbar, parsed(document(lumbar, entry(herniation, "changed", decision="absent"))))
    now = at(final, "herniation")
    assert (now.decision, now.score, now.evidence) == ("absent", None, herniation.evidence)
    assert (final.reviews[0].action, final.reviews[0].original, final.reviews[0].by) == ("changed", herniation, "AB")
    assert [one for one in final.findings if one != now] == [one for one in lumbar.findings if one != herniation]


def test_a_rejected_finding_is_withdrawn_with_its_reason(lumbar):
    final = corrected(lumbar, parsed(document(lumbar, entry(at(lumbar, "bulging"), "rejected"))))
    assert (at(final, "bulging").decision, at(final, "bulging").reason) == ("not_assessed", WITHDRAWN)


def test_an_accepted_finding_stays_as_it_is(lumbar):
    final = corrected(lumbar, parsed(document(lumbar, entry(at(lumbar, "pfirrmann")))))
    assert final.findings == lumbar.findings
    assert final.reviews[0].action == "accepted"


def test_grades_and_lengths_can_be_changed_and_gaps_filled(lumbar):
    entries = [
        entry(at(lumbar, "pfirrmann"), "changed", grade=5), entry(at(lumbar, "disc_height"), "changed", value=6.5),
        entry(at(lumbar, "modic"), "changed", decision="present"), entry(at(lumbar, "slip", "T12-L1"), "changed", value=0.5),
    ]  # fmt: skip
    final = corrected(lumbar, parsed(document(lumbar, *entries)))
    assert at(final, "pfirrmann").grade == 5
    assert (at(final, "disc_height").value, at(final, "disc_height").unit) == (6.5, "mm")
    assert at(final, "modic").decision == "present"
    assert (at(final, "slip", "T12-L1").value, at(final, "slip", "T12-L1").unit) == (0.5, "mm")


def test_every_document_shows_both_values_and_who(lumbar, tmp_path):
    final = corrected(lumbar, parsed(document(lumbar, entry(at(lumbar, "herniation"), "changed", decision="absent"))))
    page = export(final)["report.html"].decode()
    assert "What a reader corrected" in page
    assert "changed by AB on 2026-11-22; the package said: present (62%)" in page
    assert 'id="review-save"' not in page  # a corrected report is final
    row = next(row for row in finding_rows(final) if row["review"])
    assert (row["decision"], row["original_decision"], row["original_score"], row["reviewed_by"]) == ("absent", "present", "0.62", "AB")
    (tmp_path / "reading.json").write_bytes(to_bytes(to_document(final)))
    assert load_reading(tmp_path / "reading.json").reviews == final.reviews


def test_no_map_is_drawn_for_what_a_reader_called_absent(lumbar):
    told = [one for one in lumbar.findings if one.finding == "herniation" and one.decision != "absent"]
    entries = [entry(one, "changed", decision="absent") for one in told]
    final = corrected(lumbar, parsed(document(lumbar, *entries)))
    assert "Disc herniation</label>" in export(lumbar)["report.html"].decode()
    assert "Disc herniation</label>" not in export(final)["report.html"].decode()


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"study_key": "ffffffffffffffff"}, "corrections-other-study"),
        ({"package": {"name": "lumbar", "version": "0.9", "sha256": "ab" * 32}}, "corrections-other-package"),
        ({"package": {"name": "lumbar", "version": "1.0.0", "sha256": "cd" * 32}}, "corrections-other-package"),
    ],
)
def test_corrections_of_another_study_or_package_are_refused(lumbar, changed, code):
    with pytest.raises(InputError) as caught:
        corrected(lumbar, parsed(document(lumbar, **changed)))
    error = caught.value
    assert error.code == code
    assert all((error.what, error.where, error.why, error.what_to_do))


def test_a_corrected_reading_is_not_corrected_again(lumbar):
    final = corrected(lumbar, parsed(document(lumbar, entry(at(lumbar, "bulging")))))
    with pytest.raises(InputError) as caught:
        corrected(final, parsed(document(lumbar)))
    assert caught.value.code == "corrections-twice"


WRONG = {
    "no such finding": lambda r: entry(replace(at(r, "bulging"), finding="gout")),
    "no such level": lambda r: entry(replace(at(r, "bulging"), site=Site("L9-L10"))),
    "another original": lambda r: entry(replace(at(r, "bulging"), decision="uncertain")),
    "another original grade": lambda r: entry(replace(at(r, "pfirrmann"), grade=1)),
    "another original value": lambda r: entry(replace(at(r, "slip"), value=9.9)),
    "changed to nothing": lambda r: entry(at(r, "bulging"), "changed"),
    "changed to itself": lambda r: entry(at(r, "bulging"), "changed", decision="present"),
    "changed to not assessed": lambda r: entry(at(r, "bulging"), "changed", decision="not_assessed"),
    "a grade for a binary finding": lambda r: entry(at(r, "bulging"), "changed", decision="absent", grade=3),
    "a value for a binary finding": lambda r: entry(at(r, "bulging"), "changed", decision="absent", value=3.0),
    "a grade off the scale": lambda r: entry(at(r, "pfirrmann"), "changed", grade=6),
    "no grade": lambda r: entry(at(r, "pfirrmann"), "changed", decision="present"),
    "an absent measurement": lambda r: entry(at(r, "slip"), "changed", decision="absent", value=1.0),
    "a word as length": lambda r: entry(at(r, "slip"), "changed", value="long"),
    "accepted with a value": lambda r: entry(at(r, "bulging"), "accepted", decision="absent"),
    "rejecting what was not said": lambda r: entry(at(r, "modic"), "rejected"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_correction_that_does_not_fit_is_refused(lumbar, case):
    with pytest.raises(TableError) as caught:
        corrected(lumbar, parsed(document(lumbar, WRONG[case](lumbar))))
    assert caught.value.code == "corrections-do-not-fit"
    assert len(caught.value.problems) >= 1


def test_all_that_does_not_fit_is_said_at_once(lumbar):
    entries = [make(lumbar) for make in WRONG.values()]
    with pytest.raises(TableError) as caught:
        corrected(lumbar, parsed(document(lumbar, *entries)))
    for number in range(len(entries)):
        assert any(problem.startswith(f"corrections.{number}:") for problem in caught.value.problems), number
    assert any("corrected twice" in problem for problem in caught.value.problems)


def test_the_file_is_checked_in_full_before_it_is_believed(lumbar, tmp_path):
    good = entry(at(lumbar, "bulging"))
    content = document(
        lumbar, good | {"at": "yesterday"}, good | {"action": "maybe"}, good | {"name": PLANTED[0]}, reader="Dr. Erika Mustermann", extra=1
    )
    path = tmp_path / "corrections.json"
    path.write_text(json.dumps(content))
    with pytest.raises(TableError) as caught:
        load_corrections(path)
    told = " ".join(caught.value.problems)
    for place in ("corrections.0.at", "corrections.1.action", "corrections.2.name", "reader", "extra"):
        assert place in told
    assert not any(word in told for word in PLANTED)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "corrections-invalid"), (b"[]", "corrections-version"), (b"{", "corrections-invalid"), (b"\xff\xfe", "corrections-invalid"),
        (b'{"schema_version": "2.0"}', "corrections-version"), (b'{"schema_version": "1.0"}', "corrections-invalid"),
        (b"[" * 100_000, "corrections-invalid"), (b" " * (4 * 2**20 + 1), "corrections-invalid"), (b"NaN", "corrections-version"),
    ],
)  # fmt: skip
def test_a_file_that_is_none_of_ours_is_refused(tmp_path, content, code):
    (tmp_path / "corrections.json").write_bytes(content)
    with pytest.raises(InputError) as caught:
        load_corrections(tmp_path / "corrections.json")
    assert caught.value.code == code


def test_a_missing_file_is_said(tmp_path):
    with pytest.raises(InputError) as caught:
        load_corrections(tmp_path / "none.json")
    assert caught.value.code == "corrections-unreadable"


READING = lumbar_reading()


@given(st.lists(st.tuples(st.integers(0, len(READING.findings) - 1), st.booleans()), unique_by=lambda pair: pair[0], max_size=20))
def test_whatever_is_answered_the_original_can_be_had_back(answers):
    """Property: putting each review's original in its place gives the package's reading again, whatever the order of the answers."""
    entries = []
    for number, reject in answers:
        finding = READING.findings[number]
        entries.append(entry(finding, "rejected" if reject and finding.decision != "not_assessed" else "accepted"))
    final = corrected(READING, parsed(document(READING, *entries)))
    originals = {(one.original.finding, one.original.site): one.original for one in final.reviews}
    back = tuple(originals.get((one.finding, one.site), one) for one in final.findings)
    assert back == READING.findings
    assert len(final.reviews) == len(answers)


def test_the_path_of_the_file_stays_out_of_messages(tmp_path):
    folder = tmp_path / PLANTED[0]
    folder.mkdir()
    with pytest.raises(InputError) as caught:
        load_corrections(Path(folder) / "corrections.json")
    assert PLANTED[0] not in str(caught.value)

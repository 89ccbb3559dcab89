"""A comparison names a change only beyond the measured error, and says why it cannot judge."""

from __future__ import annotations

from dataclasses import replace

import pytest

from condyle.errors import InputError
from condyle.report import compare, repeatability
from condyle.report.changes import in_rows
from condyle.report.compare import compared
from condyle.report.html_page import export
from condyle.report.reading_json import load_reading, to_bytes, to_document
from condyle.report.statements import catalogue
from condyle.report.text import export as text
from condyle.study import Finding, PackageInfo, Reading, Review, Site

LIMITS = repeatability.Repeatability(
    {
        "disc_height": repeatability.Limit("mm", 0.9, 40), "pfirrmann": repeatability.Limit("grade", 0.8, 40),
        "herniation": repeatability.Limit("logit", 2.0, 40), "bulging": repeatability.Limit("logit", 2.0, 40),
    },
    "Limits: drawn for tests.", "python scripts/repeatability.py drawn",
)  # fmt: skip


@pytest.fixture(autouse=True)
def _limits(monkeypatch):
    monkeypatch.setattr(compare, "repeatability", lambda package: LIMITS)


@pytest.fixture
def now(lumbar) -> Reading:
    return replace(lumbar, flags=())


def earlier(now, finding="", level="L4-L5", **changed) -> Reading:
    """The same reading as of another study, with one finding different."""
    findings = tuple(replace(one, **changed) if (one.finding, one.site.level) == (finding, level) else one for one in now.findings)
    return replace(now, study_key="eeeeeeeeeeeeeeee", findings=findings)


def verdict(reading, finding, level="L4-L5"):
    told = {((one.now or one.before).finding, (one.now or one.before).site): one for one in reading.comparison.changes}
    one = told[finding, Site(level)]
    return one.verdict, one.difference, one.reason


def test_nothing_changed_when_nothing_differs(now):
    found = compared(now, earlier(now)).comparison
    judged = [one for one in found.changes if one.verdict != "not_comparable"]
    assert judged
    assert all((one.verdict, one.difference) == ("unchanged", 0.0) for one in judged)
    assert (found.study_key, found.package) == ("eeeeeeeeeeeeeeee", "lumbar")
    assert "No scans of one patient repeated" in found.remark
    assert "python scripts/repeatability.py" in found.source


@pytest.mark.parametrize(("value", "wanted"), [(9.5, "unchanged"), (9.95, "changed"), (8.05, "changed"), (8.2, "unchanged")])
def test_a_length_changed_when_it_differs_by_more_than_the_limit(now, value, wanted):
    assert verdict(compared(now, earlier(now, "disc_height", value=value)), "disc_height")[0] == wanted  # 9.0 mm now, limit 0.9


def test_a_score_must_cross_its_threshold_and_the_limit(now):
    assert verdict(compared(now, earlier(now, "herniation", score=0.05, decision="absent")), "herniation")[0] == "changed"
    within = earlier(now, "herniation", score=0.45, decision="absent")
    assert verdict(compared(now, within), "herniation")[0] == "unchanged"
    assert verdict(compared(now, earlier(now, "herniation", score=0.05)), "herniation")[0] == "unchanged"  # present before and now


def test_a_grade_is_compared_by_its_expected_value(now):
    near = earlier(now, "pfirrmann", grade=3, probabilities=(0.0, 0.05, 0.5, 0.4, 0.05))
    far = earlier(now, "pfirrmann", grade=2, probabilities=(0.1, 0.8, 0.1, 0.0, 0.0))
    assert [verdict(compared(now, one), "pfirrmann")[0] for one in (near, far)] == ["unchanged", "changed"]


def test_what_only_one_reading_gives_is_not_comparable(now):
    before = earlier(now, "slip", value=None, decision="not_assessed", reason="not seen")
    assert verdict(compared(now, before), "slip") == ("not_comparable", None, compare.ONE_SIDED)


def test_what_has_no_limit_or_no_score_is_not_comparable(now):
    assert verdict(compared(now, earlier(now)), "slip")[2] == compare.NO_LIMIT
    by_hand = earlier(now, "herniation", score=None, decision="absent")
    assert verdict(compared(now, by_hand), "herniation")[2] == compare.BY_PERSON


def test_another_package_or_uncertain_numbers_are_judged_nowhere(now, monkeypatch):
    other = replace(earlier(now), package=PackageInfo("lumbar", "0.9", "cd" * 32, "", ""))
    doubtful = replace(earlier(now), flags=("numbering_uncertain",))
    for before, reason in ((other, compare.OTHER_PACKAGE), (doubtful, compare.NUMBERING)):
        changes = compared(now, before).comparison.changes
        assert {one.verdict for one in changes} == {"not_comparable"}
        assert reason in {one.reason for one in changes}
    monkeypatch.setattr(compare, "repeatability", lambda package: None)
    assert compared(now, earlier(now)).comparison.source == compare.NO_LIMITS


@pytest.mark.parametrize(
    ("changed", "code"),
    [({"patient_key": "0" * 16}, "prior-other-patient"), ({"joint": "knee"}, "prior-other-joint"), ({}, "prior-same-study")],
)
def test_readings_that_cannot_be_compared_are_refused(now, changed, code):
    before = replace(earlier(now) if changed else now, **changed)
    with pytest.raises(InputError) as caught:
        compared(now, before)
    assert caught.value.code == code
    assert all((caught.value.what, caught.value.where, caught.value.why, caught.value.what_to_do))


def test_documents_say_what_changed_and_the_error(now, tmp_path):
    final = compared(now, earlier(now, "disc_height", value=11.2))
    rows = in_rows(final, catalogue("lumbar"))
    assert [(row.site, row.before, row.now, row.difference, row.limit) for row in rows.changed] == [
        ("L4-L5", "11.2\u00a0mm", "9.0\u00a0mm", "−2.2 mm", "± 0.9 mm")
    ]
    page = export(final)["report.html"].decode()
    assert "beyond the error of measurement changed: L4-L5 disc height, 11.2\u00a0mm before, 9.0\u00a0mm now." in page
    assert "No scans of one patient repeated" in page
    assert "COMPARISON\nL4-L5, disc height: disc height 11.2 mm before, disc height 9.0 mm now" in text(final)["report.txt"].decode()
    (tmp_path / "reading.json").write_bytes(to_bytes(to_document(final)))
    assert load_reading(tmp_path / "reading.json").comparison == final.comparison


def test_a_corrected_earlier_reading_can_be_given(now):
    before = earlier(now, "bulging", decision="absent", score=None)
    original = next(one for one in now.findings if (one.finding, one.site.level) == ("bulging", "L4-L5"))
    final = compared(now, replace(before, reviews=(Review("changed", original, "AB"),)))
    assert verdict(final, "bulging") == ("not_comparable", None, compare.BY_PERSON)


def test_scores_are_compared_by_their_odds():
    def place(score):
        return repeatability.place_on_scale(Finding("herniation", Site("L4-L5"), "binary", "present", score))[0]

    assert place(0.84) - place(0.5) == pytest.approx(place(0.5) - place(0.16))
    assert place(0.0) == place(0.001)  # nobody knows so small a probability

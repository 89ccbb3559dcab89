"""The first block: abnormal, uncertain, not assessed."""

from __future__ import annotations

from dataclasses import replace

from condyle.report.summary import summarise
from condyle.study import Finding, Problem, Site


def test_the_lumbar_example_in_short(lumbar):
    summary = summarise(lumbar)
    assert [one.head for one in summary.abnormal] == ["L4-L5", "L5-S1"]
    assert [item.text for item in summary.abnormal[1].items] == ["Pfirrmann 4"]
    assert [(one.head, one.items[0].text) for one in summary.uncertain] == [("L4-L5", "Spondylolisthesis"), ("L5-S1", "Disc herniation")]
    assert summary.clear == ("T12-L1 to L3-L4",)
    assert summary.headline == "Abnormal: L4-L5 and L5-S1; 2 findings uncertain"
    assert "Count them on the images" in summary.flags[0]


def test_every_reason_for_a_gap_is_told_once_with_its_place(lumbar):
    gaps = [(gap.what, gap.where, gap.why) for gap in summarise(lumbar).gaps]
    assert ("Modic change", "all levels", "Modic change needs T1 and T2; no T1 series was found") in gaps
    assert ("Vertebral slip", "T12-L1", "a corner of the vertebra lies outside the picture") in gaps
    assert ("Modic type", "all levels", "the package does not tell types") in gaps
    assert any(what == "Central canal stenosis, foraminal stenosis and lateral recess stenosis" for what, _, _ in gaps)


def test_findings_with_the_same_gap_share_a_line(nothing):
    gap = summarise(nothing).gaps[0]
    assert (gap.what, gap.why) == ("Disc herniation and disc bulging", "no sagittal series was found")
    assert summarise(nothing).headline == "Nothing could be assessed"


def test_findings_that_the_package_never_gives_are_named(knee):
    gap = next(gap for gap in summarise(knee).gaps if "package" in gap.why)
    assert (gap.where, gap.why) == ("", "not given by the package knee_two")
    assert any("cartilage defect" in gap.what.lower() and "ACL injury" in gap.what for gap in summarise(knee).gaps)


def test_a_site_of_which_nothing_was_assessed_is_not_called_clear(lumbar):
    gap = Finding("bulging", Site("L1-L2"), "binary", "not_assessed", reason="outside the picture")
    summary = summarise(replace(lumbar, findings=(gap,)))
    assert summary.clear == ()
    assert summary.headline == "Nothing could be assessed"


def test_normal_findings_alone_are_no_abnormality(lumbar):
    absent = Finding("bulging", Site("L1-L2"), "binary", "absent", score=0.1)
    assert summarise(replace(lumbar, findings=(absent,))).headline == "No abnormal finding among those assessed"


def test_failed_checks_and_problems_are_warnings_but_notes_and_passed_checks_are_not(lumbar):
    warnings = summarise(lumbar).warnings
    assert warnings == ("Ghosts along the phase direction point to motion on sagittal T2.", "Two slices are missing from the axial stack.")


def test_a_flag_gives_its_reason_and_is_not_said_twice(lumbar):
    doubt = Problem("numbering-uncertain", "warning", "The numbering of the levels is uncertain.", why="The sacrum is cut off.")
    summary = summarise(replace(lumbar, problems=(doubt,)))
    assert summary.flags[0].endswith("The sacrum is cut off.")
    assert not any("numbering" in warning for warning in summary.warnings)


def test_series_that_were_not_used_are_named_with_their_reason(lumbar):
    other = replace(lumbar.series[0], series_id="s5", number=5)
    said = (("series s5", "No column of discs was found on it."), ("series s9", "No column of discs was found on it."))
    unread = summarise(replace(lumbar, series=(*lumbar.series, other), unused=said)).unread
    assert [(gap.what, gap.where, gap.why) for gap in unread] == [
        ("Series 9 (axial) and Series 5 (sagittal T2)", "not used", "No column of discs was found on it.")
    ]


def test_an_uncertain_score_stands_with_its_threshold_and_a_sure_one_without(lumbar):
    summary = summarise(lumbar)
    assert summary.uncertain[1].items[0].sure == "50%, threshold 50%"
    assert summary.abnormal[0].items[1].sure == "90%"

"""From grades and scores to findings: what is called present, absent, uncertain."""

from __future__ import annotations

import pytest

from condyle.readers.lumbar.findings import graded_findings, marked
from condyle.readers.lumbar.graded import Graded
from condyle.readers.spec import ThresholdSpec

THRESHOLDS = {"pfirrmann": ThresholdSpec(value=0.5, rule="median", band=(0.4, 0.6))}


def graded(high: float, grade: int) -> Graded:
    return Graded("L4-L5", "pfirrmann", score=high, grade=grade, probabilities=(0.05, 0.05, 0.9 - high, high, 0.0))


@pytest.mark.parametrize(
    ("high", "grade", "decision", "drawn"),
    [
        (0.1, 3, "present", False), (0.39, 3, "present", False), (0.49, 3, "uncertain", True), (0.55, 4, "uncertain", True),
        (0.8, 4, "present", True),
    ],
)
def test_a_grade_near_the_border_of_the_high_ones_is_uncertain(high: float, grade: int, decision: str, drawn: bool) -> None:
    found = graded_findings([graded(high, grade)], THRESHOLDS, {})[0]
    assert (found.decision, found.grade) == (decision, grade)
    assert marked(graded(high, grade), THRESHOLDS) is drawn


def test_a_score_without_a_threshold_is_no_decision() -> None:
    with pytest.raises(KeyError):
        graded_findings([Graded("L4-L5", "herniation", score=0.1)], THRESHOLDS, {})


def test_a_package_without_a_band_for_grades_gives_them_all() -> None:
    assert graded_findings([graded(0.5, 4)], {}, {})[0].decision == "present"
    assert marked(graded(0.5, 4), {})

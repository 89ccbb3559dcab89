"""What a finding says to a person."""

from __future__ import annotations

import pytest

from condyle.anatomy import JOINTS
from condyle.report.statements import catalogue, entry_of, how_sure, own_probability, percent, statement, value_text, weight
from condyle.study import Finding, Site

LUMBAR = JOINTS["lumbar"]
SITE = Site("L4-L5")


def grade(step, probabilities=(0.02, 0.08, 0.3, 0.4, 0.2), decision="present"):
    return Finding("pfirrmann", SITE, "ordinal", decision, grade=step, probabilities=probabilities)


@pytest.mark.parametrize(("step", "expected"), [(1, "given"), (3, "given"), (4, "abnormal"), (5, "abnormal")])
def test_a_grade_is_abnormal_from_the_step_that_the_scale_marks(step, expected):
    assert weight(grade(step), LUMBAR) == expected


@pytest.mark.parametrize(
    ("decision", "expected"), [("present", "abnormal"), ("absent", "normal"), ("uncertain", "uncertain"), ("not_assessed", "not_assessed")]
)
def test_a_binary_finding_weighs_what_was_decided_whatever_its_score(decision, expected):
    assert weight(Finding("bulging", SITE, "binary", decision, score=0.5, reason="why"), LUMBAR) == expected


def test_an_uncertain_grade_is_uncertain_and_a_measurement_is_neither_normal_nor_abnormal():
    assert weight(grade(5, decision="uncertain"), LUMBAR) == "uncertain"
    assert weight(Finding("slip", SITE, "measurement", "present", value=9.0, unit="mm"), LUMBAR) == "given"


def test_the_sureness_of_a_grade_is_the_probability_of_the_marked_steps():
    assert how_sure(grade(4), LUMBAR) == "grade 4–5: 60%"
    assert own_probability(grade(4), LUMBAR) == 0.4
    assert how_sure(grade(4, ()), LUMBAR) == ""


def test_no_probability_is_said_to_be_0_or_100():
    assert [percent(p) for p in (0, 0.004, 0.006, 0.5, 0.994, 0.996, 1)] == ["<1%", "<1%", "1%", "50%", "99%", ">99%", ">99%"]


def test_statements():
    assert statement(grade(3), LUMBAR) == "Pfirrmann 3"
    assert statement(Finding("slip", SITE, "measurement", "present", value=-2.04, unit="mm"), LUMBAR) == "Vertebral slip −2.0\u00a0mm"
    assert value_text(Finding("modic_type", SITE, "category", "present", value="2")) == "2"


def test_findings_and_joints_of_another_package_get_plain_words():
    assert entry_of("tendon_tear", LUMBAR).title == "Tendon tear"
    assert catalogue("big_toe").title == "Big toe"
    assert weight(Finding("kellgren", Site(), "ordinal", "present", grade=3), catalogue("big_toe")) == "given"


def test_a_ratio_is_told_to_a_hundredth_and_a_length_to_a_tenth():
    site = Site("L4-L5")
    assert value_text(Finding("disc_height_index", site, "measurement", "present", value=0.312)) == "0.31"
    assert value_text(Finding("disc_height", site, "measurement", "present", value=-7.26, unit="mm")) == "−7.3\u00a0mm"

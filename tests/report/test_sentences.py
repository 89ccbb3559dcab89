"""One sentence a site."""

from __future__ import annotations

import pytest

from condyle.anatomy import JOINTS
from condyle.report.sentences import lower_first, site_sentence
from condyle.study import Finding, Site

LUMBAR = JOINTS["lumbar"]


def test_a_sentence_says_the_worst_first_and_leaves_nothing_out():
    site = Site("L4-L5")
    findings = [
        Finding("slip", site, "measurement", "present", value=0.6, unit="mm"),
        Finding("modic", site, "binary", "not_assessed", reason="no T1"),
        Finding("bulging", site, "binary", "absent", 0.1),
        Finding("upper_endplate", site, "binary", "absent", 0.1),
        Finding("spondylolisthesis", site, "binary", "uncertain", 0.48),
        Finding("pfirrmann", site, "ordinal", "present", grade=4, probabilities=(0, 0.1, 0.1, 0.6, 0.2)),
        Finding("herniation", site, "binary", "present", 0.62),
    ]
    assert site_sentence(findings, LUMBAR) == (
        "Pfirrmann 4 (grade 4–5: 80%) and disc herniation (62%); uncertain: spondylolisthesis (48%); "
        "no disc bulging or upper end-plate defect; vertebral slip 0.6\u00a0mm; not assessed: Modic change."
    )


def test_no_findings_no_sentence():
    assert site_sentence([], LUMBAR) == ""


@pytest.mark.parametrize(
    ("text", "lowered"), [("Disc bulging", "disc bulging"), ("Modic change", "Modic change"), ("ACL injury", "ACL injury"), ("", "")]
)
def test_names_and_abbreviations_keep_their_capital(text, lowered):
    assert lower_first(text) == lowered

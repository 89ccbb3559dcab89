"""The draft: the structure of a report, every finding in its words, the impression no longer than what is marked."""

from __future__ import annotations

from dataclasses import replace

import pytest

from condyle.report.phrases import LANGUAGES, load_phrases
from condyle.report.text import export


def draft(reading, **options):
    return export(reading, **options)["report.txt"].decode()


def test_the_blocks_stand_in_the_order_of_a_report(lumbar):
    text = draft(lumbar)
    places = [text.index(word) for word in ("MRI LUMBAR SPINE", "DRAFT", "TECHNIQUE", "FINDINGS", "NOT ASSESSED", "IMPRESSION")]
    assert places == sorted(places)


def test_levels_run_from_the_head_down_with_what_is_there_and_what_is_not(lumbar):
    lines = [line for line in draft(lumbar).split("FINDINGS\n")[1].split("\n\n")[0].splitlines() if line[1].isdigit()]
    assert [line.split(":")[0] for line in lines] == ["T12-L1", "L1-L2", "L2-L3", "L3-L4", "L4-L5", "L5-S1"]
    assert "disc herniation (62%); " in lines[4]
    assert "no disc bulging" in lines[0]
    assert "disc height 9.0 mm" in lines[4]


def test_the_impression_holds_what_is_abnormal_what_is_uncertain_and_what_is_clear(lumbar):
    impression = draft(lumbar).split("IMPRESSION\n")[1].splitlines()
    assert impression[0] == "1. The numbering of the levels is uncertain. Count them on the images."
    assert impression[1].startswith("2. L4-L5: disc degeneration (Pfirrmann) grade 4, disc narrowing, disc bulging, disc herniation")
    assert any(line[3:].startswith("Uncertain, to be looked at: ") and "L5-S1 disc herniation" in line for line in impression)
    assert impression[-1].endswith("Nothing marked at T12-L1 to L3-L4.")


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_finding_is_in_its_language(lumbar, language):
    text, phrases = draft(lumbar, language=language), load_phrases(language)
    for finding in lumbar.findings:
        if finding.decision == "absent":
            assert phrases.of_finding(finding.finding, "absent") in text
        if finding.decision == "present" and finding.kind == "binary":
            assert phrases.of_finding(finding.finding, "present") in text


def test_german_is_german(lumbar):
    text = draft(lumbar, language="de")
    for word in ("MRT LENDENWIRBELSÄULE", "TECHNIK\nGelesene Serien: sagittale T2, sagittale T1.", "BEFUND", "BEURTEILUNG",
                 "kein Bandscheibenvorfall", "unsicher: Bandscheibenvorfall", "T12-L1 bis L3-L4"):  # fmt: skip
        assert word in text
    told = text.split("BEFUND\n")[1].split("NICHT BEURTEILT")[0]  # sentences of quality checks are English
    for word in ("no disc", "uncertain", " to ", "with", "grade"):
        assert word not in told


def test_nothing_assessed_is_said_and_not_called_normal(nothing):
    text = draft(nothing)
    assert "1. Nothing could be assessed." in text
    assert "Nothing marked" not in text


def test_a_healthy_spine_has_no_abnormal_finding(lumbar):
    calm = tuple(
        replace(one, grade=2, probabilities=()) if one.kind == "ordinal" else replace(one, decision="absent", score=0.1)
        for one in lumbar.findings if one.kind in ("ordinal", "binary") and one.decision != "not_assessed"
    )  # fmt: skip
    impression = draft(replace(lumbar, findings=calm, flags=())).split("IMPRESSION\n")[1]
    assert impression == "1. No abnormal finding among those assessed.\n2. Nothing marked at T12-L1 to L5-S1.\n"


def test_phrases_of_ones_own_are_used(lumbar, tmp_path):
    (tmp_path / "mine.yaml").write_text("findings:\n  herniation: {present: FOCAL HERNIATION}\n")
    assert "FOCAL HERNIATION (62%)" in draft(lumbar, phrases=tmp_path / "mine.yaml")

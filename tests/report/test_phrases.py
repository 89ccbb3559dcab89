"""Phrases: two languages with the same phrases, files of one's own checked in full before they are used."""

from __future__ import annotations

import pytest

from condyle.anatomy import JOINTS
from condyle.errors import InputError, TableError, UsageError
from condyle.report.phrases import LANGUAGES, load_phrases, problems_of


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_shipped_language_has_every_phrase_and_every_lumbar_finding(language):
    english, sections = load_phrases("en").sections, load_phrases(language).sections
    assert problems_of(dict(sections), english) == ()
    for section in ("headings", "lines", "flags", "findings"):
        assert sections[section].keys() == english[section].keys(), section
    assert set(english["words"]) <= set(sections["words"])
    for entry in JOINTS["lumbar"].findings:
        keys = {"title", "present", "absent"} if entry.kind == "binary" else {"title", "given"}
        assert set(sections["findings"][entry.name]) == keys, entry.name


def test_a_file_of_ones_own_changes_what_it_holds_and_nothing_else(tmp_path):
    own = tmp_path / "mine.yaml"
    own.write_text("findings:\n  herniation: {present: focal disc herniation}\nheadings: {impression: CONCLUSION}\n")
    mine, shipped = load_phrases("en", own), load_phrases("en")
    assert mine.of_finding("herniation", "present") == "focal disc herniation"
    assert mine.of_finding("herniation", "absent") == shipped.of_finding("herniation", "absent")
    assert mine.say("headings", "impression") == "CONCLUSION"


def test_all_that_is_wrong_is_said_at_once(tmp_path):
    own = tmp_path / "mine.yaml"
    own.write_text(
        "heading: {}\nlines: {site: '{site.__class__}', quality: '{sentence!r}', series: '{0}', gap: '{', nonsense: x, keys: 3}\n"
        "findings: {herniation: {color: red, present: '{score}'}, bulging: none}\nwords: []\n"
    )
    with pytest.raises(TableError) as caught:
        load_phrases("en", own)
    told = caught.value.problems
    for place in ("'heading'", "lines.site", "lines.quality", "lines.series", "lines.gap", "lines.nonsense", "lines.keys",
                  "findings.herniation.color", "findings.herniation.present", "findings.bulging", "words"):  # fmt: skip
        assert any(problem.startswith(place) for problem in told), place


_NO_PHRASES = [
    b"- a\n", b"a: [", b"\xff\xfe\x00", b"!!python/object/apply:os.system [true]", b" " * (2**20 + 1), b"2026-01-01\n", b"a: 2026-99-99\n",
]  # fmt: skip


@pytest.mark.parametrize("content", _NO_PHRASES)
def test_a_file_that_is_no_phrases_is_refused(tmp_path, content):
    (tmp_path / "mine.yaml").write_bytes(content)
    with pytest.raises(InputError) as caught:
        load_phrases("en", tmp_path / "mine.yaml")
    assert caught.value.code == "phrases-invalid"


def test_a_missing_file_and_a_missing_language_are_said(tmp_path):
    with pytest.raises(InputError):
        load_phrases("en", tmp_path / "none.yaml")
    with pytest.raises(UsageError) as caught:
        load_phrases("tlh")
    assert "en, de" in caught.value.what_to_do

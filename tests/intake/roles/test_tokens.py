"""Words, never substrings."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from condyle.intake.roles.tokens import codes, has, is_blank, numbers, phrases, words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SAG_T1_contrast", ("sag", "t1", "contrast")),
        ("sagT2fs", ("sag", "t2", "fs")),
        ("Knie rechts", ("knie", "rechts")),
        ("T2* GRE", ("t2star", "gre")),
        ("T1 +C", ("t1", "plusc")),
        ("Épaule", ("epaule",)),
        ("Fettsättigung", ("fettsattigung",)),
        ("extra", ("extra",)),
        ("trauma", ("trauma",)),
        ("mDIXON", ("mdixon",)),
        ("T1 w/o FS", ("t1", "without", "fs")),
    ],
)
def test_words(text: str, expected: tuple[str, ...]) -> None:
    assert words(text) == expected


def test_a_phrase_must_stand_word_by_word() -> None:
    assert has(words("T2 fat sat cor"), phrases("fat sat"))
    assert not has(words("T2 fat-free satellite"), phrases("fat sat"))


@pytest.mark.parametrize("value", ["", " ", "U", None, "NONE", "DummySeriesDesc!"])
def test_blanks(value: str | None) -> None:
    assert is_blank(value)
    assert words(value) == ()
    assert codes({"x": value}, "x") == frozenset()
    assert numbers({"x": value}, "x") == ()


@given(st.text(max_size=200))
def test_words_hold_letters_and_digits_only(text: str) -> None:
    assert all(word.isascii() and word.isalnum() for word in words(text))


def test_zero_and_text_are_no_timing() -> None:
    assert numbers({"ti": "0"}, "ti") == ()
    assert numbers({"te": "5\\abc\\20"}, "te") == (5.0, 20.0)
    assert numbers({"te": [5, None, float("nan")]}, "te") == (5.0,)

"""Words that errors end with."""

from __future__ import annotations

from condyle.errors import did_you_mean, nearest


def test_the_nearest_known_word_ends_a_sentence() -> None:
    assert did_you_mean("Herniaton", ("bulging", "herniation")) == " Did you mean 'herniation'?"
    assert did_you_mean("x", ("bulging", "herniation")) == ""


def test_likeness_can_be_asked_for() -> None:
    assert nearest("palne", ("plane", "path"), cutoff=0.8) == "plane"
    assert nearest("site", ("site_id",), cutoff=0.8) == ""
    assert nearest("bml", ("BML", "cyst")) == "BML"  # case does not count, and the known word is given as it is written

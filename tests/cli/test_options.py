"""What the user says of a series."""

from __future__ import annotations

import pytest

from condyle.cli.options import given_traits, split_words
from condyle.errors import UsageError


def test_traits_are_read() -> None:
    assert given_traits(["plane=sagittal", "weighting = t2", "fat_suppressed=no", "spacing=4.4,0.7,0.5"]) == {
        "plane": "sagittal",
        "weighting": "t2",
        "fat_suppressed": False,
        "spacing": (4.4, 0.7, 0.5),
    }
    assert given_traits(None) == {}


@pytest.mark.parametrize(
    "pair",
    [
        "plane=oblong", "plane", "colour=red", "weighting=", "spacing=1,2", "spacing=a,b,c", "spacing=0,0,0", "spacing=1,-1,1",
        "spacing=nan,1,1", "spacing=inf,1,1", "fat_suppressed=maybe",
    ],
)
def test_what_means_nothing_is_wrong_usage(pair: str) -> None:
    with pytest.raises(UsageError) as caught:
        given_traits([pair])
    assert caught.value.what_to_do


def test_words_are_split() -> None:
    assert split_words(" html, json,,csv ") == ("html", "json", "csv")
    with pytest.raises(UsageError):
        split_words(" , ")

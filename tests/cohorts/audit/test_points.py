"""Points name pictures that may show the same, and say how the one lies on the other."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from condyle.cohorts.audit.points import TURNS, Candidate, Turn, candidates, points_of, turned
from tests.cohorts.audit.drawn import anatomy

Picture = NDArray[np.uint8]


def picture(seed: int) -> Picture:
    smooth = cv2.GaussianBlur(anatomy(seed, size=120)[2].astype(np.float32), (0, 0), 1.5)
    return np.clip(smooth / 4, 0, 255).astype(np.uint8)


def named(*pictures: Picture) -> list[Candidate]:
    return list(candidates([points_of(one) for one in pictures]))


@pytest.mark.parametrize("turn", TURNS)
def test_where_a_turned_cut_and_enlarged_picture_lies(turn: Turn) -> None:
    """A cut of rows 10 to 110 and columns 20 to 110 at 1.2 times the size: its middle lies 5 columns right of the whole one's."""
    whole = picture(1)
    cut = cv2.resize(turned(whole, turn)[10:110, 20:110], None, fx=1.2, fy=1.2, interpolation=cv2.INTER_LINEAR)
    found = [one for one in named(whole, np.asarray(cut, np.uint8), picture(2)) if one.turn == turn]
    assert [(one.first, one.second) for one in found] == [(0, 1)]
    corners = np.array([[-40.0, -40, 1], [40, -40, 1], [-40, 40, 1], [40, 40, 1]])
    expected = corners[:, :2] / 1.2 + [5, 0]
    np.testing.assert_allclose(corners @ found[0].onto.T, expected, atol=1.5)


def test_pictures_without_points_are_no_candidates() -> None:
    blank = np.zeros((64, 64), np.uint8)
    assert len(points_of(blank).angles) == 0
    assert named(blank, blank, picture(1)) == []
    assert named() == []


def test_places_are_pixels_from_the_middle() -> None:
    blob = np.zeros((61, 81), np.uint8)
    cv2.circle(blob, (60, 20), 4, 255, -1)
    places = points_of(blob).places
    assert len(places) > 0
    assert np.abs(places - [20, -10]).max() < 8

"""Discs are found where they were drawn, and only there."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from condyle.readers.lumbar.discs import find_discs
from tests.readers.spine import draw_spine, tissue


@settings(max_examples=12, deadline=None)
@given(tilt=st.floats(-0.8, -0.1), straighten=st.floats(0.04, 0.16), size=st.floats(0.7, 1.0), count=st.integers(4, 6))
def test_centres_angles_and_widths_are_those_drawn(tilt: float, straighten: float, size: float, count: int) -> None:
    drawn = draw_spine(count, tilt=tilt, straighten=straighten, width=74 * size, disc=18 * size, body=58 * size, start=(540.0, 250.0))
    assume(drawn.centres[:, 1].min() > drawn.width / 2)  # on the picture as a whole
    discs, _ = find_discs(tissue(drawn.labels))
    assert len(discs) == count
    for disc, centre, angle in zip(discs, drawn.centres, drawn.angles, strict=True):
        assert np.hypot(*(disc.centre - centre)) < 3
        assert disc.angle == pytest.approx(angle, abs=0.06)
        assert disc.width == pytest.approx(drawn.width, rel=0.08)
        assert disc.height == pytest.approx(drawn.height, rel=0.15)


def test_discs_come_from_the_bottom_up() -> None:
    discs, _ = find_discs(tissue(draw_spine().labels))
    rows = [disc.row for disc in discs]
    assert rows == sorted(rows, reverse=True)


def test_islands_of_disc_in_front_of_the_spine_are_no_discs() -> None:
    drawn = draw_spine()
    labels = drawn.labels.copy()
    labels[150:170, 60:130] = 3
    labels[400:418, 40:110] = 3
    discs, rest = find_discs(tissue(labels))
    assert len(discs) == 7
    assert len(rest) == 2


def test_a_remnant_disc_within_the_sacrum_is_left_out() -> None:
    drawn = draw_spine(6, start=(440.0, 230.0))
    labels = drawn.labels.copy()
    labels[520:532, 300:330] = 3  # no labelled vertebra lies between it and L5-S1
    discs, rest = find_discs(tissue(labels))
    assert len(discs) == 6
    assert np.hypot(*(discs[0].centre - drawn.centres[0])) < 3
    assert len(rest) == 1


def test_a_disc_that_was_hardly_seen_is_found_in_its_gap() -> None:
    drawn = draw_spine()
    faint = tissue(drawn.labels)
    row, column = drawn.centres[2]
    near = np.hypot(*(np.indices(drawn.labels.shape) - np.array([row, column])[:, None, None])) < 45
    faint[2][near] *= 0.4
    discs, _ = find_discs(faint)
    assert len(discs) == 7
    assert [disc.recovered for disc in discs] == [False, False, True, False, False, False, False]
    assert np.hypot(*(discs[2].centre - drawn.centres[2])) < 5


def test_a_collapsed_disc_keeps_its_place_but_is_not_measured() -> None:
    drawn = draw_spine()
    gone = tissue(drawn.labels)
    row, column = drawn.centres[2]
    near = np.hypot(*(np.indices(drawn.labels.shape) - np.array([row, column])[:, None, None])) < 45
    gone[2][near] = 0
    discs, _ = find_discs(gone)
    assert len(discs) == 7
    assert discs[2].recovered
    assert discs[2].probability == 0
    assert np.hypot(*(discs[2].centre - drawn.centres[2])) < 12


def test_a_picture_without_discs_gives_none() -> None:
    assert find_discs(np.zeros((3, 320, 256), np.float32)) == ((), ())
    assert find_discs(np.full((3, 320, 256), 0.33, np.float32)) == ((), ())


def test_a_narrow_disc_under_the_lumbosacral_one_is_a_remnant_even_below_labelled_bone() -> None:
    drawn = draw_spine(7, tilt=-0.6, straighten=0.12, start=(560.0, 250.0))
    labels = drawn.labels.copy()
    columns = np.indices(labels.shape)[1]
    near = np.hypot(*(np.indices(labels.shape) - drawn.centres[0][:, None, None])) < 50
    labels[near & (labels == 3) & (columns < drawn.centres[0][1] + 8)] = 0  # the lowest disc is half as wide as the others
    discs, _ = find_discs(tissue(labels))
    assert np.hypot(*(discs[0].centre - drawn.centres[1])) < 3

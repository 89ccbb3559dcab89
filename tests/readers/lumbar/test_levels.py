"""Names count from the sacrum, and whatever makes the count doubtful is said."""

from __future__ import annotations

import numpy as np

from condyle.readers.lumbar.discs import find_discs
from condyle.readers.lumbar.levels import NUMBERING_UNCERTAIN, find_levels, frames, name_levels
from tests.readers.spine import draw_spine, tissue


def test_the_lowest_disc_is_l5_s1() -> None:
    levels = find_levels(tissue(draw_spine().labels))
    assert levels.names == ("L5-S1", "L4-L5", "L3-L4", "L2-L3", "L1-L2", "T12-L1", "T11-T12")
    assert levels.doubts == ()
    assert levels.flags == ()


def test_few_discs_make_the_count_uncertain() -> None:
    levels = find_levels(tissue(draw_spine(4).labels))
    assert levels.flags == (NUMBERING_UNCERTAIN,)
    assert any("Only 4 discs" in doubt for doubt in levels.doubts)


def test_a_lowest_disc_at_the_lower_edge_is_doubtful() -> None:
    drawn = draw_spine(start=(620.0, 230.0))
    assert any("lower edge" in doubt for doubt in find_levels(tissue(drawn.labels)).doubts)


def test_a_well_formed_disc_below_l5_s1_is_doubtful() -> None:
    drawn = draw_spine(6, start=(440.0, 230.0))
    labels = drawn.labels.copy()
    labels[505:520, 225:285] = 3
    levels = find_levels(tissue(labels))
    assert len(levels.discs) == 6
    assert any("transitional" in doubt for doubt in levels.doubts)


def test_a_piece_of_disc_a_vertebra_below_l5_s1_is_doubtful() -> None:
    """Too small to be taken for a disc; specks, and pieces within half a vertebra, say nothing."""
    drawn = draw_spine(6, start=(440.0, 230.0))
    for rows, columns, doubtful in ((slice(508, 514), slice(240, 272), True), (slice(508, 511), slice(240, 250), False)):
        labels = drawn.labels.copy()
        labels[rows, columns] = 3
        levels = find_levels(tissue(labels))
        assert len(levels.discs) == 6
        assert any("a vertebra below" in doubt for doubt in levels.doubts) == doubtful


def test_frames_carry_place_and_one_width() -> None:
    levels = find_levels(tissue(draw_spine().labels))
    cut = frames(levels)
    assert [frame.level for frame in cut] == list(levels.names)
    assert {frame.width for frame in cut} == {levels.width}
    assert (cut[0].row, cut[0].column) == (levels.discs[0].row, levels.discs[0].column)


def test_nothing_found_is_no_level() -> None:
    levels = find_levels(np.zeros((3, 320, 256), np.float32))
    assert levels.names == ()
    assert levels.doubts == ()


def test_a_picture_that_ends_soon_below_a_level_lying_disc_is_doubtful() -> None:
    """It may lie on L5 as well as on the sacrum."""
    near = draw_spine(start=(545.0, 230.0), tilt=-0.3)
    assert any("lower edge" in doubt for doubt in find_levels(tissue(near.labels)).doubts)
    leaning = draw_spine(start=(545.0, 230.0), tilt=-0.6, straighten=0.16)
    assert not find_levels(tissue(leaning.labels)).doubts


def test_a_lowest_disc_that_does_not_lean_is_doubtful() -> None:
    drawn = draw_spine(tilt=-0.1, straighten=0.05)
    assert any("does not lean" in doubt for doubt in find_levels(tissue(drawn.labels)).doubts)


def test_a_whole_vertebra_below_the_lowest_disc_is_doubtful_and_the_top_of_the_sacrum_is_not() -> None:
    drawn = draw_spine(tilt=-0.4)
    for length, doubtful in ((60.0, True), (36.0, False)):
        labels = drawn.labels.copy()
        axis = np.array([np.sin(drawn.angles[0]), np.cos(drawn.angles[0])])
        down = np.array([axis[1], -axis[0]])
        for away in np.arange(10.0, 10.0 + length, 0.5):
            line = np.rint(drawn.centres[0] + away * down + np.linspace(-34, 34, 200)[:, None] * axis).astype(int)
            labels[line[:, 0], line[:, 1]] = 1
        shares = tissue(labels)
        levels = name_levels(*find_discs(tissue(drawn.labels)), shares)
        assert any("looks like a vertebra" in doubt for doubt in levels.doubts) == doubtful


def test_a_canal_in_front_is_no_canal_behind() -> None:
    """A mirrored stack, or a slice beside the midline."""
    drawn = draw_spine()
    shares = tissue(drawn.labels)
    shares[1] = 0
    levels = name_levels(*find_discs(tissue(drawn.labels)), shares)
    assert any("mirrored" in doubt for doubt in levels.doubts)

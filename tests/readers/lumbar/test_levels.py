"""Names count from the sacrum, and whatever makes the count doubtful is said."""

from __future__ import annotations

from condyle.readers.lumbar.levels import NUMBERING_UNCERTAIN, find_levels, frames
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


def test_frames_carry_place_and_one_width() -> None:
    levels = find_levels(tissue(draw_spine().labels))
    cut = frames(levels)
    assert [frame.level for frame in cut] == list(levels.names)
    assert {frame.width for frame in cut} == {levels.width}
    assert (cut[0].row, cut[0].column) == (levels.discs[0].row, levels.discs[0].column)


def test_nothing_found_is_no_level() -> None:
    import numpy as np

    levels = find_levels(np.zeros((3, 320, 256), np.float32))
    assert levels.names == ()
    assert levels.doubts == ()

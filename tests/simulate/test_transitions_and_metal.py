"""Spines on which counting goes wrong, mirrored stacks, and metal."""

from __future__ import annotations

import numpy as np
import pytest

from condyle.errors import UsageError
from condyle.simulate import LevelFindings, Variation, simulate_lumbar
from condyle.simulate.faults import Faults
from condyle.simulate.lumbar.layout import lay_out
from condyle.simulate.lumbar.person import person
from condyle.simulate.metal import Metal, displacement, spoil


def spine(transition: str):  # type: ignore[no-untyped-def]
    return lay_out(5, person(5, Variation(transition=transition, scoliosis=0.0)), {})


def test_a_sacralised_l5_has_a_remnant_of_a_disc_and_tapers() -> None:
    plain, fused = spine(""), spine("sacralised")
    assert fused.discs[0].height() < 0.5 * plain.discs[0].height()
    assert fused.bodies[0].lower.half_depth < 0.85 * fused.bodies[0].upper.half_depth
    assert fused.discs[1].height() == pytest.approx(plain.discs[1].height(), rel=0.1)


def test_a_lumbarised_s1_is_square_with_a_whole_disc_below() -> None:
    plain, free = spine(""), spine("lumbarised")
    assert free.sacral_discs[0].height() > 2 * plain.sacral_discs[0].height()
    assert free.sacrum[0].lower.half_depth > 1.25 * plain.sacrum[0].lower.half_depth
    assert [disc.level for disc in free.discs] == [disc.level for disc in plain.discs]


def test_the_transition_stands_in_the_truth_and_unknown_ones_are_refused() -> None:
    study = simulate_lumbar(3, findings=["sacralised"], matrix=64, slices=1)
    assert study.truth.notes["transition"] == "sacralised"
    assert "L5-S1" in study.truth.levels
    with pytest.raises(UsageError):
        Variation(transition="fused")


def test_a_mirrored_stack_has_its_pixels_and_labels_mirrored_under_the_same_headers() -> None:
    plain, turned = (simulate_lumbar(3, matrix=64, slices=1, faults=Faults(mirrored=mirrored)) for mirrored in (False, True))
    assert plain.labels.geometry == turned.labels.geometry
    np.testing.assert_array_equal(plain.labels.pixels[:, :, ::-1], turned.labels.pixels)
    np.testing.assert_array_equal(plain.volumes["t1_sag"].pixels[:, :, ::-1], turned.volumes["t1_sag"].pixels)


def test_a_tilted_stack_is_tilted() -> None:
    plain, tilted = (simulate_lumbar(3, matrix=64, slices=1, variation=Variation(stack_lean=lean)) for lean in (0.0, 12.0))
    angle = np.degrees(np.arccos(plain.labels.geometry.normal @ tilted.labels.geometry.normal))
    assert angle == pytest.approx(12, abs=0.5)


def test_signal_moves_along_the_rows_and_none_is_invented() -> None:
    picture = np.ones((40, 60), np.float32)
    grid = np.stack(np.meshgrid(np.arange(40.0), np.arange(60.0), indexing="ij"))
    points = np.stack([np.zeros((40, 60)), grid[1], -grid[0]]).astype(np.float32)
    shift, inside = displacement(points, (Metal(np.array([0.0, 30.0, -20.0]), 4.0, 12.0),))
    assert shift[20, 37] < 0 < shift[12, 30]  # beside the metal the field is lower, above it higher
    assert shift[12, 30] == pytest.approx(-2 * shift[20, 38], rel=0.05)  # a dipole
    seen = spoil(picture, shift, inside, 1.0, 4.0)
    assert seen.sum() <= picture.sum() + 1e-3
    assert seen[20, 30] < 0.2
    assert seen.max() > 1.5  # piled up
    np.testing.assert_array_equal(spoil(picture, 0 * shift, inside & False, 1.0, 4.0), picture)


def test_screws_blacken_their_vertebrae_and_leave_distant_levels_alone() -> None:
    faults = (Faults(), Faults(metal="L4-L5", metal_shift=60.0))
    plain, screwed = (simulate_lumbar(4, matrix=192, slices=13, series=("t2_sag",), faults=one) for one in faults)
    one, other = plain.volumes["t2_sag"].pixels, screwed.volumes["t2_sag"].pixels
    labels = plain.labels.pixels
    code = plain.truth.codes
    held = labels == code["vertebra L4"]
    assert (other[held] < 0.5 * one[held]).mean() > 0.05
    far = labels == code["vertebra L1"]
    assert other[far].mean() == pytest.approx(one[far].mean(), rel=0.02)
    with pytest.raises(UsageError):
        simulate_lumbar(4, matrix=64, slices=1, faults=Faults(metal="C1-C2"))


def test_findings_without_a_herniation_need_no_size_of_one() -> None:
    assert simulate_lumbar(3, findings={"L4-L5": LevelFindings(pfirrmann=4)}, matrix=64, slices=1).truth.levels["L4-L5"]["pfirrmann"] == 4

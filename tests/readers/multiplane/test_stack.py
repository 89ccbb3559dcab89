"""Stacks: one scale, one side, places that stay where they are."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from condyle.readers.multiplane.stack import StackSpec, as_input, choose_slices, cut_stack, to_bytes
from condyle.study import Geometry, Volume
from tests.knees import PLANES, affine, draw

SPEC = StackSpec(field_mm=100, pixels=64, slices=6, depth_mm=90)


def marked(plane: str, where: NDArray[np.float64], *, rows: int = 70, columns: int = 110, slices: int = 19) -> Volume:
    """A volume that is not square, with one bright ball at a place in the patient."""
    shape, spacing = (slices, rows, columns), (5.0, 1.9, 1.3)
    matrix = affine(plane, shape, spacing, (3.0, -4.0, 5.0))
    index = np.stack(np.meshgrid(*(np.arange(n) for n in shape), indexing="ij"), -1)
    world = index @ matrix[:3, :3].T + matrix[:3, 3]
    values = 1000 * np.exp(-((world - where) ** 2).sum(-1) / (2 * 6.0**2)) + np.random.default_rng(0).normal(100, 5, shape)
    return Volume(values.astype(np.int16), Geometry(matrix, shape))


@pytest.mark.parametrize("plane", PLANES)
@pytest.mark.parametrize("side", ["left", "right"])
def test_g29_a_place_is_found_again_in_the_patient(plane: str, side: str) -> None:
    where = np.array([18.0, 12.0, -14.0])
    stack = cut_stack(marked(plane, where), plane, SPEC, side=side)
    found = [stack.to_world(int(one), [[row, column]])[0] for one, row, column in np.argwhere(stack.pixels == 255)]
    assert np.linalg.norm(np.mean(found, axis=0) - where) < 5  # a quarter of the gap of the chosen slices


@pytest.mark.parametrize("plane", PLANES)
def test_g11_a_marker_on_the_medial_side_is_at_one_place_for_both_sides(plane: str) -> None:
    # The medial side of a left knee lies to the patient's right (-x), of a right knee to the left (+x).
    stacks = []
    for side, x in (("left", -20.0), ("right", 20.0)):
        values, matrix = draw(plane, [0] * 9, 0, slices=19, size=96, noise=0)
        shape = values.shape
        index = np.stack(np.meshgrid(*(np.arange(n) for n in shape), indexing="ij"), -1)
        world = index @ matrix[:3, :3].T + matrix[:3, 3]
        values = values + (800 * np.exp(-((world - np.array([x, 10, -10])) ** 2).sum(-1) / 50)).astype(np.int16)
        stacks.append(cut_stack(Volume(values, Geometry(matrix, shape)), plane, SPEC, side=side).pixels.astype(int))
    places = [np.argwhere(one == 255).mean(axis=0) for one in stacks]
    assert np.abs(places[0] - places[1]).max() <= 1
    assert np.corrcoef(stacks[0].ravel(), stacks[1].ravel())[0, 1] > 0.95


def test_g09_scale_and_offset_change_nothing_and_a_hot_pixel_hardly_anything() -> None:
    grey = np.random.default_rng(0).gamma(2, 200, (4, 64, 64))
    plain = to_bytes(grey)
    assert np.array_equal(to_bytes(grey * 3 + 70), plain)
    hot = grey.copy()
    hot[1, 2, 2] = 30000
    assert np.abs(to_bytes(hot).astype(int) - plain)[:, 4:].max() <= 2
    assert not to_bytes(np.full((2, 8, 8), 7.0)).any()


def test_g24_the_input_of_the_network_has_mean_0_and_deviation_1() -> None:
    pixels = np.random.default_rng(0).integers(0, 200, (5, 32, 32)).astype(np.uint8)
    shown = np.array([True, True, True, False, False])
    given = as_input(pixels, shown)
    assert given[:3].mean() == pytest.approx(0, abs=1e-5)
    assert given[:3].std() == pytest.approx(1, abs=1e-5)
    assert not given[3:].any()


def test_slices_are_spread_evenly_in_order_and_none_twice() -> None:
    geometry = Geometry(affine("sagittal", (30, 8, 8), (4.0, 1.0, 1.0), (0, 0, 0)), (30, 8, 8))
    chosen = choose_slices(geometry, geometry.centre, 12, 80.0)
    assert len(chosen) == 12
    assert (np.diff(chosen) > 0).all()
    assert abs(float(chosen.mean()) - 14.5) < 0.51
    assert 4.0 * (chosen[-1] - chosen[0]) <= 80
    assert len(choose_slices(geometry, geometry.centre, 50, 1000.0)) == 30
    assert choose_slices(geometry, geometry.centre + 1000, 12, 10.0).tolist() == [28, 29]


@pytest.mark.parametrize("plane", PLANES)
@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize(("gap", "slices"), [(2.0, 61), (3.0, 25), (6.5, 20)])
def test_a_place_in_a_regular_stack_means_the_same_millimetres_in_every_series(plane: str, side: str, gap: float, slices: int) -> None:
    spec, middle = StackSpec(field_mm=60, pixels=32, slices=12, depth_mm=90, regular=True), np.array([4.0, -3.0, 7.0])
    shape = (slices, 40, 40)
    matrix = affine(plane, shape, (gap, 2.0, 2.0), middle + 2.5)
    stack = cut_stack(Volume(np.random.default_rng(0).integers(0, 99, shape).astype(np.int16), Geometry(matrix, shape)), plane, spec,
                      centre_mm=middle, side=side)  # fmt: skip
    axis = {"sagittal": 0, "coronal": 1, "axial": 2}[plane]
    along = np.array([stack.to_world(at, [[16.0, 16.0]])[0, axis] - middle[axis] for at in np.flatnonzero(stack.shown).tolist()])
    wanted = (np.arange(12) - 5.5) * 7.5
    mirrored = -1 if plane == "sagittal" and side == "right" else 1
    assert np.abs(mirrored * along - wanted[stack.shown]).max() <= gap / 2 + 1e-6
    reach = gap * (slices - 1) / 2 - 2.5
    assert stack.shown[np.abs(wanted) < reach - gap].all()
    assert not stack.shown[np.abs(wanted) > reach + 5 + gap].any()
    assert not stack.pixels[~stack.shown].any()


def test_g13_a_volume_without_millimetres_is_shown_whole_and_says_so() -> None:
    volume = marked("axial", np.zeros(3))
    unknown = Volume(volume.pixels, Geometry(volume.geometry.affine, volume.shape, calibrated=False))
    stack = cut_stack(unknown, "axial", SPEC)
    assert not stack.geometry.calibrated
    assert stack.pixels.shape == (6, 64, 64)


def test_g39_a_box_beyond_every_border_is_padded_on_all_sides() -> None:
    volume = marked("coronal", np.array([3.0, -4.0, 5.0]), rows=30, columns=30)
    stack = cut_stack(volume, "coronal", StackSpec(field_mm=200, pixels=64, slices=4))
    first = stack.pixels[0]
    assert [int(edge.max()) for edge in (first[0], first[-1], first[:, 0], first[:, -1])] == [int(first[0, 0])] * 4

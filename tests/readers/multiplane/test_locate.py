"""The joint is found in any plane, on either side, and what was not found is said."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from condyle.readers.multiplane.locate import Floats, LocateSpec, as_coarse_input, coarse, only_near, place_of
from condyle.readers.multiplane.stack import StackSpec, cut_stack
from condyle.study import Geometry, Volume
from tests.knees import PLANES, affine

SPEC = LocateSpec(("ball",), cell_mm=5.0, cells=(32, 40, 40))


def ball(plane: str, where: NDArray[np.float64], *, middle: tuple[float, float, float] = (3.0, -4.0, 5.0), radius: float = 25.0) -> Volume:
    """A bright ball somewhere in a grey slab."""
    shape, spacing = (25, 60, 70), (4.5, 2.4, 2.1)
    matrix = affine(plane, shape, spacing, middle)
    index = np.stack(np.meshgrid(*(np.arange(n) for n in shape), indexing="ij"), -1)
    world = index @ matrix[:3, :3].T + matrix[:3, 3]
    values = 200 + 800 * (np.linalg.norm(world - where, axis=-1) < radius)
    return Volume(values.astype(np.int16), Geometry(matrix, shape))


def bright(grey: Floats) -> Floats:
    """What a perfect network would say of balls."""
    return np.where(grey > 1.5, 10.0, -10.0)[:, None].astype(np.float32)


def nothing(grey: Floats) -> Floats:
    return np.full((len(grey), 1, *grey.shape[1:]), -10, np.float32)


@settings(max_examples=8, deadline=None)
@given(st.tuples(*[st.floats(-20, 20)] * 3), st.sampled_from(["left", "right", ""]))
def test_three_planes_find_one_place_in_the_patient(where: tuple[float, float, float], side: str) -> None:
    place = place_of({plane: ball(plane, np.array(where)) for plane in PLANES}, side, bright, SPEC)
    assert place.centre_mm is not None
    assert not place.flag
    assert np.linalg.norm(np.subtract(place.centre_mm, where)) < SPEC.cell_mm  # a box ends at cells
    for (low, high), middle in zip(place.boxes["ball"], where, strict=True):
        assert low < middle < high
        assert high - low == pytest.approx(50, abs=1.6 * SPEC.cell_mm)


def test_a_right_joint_looks_like_a_left_one() -> None:
    mirror = np.array([-1.0, 1.0, 1.0])
    where, middle = np.array([20.0, 5.0, -10.0]), (3.0, -4.0, 5.0)
    left, _ = coarse(ball("sagittal", where, middle=middle), SPEC, "left")
    right, _ = coarse(ball("sagittal", where * mirror, middle=(-3.0, -4.0, 5.0)), SPEC, "right")
    assert np.abs(left.astype(int) - right).mean() < 1


def test_what_was_not_found_shows_the_whole_image_and_says_so() -> None:
    volumes = {plane: ball(plane, np.zeros(3)) for plane in PLANES}
    place = place_of(volumes, "left", nothing, SPEC)
    assert place.centre_mm is None
    assert place.whole
    assert place.flag == "joint_not_found"
    spec = StackSpec(field_mm=60, pixels=64, slices=4)
    part, whole = (cut_stack(volumes["axial"], "axial", spec, side="left", whole=one) for one in (False, True))
    assert part.geometry.spacing[1] * 64 == pytest.approx(60)
    assert whole.geometry.spacing[1] * 64 == pytest.approx(70 * 2.1, rel=0.01)


@pytest.mark.parametrize("side", ["left", "right"])
def test_segment_then_classify_shows_what_lies_near_the_structure_and_nothing_else(side: str) -> None:
    where, near = np.array([8.0, -6.0, 10.0]), 12.0
    volumes = {plane: ball(plane, where) for plane in PLANES}
    place = place_of(volumes, side, bright, replace(SPEC, near_mm=near))
    assert len(place.near) == 3
    for plane in PLANES:
        cut = cut_stack(volumes[plane], plane, StackSpec(field_mm=120, pixels=64, slices=20), side=side)
        cut = replace(cut, pixels=np.maximum(cut.pixels, 1))  # so that what was blackened is told from what is black
        stack = only_near(cut, place.near)
        count = int(stack.shown.sum())
        assert 0 < count < cut.shown.sum()
        assert stack.shown[:count].all()  # slices that are left stand first
        assert np.array_equal(stack.picture[:count], cut.pixels[np.isin(cut.index, stack.index[:count])])
        places = [stack.to_world(one, np.argwhere(stack.pixels[one] > 0)) for one in range(count)]
        away = np.array([np.linalg.norm(own - where, axis=1).max() for own in places])
        assert away.max() < 25 + near + 1.8 * SPEC.cell_mm
        assert away.max() > 25 + near - 1.8 * SPEC.cell_mm
        inside = stack.pixels[:count][stack.picture[:count] == 255]
        assert (inside == 255).all()  # none of the ball is lost


def test_where_nothing_of_the_structure_is_left_all_is_shown() -> None:
    volumes = {"axial": ball("axial", np.zeros(3))}
    place = place_of(volumes, "left", bright, replace(SPEC, near_mm=1.0))
    elsewhere = cut_stack(ball("axial", np.zeros(3), middle=(300.0, 0.0, 0.0)), "axial", StackSpec(field_mm=60, pixels=64, slices=4))
    assert only_near(elsewhere, place.near) is elsewhere


def test_of_planes_that_contradict_each_other_the_surest_is_believed() -> None:
    volumes = {"sagittal": ball("sagittal", np.array([0.0, 0.0, 25.0])), "axial": ball("axial", np.array([0.0, 0.0, -20.0]), radius=32)}
    place = place_of(volumes, "left", bright, SPEC)
    assert place.flag == "planes_disagree"
    assert place.centre_mm is not None
    assert np.linalg.norm(np.subtract(place.centre_mm, (0, 0, -20))) < SPEC.cell_mm


def test_specks_move_no_box() -> None:
    def specked(grey: Floats) -> Floats:
        out = bright(grey)
        out[:, 0, 0, 0, 0] = 10
        return out

    volumes = {"axial": ball("axial", np.zeros(3))}
    told, plain = (place_of(volumes, "left", run, SPEC).boxes["ball"] for run in (specked, bright))
    assert np.abs(np.subtract(told, plain)).max() < 2.5


def test_a_series_without_millimetres_is_not_searched() -> None:
    volume = ball("axial", np.zeros(3))
    bare = Volume(volume.pixels, Geometry(volume.geometry.affine, volume.shape, calibrated=False))
    assert place_of({"axial": bare}, "left", bright, SPEC).flag == "joint_not_found"


def test_input_is_bytes_about_zero() -> None:
    told = as_coarse_input(np.array([0, 64, 255], np.uint8))
    assert told.dtype == np.float32
    assert told.tolist() == [-1.0, 0.0, pytest.approx(2.984, abs=1e-3)]

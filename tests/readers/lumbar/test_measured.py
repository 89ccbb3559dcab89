"""Features that are measured on a drawn level whose numbers are known."""

from __future__ import annotations

import numpy as np
import pytest

from condyle.readers.lumbar.crops import CropSpec
from condyle.readers.lumbar.measured import NAMES, measure_crop, measure_levels, names

SPEC = CropSpec()
UNIT = SPEC.pixels_per_width


def level(height: int = 14, *, slip: int = 0, bulge: int = 0, nucleus: float = 0.6) -> np.ndarray:
    """Two bodies 56 wide, a disc between them, the canal behind: [4, row, column]."""
    crop = np.zeros((4, SPEC.rows, SPEC.columns), np.float32)
    grey, vertebra, canal, disc = crop
    middle, front = round(SPEC.centre[0]), round(SPEC.centre[1] - UNIT / 2)
    back = front + round(UNIT)
    top, bottom = middle - height // 2, middle + (height + 1) // 2
    disc[top:bottom, front : back + bulge] = 1
    vertebra[: top, front - slip : back - slip] = 1
    vertebra[bottom:, front:back] = 1
    canal[:, back + 4 :] = 1
    canal[:, back + 20 :] = 0
    canal[top:bottom, : back + bulge] = 0
    grey[:] = 0.2
    grey[vertebra > 0] = 0.4
    grey[canal > 0] = 1.0
    grey[disc > 0] = nucleus
    return crop


def value(crop: np.ndarray, name: str) -> float:
    return float(measure_crop(crop, SPEC)[NAMES.index(name)])


@pytest.mark.parametrize("height", [6, 10, 18])
def test_height_and_width_are_those_of_the_drawing(height: int) -> None:
    assert value(level(height), "height") == pytest.approx(height / UNIT, rel=0.08)
    assert value(level(height), "width") == pytest.approx(1.0, abs=0.05)


def test_signal_against_fluid_and_marrow() -> None:
    assert value(level(nucleus=0.6), "signal_fluid") == pytest.approx(0.6, abs=0.02)
    assert value(level(nucleus=0.6), "signal_marrow") == pytest.approx(1.5, abs=0.05)


@pytest.mark.parametrize("slip", [0, 6, 12])
def test_slip_is_positive_when_the_upper_body_lies_in_front(slip: int) -> None:
    assert value(level(slip=slip), "slip_back") == pytest.approx(slip / UNIT, abs=0.03)
    assert value(level(slip=slip), "slip_front") == pytest.approx(slip / UNIT, abs=0.03)


def test_a_disc_that_pushes_the_canal_back_bulges() -> None:
    flat, pushed = level(), level(bulge=10)
    assert value(pushed, "bulge_peak") - value(flat, "bulge_peak") == pytest.approx(6 / UNIT, abs=0.04)


def test_nothing_to_measure_is_nan_not_zero() -> None:
    empty = np.zeros((4, SPEC.rows, SPEC.columns), np.float32)
    assert np.isnan(measure_crop(empty, SPEC)).all()
    without_canal = level()
    without_canal[2] = 0
    assert np.isnan(value(without_canal, "signal_fluid"))


def test_a_narrow_level_stands_out_against_the_best_and_its_neighbours() -> None:
    crops = np.stack([level(14), level(6), level(14)])[:, None]
    table = measure_levels(crops, np.ones((3, 1), bool), SPEC)
    columns = names(("t2",))
    assert table.shape == (3, len(columns))
    to_best = table[:, columns.index("t2.height_to_best")]
    to_neighbours = table[:, columns.index("t2.height_to_neighbours")]
    assert to_best.argmin() == to_neighbours.argmin() == 1
    assert to_neighbours[1] < -0.1


def test_a_missing_slot_is_nan_and_leaves_the_other_alone() -> None:
    crops = np.stack([level(), level(8)])[:, None].repeat(2, axis=1)
    both = measure_levels(crops, np.ones((2, 2), bool), SPEC)
    one = measure_levels(crops, np.array([[True, False], [True, False]]), SPEC)
    half = len(names(("t2",)))
    np.testing.assert_array_equal(one[:, :half], both[:, :half])
    assert np.isnan(one[:, half:]).all()

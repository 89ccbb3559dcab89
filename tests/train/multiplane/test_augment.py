"""Augmentation: one draw a stack, within its limits, the same for the same seed."""

from __future__ import annotations

import numpy as np
import pytest

from condyle.train.multiplane.augment import draw, vary
from condyle.train.multiplane.recipe import Augment

STILL = Augment(turn_degrees=0, scale=0, shift_mm=0, elastic_mm=0, gamma=0, bias=0, noise=0, motion=0, blur=0)


def test_g10_scale_stays_within_its_limits_on_both_axes() -> None:
    settings = Augment(turn_degrees=0, scale=0.1)
    scales = []
    for seed in range(1000):
        matrix = draw(settings, 64, 0.5, np.random.default_rng(seed)).matrix
        scales.append((1 / matrix[0, 0], 1 / matrix[1, 1]))
    values = np.array(scales)
    assert 0.9 <= values.min() < 0.91
    assert 1.09 < values.max() <= 1.1


def test_g26_a_straight_column_of_voxels_stays_straight() -> None:
    stack = np.zeros((6, 64, 64), np.uint8)
    stack[:, 30:33, 40:43] = 255
    settings = Augment(noise=0, blur=0, motion=0)
    varied = vary(stack, np.ones(6, bool), draw(settings, 64, 2.0, np.random.default_rng(4)))
    assert all(np.array_equal(varied[0], one) for one in varied)
    assert varied.any()


def test_g11_what_lies_medially_stays_there() -> None:
    for seed in range(60):
        stack = np.zeros((1, 64, 64), np.uint8)
        stack[0, 28:36, 8:16] = 255
        varied = vary(stack, np.ones(1, bool), draw(Augment(noise=0), 64, 2.0, np.random.default_rng(seed)))
        assert varied[0, :, :32].sum() > 5 * varied[0, :, 32:].sum()


def test_without_settings_nothing_changes_and_hidden_slices_stay_black() -> None:
    stack = np.random.default_rng(0).integers(0, 255, (4, 48, 48)).astype(np.uint8)
    shown = np.array([True, False, True, True])
    varied = vary(stack, shown, draw(STILL, 48, 1.0, np.random.default_rng(0)))
    assert np.array_equal(varied[shown], stack[shown])
    assert not varied[1].any()


def test_a_seed_repeats_and_another_differs() -> None:
    stack = np.random.default_rng(0).integers(0, 255, (3, 64, 64)).astype(np.uint8)
    one, same, other = (vary(stack, np.ones(3, bool), draw(Augment(), 64, 1.0, np.random.default_rng(seed))) for seed in (7, 7, 8))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


def test_noise_has_the_size_that_was_drawn() -> None:
    stack = np.full((4, 128, 128), 128, np.uint8)
    own = draw(STILL.model_copy(update={"noise": 0.1}), 128, 1.0, np.random.default_rng(1))
    varied = vary(stack, np.ones(4, bool), own).astype(float)
    assert varied.std() == pytest.approx(own.noise, rel=0.1)
    assert varied.mean() == pytest.approx(128, abs=0.5)

"""From tissue to picture: noise, ringing, chemical shift, motion, coil."""

from __future__ import annotations

import numpy as np
import pytest

from condyle.simulate.acquisition import Receiver, acquire, surface_coil

FLAT = np.ones((128, 128), np.float32)
CLEAN = Receiver(resolution=(1.0, 1.0), noise=0.0, fat_shift=0.0)


def square() -> np.ndarray:
    picture = np.zeros((128, 128), np.float32)
    picture[40:88, 40:88] = 1.0
    return picture


def rng() -> np.random.Generator:
    return np.random.default_rng(5)


def test_noise_of_an_empty_picture_is_rayleigh() -> None:
    """Where there is no signal the mean is sigma sqrt(pi/2) and the spread sigma sqrt(2 - pi/2): Gudbjartsson & Patz 1995, eq. 3."""
    nothing = np.zeros((256, 256), np.float32)
    receiver = Receiver(resolution=(2.0, 2.0), noise=0.05, fat_shift=0.0)  # beyond the shoulders of the window: all of k-space
    picture = acquire(nothing, nothing, np.ones_like(nothing), receiver, 1.0, rng())
    assert picture.mean() == pytest.approx(0.05 * np.sqrt(np.pi / 2), rel=0.02)
    assert picture.std() == pytest.approx(0.05 * np.sqrt(2 - np.pi / 2), rel=0.03)


def test_less_of_k_space_blurs_an_edge() -> None:
    sharp = acquire(square(), 0 * FLAT, FLAT, CLEAN, 1.0, rng())
    coarse = acquire(square(), 0 * FLAT, FLAT, Receiver(resolution=(0.5, 0.5), noise=0.0, fat_shift=0.0), 1.0, rng())
    assert np.abs(np.diff(coarse[64])).max() < np.abs(np.diff(sharp[64])).max()
    assert coarse.mean() == pytest.approx(sharp.mean(), rel=0.02)


def test_fat_lies_shifted_along_the_frequency_axis() -> None:
    receiver = Receiver(resolution=(1.0, 1.0), noise=0.0, fat_shift=3.0, phase_axis=0)
    water, fat = (acquire(*pair, FLAT, receiver, 1.0, rng()) for pair in ((square(), 0 * FLAT), (0 * FLAT, square())))
    np.testing.assert_allclose(fat, np.roll(water, 3, axis=1), atol=1e-3)


def test_motion_puts_ghosts_along_the_phase_axis() -> None:
    moved = acquire(square(), 0 * FLAT, FLAT, Receiver(resolution=(1.0, 1.0), noise=0.0, fat_shift=0.0, motion=2.0), 1.0, rng())
    above, beside = moved[:30, 48:80].mean(), moved[48:80, :30].mean()
    assert above > 0.02
    assert above > 3 * beside


def test_a_surface_coil_loses_with_depth_and_correction_gives_back() -> None:
    depth = np.array([0.0, 50, 100, 200], np.float32)
    raw = surface_coil(depth, 0 * depth, reach=70, length=170, homogenised=0.0)
    corrected = surface_coil(depth, 0 * depth, reach=70, length=170, homogenised=0.8)
    assert (np.diff(raw) < 0).all()
    assert raw[3] < 0.15 < 0.5 < corrected[3]

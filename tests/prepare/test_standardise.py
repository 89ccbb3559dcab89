"""Standardise: robust, scale-free grey values."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from condyle.errors import InputError, UsageError
from condyle.prepare import standardise
from condyle.prepare.standardise import STEP
from condyle.study import Geometry, Volume


def _volume(pixels) -> Volume:
    return Volume(pixels, Geometry(np.eye(4), pixels.shape))


def _reference(pixels, lower=1.0, upper=99.0):
    values = pixels.astype(np.float64)
    clipped = np.clip(values, *np.percentile(values, (lower, upper)))
    return (clipped - clipped.mean()) / (clipped.std() or 1)


@given(
    pixels=arrays(np.int16, (3, 7, 5)) | arrays(np.uint8, (2, 9, 4)) | arrays(np.int32, (2, 5, 5)),
    lower=st.floats(0, 40),
    upper=st.floats(60, 100),
)
@example(pixels=np.r_[np.int16(67), np.full(104, 68, np.int16)].reshape(3, 7, 5), lower=0.0, upper=60.0)
def test_percentiles_and_moments_are_numpys(pixels, lower, upper):
    done = standardise(_volume(pixels), lower=lower, upper=upper)
    assert done.pixels.dtype == np.float32
    # A picture of nearly one value far from 0 loses as many places of its 32-bit floats as that value is of standard deviations.
    values = np.clip(pixels.astype(np.float64), *np.percentile(pixels, (lower, upper)))
    lost = 2.0**-23 * np.abs(values).max() / (values.std() or 1)
    np.testing.assert_allclose(done.pixels, _reference(pixels, lower, upper), atol=2e-5 + lost)


def test_g09_three_times_the_input_gives_the_same(knee_like):
    tripled = Volume(knee_like.pixels * 3, knee_like.geometry)
    np.testing.assert_allclose(standardise(tripled).pixels, standardise(knee_like).pixels, atol=1e-5)


@pytest.mark.parametrize("kind", [np.int16, np.float32])
def test_g09_one_hot_pixel_changes_the_rest_by_less_than_one_per_cent(knee_like, kind):
    pixels = knee_like.pixels.astype(kind)
    hot = pixels.copy()
    hot[3, 40, 30] = 30000
    before, after = standardise(_volume(pixels)).pixels, standardise(_volume(hot)).pixels
    rest = np.ones(pixels.shape, bool)
    rest[3, 40, 30] = False
    assert np.abs(after - before)[rest].max() < 0.01 * np.ptp(before)
    assert after.max() == pytest.approx(before.max(), rel=0.01)


def test_mean_zero_and_standard_deviation_one(knee_like):
    done = standardise(knee_like).pixels.astype(np.float64)
    assert done.mean() == pytest.approx(0, abs=1e-4)
    assert done.std() == pytest.approx(1, abs=1e-4)


def test_large_volumes_are_measured_on_a_quarter_and_stay_close():
    rng = np.random.default_rng(1)
    pixels = rng.gamma(2, 150, (20, 256, 256)).astype(np.int16)
    assert pixels.size > 2**20
    assert np.abs(standardise(_volume(pixels)).pixels - _reference(pixels)).max() < 0.02


def test_integers_and_floats_take_the_same_way(knee_like):
    as_float = Volume(knee_like.pixels.astype(np.float32), knee_like.geometry)
    np.testing.assert_allclose(standardise(as_float).pixels, standardise(knee_like).pixels, atol=1e-5)


def test_a_constant_volume_becomes_zero():
    for value in (0, 7, -3):
        assert not standardise(_volume(np.full((2, 3, 3), value, np.int16))).pixels.any()
    assert not standardise(_volume(np.full((2, 3, 3), 0.1, np.float32))).pixels.any()


def test_values_far_from_zero_keep_their_contrast():
    """Float32 cannot hold 1e8 + 1; the mean is taken off before."""
    pixels = 100_000_000 + np.arange(64, dtype=np.int64).reshape(1, 8, 8)
    np.testing.assert_allclose(standardise(_volume(pixels)).pixels, _reference(pixels), atol=1e-5)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_values_that_are_not_finite_are_refused(bad):
    pixels = np.ones((1, 4, 4), np.float32)
    pixels[0, 1, 1] = bad
    with pytest.raises(InputError, match="not finite"):
        standardise(_volume(pixels))


@pytest.mark.parametrize(("lower", "upper"), [(50, 50), (99, 1), (-1, 99), (1, 101)])
def test_percentiles_out_of_order_are_refused(knee_like, lower, upper):
    with pytest.raises(UsageError, match="percentiles"):
        standardise(knee_like, lower=lower, upper=upper)


def test_half_of_the_parameters_is_refused(knee_like):
    with pytest.raises(UsageError, match="belong together"):
        STEP.settle(knee_like, low=1.0)

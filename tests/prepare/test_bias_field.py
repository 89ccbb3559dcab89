"""Shading is found, divided out, and nothing else is touched."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from condyle.errors import InputError, UsageError
from condyle.prepare import follow, prepare, record
from condyle.prepare.bias_field import bias_field, correct_bias
from condyle.prepare.smooth_field import basis, evaluate, gram, moments, spline
from condyle.simulate import simulate_lumbar
from condyle.study import Geometry, Volume

SHAPE = (6, 96, 112)


def tissues(seed: int = 0, noise: float = 4.0) -> Volume:
    """Four tissues in patches a few millimetres wide, in air, with noise."""
    rng = np.random.default_rng(seed)
    z, y, x = np.meshgrid(*(np.arange(n) for n in SHAPE), indexing="ij")
    kind = (np.sin(x / 5 + z / 3) * np.cos(y / 6) + 0.6 * np.sin(x / 17 - y / 11) > 0.2).astype(int) + (np.sin(y / 9 + z) > 0.4)
    grey = np.array([180.0, 320.0, 520.0])[kind]
    grey[(y - 48) ** 2 / 44**2 + (x - 56) ** 2 / 50**2 > 1] = 0
    return Volume(np.hypot(grey + rng.normal(0, noise, SHAPE), rng.normal(0, noise, SHAPE)).astype(np.float32), grid())


def grid() -> Geometry:
    return Geometry(np.array([[4.0, 0, 0, 0], [0, 0, 2.0, 0], [0, -2.0, 0, 0], [0, 0, 0, 1]]), SHAPE)


def shading(seed: int) -> NDArray[np.float32]:
    c = np.random.default_rng(seed).normal(0, 0.3, 5)
    z, y, x = np.meshgrid(*(np.linspace(-1, 1, n) for n in SHAPE), indexing="ij")
    return np.exp(c[0] * x + c[1] * y + 0.3 * c[2] * z + c[3] * x * y + c[4] * x**2 + 0.4 * y**2).astype(np.float32)


def left(true: NDArray[np.float32], found: NDArray[np.float32], tissue: NDArray[np.bool_]) -> float:
    ratio = true[tissue] / found[tissue]
    return float(ratio.std() / ratio.mean())


@pytest.mark.parametrize("seed", range(6))
def test_most_of_a_known_shading_is_taken_out(seed: int) -> None:
    plain, field = tissues(seed), shading(seed)
    tissue = plain.pixels > 100
    found = bias_field(Volume(plain.pixels * field, plain.geometry))
    before, after = left(field, np.ones(SHAPE, np.float32), tissue), left(field, found, tissue)
    assert before > 0.1
    assert after < 0.35 * before
    assert after < 0.08


def test_a_picture_without_shading_stays_nearly_as_it_is() -> None:
    plain = tissues(3)
    tissue = plain.pixels > 100
    ratio = correct_bias(plain).pixels[tissue] / plain.pixels[tissue]
    assert ratio.std() < 0.03
    assert ratio.mean() == pytest.approx(1.0, abs=0.03)


def test_a_simulated_spine_is_freed_of_its_coil() -> None:
    even = simulate_lumbar(9, matrix=192, slices=5, even_coil=True, series=("t2_sag",)).volumes["t2_sag"]
    x = np.linspace(-1, 1, 192, dtype=np.float32)
    field = np.broadcast_to(np.exp(1.1 * x)[None, None, :], even.shape)
    tissue = even.pixels > 0.1 * np.percentile(even.pixels, 99)
    found = bias_field(Volume(even.pixels * field, even.geometry))
    assert left(field, found, tissue) < 0.25 * left(field, np.ones(even.shape, np.float32), tissue)


@settings(max_examples=8, deadline=None)
@given(factor=st.floats(1e-3, 1e4))
def test_the_scale_of_the_grey_values_does_not_matter(factor: float) -> None:
    shaded = tissues(1).pixels * shading(1)
    one = correct_bias(Volume(shaded, grid())).pixels
    other = correct_bias(Volume((shaded * np.float32(factor)).astype(np.float32), grid())).pixels
    np.testing.assert_allclose(other / np.float32(factor), one, rtol=2e-2, atol=1e-2)


def test_mirrored_rows_and_columns_give_the_mirrored_field() -> None:
    shaded = tissues(2).pixels * shading(2)
    plain = bias_field(Volume(shaded, grid()))
    turned = bias_field(Volume(np.ascontiguousarray(shaded[:, ::-1, ::-1]), grid()))
    np.testing.assert_allclose(turned[:, ::-1, ::-1], plain, rtol=2e-2)


def test_the_field_is_smooth_and_positive() -> None:
    found = bias_field(Volume(tissues(4).pixels * shading(4), grid()))
    assert (found > 0).all()
    assert np.abs(np.diff(np.log(found), 2, axis=2)).max() < 0.01


def test_a_record_gives_the_same_voxels_and_leaves_masks_alone() -> None:
    shaded = Volume((tissues(5).pixels * shading(5)).astype(np.uint16), grid())
    done = record(shaded, [{"step": "bias_field", "span_mm": 60.0}])
    np.testing.assert_array_equal(prepare(shaded, done.record).pixels, done.volume.pixels)
    mask = Volume((shaded.pixels > 300).astype(np.uint8), grid())
    np.testing.assert_array_equal(follow(mask, done.record).pixels, mask.pixels)


@pytest.mark.parametrize("shape", [(1, 64, 64), (3, 40, 200), (40, 40, 40)])
def test_single_slices_strips_and_cubes(shape: tuple[int, int, int]) -> None:
    pixels = np.random.default_rng(0).gamma(4, 50, shape).astype(np.float32)
    geometry = Geometry(np.eye(4), shape, calibrated=False)
    done = correct_bias(Volume(pixels, geometry))
    assert done.pixels.shape == shape
    assert np.isfinite(done.pixels).all()


def test_an_empty_volume_stays_empty() -> None:
    assert not correct_bias(Volume(np.zeros((3, 64, 64), np.int16), Geometry(np.eye(4), (3, 64, 64)))).pixels.any()


def test_values_that_are_no_magnitudes_are_refused() -> None:
    geometry = Geometry(np.eye(4), (2, 32, 32))
    for bad in (-1.0, np.nan):
        pixels = np.ones((2, 32, 32), np.float32)
        pixels[0, 3, 3] = bad
        with pytest.raises(InputError, match="magnitude"):
            correct_bias(Volume(pixels, geometry))
    with pytest.raises(UsageError):
        correct_bias(Volume(np.ones((2, 32, 32), np.float32), geometry), span_mm=3.0)


def test_splines_add_up_to_one_and_sums_are_those_of_the_whole_matrix() -> None:
    rng = np.random.default_rng(1)
    np.testing.assert_allclose(spline(37, 7).sum(axis=1), 1, atol=1e-6)
    shape, counts = (3, 9, 11), (1, 5, 4)
    at = basis(shape, counts)
    whole = np.einsum("za,yb,xc->zyxabc", *at).reshape(-1, 20).astype(np.float64)
    weights = rng.random(shape, np.float32)
    np.testing.assert_allclose(gram(weights, at), (whole * weights.reshape(-1, 1)).T @ whole, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(moments(weights, at), whole.T @ weights.ravel(), rtol=1e-4, atol=1e-5)
    knots = rng.random(counts)
    np.testing.assert_allclose(evaluate(knots, at).ravel(), whole @ knots.ravel(), rtol=1e-4, atol=1e-5)

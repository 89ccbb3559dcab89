"""NIfTI: RAS becomes LPS, any order and direction of axes becomes (slice, row, column)."""

from __future__ import annotations

import gzip
import itertools
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from condyle.errors import InputError
from condyle.intake import load_volume, open_studies, open_study
from tests.intake.writing import read_all, trouble_at


def save(path: Path, array: Any, affine: Any, code: int = 1) -> Path:
    image = nib.Nifti1Image(array, affine)
    image.set_sform(affine, code)
    image.set_qform(affine, code)
    nib.save(image, path)
    return path


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
@pytest.mark.parametrize("signs", [(1, 1, 1), (-1, 1, -1), (1, -1, -1), (-1, -1, -1)])
def test_every_axis_order_gives_the_same_upright_volume(tmp_path: Path, order: tuple[int, ...], signs: tuple[int, ...]) -> None:
    """A sagittal stack (4 mm between slices) stored along any axes: head up, front on the left, slices to the left."""
    shape, steps = (5, 7, 9), (4.0, 0.5, 0.5)  # along left-right, front-back, head-feet
    values = np.random.default_rng(0).integers(0, 99, shape).astype(np.int16)  # [L, P, S] rising
    affine = np.eye(4)
    array = values
    for axis, sign in enumerate(signs):
        lps_to_ras = -1 if axis < 2 else 1
        affine[axis, axis] = steps[axis] * lps_to_ras * sign
        affine[axis, 3] = lps_to_ras * (10.0 + (steps[axis] * (shape[axis] - 1) if sign < 0 else 0))
        array = np.flip(array, axis) if sign < 0 else array
    array, affine = array.transpose(order), affine[:, [*order, 3]]
    (series,) = open_study(save(tmp_path / "x.nii.gz", array, affine)).series
    volume = load_volume(series)
    assert np.array_equal(volume.pixels, values.transpose(0, 2, 1)[:, ::-1, :])
    assert np.allclose(volume.geometry.to_world((0, 0, 0)), (10, 10, 10 + 0.5 * 8), atol=1e-4)
    assert volume.geometry.plane == "sagittal"
    assert np.allclose(volume.geometry.directions, np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0]]), atol=1e-6)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 10_000))
def test_voxels_keep_their_place_under_any_affine(tmp_path: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    affine = np.eye(4)
    affine[:3, :3] = np.linalg.qr(rng.normal(size=(3, 3)))[0] * rng.uniform(0.3, 5, 3)
    affine[:3, 3] = rng.uniform(-200, 200, 3)
    array = rng.permutation(4 * 5 * 6).reshape(4, 5, 6).astype(np.int16)
    (series,) = open_study(save(tmp_path / "x.nii", array, affine)).series
    volume = load_volume(series)
    for index in rng.integers(0, (4, 5, 6), (5, 3)):
        ras = affine @ [*index, 1]
        place = volume.geometry.to_index(ras[:3] * (-1, -1, 1))
        assert np.allclose(place, place.round(), atol=1e-2)
        assert volume.pixels[tuple(place.round().astype(int))] == array[tuple(index)]


def test_the_real_slab(shared_data: Path) -> None:
    path = shared_data / "lumbar_nifti" / "spider5_t2_SPACE_slab.nii.gz"
    (series,) = open_study(path).series
    volume = load_volume(series)
    assert volume.shape == (18, 640, 512)
    assert volume.geometry.spacing == pytest.approx((0.9, 0.469, 0.469), abs=1e-3)
    assert volume.geometry.plane == "sagittal"
    down, back = volume.geometry.directions[:, 1], volume.geometry.directions[:, 2]
    assert down[2] < -0.99, "rows run to the feet"
    assert back[1] > 0.99, "columns run to the back"
    assert np.array_equal(np.sort(volume.pixels, axis=None), np.sort(np.asarray(nib.load(path).dataobj), axis=None))


def test_scale_of_the_header(tmp_path: Path) -> None:
    image = nib.Nifti1Image(np.array([[[1.5, 2.0], [3.0, 4.5]]]), np.diag([3.0, 1, 1, 1]))
    image.set_data_dtype(np.int16)
    nib.save(image, tmp_path / "x.nii")
    (series,) = open_study(tmp_path / "x.nii").series
    assert sorted(load_volume(series).pixels.ravel().tolist()) == pytest.approx([1.5, 2.0, 3.0, 4.5], abs=1e-3)


def test_without_a_code_nothing_is_assumed_unless_told(tmp_path: Path) -> None:
    path = save(tmp_path / "x.nii", np.zeros((3, 4, 5), np.uint8), np.eye(4), code=0)
    (series,) = open_study(path).series
    assert series.geometry is None
    assert {problem.code for problem in series.problems} == {"plane-unknown", "nifti-uncoded"}
    (told,) = open_study(path, overrides={"plane": "sagittal", "spacing": (4, 1, 1)}).series
    assert told.geometry is not None
    assert told.geometry.plane == "sagittal"
    assert told.geometry.calibrated


@pytest.mark.parametrize(("array", "why"), [
    (np.zeros((2, 3, 4, 5), np.int16), "not one volume"),
    (np.zeros((2, 3, 4), np.complex64), "not grey values"),
    (np.full((2, 3, 4), np.nan, np.float32), "not numbers"),
])  # fmt: skip
def test_what_is_no_grey_volume_is_refused(tmp_path: Path, array: Any, why: str) -> None:
    path = save(tmp_path / "x.nii", array, np.eye(4))
    with pytest.raises(InputError) as caught:
        read_all(path)
    assert why in caught.value.why


def test_a_cut_off_file_and_a_bomb(tmp_path: Path) -> None:
    path = save(tmp_path / "x.nii.gz", np.random.default_rng(0).integers(0, 99, (9, 9, 9)).astype(np.int16), np.eye(4))
    raw = gzip.decompress(path.read_bytes())
    path.write_bytes(gzip.compress(raw[:-100]))
    (series,) = open_study(path).series
    with pytest.raises(InputError) as caught:
        load_volume(series)
    assert caught.value.where == "x.nii.gz"

    header = bytearray(raw[:352])
    header[40:56] = np.array([3, 30000, 30000, 30000, 1, 1, 1, 1], "<i2").tobytes()
    path.write_bytes(gzip.compress(bytes(header) + bytes(1 << 20)))
    assert "needs more than" in open_studies(path).problems[0].why


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 351), st.integers(0, 255)), min_size=1, max_size=6))
def test_mutated_headers_give_a_volume_or_a_located_error(tmp_path: Path, mutations: list[tuple[int, int]]) -> None:
    path = save(tmp_path / "x.nii", np.arange(60, dtype=np.int16).reshape(3, 4, 5), np.diag([4.0, 1, 1, 1]))
    raw = bytearray(path.read_bytes())
    for place, value in mutations:
        raw[place] = value
    path.write_bytes(raw)
    assert trouble_at(path) in ("", "x.nii")

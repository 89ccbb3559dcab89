"""The contact sheet: pictures hang as radiologists hang them; every series has its row."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from condyle.report.sheet import contact_sheet, upright_slice
from condyle.study import Geometry, Problem, Role, Series, Study, Trait, Volume

# Which way a picture's top and left point, in LPS.
HANGING = {"sagittal": ((0, 0, 1), (0, -1, 0)), "coronal": ((0, 0, 1), (-1, 0, 0)), "axial": ((0, -1, 0), (-1, 0, 0))}


def volume(columns, shape=(3, 20, 30)):
    affine = np.eye(4)
    affine[:3, :3] = np.array(columns, float).T
    return Volume(np.zeros(shape, np.int16), Geometry(affine, shape))


@pytest.mark.parametrize("swap", [False, True])
@pytest.mark.parametrize("flip", [(1, 1), (1, -1), (-1, 1), (-1, -1)])
@pytest.mark.parametrize("plane", HANGING)
def test_a_bright_corner_hangs_where_it_lies_in_the_patient(plane, flip, swap):
    """However a stack was stored, the voxel nearest to the top left of the hanging lands there."""
    top, left = (np.array(direction, float) for direction in HANGING[plane])
    axes = [-top * flip[0], -left * flip[1]]
    rows, columns = reversed(axes) if swap else axes
    stored = volume([np.cross(rows, columns), rows, columns])
    world = stored.geometry.to_world(np.stack(np.meshgrid([1], np.arange(20), np.arange(30), indexing="ij"), -1))[0]
    stored.pixels[1][np.unravel_index((world @ (top + left)).argmax(), (20, 30))] = 9
    picture, _, _ = upright_slice(stored, 1)
    assert picture[0, 0] == 9
    assert stored.geometry.plane == plane


def test_spacing_turns_with_the_picture():
    stored = volume([[1, 0, 0], [0, 0.5, 0], [0, 0, -2.0]])
    picture, row_mm, column_mm = upright_slice(stored, 0)
    assert (picture.shape, row_mm, column_mm) == ((30, 20), 2.0, 0.5)


@pytest.fixture
def study():
    role = Role(Trait("sagittal", "geometry", 1.0), Trait("t2", "timing", 0.97), side=Trait(None, "tag", 0.0, conflict=True))
    geometry = volume([[4, 0, 0], [0, 0, -1], [0, 1, 0]], (7, 40, 30)).geometry
    problem = Problem("truncated", "error", "The pixels of three slices are cut short. " * 6, "series 9")
    return Study("0123456789abcdef", "x", (
        Series("s1", "dicom", None, geometry, role, 3, {"echo_time": 102.0, "repetition_time": 3500.0}),
        Series("s9", "dicom", None, None, number=9, problems=(problem,), used=False),
    ), (problem,), (("a.txt", "no image"),))  # fmt: skip


def decode(content):
    return cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)


def test_a_sheet_has_a_row_for_each_series_with_or_without_pictures(study):
    pixels = np.random.default_rng(1).integers(0, 1000, (7, 40, 30)).astype(np.int16)
    whole = decode(contact_sheet(study, {"s1": Volume(pixels, study.series[0].geometry)}))
    alone = decode(contact_sheet(replace(study, series=study.series[:1]), {}))
    assert whole.shape[0] > alone.shape[0] + 240
    # Three tiles of noise in the first row, none in the second.
    first, second = whole[60:280, :740], whole[330:500, :740]
    assert first.std() > 40 > second.std()


def test_equal_studies_give_equal_bytes_and_other_roles_other_bytes(study):
    assert contact_sheet(study, {}) == contact_sheet(study, {})
    other = study.series[0].with_role(replace(study.series[0].role, weighting=Trait("t1", "timing", 0.97)))
    assert contact_sheet(replace(study, series=(other, study.series[1])), {}) != contact_sheet(study, {})


@pytest.mark.parametrize(
    "pixels", [np.zeros((1, 4, 4)), np.full((1, 4, 4), np.nan), np.full((1, 4, 4), 1e30), np.ones((1, 1, 900), np.uint8)]
)
def test_odd_pixels_still_give_a_picture(study, pixels):
    geometry = Geometry(np.eye(4), pixels.shape)
    series = replace(study.series[0], geometry=geometry)
    assert decode(contact_sheet(replace(study, series=(series,)), {"s1": Volume(pixels, geometry)})).shape[1] == 1298


def test_a_study_without_series_is_still_a_sheet(study):
    assert decode(contact_sheet(replace(study, series=()), {})) is not None

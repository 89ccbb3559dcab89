"""The plane from geometry, with text as second witness."""

from __future__ import annotations

import numpy as np
import pytest

from condyle.intake.roles import infer_role
from condyle.study import Geometry

CORONAL = np.array([[0, 0, 1.0, 0], [3.0, 0, 0, 0], [0, -1.0, 0, 0], [0, 0, 0, 1]])


def turned(degrees: float) -> Geometry:
    """A coronal stack turned about the long axis toward sagittal."""
    angle = np.radians(degrees)
    turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    affine = np.eye(4)
    affine[:3, :3] = turn @ CORONAL[:3, :3]
    return Geometry(affine, (20, 64, 64))


def test_geometry_outweighs_a_name_that_contradicts_it_and_says_so() -> None:
    found = infer_role({"series_description": "AX T2"}, turned(0)).plane
    assert (found.value, found.source, found.conflict) == ("coronal", "geometry", True)


@pytest.mark.parametrize("degrees", [0, 10, 25, 35])
def test_a_tilted_stack_keeps_its_nearest_plane(degrees: float) -> None:
    assert infer_role({}, turned(degrees)).plane.value == "coronal"


def test_an_oblique_shoulder_stack_between_two_planes_is_named_by_text() -> None:
    found = infer_role({"series_description": "COR OBL PD FS"}, turned(47)).plane
    assert (found.value, found.source) == ("coronal", "text")


def test_a_picture_without_direction_has_no_plane_by_geometry() -> None:
    picture = Geometry(np.diag([1.0, 1.0, 1.0, 1.0]), (1, 64, 64), calibrated=False, spacing_source="nominal")
    assert infer_role({}, picture).plane.value is None
    assert infer_role({"series_description": "sagittal"}, picture).plane.value == "sagittal"


def test_aber_is_no_plane_of_the_body() -> None:
    assert infer_role({"series_description": "T1 FS ABER"}, turned(0)).plane.value is None

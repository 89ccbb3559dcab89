"""What is drawn lies where it was found."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from condyle.anatomy import JOINTS
from condyle.report.pictures import colour_map, mapped_findings, pictures
from condyle.study import Evidence, Geometry
from condyle.testing.readings import COLUMNS, LEVELS, ROWS

LUMBAR = JOINTS["lumbar"]


def numbers(text):
    return [float(number) for number in re.findall(r"-?\d+\.?\d*", text)]


def test_outlines_lie_on_their_discs(lumbar):
    """The example draws each disc as an ellipse around a known centre; pixel centres lie half a unit in."""
    first = pictures(lumbar, LUMBAR)[0]
    shape = next(shape for shape in first.shapes if shape.site == "L5-S1")
    points = np.array(numbers(shape.path)).reshape(-1, 2)
    disc = next(one for one in lumbar.evidence if one.evidence_id == "disc-L5-S1")
    expected = lumbar.key_images[0].geometry.to_index(disc.points)[:, [2, 1]] + 0.5
    assert np.abs(points - expected).max() <= 0.051


def test_an_outline_follows_its_place_in_the_patient_onto_another_grid(lumbar):
    """The same picture at twice the pixel size: half the units, the same relative place."""
    image = lumbar.key_images[0]
    affine = image.geometry.affine.copy()
    affine[:3, 3] += 0.5 * affine[:3, 1] + 0.5 * affine[:3, 2]
    affine[:3, 1:3] *= 2
    coarse = replace(image, pixels=image.pixels[::2, ::2].copy(), geometry=Geometry(affine, (1, ROWS // 2, COLUMNS // 2)))
    fine = pictures(lumbar, LUMBAR)[0]
    half = pictures(replace(lumbar, key_images=(coarse,)), LUMBAR)[0]
    assert np.allclose(np.array(numbers(half.shapes[0].path)) * 2, numbers(fine.shapes[0].path), atol=0.11)
    assert half.bar * 2 == pytest.approx(fine.bar)


def test_pixels_that_are_not_square_are_drawn_true_to_shape(lumbar):
    image = lumbar.key_images[0]
    affine = image.geometry.affine.copy()
    affine[:3, 1] *= 2
    tall = replace(image, geometry=Geometry(affine, image.geometry.shape))
    drawn = pictures(replace(lumbar, key_images=(tall,)), LUMBAR)[0]
    assert (drawn.width, drawn.height) == (COLUMNS, 2 * ROWS)


def test_a_picture_without_known_millimetres_has_no_scale_bar(lumbar):
    image = lumbar.key_images[0]
    nominal = replace(image, geometry=replace(image.geometry, calibrated=False))
    assert pictures(replace(lumbar, key_images=(nominal,)), LUMBAR)[0].bar == 0


def test_maps_are_drawn_only_where_the_finding_is_there_or_in_doubt(lumbar):
    first, second = pictures(lumbar, LUMBAR)
    assert {(one.finding, one.site) for one in first.maps} == {("bulging", "L4-L5"), ("herniation", "L4-L5"), ("herniation", "L5-S1")}
    assert mapped_findings((first, second)) == ("herniation", "bulging")
    assert second.maps == ()


def test_a_map_covers_its_patch(lumbar):
    """The unit square's corners land on the corners of the patch."""
    first = pictures(lumbar, LUMBAR)[0]
    drawn = next(one for one in first.maps if (one.finding, one.site) == ("herniation", "L5-S1"))
    a, b, c, d, e, f = numbers(drawn.matrix)
    corners = [(e, f), (a + e, b + f), (a + c + e, b + d + f), (c + e, d + f)]
    patch = next(one for one in lumbar.evidence if one.evidence_id == "map-herniation-L5-S1")
    expected = lumbar.key_images[0].geometry.to_index(patch.points)[:, [2, 1]] + 0.5
    assert np.allclose(corners, expected, atol=0.01)


def test_one_scale_a_finding_over_the_study():
    """Half the value is clearly weaker than the whole; little is clear; G23: no map is blown up to its own maximum."""
    top = colour_map(np.array([[1.0]], np.float32), 1.0)[0, 0]
    half = colour_map(np.array([[0.5]], np.float32), 1.0)[0, 0]
    little = colour_map(np.array([[0.1]], np.float32), 1.0)[0, 0]
    assert top[3] > half[3] > little[3] == 0
    assert tuple(top[:3]) != tuple(half[:3])


def test_the_weaker_of_two_maps_is_drawn_weaker(lumbar):
    from condyle.report.inline_png import data_uri

    first = pictures(lumbar, LUMBAR)[0]
    strong, weak = (next(one for one in first.maps if (one.finding, one.site) == ("herniation", level)) for level in ("L4-L5", "L5-S1"))
    values = {one.evidence_id: one.image for one in lumbar.evidence if one.kind == "class_map"}
    top = max(image.max() for name, image in values.items() if "herniation" in name)
    assert strong.href == data_uri(colour_map(values["map-herniation-L4-L5"], top))
    assert weak.href == data_uri(colour_map(values["map-herniation-L5-S1"], top))


def test_windows_show_their_site_and_stay_in_the_picture(lumbar):
    first = pictures(lumbar, LUMBAR)[0]
    assert {window.site for window in first.windows} == set(LEVELS)
    for window in first.windows:
        x, y, wide, tall = window.box
        assert 0 <= x <= x + wide <= first.width + 0.1
        assert 0 <= y <= y + tall <= first.height + 0.1
        points = np.array(numbers(next(shape.path for shape in first.shapes if shape.site == window.site))).reshape(-1, 2)
        assert ((points >= (x, y)) & (points <= (x + wide, y + tall))).all()


def test_evidence_out_of_the_plane_is_not_drawn(lumbar):
    points = lumbar.evidence[0].points + np.array([30.0, 0, 0])
    far = Evidence("far", "outline", "s1", 12, points, label="far away")
    near = replace(far, evidence_id="near", slice_index=8, points=lumbar.evidence[0].points + np.array([0.3, 0, 0]), label="close by")
    drawn = pictures(replace(lumbar, evidence=(far, near), findings=()), LUMBAR)[0]
    assert [shape.title for shape in drawn.shapes] == ["close by"]

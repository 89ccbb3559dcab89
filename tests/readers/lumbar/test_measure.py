"""Measurements on drawn spines, whose lengths and angles are known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from condyle.readers.lumbar.levels import find_levels
from condyle.readers.lumbar.measure import (
    LEVEL_MEASURES,
    NOT_CALIBRATED,
    SIMULATION_ONLY,
    SPINE_MEASURES,
    canal_diameter,
    disc_height,
    disc_height_index,
    lordosis,
    slip,
    slip_percent,
)
from condyle.readers.lumbar.picture import Picture
from condyle.readers.lumbar.plates import find_plates
from condyle.readers.lumbar.view import View
from condyle.study import Geometry
from tests.readers.spine import Drawn, draw_spine, tissue

STEP = 0.5


def view(drawn: Drawn, *, calibrated: bool = True) -> View:
    shape = (1, *drawn.labels.shape)
    affine = np.array([[4.0, 0, 0, 0], [0, 0, STEP, 0], [0, -STEP, 0, 0], [0, 0, 0, 1]])
    shares = tissue(drawn.labels)
    picture = Picture(np.zeros(drawn.labels.shape, np.float32), Geometry(affine, shape, calibrated=calibrated))
    return View(picture, shares, find_levels(shares))


@settings(max_examples=6, deadline=None)
@given(height=st.floats(12.0, 26.0))
def test_disc_height_is_the_distance_of_the_plates_wherever_it_is_taken(height: float) -> None:
    drawn = view(draw_spine(disc=height))
    for part in ("", "anterior", "middle", "posterior"):
        assert disc_height(drawn, "L3-L4", part).value == pytest.approx((height + 1) * STEP, abs=1.0)
    assert disc_height_index(drawn, "L3-L4").value == pytest.approx((height + 1) / 73, abs=0.03)


def test_an_unlabelled_end_plate_is_shared_between_disc_and_vertebra() -> None:
    """The outline network leaves a gap; a disc measured on its own outline would lose all of it."""
    drawn = draw_spine(disc=20.0)
    whole = view(drawn)
    labels = drawn.labels.copy()
    for disc in whole.levels.discs:
        for side in (1.0, -1.0):
            for away in np.arange(7.5, 11.0, 0.5):
                line = disc.centre + np.linspace(-0.48, 0.48, 300)[:, None] * disc.width * disc.axis + side * away * disc.up
                rows, columns = np.rint(line).astype(int).T
                labels[rows, columns] = np.where(labels[rows, columns] == 3, 0, labels[rows, columns])
    thinned = view(Drawn(labels, drawn.centres, drawn.angles, drawn.width, drawn.height))
    true = disc_height(whole, "L3-L4").value
    assert true is not None
    outline = thinned.levels.by_name["L3-L4"].height * STEP
    measured = disc_height(thinned, "L3-L4").value
    assert measured is not None
    assert outline < 0.82 * true
    assert abs(measured - true) < 0.4 * (true - outline)


@pytest.mark.parametrize("moved", [-8.0, 0.0, 12.0])
def test_slip_in_millimetres_and_in_percent(moved: float) -> None:
    drawn = view(draw_spine(slip={1: moved}))
    assert slip(drawn, "L4-L5").value == pytest.approx(moved * STEP, abs=1.0)
    assert slip_percent(drawn, "L4-L5").value == pytest.approx(100 * moved / 73, abs=3.0)


def test_canal_diameter_is_that_of_the_drawn_band() -> None:
    """The canal is drawn as a line 16 pixels wide; bodies and discs lie over its front edge nowhere."""
    for level in ("L3-L4", "L2-L3", "L1-L2"):
        assert canal_diameter(view(draw_spine()), level).value == pytest.approx(16 * STEP, abs=1.2)


@pytest.mark.parametrize("straighten", [0.06, 0.11, 0.14])
def test_lordosis_is_the_turn_of_the_end_plates(straighten: float) -> None:
    drawn = draw_spine(straighten=straighten, tilt=-0.6)
    turned = np.degrees(drawn.angles[5] - drawn.angles[0])
    assert lordosis(view(drawn), "S1").value == pytest.approx(turned, abs=2.0)
    assert lordosis(view(drawn), "L5").value == pytest.approx(turned, abs=2.0)
    assert lordosis(view(drawn), "S1").note == SIMULATION_ONLY


def test_without_millimetres_lengths_are_refused_and_ratios_and_angles_stay() -> None:
    drawn = view(draw_spine(), calibrated=False)
    for name, measure in LEVEL_MEASURES.items():
        found = measure(drawn, "L3-L4")
        assert (found.value is None) == (found.unit == "mm"), name
        assert found.unit != "mm" or found.reason == NOT_CALIBRATED
    assert all(measure(drawn).value is not None for measure in SPINE_MEASURES.values())


def test_what_is_not_seen_is_not_measured() -> None:
    drawn = view(draw_spine(5))
    assert "T12-L1" in lordosis(drawn, "S1").reason
    plates = find_plates(drawn.levels.discs[0], np.zeros_like(drawn.tissue))
    assert np.isnan(plates.heights).all()
    assert plates.slope(1.0) is None

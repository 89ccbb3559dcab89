"""The parts of a crop that a grader is told about apart."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from condyle.readers.lumbar.crops import DISC, CropSpec
from condyle.readers.lumbar.regions import NAMES, enlarge, grid, region_shares, regions

SPEC = CropSpec()


def _tissue(height: float = 12.0, width: float = 50.0) -> np.ndarray:
    tissue = np.zeros((3, SPEC.rows, SPEC.columns), np.float32)
    rows, columns = np.mgrid[: SPEC.rows, : SPEC.columns]
    (row, column) = SPEC.centre
    tissue[DISC] = (np.abs(rows - row) < height / 2) & (np.abs(columns - column) < width / 2)
    return tissue


def _middle(part: np.ndarray) -> tuple[float, float]:
    rows, columns = np.nonzero(part)
    return float(rows.mean()), float(columns.mean())


def test_parts_lie_where_their_names_say() -> None:
    found = dict(zip(NAMES, regions(_tissue(), SPEC), strict=True))
    disc = _tissue()[DISC] > 0
    assert ((found["disc_front"] + found["disc_middle"] + found["disc_back"] > 0) == disc).all(), "the thirds make up the disc"
    (row, column) = SPEC.centre
    assert _middle(found["disc_front"])[1] < _middle(found["disc_middle"])[1] < _middle(found["disc_back"])[1] < _middle(found["canal"])[1]
    assert _middle(found["marrow_above"])[0] < _middle(found["plate_above"])[0] < row < _middle(found["plate_below"])[0]
    assert _middle(found["front_edge"])[1] < column < _middle(found["back_edge"])[1]
    assert not (found["plate_above"].astype(bool) & disc).any()


@given(height=st.floats(2, 40), width=st.floats(6, 80))
def test_every_disc_gives_parts_of_which_none_is_empty(height: float, width: float) -> None:
    shares = region_shares([_tissue(height, width)], SPEC)
    assert shares.shape == (1, len(NAMES), *grid(SPEC))
    assert shares.min() >= 0
    assert shares.max() <= 1
    assert (shares.sum(axis=(2, 3)) > 0).all()


def test_without_a_disc_the_parts_still_say_around_here() -> None:
    empty = regions(np.zeros((3, SPEC.rows, SPEC.columns), np.float32), SPEC)
    assert (empty.sum(axis=(1, 2)) > 0).all()
    assert _middle(empty[1]) == pytest.approx(SPEC.centre, abs=2)


def test_enlarging_keeps_places() -> None:
    grey = np.zeros((1, 8, 10), np.float32)
    grey[0, 3, 4] = 1
    large = enlarge(grey)
    assert large.shape == (1, 16, 20)
    assert np.unravel_index(large[0].argmax(), large[0].shape) in ((6, 8), (7, 9), (6, 9), (7, 8))

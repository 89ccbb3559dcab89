"""Percentiles of small arrays: NumPy's own, sooner."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from condyle.quantiles import median, percentiles

NUMBERS = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=60)


@given(NUMBERS, st.lists(st.floats(0, 100), min_size=1, max_size=5))
def test_they_are_those_of_numpy(values: list[float], percents: list[float]) -> None:
    assert percentiles(np.array(values), *percents) == pytest.approx(np.percentile(values, percents).tolist(), abs=1e-8)


@given(NUMBERS)
def test_so_is_the_median(values: list[float]) -> None:
    assert median(np.array(values)) == pytest.approx(float(np.median(values)), abs=1e-8)


def test_nan_as_numpy() -> None:
    assert all(np.isnan(one) for one in percentiles(np.array([1.0, np.nan, 2.0]), 1, 99))


def test_whole_numbers_and_nothing() -> None:
    assert percentiles(np.array([3, 1, 2]), 0, 25, 100) == (1.0, 1.5, 3.0)
    with pytest.raises(IndexError):
        percentiles(np.array([]), 50)

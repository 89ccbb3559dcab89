"""The record of a number: what it may not claim."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from condyle.evaluate.clustered_auc import compare_clustered
from condyle.evaluate.cohen import cohen_kappa
from condyle.evaluate.delong import compare_paired, compare_unpaired
from condyle.evaluate.estimate import NO_SPREAD, Estimate, cut
from condyle.evaluate.paired_predictive import clustered_predictive, generalised_score
from condyle.evaluate.paired_proportions import newcombe_difference, paired_difference
from condyle.evaluate.unpaired_proportions import newcombe_unpaired_difference, unpaired_difference


def test_limits_that_meet_are_no_interval() -> None:
    found = Estimate("AUROC", 1.0, 1.0, 1.0, "percentile", 20)
    assert np.isnan([found.low, found.high]).all()
    assert found.warnings == (NO_SPREAD,)
    same = cohen_kappa([0, 1, 0, 1, 1], [0, 1, 0, 1, 1], (0, 1))
    assert (same.estimate, same.warnings) == (1.0, (NO_SPREAD,))


def test_a_narrow_interval_is_shown_with_the_digits_that_tell_its_ends_apart() -> None:
    assert str(Estimate("AUROC", 0.99992, 0.99991, 0.99994)) == "0.99992 (0.99991 to 0.99994)"
    assert str(Estimate("AUROC", 0.9, 0.8, 0.95)) == "0.900 (0.800 to 0.950)"
    assert str(Estimate("AUROC", 1.0, 1.0, 1.0)) == "1.000"


def test_limits_beyond_the_range_are_cut_and_said() -> None:
    found = cut(Estimate("difference", 0.9, 0.7, 1.1))
    assert (found.low, found.high) == (0.7, 1.0)
    assert found.warnings == ("The interval was cut at 1, the end of the range.",)
    assert cut(found) is found


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 10_000), n=st.integers(3, 9))
def test_no_difference_of_shares_or_areas_leaves_its_range(seed: int, n: int) -> None:
    """Tiny samples with strong effects: normal and t limits would lie beyond -1 and 1."""
    rng = np.random.default_rng(seed)
    truth = np.r_[np.ones(n), np.zeros(n)]
    good, bad = truth + 0.6 * rng.random(2 * n), rng.random(2 * n) - truth
    patients = np.arange(2 * n) // 2
    calls, other = (truth + (rng.random(2 * n) < 0.1)) % 2, (1 - truth + (rng.random(2 * n) < 0.2)) % 2
    right, wrong = calls == truth, other == truth
    counts = (int(right.sum()), 2 * n, int(wrong.sum()), 2 * n)
    found = [
        compare_paired(truth, good, bad), compare_clustered(truth, good, bad, patients), compare_unpaired(truth, good, truth, bad),
        paired_difference("a", right, wrong), paired_difference("b", right, wrong, patients), newcombe_difference("c", right, wrong),
        unpaired_difference("d", *counts), newcombe_unpaired_difference("e", *counts),
    ]  # fmt: skip
    if calls.any() and other.any():
        found += [generalised_score(truth, other, calls), clustered_predictive(truth, other, calls, patients)]
    for one in found:
        if np.isfinite(one.low):
            assert -1 <= one.low <= one.estimate <= one.high <= 1, one


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_no_spread_is_not_hidden_behind_another_warning(value: float) -> None:
    assert Estimate("a", value, value, value, warnings=("Few.",)).warnings == ("Few.", NO_SPREAD)

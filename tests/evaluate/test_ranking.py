"""AUROC against scikit-learn and its own definition."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from condyle.errors import InputError
from condyle.evaluate import auroc, auroc_within_groups


@given(st.integers(0, 10_000), st.integers(5, 60))
def test_equals_scikit_learn_with_ties_and_weights(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    truth = np.r_[0, 1, rng.integers(0, 2, n)]
    score, weights = rng.integers(0, 6, n + 2) / 5, rng.integers(1, 4, n + 2)
    assert auroc(truth, score, weights) == pytest.approx(roc_auc_score(truth, score, sample_weight=weights), abs=1e-12)


def test_a_rising_map_of_scores_changes_nothing_and_a_falling_one_mirrors() -> None:
    rng = np.random.default_rng(0)
    truth, score = rng.integers(0, 2, 50), rng.normal(size=50)
    assert auroc(truth, np.exp(3 * score)) == auroc(truth, score)
    assert auroc(truth, -score) == pytest.approx(1 - auroc(truth, score))


def test_whole_weights_are_repetitions() -> None:
    truth, score, times = np.array([0, 1, 1, 0]), np.array([0.1, 0.4, 0.3, 0.35]), np.array([1, 3, 2, 0])
    assert auroc(truth, score, times) == auroc(np.repeat(truth, times), np.repeat(score, times))


def test_one_class_gives_no_number() -> None:
    assert np.isnan(auroc([1, 1], [0.2, 0.3]))


def test_what_the_group_alone_predicts_is_worth_one_half_within_groups() -> None:
    rng = np.random.default_rng(1)
    level = rng.integers(0, 5, 400)
    truth = rng.random(400) < level / 6
    assert auroc(truth, level) > 0.65
    assert auroc_within_groups(truth, level, level) == 0.5


def test_within_groups_is_the_pair_weighted_mean_of_the_groups() -> None:
    rng = np.random.default_rng(2)
    level, truth, score = rng.integers(0, 3, 90), rng.integers(0, 2, 90), rng.normal(size=90)
    pairs = [truth[level == k].sum() * (1 - truth[level == k]).sum() for k in range(3)]
    each = [roc_auc_score(truth[level == k], score[level == k]) for k in range(3)]
    assert auroc_within_groups(truth, score, level) == pytest.approx(np.average(each, weights=pairs))


@pytest.mark.parametrize(("truth", "score"), [([0, 2], [0.1, 0.2]), ([0, 1], [0.1, np.nan]), ([0, 1], [0.1])])
def test_what_is_no_input_is_refused(truth: list[float], score: list[float]) -> None:
    with pytest.raises(InputError):
        auroc(truth, score)

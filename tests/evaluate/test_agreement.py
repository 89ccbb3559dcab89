"""Kappa and accuracies against scikit-learn and a published table."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, cohen_kappa_score

from condyle.errors import InputError
from condyle.evaluate import balanced_accuracy, off_by_more_than_one, quadratic_kappa
from condyle.evaluate.icc import FORMS, icc

SCALE = (1, 2, 3, 4, 5)


@pytest.mark.parametrize("seed", range(5))
def test_equals_scikit_learn(seed: int) -> None:
    rng = np.random.default_rng(seed)
    truth = np.r_[SCALE, rng.integers(1, 6, 80)]
    grade = np.clip(truth + rng.integers(-2, 3, 85), 1, 5)
    weights = rng.integers(1, 4, 85)
    assert quadratic_kappa(truth, grade, SCALE, weights) == pytest.approx(
        cohen_kappa_score(truth, grade, weights="quadratic", labels=SCALE, sample_weight=weights)
    )
    assert balanced_accuracy(truth, grade, SCALE, weights) == pytest.approx(
        balanced_accuracy_score(truth, grade, sample_weight=weights)
    )


def test_the_weights_do_not_depend_on_the_grades_that_occur() -> None:
    """statistics.md, fault 11: three used steps of five must not become a scale of three."""
    truth, grade = [1, 1, 5, 5, 3], [1, 3, 5, 5, 3]
    assert quadratic_kappa(truth, grade, SCALE) == pytest.approx(1 - 4 * 25 / sum((t - g) ** 2 for t in truth for g in grade) / 5)


def test_a_missed_level_counts_as_wrong() -> None:
    assert balanced_accuracy([1, 2], [1, 0], SCALE) == 0.5
    with pytest.raises(InputError):
        quadratic_kappa([1, 2], [1, 0], SCALE)


def test_errors_of_more_than_one_step() -> None:
    assert off_by_more_than_one([1, 2, 3, 4], [2, 4, 3, 1]) == 0.5


@pytest.mark.parametrize("form", FORMS)
def test_raters_who_agree_exactly_and_units_that_do_not_differ(form: str) -> None:
    """As three readers who type the same angles do; and in every resample of one unit."""
    same = icc(np.arange(5.0)[:, None] * np.ones((1, 3)) + 0.1, form)
    assert (same.estimate, np.isnan(same.low), bool(same.warnings)) == (1.0, True, True)
    flat = icc(np.full((5, 3), 0.1), form)
    assert np.isnan(flat.estimate)
    assert flat.warnings == ("The units do not differ: not defined.",)
    shifted = icc(np.arange(5.0)[:, None] + np.array([0.0, 1.0, 2.0]), form)
    assert (shifted.estimate == 1) == form.startswith("ICC(C")

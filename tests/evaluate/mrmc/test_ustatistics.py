import numpy as np
import pytest

from condyle.errors import InputError
from condyle.evaluate.mrmc import area_under_roc, covariance, macro, sensitivity, u_statistics
from tests.evaluate.mrmc.studies import study, without


def test_one_reader_is_the_unbiased_variance_over_cases() -> None:
    figures = area_under_roc(study(1, arms=1, readers=1, step=0.5))
    ours = u_statistics(figures).arms[0]
    assert ours.unbiased.variance == pytest.approx(covariance(figures, "unbiased")[0, 0], abs=1e-15)


def test_missing_reads_are_used_as_they_are() -> None:
    reads = study(2, cases=60, gain=0.4)
    hole = np.random.default_rng(0).random(reads.score.shape) < 0.15
    partly = u_statistics(area_under_roc(without(reads, hole))).differences[0]
    whole = u_statistics(area_under_roc(reads)).differences[0]
    assert partly.estimate == pytest.approx(whole.estimate, abs=0.08)
    assert 0.5 < partly.unbiased.variance / whole.unbiased.variance < 3


def test_the_biased_variance_is_never_negative_and_the_order_of_arms_turns_the_sign() -> None:
    reads = study(3, cases=12, step=1.0)
    one, other = u_statistics(area_under_roc(reads)), u_statistics(area_under_roc(reads.of_arms(("arm1", "arm0"))))
    assert one.arms[0].biased.variance >= 0
    assert other.differences[0].estimate == pytest.approx(-one.differences[0].estimate)
    assert other.differences[0].unbiased.variance == pytest.approx(one.differences[0].unbiased.variance)


def test_decisions_with_missing_reads() -> None:
    """For one reader the unbiased variance of a share is p (1 - p) / (n - 1); and it takes holes."""
    reads = study(4, arms=1, readers=1, cases=40).called(0.7)
    ours = u_statistics(sensitivity(reads)).arms[0]
    p, n = ours.estimate, int(reads.truth.sum())
    assert ours.unbiased.variance == pytest.approx(p * (1 - p) / (n - 1))
    many = study(5, readers=8, cases=160).called(0.7)
    hole = np.random.default_rng(1).random(many.score.shape) < 0.05
    partly, whole = (u_statistics(sensitivity(one)).differences[0] for one in (without(many, hole), many))
    assert 0.5 < partly.unbiased.variance / whole.unbiased.variance < 2
    assert np.isfinite(partly.unbiased.low)


def test_patients_in_both_classes_and_macro_averages_are_refused() -> None:
    with pytest.raises(InputError, match="both positive and negative"):
        u_statistics(area_under_roc(study(6, per_patient=3)))
    with pytest.raises(InputError, match="macro"):
        u_statistics(macro([area_under_roc(study(7))]))

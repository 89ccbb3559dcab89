"""AUROC with DeLong's variance: laws that hold for any data; reference numbers are in tests/reference."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import t

from condyle.errors import InputError
from condyle.evaluate.clustered_auc import clustered_auroc, clustered_covariance, compare_clustered
from condyle.evaluate.delong import compare_paired, components, covariance, delong, equal_areas
from condyle.evaluate.ranking import auroc
from condyle.evaluate.resampling import gap_draws, ranking_draws, scored, within_draws


def tables(least: int = 2) -> st.SearchStrategy[tuple[np.ndarray, np.ndarray]]:
    """Truth with both classes and scores with many ties."""

    def made(ups: list[int], downs: list[int]) -> tuple[np.ndarray, np.ndarray]:
        return np.r_[np.ones(len(ups)), np.zeros(len(downs))], np.array([*ups, *downs], float)

    side = st.lists(st.integers(0, 6), min_size=least, max_size=25)
    return st.builds(made, side, side)


@given(tables(1))
@settings(max_examples=60, deadline=None)
def test_components_are_the_pairs(data: tuple[np.ndarray, np.ndarray]) -> None:
    truth, score = data
    v10, v01 = components(truth, score)
    won = (np.sign(score[truth == 1][:, None] - score[truth == 0][None, :]) + 1) / 2
    assert v10[0] == pytest.approx(won.mean(1), abs=1e-12)
    assert v01[0] == pytest.approx(won.mean(0), abs=1e-12)


@given(tables(), st.randoms())
@settings(max_examples=40, deadline=None)
def test_invariances(data: tuple[np.ndarray, np.ndarray], random: object) -> None:
    truth, score = data
    found = delong(truth, score, interval="wald")
    rising = delong(truth, np.exp(score) * 3 + 1, interval="wald")
    order = list(range(len(truth)))
    random.shuffle(order)  # type: ignore[attr-defined]
    mixed = delong(truth[order], score[order], interval="wald")
    turned = delong(1 - truth, -score, interval="wald")  # both classes and the score swapped: the same question
    for other in (rising, mixed, turned):
        assert [other.estimate, other.se] == pytest.approx([found.estimate, found.se], abs=1e-12)
    swapped = delong(1 - truth, score)
    assert swapped.estimate == pytest.approx(1 - found.estimate, abs=1e-12)  # below 0.5 is a result, never turned round
    assert swapped.se == pytest.approx(found.se, abs=1e-12)


@given(tables())
@settings(max_examples=40, deadline=None)
def test_limits_hold_the_estimate_inside_0_and_1(data: tuple[np.ndarray, np.ndarray]) -> None:
    found = delong(*data)
    if not np.isnan(found.low):
        assert 0 <= found.low <= found.estimate <= found.high <= 1
        assert found.low < found.high


@given(tables(), st.integers(2, 4))
@settings(max_examples=30, deadline=None)
def test_repeating_every_row_of_a_patient_changes_nothing(data: tuple[np.ndarray, np.ndarray], times: int) -> None:
    truth, score = data
    patients = np.arange(len(truth)) // 2
    _, once = clustered_covariance(truth, score, patients)
    _, often = clustered_covariance(np.repeat(truth, times), np.repeat(score, times), np.repeat(patients, times))
    assert often == pytest.approx(once, abs=1e-12, nan_ok=True)


def test_one_class_gives_no_number() -> None:
    found = delong([1, 1, 1], [0.1, 0.2, 0.3])
    assert np.isnan(found.estimate)
    assert np.isnan(found.low)
    assert found.warnings == ("There is no negative unit.",)
    assert np.isnan(clustered_auroc([0, 0], [1, 2], [1, 1]).estimate)


def test_a_constant_score_is_one_half_without_interval() -> None:
    found = delong([0] * 12 + [1] * 12, np.ones(24))
    assert (found.estimate, found.se) == (0.5, 0.0)
    assert np.isnan(found.low)


def test_perfect_separation_never_prints_a_point() -> None:
    found = delong([0] * 12 + [1] * 12, np.arange(24.0))
    assert found.estimate == 1
    assert 0.7 < found.low < found.high == 1
    patients = np.arange(24) // 2
    grouped = clustered_auroc([0] * 12 + [1] * 12, np.arange(24.0), patients)
    assert grouped.low < found.low < grouped.high == 1  # fewer independent units, wider


def test_a_model_against_itself() -> None:
    truth, score = np.r_[np.zeros(30), np.ones(20)], np.random.default_rng(0).normal(size=50)
    found = compare_paired(truth, score, score * 2)
    assert (found.estimate, found.p) == (0.0, 1.0)
    assert found.warnings
    assert compare_clustered(truth, score, score, np.arange(50) // 2).p == 1.0
    _, df, p = equal_areas(truth, np.stack([score, score, score]))
    assert (df, p) == (0, 1.0)


def test_few_patients_have_t_limits() -> None:
    """Degrees of freedom are those of the rarer class of patients; z is there for the sake of Obuchowski's program."""
    rng = np.random.default_rng(3)
    patients = np.repeat(np.arange(18), 3)
    truth = (patients < 7).astype(float) * (rng.random(54) < 0.7)
    pair = [truth + rng.normal(0, 1, 54) for _ in range(2)]
    found, normal = (compare_clustered(truth, *pair, patients, interval=one) for one in ("t", "wald"))
    assert found.df == len(np.unique(patients[truth == 1])) - 1
    assert found.p == pytest.approx(2 * t.sf(abs(found.statistic), found.df))
    assert (found.se, found.statistic) == (normal.se, normal.statistic)
    assert (found.high - found.estimate) / found.se == pytest.approx(t.ppf(0.975, found.df))
    assert found.p > normal.p
    assert (found.method, normal.method) == ("Obuchowski 1997, paired, t", "Obuchowski 1997, paired, normal")


def test_several_models_against_pairs() -> None:
    rng = np.random.default_rng(1)
    truth = (rng.random(200) < 0.4).astype(float)
    scores = np.stack([rng.normal(truth, 1), rng.normal(0.5 * truth, 1)])
    statistic, df, p = equal_areas(truth, scores)
    pair = compare_paired(truth, *scores)
    assert (statistic, df, p) == (pytest.approx(pair.statistic**2), 1, pytest.approx(pair.p))


@pytest.mark.parametrize("bad", [[0.1, np.nan, 0.3], [0.1, np.inf, 0.3], [0.1, 0.2]])
def test_scores_that_cannot_be_ranked_are_refused(bad: list[float]) -> None:
    with pytest.raises(InputError):
        delong([0, 1, 1], bad)


def test_truth_must_be_0_or_1() -> None:
    with pytest.raises(InputError, match="0 and 1"):
        delong([0, 1, 2], [0.1, 0.2, 0.3])


def test_variance_uses_n_minus_1() -> None:
    """Statistics, section 9 (3): ddof = 0 is the usual mistake."""
    rng = np.random.default_rng(2)
    truth, score = np.r_[np.ones(6), np.zeros(7)], rng.normal(size=13)
    v10, v01 = components(truth, score)
    assert covariance(v10, v01)[0, 0] == pytest.approx(v10.var(ddof=1) / 6 + v01.var(ddof=1) / 7)


def test_fast_draws_are_the_loop_over_resampled_rows() -> None:
    rng = np.random.default_rng(3)
    patients = rng.integers(0, 40, 120).astype(str)
    truth, score = (rng.random(120) < 0.4).astype(float), np.round(rng.normal(size=120), 1)
    groups = rng.integers(0, 2, 120)
    found = ranking_draws({"all": scored(truth, score, patients)}, n=40, seed=7)["all"]
    labels, place = np.unique(patients, return_inverse=True)
    again = np.random.default_rng(7)
    for k in range(40):
        drawn = again.integers(len(labels), size=len(labels))
        rows = np.concatenate([np.flatnonzero(place == one) for one in drawn])
        assert found.auroc[k] == pytest.approx(auroc(truth[rows], score[rows]), abs=1e-12)
    parts = ranking_draws({str(g): scored(truth[groups == g], score[groups == g], patients[groups == g]) for g in (0, 1)}, n=40, seed=7)
    both = list(parts.values())
    pairs = np.stack([part.pairs for part in both])
    assert within_draws(both) == pytest.approx((np.stack([part.auroc for part in both]) * pairs).sum(0) / pairs.sum(0))
    assert (gap_draws(both) >= 0).all()

"""Subgroups, cohorts, several tests at once, endpoints."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import t

from condyle.errors import InputError
from condyle.evaluate.clustered_auc import clustered_auroc
from condyle.evaluate.endpoints import Endpoint, decided, judge_endpoints, one_sided_p
from condyle.evaluate.estimate import Estimate
from condyle.evaluate.heterogeneity import pool_shares
from condyle.evaluate.multiplicity import benjamini_hochberg, bonferroni, fixed_sequence, gatekeeper, hochberg, holm
from condyle.evaluate.proportion import proportion
from condyle.evaluate.subgroups import auroc_difference, bands, share_difference, subgroup_values


def groups(seed: int, weak: float, n: int = 600) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scores that separate group 'b' by ``weak`` standard deviations and 'a' by 1.5."""
    rng = np.random.default_rng(seed)
    truth, label = (rng.random(n) < 0.4).astype(float), np.array(["a", "b"])[np.arange(n) % 2]
    return truth, rng.normal(truth * np.where(label == "a", 1.5, weak)), label


def test_a_real_difference_is_found() -> None:
    truth, score, label = groups(0, 0.2)
    found = auroc_difference(truth, score, label, np.arange(600), n=200, shuffles=50)
    assert found.p < 0.001
    assert found.gap is not None
    assert found.gap.low > found.gap_if_equal


def test_a_gap_without_a_difference_is_not_one() -> None:
    truth, score, label = groups(1, 1.5)
    found = auroc_difference(truth, score, label, np.arange(600), n=200, shuffles=50)
    assert found.p > 0.05
    assert found.gap_if_equal > 0.01  # the largest gap is above 0 although nothing differs


def test_two_groups_are_the_unpaired_t_test() -> None:
    truth, score, label = groups(5, 1.0, 120)
    patients = np.array([f"{name}{place // 6}" for place, name in enumerate(label)])
    one, other = (clustered_auroc(truth[label == name], score[label == name], patients[label == name]) for name in "ab")
    variances = np.array([one.se**2, other.se**2])
    df = variances.sum() ** 2 / (variances**2 / np.array([one.df, other.df])).sum()
    gap = (one.estimate - other.estimate) / np.sqrt(variances.sum())
    found = auroc_difference(truth, score, label, patients, n=100, shuffles=0)
    assert found.statistic == pytest.approx(gap**2)
    assert found.p == pytest.approx(2 * t.sf(abs(gap), df))
    assert f"F(1, {df:.8g})" in found.test.method


def test_groups_within_patients_are_tested_over_patients() -> None:
    truth, score, label = groups(2, 1.0)
    found = auroc_difference(truth, score, label, np.arange(600) // 2, n=100)
    assert "several subgroups" in found.note
    assert found.test.method.startswith("F(1, 298) of the contrasts")


def test_small_cells_say_insufficient() -> None:
    truth, score = np.r_[np.ones(30), np.zeros(30)], np.arange(60.0)
    label = np.array(["big"] * 51 + ["small"] * 9)
    found = subgroup_values(truth, score, None, label, np.arange(60))
    assert found["small"]["AUROC"].warnings[0].startswith("insufficient")
    assert np.isnan(found["small"]["AUROC"].estimate)
    assert found["small"]["AUROC"].n == 9


def test_sensitivity_by_group_over_patients() -> None:
    rng = np.random.default_rng(3)
    label = np.array(["a", "b"])[np.arange(400) // 200]
    called = (rng.random(400) < np.where(label == "a", 0.9, 0.6)).astype(float)
    alone = share_difference("sensitivity", np.ones(400), called, label, np.arange(400))
    doubled = share_difference("sensitivity", np.ones(800), np.tile(called, 2), np.tile(label, 2), np.tile(np.arange(400), 2))
    assert alone.p < 1e-6
    assert doubled.statistic == pytest.approx(alone.statistic, rel=1e-9)  # repeating patients is no new evidence


def test_bands() -> None:
    assert bands([10, 40, np.nan, 99], {"young": (0, 40), "old": (40, 90)}).tolist() == ["young", "old", "", ""]


def test_pooling() -> None:
    same = pool_shares("AUROC", [0.8, 0.8, 0.8], [0.02, 0.03, 0.02])
    assert same.mean.estimate == pytest.approx(0.8)
    assert (same.tau_squared, same.i_squared) == (0, 0)
    apart = pool_shares("AUROC", [0.95, 0.7, 0.8], [0.01, 0.02, 0.02])
    assert apart.p < 0.001
    assert apart.prediction[0] < apart.mean.low < apart.mean.high < apart.prediction[1]
    with pytest.raises(InputError):
        pool_shares("AUROC", [0.8], [0.02])


shares = st.lists(st.floats(0, 1), min_size=1, max_size=12)


@settings(deadline=None)
@given(shares)
def test_order_of_the_rules(p: list[float]) -> None:
    given_, n = np.array(p), len(p)
    by_holm, by_hochberg, by_bh = holm(p), hochberg(p), benjamini_hochberg(p)
    assert (given_ - 1e-15 <= by_bh).all()
    assert (by_bh <= by_hochberg + 1e-12).all()
    assert (by_hochberg <= by_holm + 1e-12).all()
    assert (by_holm <= bonferroni(p) + 1e-12).all()
    order = np.random.default_rng(n).permutation(n)
    assert holm(given_[order]) == pytest.approx(by_holm[order])


def test_sequences_stop() -> None:
    assert fixed_sequence([0.01, 0.2, 0.001]) == (True, False, False)
    assert gatekeeper([{"a": 0.01, "b": 0.04}, {"c": 0.001}]) == {"a": True, "b": True, "c": True}
    assert gatekeeper([{"a": 0.01, "b": 0.2}, {"c": 0.001}]) == {"a": True, "b": False, "c": False}


@pytest.mark.parametrize(("p", "met"), [((0.001, 0.012, 0.001), (True, True, True)), ((0.001, 0.2, 0.0001), (True, False, False))])
def test_gatekeeping_of_endpoints_is_the_gatekeeper(p: tuple[float, ...], met: tuple[bool, ...]) -> None:
    asked = [Endpoint(name, "AUROC", 0.5, family=family) for name, family in (("a", 1), ("b", 1), ("c", 2))]
    found = decided(asked, [None] * 3, p, alpha=0.05, rule="gatekeeping")
    assert tuple(one.met for one in found) == met
    assert gatekeeper([{"a": p[0], "b": p[1]}, {"c": p[2]}], alpha=0.025) == dict(zip("abc", met, strict=True))
    with pytest.raises(InputError):
        holm([0.1, np.nan])


def test_endpoints() -> None:
    good, poor = proportion("sensitivity", 90, 100), proportion("sensitivity", 71, 100)
    claims = [Endpoint("modic", "sensitivity", 0.7), Endpoint("bulging", "sensitivity", 0.7), Endpoint("herniation", "sensitivity", 0.7)]
    found = judge_endpoints(claims, [good, poor, None], rule="holm")
    assert [one.met for one in found] == [True, False, False]
    assert found[0].adjusted == pytest.approx(3 * found[0].p)
    assert np.isnan(found[2].p)  # no number, no claim


def test_p_is_the_dual_of_the_printed_interval() -> None:
    found = proportion("sensitivity", 83, 100)
    assert one_sided_p(found, found.low) == pytest.approx(0.025, abs=1e-9)
    area = Estimate("AUROC", 0.9, method="DeLong, logit", se=0.02)
    assert one_sided_p(area, 0.9) == pytest.approx(0.5)
    assert np.isnan(one_sided_p(Estimate("F1", 0.9), 0.5))

"""Two arms by every method and every choice of random and fixed, over the layouts that reader studies come in."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from condyle.errors import InputError
from condyle.evaluate.mrmc import Reads, area_under_roc, design_of, dorfman_berbaum_metz, obuchowski_rockette, sensitivity
from condyle.evaluate.mrmc.analysis import FEW_PATIENTS, NO_VARIANCE, ONE_READER, Approach, Compared, compare_arms
from condyle.evaluate.mrmc.covariance import jackknife
from condyle.evaluate.mrmc.design import WORDS
from condyle.evaluate.mrmc.seniority import compare_groups, gain_spread
from tests.evaluate.mrmc.studies import study, without

WHOLE = study(11, readers=4, cases=40, gain=0.4)


def compared(reads: Reads, approach: Approach = Approach(), figure=area_under_roc) -> Compared:  # type: ignore[no-untyped-def]  # noqa: B008
    figures = figure(reads)
    return compare_arms(figures, design_of(reads), "arm0", "arm1", approach, metric="auroc")


def layout(rule) -> Reads:  # type: ignore[no-untyped-def]
    """Whole study less what the rule (arm, reader, pair of a positive and a negative case) leaves unread."""
    t, r, n = WHOLE.score.shape
    return without(WHOLE, np.array([[[not rule(a, j, c // 2) for c in range(n)] for j in range(r)] for a in range(t)]))


LAYOUTS = {
    "crossed": lambda t, r, n: True,
    "cases nested in readers": lambda t, r, n: n % 4 == r,
    "cases nested in arms": lambda t, r, n: n % 2 == t,
    "readers nested in arms": lambda t, r, n: r % 2 == t,
    "nested in arms": lambda t, r, n: r % 2 == t and n % 2 == t,
    "split-plot": lambda t, r, n: n % 2 == r % 2,
    "partially paired": lambda t, r, n: not (t == 0 and r == 3),
    "missing reads": lambda t, r, n: (7 * t + 3 * r + n) % 6 > 0,
}
WAYS = (Approach(), Approach(readers="fixed"), Approach(cases="fixed"))


@pytest.mark.parametrize("name", WORDS)
@pytest.mark.parametrize("way", WAYS, ids=("random", "fixed readers", "fixed cases"))
def test_every_layout_has_a_number_and_an_interval(name: str, way: Approach) -> None:
    reads = layout(LAYOUTS[name])
    assert design_of(reads).name == name
    found = compared(reads, way)
    for one in (found.base, found.arm, found.difference):
        assert one.low <= one.estimate <= one.high
        assert 0 < one.se < 0.3
    assert found.difference.estimate == pytest.approx(0.05, abs=0.15)
    assert 0 < found.difference.p <= 1
    incomplete = name in ("partially paired", "missing reads")
    kind = "readers' means" if incomplete else "Obuchowski-Rockette"
    kind = "U-statistics" if name == "partially paired" and way == Approach() else kind
    assert kind in found.difference.method


def test_fixed_factors_are_what_they_say() -> None:
    """Fixed cases: the paired t test of the readers' values. Fixed readers: the covariance over patients of their mean gain."""
    figures = area_under_roc(WHOLE)
    gains = figures.value[1] - figures.value[0]
    t = stats.ttest_1samp(gains, 0)
    cases = compared(WHOLE, Approach(cases="fixed")).difference
    assert (cases.p, cases.df) == pytest.approx((t.pvalue, 3))
    grid = jackknife(figures).reshape(2, 4, 2, 4)
    over = grid[1, :, 1] + grid[0, :, 0] - grid[1, :, 0] - grid[0, :, 1]
    readers = compared(WHOLE, Approach(readers="fixed")).difference
    assert readers.se == pytest.approx(np.sqrt(over.mean()))
    assert readers.p == pytest.approx(2 * stats.norm.sf(abs(gains.mean()) / np.sqrt(over.mean())))


@pytest.mark.parametrize("name", ["partially paired", "missing reads"])
def test_fixed_factors_of_incomplete_designs(name: str) -> None:
    reads = layout(LAYOUTS[name])
    figures = area_under_roc(reads)
    gains = figures.value[1] - figures.value[0]
    own = gains[np.isfinite(gains)]
    cases = compared(reads, Approach(cases="fixed")).difference
    assert cases.p == pytest.approx(stats.ttest_1samp(own, 0).pvalue)
    assert compared(reads, Approach(readers="fixed")).difference.df == float("inf")


def test_methods_agree_and_each_says_its_name() -> None:
    one, other, pairs = (compared(WHOLE, Approach(method)).difference for method in ("or", "dbm", "u"))
    assert (other.estimate, other.low, other.high, other.p) == pytest.approx((one.estimate, one.low, one.high, one.p))
    assert pairs.estimate == pytest.approx(one.estimate)
    assert [found.method.split(",")[0] for found in (one, other, pairs)] == [
        "Obuchowski-Rockette-Hillis", "Dorfman-Berbaum-Metz", "U-statistics (BDG)",
    ]  # fmt: skip
    fixed = compared(WHOLE, Approach("dbm", readers="fixed"))
    theirs = dorfman_berbaum_metz(area_under_roc(WHOLE), readers="fixed").differences[0]
    assert fixed.difference.p == pytest.approx(theirs.p)
    assert fixed.test is not None
    assert fixed.test.df2 == 39  # F over patients, not the chi-square


def test_a_negative_variance_has_no_interval_and_says_so() -> None:
    holes = layout(LAYOUTS["missing reads"])  # four readers, holes in a pattern
    pairs = compared(holes, Approach("u")).difference
    assert np.isnan(pairs.low)
    assert "The unbiased variance is negative" in " ".join(pairs.warnings)
    means = compared(holes).difference
    assert means.low < means.estimate < means.high
    gains = np.diff(area_under_roc(holes).value, axis=0)[0]
    assert means.estimate == pytest.approx(gains.mean())


def test_what_a_method_cannot_do_is_refused() -> None:
    holes = layout(LAYOUTS["missing reads"])
    with pytest.raises(InputError, match="crossed study"):
        compared(holes, Approach("dbm"))
    with pytest.raises(InputError, match="every reader's cases"):
        compared(holes, Approach("or"))
    with pytest.raises(InputError, match="as random"):
        Approach("u", readers="fixed")
    with pytest.raises(InputError, match="not known"):
        Approach(readers="fixed", cases="fixed")


def test_one_reader_is_fixed_and_said() -> None:
    found = compared(study(12, readers=1, cases=40))
    assert ONE_READER in found.difference.warnings
    assert found.difference.p == pytest.approx(compared(study(12, readers=1, cases=40), Approach(readers="fixed")).difference.p)


def test_too_few_patients_have_values_without_intervals() -> None:
    reads = study(13, cases=20)
    rare = Reads(reads.arms, reads.readers, reads.cases, reads.patients, reads.patient, np.arange(20) == 0, reads.score)
    for figure in (area_under_roc, lambda one: sensitivity(one.called(0.5))):
        found = compared(rare, figure=figure).difference
        assert np.isfinite(found.estimate)
        assert np.isnan(found.low)
        assert FEW_PATIENTS in found.warnings
    nobody = Reads(reads.arms, reads.readers, reads.cases, reads.patients, reads.patient, np.zeros(20, bool), reads.score)
    assert np.isnan(compared(nobody).difference.estimate)


@pytest.mark.parametrize("method", ["or", "dbm", "u"])
def test_arms_that_agree_have_no_interval_of_no_width(method: str) -> None:
    reads = study(14, cases=20)
    same = Reads(
        reads.arms, reads.readers, reads.cases, reads.patients, reads.patient, reads.truth, np.stack([reads.score[0], reads.score[0]])
    )
    found = compared(same, Approach(method)).difference
    assert (found.estimate, found.p) == pytest.approx((0, 1))
    assert np.isnan(found.low)
    assert NO_VARIANCE in found.warnings


def test_a_constant_reader_counts_as_a_half_and_perfect_readers_have_no_interval() -> None:
    flat = np.array(WHOLE.score)
    flat[:, 0] = 1.0
    reads = Reads(WHOLE.arms, WHOLE.readers, WHOLE.cases, WHOLE.patients, WHOLE.patient, WHOLE.truth, flat)
    assert area_under_roc(reads).value[:, 0].tolist() == [0.5, 0.5]
    assert compared(reads).difference.low < compared(reads).difference.high
    sure = Reads(WHOLE.arms, WHOLE.readers, WHOLE.cases, WHOLE.patients, WHOLE.patient, WHOLE.truth, WHOLE.score + 99 * WHOLE.truth)
    assert (compared(sure).arm.estimate, np.isnan(compared(sure).arm.high)) == (1.0, True)


def test_two_by_two_by_hand() -> None:
    """Two readers, shares of 4 patients: MS(T) = 1/16, MS(TR) = 1/16; Cov2 - Cov3 by the jackknife of shares s (1 - s) / (n - 1)."""
    calls = np.array([[[1, 1, 0, 0], [1, 0, 0, 0]], [[1, 1, 1, 1], [1, 0, 0, 0]]], np.float64)
    names = ("a", "b", "c", "d")
    reads = Reads(("arm0", "arm1"), ("x", "y"), names, names, np.arange(4), np.ones(4, bool), calls)
    figures = sensitivity(reads)
    found = obuchowski_rockette(figures)
    y = calls.mean(2)
    gains = y[1] - y[0]  # 1/2 and 0
    assert found.test is not None
    assert found.test.ms_arm == pytest.approx(gains.mean() ** 2)
    assert found.test.ms_arm_reader == pytest.approx(gains.var(ddof=1) / 2)
    sample = np.cov(calls.reshape(4, 4)) / 4  # covariance of means of 4: the jackknife's, exactly
    cov2 = (sample[0, 1] + sample[2, 3]) / 2
    cov3 = (sample[0, 3] + sample[1, 2]) / 2
    assert found.components is not None
    assert (found.components.cov2, found.components.cov3) == pytest.approx((cov2, cov3))
    expected = found.test.ms_arm / (found.test.ms_arm_reader + 2 * max(cov2 - cov3, 0))
    assert found.test.statistic == pytest.approx(expected)


def test_rows_twice_within_each_patient_change_nothing() -> None:
    twice = Reads(
        WHOLE.arms, WHOLE.readers, tuple(f"{name}{half}" for half in "ab" for name in WHOLE.cases), WHOLE.patients,
        np.tile(WHOLE.patient, 2), np.tile(WHOLE.truth, 2), np.tile(WHOLE.score, 2),
    )  # fmt: skip
    for way in (*WAYS, Approach("dbm")):
        one, other = compared(WHOLE, way).difference, compared(twice, way).difference
        assert (other.estimate, other.se, other.p) == pytest.approx((one.estimate, one.se, one.p))


def test_truth_and_scores_turned_round_are_the_same_study() -> None:
    turned = Reads(WHOLE.arms, WHOLE.readers, WHOLE.cases, WHOLE.patients, WHOLE.patient, ~WHOLE.truth, -WHOLE.score)
    for method in ("or", "dbm", "u"):
        one, other = compared(WHOLE, Approach(method)).difference, compared(turned, Approach(method)).difference
        assert (other.estimate, other.se, other.p) == pytest.approx((one.estimate, one.se, one.p))


def test_readers_who_gain_alike_and_groups_of_fixed_readers() -> None:
    figures = area_under_roc(WHOLE)
    matrix = jackknife(figures)
    found = gain_spread(figures, "arm0", "arm1", matrix)
    assert found.df == 3
    assert 0 < found.p < 1
    gains = figures.value[1] - figures.value[0]
    apart = matrix.reshape(2, 4, 2, 4)
    over = apart[1, :, 1] + apart[0, :, 0] - apart[1, :, 0] - apart[0, :, 1]
    pair_alone = area_under_roc(WHOLE.of_readers(("r0", "r1")))
    two = gain_spread(pair_alone, "arm0", "arm1", jackknife(pair_alone))
    pair = np.array([1, -1, 0, 0])
    assert two.statistic == pytest.approx((gains[0] - gains[1]) ** 2 / (pair @ over @ pair))
    ranks = {"r0": "junior", "r1": "junior", "r2": "senior", "r3": "senior"}
    groups = compare_groups(figures, "arm0", "arm1", ranks, "junior", "senior", covariance=matrix)
    weight = np.array([0.5, 0.5, -0.5, -0.5])
    assert (groups.estimate, groups.se) == pytest.approx((weight @ gains, np.sqrt(weight @ over @ weight)))

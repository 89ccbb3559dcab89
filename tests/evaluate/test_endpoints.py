"""A planned claim is decided by the interval that is printed: p at a limit is the tail that the limit leaves out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from condyle.evaluate.bootstrap import interval_of, pulls_of
from condyle.evaluate.clustered_auc import clustered_auroc
from condyle.evaluate.delong import compare_unpaired, delong
from condyle.evaluate.diagnostic import Table as Cells
from condyle.evaluate.diagnostic import likelihood_ratios
from condyle.evaluate.endpoints import RULES, Endpoint, decided, decided_again, elsewhere, judge_endpoints, one_sided_p
from condyle.evaluate.estimate import Estimate
from condyle.evaluate.paired_proportions import newcombe_difference, paired_difference
from condyle.evaluate.proportion import clustered_proportion, proportion
from condyle.evaluate.recalibration import recalibration
from condyle.evaluate.standalone import Settings, from_interval
from condyle.evaluate.study_evidence import Claim, above, judge_claims
from condyle.evaluate.unpaired_proportions import unpaired_difference

RNG = np.random.default_rng(4)
TRUTH = (RNG.random(180) < 0.45).astype(float)
SCORE = 1 / (1 + np.exp(-(1.4 * (TRUTH - 0.5) + RNG.normal(0, 1, 180))))
PATIENTS = np.arange(180) // 2
RIGHT = (SCORE > 0.5) == (TRUTH == 1)

VALUES = {
    "Wilson": proportion("sensitivity", 41, 52),
    "Clopper-Pearson": proportion("sensitivity", 41, 52, interval="exact"),
    "ratio estimator": clustered_proportion("accuracy", RIGHT, PATIENTS),
    "patients all right": clustered_proportion("sensitivity", np.ones(40), np.arange(40) // 2),
    "DeLong Wald": delong(TRUTH, SCORE, interval="wald"),
    "DeLong logit": delong(TRUTH, SCORE, interval="logit"),
    "Newcombe": delong(np.repeat([0, 1], 30), np.arange(60.0)),
    "Obuchowski": clustered_auroc(TRUTH, SCORE, PATIENTS),
    "slope": recalibration(TRUTH, SCORE).slope,
    "slope over patients": recalibration(TRUTH, SCORE, PATIENTS).slope,
}
DIFFERENCES = {
    "Tango": paired_difference("d", RIGHT, TRUTH == 1, np.arange(180)),
    "paired over patients": paired_difference("d", RIGHT, TRUTH == 1, PATIENTS),
    "Miettinen-Nurminen": unpaired_difference("d", 41, 52, 30, 50),
    "DeLong unpaired": compare_unpaired(TRUTH[:90], SCORE[:90], TRUTH[90:], SCORE[90:]),
}


@pytest.mark.parametrize("name", VALUES)
def test_p_at_the_lower_limit_is_the_tail_below_it(name: str) -> None:
    one = VALUES[name]
    assert one_sided_p(one, one.low) == pytest.approx(0.025, rel=1e-6)
    if one.high < 1 or name.startswith("slope"):
        assert one_sided_p(one, one.high, below=True) == pytest.approx(0.025, rel=1e-6)
    assert one_sided_p(one, one.low - 0.02) < 0.025 < one_sided_p(one, one.low + 0.02)


@pytest.mark.parametrize("name", DIFFERENCES)
def test_p_of_a_difference_at_its_limit(name: str) -> None:
    one = DIFFERENCES[name]
    assert above(one, one.low) == pytest.approx(0.025, rel=1e-4)
    assert above(one, one.high, below=True) == pytest.approx(0.025, rel=1e-4)


@pytest.mark.parametrize("corrected", [False, True], ids=["percentile", "bca"])
def test_p_of_a_bootstrap_is_that_of_its_limits(corrected: bool) -> None:
    rng = np.random.default_rng(0)
    sample = rng.gamma(2.0, 1.0, 40)
    draws = rng.choice(sample, (4000, 40)).mean(axis=1)
    without = (sample.sum() - sample) / 39
    pulls = pulls_of(float(sample.mean()), without) if corrected else None
    one = from_interval("mean", interval_of(float(sample.mean()), draws, (40, 40), 0, pulls), None, Settings())
    assert one.method.startswith("BCa") == corrected
    assert one_sided_p(one, one.low) == pytest.approx(0.025, abs=0.001)
    assert one_sided_p(one, one.high, below=True) == pytest.approx(0.025, abs=0.001)
    assert above(one, one.low) == one_sided_p(one, one.low)
    assert one_sided_p(one, 0.0) == pytest.approx(1 / 4001)  # never 0, nor less than the resamples can tell


def test_an_interval_without_its_own_test_gives_no_smaller_p_than_its_tail() -> None:
    ratio = likelihood_ratios(Cells(40, 10, 12, 50))["LR+"]
    assert one_sided_p(ratio, ratio.low - 0.1) == pytest.approx(0.025)
    assert one_sided_p(ratio, ratio.low + 0.1) == 1.0
    newcombe = newcombe_difference("d", RIGHT, TRUTH == 1)
    assert above(newcombe, newcombe.low - 0.01) == pytest.approx(0.025)
    assert np.isnan(one_sided_p(Estimate("AUROC", 0.9), 0.8))


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.floats(0, 1), st.booleans(), st.integers(1, 3)), min_size=1, max_size=8),
    st.sampled_from([one for one in RULES if one != "benjamini-hochberg"]),
)
def test_a_page_that_judges_a_part_of_a_plan_claims_no_more_than_the_whole(parts: list[tuple[float, bool, int]], rule: str) -> None:
    """Whatever another command would have found: what this page calls met is met in the plan as a whole."""
    ends = [Endpoint("modic", "AUROC", 0.5, family=family) for _, _, family in parts]
    whole = decided(ends, [Estimate("AUROC", 0.7)] * len(parts), [p / 10 for p, _, _ in parts], alpha=0.05, rule=rule)
    page = [one if here else elsewhere(one.endpoint) for one, (_, here, _) in zip(whole, parts, strict=True)]
    for one, own in zip(decided_again(page, alpha=0.05, rule=rule), whole, strict=True):
        assert not one.met or (one.judged and own.met)
        assert one.met or one.why


def test_errors_are_better_when_smaller() -> None:
    """A later model with smaller errors is met, one with larger errors is not, and the margin is on the upper side."""
    rng = np.random.default_rng(1)

    def gap(centre: float) -> Estimate:
        return from_interval("difference", interval_of(centre, rng.normal(centre, 0.1, 999), (50, 50), 0), None, Settings())

    claims = [Claim("disc_height", "mean absolute error", "second - first", margin) for margin in (0.0, 0.5)]
    for centre, met in ((-0.5, [True, True]), (0.0, [False, True]), (0.5, [False, False])):
        key = ("disc_height", "mean absolute error")
        judged = judge_claims(claims, {key: gap(centre)}, alpha=0.05, rule="none")
        assert [one.met for one in judged] == met
    assert judged[1].endpoint.words == "below 0.5"
    found = replace(gap(-0.5), estimate=2.0, replicates=rng.normal(2.0, 0.1, 999))
    ends = [Endpoint("disc_height", "mean absolute error", limit, below=True) for limit in (3.0, 1.0)]
    assert [one.met for one in judge_endpoints(ends, [found, found])] == [True, False]

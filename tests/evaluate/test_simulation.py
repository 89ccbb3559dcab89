"""Do intervals hold the truth as often as they say, and tests err as rarely? Simulated data, fixed seeds.

Short runs (200 data sets, wider bounds) belong to every test run; the whole ones (2,000; Monte-Carlo standard error of a
coverage of 95 % is 0.49 points) are long checks. Where it tells something, the wrong method is run beside the right one.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy.special import ndtri

from condyle.evaluate.clustered_auc import clustered_auroc, compare_clustered
from condyle.evaluate.delong import compare_paired, compare_unpaired, delong
from condyle.evaluate.heterogeneity import pool_shares
from condyle.evaluate.proportion import clustered_proportion, wilson
from condyle.evaluate.subgroups import auroc_difference, share_difference

Rng = np.random.Generator


def distance(area: float) -> float:
    """Standard deviations between two normal classes with this area."""
    return float(np.sqrt(2) * ndtri(area))


def share(hit: Callable[[Rng], bool], times: int) -> float:
    """How often something happens over data sets of seed 20261122."""
    rng = np.random.default_rng(20261122)
    return sum(hit(rng) for _ in range(times)) / times


def binormal(rng: Rng, area: float, positives: int, negatives: int) -> tuple[np.ndarray, np.ndarray]:
    truth = np.r_[np.ones(positives), np.zeros(negatives)]
    return truth, rng.normal(truth * distance(area))


def delong_covers(area: float, positives: int, negatives: int, interval: str) -> Callable[[Rng], bool]:
    def hit(rng: Rng) -> bool:
        found = delong(*binormal(rng, area, positives, negatives), interval=interval)
        return bool(found.low <= area <= found.high)

    return hit


def knees(rng: Rng, area: float = 0.8) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """60 patients with three knees: a patient effect in the truth, and half the variance of the score."""
    patient = np.repeat(np.arange(60), 3)
    chance = 1 / (1 + np.exp(-1.5 * rng.normal(size=60)[patient]))
    truth = (rng.random(180) < chance).astype(float)
    score = truth * distance(area) + np.sqrt(0.5) * (rng.normal(size=60)[patient] + rng.normal(size=180))
    return truth, score, patient


def clustered_covers(interval: str) -> Callable[[Rng], bool]:
    def hit(rng: Rng) -> bool:
        truth, score, patient = knees(rng)
        found = delong(truth, score, interval="wald") if interval == "naive" else clustered_auroc(truth, score, patient, interval=interval)
        return bool(found.low <= 0.8 <= found.high)

    return hit


def paired_rejects(rng: Rng) -> bool:
    truth, first, second = same_readers(rng)
    return compare_paired(truth, first, second).p < 0.05


def clustered_rejects(interval: str) -> Callable[[Rng], bool]:
    """20 patients with three knees, alike in truth and in the score of each of two models that are worth the same."""

    def hit(rng: Rng) -> bool:
        patient = np.repeat(np.arange(20), 3)
        truth = (0.7 * rng.normal(size=20)[patient] + 0.7 * rng.normal(size=60) > 0.3).astype(float)
        shared = truth + 0.5 * rng.normal(size=20)[patient]
        first, second = (shared + 0.7 * rng.normal(size=20)[patient] + 0.6 * rng.normal(size=60) for _ in range(2))
        return compare_clustered(truth, first, second, patient, interval=interval).p < 0.05

    return hit


def unpaired_rejects(rng: Rng) -> bool:
    truth, first, second = same_readers(rng)
    return compare_unpaired(truth, first, truth, second).p < 0.05


def same_readers(rng: Rng) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two readers of one area, scores correlated 0.6, 100 and 100."""
    truth = np.r_[np.ones(100), np.zeros(100)]
    shared = rng.normal(size=200)
    first, second = (np.sqrt(0.6) * shared + np.sqrt(0.4) * rng.normal(size=200) + truth * distance(0.8) for _ in range(2))
    return truth, first, second


def interaction_rejects(rng: Rng) -> bool:
    truth, score = binormal(rng, 0.8, 120, 180)
    return auroc_difference(truth, score, rng.integers(0, 3, 300), np.arange(300), n=20, shuffles=0).p < 0.05


def sensitivity_interaction_rejects(rng: Rng) -> bool:
    """Three rows a patient, 80 patients a group, a patient effect in the calls."""
    patient = np.repeat(np.arange(160), 3)
    called = (rng.random(480) < 1 / (1 + np.exp(-1 - rng.normal(size=160)[patient]))).astype(float)
    return share_difference("sensitivity", np.ones(480), called, patient % 2, patient).p < 0.05


def clustered_share_covers(rng: Rng) -> bool:
    patient = np.repeat(np.arange(60), 3)
    chance = rng.beta(8, 2, 60)[patient]  # mean 0.8
    found = clustered_proportion("share", rng.random(180) < chance, patient)
    return bool(found.low <= 0.8 <= found.high)


def naive_share_covers(rng: Rng) -> bool:
    patient = np.repeat(np.arange(60), 3)
    chance = rng.beta(1.6, 0.4, 60)[patient]  # mean 0.8, knees of a patient much alike
    low, high = wilson(int((rng.random(180) < chance).sum()), 180)
    return bool(low <= 0.8 <= high)


def alike_share_covers(rng: Rng) -> bool:
    patient = np.repeat(np.arange(60), 3)
    found = clustered_proportion("share", rng.random(180) < rng.beta(1.6, 0.4, 60)[patient], patient)
    return bool(found.low <= 0.8 <= found.high)


def pooled_covers(rng: Rng) -> bool:
    """Six cohorts of differing truth: logits with standard deviation 0.3 about logit 0.8."""
    centre = np.log(0.8 / 0.2) + rng.normal(0, 0.3, 6)
    true = 1 / (1 + np.exp(-centre))
    error = rng.uniform(0.015, 0.04, 6)
    found = pool_shares("AUROC", np.clip(rng.normal(true, error), 0.02, 0.98), error)
    return bool(found.mean.low <= 0.8 <= found.mean.high)


# name: what happens, bounds of the whole run. Statistics, section 11, where a row is named there.
CHECKS: dict[str, tuple[Callable[[Rng], bool], float, float]] = {
    "DeLong Wald, area 0.80": (delong_covers(0.80, 60, 140, "wald"), 0.925, 0.965),
    "DeLong logit, area 0.80": (delong_covers(0.80, 60, 140, "logit"), 0.925, 0.965),
    "DeLong logit, area 0.97": (delong_covers(0.97, 30, 100, "logit"), 0.918, 0.965),
    "DeLong as chosen, area 0.97": (delong_covers(0.97, 30, 100, "auto"), 0.918, 0.965),
    "clustered area, logit t": (clustered_covers("logit-t"), 0.925, 0.97),
    "clustered area, Wald": (clustered_covers("wald"), 0.903, 0.965),
    "paired DeLong, no difference": (paired_rejects, 0.036, 0.065),
    "paired areas over patients, no difference": (clustered_rejects("t"), 0.03, 0.06),
    "interaction of areas, no difference": (interaction_rejects, 0.03, 0.075),
    "interaction of sensitivity, no difference": (sensitivity_interaction_rejects, 0.035, 0.07),
    "clustered share": (clustered_share_covers, 0.93, 0.97),
    "clustered share, knees much alike": (alike_share_covers, 0.925, 0.97),
    "pooled cohorts": (pooled_covers, 0.92, 0.985),
}

WRONG: dict[str, tuple[Callable[[Rng], bool], float, float]] = {
    "Wald near 1": (delong_covers(0.97, 30, 100, "wald"), 0.80, 0.905),
    "knees as independent units": (clustered_covers("naive"), 0.80, 0.915),
    "paired areas of few patients, normal": (clustered_rejects("wald"), 0.06, 0.09),
    "unpaired test on paired scores": (unpaired_rejects, 0.0, 0.015),
    "Wilson over knees": (naive_share_covers, 0.70, 0.905),
}


@pytest.mark.parametrize("name", CHECKS)
def test_short(name: str) -> None:
    hit, low, high = CHECKS[name]
    # Three Monte-Carlo standard errors of 200 data sets beyond the bounds of the whole run.
    assert low - 3 * np.sqrt(low * (1 - low) / 200) <= share(hit, 200) <= high + 3 * np.sqrt(high * (1 - high) / 200)


@pytest.mark.slow("evaluate")
@pytest.mark.parametrize("name", CHECKS)
def test_whole(name: str) -> None:
    hit, low, high = CHECKS[name]
    assert low <= share(hit, 2000) <= high


@pytest.mark.slow("evaluate")
@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_method_is_told_apart(name: str) -> None:
    hit, low, high = WRONG[name]
    assert low <= share(hit, 2000) <= high

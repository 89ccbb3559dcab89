"""How often studies of readers and trials hold the truth, and how often they call nothing something.

As ``test_simulation``: up to 200 data sets with wider bounds in every run (none where one takes long), the whole in the long checks.
Monte-Carlo standard errors of 5 %: 1.5 points with 200, 0.7 with 1,000, 0.5 with 2,000. Bounds of the whole are the observed value
of a first run, which stands beside them, with three standard errors, or those of the specification where it names some.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
from scipy.special import ndtr, ndtri
from scipy.stats import binom, ttest_rel

from condyle.evaluate.gee import gee
from condyle.evaluate.mixed_model import intercept, intercept_and_slope, mixed_model
from condyle.evaluate.mrmc import Reads, area_under_roc, design_of, macro
from condyle.evaluate.mrmc.analysis import Approach, compare_arms, covariance_for
from condyle.evaluate.mrmc.design import design_of_mask
from condyle.evaluate.mrmc.seniority import compare_groups, gain_spread
from condyle.evaluate.paired_predictive import generalised_score
from condyle.evaluate.trial import Unit, binary_effect, interaction, time_effect
from condyle.evaluate.unpaired_proportions import miettinen_nurminen
from tests.evaluate.mrmc.studies import without
from tests.evaluate.mrmc.test_type_one_error import roe_metz
from tests.evaluate.test_simulation import share

Rng = np.random.Generator
READER = 0.0055  # variance of a reader, and of a reader in an arm, within a class


@dataclass(frozen=True)
class Check:
    """What happens, how often in short and in whole, and the bounds of the whole."""

    hit: Callable[[Rng], bool]
    low: float
    high: float
    short: int = 200
    whole: int = 2000


def rejects(reads: Reads, approach: Approach | None = None) -> bool:
    return compare_arms(area_under_roc(reads), design_of(reads), "a0", "a1", approach or Approach(), metric="auroc").difference.p < 0.05


def covers(rng: Rng) -> bool:
    """A true gain: arm 1 sees the disease 0.4 further away. The area of a drawn reader is known in closed form."""
    reads = roe_metz(rng, 5, 40, READER)
    reads.score[1] += 0.4 * reads.truth
    spread = np.sqrt(2 * (1 + 2 * READER))
    near = np.sqrt(2) * ndtri(0.86)
    gain = float(ndtr((near + 0.4) / spread) - ndtr(near / spread))
    found = compare_arms(area_under_roc(reads), design_of(reads), "a0", "a1", Approach(), metric="auroc").difference
    return found.low <= gain <= found.high


def macro_rejects(rng: Rng) -> bool:
    """Two findings of the same patients, a fifth of the reads missing."""
    parts = [area_under_roc(without(one, rng.random(one.score.shape) < 0.2)) for one in (roe_metz(rng, 5, 30, READER) for _ in range(2))]
    mean = macro(parts)
    return compare_arms(mean, design_of_mask(np.moveaxis(mean.used, 0, 2)), "a0", "a1", Approach(), metric="auroc").difference.p < 0.05


def with_holes(
    rule: Callable[[int, int, int], bool] | None, share_missing: float = 0.0, readers: int = 6, cases: int = 30, method: str = "auto"
) -> Callable[[Rng], bool]:
    """Null studies in which a read is not made by rule (arm, reader, place in its class) or at random."""
    mask = np.zeros((2, readers, 2 * cases), bool)
    if rule is not None:
        mask = np.array([[[not rule(t, r, n % cases) for n in range(2 * cases)] for r in range(readers)] for t in range(2)])

    def hit(rng: Rng) -> bool:
        reads = roe_metz(rng, readers, cases, READER)
        return rejects(without(reads, mask | (rng.random(mask.shape) < share_missing)), Approach(method))

    return hit


def same_readers_reject(rng: Rng) -> bool:
    """The very readers every time: their levels are drawn once, the cases anew; fixed readers speak of them."""
    reads = roe_metz(rng, 4, 40, 0.0)
    reads.score[:] += np.array([-0.3, 0.0, 0.2, 0.5])[None, :, None]
    return rejects(reads, Approach(readers="fixed"))


def drawn_readers_reject_as_fixed(rng: Rng) -> bool:
    """The wrong one: readers drawn anew, who differ in what the arm does to them, and taken as fixed."""
    return rejects(roe_metz(rng, 5, 100, 0.030), Approach(readers="fixed"))


def drawn_cases_reject_as_fixed(rng: Rng) -> bool:
    return rejects(roe_metz(rng, 5, 25, READER), Approach(cases="fixed"))


def groups_reject(rng: Rng) -> bool:
    ranks = {f"r{k}": ("junior", "senior")[k % 2] for k in range(8)}
    return compare_groups(area_under_roc(roe_metz(rng, 8, 40, READER)), "a0", "a1", ranks, "junior", "senior").p < 0.05


def spread_rejects(rng: Rng) -> bool:
    """Readers who gain alike: no reader variance, so that only cases make their gains differ."""
    reads = roe_metz(rng, 5, 60, 0.0)
    figures = area_under_roc(reads)
    return gain_spread(figures, "a0", "a1", covariance_for(figures, design_of(reads))).p < 0.05


def trial_of(rng: Rng, *, clusters: int = 60, size: int = 8, between: float = 0.15, strata: bool = False) -> list[Unit]:
    """Whole clusters are assigned; their chances differ, their arms do not."""
    units = []
    for cluster in range(clusters):
        chance = float(np.clip(rng.normal(0.6, between), 0.05, 0.95))
        arm = ("unaided", "aided")[cluster % 2]
        stratum = ("junior", "senior")[cluster // 2 % 2] if strata else ""
        units += [
            Unit(1, f"u{cluster}-{k}", f"c{cluster}", stratum, "", "", arm, arm, "", {"right": str(int(rng.random() < chance))})
            for k in range(size)
        ]
    return units


def few_clusters_reject(rng: Rng) -> bool:
    return binary_effect(trial_of(rng, clusters=24), "right", "unaided", "aided").difference.p < 0.05


def plain_sandwich_rejects(rng: Rng) -> bool:
    """The wrong one: 24 clusters, no correction, the normal."""
    units = trial_of(rng, clusters=24)
    y = np.array([unit.number("right") for unit in units], np.float64)
    x = np.column_stack([np.ones(len(y)), [float(unit.assigned == "aided") for unit in units]])
    fit = gee(y, x, [unit.cluster for unit in units], link="gaussian")
    return abs(float(fit.coefficient[1] / fit.se("sandwich")[1])) > 1.959964


def independent_units_reject(rng: Rng) -> bool:
    """The wrong one: Miettinen and Nurminen's limits for units, whose clusters were assigned."""
    found = binary_effect(trial_of(rng), "right", "unaided", "aided").unclustered
    return not found.low <= 0 <= found.high


def strata_reject(rng: Rng) -> bool:
    found = interaction(trial_of(rng, strata=True), "right", "aided")
    return found is not None and found.p < 0.05


def reading_times(rng: Rng) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Five readers by fifteen studies by two arms; readers differ in what the arm does, on the mean nothing."""
    reader, study, arm = (grid.ravel() for grid in np.meshgrid(np.arange(5), np.arange(15), np.arange(2), indexing="ij"))
    level, slope, hard = rng.normal(0, 0.3, 5), rng.normal(0, 0.15, 5), rng.normal(0, 0.2, 15)
    return reader, study, arm.astype(float), 4 + level[reader] + hard[study] + arm * slope[reader] + rng.normal(0, 0.25, len(reader))


def times_reject(rng: Rng) -> bool:
    reader, study, arm, log = reading_times(rng)
    terms = [intercept_and_slope("reader", reader, arm, "arm"), intercept("study", study)]
    return mixed_model(log, np.column_stack([np.ones(len(arm)), arm]), terms, names=["one", "arm"]).of("arm").p < 0.05


def independent_times_reject(rng: Rng) -> bool:
    """The wrong one: every pair of reads as independent."""
    _, _, arm, log = reading_times(rng)
    return float(ttest_rel(log[arm == 1], log[arm == 0]).pvalue) < 0.05


def timed_trial(rng: Rng, *, cluster: float, reader: str, clusters: int = 24, size: int = 16) -> list[Unit]:
    """Log seconds of whole clusters in an arm, which does nothing.

    ``cluster`` is their standard deviation beside 0.3 of a unit. Readers are '' (not known), 'crossed' (each reads in many clusters of
    both arms), 'nested' (each cluster has one reader, each reader one arm) or 'few' (clusters of one to three patients).
    """
    units = []
    pace = rng.normal(0, 0.2, 6) if reader else np.zeros(6)
    for k in range(clusters):
        arm, level = ("unaided", "aided")[k % 2], rng.normal(0, cluster)
        for i in range(1 + k % 3 if reader == "few" else size):
            who = int(rng.integers(6)) if reader in ("crossed", "few") else k % 6
            seconds = float(np.exp(4 + level + pace[who] + rng.normal(0, 0.3)))
            name = f"R{who}" if reader else ""
            units.append(Unit(1, f"u{k}-{i}", f"c{k}", "", name, f"s{k}-{i}", arm, arm, "", {"seconds": str(seconds)}))
    return units


def trial_times(cluster: float, reader: str, clusters: int = 24) -> Callable[[Rng], bool]:
    def hit(rng: Rng) -> bool:
        units = timed_trial(rng, cluster=cluster, reader=reader, clusters=clusters)
        return time_effect(units, "seconds", "unaided", "aided").ratio.p < 0.05

    return hit


def times_without_the_cluster_reject(rng: Rng) -> bool:
    """The wrong one: readers alone are random, the clusters that were randomised are forgotten."""
    units = timed_trial(rng, cluster=0.2, reader="crossed")
    arm = np.array([float(unit.assigned == "aided") for unit in units])
    log = np.log([float(unit.values["seconds"]) for unit in units])
    terms = [intercept_and_slope("reader", [unit.reader for unit in units], arm, "arm")]
    return mixed_model(log, np.column_stack([np.ones(len(arm)), arm]), terms, names=["one", "arm"]).of("arm").p < 0.05


def predictive_rejects(rng: Rng) -> bool:
    """Two tests of one sensitivity and specificity, alike in a patient: equal positive predictive values."""
    truth = rng.random(200) < 0.4
    shared = rng.normal(size=200)
    calls = [(np.sqrt(0.5) * shared + np.sqrt(0.5) * rng.normal(size=200) + 1.4 * truth > 0.7).astype(float) for _ in range(2)]
    return generalised_score(truth.astype(float), *calls).p < 0.05


# Bounds of the whole; observed in a first run (at the right) they came from.
CHECKS = {
    "difference of areas, coverage": Check(covers, 0.926, 0.975),  # 0.942
    "missing reads": Check(with_holes(None, 0.25), 0.03, 0.08, 200, 1000),  # 0.059
    "missing reads, U-statistics": Check(with_holes(None, 0.25, method="u"), 0.02, 0.09, 0, 1000),  # 0.069
    "readers of one arm": Check(with_holes(lambda t, r, n: (t, r) not in ((0, 5), (1, 0))), 0.03, 0.08, 0, 1000),  # 0.046
    "macro average, missing reads": Check(macro_rejects, 0.035, 0.075, 0),  # 0.059
    "split-plot": Check(with_holes(lambda t, r, n: n % 2 == r % 2), 0.035, 0.065),  # 0.0495
    "cases nested in readers": Check(with_holes(lambda t, r, n: n % 6 == r, cases=60), 0.033, 0.065, 0),  # 0.047
    "cases nested in arms": Check(with_holes(lambda t, r, n: n % 2 == t, cases=60), 0.027, 0.065, 0),  # 0.041
    "readers nested in arms": Check(with_holes(lambda t, r, n: r % 2 == t), 0.033, 0.065, 0),  # 0.0485
    "the same readers": Check(same_readers_reject, 0.027, 0.06, 0),  # 0.040
    "groups of readers": Check(groups_reject, 0.035, 0.065),  # 0.0485
    "readers who gain alike": Check(spread_rejects, 0.033, 0.065),  # 0.047
    "trial of 24 clusters": Check(few_clusters_reject, 0.04, 0.075, 60),  # 0.058
    "strata of a trial": Check(strata_reject, 0.035, 0.075, 0, 1000),  # 0.064
    "reading time": Check(times_reject, 0.019, 0.086, 0, 400),  # 0.0525
    "trial time, readers crossed": Check(trial_times(0.1, "crossed"), 0.01, 0.083, 0, 400),  # 0.0275
    "trial time, clusters that differ much": Check(trial_times(0.4, "crossed"), 0.017, 0.083, 30, 400),  # 0.0475 at 0.2
    "trial time, clusters alike": Check(trial_times(0.0, "crossed"), 0.0, 0.083, 0, 400),  # 0.0025: nothing varies
    "trial time, readers of one arm": Check(trial_times(0.1, "nested"), 0.02, 0.092, 0, 400),  # 0.0575
    "trial time, no readers": Check(trial_times(0.1, ""), 0.017, 0.083, 60, 1000),  # 0.055 of 400
    "trial time, patients of one to three units": Check(trial_times(0.2, "few", 60), 0.0, 0.083, 0, 400),  # 0.015
    "predictive values": Check(predictive_rejects, 0.035, 0.065),  # 0.057
}

WRONG = {
    "readers drawn, taken as fixed": Check(drawn_readers_reject_as_fixed, 0.12, 1.0, 0, 1000),
    "cases drawn, taken as fixed": Check(drawn_cases_reject_as_fixed, 0.12, 1.0, 0, 1000),
    "plain sandwich of 24 clusters": Check(plain_sandwich_rejects, 0.06, 0.11, 0),
    "units of clusters as independent": Check(independent_units_reject, 0.10, 1.0, 0, 500),
    "trial time without the cluster": Check(times_without_the_cluster_reject, 0.10, 1.0, 0, 400),  # 0.1975
    "reads of one reader as independent": Check(independent_times_reject, 0.12, 1.0, 0),
}


@pytest.mark.parametrize("name", [name for name, check in CHECKS.items() if check.short])
def test_short(name: str) -> None:
    check = CHECKS[name]
    low, high = (bound + sign * 3 * np.sqrt(bound * (1 - bound) / check.short) for bound, sign in ((check.low, -1), (check.high, 1)))
    assert low <= share(check.hit, check.short) <= high


@pytest.mark.slow("evaluate")
@pytest.mark.parametrize("name", [*CHECKS, *WRONG])
def test_whole(name: str, record_property: Callable[[str, object], None]) -> None:
    check = {**CHECKS, **WRONG}[name]
    found = share(check.hit, check.whole)
    record_property("share", found)
    assert check.low <= found <= check.high


def test_miettinen_and_nurminen_cover_by_exact_sum() -> None:
    """Shares 0.9 and 0.75 of 30 each; without the variance inflation (Mee) and by Wald the coverage is lower."""
    weight = np.outer(binom.pmf(np.arange(31), 30, 0.9), binom.pmf(np.arange(31), 30, 0.75))
    likely = np.argwhere(weight > 1e-5)

    def coverage(limits: Callable[[int, int], tuple[float, float]]) -> float:
        held = sum(weight[x, y] for x, y in likely if (ends := limits(int(x), int(y)))[0] <= 0.15 <= ends[1])
        return float(held / weight[tuple(likely.T)].sum())

    def wald(x: int, y: int) -> tuple[float, float]:
        p, q = x / 30, y / 30
        half = 1.959964 * np.sqrt((p * (1 - p) + q * (1 - q)) / 30)
        return p - q - half, p - q + half

    found = coverage(lambda x, y: miettinen_nurminen(x, 30, y, 30))
    assert 0.935 <= found <= 0.97
    assert coverage(wald) < found

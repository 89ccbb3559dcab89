"""Everything recomputed the slow way: loops over pairs, patients and readers, least squares in place of formulas of sums of squares.

No function of the package is used on this side, so an error would have to be made twice, in two ways.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from condyle.evaluate.mrmc import (
    Reads,
    accuracy,
    area_under_roc,
    covariance,
    dorfman_berbaum_metz,
    obuchowski_rockette,
    sensitivity,
    specificity,
    u_statistics,
    versus_readers,
)  # fmt: skip
from condyle.evaluate.mrmc.incomplete import influence_covariance, mean_gain
from condyle.evaluate.mrmc.obuchowski_rockette import Analysis
from tests.evaluate.mrmc.studies import study, without

CLOSE = {"rel": 1e-10, "abs": 1e-13}
Figure = Callable[[np.ndarray, np.ndarray], float]


def area(score: np.ndarray, truth: np.ndarray) -> float:
    """One reader in one arm, the cases that were read; pair by pair."""
    wins = [
        1.0 if up > down else 0.5 if up == down else 0.0
        for up in score[truth & ~np.isnan(score)]
        for down in score[~truth & ~np.isnan(score)]
    ]
    return sum(wins) / len(wins)


def share(of: str) -> Figure:
    def figure(call: np.ndarray, truth: np.ndarray) -> float:
        kept = truth if of == "sensitivity" else ~truth if of == "specificity" else np.ones(len(truth), bool)
        right = call == 1 if of == "sensitivity" else call == 0 if of == "specificity" else call == truth
        return sum(bool(one) for one in right[kept]) / int(kept.sum())

    return figure


def grid(reads: Reads, figure: Figure, without_patient: int | None = None) -> np.ndarray:
    kept = reads.patient != without_patient
    return np.array([[figure(row[kept], reads.truth[kept]) for row in arm] for arm in reads.score])


def left_out(reads: Reads, figure: Figure, patients: list[int]) -> np.ndarray:
    """(k, t, r)."""
    return np.array([grid(reads, figure, patient) for patient in patients])


def takers(reads: Reads, figure: str) -> list[int]:
    """Patients that enter the figure."""
    kept = {"sensitivity": reads.truth, "specificity": ~reads.truth}.get(figure, np.ones(len(reads.truth), bool))
    return sorted(set(reads.patient[kept].tolist()))


def hand_or(values: np.ndarray, jack: np.ndarray) -> dict[str, float]:
    """Obuchowski-Rockette with Hillis' degrees of freedom of crossed figures (t, r) from leave-one-out values (k, t, r)."""
    k, t, r = jack.shape
    cov = np.zeros((t, r, t, r))
    for i, j, a, b in np.ndindex(t, r, t, r):
        cov[i, j, a, b] = (k - 1) / k * sum((jack[:, i, j] - jack[:, i, j].mean()) * (jack[:, a, b] - jack[:, a, b].mean()))
    kinds: dict[tuple[bool, bool], list[float]] = {}
    for i, j, a, b in np.ndindex(t, r, t, r):
        kinds.setdefault((i == a, j == b), []).append(cov[i, j, a, b])
    error, cov1, cov2, cov3 = (float(np.mean(kinds[key])) for key in ((True, True), (False, True), (True, False), (False, False)))
    arm, reader, whole = values.mean(1), values.mean(0), values.mean()
    ms_t = r * sum((one - whole) ** 2 for one in arm) / (t - 1)
    ms_tr = sum((values[i, j] - arm[i] - reader[j] + whole) ** 2 for i in range(t) for j in range(r)) / ((t - 1) * (r - 1))
    ms_r = t * sum((one - whole) ** 2 for one in reader) / (r - 1)
    below = ms_tr + r * max(cov2 - cov3, 0)
    df = below**2 / (ms_tr**2 / ((t - 1) * (r - 1)))
    chi = (t - 1) * ms_t / (error - cov1 + (r - 1) * (cov2 - cov3))
    return {
        "F": ms_t / below, "df": df, "p": float(stats.f.sf(ms_t / below, t - 1, df)), "se": float(np.sqrt(2 / r * below)),
        "cases fixed p": float(stats.f.sf(ms_t / ms_tr, t - 1, (t - 1) * (r - 1))), "readers fixed p": float(stats.chi2.sf(chi, t - 1)),
        "reader": (ms_r - ms_tr) / t - cov1 + cov3, "arm_reader": ms_tr - error + cov1 + cov2 - cov3,
        "error": error, "cov1": cov1, "cov2": cov2, "cov3": cov3,
    }  # fmt: skip


SETTINGS = [(1, 2, 3, 1, 0.0), (2, 3, 5, 1, 0.5), (3, 2, 6, 2, 1.0), (4, 4, 3, 3, 0.25)]


@pytest.mark.parametrize(("seed", "arms", "readers", "per_patient", "step"), SETTINGS)
@pytest.mark.parametrize("metric", ["area", "sensitivity", "specificity", "accuracy"])
def test_obuchowski_rockette_and_hillis(metric: str, seed: int, arms: int, readers: int, per_patient: int, step: float) -> None:
    reads = study(seed, arms=arms, readers=readers, cases=24, per_patient=per_patient, gain=0.4, step=step)
    slow: Figure = area
    if metric != "area":
        reads, slow = reads.called(0.6), share(metric)
    fast = {"area": area_under_roc, "sensitivity": sensitivity, "specificity": specificity, "accuracy": accuracy}[metric](reads)
    values = grid(reads, slow)
    assert fast.value == pytest.approx(values, **CLOSE)
    theirs = hand_or(values, left_out(reads, slow, takers(reads, metric)))
    ours = obuchowski_rockette(fast)
    assert ours.test is not None
    found = {"F": ours.test.statistic, "df": ours.test.df2, "p": ours.test.p, "se": ours.differences[0].se}
    found |= {name: getattr(ours.components, name) for name in ("reader", "arm_reader", "error", "cov1", "cov2", "cov3")}
    for kind in ("readers", "cases"):
        one = obuchowski_rockette(fast, **{kind: "fixed"}).test
        assert one is not None
        if np.isfinite(one.statistic):
            found[f"{kind} fixed p"] = one.p
        else:
            del theirs[f"{kind} fixed p"]
    assert found == pytest.approx(theirs, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_one_arm_alone(seed: int) -> None:
    """(MS(R) + r max(Cov2, 0)) / r, degrees of freedom as Hillis; this arm's data alone."""
    reads = study(seed, arms=2, readers=4, cases=20, step=0.5)
    jack = left_out(reads, area, list(range(20)))
    for i, mean in enumerate(obuchowski_rockette(area_under_roc(reads)).means):
        values, apart = grid(reads, area)[i], jack[:, i] - jack[:, i].mean(0)
        cov = 19 / 20 * apart.T @ apart
        shared = 4 * max(np.mean([cov[a, b] for a in range(4) for b in range(4) if a != b]), 0)
        ms = values.var(ddof=1)
        se, df = np.sqrt((ms + shared) / 4), (ms + shared) ** 2 / (ms**2 / 3)
        assert (mean.contrast.se, mean.contrast.df) == pytest.approx((se, df), **CLOSE)


def projected(y: np.ndarray, columns: list[np.ndarray]) -> float:
    """Sum of squares that columns explain."""
    x = np.column_stack(columns)
    return float(((x @ np.linalg.lstsq(x, y, rcond=None)[0]) ** 2).sum())


@pytest.mark.parametrize("seed", range(2))
def test_pseudovalues_by_least_squares(seed: int) -> None:
    """Dorfman, Berbaum and Metz: sums of squares as what dummy variables explain, each after those before it."""
    reads = study(seed, arms=3, readers=3, cases=12, step=0.5)
    values, jack = grid(reads, area), left_out(reads, area, list(range(12)))
    y = (12 * values - 11 * jack).transpose(1, 2, 0)
    places = dict(zip("TRC", (one.ravel() for one in np.indices(y.shape)), strict=True))
    ones: list[np.ndarray] = [np.ones(y.size)]
    before, table = projected(y.ravel(), ones), {}
    for source in ("T", "R", "C", "TR", "TC", "RC", "TRC"):
        keys = list(zip(*(places[letter].tolist() for letter in source), strict=True))
        ones += [np.array([float(key == level) for key in keys]) for level in sorted(set(keys))]
        after = projected(y.ravel(), ones)
        table[source] = (after - before) / np.prod([{"T": 3, "R": 3, "C": 12}[letter] - 1 for letter in source])
        before = after
    ours = dorfman_berbaum_metz(area_under_roc(reads))
    for line in ours.table:
        assert line.ms == pytest.approx(table[line.source], rel=1e-8, abs=1e-10)
    below = table["TR"] + max(table["TC"] - table["TRC"], 0)
    assert (ours.statistic, ours.df2) == pytest.approx((table["T"] / below, below**2 / (table["TR"] ** 2 / 4)), rel=1e-8)


def wins_of(reads: Reads, arm: int) -> dict[tuple[int, int, int], float]:
    """(reader, positive, negative) -> success, of the pairs that were read."""
    found = {}
    for j, row in enumerate(reads.score[arm]):
        for up, down in itertools.product(np.flatnonzero(reads.truth), np.flatnonzero(~reads.truth)):
            if not np.isnan(row[up] + row[down]):
                found[j, int(up), int(down)] = 1.0 if row[up] > row[down] else 0.5 if row[up] == row[down] else 0.0
    return found


def moments(one: dict[tuple[int, int, int], float], other: dict[tuple[int, int, int], float]) -> tuple[np.ndarray, np.ndarray]:
    """(8,) means of products and shares of all pairs of pairs, by whether reader, positive and negative are the same."""
    sums, counts = np.zeros(8), np.zeros(8)
    for (j, up, down), first in one.items():
        for (b, second_up, second_down), second in other.items():
            kind = 4 * (j != b) + 2 * (up != second_up) + (down != second_down)
            sums[kind] += first * second
            counts[kind] += 1
    return np.divide(sums, counts, out=np.zeros(8), where=counts > 0), counts / counts.sum()


def slow_covariance(one: dict[tuple[int, int, int], float], other: dict[tuple[int, int, int], float]) -> float:
    """Product of two means less the mean product of successes that share neither reader nor case: unbiased for the covariance."""
    mean, _ = moments(one, other)
    return float(np.mean(list(one.values())) * np.mean(list(other.values())) - mean[7])


@pytest.mark.parametrize(("seed", "hole"), [(1, 0.0), (2, 0.2), (3, 0.3)])
def test_u_statistics_by_all_pairs_of_pairs(seed: int, hole: float) -> None:
    reads = study(seed, arms=2, readers=3, cases=10, step=0.5, gain=0.5)
    reads = without(reads, np.random.default_rng(seed).random(reads.score.shape) < hole)
    ours = u_statistics(area_under_roc(reads))
    wins = [wins_of(reads, arm) for arm in (0, 1)]
    for arm, mine in enumerate(ours.arms):
        mean, weight = moments(wins[arm], wins[arm])
        assert mine.moments.unbiased == pytest.approx(mean, **CLOSE)
        assert mine.moments.coefficient + np.eye(8)[7] == pytest.approx(weight, **CLOSE)
        assert (mine.estimate, mine.unbiased.variance) == pytest.approx(
            (np.mean(list(wins[arm].values())), slow_covariance(wins[arm], wins[arm])), **CLOSE
        )
    apart = slow_covariance(wins[0], wins[0]) + slow_covariance(wins[1], wins[1]) - 2 * slow_covariance(wins[0], wins[1])
    assert ours.differences[0].unbiased.variance == pytest.approx(apart, **CLOSE)


@pytest.mark.parametrize("seed", range(2))
def test_a_model_beside_readers(seed: int) -> None:
    reads = study(seed, arms=1, readers=5, cases=20, step=0.5)
    values, jack = grid(reads, area)[0], left_out(reads, area, list(range(20)))[:, 0]
    apart, loose = values[1:] - values[0], jack[:, 1:] - jack[:, [0]]
    loose = loose - loose.mean(0)
    cov = 19 / 20 * loose.T @ loose
    shared, ms = 4 * max(float(cov[~np.eye(4, dtype=bool)].mean()), 0), apart.var(ddof=1)
    ours = versus_readers(area_under_roc(reads), "r0")
    se, df = np.sqrt((ms + shared) / 4), (ms + shared) ** 2 / (ms**2 / 3)
    p = 2 * stats.t.sf(abs(apart.mean()) / se, df)
    assert (ours.difference, ours.se, ours.df, ours.p) == pytest.approx((apart.mean(), se, df, p), rel=1e-9)


@pytest.mark.parametrize("per_patient", [1, 2])
def test_readers_means_with_missing_reads(per_patient: int) -> None:
    """What each patient adds to an area, summed pair by pair; then the single-treatment analysis of the readers' gains."""
    reads = study(5, arms=2, readers=4, cases=24, per_patient=per_patient, step=0.5)
    reads = without(reads, np.random.default_rng(5).random(reads.score.shape) < 0.2)
    t, r, k = 2, 4, len(reads.patients)
    added, used, values = np.zeros((k, t, r)), np.zeros((k, t, r), bool), grid(reads, area)
    for i, j in np.ndindex(t, r):
        own = {(up, down): win for (reader, up, down), win in wins_of(reads, i).items() if reader == j}
        ups, downs = sorted({key[0] for key in own}), sorted({key[1] for key in own})
        for up in ups:
            added[reads.patient[up], i, j] += (np.mean([own[up, down] for down in downs]) - values[i, j]) / len(ups)
        for down in downs:
            added[reads.patient[down], i, j] += (np.mean([own[up, down] for up in ups]) - values[i, j]) / len(downs)
        used[reads.patient[ups], i, j] = used[reads.patient[downs], i, j] = True
    flat, there = added.reshape(k, -1), used.reshape(k, -1)
    cov = np.zeros((t * r, t * r))
    for a, b in np.ndindex(t * r, t * r):
        both = int((there[:, a] & there[:, b]).sum())
        cov[a, b] = (flat[:, a] * flat[:, b]).sum() * both / (both - 1)
    figures = area_under_roc(reads)
    assert influence_covariance(figures) == pytest.approx(cov, **CLOSE)
    four = cov.reshape(t, r, t, r)
    gains = values[1] - values[0]
    of_gain = np.array([
        [four[1, a, 1, b] + four[0, a, 0, b] - four[0, a, 1, b] - four[1, a, 0, b] for b in range(r)] for a in range(r)
    ])  # fmt: skip
    shared, ms = r * max(float(of_gain[~np.eye(r, dtype=bool)].mean()), 0), gains.var(ddof=1)
    ours = mean_gain(figures, "arm0", "arm1")
    df = (ms + shared) ** 2 / (ms**2 / (r - 1))
    assert (ours.estimate, ours.se, ours.df) == pytest.approx((gains.mean(), np.sqrt((ms + shared) / r), df), rel=1e-9)


def masked(design: str, cases: int = 40) -> tuple[Reads, np.ndarray]:
    """A study of a design, and which readers share cases (block of each)."""
    readers, arms = {"three arms": (4, 3), "unequal blocks": (7, 2), "split-plot": (6, 2)}.get(design, (6, 2))
    reads = study(9, arms=arms, readers=readers, cases=cases)
    block = np.zeros(readers, int)
    gone = np.zeros((arms, readers, cases), bool)
    part = np.arange(cases) // 2
    if design in ("split-plot", "unequal blocks"):
        block = np.array([0, 0, 0, 1, 1, 1] if design == "split-plot" else [0, 0, 1, 1, 1, 1, 1])
        gone[:] = part % 2 != block[:, None]
    elif design == "cases nested in readers":
        block = np.arange(readers)
        gone[:] = part % readers != block[:, None]
    elif design.startswith("readers nested"):
        gone[0, (2 if "unequal" in design else 3) :], gone[1, : (2 if "unequal" in design else 3)] = True, True
    elif design == "cases nested in arms":
        gone[0, :, part % 2 == 0], gone[1, :, part % 2 == 1] = True, True
    return without(reads, gone), block


@pytest.mark.parametrize(
    "design",
    ["crossed", "three arms", "split-plot", "unequal blocks", "cases nested in readers", "cases nested in arms", "readers nested in arms",
     "readers nested in arms, unequal"],
)  # fmt: skip
def test_the_error_of_a_difference_is_its_variance_on_average(design: str) -> None:
    """With known components, the mean of 2 / r x denominator is the variance of the difference, exactly.

    A mean square is a quadratic form y'Qy, so its mean under Obuchowski and Rockette's model is its sum over the columns of any root of
    the covariance of the figures.
    """
    reads, block = masked(design)
    figures = area_under_roc(reads)
    t, r = figures.value.shape
    there = ~np.isnan(figures.value)
    reader, arm_reader, error, cov1, cov2, cov3 = 0.004, 0.002, 0.010, 0.006, 0.005, 0.003
    apart_cases = design == "cases nested in arms"
    errors, effects = np.zeros((t, r, t, r)), np.zeros((t, r, t, r))
    for i, j, a, b in np.ndindex(t, r, t, r):
        if block[j] == block[b] and not (apart_cases and i != a):
            errors[i, j, a, b] = {(True, True): error, (False, True): cov1, (True, False): cov2, (False, False): cov3}[i == a, j == b]
        effects[i, j, a, b] = (j == b) * (reader + (i == a) * arm_reader)
    matrix, total = errors.reshape(t * r, t * r), (errors + effects).reshape(t * r, t * r)

    def analysed(y: np.ndarray) -> Analysis:
        values = np.where(there, y.reshape(t, r), np.nan)
        return obuchowski_rockette(replace(figures, value=values), covariance=matrix)

    mean_square = 0.0
    for column in np.linalg.cholesky(total + 1e-15 * np.eye(t * r)).T:
        test = analysed(column).test
        assert test is not None
        mean_square += test.ms_arm_reader
    y = np.random.default_rng(0).normal(size=t * r)
    one = analysed(y)
    assert one.test is not None
    weight = (there / there.sum(1, keepdims=True) * np.array([1.0, -1.0, 0.0][:t])[:, None]).ravel()
    truly = float(weight @ total @ weight)
    # se^2 of this y with its own mean square exchanged for the mean of mean squares
    scale = 1 / there[0].sum() + 1 / there[1].sum()
    assert one.differences[0].se ** 2 + scale * (mean_square - one.test.ms_arm_reader) == pytest.approx(truly, rel=1e-9)


def test_a_jackknife_covariance_of_several_cases_a_patient_is_over_patients() -> None:
    reads = study(6, arms=2, readers=2, cases=24, per_patient=2, step=0.5)
    jack = left_out(reads, area, list(range(12))).reshape(12, -1)
    apart = jack - jack.mean(0)
    assert covariance(area_under_roc(reads)) == pytest.approx(11 / 12 * apart.T @ apart, **CLOSE)

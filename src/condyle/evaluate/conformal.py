"""Split-conformal prediction sets: a promised coverage without trust in the model, as long as patients are exchangeable."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import t

from condyle.errors import InputError
from condyle.evaluate.estimate import Estimate, cut
from condyle.evaluate.proportion import clustered_proportion, proportion

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Conformal:
    """A calibrated cut-off.

    Parameters
    ----------
    cut : a class is in the set when its nonconformity 1 - p is at or below; inf when too few patients calibrated
    alpha : promised miss rate; patients : that calibrated it
    """

    cut: float
    alpha: float
    patients: int

    def sets(self, probability: ArrayLike) -> NDArray[np.bool_]:
        """(n, classes) membership from (n, classes) probabilities."""
        return np.asarray(1 - np.asarray(probability, np.float64) <= self.cut)

    @property
    def expected_coverage(self) -> float:
        """Exact mean coverage of continuous scores: ceil((n + 1)(1 - alpha)) / (n + 1)."""
        return min(1.0, math.ceil((self.patients + 1) * (1 - self.alpha)) / (self.patients + 1))


def calibrate_conformal(truth: ArrayLike, probability: ArrayLike, clusters: ArrayLike, *, alpha: float = 0.1) -> Conformal:
    """Cut-off from calibration data, one number a patient: its least conforming unit.

    Parameters
    ----------
    truth : (n,) class numbers; probability : (n, classes); clusters : (n,) patients
    alpha : miss rate. The coverage promised is then of whole patients; units of one patient are not exchangeable

    Source: Vovk, Gammerman & Shafer 2005; the order statistic ceil((n + 1)(1 - alpha)).
    """
    if not 0 < alpha < 1:
        raise InputError(
            "statistics-level", "The miss rate must lie between 0 and 1.",
            what_to_do="Write 0.1 for sets that may miss one patient in ten.",
        )  # fmt: skip
    share, true = np.asarray(probability, np.float64), np.asarray(truth, np.intp)
    if share.ndim != 2 or len(share) != len(true) or not ((true >= 0) & (true < share.shape[1])).all():
        raise InputError(
            "statistics-shape", "Probabilities must be (units, classes), and truth a class number of each unit.",
            what_to_do="Give a row of probabilities, one a class, for each unit.",
        )  # fmt: skip
    away = 1 - share[np.arange(len(true)), true]
    labels, place = np.unique(np.asarray(clusters), return_inverse=True)
    worst = np.full(len(labels), -np.inf)
    np.maximum.at(worst, place, away)
    rank = math.ceil((len(labels) + 1) * (1 - alpha) - 1e-9)
    return Conformal(float(np.sort(worst)[rank - 1]) if rank <= len(labels) else float("inf"), alpha, len(labels))


@dataclass(frozen=True, slots=True)
class SetReport:
    """Coverage of whole patients, mean size of sets, share of empty sets, on data that calibrated nothing."""

    coverage: Estimate
    mean_size: Estimate
    empty: Estimate


def judge_sets(truth: ArrayLike, member: ArrayLike, clusters: ArrayLike, *, level: float = 0.95) -> SetReport:
    """How sets did; call it for each class and site too, where exchangeability fails first.

    Coverage: Clopper-Pearson over patients. Size and empty sets are of units: ratio estimators over patients, t.
    """
    sets, true = np.asarray(member, bool), np.asarray(truth, np.intp)
    hit = sets[np.arange(len(true)), true]
    labels, place = np.unique(np.asarray(clusters), return_inverse=True)
    covered = np.bincount(place, hit) == np.bincount(place)
    sizes = sets.sum(axis=1)
    coverage = proportion("coverage", int(covered.sum()), len(labels), level=level, interval="exact")
    empty = clustered_proportion("share of empty sets", sizes == 0, place, level=level)
    return SetReport(coverage, _mean_size(sizes, place, sets.shape[1], level), empty)


def _mean_size(sizes: NDArray[np.intp], place: NDArray[np.intp], classes: int, level: float) -> Estimate:
    """Mean of units with an error over patients, as ``clustered_proportion`` has it for shares; limits from 0 to all classes."""
    patients, n = int(place.max()) + 1 if len(place) else 0, len(sizes)
    if patients < 2:
        value = float(sizes.mean()) if n else float("nan")
        return Estimate("mean set size", value, n=n, clusters=patients, level=level, warnings=("Fewer than two patients: no interval.",))
    mean = float(sizes.mean())
    residual = np.bincount(place, sizes) - mean * np.bincount(place)
    se = float(np.sqrt(patients / (patients - 1) * (residual**2).sum()) / n)
    half = float(t.ppf(0.5 + level / 2, patients - 1)) * se
    words = "ratio estimator over patients, t"
    made = Estimate("mean set size", mean, mean - half, mean + half, words, n, clusters=patients, level=level, se=se, df=patients - 1)
    return cut(made, 0.0, classes)


@dataclass(frozen=True, slots=True, eq=False)
class RiskCoverage:
    """Share of wrong answers among the surest units, from the surest alone to all; ties enter together."""

    coverage: Floats
    risk: Floats

    @property
    def area(self) -> float:
        """Mean risk over coverage (AURC); lower is better."""
        return float((np.diff(np.r_[0.0, self.coverage]) * self.risk).sum())


def risk_coverage(right: ArrayLike, confidence: ArrayLike) -> RiskCoverage:
    """Curve of (n,) right answers 0 or 1 and how sure the reader was. Source: Geifman & El-Yaniv, NeurIPS 2017."""
    wrong, sure = 1 - np.asarray(right, np.float64), np.asarray(confidence, np.float64)
    levels, place = np.unique(-sure, return_inverse=True)
    count = np.cumsum(np.bincount(place, minlength=len(levels)))
    return RiskCoverage(count / len(wrong), np.cumsum(np.bincount(place, wrong, len(levels))) / count)

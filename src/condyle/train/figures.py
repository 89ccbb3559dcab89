"""The figures of a card: end to end over every graded level, with what the level alone would reach beside them.

A level that was not found counts as a miss: its score is the level's prevalence in the training patients, its grade is
wrong. Left out are only levels whose study lacks the series that the finding needs; how many is said.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from condyle.anatomy.lumbar import LUMBAR
from condyle.evaluate.agreement import balanced_accuracy, off_by_more_than_one, quadratic_kappa
from condyle.evaluate.bootstrap import Interval, Metric, patient_bootstrap
from condyle.evaluate.calibration import brier, brier_skill, calibration_error, fit_platt, logit
from condyle.evaluate.ranking import auroc, auroc_within_groups


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """One finding over all levels that count, one row a level.

    Parameters
    ----------
    truth : 0 or 1 (ordinal: grade 4 or worse); score : of the reader, prevalence where it missed the level
    prior : score of the level alone, from the training patients
    grade, true_grade : of ordinal findings; NaN grade when missed
    forced : the reader's call (0 or 1) at its threshold; NaN when missed
    called : the same, NaN inside the band too
    """

    patients: NDArray[np.str_]
    levels: NDArray[np.str_]
    truth: NDArray[np.float64]
    score: NDArray[np.float64]
    prior: NDArray[np.float64]
    missed: NDArray[np.bool_]
    grade: NDArray[np.float64]
    true_grade: NDArray[np.float64]
    forced: NDArray[np.float64]
    called: NDArray[np.float64]
    left_out: int


def figures_of(judged: Mapping[str, Judged], *, resamples: int = 2000, seed: int = 0) -> dict[str, Any]:
    """finding -> its figures with patient-bootstrap intervals; and the mean of the two end plates over the same draws."""
    found = {finding: figure(finding, one, resamples=resamples, seed=seed) for finding, one in judged.items()}
    if {"upper_endplate", "lower_endplate"} <= set(judged):
        found["endplates_mean"] = _endplates(judged["upper_endplate"], judged["lower_endplate"], resamples, seed)
    return found


def figure(finding: str, one: Judged, *, resamples: int, seed: int) -> dict[str, Any]:
    """The figures of one finding."""
    truth, score, prior, levels = one.truth, one.score, one.prior, one.levels
    metrics: dict[str, Metric] = {
        "auroc": lambda w: auroc(truth, score, w),
        "auroc_level_only": lambda w: auroc(truth, prior, w),
        "auroc_minus_level_only": lambda w: auroc(truth, score, w) - auroc(truth, prior, w),
        "auroc_within_level": lambda w: auroc_within_groups(truth, score, levels, w),
        "brier": lambda w: brier(truth, score, w),
        "brier_skill_over_level": lambda w: brier_skill(truth, score, prior, w),
        "calibration_slope": lambda w: fit_platt(truth, logit(score), w)[0],
    }
    decided = ~np.isnan(one.called)
    metrics |= {
        "sensitivity": lambda w: _share(one.called == 1, (truth == 1) & (decided | one.missed), w),
        "specificity": lambda w: _share(one.called == 0, (truth == 0) & (decided | one.missed), w),
        "decided": lambda w: _share(decided, ~one.missed, w),
        "error_decided": lambda w: _share(one.called != truth, decided, w),
        "error_if_all_were_decided": lambda w: _share(one.forced != truth, ~one.missed, w),
    }
    scale = LUMBAR.finding(finding).scale
    if scale is not None:
        given = wrong_where_missed(one.grade, one.true_grade, scale.steps)
        metrics |= {
            "quadratic_kappa": lambda w: quadratic_kappa(one.true_grade, given, scale.steps, w),
            "balanced_accuracy": lambda w: balanced_accuracy(one.true_grade, given, scale.steps, w),
            "off_by_more_than_one": lambda w: off_by_more_than_one(one.true_grade, given, w),
        }
    intervals = patient_bootstrap(metrics, one.patients, n=resamples, seed=seed)
    return {
        "n": len(truth), "positives": int(truth.sum()), "patients": len(np.unique(one.patients)), "found": int((~one.missed).sum()),
        "coverage": float(1 - one.missed.mean()), "left_out_without_series": one.left_out,
        "uncertain": int((np.isnan(one.called) & ~one.missed).sum()),
        "calibration_error_debiased": calibration_error(truth, score),
        **{name: _plain(value) for name, value in intervals.items()},
    }  # fmt: skip


def wrong_where_missed(grade: NDArray[np.floating], truth: NDArray[np.floating], steps: Sequence[int]) -> NDArray[np.float64]:
    """Grades with each missing one replaced by a wrong one: the next worse step, or the next milder for the worst.

    A miss is never counted right; it is not counted as the largest possible error either.
    """
    beside = np.where(truth < steps[-1], truth + 1, truth - 1)
    return np.where(np.isnan(grade), beside, grade)


def _plain(interval: Interval) -> dict[str, Any]:
    """What of an interval goes into a record: all but its resamples."""
    return {name: value for name, value in asdict(interval).items() if name not in ("replicates", "bias")}


def _share(right: NDArray[np.bool_], among: NDArray[np.bool_], weights: NDArray[np.float64]) -> float:
    whole = float(weights[among].sum())
    return float(weights[among & right].sum() / whole) if whole else float("nan")


def _endplates(upper: Judged, lower: Judged, resamples: int, seed: int) -> dict[str, Any]:
    both = {
        "auroc": lambda w: (auroc(upper.truth, upper.score, w) + auroc(lower.truth, lower.score, w)) / 2,
        "auroc_within_level": lambda w: (
            auroc_within_groups(upper.truth, upper.score, upper.levels, w) + auroc_within_groups(lower.truth, lower.score, lower.levels, w)
        ) / 2,
    }  # fmt: skip
    intervals = patient_bootstrap(both, upper.patients, n=resamples, seed=seed)
    return {"n": len(upper.truth), **{name: _plain(value) for name, value in intervals.items()}}

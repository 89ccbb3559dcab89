"""Calibration and thresholds, from scores of patients that the heads behind them did not train on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from condyle.anatomy.lumbar import LUMBAR
from condyle.evaluate.calibration import fit_platt
from condyle.readers.lumbar.grade import missing_input, outputs_of, score_column
from condyle.train.thresholds import threshold_of, undecided_band

MEDIAN = "the median of the grades' probabilities is a high grade"
_FEWEST = 5  # positives and negatives below which no slope is fitted

Calibration = dict[str, list[list[float]]]


def assessable(present: NDArray[np.bool_], slots: Sequence[str], findings: Sequence[str]) -> NDArray[np.bool_]:
    """[row, finding] whether the inputs at hand allow each finding to be assessed.

    Parameters
    ----------
    present : [row, slot] - crops found (what was read), or series offered (what could be)
    """
    out = np.zeros((len(present), len(findings)), bool)
    for row, own in enumerate(present.tolist()):
        here = dict(zip(slots, own, strict=True))
        out[row] = [not missing_input(finding, here) for finding in findings]
    return out


def fit_calibration(
    logits: NDArray[np.float64], targets: NDArray[np.floating], usable: NDArray[np.bool_], findings: Sequence[str]
) -> Calibration:
    """Platt's slope and intercept for every logit.

    Parameters
    ----------
    logits, targets : [row, output], out-of-fold; targets NaN where unknown
    usable : [row, finding] of ``assessable``

    Returns
    -------
    finding -> one [slope, intercept] a step. With fewer than five positives or negatives, or a falling slope, the logits
    are left as they are.
    """
    found: Calibration = {finding: [] for finding in findings}
    for at, (finding, _) in enumerate(outputs_of(findings)):
        rows = usable[:, list(findings).index(finding)] & ~np.isnan(targets[:, at]) & np.isfinite(logits[:, at])
        truth = targets[rows, at]
        pair = [1.0, 0.0]
        if min(truth.sum(), (1 - truth).sum()) >= _FEWEST:
            slope, intercept = fit_platt(truth, logits[rows, at])
            if slope > 0:
                pair = [float(slope), float(intercept)]
        found[finding].append(pair)
    return found


def fit_thresholds(
    scores: NDArray[np.float64], targets: NDArray[np.floating], usable: NDArray[np.bool_], findings: Sequence[str], undecided: float
) -> dict[str, dict[str, Any]]:
    """Threshold and band of every finding, on calibrated out-of-fold scores.

    A grade is high from the half on, as its median is: only its band is chosen.

    Returns
    -------
    finding -> value, rule, band (low, high) of scores to be called uncertain: the share ``undecided`` of levels whose log odds
    lie nearest to the threshold's.
    """
    chosen: dict[str, dict[str, Any]] = {}
    for column, finding in enumerate(findings):
        at = score_column(findings, finding)
        rows = usable[:, column] & ~np.isnan(targets[:, at]) & np.isfinite(scores[:, at])
        if LUMBAR.finding(finding).scale:
            chosen[finding] = {"value": 0.5, "band": undecided_band(scores[rows, at], 0.5, undecided), "rule": MEDIAN}
            continue
        chosen[finding] = threshold_of(targets[rows, at], scores[rows, at], "youden", 0.0, undecided)
    return chosen


def level_shares(levels: Sequence[str], targets: NDArray[np.floating], findings: Sequence[str]) -> dict[str, Mapping[str, float]]:
    """finding -> level -> share of positives among training rows; the empty level holds the share over all levels.

    Shares of a level are drawn towards that of all levels by one row's weight, so a level seen twice is not certain.
    """
    found: dict[str, Mapping[str, float]] = {}
    names = np.asarray(levels)
    for finding in findings:
        truth = targets[:, score_column(findings, finding)]
        whole = float(np.nanmean(truth)) if np.isfinite(truth).any() else 0.5
        own = {"": whole}
        for level in np.unique(names):
            here = truth[(names == level) & ~np.isnan(truth)]
            own[str(level)] = float((here.sum() + whole) / (len(here) + 1))
        found[finding] = own
    return found

"""Calibration and thresholds, from scores of patients that the heads behind them did not train on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from condyle.anatomy.lumbar import LUMBAR
from condyle.evaluate.calibration import fit_platt, logit
from condyle.readers.lumbar.grade import HIGH_GRADE, missing_input, outputs_of

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


def score_column(findings: Sequence[str], finding: str) -> int:
    """Index of the logit that is the finding's score: of an ordinal finding "grade 4 or worse"."""
    step = HIGH_GRADE if LUMBAR.finding(finding).scale else 1
    return outputs_of(findings).index((finding, step))


def youden(truth: NDArray[np.floating], score: NDArray[np.floating]) -> float:
    """The threshold with the largest sensitivity + specificity - 1; halfway to the next lower score.

    Source: Youden, Cancer 1950;3:32-35. Ties go to the higher threshold. 0.5 when a class is absent.
    """
    positives, negatives = float(truth.sum()), float((1 - truth).sum())
    if not positives or not negatives:
        return 0.5
    values = np.unique(score)[::-1]
    gain = [truth[score >= value].sum() / positives - (1 - truth[score >= value]).sum() / negatives for value in values]
    best = int(np.argmax(gain))
    lower = values[best + 1] if best + 1 < len(values) else values[best]
    return float((values[best] + lower) / 2)


def fit_thresholds(
    scores: NDArray[np.float64], targets: NDArray[np.floating], usable: NDArray[np.bool_], findings: Sequence[str], undecided: float
) -> dict[str, dict[str, Any]]:
    """Threshold and band of every binary finding, on calibrated out-of-fold scores.

    Returns
    -------
    finding -> value, rule, band (low, high) of scores to be called uncertain: the share ``undecided`` of levels whose log odds
    lie nearest to the threshold's.
    """
    chosen: dict[str, dict[str, Any]] = {}
    for column, finding in enumerate(findings):
        if LUMBAR.finding(finding).scale:
            continue
        at = score_column(findings, finding)
        rows = usable[:, column] & ~np.isnan(targets[:, at]) & np.isfinite(scores[:, at])
        value = youden(targets[rows, at], scores[rows, at])
        middle = float(logit(value))
        away = np.abs(logit(scores[rows, at]) - middle)
        band = float(np.quantile(away, undecided)) if undecided and len(away) else 0.0
        reach = tuple(1 / (1 + np.exp(-(middle + side * band))) for side in (-1, 1))
        chosen[finding] = {
            "value": value, "band": [float(reach[0]), float(reach[1])],
            "rule": "largest sensitivity + specificity on inner held-out patients of the training set (Youden 1950)",
        }  # fmt: skip
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

"""Thresholds by rule, on scores of studies that took no part in training."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from condyle.evaluate.calibration import logit

Floats = NDArray[np.floating]

RULES = {
    "youden": "largest sensitivity + specificity on held-out patients of the training set (Youden 1950)",
    "sensitivity": "highest threshold with a sensitivity of at least {value:g} on held-out patients of the training set",
    "specificity": "lowest threshold with a specificity of at least {value:g} on held-out patients of the training set",
    "cost": "least cost on held-out patients of the training set, a miss costing {value:g} false alarms",
}


def choose_threshold(truth: Floats, score: Floats, rule: str = "youden", value: float = 0.9) -> float:
    """The threshold of a rule, halfway to the next lower score; 0.5 when a class is absent.

    Parameters
    ----------
    truth : 0 or 1; score : calibrated
    rule : of ``RULES``; among equals the higher threshold wins
    """
    positives, negatives = float(truth.sum()), float((1 - truth).sum())
    if not positives or not negatives:
        return 0.5
    cuts = np.unique(score)[::-1]
    hit = np.array([truth[score >= cut].sum() for cut in cuts]) / positives
    spared = 1 - np.array([(1 - truth[score >= cut]).sum() for cut in cuts]) / negatives
    if rule == "sensitivity":
        best = int(np.argmax(hit >= value - 1e-12))
    elif rule == "specificity":
        # The lowest cut that still spares enough; the first cut where none does.
        best = max([number for number, share in enumerate(spared) if share >= value - 1e-12], default=0)
    elif rule == "cost":
        best = int(np.argmin(value * positives * (1 - hit) + negatives * (1 - spared)))
    else:
        best = int(np.argmax(hit + spared))
    lower = cuts[best + 1] if best + 1 < len(cuts) else cuts[best]
    return float((cuts[best] + lower) / 2)


def undecided_band(score: Floats, threshold: float, share: float) -> list[float]:
    """[low, high] scores to be called uncertain: the share of scores whose log odds lie nearest to the threshold's."""
    middle = float(logit(threshold))
    away = np.abs(logit(score) - middle)
    reach = float(np.quantile(away, share)) if share and len(away) else 0.0
    return [float(1 / (1 + np.exp(-(middle + side * reach)))) for side in (-1, 1)]


def threshold_of(truth: Floats, score: Floats, rule: str, value: float, undecided: float) -> dict[str, Any]:
    """value, band and rule as a package states them."""
    chosen = choose_threshold(truth, score, rule, value)
    return {"value": chosen, "band": undecided_band(score, chosen, undecided), "rule": RULES[rule].format(value=value)}

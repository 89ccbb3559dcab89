"""What acting on a score is worth at each threshold: net benefit against treating all or none."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import ArrayLike, NDArray

from condyle.errors import InputError
from condyle.evaluate.bootstrap import Interval, patient_bootstrap
from condyle.evaluate.estimate import binary
from condyle.evaluate.recalibration import probabilities

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class DecisionCurve:
    """Each array is (thresholds,).

    Parameters
    ----------
    net_benefit, treat_all : TP / n - FP / n t / (1 - t); treating none is 0
    standardised : net benefit / prevalence
    avoided : interventions avoided per unit against treating all, at no loss
    """

    thresholds: Floats
    net_benefit: Floats
    treat_all: Floats
    standardised: Floats
    avoided: Floats


def decision_curve(truth: ArrayLike, score: ArrayLike, thresholds: ArrayLike, weights: ArrayLike | None = None) -> DecisionCurve:
    """Net benefit at thresholds in [0, 1); a unit is treated when its score is at or above.

    A score of exactly 0 is never treated, so that a yes-or-no test keeps its own calls at a threshold of 0 (as dcurves).

    Source: Vickers & Elkin, Med Decis Making 2006;26:565-574; standardised: Kerr et al., JCO 2016;34:2534-2540.
    """
    y = binary(truth)
    p = probabilities(score, y)
    at = np.atleast_1d(np.asarray(thresholds, np.float64))
    if ((at < 0) | (at >= 1)).any():
        raise InputError(
            "statistics-threshold", "A decision threshold is at least 0 and below 1.", why="Net benefit diverges towards 1.",
            what_to_do="Give thresholds below 1, such as 0.01 to 0.99.",
        )  # fmt: skip
    weight = np.ones(len(y)) if weights is None else np.asarray(weights, np.float64)
    whole = weight.sum()
    odds = at / (1 - at)
    treated = (p[:, None] >= at) & (p[:, None] > 0)
    hits, false = (weight * y) @ treated / whole, (weight * ~y) @ treated / whole
    prevalence = float(weight @ y / whole)
    benefit, everyone = hits - false * odds, prevalence - (1 - prevalence) * odds
    with np.errstate(divide="ignore", invalid="ignore"):
        avoided = (benefit - everyone) / odds
        standardised = benefit / prevalence if prevalence else np.full(len(at), np.nan)
    return DecisionCurve(at, benefit, everyone, np.asarray(standardised), avoided)


def benefit_over_default(
    truth: ArrayLike, score: ArrayLike, thresholds: ArrayLike, clusters: ArrayLike, *, n: int = 2000, seed: int = 0
) -> list[Interval]:
    """Net benefit of the score minus that of the better of treating all and none, at each threshold, over patients.

    An interval of each curve alone says nothing about their difference; this one does.
    """
    y = binary(truth)
    at = np.atleast_1d(np.asarray(thresholds, np.float64))

    def gain(place: int, weights: Floats) -> float:
        curve = decision_curve(y, score, at[place : place + 1], weights)
        return float(curve.net_benefit[0] - max(curve.treat_all[0], 0.0))

    metrics = {str(place): partial(gain, place) for place in range(len(at))}
    found = patient_bootstrap(metrics, clusters, n=n, seed=seed)
    return [found[str(place)] for place in range(len(at))]

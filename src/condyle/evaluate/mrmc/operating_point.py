"""The model at the readers' specificity: a comparison of sensitivities where readers and model give the same number of false alarms."""

from __future__ import annotations

import numpy as np

from condyle.errors import InputError
from condyle.evaluate.estimate import Estimate
from condyle.evaluate.mrmc.reads import Reads


def at_readers_specificity(model: Reads, readers: Reads, *, n: int = 2000, seed: int = 0, level: float = 0.95) -> tuple[Estimate, Estimate]:
    """Sensitivity of the model where its specificity is at least the readers' mean, and its difference from the readers' mean.

    The threshold is found anew in every resample of patients, readers' calls and model's scores together; so the interval
    holds the doubt about the operating point. These readers only: they are fixed.

    Parameters
    ----------
    model : scores of one arm and one reader, the model
    readers : decisions (0, 1) of one arm, the same cases in the same order

    Returns
    -------
    (sensitivity of the model, model - mean of the readers)

    Raises
    ------
    InputError - other cases, a missing read, or only one class
    """
    if model.score.shape[:2] != (1, 1) or len(readers.arms) != 1 or model.cases != readers.cases:
        raise InputError("operating-point", "One model and one arm of readers with the same cases are needed.")
    if not (model.read.all() and readers.read.all()):
        raise InputError("operating-point-missing", "The model and every reader must have read the same cases.")
    score, calls, ill = model.score[0, 0], readers.score[0], readers.truth
    if ill.all() or not ill.any():
        raise InputError("operating-point-class", "Positive and negative cases are needed.")
    order = np.argsort(score, kind="stable")
    count = len(model.patients)
    rng = np.random.default_rng(seed)
    draws = []
    for _ in range(n):
        weights = np.bincount(rng.integers(count, size=count), minlength=count)[readers.patient].astype(np.float64)
        if (weights @ ill) > 0 and (weights @ ~ill) > 0:
            draws.append(_point(score, order, calls, ill, weights))
    whole = _point(score, order, calls, ill, np.ones(len(ill)))
    tail = (1 - level) / 2
    grid = np.array(draws)
    few = () if len(draws) >= 0.9 * n else ("More than a tenth of the resamples had one class: no interval.",)
    found = []
    for place, name in enumerate(("sensitivity at the readers' specificity", "difference from the readers' mean sensitivity")):
        low, high = np.quantile(grid[:, place], (tail, 1 - tail)) if not few else (np.nan, np.nan)
        found.append(Estimate(
            name, float(whole[place]), float(low), float(high), "percentile bootstrap of patients, threshold chosen anew, readers fixed",
            len(ill), int(ill.sum()), count, level, float(grid[:, place].std(ddof=1)), resamples=len(draws), drawn=n, seed=seed,
            warnings=few,
        ))  # fmt: skip
    return found[0], found[1]


def _point(score: np.ndarray, order: np.ndarray, calls: np.ndarray, ill: np.ndarray, weights: np.ndarray) -> tuple[float, float]:
    """(sensitivity of the model at the lowest threshold whose specificity reaches the readers' mean, that less the readers' mean)."""
    well = weights * ~ill
    specificity = float(((1 - calls) @ well).mean() / well.sum())
    sensitivity = float((calls @ (weights * ill)).mean() / (weights @ ill))
    below = np.cumsum(well[order]) / well.sum()
    ranked = score[order]
    place = int(np.searchsorted(below, specificity - 1e-12))
    limit = ranked[min(place, len(ranked) - 1)] if specificity > 0 else -np.inf  # positive: strictly above the limit
    own = float((weights * ill) @ (score > limit) / (weights @ ill))
    return own, own - sensitivity

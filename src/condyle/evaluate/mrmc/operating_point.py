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
        raise InputError(
            "operating-point", "One model and one arm of readers with the same cases are needed.",
            what_to_do="Choose one arm, and the cases that the model and the readers share.",
        )  # fmt: skip
    if not (model.read.all() and readers.read.all()):
        raise InputError(
            "operating-point-missing", "The model and every reader must have read the same cases.",
            what_to_do="Compare on the cases that all have read, and report how many that leaves out.",
        )  # fmt: skip
    score, calls, ill = model.score[0, 0], readers.score[0], readers.truth
    if ill.all() or not ill.any():
        raise InputError(
            "operating-point-class", "Positive and negative cases are needed.", what_to_do="Leave this finding out, and say so."
        )
    order = np.argsort(score, kind="stable")
    count = len(model.patients)
    rng = np.random.default_rng(seed)
    times = np.array([np.bincount(rng.integers(count, size=count), minlength=count) for _ in range(n)], np.float64)[:, readers.patient]
    times = times[(times @ ill > 0) & (times @ ~ill > 0)]
    grid = _points(score, order, calls, ill, times)
    whole = _points(score, order, calls, ill, np.ones((1, len(ill))))[0]
    tail = (1 - level) / 2
    few = () if len(grid) >= 0.9 * n else ("More than a tenth of the resamples had one class: no interval.",)
    found = []
    for place, name in enumerate(("sensitivity at the readers' specificity", "difference from the readers' mean sensitivity")):
        low, high = np.quantile(grid[:, place], (tail, 1 - tail)) if not few else (np.nan, np.nan)
        found.append(Estimate(
            name, float(whole[place]), float(low), float(high), "percentile bootstrap of patients, threshold chosen anew, readers fixed",
            len(ill), int(ill.sum()), count, level, float(grid[:, place].std(ddof=1)), resamples=len(grid), drawn=n, seed=seed,
            warnings=few,
        ))  # fmt: skip
    return found[0], found[1]


def _points(score: np.ndarray, order: np.ndarray, calls: np.ndarray, ill: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(b, 2): sensitivity of the model at the lowest threshold whose specificity reaches the readers' mean, that less the readers' mean.

    ``weights`` is (b, n). The model calls positive what lies strictly above a score; ``limit`` is that score.
    """
    well, sick = weights * ~ill, weights * ill
    specificity = (well @ (1 - calls).T).mean(1) / well.sum(1)
    sensitivity = (sick @ calls.T).mean(1) / sick.sum(1)
    below = np.cumsum(well[:, order], axis=1) / well.sum(1)[:, None]
    place = (below < specificity[:, None] - 1e-12).sum(1)
    limit = np.where(specificity > 0, score[order][np.minimum(place, len(score) - 1)], -np.inf)
    own = (sick * (score[None] > limit[:, None])).sum(1) / sick.sum(1)
    return np.column_stack([own, own - sensitivity])

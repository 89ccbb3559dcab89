"""A small linear classifier for the audit: can this be told from that at all? Scores of held-out studies by ridge regression.

Words become one column each, numbers a column and the sixths of their distribution, so that a setting that is high at one site and in
the middle at another is seen as well. What is fitted (columns, sixths, means, penalty, weights) is fitted on the training folds alone.

Source of the penalty: leave-one-out residuals in closed form (Allen, Technometrics 1974;16:125-127).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Facts = Mapping[str, float | str]

_LEAST = 3  # training studies that must share a word
_PENALTIES = (1.0, 10.0, 100.0, 1000.0, 10000.0)


def held_out_scores(facts: Sequence[Facts], targets: Floats, folds: NDArray[np.intp]) -> Floats:
    """What each study looks like to a classifier that did not see it.

    Parameters
    ----------
    facts : of each study
    targets : [study, target] 0, 1 or NaN (unknown; left out of training)
    folds : [study] fold of each

    Returns
    -------
    [study, target] scores, only their order within a target means anything; NaN where the training folds hold one class alone.
    Each fold's scores are centred on those of its training studies, so that a fold's prevalence does not shift them.
    """
    scores = np.full(targets.shape, np.nan)
    masks = [column.tobytes() for column in ~np.isnan(targets.T)]
    for fold in np.unique(folds).tolist():
        own, out = folds != fold, folds == fold
        x = design(facts, own)
        for mask in dict.fromkeys(masks):  # targets that are known of the same studies are fitted together
            columns = np.array([number for number, other in enumerate(masks) if other == mask])
            known = own & ~np.isnan(targets[:, columns[0]])
            y = targets[known][:, columns]
            both = (y.min(axis=0, initial=1) == 0) & (y.max(axis=0, initial=0) == 1)
            if both.any():
                found = (x[out] - x[known].mean(axis=0)) @ _ridge(x[known], y[:, both])
                scores[np.ix_(out, columns[both])] = found
    return scores


def design(facts: Sequence[Facts], own: NDArray[np.bool_]) -> Floats:
    """[study, column] of all studies, in units of the spread of the training studies; a fact that is missing is its mean, and told."""
    columns = []
    for name in sorted({name for one in facts for name in one}):
        values = [one.get(name) for one in facts]
        numbers = np.array([value if isinstance(value, int | float) else np.nan for value in values], np.float64)
        there = ~np.isnan(numbers)
        if there.any():
            columns.append(numbers)
            edges = np.unique(np.quantile(numbers[own & there], np.linspace(0, 1, 7)[1:-1])) if (own & there).any() else np.zeros(0)
            place = np.digitize(numbers, edges)
            columns += [np.where(there, place == step, False).astype(np.float64) for step in range(len(edges) + 1)]
        words = [value if isinstance(value, str) else "" for value in values]
        counted = Counter(word for word, training in zip(words, own.tolist(), strict=True) if training and word)
        columns += [np.array([word == one for one in words], np.float64) for word, count in sorted(counted.items()) if count >= _LEAST]
        columns.append(np.array([value is None for value in values], np.float64))
    if not columns:
        return np.zeros((len(facts), 0))
    x = np.column_stack(columns)
    centre = np.nanmean(np.where(own[:, None], x, np.nan), axis=0, where=~np.isnan(x))
    x = np.where(np.isnan(x), centre, x) - np.nan_to_num(centre)
    spread = x[own].std(axis=0)
    kept = np.isfinite(spread) & (spread > 1e-9)
    return np.asarray(x[:, kept] / spread[kept], np.float64)


def _ridge(x: Floats, y: Floats) -> Floats:
    """[column, target] weights, each target with the penalty whose leave-one-out error is least."""
    if not x.shape[1]:
        return np.zeros((0, y.shape[1]))
    u, s, v = np.linalg.svd(x - x.mean(axis=0), full_matrices=False)
    rest = y - y.mean(axis=0)
    told = u.T @ rest
    best, weights = np.full(y.shape[1], np.inf), np.zeros((len(s), y.shape[1]))
    for penalty in _PENALTIES:
        shrink = s**2 / (s**2 + penalty)
        lever = (u**2) @ shrink + 1 / len(y)
        error = (((rest - u @ (shrink[:, None] * told)) / np.maximum(1 - lever, 1e-6)[:, None]) ** 2).mean(axis=0)
        better = error < best
        best[better], weights[:, better] = error[better], ((s / (s**2 + penalty))[:, None] * told)[:, better]
    return np.asarray(v.T @ weights, np.float64)

"""Many patient bootstraps of ranking measures at once: sort each score once, then every resample is a weighted count.

A replicate is what a loop over resampled tables gives, to rounding: AUROC = sum w+ (W- below + W- tied / 2) / (W+ W-).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from condyle.evaluate.bootstrap import draw_patients
from condyle.evaluate.estimate import binary, finite

Floats = NDArray[np.float64]

_BLOCK = 32  # resamples at a time: the working arrays stay in the cache


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """One score of one finding.

    Parameters
    ----------
    truth : (n,) 0 or 1; score : (n,) finite; patients : (n,) labels, shared between findings
    """

    truth: NDArray[np.bool_]
    score: Floats
    patients: NDArray[np.generic]


def scored(truth: ArrayLike, score: ArrayLike, patients: ArrayLike) -> Scored:
    """Checked arrays."""
    positive = binary(truth)
    return Scored(positive, finite(score, positive), np.asarray(patients))


@dataclass(frozen=True, slots=True, eq=False)
class Draws:
    """Replicates (n,) of one score; NaN where a resample lacks a class.

    Parameters
    ----------
    auroc : areas; pairs : (n,) weight of positives times weight of negatives, what an area over groups is averaged with
    average_precision : empty unless asked for
    """

    auroc: Floats
    pairs: Floats
    average_precision: Floats


def ranking_draws(problems: Mapping[str, Scored], *, n: int = 2000, seed: int = 0, with_precision: bool = False) -> dict[str, Draws]:
    """AUROC, and average precision when asked, of every score over the same resamples of patients.

    Parameters
    ----------
    problems : name -> score; findings may hold different rows of the same patients
    n : resamples; seed : of the draws, the same as those of ``patient_bootstrap`` over the union of patients

    Returns
    -------
    name -> Draws, row k of every name from the same patients, so that differences and means are paired
    """
    labels = np.unique(np.concatenate([one.patients for one in problems.values()]))
    ranked = {name: _Ranked.of(one, labels) for name, one in problems.items()}
    found = {name: (np.empty(n), np.empty(n), np.empty(n if with_precision else 0)) for name in problems}
    for start, times in _blocks(len(labels), n, seed):
        stop = start + times.shape[1]
        for name, one in ranked.items():
            found[name][0][start:stop], found[name][1][start:stop] = one.areas(times)
            if with_precision:
                found[name][2][start:stop] = one.precisions(times)
    return {name: Draws(*parts) for name, parts in found.items()}


def ranking_without(problems: Mapping[str, Scored], *, with_precision: bool = False) -> dict[str, Draws]:
    """The same measures without each patient in turn, in the order of the sorted union of patients: the jackknife that BCa needs."""
    labels = np.unique(np.concatenate([one.patients for one in problems.values()]))
    ranked = {name: _Ranked.of(one, labels) for name, one in problems.items()}
    count = len(labels)
    found = {name: (np.empty(count), np.empty(count), np.empty(count if with_precision else 0)) for name in problems}
    for start in range(0, count, _BLOCK):
        stop = min(start + _BLOCK, count)
        times = np.ones((count, stop - start))
        times[np.arange(start, stop), np.arange(stop - start)] = 0.0
        for name, one in ranked.items():
            found[name][0][start:stop], found[name][1][start:stop] = one.areas(times)
            if with_precision:
                found[name][2][start:stop] = one.precisions(times)
    return {name: Draws(*parts) for name, parts in found.items()}


def within_draws(parts: Sequence[Draws]) -> Floats:
    """AUROC over pairs of one group only, from the draws of each group; NaN where no group has both classes."""
    pairs = np.sum([part.pairs for part in parts], axis=0)
    won = np.sum([np.where(part.pairs > 0, part.auroc * part.pairs, 0.0) for part in parts], axis=0)
    return np.asarray(np.divide(won, pairs, out=np.full_like(won, np.nan), where=pairs > 0))


def gap_draws(parts: Sequence[Draws]) -> Floats:
    """Largest minus smallest AUROC over groups in each resample; NaN where one of them lacks a class."""
    return np.asarray(np.ptp([part.auroc for part in parts], axis=0))


@dataclass(frozen=True, slots=True, eq=False)
class _Ranked:
    """A score in rising order: patient of each row, its class, and where each group of equal scores begins."""

    patient: NDArray[np.intp]
    positive: NDArray[np.bool_]
    starts: NDArray[np.intp]

    @classmethod
    def of(cls, one: Scored, labels: NDArray[np.generic]) -> _Ranked:
        order = np.argsort(one.score, kind="stable")
        ranked = one.score[order]
        starts = np.flatnonzero(np.r_[True, ranked[1:] != ranked[:-1]]) if len(ranked) else np.zeros(0, np.intp)
        return cls(np.searchsorted(labels, one.patients)[order], one.truth[order], starts)

    def areas(self, times: Floats) -> tuple[Floats, Floats]:
        """AUROC and its number of pairs for (patients, b) numbers of draws."""
        ups, downs = times[self.patient[self.positive]], times[self.patient[~self.positive]]
        # Negatives below each positive: those before the first of its group of equal scores, and half of the group.
        before = np.vstack([np.zeros((1, times.shape[1])), np.cumsum(downs, axis=0)])
        group = np.cumsum(np.isin(np.arange(len(self.patient)), self.starts)) - 1
        first, last = self.starts[group], np.r_[self.starts[1:], len(self.patient)][group]
        count = np.r_[0, np.cumsum(~self.positive)]
        low, high = count[first[self.positive]], count[last[self.positive]]
        beaten = before[low]
        if (high > low).any():
            beaten = 0.5 * (beaten + before[high])
        pairs = ups.sum(axis=0) * before[-1]
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(np.einsum("ib,ib->b", ups, beaten) / pairs), pairs

    def precisions(self, times: Floats) -> Floats:
        """Average precision for (patients, b) numbers of draws."""
        weight = times[self.patient]
        ups = weight * self.positive[:, None]
        if len(self.starts) < len(weight):  # ties: one step for each group of equal scores
            ups, weight = np.add.reduceat(ups, self.starts, axis=0), np.add.reduceat(weight, self.starts, axis=0)
        found = ups.sum(axis=0) - np.cumsum(ups, axis=0) + ups  # positives at or above each step
        called = weight.sum(axis=0) - np.cumsum(weight, axis=0) + weight
        precision = np.divide(found, called, out=np.zeros_like(found), where=called > 0)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray((ups * precision).sum(axis=0) / ups.sum(axis=0))


def _blocks(patients: int, n: int, seed: int) -> Iterator[tuple[int, Floats]]:
    rng = np.random.default_rng(seed)
    for start in range(0, n, _BLOCK):
        size = min(_BLOCK, n - start)
        yield start, np.stack([draw_patients(rng, patients) for _ in range(size)], axis=1)

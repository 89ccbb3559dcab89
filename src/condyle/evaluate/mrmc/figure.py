"""A figure of merit of each reader in each arm, with what it would be without each patient.

Two kinds hold all that is used: a *pair statistic*, the mean of a success over pairs of a positive and a negative
(area under the ROC curve, weighted AFROC), and a *share*, the mean of a success over cases (sensitivity, specificity,
accuracy). Both have closed forms for leaving a patient out, however many cases the patient has.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from condyle.errors import InputError
from condyle.evaluate.mrmc.reads import Reads

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """The two sides of a pair statistic: success is the share of pairs where the positive side rates higher, ties half.

    Parameters
    ----------
    positive, negative : (t, r, P) and (t, r, Q) ratings; -inf is unmarked, NaN not read
    weight : (P,) of the positive units (a lesion's weight in its case; 1 for a case)
    positive_patient, negative_patient : (P,), (Q,) index of the patient
    truth : (P,) of a share, whose successes stand on the positive side: is the case a positive one; None of areas
    """

    positive: Floats
    negative: Floats
    weight: Floats
    positive_patient: NDArray[np.intp]
    negative_patient: NDArray[np.intp]
    truth: NDArray[np.bool_] | None = None

    def counts(self) -> tuple[int, int]:
        """Units that anybody read, and the positive ones among them."""
        up, down = (~np.isnan(side).all((0, 1)) for side in (self.positive, self.negative))
        if self.truth is not None:
            return int(up.sum()), int((up & self.truth).sum())
        return int(up.sum() + down.sum()), int(up.sum())


@dataclass(frozen=True, slots=True, eq=False)
class Figures:
    """A figure of merit of t arms by r readers over k patients.

    Parameters
    ----------
    name : str
    arms, readers, patients : names
    value : (t, r); NaN where the reader has no reads in the arm, or only one class
    without : (k, t, r) value without that patient; NaN where a class would be empty
    used : (k, t, r) bool, did the patient enter this value
    positive, negative : (k, t, r) what the patient adds to the value as a positive and as a negative, centred, so that
        value + sum is first-order right (structural components of DeLong, by patient)
    weighted : function of (k,) patient weights -> (t, r), for the bootstrap
    pairs : the two sides when it is a pair statistic
    successes : when it is a share, its successes as pairs against the constant 0.5, for the U-statistics
    """

    name: str
    arms: tuple[str, ...]
    readers: tuple[str, ...]
    patients: tuple[str, ...]
    value: Floats
    without: Floats
    used: NDArray[np.bool_]
    positive: Floats
    negative: Floats
    weighted: Callable[[Floats], Floats]
    pairs: Pairs | None = None
    successes: Pairs | None = None

    @property
    def counts(self) -> tuple[int, int | None, int]:
        """Units that anybody read (cases, or lesions and cases without), the positive ones among them, patients.

        A macro average counts patients only: it has no positives of its own.
        """
        sides, patients = self.pairs or self.successes, int(self.used.any((1, 2)).sum())
        return (patients, None, patients) if sides is None else (*sides.counts(), patients)

    def of_arms(self, names: Sequence[str]) -> Figures:
        """These arms alone, in this order."""
        return self._of([self.arms.index(name) for name in names], slice(None))

    def of_readers(self, places: Sequence[int]) -> Figures:
        """These readers alone, and the patients that any of them read."""
        found = self._of(range(len(self.arms)), list(places))
        units = np.asarray(found.used.any((1, 2)))
        if units.all():
            return found

        def weighted(weights: Floats) -> Floats:
            every = np.zeros(len(units))
            every[units] = weights
            return found.weighted(every)

        return replace(
            found, patients=tuple(found.patients[k] for k in np.flatnonzero(units)), without=found.without[units], used=found.used[units],
            positive=found.positive[units], negative=found.negative[units], weighted=weighted,
        )  # fmt: skip

    def _of(self, arms: Sequence[int], readers: slice | list[int]) -> Figures:
        arms = list(arms)

        def sides(pairs: Pairs | None) -> Pairs | None:
            if pairs is None:
                return None
            return replace(pairs, positive=pairs.positive[arms][:, readers], negative=pairs.negative[arms][:, readers])

        names = tuple(np.array(self.readers, dtype=object)[readers].tolist())
        return replace(
            self, arms=tuple(self.arms[i] for i in arms), readers=names, value=self.value[arms][:, readers],
            without=self.without[:, arms][:, :, readers],
            used=self.used[:, arms][:, :, readers], positive=self.positive[:, arms][:, :, readers],
            negative=self.negative[:, arms][:, :, readers], weighted=lambda weights: self.weighted(weights)[arms][:, readers],
            pairs=sides(self.pairs), successes=sides(self.successes),
        )  # fmt: skip


def area_under_roc(reads: Reads) -> Figures:
    """Empirical area under the ROC curve of each reader in each arm.

    Source: Hanley & McNeil 1982; structural components DeLong et al., Biometrics 1988;44:837.
    """
    pairs = Pairs(
        reads.score[:, :, reads.truth],
        reads.score[:, :, ~reads.truth],
        np.ones(int(reads.truth.sum())),
        reads.patient[reads.truth],
        reads.patient[~reads.truth],
    )
    return pair_statistic("AUC", reads.arms, reads.readers, reads.patients, pairs)


def sensitivity(calls: Reads) -> Figures:
    """Share of the positive cases that were called positive. ``calls.score`` is 0 or 1 (``Reads.called``)."""
    return share("sensitivity", calls, _calls(calls), calls.truth)


def specificity(calls: Reads) -> Figures:
    """Share of the negative cases that were called negative. ``calls.score`` is 0 or 1 (``Reads.called``)."""
    return share("specificity", calls, 1 - _calls(calls), ~calls.truth)


def accuracy(calls: Reads) -> Figures:
    """Share of the cases that were called right. ``calls.score`` is 0 or 1 (``Reads.called``)."""
    return share("accuracy", calls, np.where(calls.truth, _calls(calls), 1 - _calls(calls)), np.ones(len(calls.cases), bool))


def share(name: str, reads: Reads, success: Floats, among: NDArray[np.bool_]) -> Figures:
    """Mean of a success over the cases ``among``.

    Parameters
    ----------
    success : (t, r, n) numbers, NaN where not read
    among : (n,) bool. Patients without such a case are no units of this figure and leave its jackknife
    """
    owner, people = _renumber(reads.patient[among])
    of = success[:, :, among]
    read = ~np.isnan(of)
    total = _by_patient(np.where(read, of, 0.0), owner, len(people))
    count = _by_patient(read.astype(np.float64), owner, len(people))
    with np.errstate(invalid="ignore", divide="ignore"):
        value = total.sum(0) / count.sum(0)
        without = (total.sum(0) - total) / (count.sum(0) - count)
        added = (total - count * value) / count.sum(0)

    def weighted(weights: Floats) -> Floats:
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(np.tensordot(weights[people], total, 1) / np.tensordot(weights[people], count, 1))

    return Figures(
        name, reads.arms, reads.readers, tuple(reads.patients[index] for index in people), value,
        np.where(count > 0, without, value), count > 0, added, np.zeros_like(added), weighted, None,
        Pairs(of, np.full((*of.shape[:2], 1), 0.5), np.ones(of.shape[2]), owner, np.array([len(people)], np.intp),
              reads.truth[among]),
    )  # fmt: skip


def pair_statistic(name: str, arms: tuple[str, ...], readers: tuple[str, ...], patients: tuple[str, ...], pairs: Pairs) -> Figures:
    """Mean success over pairs, weighted on the positive side, of every reader in every arm.

    Leaving out a patient with positives P and negatives Q takes from the sum over pairs its rows and its columns and
    gives back the pairs within the patient, which were taken twice.
    """
    shape = (len(patients), len(arms), len(readers))
    rows, columns, own = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    row_weight, column_weight = np.zeros(shape), np.zeros(shape)
    within = np.nonzero(pairs.positive_patient[:, None] == pairs.negative_patient[None, :])
    for arm in range(len(arms)):
        for reader in range(len(readers)):
            cell = (slice(None), arm, reader)
            high, low = pairs.positive[arm, reader], pairs.negative[arm, reader]
            a, b = np.where(np.isnan(high), 0.0, pairs.weight), np.where(np.isnan(low), 0.0, 1.0)
            won_row, won_column = _won(high, low, a, b)
            rows[cell] = np.bincount(pairs.positive_patient, a * won_row, shape[0])
            columns[cell] = np.bincount(pairs.negative_patient, b * won_column, shape[0])
            row_weight[cell] = np.bincount(pairs.positive_patient, a, shape[0])
            column_weight[cell] = np.bincount(pairs.negative_patient, b, shape[0])
            if len(within[0]):
                success = a[within[0]] * b[within[1]] * _psi(high[within[0]], low[within[1]])
                own[cell] = np.bincount(pairs.positive_patient[within[0]], success, shape[0])
    total, heights, widths = rows.sum(0), row_weight.sum(0), column_weight.sum(0)
    with np.errstate(invalid="ignore", divide="ignore"):
        value = total / (heights * widths)
        left = (heights - row_weight) * (widths - column_weight)
        without = np.where(left > 0, (total - rows - columns + own) / left, np.nan)
        positive = (rows / widths - value * row_weight) / heights
        negative = (columns / heights - value * column_weight) / widths
    used = (row_weight > 0) | (column_weight > 0)
    without = np.where(used, without, value)
    units = used.any(axis=(1, 2))  # a patient that nobody read is no unit

    def weighted(weights: Floats) -> Floats:
        every = np.zeros(len(patients))
        every[units] = weights
        return _weighted(pairs, every)

    return Figures(
        name, arms, readers, tuple(patients[place] for place in np.flatnonzero(units)), value,
        without[units], used[units], positive[units], negative[units], weighted, pairs,
    )  # fmt: skip


def _weighted(pairs: Pairs, weights: Floats) -> Floats:
    value = np.full(pairs.positive.shape[:2], np.nan)
    for arm, reader in np.ndindex(*value.shape):
        high, low = pairs.positive[arm, reader], pairs.negative[arm, reader]
        a = np.where(np.isnan(high), 0.0, pairs.weight * weights[pairs.positive_patient])
        b = np.where(np.isnan(low), 0.0, weights[pairs.negative_patient])
        if a.sum() > 0 and b.sum() > 0:
            value[arm, reader] = float(a @ _won(high, low, a, b)[0]) / (a.sum() * b.sum())
    return value


def _won(high: Floats, low: Floats, a: Floats, b: Floats) -> tuple[Floats, Floats]:
    """For each positive the weight of negatives it beats, for each negative the weight of positives that beat it; ties half.

    Values not read carry weight 0; they are given a place (NaN sorts last) and change nothing.
    """
    by_low, by_high = np.argsort(low, kind="stable"), np.argsort(high, kind="stable")
    below = np.concatenate(([0.0], np.cumsum(b[by_low])))
    under = np.concatenate(([0.0], np.cumsum(a[by_high])))
    ranked_low, ranked_high = low[by_low], high[by_high]
    beaten = (below[np.searchsorted(ranked_low, high, "left")] + below[np.searchsorted(ranked_low, high, "right")]) / 2
    losses = (under[np.searchsorted(ranked_high, low, "left")] + under[np.searchsorted(ranked_high, low, "right")]) / 2
    return beaten, under[-1] - losses


def _psi(high: Floats, low: Floats) -> Floats:
    return np.asarray((high > low) + 0.5 * (high == low))


def _calls(calls: Reads) -> Floats:
    if not np.isin(calls.score[calls.read], (0.0, 1.0)).all():
        raise InputError(
            "reads-calls",
            "Sensitivity, specificity and accuracy need decisions, but scores were given.",
            what_to_do="Use Reads.called(threshold) with a threshold that was fixed before.",
        )
    return calls.score


def _renumber(owner: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """(n,) place among the patients that occur, and those patients."""
    people, place = np.unique(owner, return_inverse=True)
    return place, people


def _by_patient(values: Floats, owner: NDArray[np.intp], count: int) -> Floats:
    """(t, r, n) summed over the cases of each patient -> (k, t, r)."""
    sums = np.zeros((count, *values.shape[:2]))
    np.add.at(sums, owner, np.moveaxis(values, 2, 0))
    return sums

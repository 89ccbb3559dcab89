"""Marks with ratings: figures of merit of readers who point at what they find.

A mark near a true lesion is a *lesion localisation*, any other a *non-lesion localisation*. An unmarked lesion or case rates
minus infinity, and so ties with another unmarked one.

Source: Chakraborty, Observer Performance Methods for Diagnostic Imaging, CRC Press 2017, chapters 12 to 14.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from condyle.errors import InputError
from condyle.evaluate.mrmc.figure import Figures, Pairs, pair_statistic

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class MarkedReads:
    """What readers marked, reduced to what the figures of merit use.

    Parameters
    ----------
    arms, readers, cases, patients : names
    patient : (n,) index into ``patients``
    false_mark : (t, r, n) highest rating of a mark that hit no lesion; -inf without one; NaN, as in ``lesion``, for all cases of a reader
        who did not read in the arm
    lesion_case : (L,) index into ``cases``
    lesion_weight : (L,) clinical weight; those of a case sum to 1
    lesion : (t, r, L) rating of the lesion; -inf when it was not marked
    """

    arms: tuple[str, ...]
    readers: tuple[str, ...]
    cases: tuple[str, ...]
    patients: tuple[str, ...]
    patient: NDArray[np.intp]
    false_mark: Floats
    lesion_case: NDArray[np.intp]
    lesion_weight: Floats
    lesion: Floats

    def __post_init__(self) -> None:
        sums = np.bincount(self.lesion_case, self.lesion_weight, len(self.cases))
        if not np.isclose(sums[self.diseased], 1.0).all():
            raise InputError(
                "marks-weights", "The weights of the lesions of a case must sum to 1.",
                what_to_do="Divide each weight by their sum within the case.",
            )  # fmt: skip
        absent = np.isnan(self.false_mark).all(axis=2) & np.isnan(self.lesion).all(axis=2)
        if np.isnan(self.false_mark[~absent]).any() or np.isnan(self.lesion[~absent]).any():
            raise InputError("marks-values", "A rating is not a number.", what_to_do="Leave the mark out: unmarked is -inf.")

    @property
    def diseased(self) -> NDArray[np.bool_]:
        """(n,): has the case a lesion."""
        return np.asarray(np.bincount(self.lesion_case, minlength=len(self.cases)) > 0)


@dataclass(frozen=True, slots=True)
class Mark:
    """One mark: who, where, how sure; ``lesion`` is its index within the case, or None when it hit none."""

    arm: str
    reader: str
    case: str
    rating: float
    lesion: str | None = None


def gather_marks(
    marks: Sequence[Mark],
    *,
    cases: Sequence[str],
    lesions: Sequence[tuple[str, str, float]],
    patients: Sequence[str] | None = None,
    arms: Sequence[str] | None = None,
    readers: Sequence[str] | None = None,
) -> MarkedReads:
    """Make ``MarkedReads`` of a list of marks.

    Parameters
    ----------
    cases : all that were shown, also those without mark; patients : of each case, None makes each case a patient
    lesions : (case, lesion within the case, weight)
    arms, readers : all that took part, also those without mark; None takes those that occur, in order

    Raises
    ------
    InputError - a mark of a case or lesion that is not listed, or a lesion marked twice in one reading
    """
    known_arms = tuple(dict.fromkeys(mark.arm for mark in marks)) if arms is None else tuple(arms)
    known_readers = tuple(dict.fromkeys(mark.reader for mark in marks)) if readers is None else tuple(readers)
    case_at = {name: place for place, name in enumerate(cases)}
    lesion_at = {(case, lesion): place for place, (case, lesion, _) in enumerate(lesions)}
    arm_at, reader_at = ({name: place for place, name in enumerate(names)} for names in (known_arms, known_readers))
    people = tuple(dict.fromkeys(cases if patients is None else patients))
    false_mark = np.full((len(known_arms), len(known_readers), len(cases)), -np.inf)
    lesion = np.full((len(known_arms), len(known_readers), len(lesions)), -np.inf)
    for number, mark in enumerate(marks, start=1):
        if mark.case not in case_at or (mark.lesion is not None and (mark.case, mark.lesion) not in lesion_at):
            raise InputError(
                "marks-unknown", f"Mark {number} is on a case or lesion that is not listed.",
                what_to_do="Add the case or lesion, or leave the mark out and count it.",
            )  # fmt: skip
        cell = arm_at[mark.arm], reader_at[mark.reader]
        if mark.lesion is None:
            place = (*cell, case_at[mark.case])
            false_mark[place] = max(false_mark[place], mark.rating)
        else:
            place = (*cell, lesion_at[mark.case, mark.lesion])
            if np.isfinite(lesion[place]):
                raise InputError(
                    "marks-twice", f"Mark {number} hits a lesion that this reader has marked already.",
                    what_to_do="Keep the mark with the highest rating.",
                )  # fmt: skip
            lesion[place] = mark.rating
    owner = _places(people, cases, patients)
    return MarkedReads(
        known_arms, known_readers, tuple(cases), people, np.array(owner, np.intp), false_mark,
        np.array([case_at[case] for case, _, _ in lesions], np.intp), np.array([weight for _, _, weight in lesions]), lesion,
    )  # fmt: skip


def weighted_afroc(reads: MarkedReads) -> Figures:
    """wAFROC: chance that a lesion of a diseased case, drawn by weight, rates above the highest false mark of a case without lesion.

    False marks on diseased cases do not count.
    """
    return _lesions_against(reads, "wAFROC", ~reads.diseased, reads.lesion_weight)


def weighted_afroc1(reads: MarkedReads) -> Figures:
    """wAFROC1: as wAFROC, against the highest false mark of every case, diseased ones too."""
    return _lesions_against(reads, "wAFROC1", np.ones(len(reads.cases), bool), reads.lesion_weight)


def afroc(reads: MarkedReads) -> Figures:
    """AFROC: every lesion weighs alike, so a case with many lesions counts for many."""
    return _lesions_against(reads, "AFROC", ~reads.diseased, np.ones(len(reads.lesion_weight)))


def highest_rating(reads: MarkedReads) -> Figures:
    """Area under the ROC curve of the highest mark of each case, wherever it lies."""
    best = reads.false_mark.copy()
    for place, case in enumerate(reads.lesion_case):
        best[:, :, case] = np.maximum(best[:, :, case], reads.lesion[:, :, place])
    ill = reads.diseased
    pairs = Pairs(best[:, :, ill], best[:, :, ~ill], np.ones(int(ill.sum())), reads.patient[ill], reads.patient[~ill])
    return pair_statistic("highest-rating AUC", reads.arms, reads.readers, reads.patients, pairs)


def _lesions_against(reads: MarkedReads, name: str, against: NDArray[np.bool_], weight: Floats) -> Figures:
    pairs = Pairs(reads.lesion, reads.false_mark[:, :, against], weight, reads.patient[reads.lesion_case], reads.patient[against])
    return pair_statistic(name, reads.arms, reads.readers, reads.patients, pairs)


def _places(people: Sequence[str], cases: Sequence[str], patients: Sequence[str] | None) -> list[int]:
    at = {name: place for place, name in enumerate(people)}
    return [at[name] for name in (cases if patients is None else patients)]

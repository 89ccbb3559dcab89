"""What many readers said about many cases: the array that every multi-reader multi-case method takes.

A *case* is the field's word for one decision of the reference standard (a study, or one level or side of it); the unit
that is independent is the patient, and the cases of one patient are nested in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from condyle.errors import InputError, TableError, did_you_mean

MAX_SHOWN = 200


@dataclass(frozen=True, slots=True, eq=False)
class Reads:
    """Scores of every reader on every case in every arm.

    Parameters
    ----------
    arms : (t,) names, such as ``unaided`` and ``aided``: the modalities or treatments of the literature
    readers : (r,) names
    cases : (n,) names
    patients : (k,) names, the units that are drawn
    patient : (n,) index into ``patients``
    truth : (n,) bool
    score : (t, r, n) float64, higher is more disease; NaN where a reader did not read
    """

    arms: tuple[str, ...]
    readers: tuple[str, ...]
    cases: tuple[str, ...]
    patients: tuple[str, ...]
    patient: NDArray[np.intp]
    truth: NDArray[np.bool_]
    score: NDArray[np.float64]

    def __post_init__(self) -> None:
        if self.score.shape != (len(self.arms), len(self.readers), len(self.cases)) or self.truth.shape != self.patient.shape:
            raise InputError(
                "reads-shape", "Scores must be [arm, reader, case], truth and patient one value a case.",
                what_to_do="Make the array from long columns with gather().",
            )  # fmt: skip
        if np.isinf(self.score).any():
            raise InputError("reads-values", "A score is infinite.", what_to_do="Leave the row out: a missing read is allowed.")

    @property
    def read(self) -> NDArray[np.bool_]:
        """(t, r, n): was it read."""
        return np.asarray(~np.isnan(self.score))

    def of_arms(self, arms: Sequence[str]) -> Reads:
        """The same reads with these arms only, in this order."""
        absent = [name for name in arms if name not in self.arms]
        if absent:
            raise InputError(
                "reads-arm", f"There is no arm {absent[0]!r}.", why=f"The arms are {', '.join(self.arms)}.",
                what_to_do=f"Name arms of the table.{did_you_mean(absent[0], self.arms)}",
            )  # fmt: skip
        return self._with(tuple(arms), self.readers, self.score[[self.arms.index(name) for name in arms]])

    def of_readers(self, readers: Sequence[str]) -> Reads:
        """The same reads with these readers only, in this order."""
        absent = [name for name in readers if name not in self.readers]
        if absent:
            raise InputError(
                "reads-reader", f"There is no reader {absent[0]!r}.", why=f"There are {len(self.readers)} readers.",
                what_to_do=f"Name readers of the table.{did_you_mean(absent[0], self.readers)}",
            )  # fmt: skip
        return self._with(self.arms, tuple(readers), self.score[:, [self.readers.index(name) for name in readers]])

    def called(self, threshold: float) -> Reads:
        """The same reads as decisions: 1 where the score is at or above a threshold that was fixed before, else 0."""
        calls = np.where(self.read, (self.score >= threshold).astype(np.float64), np.nan)
        return self._with(self.arms, self.readers, calls)

    def _with(self, arms: tuple[str, ...], readers: tuple[str, ...], score: NDArray[np.float64]) -> Reads:
        return Reads(arms, readers, self.cases, self.patients, self.patient, self.truth, score)


def gather(
    *,
    arm: Sequence[object],
    reader: Sequence[object],
    case: Sequence[object],
    truth: ArrayLike,
    score: ArrayLike,
    patient: Sequence[object] | None = None,
) -> Reads:
    """Make ``Reads`` of long columns, one value a read.

    Parameters
    ----------
    arm, reader, case : (m,) names; their order of first appearance is kept
    truth : (m,) 0 or 1, the same for all reads of a case
    score : (m,) finite numbers; NaN is a read that is missing
    patient : (m,) the patient of each case; None makes every case a patient of its own

    Raises
    ------
    TableError - a case with two truths or two patients, a case read twice by one reader in one arm; all at once,
        with positions counted from 1
    """
    given, values = np.asarray(truth, np.float64), np.asarray(score, np.float64)
    owner = [str(name) for name in (case if patient is None else patient)]
    arms, readers, cases = (_index([str(name) for name in names]) for names in (arm, reader, case))
    people = _index(owner)
    problems: list[str] = []
    score_of = np.full((len(arms), len(readers), len(cases)), np.nan)
    seen: dict[tuple[int, int, int], int] = {}
    first: dict[int, tuple[float, int]] = {}
    for row, (a, r, c, p) in enumerate(zip(arm, reader, case, owner, strict=True), start=1):
        place = arms[str(a)], readers[str(r)], cases[str(c)]
        if given[row - 1] not in (0.0, 1.0):
            problems.append(f"row {row}: truth must be 0 or 1")
        known = first.setdefault(place[2], (float(given[row - 1]), people[p]))
        if known[0] != given[row - 1]:
            problems.append(f"row {row}: this case has another truth in an earlier row")
        if known[1] != people[p]:
            problems.append(f"row {row}: this case belongs to another patient in an earlier row")
        if place in seen:
            problems.append(f"row {row}: the same reader read this case in this arm in row {seen[place]} already")
        seen[place] = row
        score_of[place] = values[row - 1]
    if problems:
        raise reads_error(problems)
    order = [first[index] for index in range(len(cases))]
    return Reads(
        tuple(arms),
        tuple(readers),
        tuple(cases),
        tuple(people),
        np.array([person for _, person in order], np.intp),
        np.array([value > 0 for value, _ in order]),
        score_of,
    )


def reads_error(problems: Sequence[str], where: str = "") -> TableError:
    """The error for a reading table with problems, all of them at once."""
    shown = [*problems[:MAX_SHOWN], *([f"and {len(problems) - MAX_SHOWN} more"] if len(problems) > MAX_SHOWN else [])]
    return TableError(
        "reads-invalid",
        f"The reading table has {len(problems)} problem{'s' if len(problems) != 1 else ''}.",
        where=where,
        why="A table is used as a whole or not at all.",
        what_to_do="Correct the rows below and run again.",
        problems=tuple(shown),
    )


def _index(names: Sequence[str]) -> dict[str, int]:
    places: dict[str, int] = {}
    for name in names:
        places.setdefault(name, len(places))
    return places

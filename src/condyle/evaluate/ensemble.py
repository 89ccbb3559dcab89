"""Scores of several folds and views put together, and what each fold was worth alone.

Folds share training studies, so the spread of folds says how stable training is; it is no interval for anything. The ensemble's
interval comes from the patients of its test set.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite

import numpy as np

from condyle.errors import TableError
from condyle.evaluate.ranking import auroc
from condyle.evaluate.spelling import misspelt

Rows = Iterable[tuple[int, Mapping[str, str]]]
Case = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class MemberScore:
    """The score of one member of an ensemble (a fold of a view) for one finding of one case."""

    row: int
    study: str
    patient: str
    finding: str
    level: str
    side: str
    view: str
    fold: str
    score: float

    @property
    def case(self) -> Case:
        return self.study, self.level, self.side


@dataclass(frozen=True, slots=True)
class EnsembleScore:
    """Mean score of a case: first over folds within a view, then over the views that it has.

    ``views`` are those that it has; ``spread`` is the standard deviation of the members.
    """

    study: str
    patient: str
    finding: str
    level: str
    side: str
    score: float
    views: tuple[str, ...]
    spread: float

    @property
    def case(self) -> Case:
        return self.study, self.level, self.side


@dataclass(frozen=True, slots=True)
class FoldValue:
    """AUROC of one fold of one view, on the cases that carry its score; NaN when they are of one class."""

    finding: str
    view: str
    fold: str
    auroc: float
    n: int
    events: int


def parse_members(rows: Rows, *, where: str = "") -> tuple[MemberScore, ...]:
    """Read predictions with the columns ``study_id, patient_id, finding, score, view, fold``; ``level`` and ``side`` are optional.

    Raises
    ------
    TableError - missing columns, empty ids, scores that are no probabilities, the same member twice for a case; all at once
    """
    listed, problems = list(rows), []
    if not listed:
        problems.append("row 2: there are no rows")
    else:
        wanted = ("study_id", "patient_id", "finding", "score", "view", "fold")
        problems += [f"row 1: the column {name!r} is missing" for name in wanted if name not in listed[0][1]]
    found: list[MemberScore] = []
    seen: dict[tuple[str, ...], int] = {}
    for number, cells in listed if not problems else []:
        problems += [f"row {number}: {name} is empty" for name in ("study_id", "patient_id", "finding", "view", "fold") if not cells[name]]
        problems += misspelt(number, cells["finding"])
        score = _probability(cells["score"])
        if score is None:
            problems.append(f"row {number}: score must be a probability between 0 and 1")
            continue
        one = MemberScore(
            number, cells["study_id"], cells["patient_id"], cells["finding"], cells.get("level", ""), cells.get("side", ""), cells["view"],
            cells["fold"], score,
        )  # fmt: skip
        key = (one.finding, *one.case, one.view, one.fold)
        if key in seen:
            problems.append(f"row {number}: this fold of this view scored this case in row {seen[key]} already")
        seen.setdefault(key, number)
        found.append(one)
    if problems:
        raise TableError(
            "members-invalid", f"The prediction table has {len(problems)} problem{'s' if len(problems) != 1 else ''}.", where=where,
            why="A table is used as a whole or not at all.", what_to_do="Correct the rows below (the header is row 1) and run again.",
            problems=tuple(problems[:200]),
        )  # fmt: skip
    return tuple(found)


def ensemble(members: Sequence[MemberScore]) -> tuple[EnsembleScore, ...]:
    """One score a case: every view weighs alike, however many folds it has. A case that lacks a view keeps the others."""
    by_case: dict[tuple[str, Case], list[MemberScore]] = defaultdict(list)
    for one in members:
        by_case[one.finding, one.case].append(one)
    found = []
    for own in by_case.values():
        views = tuple(dict.fromkeys(one.view for one in own))
        means = [np.mean([one.score for one in own if one.view == view]) for view in views]
        first, scores = own[0], np.array([one.score for one in own])
        found.append(EnsembleScore(
            first.study, first.patient, first.finding, first.level, first.side, float(np.mean(means)), views,
            float(scores.std(ddof=1)) if len(scores) > 1 else 0.0,
        ))  # fmt: skip
    return tuple(found)


def fold_values(members: Sequence[MemberScore], truth: Mapping[tuple[str, Case], float | None]) -> tuple[FoldValue, ...]:
    """AUROC of every fold of every view; cases of unknown truth are left out.

    Parameters
    ----------
    truth : (finding, (study, level, side)) -> 0, 1 or None
    """
    own: dict[tuple[str, str, str], list[MemberScore]] = defaultdict(list)
    for one in members:
        if truth.get((one.finding, one.case)) is not None:
            own[one.finding, one.view, one.fold].append(one)
    found = []
    for (finding, view, fold), scores in own.items():
        outcome = np.array([truth[finding, one.case] for one in scores], np.float64)
        value = auroc(outcome, [one.score for one in scores])
        found.append(FoldValue(finding, view, fold, value, len(scores), int(outcome.sum())))
    return tuple(found)


def views_missing(scores: Sequence[EnsembleScore]) -> dict[str, int]:
    """View -> cases without it; a case is never dropped for a missing view, and the report says how many there are."""
    views = tuple(dict.fromkeys(view for one in scores for view in one.views))
    return {view: missing for view in views if (missing := sum(view not in one.views for one in scores))}


def _probability(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if isfinite(value) and 0 <= value <= 1 else None

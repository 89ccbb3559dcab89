"""predictions.csv as checked rows, and predictions beside truth as one table a finding."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from condyle.anatomy import FindingEntry
from condyle.cohorts.labels import Label, catalogue, levels, told_once, told_whole
from condyle.cohorts.table import UNKNOWN_WORDS, read_table, table_error, told_rows
from condyle.errors import InputError, did_you_mean
from condyle.evaluate.finding_table import FindingTable
from condyle.study.role import SIDES

DECISIONS = ("absent", "present", "uncertain", "not_assessed")

IN_TRAINING = "in_training"  # yes: the package was fitted on this patient

_COPIED = 20  # rows from which equal scores are no chance
_CALLS = {"present": 1.0, "absent": 0.0}


@dataclass(frozen=True, slots=True)
class Prediction:
    """One row: what a reader said about one finding at one site. NaN where it gave no number."""

    row: int
    study_id: str
    patient_id: str
    finding: str
    level: str
    side: str
    score: float
    grade: float
    value: float
    decision: str
    model: str
    package: str = ""


def read_predictions(path: Path | str) -> tuple[Prediction, ...]:
    """Read predictions in long form (``condyle predict`` writes it).

    Raises
    ------
    InputError - the file cannot be read
    TableError - missing columns, unknown findings or decisions, scores that are no probabilities, grades off the scale, the
        same site twice for one model, patients whom the package was fitted on; all at once with row numbers
    """
    path = Path(path)
    known = catalogue()
    table = read_table(path, what="prediction table", required=("study_id", "patient_id", "finding"))
    problems: list[str] = []
    found = [_parse(number, row, known, problems) for number, row in table.rows]
    if own := [number for number, row in table.rows if row.get(IN_TRAINING) == "yes"]:
        problems.append(
            f"rows {own[0]} to {own[-1]}: the package was fitted on the patients of {len(own)} rows (column {IN_TRAINING}), which are no "
            "evidence; read patients who were set apart"
        )
    problems += _columns_lacking(table.columns, {one.finding for one in found}, known)
    seen: dict[tuple[str, ...], int] = {}
    for one in found:
        key = (one.study_id, one.finding, one.level, one.side, one.model)
        if seen.setdefault(key, one.row) != one.row:
            problems.append(f"rows {seen[key]} and {one.row}: the same finding at the same site of the same study twice")
    if problems:
        raise table_error(path, "prediction table", problems)
    return tuple(found)


# Scores of a grade's outer folds (condyle train) stand without grades: they are no answer that is judged, and no mistake either.
_ANSWERS = {"binary": ("score", "decision"), "ordinal": ("grade", "score"), "measurement": ("value",), "category": ("value", "decision")}


def _columns_lacking(columns: Sequence[str], findings: Collection[str], known: Mapping[str, FindingEntry]) -> list[str]:
    """Kinds of findings for which no column can hold an answer: all their rows would count as unanswered."""
    problems = []
    for kind, wanted in _ANSWERS.items():
        names = sorted(name for name in findings if name in known and known[name].kind == kind)
        if names and not set(wanted) & set(columns):
            problems.append(f"row 1: there is no column {' or '.join(wanted)}, which holds the answers of {', '.join(names)} ({kind})")
    return problems


def _parse(number: int, row: Mapping[str, str], known: Mapping[str, FindingEntry], problems: list[str]) -> Prediction:
    finding, level, side = row["finding"], row.get("level", ""), row.get("side", "")
    for name in ("study_id", "patient_id"):
        if not row[name]:
            problems.append(f"row {number}: {name} is empty")
    if finding not in known:
        problems.append(f"row {number}: unknown finding {finding[:40]!r}.{did_you_mean(finding, known)}")
    if level and level not in levels():
        problems.append(f"row {number}: unknown level {level[:20]!r}.{did_you_mean(level, levels())}")
    if side and side not in SIDES:
        problems.append(f"row {number}: side must be left, right or both")
    decision = row.get("decision", "")
    if decision and decision not in DECISIONS:
        problems.append(f"row {number}: unknown decision {decision[:20]!r}.{did_you_mean(decision, DECISIONS)}")
    entry = known.get(finding)
    numeric = entry is None or entry.kind != "category"
    score, grade = _number(number, row, "score", problems), _number(number, row, "grade", problems)
    value = _number(number, row, "value", problems) if numeric else float("nan")
    if not np.isnan(score) and not 0 <= score <= 1:
        problems.append(f"row {number}: the score is {score:g}; scores are probabilities from 0 to 1")
    if entry is not None and entry.scale is not None and not np.isnan(grade) and grade not in entry.scale.steps:
        problems.append(f"row {number}: the grade is {grade:g}; the scale of {finding} is {', '.join(map(str, entry.scale.steps))}")
    package = " ".join(filter(None, (row.get("package", ""), row.get("package_version", ""))))[:80]
    model = row.get("model", "")
    return Prediction(number, row["study_id"], row["patient_id"], finding, level, side, score, grade, value, decision, model, package)


def _number(number: int, row: Mapping[str, str], column: str, problems: list[str]) -> float:
    text = row.get(column, "")
    if text.lower() in UNKNOWN_WORDS and text.lower() != "nan":
        return float("nan")
    try:
        value = float(text)
    except ValueError:
        problems.append(f"row {number}: the {column} is no number")
        return float("nan")
    if not np.isfinite(value):
        problems.append(f"row {number}: the {column} is not finite; leave the cell empty where there is none")
        return float("nan")
    return value


def one_model(predictions: Sequence[Prediction], model: str = "") -> tuple[Prediction, ...]:
    """The rows of one model. Raises InputError when there are several and none, or an unknown one, is named."""
    names = sorted({one.model for one in predictions})
    if not model and len(names) < 2:
        return tuple(predictions)
    if model not in names:
        raise InputError(
            "model-unclear",
            f"The table holds {len(names)} models, and one must be named.",
            where=", ".join(name or "(unnamed)" for name in names[:10]),
            what_to_do="Name one with --model.",
        )
    return tuple(one for one in predictions if one.model == model)


@dataclass(frozen=True, slots=True)
class Compared:
    """Truth beside predictions.

    Parameters
    ----------
    tables : one a finding with known truth, in the order of the truth; category findings are not judged
    unread : studies with truth and without any prediction; they are in the tables as missed
    unknown : studies with predictions and without truth; they are judged nowhere
    not_judged : findings that are not judged, or not as truth says them, with the reason
    stray : what has no counterpart: ('truth' or 'predictions', row, study, why)
    """

    tables: tuple[FindingTable, ...]
    unread: tuple[str, ...]
    unknown: tuple[str, ...]
    not_judged: tuple[tuple[str, str], ...]
    stray: tuple[tuple[str, int, str, str], ...] = ()


def compare_tables(
    predictions: Iterable[Prediction], truth: Iterable[Label], columns: Mapping[str, Mapping[str, str]] | None = None,
    *, beside: Iterable[Prediction] = (),
) -> Compared:  # fmt: skip
    """Join on study, finding, level and side; every row of known truth stays, answered or not. Where truth speaks of the whole joint and
    of its parts, it is judged at what predictions speak of; where it speaks of parts alone and they of the whole, as ``told_whole``.

    Parameters
    ----------
    beside : predictions of other models, judged on the same rows
    columns : column -> study_id -> value, such as sex and vendor of the manifest

    Raises
    ------
    InputError - a study with another patient in each table, two different truths of one site, no common study, or scores that are a
        copy of the truth
    """
    known, listed, said = catalogue(), list(truth), list(predictions)
    _refuse_other_patients(said, listed)
    answers = {(one.study_id, one.finding, one.level, one.side): one for one in said}
    read, named = {one.study_id for one in said}, {label.study_id for label in listed}
    if not read & named:
        raise InputError(
            "tables-disjoint",
            "No study is in both tables.",
            why="Rows are joined on study_id.",
            what_to_do="Use the same ids in predictions and truth.",
        )
    spoken = defaultdict[str, set[str]](set)
    for one in (*said, *beside):
        spoken[one.finding].add(one.level)
    once = told_once(listed, spoken)
    rows = _one_truth(list(once))
    parted = sorted({one.finding for one in rows if one.level and spoken[one.finding] == {""} and known[one.finding].kind == "binary"})
    rows = list(told_whole(rows, parted))
    not_judged = tuple((name, "categories are not judged") for name in dict.fromkeys(rows_finding(rows)) if known[name].kind == "category")
    tables = tuple(
        _table(known[name], [label for label in rows if label.finding == name], answers, columns or {})
        for name in dict.fromkeys(rows_finding(rows))
        if known[name].kind != "category"
    )
    _refuse_the_truth_itself(tables)
    silent = sorted({one.finding for one in said if one.study_id in named} - {label.finding for label in rows})
    not_judged += tuple((name, "there are predictions and no truth") for name in silent)
    not_judged += _at_other_sites(listed, once)
    not_judged += tuple((name, "truth names sites and predictions none; it counts as present where any site has it") for name in parted)
    return Compared(tables, tuple(sorted(named - read)), tuple(sorted(read - named)), not_judged, _stray(said, once, rows, answers))


def _at_other_sites(listed: Sequence[Label], once: Sequence[Label]) -> tuple[tuple[str, str], ...]:
    """Labels of parts beside the whole, or of the whole beside parts, that no prediction speaks of."""
    left = Counter((label.finding, bool(label.level)) for label in listed)
    left.subtract((label.finding, bool(label.level)) for label in once)
    words = {True: "of its parts; predictions speak of the whole joint", False: "of the whole joint; predictions speak of its parts"}
    return tuple((finding, f"{count} labels {words[part]}") for (finding, part), count in left.items() if count)


NO_TRUTH, NO_PREDICTION = "study without truth", "study without prediction"
NO_SITE, NO_ANSWER = "no truth of this finding at this site", "no prediction of this finding at this site"
NO_NUMBER = "a prediction without a number"
_NUMBERS = {"binary": "score", "ordinal": "grade", "measurement": "value"}


def _stray(
    said: Sequence[Prediction], listed: Sequence[Label], rows: Sequence[Label], answers: Mapping[tuple[str, str, str, str], Prediction]
) -> tuple[tuple[str, int, str, str], ...]:
    """Rows of either table that the other lacks: a study, a site of a finding that is judged, or the number there."""
    known = catalogue()
    read, named = {one.study_id for one in said}, {label.study_id for label in listed}
    sites = {(label.study_id, label.finding, label.level, label.side) for label in rows}
    judged = {label.finding for label in rows}
    found = [("truth", label.row, label.study_id, NO_PREDICTION) for label in listed if label.study_id not in read]
    for one in said:
        if one.study_id not in named:
            found.append(("predictions", one.row, one.study_id, NO_TRUTH))
        elif one.finding in judged and (one.study_id, one.finding, one.level, one.side) not in sites:
            found.append(("predictions", one.row, one.study_id, NO_SITE))
    for label in rows:
        answer = answers.get((label.study_id, label.finding, label.level, label.side))
        column = _NUMBERS.get(known[label.finding].kind)
        if not label.known or column is None or label.study_id not in read:
            continue
        if answer is None:
            found.append(("truth", label.row, label.study_id, NO_ANSWER))
        elif answer.decision == "not_assessed" or np.isnan(getattr(answer, column)):
            found.append(("predictions", answer.row, answer.study_id, NO_NUMBER))
    return tuple(found)


def _refuse_the_truth_itself(tables: Iterable[FindingTable]) -> None:
    """Scores that are 0 and 1 where the truth is, on so many rows, were copied from it (fault G46 of the methods reference)."""
    copied = []
    for one in tables:
        both = ~np.isnan(one.score) & ~np.isnan(one.truth)
        truth = one.truth[both]
        several = one.kind == "binary" and len(truth) >= _COPIED and len(np.unique(truth)) == 2
        if several and np.array_equal(one.score[both], truth):
            copied.append(one.finding)
    if copied:
        raise InputError(
            "scores-are-the-truth", f"The scores of {', '.join(copied)} are the truth itself.",
            why=f"All are exactly 0 or 1 and equal to the truth, on {_COPIED} rows or more: a column was copied over what is judged.",
            what_to_do="Give the scores that the reader gave. Calls without scores belong into the column decision.",
        )  # fmt: skip


def rows_finding(rows: Iterable[Label]) -> list[str]:
    """Finding of each row."""
    return [label.finding for label in rows]


def _table(
    entry: FindingEntry,
    rows: list[Label],
    answers: Mapping[tuple[str, str, str, str], Prediction],
    columns: Mapping[str, Mapping[str, str]],
) -> FindingTable:
    kept = [label for label in rows if label.known]
    given = [answers.get((label.study_id, label.finding, label.level, label.side)) for label in kept]

    def numbers(name: str) -> np.ndarray:
        return np.array(
            [float("nan") if one is None or one.decision == "not_assessed" else getattr(one, name) for one in given], np.float64
        )

    answer = numbers("grade") if entry.kind == "ordinal" else numbers("value")
    calls = [float("nan") if one is None else _CALLS.get(one.decision, float("nan")) for one in given]

    def texts(name: str) -> np.ndarray:
        return np.array([getattr(label, name) for label in kept], dtype=str)

    return FindingTable(
        entry.name,
        entry.kind,
        studies=texts("study_id"),
        patients=texts("patient_id"),
        levels=texts("level"),
        sides=texts("side"),
        truth=np.array([label.value for label in kept], np.float64),
        score=numbers("score"),
        given=answer,
        called=np.array(calls, np.float64),
        missed=np.array([one is None or one.decision == "not_assessed" for one in given], bool),
        scale=entry.scale.steps if entry.scale else (),
        unit=entry.unit,
        columns={name: np.array([by_study.get(label.study_id, "") for label in kept], dtype=str) for name, by_study in columns.items()},
        left_out={"unknown truth": len(rows) - len(kept)},
    )


def _one_truth(labels: list[Label]) -> list[Label]:
    """One row a site; several statements that agree count once. Raises InputError when they differ."""
    found: dict[tuple[str, str, str, str], Label] = {}
    differing: list[int] = []
    for label in labels:
        key = (label.study_id, label.finding, label.level, label.side)
        first = found.setdefault(key, label)
        if first.known and label.known and first.value != label.value:
            differing.append(label.row)
        elif label.known and not first.known:
            found[key] = label
    if differing:
        raise InputError(
            "truth-contradicts",
            f"{len(differing)} sites have two different truths.",
            where="truth rows " + told_rows(differing),
            why="Several readers or sources stated them.",
            what_to_do="Keep one statement a site (a consensus, or one source) in the truth table.",
        )
    return list(found.values())


def _refuse_other_patients(predictions: list[Prediction], truth: list[Label]) -> None:
    patients = {label.study_id: label.patient_id for label in truth}
    rows = [one.row for one in predictions if patients.get(one.study_id, one.patient_id) != one.patient_id]
    if rows:
        raise InputError(
            "patients-differ",
            f"{len(rows)} rows of predictions give a study another patient than the truth does.",
            where="rows " + told_rows(rows),
            why="Intervals count patients, so both tables must agree on who is who.",
            what_to_do="Use one patient_id in both tables.",
        )

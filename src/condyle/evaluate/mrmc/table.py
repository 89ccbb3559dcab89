"""The reading table as it comes from a file: one row a read, every problem found at once, with its row number.

Rows are (row number, cells) pairs, as the reader of CSV files gives them; nothing here touches the disk.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import isfinite

import numpy as np

from condyle.errors import InputError
from condyle.evaluate.mrmc.reads import Reads, reads_error
from condyle.evaluate.spelling import misspelt

Rows = Iterable[tuple[int, Mapping[str, str]]]
DECISIONS = {"absent": 0.0, "present": 1.0, "0": 0.0, "1": 1.0, "uncertain": None, "not_assessed": None}
UNKNOWN = frozenset({"", "na", "n/a", "nan", "null", "unknown", "?"})
NO_NUMBER = UNKNOWN - {"nan"}  # NaN among numbers is a calculation that failed, not an empty cell
VALUES = ("score", "decision")
MAX_NAMED = 20


@dataclass(frozen=True, slots=True)
class Read:
    """One read: who read what in which arm, what was said, how long it took.

    Parameters
    ----------
    row : of the table
    reader, study, finding, level, side, arm, seniority : str
    score : number, higher is more disease; None when none was given
    decision : 1 present, 0 absent, None when uncertain, not assessed or not given
    seconds : reading time of the study, or None
    period : reading period, 1 first; 0 when not given
    when : time stamp, or None
    made : the row says something (a score, or a decision, be it uncertain); else it is no read, whatever its other columns hold
    """

    row: int
    reader: str
    study: str
    finding: str
    level: str
    side: str
    arm: str
    seniority: str
    score: float | None
    decision: float | None
    seconds: float | None
    period: int
    when: datetime | None
    made: bool = True

    @property
    def case(self) -> tuple[str, str, str]:
        """Study, level, side: what one decision is about."""
        return self.study, self.level, self.side

    @property
    def valued(self) -> bool:
        """Is there a score or a decision to analyse?"""
        return self.score is not None or self.decision is not None


@dataclass(frozen=True, slots=True)
class Truth:
    """The reference standard of one case of one finding; ``value`` is 0, 1 or None when unknown, ``row`` that of its table (0: none)."""

    study: str
    patient: str
    finding: str
    level: str
    side: str
    value: float | None
    row: int = 0

    @property
    def case(self) -> tuple[str, str, str]:
        return self.study, self.level, self.side


@dataclass(frozen=True, slots=True, eq=False)
class Assembled:
    """Reads of one finding with truth, and what had to be left out, by reason."""

    reads: Reads
    excluded: dict[str, int]


def parse_reads(rows: Rows, *, where: str = "") -> tuple[Read, ...]:
    """Read a table with the columns ``reader_id, study_id, finding, arm`` and ``score`` or ``decision``.

    Optional: ``level, side, session, period, seconds, timestamp, seniority``.

    Raises
    ------
    TableError - missing columns, empty ids, numbers that are none, decisions, times or stamps that cannot be read, the same
        case read twice by one reader in one arm, a reader of two seniorities; all at once with row numbers
    """
    problems: list[str] = []
    found: list[Read] = []
    seen: dict[tuple[str, ...], int] = {}
    rank: dict[str, str] = {}
    listed = list(rows)
    _columns(listed, ("reader_id", "study_id", "finding", "arm"), problems)
    if listed and not set(VALUES) & set(listed[0][1]):
        problems.append("row 1: there is neither a column 'score' nor a column 'decision'")
    if problems:
        raise reads_error(problems, where)
    for number, cells in listed:
        read = _read(number, cells, problems)
        if read is None:
            continue
        key = (read.reader, read.arm, read.finding, *read.case)
        if key in seen:
            problems.append(f"row {number}: the same reader read this case in this arm in row {seen[key]} already")
        seen.setdefault(key, number)
        if rank.setdefault(read.reader, read.seniority) != read.seniority:
            problems.append(f"row {number}: this reader has another seniority in an earlier row")
        found.append(read)
    zoned = {read.when.tzinfo is not None for read in found if read.when is not None}
    if len(zoned) > 1:
        problems.append("timestamp: some have a time zone and some have none")
    if problems:
        raise reads_error(problems, where)
    return tuple(found)


def parse_truth(rows: Rows, *, where: str = "") -> tuple[Truth, ...]:
    """Read a truth table in long form: ``study_id, patient_id, finding, value``, optional ``level, side``.

    Raises
    ------
    TableError - missing columns, empty ids, values other than 0, 1 and empty, a statement twice, a study of two patients
    """
    problems: list[str] = []
    found: list[Truth] = []
    seen: dict[tuple[str, ...], int] = {}
    owner: dict[str, str] = {}
    listed = list(rows)
    _columns(listed, ("study_id", "patient_id", "finding", "value"), problems)
    if problems:
        raise reads_error(problems, where)
    for number, cells in listed:
        empty = [name for name in ("study_id", "patient_id", "finding") if not cells.get(name)]
        problems += misspelt(number, cells.get("finding", ""))
        problems += [f"row {number}: {name} is empty" for name in empty]
        value = _number(cells.get("value", ""))
        if cells.get("value", "").lower() not in UNKNOWN and value not in (0.0, 1.0):
            problems.append(f"row {number}: value must be 0, 1 or empty (unknown)")
            continue
        place = cells.get("level", ""), cells.get("side", "")
        truth = Truth(cells["study_id"], cells["patient_id"], cells["finding"], *place, value, number)
        key = (truth.finding, *truth.case)
        if key in seen:
            problems.append(f"row {number}: row {seen[key]} states the truth of this case already")
        seen.setdefault(key, number)
        if owner.setdefault(truth.study, truth.patient) != truth.patient:
            problems.append(f"row {number}: this study belongs to another patient in an earlier row")
        found.append(truth)
    if problems:
        raise reads_error(problems, where)
    return tuple(found)


def findings_of(reads: Sequence[Read]) -> tuple[str, ...]:
    """Findings in order of appearance."""
    return tuple(dict.fromkeys(read.finding for read in reads))


def unmatched(reads: Sequence[Read], truth: Sequence[Truth]) -> tuple[str, ...]:
    """Sentences that name the rows that found no partner: reads without truth, truth that nobody read, readers without a read."""
    known = {(one.finding, *one.case) for one in truth}
    read = {(one.finding, *one.case) for one in reads if one.made}
    alone = [one.row for one in reads if one.made and (one.finding, *one.case) not in known]
    findings = {one.finding for one in reads}
    unread = [one.row for one in truth if one.finding in findings and (one.finding, *one.case) not in read]
    silent = set(dict.fromkeys(one.reader for one in reads)) - {one.reader for one in reads if one.valued}
    said = []
    if alone:
        said.append(f"{len(alone)} reads have no row of truth and are left out: {_named(alone)} of the reading table.")
    if unread:
        said.append(f"{len(unread)} cases with truth were read by nobody: {_named(unread)} of the truth table.")
    if silent:
        said.append(
            f"{', '.join(sorted(silent))}: no row holds a score or a decision; not counted among the readers, and without reading times."
        )
    return tuple(said)


def _named(rows: Sequence[int]) -> str:
    more = f" and {len(rows) - MAX_NAMED} more" if len(rows) > MAX_NAMED else ""
    return f"row{'s' if len(rows) > 1 else ''} {', '.join(map(str, rows[:MAX_NAMED]))}{more}"


def assemble(
    reads: Sequence[Read],
    truth: Sequence[Truth],
    finding: str,
    *,
    value: str = "score",
    arms: Sequence[str] = (),
    readers: Sequence[str] = (),
) -> Assembled:
    """Put the reads of one finding beside its truth.

    Parameters
    ----------
    value : ``score`` or ``decision``
    arms, readers : to use, in this order; none uses all in order of appearance. A reader named here without a read is an error

    Raises
    ------
    InputError - no case of this finding has both reads and known truth, or a named arm or reader has no read
    """
    if value not in VALUES:
        raise InputError(
            "reads-value", f"Reads have a {' or a '.join(VALUES)}, not a {value!r}.", what_to_do="Ask for the score or for the decision."
        )
    known = {one.case: one for one in truth if one.finding == finding}
    own = [read for read in reads if read.finding == finding]
    out: Counter[str] = Counter()
    own, out["reads of cases without a row of truth"] = _split(own, lambda read: read.case in known)
    own, out["reads of cases of unknown truth"] = _split(own, lambda read: known[read.case].value is not None)
    own, out[f"reads without a {value} (uncertain, not assessed, empty)"] = _split(own, lambda read: getattr(read, value) is not None)
    used_arms = tuple(arms) or tuple(dict.fromkeys(read.arm for read in own))
    used_readers = tuple(readers) or tuple(dict.fromkeys(read.reader for read in own))
    own = [read for read in own if read.arm in used_arms and read.reader in used_readers]
    silent = [name for name in used_readers if not any(read.reader == name for read in own)]
    silent += [name for name in used_arms if not any(read.arm == name for read in own)]
    if not own or silent:
        raise InputError(
            "reads-none", f"There is no read of {finding} to use" + (f" of {', '.join(silent)}." if silent else "."),
            where=f"reading table, {_named(rows)}" if (rows := [one.row for one in reads if one.finding == finding]) else "",
            what_to_do="See that ids, finding, level and side are written alike in reads and truth.",
        )  # fmt: skip
    cases = tuple(dict.fromkeys(read.case for read in own))
    patients = tuple(dict.fromkeys(known[case].patient for case in cases))
    out["cases with truth that nobody read"] = sum(1 for case, one in known.items() if one.value is not None and case not in set(cases))
    case_at, patient_at = ({name: place for place, name in enumerate(names)} for names in (cases, patients))
    score = np.full((len(used_arms), len(used_readers), len(cases)), np.nan)
    for read in own:
        score[used_arms.index(read.arm), used_readers.index(read.reader), case_at[read.case]] = getattr(read, value)
    owner = np.array([patient_at[known[case].patient] for case in cases], np.intp)
    ill = np.array([known[case].value == 1 for case in cases])
    names = tuple(" ".join(filter(None, case)) for case in cases)
    return Assembled(
        Reads(used_arms, used_readers, names, patients, owner, ill, score), {reason: count for reason, count in out.items() if count}
    )


def _read(number: int, cells: Mapping[str, str], problems: list[str]) -> Read | None:
    before = len(problems)
    problems += [f"row {number}: {name} is empty" for name in ("reader_id", "study_id", "finding", "arm") if not cells.get(name)]
    problems += misspelt(number, cells.get("finding", ""))
    score, seconds = _number(cells.get("score", "")), _number(cells.get("seconds", ""))
    for name, value in (("score", score), ("seconds", seconds)):
        if value is None and cells.get(name, "").lower() not in NO_NUMBER:
            problems.append(f"row {number}: {name} is no finite number; leave the cell empty for a read that was not made")
    if seconds is not None and seconds <= 0:
        problems.append(f"row {number}: seconds must be above 0")
    word = cells.get("decision", "").lower()
    if word not in DECISIONS and word not in UNKNOWN:
        problems.append(f"row {number}: decision must be present, absent, uncertain or not_assessed")
    when = _stamp(cells.get("timestamp", ""))
    if when is None and cells.get("timestamp", "").lower() not in UNKNOWN:
        problems.append(f"row {number}: timestamp is not of the form 2026-03-01T09:30:00")
    period = _number(cells.get("period", ""))
    if cells.get("period", "").lower() not in UNKNOWN and (period is None or period < 1 or period != int(period)):
        problems.append(f"row {number}: period must be 1, 2, ...")
    if len(problems) > before:
        return None
    return Read(
        number, cells["reader_id"], cells["study_id"], cells["finding"], cells.get("level", ""), cells.get("side", ""), cells["arm"],
        cells.get("seniority", ""), score, DECISIONS.get(word), seconds, int(period or 0), when,
        score is not None or word not in UNKNOWN,
    )  # fmt: skip


def _columns(rows: Sequence[tuple[int, Mapping[str, str]]], required: Sequence[str], problems: list[str]) -> None:
    if not rows:
        problems.append("row 2: there are no rows")
    else:
        problems += [f"row 1: the column {name!r} is missing" for name in required if name not in rows[0][1]]


def _split(reads: Sequence[Read], keep: Callable[[Read], bool]) -> tuple[list[Read], int]:
    kept = [read for read in reads if keep(read)]
    return kept, len(reads) - len(kept)


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if isfinite(value) else None


def _stamp(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None

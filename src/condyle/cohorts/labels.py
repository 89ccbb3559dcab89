"""Labels: what is known about each finding of each study, in long form.

An empty value is unknown, never "negative". Ids stay text, so leading zeros survive. Columns are found by name.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from condyle.anatomy import JOINTS, FindingEntry
from condyle.anatomy.lumbar import TRANSITIONAL_LEVELS
from condyle.cohorts.table import UNKNOWN_WORDS, Table, read_table, table_error, write_table
from condyle.errors import did_you_mean
from condyle.study.role import SIDES

COLUMNS = ("study_id", "patient_id", "finding", "level", "side", "value", "reader_id", "source", "reliability")
_IDS = ("study_id", "patient_id", "level", "side", "reader_id", "source", "reliability")


@dataclass(frozen=True, slots=True)
class Label:
    """One statement of the reference standard.

    Parameters
    ----------
    study_id, patient_id : str
    finding : name in the anatomy catalogue
    level, side : str - empty for the whole joint
    value : binary 0 or 1, ordinal a step of the scale, measurement in the finding's unit, category as text; None is unknown
    reader_id, source : str - who said so, and from what (image readers, report, arthroscopy, simulation)
    reliability : float in [0, 1] or None
    row : of its table, the header being row 1; 0 when it comes from none
    """

    study_id: str
    patient_id: str
    finding: str
    level: str = ""
    side: str = ""
    value: float | str | None = None
    reader_id: str = ""
    source: str = ""
    reliability: float | None = None
    row: int = field(default=0, compare=False)

    @property
    def known(self) -> bool:
        return self.value is not None

    @property
    def present(self) -> bool | None:
        """Of a binary finding: True, False, or None when unknown."""
        return None if self.value is None else self.value == 1


def read_labels(path: Path | str, *, findings: Mapping[str, FindingEntry] | None = None) -> tuple[Label, ...]:
    """Read labels in long form (a column ``finding``) or in wide form (one column a finding).

    Parameters
    ----------
    path : the CSV file
    findings : name -> entry of the findings that may occur; default: all of the anatomy catalogue

    Returns
    -------
    One Label a row (long) or a filled or empty cell (wide), in file order. Columns of a wide table that are neither an
    id nor a finding, nor look like one misspelt, are left out.

    Raises
    ------
    InputError - the file cannot be read
    TableError - unknown findings, levels or sides, values off the scale, a study with two patients, a statement twice;
        all at once with row numbers
    """
    known = dict(findings) if findings is not None else catalogue()
    path = Path(path)
    table = read_table(path, what="label table", required=("study_id",))
    problems: list[str] = []
    if "finding" in table.columns:
        problems += [f"row 1: the column {name!r} is missing" for name in ("patient_id", "value") if name not in table.columns]
        cells = [(number, row.get("finding", ""), row.get("value", ""), row) for number, row in table.rows]
    else:
        problems += [f"row 1: the column {name!r} is missing" for name in ("patient_id",) if name not in table.columns]
        cells = _wide(table, known, problems)
    labels = []
    for number, finding, text, row in cells:
        label = _parse(number, finding, text, row, known, problems)
        if label is not None:
            labels.append((number, label))
    problems += _contradictions(labels)
    if problems:
        raise table_error(path, "label table", problems)
    return tuple(label for _, label in labels)


def write_labels(path: Path | str, labels: Iterable[Label]) -> Path:
    """Write labels in long form."""
    return write_table(path, COLUMNS, ({name: getattr(label, name) for name in COLUMNS} for label in labels))


def catalogue() -> dict[str, FindingEntry]:
    """Every finding of every joint by name."""
    return {entry.name: entry for joint in JOINTS.values() for entry in joint.findings}


def levels() -> tuple[str, ...]:
    """What may stand in the column ``level``: levels and compartments of every joint, the transitional levels included."""
    return tuple(level for joint in JOINTS.values() for level in (*joint.levels, *joint.compartments)) + TRANSITIONAL_LEVELS


def told_once(labels: Iterable[Label], spoken: Mapping[str, Collection[str]] | None = None) -> tuple[Label, ...]:
    """Labels without what a study says a second time: where a finding has labels of the whole joint (level '') and of its parts, those
    of the whole are kept.

    Parameters
    ----------
    spoken : finding -> levels that predictions speak of. Parts are kept where they speak of parts, the whole where they speak of both
        or of neither, too
    """
    listed, told = list(labels), defaultdict[tuple[str, str], set[str]](set)
    for label in listed:
        if label.known:
            told[label.study_id, label.finding].add(label.level)

    def kept(label: Label) -> bool:
        if not {""} < told[label.study_id, label.finding]:
            return True
        levels = set((spoken or {}).get(label.finding, ()))
        return bool(levels - {""}) if label.level else "" in levels or not levels

    return tuple(filter(kept, listed))


def told_whole(labels: Iterable[Label], findings: Collection[str]) -> tuple[Label, ...]:
    """Labels in which these binary findings are told of the whole joint where a study told them of parts alone: present where any part
    has it, absent where every part that anybody names is known to be free, else unknown; as they are learnt.

    Parameters
    ----------
    labels : one a site, none of a whole beside known parts
    """
    listed, every = list(labels), defaultdict[str, set[str]](set)
    parts: dict[tuple[str, str, str], list[Label]] = {}
    for label in listed:
        if label.finding in findings and label.level:
            every[label.finding].add(label.level)
            parts.setdefault((label.study_id, label.finding, label.side), []).append(label)

    def whole(own: list[Label]) -> Label:
        known = {label.level for label in own if label.known}
        present = any(label.present for label in own)
        return replace(own[0], level="", value=1.0 if present else 0.0 if known == every[own[0].finding] else None)

    wholes = {key: whole(own) for key, own in parts.items()}
    return tuple(dict.fromkeys(wholes.get((label.study_id, label.finding, label.side), label) for label in listed))


def _wide(table: Table, known: Collection[str], problems: list[str]) -> list[tuple[int, str, str, Mapping[str, str]]]:
    """The cells of a wide table in long order: (row, finding, text, row's cells)."""
    own = [name for name in table.columns if name in known]
    for name in table.columns:
        hint = "" if name in known or name in _IDS else did_you_mean(name.replace(" ", "_"), known)
        if hint:
            problems.append(f"row 1: the column {name!r} is no finding.{hint}")
    if not own:
        problems.append("row 1: there is neither a column 'finding' nor a column named after a finding")
    return [(number, name, row[name], row) for number, row in table.rows for name in own]


def _parse(
    number: int, finding: str, text: str, row: Mapping[str, str], known: Mapping[str, FindingEntry], problems: list[str]
) -> Label | None:
    before = len(problems)
    site = {name: row.get(name, "") for name in ("level", "side")}
    for name in ("study_id", "patient_id"):
        if not row.get(name, "") and name in row:
            problems.append(f"row {number}: {name} is empty")
    if finding not in known:
        problems.append(f"row {number}: unknown finding {finding[:40]!r}.{did_you_mean(finding, known)}")
    if site["level"] and site["level"] not in levels():
        problems.append(f"row {number}: unknown level {site['level'][:20]!r}.{did_you_mean(site['level'], map(str.lower, levels()))}")
    if site["side"] and site["side"] not in SIDES:
        problems.append(f"row {number}: side must be left, right or both")
    reliability = _reliability(number, row.get("reliability", ""), problems)
    value = value_of(number, known[finding], text, problems) if finding in known else None
    if len(problems) > before:
        return None
    return Label(
        row["study_id"],
        row.get("patient_id", ""),
        finding,
        site["level"],
        site["side"],
        value,
        row.get("reader_id", ""),
        row.get("source", ""),
        reliability,
        number,
    )


def value_of(number: int, entry: FindingEntry, text: str, problems: list[str]) -> float | str | None:
    """A cell as the finding's value; None is unknown. What it cannot be is added to the problems."""
    if text.lower() in UNKNOWN_WORDS:
        return None
    if entry.kind == "category":
        return text
    try:
        value = float(text)
    except ValueError:
        problems.append(f"row {number}: the value of {entry.name} is no number")
        return None
    if entry.kind == "binary" and value not in (0, 1):
        problems.append(f"row {number}: {entry.name} is {value:g}; it must be 0, 1 or empty (unknown)")
    elif entry.scale is not None and value not in entry.scale.steps:
        problems.append(f"row {number}: {entry.name} is {value:g}; its scale is {', '.join(map(str, entry.scale.steps))}")
    elif not abs(value) < 1e9:
        problems.append(f"row {number}: the value of {entry.name} is not finite")
    return value


def _reliability(number: int, text: str, problems: list[str]) -> float | None:
    if text.lower() in UNKNOWN_WORDS:
        return None
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        problems.append(f"row {number}: reliability must be a number from 0 to 1")
        return None
    return value


def _contradictions(labels: Iterable[tuple[int, Label]]) -> list[str]:
    problems: list[str] = []
    patients: dict[str, tuple[int, str]] = {}
    said: dict[tuple[str, ...], int] = {}
    for number, label in labels:
        first, patient = patients.setdefault(label.study_id, (number, label.patient_id))
        if patient != label.patient_id:
            problems.append(f"rows {first} and {number}: one study_id with two patient_ids")
        key = (label.study_id, label.finding, label.level, label.side, label.reader_id, label.source)
        if said.setdefault(key, number) != number:
            problems.append(f"rows {said[key]} and {number}: the same finding at the same site of the same study by the same reader")
    return problems

"""Joining: a table of labels with names of its own, brought to the studies that a scan found.

A hospital's table names studies by its own numbers and findings by its own words. A mapping of a few lines says which is which:

    study: accession           # the column that names the study
    names: folder              # what it names: folder, study_uid, patient_id, study_id
    findings:                  # finding (or finding/compartment) -> column of a wide table, word of a long one
      acl_injury: ACL tear
      meniscal_tear/medial: MM
    finding: structure         # long tables: the column of the finding, and that of the value
    value: result
    words: {positive: 1, negative: 0, equivocal: }   # what stands in the cells; 0, 1 and empty need no mention
    ignore: [Effusion]         # long tables: words of the column of the finding that are not wanted

What is empty, or has a word that stands for nothing, is unknown and never negative.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from condyle.cohorts.labels import COLUMNS, catalogue, levels, value_of
from condyle.cohorts.table import Table, joined_error, missing_columns, read_table, table_error, told_rows, write_table
from condyle.errors import InputError, TableError, did_you_mean
from condyle.intake import patient_key, study_key
from condyle.safe_yaml import read_yaml

Row = Mapping[str, Any]


class JoinMap(BaseModel):
    """Contents of the mapping file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    study: str
    names: Literal["folder", "study_uid", "patient_id", "study_id"] = "folder"
    findings: dict[str, str] = Field(min_length=1)
    finding: str = ""
    value: str = ""
    reader: str = ""
    source: str = ""
    words: dict[str, float | None] = Field(default_factory=dict)
    ignore: tuple[str, ...] = ()

    @field_validator("words", mode="before")
    @classmethod
    def _as_written(cls, words: object) -> object:
        """YAML takes a bare yes, no, on, off for truth values and 1 for a number; a table holds the words."""
        if not isinstance(words, dict):
            return words
        meant = {True: ("yes", "true", "on"), False: ("no", "false", "off")}
        return {word: value for key, value in words.items() for word in (meant[key] if isinstance(key, bool) else (str(key),))}

    def columns(self) -> tuple[str, ...]:
        """Columns that the table must have."""
        told = (self.finding, self.value) if self.finding else self.findings.values()
        return tuple(dict.fromkeys(name for name in (self.study, *told, self.reader, self.source) if name))

    def values(self) -> dict[str, str]:
        """Word, in lower case -> what it stands for, as a cell."""
        return {word.casefold(): "" if value is None else f"{value:g}" for word, value in self.words.items()}


@dataclass(frozen=True, slots=True)
class Joined:
    """Labels of the studies of a manifest.

    Parameters
    ----------
    rows : of labels.csv (column -> value)
    unmatched : rows of the table that name no study of the manifest, by their number
    silent : how many studies of the manifest the table says nothing about
    """

    rows: tuple[dict[str, Any], ...]
    unmatched: tuple[int, ...]
    silent: int


def read_join_map(path: Path | str) -> JoinMap:
    """Read a mapping.

    Raises
    ------
    InputError - it is no YAML mapping
    TableError - its keys or names are wrong; all of them
    """
    path = Path(path)
    found, problems = _parsed(path)
    if problems or found is None:
        raise _wrong(path, problems)
    return found


def read_join(mapping: Path | str, table: Path | str) -> JoinMap:
    """Read a mapping and look through the table that it is of, before any study is looked at.

    Raises
    ------
    InputError - one of the files cannot be read
    TableError - what is wrong with the mapping, and what is wrong with the table whichever studies there are; all at once
    """
    found, problems = _parsed(Path(mapping))
    errors: list[InputError] = [_wrong(Path(mapping), problems)] if problems else []
    if found is not None:
        try:
            read = read_table(table, what="label table")
            if told := _wrong_cells(read, found):
                errors.append(table_error(Path(table), "label table", told))
        except InputError as error:
            errors.append(error)
    if errors:
        raise errors[0] if len(errors) == 1 else joined_error(errors)
    assert found is not None
    return found


def _parsed(path: Path) -> tuple[JoinMap | None, list[str]]:
    """(the mapping where its keys are right, what is wrong with it)."""
    content = read_yaml(path, lambda reason: _wrong(path, [reason]))
    problems: list[str] = []
    found = None
    try:
        found = JoinMap.model_validate(content)
    except ValidationError as error:
        for one in error.errors():
            place = ".".join(map(str, one["loc"]))
            unknown = one["type"] == "extra_forbidden"
            problems.append(f"{place}: " + (f"unknown key.{did_you_mean(place, JoinMap.model_fields)}" if unknown else one["msg"]))
    else:
        if bool(found.finding) != bool(found.value):
            problems.append("finding and value are given together, for long tables, or not at all")
    named = content.get("findings")
    return found, problems + _wrong_names(named if isinstance(named, dict) else {})


def _wrong_names(names: Iterable[object]) -> list[str]:
    problems = []
    known = catalogue()
    for name in map(str, names):
        finding, _, site = name.partition("/")
        if finding not in known:
            problems.append(f"findings: {name!r} is no finding.{did_you_mean(finding, known)}")
        if site and site not in levels():
            problems.append(f"findings: {site!r} is no level or compartment.{did_you_mean(site, levels())}")
    return problems


def join_labels(rows: Sequence[Row], table: Path | str, mapping: JoinMap) -> Joined:
    """Bring the labels of a table to the studies of a manifest.

    Parameters
    ----------
    rows : of a manifest, as ``scan`` finds them (study_id, patient_id, path ...)
    table : CSV, wide (a column a finding) or long (a row a finding)

    Raises
    ------
    InputError - the table cannot be read, or names none of the studies
    TableError - missing columns, cells that mean nothing, names that fit several studies; all at once with row numbers
    """
    path = Path(table)
    read = read_table(path, what="label table")
    problems = _wrong_cells(read, mapping)
    if missing_columns(read, mapping.columns()):
        raise table_error(path, "label table", problems)
    studies = {str(row["study_id"]): str(row["patient_id"]) for row in rows}
    places = _places(rows, mapping.names)
    unmatched: list[int] = []
    out: list[dict[str, Any]] = []
    for number, cells in read.rows:
        found = places.get(_key(cells[mapping.study], mapping.names), set())
        if len(found) > 1:
            problems.append(f"row {number}: {mapping.study} fits {len(found)} studies; choose a name that is of one study")
        elif not found:
            unmatched.append(number)
        else:
            (study,) = found
            said = {"study_id": study, "patient_id": studies[study]}
            told = {"reader_id": cells[mapping.reader] if mapping.reader else "", "source": cells[mapping.source] if mapping.source else ""}
            out += [{**said, **one, **told} for one in _said(number, cells, mapping)]
    if problems:
        raise table_error(path, "label table", problems)
    if not out:
        raise InputError(
            "labels-match-nothing", "The label table names none of the studies.", where=path.name,
            why=f"None of its {len(read.rows)} rows fits a {mapping.names.replace('_', ' ')} of {len(studies)} studies.",
            what_to_do="Correct `study` and `names` in the mapping; ids are text, so leading zeros count.",
        )  # fmt: skip
    return Joined(tuple(out), tuple(unmatched), len(set(studies) - {one["study_id"] for one in out}))


def write_joined(path: Path | str, joined: Joined) -> Path:
    """Write the labels in long form."""
    return write_table(path, COLUMNS, ({name: row.get(name) for name in COLUMNS} for row in joined.rows))


def _places(rows: Sequence[Row], names: str) -> dict[str, set[str]]:
    """What a study may be called -> the studies that are."""
    out: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        study = str(row["study_id"])
        if names == "patient_id":
            out[str(row["patient_id"])].add(study)
        elif names in ("study_id", "study_uid"):
            out[study].add(study)
        else:
            for part in PurePosixPath(str(row["path"])).parts:
                out[part].add(study)
                out[part.split(".")[0]].add(study)
    return out


def _key(cell: str, names: str) -> str:
    """What a cell is looked up by. Scans keep keys in place of ids (HMAC), so ids from a table are keyed in the same way."""
    if names == "study_uid":
        return study_key(cell)
    return patient_key(cell) if names == "patient_id" else cell


def _named(cells: Mapping[str, str], mapping: JoinMap) -> list[tuple[str, str]]:
    """(finding, cell of its value) of what a row speaks of."""
    if mapping.finding:
        return [(name, cells[mapping.value]) for name, word in mapping.findings.items() if word == cells[mapping.finding]]
    return [(name, cells[column]) for name, column in mapping.findings.items() if column in cells]


def _said(number: int, cells: Mapping[str, str], mapping: JoinMap) -> Iterator[dict[str, Any]]:
    known, words = catalogue(), mapping.values()
    for name, text in _named(cells, mapping):
        finding, _, site = name.partition("/")
        yield {"finding": finding, "level": site, "value": value_of(number, known[finding], words.get(text.casefold(), text), [])}


def _wrong_cells(read: Table, mapping: JoinMap) -> list[str]:
    """Missing columns, and cells that mean nothing: a word that stands in many rows is told once."""
    problems = missing_columns(read, mapping.columns())
    if mapping.finding and not {mapping.finding, mapping.value} <= set(read.columns):
        return problems
    known, words, wanted = catalogue(), mapping.values(), {*mapping.findings.values(), *mapping.ignore, ""}
    strange: dict[str, list[int]] = defaultdict(list)
    for number, cells in read.rows:
        if mapping.finding and cells[mapping.finding] not in wanted:
            word = cells[mapping.finding][:40]
            near = did_you_mean(word, mapping.findings.values())
            strange[f"{mapping.finding} has the word {word!r}, which neither `findings` nor `ignore` names.{near}"].append(number)
        for name, text in _named(cells, mapping):
            entry, wrong = known.get(name.partition("/")[0]), list[str]()
            if entry is not None:
                value_of(number, entry, words.get(text.casefold(), text), wrong)
            if wrong and not _is_number(text):
                strange[f"{text[:40]!r} is no number, and `words` does not name it"].append(number)
            else:
                problems += wrong
    for text, rows in strange.items():
        problems.append(f"row{'s' if len(rows) > 1 else ''} {told_rows(rows)}: {text}" + (f" ({len(rows)} rows)" if len(rows) > 3 else ""))
    return problems


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _wrong(path: Path, problems: Sequence[str]) -> TableError:
    return TableError(
        "join-map-invalid", "The mapping of labels cannot be used.", where=path.name,
        why=f"{len(problems)} problem{'s were' if len(problems) > 1 else ' was'} found.", what_to_do="Correct the lines below.",
        problems=tuple(problems),
    )  # fmt: skip

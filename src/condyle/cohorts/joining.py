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

What is empty, or has a word that stands for nothing, is unknown and never negative.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from condyle.cohorts.labels import COLUMNS, catalogue, levels, value_of
from condyle.cohorts.table import read_table, table_error, write_table
from condyle.errors import InputError, did_you_mean
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

    @field_validator("words", mode="before")
    @classmethod
    def _as_written(cls, words: object) -> object:
        """YAML takes a bare yes, no, on, off for truth values and 1 for a number; a table holds the words."""
        if not isinstance(words, dict):
            return words
        meant = {True: ("yes", "true", "on"), False: ("no", "false", "off")}
        return {word: value for key, value in words.items() for word in (meant[key] if isinstance(key, bool) else (str(key),))}


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
    InputError - it is no YAML mapping, or its keys are wrong; all of them
    """
    path = Path(path)
    content = read_yaml(path, lambda reason: _wrong(path, reason))
    try:
        found = JoinMap.model_validate(content)
    except ValidationError as error:
        told = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
        raise _wrong(path, told) from None
    problems = [] if bool(found.finding) == bool(found.value) else ["finding and value are given together, for long tables, or not at all"]
    known = catalogue()
    for name in found.findings:
        finding, _, site = name.partition("/")
        if finding not in known:
            problems.append(f"findings: {name!r} is no finding.{did_you_mean(finding, known)}")
        if site and site not in levels():
            problems.append(f"findings: {site!r} is no level or compartment.{did_you_mean(site, levels())}")
    if problems:
        raise _wrong(path, "; ".join(problems))
    return found


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
    wanted = [mapping.study, *((mapping.finding, mapping.value) if mapping.finding else mapping.findings.values())]
    read = read_table(path, what="label table", required=[name for name in (*wanted, mapping.reader, mapping.source) if name])
    studies = {str(row["study_id"]): str(row["patient_id"]) for row in rows}
    places = _places(rows, mapping.names)
    problems: list[str] = []
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
            out += [{**said, **one, **told} for one in _said(number, cells, mapping, problems)]
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


def _said(number: int, cells: Mapping[str, str], mapping: JoinMap, problems: list[str]) -> Iterator[dict[str, Any]]:
    if mapping.finding:
        names = [name for name, word in mapping.findings.items() if word == cells[mapping.finding]]
        if not names and cells[mapping.finding]:
            problems.append(f"row {number}: {mapping.finding} has a word that `findings` does not name")
        told = [(name, cells[mapping.value]) for name in names]
    else:
        told = [(name, cells[column]) for name, column in mapping.findings.items()]
    known = catalogue()
    words = {word.casefold(): "" if value is None else f"{value:g}" for word, value in mapping.words.items()}
    for name, text in told:
        finding, _, site = name.partition("/")
        yield {"finding": finding, "level": site, "value": value_of(number, known[finding], words.get(text.casefold(), text), problems)}


def _wrong(path: Path, reason: str) -> InputError:
    return InputError(
        "join-map-invalid", "The mapping of labels cannot be used.", where=path.name, why=reason, what_to_do="Correct the file."
    )

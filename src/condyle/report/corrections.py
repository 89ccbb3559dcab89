"""corrections.json: what a person made of a reading, checked and put into it.

The report page writes the file (``templates/review.js``); ``corrected`` gives the reading that the final
documents are made from. What the package had said stays in ``Reading.reviews``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from condyle.anatomy import Joint
from condyle.errors import InputError, TableError
from condyle.report.statements import catalogue, entry_of
from condyle.study import Finding, Reading, Review, Site
from condyle.study.reading import Decision, ReviewAction

SCHEMA_VERSION = "1.0"
MAX_BYTES = 4 * 2**20
WITHDRAWN = "A reader rejected what the package said."

Short = Annotated[str, Field(max_length=64)]
# Initials or an id of a person, a date and a time: nothing that could hold a name or free text.
Reader = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{0,12}$")]
Time = Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:\d\d)$")]
Word = Annotated[str, Field(pattern=r"^[A-Za-z0-9 .+-]{1,24}$")]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, strict=True)


class SiteEntry(_Entry):
    level: Short = ""
    side: Short = ""
    compartment: Short = ""


class PackageEntry(_Entry):
    name: Short
    version: Short
    sha256: Short


class Value(_Entry):
    """What is said of a finding, in the words of reading.json."""

    decision: Decision
    grade: int | None = None
    value: Annotated[float, Field(ge=-1000, le=1000)] | Word | None = None


class Correction(_Entry):
    finding: Short
    site: SiteEntry
    action: ReviewAction
    original: Value
    corrected: Value | None = None
    at: Time

    @property
    def place(self) -> tuple[str, Site]:
        return self.finding, Site(self.site.level, self.site.side, self.site.compartment)


class Corrections(_Entry):
    """corrections.json."""

    schema_version: Literal["1.0"]
    study_key: Short
    package: PackageEntry
    reader: Reader = ""
    corrections: Annotated[list[Correction], Field(max_length=10_000)]


def load_corrections(path: str | Path) -> Corrections:
    """A corrections.json, believed only when all of it is understood.

    Raises
    ------
    InputError - unreadable, too large, not JSON, or of another schema version
    TableError - unknown fields, values that do not exist: all problems at once
    """
    path = Path(path)
    what = f"The file {path.name!r} cannot be read as corrections."
    advice = "Save corrections.json from the report page again."
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InputError("corrections-invalid", what, why=f"It is larger than {MAX_BYTES >> 20} MiB.", what_to_do=advice)
        content = json.loads(path.read_bytes())
    except OSError as error:
        raise InputError("corrections-unreadable", what, why=f"{error.strerror}.", what_to_do="Check the path and its rights.") from error
    except (ValueError, RecursionError) as error:
        raise InputError("corrections-invalid", what, why="It is not JSON.", what_to_do=advice) from error
    version = content.get("schema_version") if isinstance(content, dict) else None
    if version != SCHEMA_VERSION:
        raise InputError(
            "corrections-version", what, why=f"Its schema version is {version!r:.40}; this Condyle knows {SCHEMA_VERSION!r}.",
            what_to_do="Render the report with this version of Condyle and correct it there.",
        )  # fmt: skip
    try:
        return Corrections.model_validate_json(json.dumps(content))
    except ValidationError as error:
        wrong = error.errors(include_url=False, include_input=False)
        problems = tuple(dict.fromkeys(f"{'.'.join(_place(one['loc'])) or 'file'}: {one['msg']}" for one in wrong))
        raise TableError("corrections-invalid", what, why="Not all of it is understood.", what_to_do=advice, problems=problems) from error


def corrected(reading: Reading, corrections: Corrections) -> Reading:
    """The reading as a person left it; ``reviews`` hold what the package had said.

    Parameters
    ----------
    reading : as the package gave it, of the very study and package version that were corrected

    Raises
    ------
    InputError - corrections of another study, or of another package
    TableError - corrections that do not fit the reading: all problems at once
    """
    _refuse_others(reading, corrections)
    joint = catalogue(reading.joint)
    places = {(finding.finding, finding.site): number for number, finding in enumerate(reading.findings)}
    if problems := _problems(reading, corrections, places, joint):
        raise TableError(
            "corrections-do-not-fit", "The corrections do not fit this reading.", where=f"study {reading.study_key}",
            why="They were made on a report that said something else, or were changed by hand.",
            what_to_do="Open the report of this reading, correct it there and save corrections.json again.", problems=tuple(problems),
        )  # fmt: skip
    findings, reviews = list(reading.findings), []
    for one in corrections.corrections:
        number = places[one.place]
        original = findings[number]
        findings[number] = _final(original, one, joint)
        reviews.append(Review(one.action, original, corrections.reader, one.at))
    reviews.sort(key=lambda review: places[review.original.finding, review.original.site])
    return replace(reading, findings=tuple(findings), reviews=tuple(reviews))


def _refuse_others(reading: Reading, corrections: Corrections) -> None:
    if corrections.study_key != reading.study_key:
        raise InputError(
            "corrections-other-study", "The corrections belong to another study.",
            where=f"corrections of study {corrections.study_key!r:.40}, reading of study {reading.study_key!r}",
            why="Keys of one study are equal, unless the local key file was changed between the two.",
            what_to_do="Give the corrections that were saved from the report of this study.",
        )  # fmt: skip
    package = corrections.package
    if (package.name, package.version, package.sha256) != (reading.package.name, reading.package.version, reading.package.sha256):
        raise InputError(
            "corrections-other-package", "The corrections were made on a reading by another package or version.",
            where=f"corrected: {package.name!r:.40} {package.version!r:.40}; reading: {reading.package.name} {reading.package.version}",
            why="A correction says what was wrong with one package's statement; of another's it says nothing.",
            what_to_do="Read the study with the package that was corrected (--package), or correct the new report.",
        )  # fmt: skip
    if reading.reviews:
        raise InputError(
            "corrections-twice", "The reading has been corrected already.", where=f"study {reading.study_key}",
            why="What the package itself said would be lost.",
            what_to_do="Start from the study, or from the reading.json without corrections.",
        )  # fmt: skip


def _problems(reading: Reading, corrections: Corrections, places: Mapping[tuple[str, Site], int], joint: Joint) -> list[str]:
    problems: list[str] = []
    seen: set[tuple[str, Site]] = set()
    for number, one in enumerate(corrections.corrections):
        where = f"corrections.{number}"
        name, site = one.place
        at = " ".join(part for part in (site.side, site.compartment, site.level) if part) or "the whole joint"
        if one.place not in places:
            problems.append(f"{where}: the reading says nothing of {name!r} at {at}")
            continue
        if one.place in seen:
            problems.append(f"{where}: {name} at {at} is corrected twice")
        seen.add(one.place)
        finding = reading.findings[places[one.place]]
        if not _says(finding, one.original):
            problems.append(f"{where}: the reading does not say of {name} at {at} what the correction holds as original")
        problems += [f"{where}: {name} at {at}: {problem}" for problem in _wrong_value(finding, one, joint)]
    return problems


def _says(finding: Finding, value: Value) -> bool:
    same = isinstance(finding.value, str) or isinstance(value.value, str) or None in (finding.value, value.value)
    close = finding.value == value.value if same else abs(float(finding.value or 0) - float(value.value or 0)) < 1e-6
    return close and (finding.decision, finding.grade) == (value.decision, value.grade)


def _wrong_value(finding: Finding, one: Correction, joint: Joint) -> list[str]:
    """What is wrong with the corrected value, given the kind of the finding and its scale."""
    if one.action == "rejected" and finding.decision == "not_assessed":
        return ["it was not assessed, so there is nothing to reject"]
    if one.action != "changed":
        return [f"a finding that was {one.action} has no corrected value"] if one.corrected is not None else []
    value = one.corrected
    if value is None:
        return ["a changed finding needs the corrected value"]
    if value.decision == "not_assessed":
        return ["a value that is withdrawn is 'rejected', not changed to 'not_assessed'"]
    problems = []
    if finding.kind != "ordinal" and value.grade is not None:
        problems.append(f"a {finding.kind} finding has no grade")
    if finding.kind in ("binary", "ordinal") and value.value is not None:
        problems.append(f"a {finding.kind} finding has no measured value")
    if finding.kind != "binary" and value.decision != "present":
        problems.append(f"a {finding.kind} finding is given ('present') or rejected, not {value.decision!r}")
    scale = entry_of(finding.finding, joint, finding.kind).scale
    if finding.kind == "ordinal" and (value.grade is None or (scale is not None and value.grade not in scale.steps)):
        problems.append(f"grade {value.grade} is not on its scale" + (f" ({scale.steps[0]} to {scale.steps[-1]})" if scale else ""))
    wanted: type | tuple[type, ...] = (int, float) if finding.kind == "measurement" else str
    if finding.kind in ("measurement", "category") and not isinstance(value.value, wanted):
        problems.append(f"a {finding.kind} needs a {'number' if finding.kind == 'measurement' else 'word'} as value")
    if _says(finding, value):
        problems.append("the corrected value is the original one; that is 'accepted'")
    return problems


def _final(original: Finding, one: Correction, joint: Joint) -> Finding:
    """A person gives a value, not a probability: score and probabilities stay with the original."""
    if one.action == "accepted":
        return original
    bare = Finding(original.finding, original.site, original.kind, "not_assessed", evidence=original.evidence, reason=WITHDRAWN)
    if one.action == "rejected" or one.corrected is None:
        return bare
    new = one.corrected
    unit = original.unit or entry_of(original.finding, joint, original.kind).unit
    return replace(bare, decision=new.decision, grade=new.grade, value=new.value, unit=unit, reason="")


def _place(location: tuple[int | str, ...]) -> list[str]:
    """The path of a value in the file, without the names that pydantic gives to the branches of a union."""
    return [str(part)[:60] for part in location if part not in ("float", "constrained-str", "str")]

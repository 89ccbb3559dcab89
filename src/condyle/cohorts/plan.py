"""The plan of an evaluation, fixed and hashed before the truth is opened, and the log of openings.

The log lies beside the truth table as ``<name>.openings.jsonl``: one line each time the table is opened, with the hash of the
truth, the hash of the plan (empty without one), and the time. It holds no result.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

import condyle
from condyle.cohorts.labels import catalogue
from condyle.cohorts.table import table_error
from condyle.errors import InputError, did_you_mean
from condyle.outputs import cannot_write
from condyle.safe_yaml import load_yaml

MAX_BYTES = 2**20
OF_TIMES = ("time ratio",)  # of a column of times: seconds of reads, any time of a trial
OF_MASKS = ("dice", "iou", "surface dice", "hd95, mm", "assd, mm", "panoptic quality", "recall of objects", "precision of objects")


class EndpointPlan(BaseModel):
    """One endpoint: a metric of a finding (or of a group of findings) and what must be shown of it.

    Either ``at_least``: the value itself must lie above it (``at_most``: below it, for errors and distances). Or ``comparison``
    ('aided - unaided', 'second - first'): the difference must lie above 0, or, with a ``margin``, above minus the margin
    (non-inferiority); of errors, where lower is better, below 0 or below the margin. A ``time ratio`` names a column of times as its
    finding (``seconds``) and must lie below 1, or below 1 + margin. ``family`` orders the endpoints under gatekeeping: the second is
    tested only when everything in the first was met.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    finding: str
    metric: str = "AUROC"
    at_least: float | None = Field(default=None, gt=0, lt=1)
    at_most: float | None = Field(default=None, gt=0)
    comparison: str = ""
    margin: float | None = Field(default=None, gt=0)
    site: str = "all"
    family: int = Field(default=1, ge=1, le=9)

    @model_validator(mode="after")
    def _one_claim(self) -> EndpointPlan:
        if sum((self.at_least is not None, self.at_most is not None, bool(self.comparison))) != 1:
            raise ValueError("an endpoint needs either at_least, at_most or comparison")
        if self.margin is not None and not self.comparison:
            raise ValueError("a margin needs a comparison")
        if self.metric.lower() in OF_TIMES and not self.comparison:
            raise ValueError("a time ratio needs a comparison; it must lie below 1, or below 1 + margin")
        return self


class BootstrapPlan(BaseModel):
    """Resamples of patients."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    n: int = Field(default=2000, ge=100, le=100_000)
    seed: int = Field(default=0, ge=0)
    interval: Literal["percentile", "bca"] = "percentile"


class BandPlan(BaseModel):
    """A band of the ROC curve whose partial area is wanted: two rising numbers on one axis."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    axis: Literal["specificity", "sensitivity"] = "specificity"
    low: float = Field(ge=0, lt=1)
    high: float = Field(gt=0, le=1)

    @model_validator(mode="after")
    def _rising(self) -> BandPlan:
        if not self.low < self.high:
            raise ValueError("low must be below high")
        return self


class ReadersPlan(BaseModel):
    """How readers are analysed: ``or`` Obuchowski-Rockette, ``dbm`` Dorfman-Berbaum-Metz, ``u`` U-statistics, ``auto`` by the design.

    ``arms`` lists what is compared, the base first; three or more have a test of all at once before the pairs.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    method: Literal["auto", "or", "dbm", "u"] = "auto"
    readers: Literal["random", "fixed"] = "random"
    cases: Literal["random", "fixed"] = "random"
    arms: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _several(self) -> ReadersPlan:
        if self.arms and (len(self.arms) < 2 or len(set(self.arms)) < len(self.arms)):
            raise ValueError("arms must be two different names or more")
        return self


class Plan(BaseModel):
    """What an evaluation will do.

    ``level`` of the intervals is 1 - alpha, so that the limit of an endpoint and its test say the same; a plan may only repeat it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = ""
    endpoints: tuple[EndpointPlan, ...] = ()
    alpha: float = Field(default=0.05, gt=0, lt=0.5)
    multiplicity: Literal["none", "bonferroni", "holm", "hochberg", "benjamini-hochberg", "fixed-sequence", "gatekeeping"] = "none"
    groups: Mapping[str, tuple[str, ...]] = Field(default_factory=dict)
    subgroups: tuple[str, ...] = ()
    cohorts: str = ""
    clusters: Literal["patient_id"] = "patient_id"
    level: float | None = None
    proportions: Literal["wilson", "exact"] = "wilson"
    prevalences: tuple[float, ...] = ()
    partial_areas: tuple[BandPlan, ...] = ()
    failures: Literal["exclude", "wrong"] = "exclude"
    bootstrap: BootstrapPlan = Field(default_factory=BootstrapPlan)
    mrmc: ReadersPlan = Field(default_factory=ReadersPlan)
    thresholds: str = ""

    @model_validator(mode="after")
    def _of_alpha(self) -> Plan:
        if self.level is not None and abs(self.level - self.confidence) > 1e-9:
            raise ValueError(
                f"level {self.level:g} does not belong to alpha {self.alpha:g}: intervals are 1 - alpha = {self.confidence:g}; "
                "leave level out, or change alpha"
            )
        return self

    @property
    def confidence(self) -> float:
        """Of all intervals: 1 - alpha."""
        return round(1 - self.alpha, 12)


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan with the sha256 of its file and, when it names one, of the thresholds it fixes: finding -> threshold."""

    plan: Plan
    sha256: str
    thresholds: Mapping[str, float]
    thresholds_sha256: str = ""


def read_plan(path: Path | str) -> Planned:
    """Read a plan and its frozen thresholds.

    Raises
    ------
    InputError - a file cannot be read
    TableError - unknown keys or findings, values out of range, a threshold chosen on test data; all at once
    """
    path = Path(path)
    raw = _bytes(path, "plan")
    given = _yaml(path, raw, "plan")
    problems: list[str] = []
    plan = None
    try:
        plan = Plan.model_validate(given)
    except ValidationError as error:
        problems += [_problem(one, Plan.model_fields) for one in error.errors()]
    known = set(catalogue())
    if plan is None:
        listed = [one for one in given.get("endpoints") or () if isinstance(one, dict)]
        asked = [one.get("finding") for one in listed if str(one.get("metric", "")).lower() not in (*OF_MASKS, *OF_TIMES)]
        grouped = given.get("groups") if isinstance(given.get("groups"), dict) else {}
        problems += _unknown([("endpoints", name, known | set(map(str, grouped or {}))) for name in asked if isinstance(name, str)])
        raise table_error(path, "plan", problems)
    groups = set(plan.groups)
    # Structures of masks and columns of times are named by their table, not by the catalogue.
    named = [("endpoints", one.finding, known | groups) for one in plan.endpoints if one.metric.lower() not in (*OF_MASKS, *OF_TIMES)]
    named += [(f"groups.{group}", name, known) for group, names in plan.groups.items() for name in names]
    problems += _unknown(named)
    problems += [f"prevalences: {one:g} is not between 0 and 1" for one in plan.prevalences if not 0 < one < 1]
    thresholds, digest = _thresholds(path.parent / plan.thresholds, problems) if plan.thresholds else ({}, "")
    if problems:
        raise table_error(path, "plan", problems)
    return Planned(plan, hashlib.sha256(raw).hexdigest(), thresholds, digest)


def _unknown(named: Iterable[tuple[str, str, Collection[str]]]) -> list[str]:
    """(where, name, what it may be): a problem for each name that is none of these."""
    return [f"{where}: unknown finding {name!r}.{did_you_mean(name, choices)}" for where, name, choices in named if name not in choices]


def read_thresholds(path: Path | str) -> tuple[dict[str, float], str]:
    """Frozen thresholds, finding -> threshold, and the sha256 of their file.

    Raises
    ------
    InputError - the file cannot be read
    TableError - unknown findings, values out of range, a threshold chosen on test data; all at once
    """
    problems: list[str] = []
    found = _thresholds(Path(path), problems)
    if problems:
        raise table_error(Path(path), "thresholds", problems)
    return found


def _thresholds(file: Path, problems: list[str]) -> tuple[dict[str, float], str]:
    """finding -> {threshold, chosen_on}; test data may not have chosen one."""
    raw = _bytes(file, "thresholds")
    found: dict[str, float] = {}
    for finding, entry in _yaml(file, raw, "thresholds").items():
        where = f"{file.name}: {finding}"
        if finding not in catalogue():
            problems.append(f"{where}: unknown finding.{did_you_mean(str(finding), catalogue())}")
        if not isinstance(entry, dict) or set(entry) != {"threshold", "chosen_on"}:
            problems.append(f"{where}: needs exactly threshold and chosen_on")
            continue
        if entry["chosen_on"] not in ("train", "validation", "pre-specified"):
            problems.append(
                f"{where}: chosen_on must be train, validation or pre-specified; a threshold chosen on the data that judge it is refused"
            )
        if not isinstance(entry["threshold"], int | float) or not 0 <= entry["threshold"] <= 1:
            problems.append(f"{where}: the threshold must be a number from 0 to 1")
            continue
        found[str(finding)] = float(entry["threshold"])
    return found, hashlib.sha256(raw).hexdigest()


def unjudged(listed: Sequence[EndpointPlan], judged: Sequence[EndpointPlan]) -> tuple[str, ...]:
    """A sentence for each endpoint of a plan that belongs to another analysis: it is neither met nor not, and says so."""
    return tuple(
        f"Endpoint {one.finding} {one.comparison or one.metric} of the plan is judged by another command; the rule of multiplicity "
        "counts it here as not shown (p = 1)."
        for one in listed
        if one not in judged
    )


def log_opening(truth: Path | str, plan_sha256: str, *, command: str) -> tuple[Mapping[str, Any], ...]:
    """Write one line to the log of a truth table, before it is read, and return the earlier lines.

    Raises InputError or ResourceError when the log cannot be written: a truth that leaves no trace is not opened.
    """
    truth = Path(truth)
    log = truth.with_name(truth.name + ".openings.jsonl")
    digest = hashlib.sha256(_bytes(truth, "truth table", limit=2**28)).hexdigest()
    earlier = _earlier(log)
    line = {
        "opened": datetime.now(UTC).isoformat(timespec="seconds"), "truth_sha256": digest, "plan_sha256": plan_sha256,
        "command": command, "condyle_version": condyle.__version__,
    }  # fmt: skip
    try:
        with log.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise cannot_write(log, error) from error
    return tuple(one for one in earlier if one.get("truth_sha256") == digest)


def _earlier(log: Path) -> list[dict[str, Any]]:
    if not log.exists():
        return []
    lines = _bytes(log, "log of openings", limit=2**26).decode("utf-8", errors="replace").splitlines()
    found = []
    for number, line in enumerate(lines, start=1):
        try:
            one = json.loads(line)
        except (ValueError, RecursionError):
            one = None
        if not isinstance(one, dict):
            raise InputError(
                "openings-damaged", "The log of openings cannot be read.", where=f"{log.name}, line {number}",
                why="It is the record of who saw the truth and when.", what_to_do="Restore it from a copy; do not delete it.",
            )  # fmt: skip
        found.append(one)
    return found


def _problem(error: Any, fields: Mapping[str, Any]) -> str:
    where = ".".join(str(part) for part in error["loc"])
    if error["type"] == "extra_forbidden":
        return f"{where}: unknown key.{did_you_mean(str(error['loc'][-1]), fields)}"
    return f"{where}: {error['msg']}"


def _yaml(path: Path, raw: bytes, what: str) -> dict[str, Any]:
    return load_yaml(raw, lambda reason: table_error(path, what, [reason]))


def _bytes(path: Path, what: str, *, limit: int = MAX_BYTES) -> bytes:
    try:
        if path.stat().st_size > limit:
            raise InputError(
                "file-too-large", f"The {what} is larger than {limit >> 20} MiB.", where=path.name, what_to_do="Name the right file.",
            )  # fmt: skip
        return path.read_bytes()
    except OSError as error:
        raise InputError(
            "file-unreadable", f"The {what} cannot be read.", where=path.name, why=error.strerror or "", what_to_do="Check the path."
        ) from error

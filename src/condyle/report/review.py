"""What a reader can answer to each finding on the page, and what a reader did answer."""

from __future__ import annotations

import json
from dataclasses import dataclass

from condyle.anatomy import Joint
from condyle.report.sites import site_title
from condyle.report.statements import entry_of, how_sure, statement
from condyle.study import Finding, Reading, Review
from condyle.study.reading import ReviewAction

DONE: tuple[ReviewAction, ...] = ("accepted", "changed", "rejected")


@dataclass(frozen=True, slots=True)
class Question:
    """The control of one finding: accept it, change it to one of ``choices`` or to a typed value, reject it.

    Parameters
    ----------
    choices : (words, what corrections.json will hold as the corrected value, as JSON)
    typed : 'number', 'text' or '' - what a typed value is
    original : what the reading says, as JSON
    assessed : a finding that was not assessed can be given a value, but not rejected
    """

    label: str
    title: str
    finding: str
    level: str
    side: str
    compartment: str
    original: str
    assessed: bool
    choices: tuple[tuple[str, str], ...]
    typed: str
    unit: str


def question(finding: Finding, joint: Joint) -> Question:
    """The control of a finding."""
    entry = entry_of(finding.finding, joint, finding.kind)
    choices: list[tuple[str, str]] = []
    if finding.kind == "binary":
        choices = [(word, _value(decision=word)) for word in ("present", "absent", "uncertain") if word != finding.decision]
    elif finding.kind == "ordinal" and entry.scale:
        choices = [(f"grade {step}", _value(grade=step)) for step in entry.scale.steps if step != finding.grade]
    typed = {"measurement": "number", "category": "text"}.get(finding.kind, "")
    site = finding.site
    return Question(
        f"Your answer: {entry.title}, {site_title(site, joint)}", entry.title, finding.finding, site.level, site.side, site.compartment,
        _value(finding.decision, finding.grade, finding.value), finding.decision != "not_assessed", tuple(choices), typed,
        finding.unit or entry.unit,
    )  # fmt: skip


def said(finding: Finding, joint: Joint) -> str:
    """What a finding says in a few words: 'present (87%)', 'grade 4', '7.2 mm', 'not assessed'."""
    if finding.decision == "not_assessed":
        return "not assessed"
    if finding.kind == "binary":
        sure = how_sure(finding, joint)
        return f"{finding.decision} ({sure})" if sure else finding.decision
    entry = entry_of(finding.finding, joint, finding.kind)
    return statement(finding, joint).removeprefix(entry.title).strip()


def review_note(review: Review, joint: Joint) -> str:
    """'changed by AB on 2026-11-22; the package said: present (87%)'."""
    by = f" by {review.by}" if review.by else ""
    on = f" on {review.at[:10]}" if review.at else ""
    package = "" if review.action == "accepted" else f"; the package said: {said(review.original, joint)}"
    return f"{review.action}{by}{on}{package}"


def review_headline(reading: Reading) -> str:
    """'Reviewed by AB: 57 of 60 findings, 2 changed, 1 rejected'; empty when nobody did."""
    if not reading.reviews:
        return ""
    readers = sorted({review.by for review in reading.reviews if review.by})
    actions = [review.action for review in reading.reviews]
    counts = [f"{actions.count(action)} {action}" for action in DONE if action in actions]
    by = f" by {', '.join(readers)}" if readers else ""
    return f"Reviewed{by}: {len(reading.reviews)} of {len(reading.findings)} findings ({', '.join(counts)})"


def _value(decision: str = "present", grade: int | None = None, value: float | str | None = None) -> str:
    return json.dumps({"decision": decision, "grade": grade, "value": value})

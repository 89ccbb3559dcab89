"""One sentence a site, as a person would dictate it."""

from __future__ import annotations

from collections.abc import Iterable

from condyle.anatomy import Joint
from condyle.report.sites import in_words
from condyle.report.statements import how_sure, statement, title, weight
from condyle.study import Finding


def site_sentence(findings: Iterable[Finding], joint: Joint) -> str:
    """What is abnormal, what is uncertain, what else was graded, what is absent, what was measured, what was not assessed."""
    by_weight: dict[str, list[Finding]] = {}
    for finding in findings:
        by_weight.setdefault(weight(finding, joint), []).append(finding)
    parts: list[str] = []
    if abnormal := by_weight.get("abnormal"):
        parts.append(in_words([_with_sureness(finding, joint) for finding in abnormal]))
    if uncertain := by_weight.get("uncertain"):
        parts.append("uncertain: " + in_words([_with_sureness(finding, joint) for finding in uncertain]))
    given = by_weight.get("given", [])
    if graded := [finding for finding in given if finding.kind != "measurement"]:
        parts.append(in_words([lower_first(statement(finding, joint)) for finding in graded]))
    if normal := by_weight.get("normal"):
        parts.append("no " + in_words([lower_first(title(finding, joint)) for finding in normal], "or"))
    if measured := [finding for finding in given if finding.kind == "measurement"]:
        parts.append(in_words([lower_first(statement(finding, joint)) for finding in measured]))
    if gaps := by_weight.get("not_assessed"):
        parts.append("not assessed: " + in_words([lower_first(title(finding, joint)) for finding in gaps]))
    sentence = "; ".join(parts)
    return f"{sentence[:1].upper()}{sentence[1:]}." if sentence else ""


def lower_first(text: str) -> str:
    """Lower case at the start, but not of a name or an abbreviation ('Modic', 'ACL', 'Pfirrmann')."""
    word = text.split(" ")[0]
    return text if word[1:] != word[1:].lower() or word in _NAMES else text[:1].lower() + text[1:]


# Eponyms keep their capital inside a sentence.
_NAMES = {"Modic", "Pfirrmann", "Schmorl", "Bankart", "Meyerding", "Hill-Sachs"}


def _with_sureness(finding: Finding, joint: Joint) -> str:
    sure = how_sure(finding, joint)
    return lower_first(statement(finding, joint)) + (f" ({sure})" if sure else "")

"""Marked findings as a list for ten seconds: by site while they are few, by finding when they are many.

A spine with wear at every level has fifty marked findings. Told level by level nobody reads them; told as a
person dictates them ("narrowing from L1-L2 to L5-S1") they are eight lines.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from condyle.anatomy import Joint
from condyle.report.sites import anchor, in_ranges, in_words, site_title
from condyle.report.statements import entry_of, percent, statement, sure_probability, weight
from condyle.study import Finding, Site

MANY = 12


@dataclass(frozen=True, slots=True)
class Item:
    """What is said, and how sure."""

    text: str
    sure: str


@dataclass(frozen=True, slots=True)
class Line:
    """One line: a site with its findings, or a finding with its sites (then without an anchor)."""

    head: str
    anchor: str
    items: tuple[Item, ...]


def lines(findings: Sequence[Finding], sites: Sequence[Site], joint: Joint, wanted: str) -> tuple[Line, ...]:
    """The findings of one weight.

    Parameters
    ----------
    findings : of the whole reading
    sites : of the whole reading, in reading order
    wanted : 'abnormal' or 'uncertain'
    """
    marked = [finding for finding in findings if weight(finding, joint) == wanted]
    return _by_finding(marked, sites, joint) if len(marked) > MANY else _by_site(marked, sites, joint)


def _by_site(marked: Sequence[Finding], sites: Sequence[Site], joint: Joint) -> tuple[Line, ...]:
    here = {site: tuple(finding for finding in marked if finding.site == site) for site in sites}
    return tuple(
        Line(site_title(site, joint), anchor(site), tuple(Item(statement(finding, joint), _sure([finding], joint)) for finding in found))
        for site, found in here.items()
        if found
    )


def _by_finding(marked: Sequence[Finding], sites: Sequence[Site], joint: Joint) -> tuple[Line, ...]:
    groups: dict[str, list[Finding]] = {}
    for finding in sorted(marked, key=lambda finding: finding.grade or 0):
        groups.setdefault(statement(finding, joint), []).append(finding)
    order = {entry.name: number for number, entry in enumerate(joint.findings)}
    told = sorted(groups.items(), key=lambda group: order.get(group[1][0].finding, len(order)))
    return tuple(
        Line(said, "", (Item(in_words(in_ranges((finding.site for finding in found), sites, joint)), _sure(found, joint)),))
        for said, found in told
    )


def _sure(found: Sequence[Finding], joint: Joint) -> str:
    """'62%', '69% to 99%'; with the threshold where the number alone would surprise: in doubt, or present below one half."""
    probabilities = [probability for finding in found if (probability := sure_probability(finding, joint)) is not None]
    if not probabilities:
        return ""
    low, high = percent(min(probabilities)), percent(max(probabilities))
    text = low if low == high else f"{low} to {high}"
    first = found[0]
    if first.kind == "ordinal":
        scale = entry_of(first.finding, joint, first.kind).scale
        return f"grade {scale.marked_from}–{scale.steps[-1]}: {text}" if scale and scale.marked_from is not None else text
    surprising = first.decision == "uncertain" or min(probabilities) < 0.5
    return f"{text}, threshold {percent(first.threshold)}" if surprising and first.threshold is not None else text

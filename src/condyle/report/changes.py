"""A comparison in words, for documents: what changed, what did not, what could not be judged."""

from __future__ import annotations

from dataclasses import dataclass

from condyle.anatomy import Joint
from condyle.report.review import said
from condyle.report.sites import in_reading_order, in_words, site_title, some_or_all
from condyle.report.statements import entry_of
from condyle.study import Change, Finding, Reading

_UNITS = {"mm": "mm", "grade": "grades", "logit": "on the log-odds scale"}


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """One finding at one site, before and now."""

    site: str
    title: str
    before: str
    now: str
    difference: str
    limit: str


@dataclass(frozen=True, slots=True)
class ComparisonRows:
    """The comparison of a reading.

    Parameters
    ----------
    not_comparable : (reason, which findings), one a reason
    """

    headline: str
    changed: tuple[ChangeRow, ...]
    others: tuple[ChangeRow, ...]
    not_comparable: tuple[tuple[str, str], ...]


def in_rows(reading: Reading, joint: Joint) -> ComparisonRows:
    """The comparison that a reading holds, in reading order."""
    assert reading.comparison is not None
    sites = in_reading_order((_finding(one).site for one in reading.comparison.changes), joint)
    changes = sorted(reading.comparison.changes, key=lambda one: sites.index(_finding(one).site))
    changed = tuple(_row(one, joint) for one in changes if one.verdict == "changed")
    others = tuple(_row(one, joint) for one in changes if one.verdict == "unchanged")
    reasons: dict[str, list[Finding]] = {}
    for one in changes:
        if one.verdict == "not_comparable":
            reasons.setdefault(one.reason, []).append(_finding(one))
    unjudged = tuple((reason, _which(found, reading, joint)) for reason, found in reasons.items())
    return ComparisonRows(_headline(changed, others), changed, others, unjudged)


def _headline(changed: tuple[ChangeRow, ...], others: tuple[ChangeRow, ...]) -> str:
    if changed:
        shown = [f"{row.site} {row.title[:1].lower()}{row.title[1:]}, {row.before} before, {row.now} now" for row in changed[:6]]
        more = f"; and {len(changed) - 6} more" if len(changed) > 6 else ""
        return f"beyond the error of measurement changed: {'; '.join(shown)}{more}."
    return "nothing changed beyond the error of measurement." if others else "no change could be judged."


def _row(change: Change, joint: Joint) -> ChangeRow:
    one = _finding(change)
    unit = _UNITS.get(change.unit, change.unit)
    difference = "" if change.difference is None else f"{change.difference:+.1f} {unit}".replace("-", "−", 1)
    limit = "" if change.limit is None else f"± {change.limit:.1f} {unit}"
    before, now = ("not given" if finding is None else said(finding, joint) for finding in (change.before, change.now))
    return ChangeRow(site_title(one.site, joint), entry_of(one.finding, joint, one.kind).title, before, now, difference, limit)


def _which(found: list[Finding], reading: Reading, joint: Joint) -> str:
    """'Disc height at L4-L5 and L5-S1; vertebral slip at all levels'."""
    by_name: dict[str, list[Finding]] = {}
    for one in found:
        by_name.setdefault(entry_of(one.finding, joint, one.kind).title, []).append(one)
    every = list(dict.fromkeys(one.site for one in reading.findings))
    places: dict[str, list[str]] = {}
    for title, ones in by_name.items():
        places.setdefault(some_or_all((one.site for one in ones), every, joint), []).append(title)
    return "; ".join(f"{in_words(titles)} at {where}" for where, titles in places.items())


def _finding(change: Change) -> Finding:
    one = change.now or change.before
    assert one is not None, "a change speaks of a finding"
    return one

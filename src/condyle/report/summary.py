"""The first block of the report: what a radiologist needs in ten seconds."""

from __future__ import annotations

from dataclasses import dataclass

from condyle.anatomy import Joint
from condyle.report.listing import Line, lines
from condyle.report.reading_json import why_unused
from condyle.report.sentences import lower_first
from condyle.report.sites import in_ranges, in_reading_order, in_words, some_or_all
from condyle.report.statements import MARKED, catalogue, entry_of, series_title, title, weight
from condyle.study import Finding, Reading, Site

FLAGS = {
    "numbering_uncertain": "The numbering of the levels is uncertain. Count them on the images before you use a level's name.",
}


@dataclass(frozen=True, slots=True)
class Gap:
    """What was not assessed, where, and why."""

    what: str
    where: str
    why: str


@dataclass(frozen=True, slots=True)
class Summary:
    """The first block, in plain data."""

    flags: tuple[str, ...]
    abnormal: tuple[Line, ...]
    uncertain: tuple[Line, ...]
    warnings: tuple[str, ...]
    clear: tuple[str, ...]
    gaps: tuple[Gap, ...]
    unread: tuple[Gap, ...]  # series that were sent but not used
    headline: str


def summarise(reading: Reading) -> Summary:
    """The first block of a reading."""
    joint = catalogue(reading.joint)
    sites = in_reading_order((finding.site for finding in reading.findings), joint)
    marked = {kind: [site for site in sites if _any(reading, site, kind, joint)] for kind in MARKED}
    gaps = _gaps(reading, joint)
    graded = (finding for finding in reading.findings if finding.kind in ("binary", "ordinal"))
    assessed = {finding.site for finding in graded if weight(finding, joint) in ("normal", "given")}
    clear = [site for site in sites if site in assessed and not any(site in found for found in marked.values())]
    return Summary(
        flags=tuple(_flag(flag, reading) for flag in reading.flags),
        abnormal=lines(reading.findings, sites, joint, "abnormal"),
        uncertain=lines(reading.findings, sites, joint, "uncertain"),
        warnings=_warnings(reading),
        clear=tuple(in_ranges(clear, sites, joint)),
        gaps=gaps,
        unread=_unread(reading),
        headline=_headline(reading, in_ranges(marked["abnormal"], sites, joint), bool(clear), joint),
    )


def _gaps(reading: Reading, joint: Joint) -> tuple[Gap, ...]:
    """Findings left out with their reasons, those that the package never reads, and what no package covers."""
    reasons: dict[tuple[str, str], list[Finding]] = {}
    for finding in reading.findings:
        if finding.decision == "not_assessed":
            reasons.setdefault((finding.finding, finding.reason), []).append(finding)
    merged: dict[tuple[str, str], list[str]] = {}
    for (_, reason), findings in reasons.items():
        all_sites = list(dict.fromkeys(one.site for one in reading.findings if one.finding == findings[0].finding))
        where = some_or_all((finding.site for finding in findings), all_sites, joint)
        merged.setdefault((where, reason), []).append(lower_first(title(findings[0], joint)))
    gaps = [Gap(_capital(in_words(names)), where, reason) for (where, reason), names in merged.items()]
    named = {finding.finding for finding in reading.findings}
    unread = [lower_first(entry.title) for entry in joint.findings if entry.name not in named]
    if unread:
        gaps.append(Gap(_capital(in_words(unread)), "", f"not given by the package {reading.package.name}"))
    if joint.not_covered:
        gaps.append(Gap(_capital(in_words(list(joint.not_covered))), "", "not covered by this package"))
    return tuple(gaps)


def _unread(reading: Reading) -> tuple[Gap, ...]:
    """What was sent but not looked at, by reason."""
    reasons: dict[str, list[str]] = {}
    for series in reading.series:
        if reason := why_unused(series, reading):
            reasons.setdefault(reason, []).append(series_title(series))
    return tuple(Gap(in_words(names), "not used", reason) for reason, names in reasons.items())


def _warnings(reading: Reading) -> tuple[str, ...]:
    quality = [check.sentence for check in reading.checks if check.passed is False]
    flags = {flag.replace("_", "-") for flag in reading.flags}  # these stand above, with their reasons
    problems = [problem.what for problem in reading.problems if problem.severity != "note" and problem.code not in flags]
    return tuple(dict.fromkeys(quality + problems))


def _flag(flag: str, reading: Reading) -> str:
    """What the flag means, and why it was raised where a problem of the same name says so."""
    reasons = dict.fromkeys(problem.why for problem in reading.problems if problem.code == flag.replace("_", "-"))
    return " ".join([FLAGS.get(flag, flag.replace("_", " ").capitalize() + "."), *reasons]).strip()


def _any(reading: Reading, site: Site, kind: str, joint: Joint) -> bool:
    return any(finding.site == site and weight(finding, joint) == kind for finding in reading.findings)


def _headline(reading: Reading, abnormal: list[str], clear: bool, joint: Joint) -> str:
    uncertain = sum(weight(finding, joint) == "uncertain" for finding in reading.findings)
    if not abnormal and not uncertain and not clear:
        return "Nothing could be assessed"
    parts = [f"Abnormal: {in_words(abnormal)}" if abnormal else "No abnormal finding among those assessed"]
    if uncertain:
        parts.append(f"{uncertain} {'finding' if uncertain == 1 else 'findings'} uncertain")
    return "; ".join(parts)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def explained(reading: Reading) -> list[Finding]:
    """One finding of each name, in the order of the catalogue, then of the reading."""
    joint = catalogue(reading.joint)
    order = {entry.name: number for number, entry in enumerate(joint.findings)}
    first = {finding.finding: finding for finding in reversed(reading.findings)}
    return sorted(first.values(), key=lambda finding: (order.get(finding.finding, len(order)), entry_of(finding.finding, joint).title))

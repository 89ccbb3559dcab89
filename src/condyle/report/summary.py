"""The first block of the report: what a radiologist needs in ten seconds."""

from __future__ import annotations

from dataclasses import dataclass

from condyle.anatomy import Joint
from condyle.report.reading_json import why_unused
from condyle.report.sentences import lower_first
from condyle.report.sites import anchor, in_reading_order, in_words, site_title, some_or_all
from condyle.report.statements import catalogue, entry_of, how_sure, percent, series_title, statement, title, weight
from condyle.study import Finding, Reading, Site

FLAGS = {
    "numbering_uncertain": "The numbering of the levels is uncertain. Count them on the images before you use a level's name.",
}


@dataclass(frozen=True, slots=True)
class Item:
    """One finding in few words: what, and how sure."""

    text: str
    sure: str


@dataclass(frozen=True, slots=True)
class SiteItems:
    """A site and what is said there."""

    site: str
    anchor: str
    items: tuple[Item, ...]


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
    abnormal: tuple[SiteItems, ...]
    uncertain: tuple[SiteItems, ...]
    warnings: tuple[str, ...]
    clear: tuple[str, ...]
    gaps: tuple[Gap, ...]
    unread: tuple[Gap, ...]  # series that were sent but not used
    headline: str


def summarise(reading: Reading) -> Summary:
    """The first block of a reading."""
    joint = catalogue(reading.joint)
    sites = in_reading_order((finding.site for finding in reading.findings), joint)
    abnormal, uncertain = _items(reading, sites, joint, "abnormal"), _items(reading, sites, joint, "uncertain")
    gaps = _gaps(reading, joint)
    graded = (finding for finding in reading.findings if finding.kind in ("binary", "ordinal"))
    assessed = {finding.site for finding in graded if weight(finding, joint) in ("normal", "given")}
    told = {entry.site for entry in (*abnormal, *uncertain)}
    clear = tuple(name for site in sites if site in assessed and (name := site_title(site, joint)) not in told)
    return Summary(
        flags=tuple(_flag(flag, reading) for flag in reading.flags),
        abnormal=abnormal,
        uncertain=uncertain,
        warnings=_warnings(reading),
        clear=clear,
        gaps=gaps,
        unread=_unread(reading),
        headline=_headline(reading, abnormal, uncertain, clear),
    )


def _items(reading: Reading, sites: list[Site], joint: Joint, wanted: str) -> tuple[SiteItems, ...]:
    found = []
    for site in sites:
        items = tuple(
            Item(statement(finding, joint), _sure(finding, joint))
            for finding in reading.findings
            if finding.site == site and weight(finding, joint) == wanted
        )
        if items:
            found.append(SiteItems(site_title(site, joint), anchor(site), items))
    return tuple(found)


def _sure(finding: Finding, joint: Joint) -> str:
    """A probability in the uncertain range means little without the threshold that it lies near."""
    near = finding.decision == "uncertain" and finding.threshold is not None
    parts = (how_sure(finding, joint), f"threshold {percent(finding.threshold)}" if near and finding.threshold is not None else "")
    return ", ".join(part for part in parts if part)


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


def _headline(reading: Reading, abnormal: tuple[SiteItems, ...], uncertain: tuple[SiteItems, ...], clear: tuple[str, ...]) -> str:
    if not abnormal and not uncertain and not clear:
        return "Nothing could be assessed"
    parts = [f"Abnormal: {in_words([one.site for one in abnormal])}" if abnormal else "No abnormal finding among those assessed"]
    if count := sum(len(one.items) for one in uncertain):
        parts.append(f"{count} {'finding' if count == 1 else 'findings'} uncertain")
    return "; ".join(parts)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def explained(reading: Reading) -> list[Finding]:
    """One finding of each name, in the order of the catalogue, then of the reading."""
    joint = catalogue(reading.joint)
    order = {entry.name: number for number, entry in enumerate(joint.findings)}
    first = {finding.finding: finding for finding in reversed(reading.findings)}
    return sorted(first.values(), key=lambda finding: (order.get(finding.finding, len(order)), entry_of(finding.finding, joint).title))

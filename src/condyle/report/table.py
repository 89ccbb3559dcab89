"""The overview: sites by findings, on whichever side fewer rows are needed."""

from __future__ import annotations

from dataclasses import dataclass

from condyle.anatomy import Joint
from condyle.report.sites import anchor, in_reading_order, meaning_anchor, site_title
from condyle.report.statements import entry_of, own_probability, percent, value_text, weight
from condyle.report.summary import explained
from condyle.study import Finding, Reading, Site

_WORDS = {"abnormal": "present", "uncertain": "uncertain", "normal": "absent", "given": "", "not_assessed": "not assessed"}


@dataclass(frozen=True, slots=True)
class Cell:
    """What one finding says at one site; ``weight`` is empty when it says nothing."""

    weight: str = ""
    main: str = ""
    small: str = ""
    words: str = ""  # for screen readers and tooltips


@dataclass(frozen=True, slots=True)
class Heading:
    text: str
    anchor: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    corner: str
    columns: tuple[Heading, ...]
    rows: tuple[tuple[Heading, tuple[Cell, ...]], ...]

    @property
    def only_reason(self) -> str:
        """Why nothing at all was assessed, when there is one reason for everything."""
        cells = [cell for _, row in self.rows for cell in row if cell.weight]
        reasons = {cell.small for cell in cells}
        return reasons.pop() if len(reasons) == 1 and all(cell.weight == "not_assessed" for cell in cells) else ""


def overview(reading: Reading, joint: Joint) -> Table:
    """All findings but measurements; sites are the rows unless there are fewer than four."""
    findings = [finding for finding in reading.findings if finding.kind != "measurement"]
    sites = in_reading_order((finding.site for finding in findings), joint)
    names = [finding for finding in explained(reading) if finding.kind != "measurement"]
    by_place = {(finding.site, finding.finding): finding for finding in findings}
    site_heads = [Heading(site_title(site, joint), anchor(site)) for site in sites]
    name_heads = [Heading(entry_of(one.finding, joint, one.kind).title, meaning_anchor(one.finding)) for one in names]

    def cell(site: Site, name: str) -> Cell:
        finding = by_place.get((site, name))
        return _cell(finding, joint) if finding else Cell()

    grid = [tuple(cell(site, finding.finding) for finding in names) for site in sites]
    if len(sites) > 3:
        return Table("Level" if all(site.level for site in sites) else "Site", tuple(name_heads), tuple(zip(site_heads, grid, strict=True)))
    turned = [tuple(row[number] for row in grid) for number in range(len(names))]
    return Table("Finding", tuple(site_heads), tuple(zip(name_heads, turned, strict=True)))


def measurements(reading: Reading, joint: Joint) -> Table:
    """Measured values, or why there is none."""
    findings = [finding for finding in reading.findings if finding.kind == "measurement"]
    sites = in_reading_order((finding.site for finding in findings), joint)
    names = [finding for finding in explained(reading) if finding.kind == "measurement"]
    by_place = {(finding.site, finding.finding): finding for finding in findings}
    rows = []
    for site in sites:
        cells = (by_place.get((site, name.finding)) for name in names)
        rows.append((Heading(site_title(site, joint), anchor(site)), tuple(_measured(finding) if finding else Cell() for finding in cells)))
    columns = tuple(Heading(entry_of(name.finding, joint).title) for name in names)
    return Table("Level" if all(site.level for site in sites) else "Site", columns, tuple(rows))


def _measured(finding: Finding) -> Cell:
    if finding.decision == "not_assessed" or finding.value is None:
        return Cell("not_assessed", "not measured", finding.reason, f"not measured: {finding.reason}")
    remarks = ", ".join(part for part in ("uncertain" if finding.decision == "uncertain" else "", finding.note) if part)
    return Cell("given", value_text(finding), remarks, value_text(finding))


def _cell(finding: Finding, joint: Joint) -> Cell:
    kind = weight(finding, joint)
    if kind == "not_assessed":
        return Cell(kind, "", "", f"not assessed: {finding.reason}")
    probability = own_probability(finding, joint)
    sure = "" if probability is None else percent(probability)
    if finding.kind == "ordinal" and finding.grade is not None:
        doubt = "uncertain, " if kind == "uncertain" else ""
        return Cell(kind, str(finding.grade), sure, f"{doubt}grade {finding.grade}" + (f", probability {sure}" if sure else ""))
    if finding.value is not None:
        return Cell(kind, value_text(finding), sure, f"{value_text(finding)} {sure}".strip())
    words = _WORDS[kind] or finding.decision
    return Cell(kind, "", sure, words + (f", probability {sure}" if sure else ""))

"""report.html: one self-contained page for screen, phone and paper.

It loads nothing from anywhere. Switches are form controls that style sheets react to; the only script writes
corrections.json, and the page is complete without it. A Content-Security-Policy names that style and that script
by their hashes and forbids everything else but inline pictures.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from condyle.anatomy import FindingEntry, Joint
from condyle.report.changes import in_rows
from condyle.report.pictures import Map, Picture, legend, mapped_findings, pictures
from condyle.report.reading_json import stray_files, why_unused
from condyle.report.review import Question, question, review_headline, review_note, said
from condyle.report.sentences import site_sentence
from condyle.report.sites import anchor, in_reading_order, in_words, meaning_anchor, site_title
from condyle.report.statements import MARKED, catalogue, entry_of, how_sure, percent, value_text, weight
from condyle.report.summary import explained, summarise
from condyle.report.table import measurements, overview
from condyle.study import Finding, Reading, Review, Series, Trait

if TYPE_CHECKING:
    from jinja2 import Environment

_BADGES = {  # beside "Research use only", by the code of the problem that says more
    "trained-on-simulation": "Trained on simulated studies only", "trained-to-try": "Trained only to see that it runs",
}  # fmt: skip
_TRAITS = ("plane", "weighting", "fat_suppressed", "contrast", "side", "body_part")


@dataclass(frozen=True, slots=True)
class Row:
    """One finding in the part of its site."""

    title: str
    weight: str
    words: str
    score: float | None
    threshold: float | None
    steps: tuple[tuple[int, float, bool], ...]  # step of the scale, its probability, whether it is the grade given
    why: str
    questions: tuple[Question, ...]  # one a finding: several where findings share the reason that they were not assessed
    note: str = ""  # what a reader answered


@dataclass(frozen=True, slots=True)
class SitePart:
    """All that is said about one site."""

    title: str
    anchor: str
    sentence: str
    marked: bool  # something here is abnormal or uncertain
    pictured: bool
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class SeriesRow:
    """One series for people: what it is taken for, on what grounds, and whether it was used."""

    name: str
    traits: tuple[tuple[str, str], ...]
    grid: str
    used_as: str
    why_unused: str
    problems: tuple[str, ...]


def export(reading: Reading) -> dict[str, bytes]:
    """The exporter."""
    joint = catalogue(reading.joint)
    drawn = pictures(reading, joint)
    mapped = mapped_findings(drawn)
    text = render(
        "report.html",
        map_count=len(mapped),
        reading=reading,
        joint=joint,
        summary=summarise(reading),
        pictures=drawn,
        mapped=[
            (number, name, entry_of(name, joint).title, _where_mapped(name, drawn, reading, joint), _strengths(name, drawn))
            for number, name in enumerate(mapped)
        ],
        map_number={name: number for number, name in enumerate(mapped)},
        legend=legend() if mapped else "",
        table=overview(reading, joint),
        parts=_parts(reading, joint, {window.site for picture in drawn for window in picture.windows}),
        measured=measurements(reading, joint),
        checks=sorted(reading.checks, key=lambda check: {False: 0, None: 1, True: 2}[check.passed]),
        series=tuple(_series_row(series, reading) for series in reading.series),
        stray=stray_files(reading),
        meanings=_meanings(reading, joint),
        seconds=sum(reading.timing.values()),
        reviewed=review_headline(reading),
        reviews=_reviews(reading, joint),
        comparison=in_rows(reading, joint) if reading.comparison else None,
        lead=(lead := _lead(drawn, reading)),
        lead_box=_spine(lead) if lead else (),
        lead_map=_lead_map(lead, reading) if lead else None,
        titles={name: entry_of(name, joint).title for name in mapped},
        badges=tuple(text for code, text in _BADGES.items() if any(problem.code == code for problem in reading.problems)),
        side=_side(reading),
        script=_script(),
    )
    return {"report.html": text.encode("utf-8")}


def render(template: str, *, map_count: int = 0, script: str = "", styles: tuple[str, ...] = ("report.css",), **content: Any) -> str:
    """A page from a template of this package, with its style and script inside and the policy that allows just these."""
    from markupsafe import Markup

    maps = (f"body:has(#map-{n}:checked){{--map-{n}:inline}} .map-{n}{{display:var(--map-{n},none)}}\n" for n in range(map_count))
    css = "".join(map(_style, styles)) + "".join(maps)
    scripts = f" script-src '{_digest(script)}';" if script else ""
    policy = f"default-src 'none'; img-src data:; style-src '{_digest(css)}';{scripts} base-uri 'none'; form-action 'none'"
    # Style and script are ours alone (files of this package and numbers), so they may pass unescaped.
    return _environment().get_template(template).render(css=Markup(css), script=Markup(script), policy=policy, **content) + "\n"


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _lead(drawn: tuple[Picture, ...], reading: Reading) -> Picture | None:
    """The picture of the first block: the T2, on which discs are judged, or the first."""
    fluid = {series_id for slot, series_id in reading.used_series.items() if "t2" in slot}
    keyed = [picture for picture, image in zip(drawn, reading.key_images, strict=True) if image.series_id in fluid]
    surest = _surest(drawn, reading)
    # Where nothing is outlined site by site, the picture that shows most of the surest finding.
    mapped = [picture for picture in drawn if not picture.windows and any(one.finding == surest for one in picture.maps)]
    mapped.sort(key=lambda picture: -max(one.strength for one in picture.maps if one.finding == surest))
    return next(iter([*mapped, *keyed, *drawn]), None)


def _surest(drawn: tuple[Picture, ...], reading: Reading) -> str:
    """The finding with a map that is surest to be there, '' without any."""
    names = mapped_findings(drawn)
    own = [finding for finding in reading.findings if finding.finding in names]
    own.sort(key=lambda finding: (finding.decision != "present", -(finding.score or 0.0)))
    return own[0].finding if own else ""


def _lead_map(lead: Picture, reading: Reading) -> Map | None:
    """The map that the picture of the first block is shown with; None where levels are outlined on it."""
    surest = _surest((lead,), reading)
    return None if lead.windows else next((one for one in lead.maps if one.finding == surest), None)


def _side(reading: Reading) -> str:
    """'Left' or 'Right' when the series that were read tell one side."""
    told = {str(one.role.side.value) for one in reading.series if one.series_id in reading.used_series.values() and one.role.side.value}
    return told.pop().capitalize() if len(told) == 1 and told <= {"left", "right"} else ""


def _spine(picture: Picture) -> tuple[float, float, float, float]:
    """The part of a picture that holds every level: x, y, width, height."""
    if not picture.windows:
        return 0.0, 0.0, picture.width, picture.height
    low = [min(window.box[axis] for window in picture.windows) for axis in (0, 1)]
    high = [max(window.box[axis] + window.box[axis + 2] for window in picture.windows) for axis in (0, 1)]
    left = max(0.0, min([low[0], *(name.x - 0.16 * picture.width for name in picture.names)]))
    return round(left, 1), round(low[1], 1), round(high[0] - left, 1), round(high[1] - low[1], 1)


def _parts(reading: Reading, joint: Joint, pictured: set[str]) -> tuple[SitePart, ...]:
    parts = []
    for site in in_reading_order((finding.site for finding in reading.findings), joint):
        here = [finding for finding in reading.findings if finding.site == site]
        reviews = {review.original.finding: review for review in reading.reviews if review.original.site == site}
        rows = (
            *(_row(finding, joint, reviews) for finding in here if finding.decision != "not_assessed"), *_gap_rows(here, joint, reviews)
        )  # fmt: skip
        marked = any(row.weight in MARKED for row in rows)
        name = site_title(site, joint)
        parts.append(SitePart(name, anchor(site), site_sentence(here, joint), marked, name in pictured, rows))
    return tuple(parts)


def _row(finding: Finding, joint: Joint, reviews: Mapping[str, Review]) -> Row:
    entry = entry_of(finding.finding, joint, finding.kind)
    kind = weight(finding, joint)
    score = finding.score if finding.kind == "binary" else None
    note = review_note(reviews[finding.finding], joint) if finding.finding in reviews else ""
    asked, why = (question(finding, joint),), finding.reason or finding.note
    return Row(entry.title, kind, _words(finding, joint), score, finding.threshold, _steps(finding, entry), why, asked, note)


def _gap_rows(here: list[Finding], joint: Joint, reviews: Mapping[str, Review]) -> list[Row]:
    """What was not assessed at a site, findings with the same reason in one row; one that a reader reviewed stands alone."""
    groups: dict[tuple[str, str, str], list[Finding]] = {}
    for finding in here:
        if finding.decision == "not_assessed":
            note = review_note(reviews[finding.finding], joint) if finding.finding in reviews else ""
            groups.setdefault((_words(finding, joint), finding.reason, note), []).append(finding)
    rows = []
    for (words, reason, note), found in groups.items():
        titles = ", ".join(entry_of(finding.finding, joint, finding.kind).title for finding in found)
        asked = tuple(question(finding, joint) for finding in found)
        rows.append(Row(titles, "not_assessed", words, None, None, (), reason, asked, note))
    return rows


def _reviews(reading: Reading, joint: Joint) -> list[tuple[str, str, str, str, str]]:
    """(site, finding, what the package said, what is said now, what was done by whom) of what was not just accepted."""
    now = {(finding.finding, finding.site): finding for finding in reading.findings}
    rows = []
    for review in reading.reviews:
        if review.action != "accepted":
            first, final = review.original, now[review.original.finding, review.original.site]
            place, title = site_title(first.site, joint), entry_of(first.finding, joint, first.kind).title
            done = " ".join(part for part in (review.action, f"by {review.by}" if review.by else "", review.at) if part)
            rows.append((place, title, said(first, joint), "withdrawn" if review.action == "rejected" else said(final, joint), done))
    return rows


def _words(finding: Finding, joint: Joint) -> str:
    if finding.decision == "not_assessed":
        return "not measured" if finding.kind == "measurement" else "not assessed"
    doubt = "uncertain, " if finding.decision == "uncertain" else ""
    if finding.kind == "ordinal":
        sure = how_sure(finding, joint).removeprefix("grade ")
        return f"{doubt}grade {finding.grade}" + (f" ({sure})" if sure else "")
    if finding.value is not None:
        return doubt + value_text(finding)
    return " ".join(part for part in (finding.decision, "" if finding.score is None else percent(finding.score)) if part)


def _steps(finding: Finding, entry: FindingEntry) -> tuple[tuple[int, float, bool], ...]:
    if entry.scale is None or len(finding.probabilities) != len(entry.scale.steps):
        return ()
    return tuple((step, float(p), step == finding.grade) for step, p in zip(entry.scale.steps, finding.probabilities, strict=True))


def _where_mapped(name: str, drawn: tuple[Picture, ...], reading: Reading, joint: Joint) -> str:
    shown = {one.site for picture in drawn for one in picture.maps if one.finding == name}
    sites = in_reading_order((finding.site for finding in reading.findings), joint)
    return in_words([title for site in sites if (title := site_title(site, joint)) in shown])


def _strengths(name: str, drawn: tuple[Picture, ...]) -> str:
    """How high the map of each series is beside the highest: the scale of the colours is each series' own (fault G23)."""
    found = {picture.title.partition(",")[0]: one.strength for picture in drawn for one in picture.maps if one.finding == name}
    if len(found) < 2:
        return ""
    (best, _), *rest = sorted(found.items(), key=lambda pair: -pair[1])
    return f"highest in {best}, {in_words([f'in {title} {percent(share)}' for title, share in rest])} of that"


def _series_row(series: Series, reading: Reading) -> SeriesRow:
    slots = [slot for slot, series_id in reading.used_series.items() if series_id == series.series_id]
    traits = tuple((name.replace("_", " "), _trait(getattr(series.role, name))) for name in _TRAITS)
    return SeriesRow(
        name=f"Series {series.number}" if series.number is not None else series.series_id,
        traits=tuple((name, text) for name, text in traits if text),
        grid=_grid(series),
        used_as=", ".join(slot.replace("_", " ") for slot in slots),
        why_unused=why_unused(series, reading),
        problems=tuple(" ".join(part for part in (problem.what, problem.what_to_do) if part) for problem in series.problems),
    )


def _trait(trait: Trait) -> str:
    if trait.value is None:
        return ""
    value = {True: "yes", False: "no"}.get(trait.value, str(trait.value)) if isinstance(trait.value, bool) else str(trait.value)
    doubt = "; witnesses disagree" if trait.conflict else ""
    return f"{value} ({trait.source}, {percent(trait.confidence)}{doubt})"


def _grid(series: Series) -> str:
    if series.geometry is None:
        return "geometry unknown"
    slices, rows, columns = series.geometry.shape
    size = f"{slices} {'slice' if slices == 1 else 'slices'} of {columns} × {rows}"
    if not series.geometry.calibrated:
        return f"{size}; size in mm unknown"
    dz, dy, dx = series.geometry.spacing
    pixel = f"{dx:.2f} mm pixels" if abs(dx - dy) < 0.005 else f"{dx:.2f} × {dy:.2f} mm pixels"
    return f"{size}, {dz:.1f} mm apart, {pixel} ({series.geometry.spacing_source})"


def _meanings(reading: Reading, joint: Joint) -> list[tuple[FindingEntry, list[tuple[int, str]]]]:
    entries = [entry_of(finding.finding, joint, finding.kind) for finding in explained(reading)]
    return [(entry, list(zip(entry.scale.steps, entry.scale.meanings, strict=True)) if entry.scale else []) for entry in entries]


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("condyle.report"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["percent"] = percent
    environment.filters["meaning"] = meaning_anchor
    return environment


@cache
def _style(name: str) -> str:
    from importlib.resources import files

    return (files("condyle.report") / "templates" / name).read_text("utf-8")


@cache
def _script() -> str:
    from importlib.resources import files

    return (files("condyle.report") / "templates" / "review.js").read_text("utf-8")

"""The page of an evaluation: the verdict first, then every number, then how it was made."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from condyle.evaluate.estimate import Estimate
from condyle.evaluate.evidence import Evidence, methods_paragraph, of
from condyle.evaluate.figures import finding_words
from condyle.evaluate.standalone import Line
from condyle.evaluate.study_evidence import p_cell
from condyle.report.checklists import Checklist
from condyle.report.figures import Drawn
from condyle.report.html_page import render
from condyle.report.provenance import Provenance, calls_sentence, plan_sentence

# The few numbers that open the page, by kind of finding.
HEADLINES = (
    (
        "AUROC",
        "CPM",
        "Dice",
        "quadratic kappa",
        "mean absolute error",
        "difference of AUROC",
        "difference of quadratic kappa",
        "difference of mean absolute error",
    ),
    ("sensitivity", "balanced accuracy", "surface Dice", "bias", "sensitivity at 1", "difference of sensitivity"),
    ("specificity", "HD95, mm", "within one step", "ICC(A,1)", "difference of specificity"),
)


@dataclass(frozen=True, slots=True)
class Cell:
    """A number for people: its name, value with interval, and the title that says more."""

    measure: str
    text: str
    more: str


@dataclass(frozen=True, slots=True)
class Picture:
    """A figure on the page: its source as a data URI, what a screen reader says, the caption, and its width in pixels."""

    source: str
    alt: str
    words: str
    width: int


@dataclass(frozen=True, slots=True)
class FindingPart:
    """All that is said about one finding (or group of findings)."""

    title: str
    anchor: str
    counts: str
    headline: tuple[Cell, ...]
    figures: tuple[Picture, ...]
    rows: tuple[tuple[str, Line], ...]
    warnings: tuple[str, ...]


def evidence_page(
    evidence: Evidence, provenance: Provenance, drawn: Sequence[Drawn], lists: Sequence[Checklist], lacking: Sequence[str]
) -> str:
    """evaluation.html: self-contained, no script."""
    names = list(dict.fromkeys(line.finding for line in evidence.lines))
    missed = {name: (count, rows) for name, count, rows, _ in evidence.missed}
    return render(
        "evidence.html",
        styles=("report.css", "evidence.css"),
        title=evidence.title,
        parts=[_part(name, evidence, drawn, missed.get(name)) for name in names],
        overview=[picture(one, titled=True) for one in drawn if one.figure.finding not in names],
        lists=lists,
        lacking=lacking,
        provenance=provenance,
        plan=plan_sentence(provenance),
        calls=calls_sentence(provenance),
        compared=evidence.compared,
        endpoints=evidence.endpoints,
        methods=methods_paragraph(evidence, plan=provenance.plan),
        settings=evidence.settings,
        value=value_text,
        p_text=p_text,
        title_of=finding_title,
    )


def picture(drawn: Drawn, *, titled: bool = False) -> Picture:
    """A drawn figure for the page; ``titled`` puts the finding before the caption."""
    figure = drawn.figure
    source = "data:image/svg+xml;base64," + base64.b64encode(drawn.svg).decode("ascii")
    whose = f"{finding_title(figure.finding)}: " if titled and figure.finding else ""
    return Picture(source, whose + figure.title, whose + figure.words, round(96 * drawn.inches[0]))


finding_title = finding_words


def value_text(one: Estimate | None) -> str:
    """Three decimals with the interval; 'not defined' when there is no number."""
    if one is None or np.isnan(one.estimate):
        return "not defined"
    whole = "" if np.isnan(one.low) else f" ({one.low:.3f} to {one.high:.3f})"
    return f"{one.estimate:.3f}{whole}"


p_text = p_cell


def _part(name: str, evidence: Evidence, drawn: Sequence[Drawn], missed: tuple[int, int] | None) -> FindingPart:
    own = [line for line in evidence.lines if line.finding == name]
    first = own[0].estimate
    counts = f"{first.n} rows" + (f", {first.events} positive" if first.events is not None else "") + f", {first.clusters} patients"
    if missed and missed[0]:
        counts += f"; {missed[0]} of {missed[1]} rows without an answer"
    figures = tuple(picture(one) for one in drawn if one.figure.finding == name)
    warnings = tuple(
        f"{line.estimate.measure}: {sentence}"
        for line in own
        if line.site == "all" and not line.group
        for sentence in line.estimate.warnings
    )
    anchor = f"finding-{name.replace(' ', '-')}"
    return FindingPart(finding_title(name), anchor, counts, _headline(own, name), figures, _rows(own), warnings)


def _headline(lines: Sequence[Line], name: str) -> tuple[Cell, ...]:
    cells = []
    for choices in HEADLINES:
        found = next(
            (one for measure in ((*choices, "macro AUROC") if choices is HEADLINES[0] else choices) if (one := of(lines, name, measure))),
            None,
        )
        cells.append(Cell("", "", "") if found is None else Cell(found.measure, value_text(found), found.method))
    return tuple(cells)


def _rows(lines: Sequence[Line]) -> tuple[tuple[str, Line], ...]:
    """Lines with the words of where they hold."""
    return tuple((line.group or ("" if line.site == "all" else line.site), line) for line in lines)

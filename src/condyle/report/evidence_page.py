"""The page of an evaluation: the verdict first, then every number, then how it was made."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from condyle.anatomy import JOINTS
from condyle.evaluate.estimate import Estimate
from condyle.evaluate.evidence import Drawn, Evidence, methods_paragraph, of
from condyle.evaluate.froc import FrocCurve
from condyle.evaluate.standalone import Line
from condyle.report.html_page import render

if TYPE_CHECKING:
    from condyle.report.evidence import Provenance

SIDE = 200  # drawing units of a plot's frame

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
class Plot:
    """One square plot in drawing units, the origin bottom left: paths, points with bars, and words."""

    title: str
    across: str
    up: str
    path: str
    points: tuple[tuple[float, float, float, float], ...]  # x, y, low, high
    words: str
    ticks: tuple[str, str, str] = ("0", "0.5", "1")  # along the bottom


@dataclass(frozen=True, slots=True)
class FindingPart:
    """All that is said about one finding (or group of findings)."""

    title: str
    anchor: str
    counts: str
    headline: tuple[Cell, ...]
    plots: tuple[Plot, ...]
    rows: tuple[tuple[str, Line], ...]
    warnings: tuple[str, ...]


def evidence_page(evidence: Evidence, provenance: Provenance) -> str:
    """evaluation.html: self-contained, no script."""
    from condyle.report.evidence import plan_sentence

    names = list(dict.fromkeys(line.finding for line in evidence.lines))
    drawn = {one.finding: one for one in evidence.drawn}
    missed = {name: (count, rows) for name, count, rows in evidence.missed}
    return render(
        "evidence.html",
        styles=("report.css", "evidence.css"),
        parts=[_part(name, evidence, drawn.get(name), missed.get(name)) for name in names],
        provenance=provenance,
        plan=plan_sentence(provenance),
        compared=evidence.compared,
        endpoints=evidence.endpoints,
        methods=methods_paragraph(evidence, plan=provenance.plan),
        settings=evidence.settings,
        side=SIDE,
        value=value_text,
        p_text=p_text,
        title_of=finding_title,
    )


def finding_title(name: str) -> str:
    """Words of the anatomy catalogue for a finding; a group of findings keeps its own name."""
    titles = {entry.name: entry.title for joint in JOINTS.values() for entry in joint.findings}
    return titles.get(name, name[:1].upper() + name[1:].replace("_", " "))


def value_text(one: Estimate | None) -> str:
    """Three decimals with the interval; 'not defined' when there is no number."""
    if one is None or np.isnan(one.estimate):
        return "not defined"
    whole = "" if np.isnan(one.low) else f" ({one.low:.3f} to {one.high:.3f})"
    return f"{one.estimate:.3f}{whole}"


def p_text(p: float) -> str:
    """p with three decimals, '<0.001' below that, '' when there is none."""
    return "" if np.isnan(p) else "<0.001" if p < 0.0005 else f"{p:.3f}"


def _part(name: str, evidence: Evidence, drawn: Drawn | None, missed: tuple[int, int] | None) -> FindingPart:
    own = [line for line in evidence.lines if line.finding == name]
    first = own[0].estimate
    counts = f"{first.n} rows" + (f", {first.events} positive" if first.events is not None else "") + f", {first.clusters} patients"
    if missed and missed[0]:
        counts += f"; {missed[0]} of {missed[1]} rows without an answer"
    plots: tuple[Plot, ...] = () if drawn is None else (_roc_plot(drawn, of(own, name, "AUROC")), _reliability_plot(drawn))
    plots += tuple(_froc_plot(curve, of(own, name, "CPM")) for finding, curve in evidence.marks if (finding or "lesions") == name)
    warnings = tuple(
        f"{line.estimate.measure}: {sentence}"
        for line in own
        if line.site == "all" and not line.group
        for sentence in line.estimate.warnings
    )
    return FindingPart(finding_title(name), f"finding-{name.replace(' ', '-')}", counts, _headline(own, name), plots, _rows(own), warnings)


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


def _roc_plot(drawn: Drawn, area: Estimate | None) -> Plot:
    points = zip(1 - drawn.roc.specificity, drawn.roc.sensitivity, strict=True)
    words = f"ROC curve, area {value_text(area)}"
    return Plot("ROC curve", "1 - specificity", "sensitivity", _path(points), (), words)


def _froc_plot(curve: FrocCurve, mean: Estimate | None) -> Plot:
    """Sensitivity against false marks a study, up to 8; flat beyond the last mark."""
    along = np.minimum(np.r_[curve.false_per_scan, 8.0], 8.0) / 8
    points = zip(along, np.r_[curve.sensitivity, curve.sensitivity[-1]], strict=True)
    words = f"Free-response curve, mean sensitivity at 1/8 to 8 false marks {value_text(mean)}"
    return Plot("FROC curve", "false marks a study", "sensitivity", _path(points), (), words, ("0", "4", "8"))


def _reliability_plot(drawn: Drawn) -> Plot:
    points = tuple(
        (SIDE * one.mean_score, SIDE * (1 - one.observed.estimate), SIDE * (1 - one.observed.low), SIDE * (1 - one.observed.high))
        for one in drawn.bins
    )
    words = f"Reliability in {len(points)} bins of equal size, each with its 95 % interval; on the diagonal scores mean what they say"
    return Plot("Reliability", "mean score", "observed share", "", points, words)


def _path(points: Iterable[tuple[float, float]]) -> str:
    """An SVG path through (x, y) in [0, 1], y upwards; points closer than a tenth of a unit to the last are left out."""
    text: list[str] = []
    last = (-1.0, -1.0)
    for x, y in points:
        here = (SIDE * float(x), SIDE * (1 - float(y)))
        if max(abs(here[0] - last[0]), abs(here[1] - last[1])) < 0.1:
            continue
        text.append(f"{'L' if text else 'M'}{here[0]:.1f} {here[1]:.1f}")
        last = here
    return "".join(text)

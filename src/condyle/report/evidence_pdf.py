"""evaluation.pdf: the evidence on paper, in the order of the page. Letters come with reportlab: same bytes on every machine."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any
from xml.sax.saxutils import escape

from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.platypus import BaseDocTemplate, CondPageBreak, Flowable, Frame, Image, KeepTogether, PageTemplate, Paragraph, Spacer, Table

from condyle.evaluate.study_evidence import Sheet, StudyEvidence
from condyle.report.checklists import Checklist
from condyle.report.evidence_page import finding_title, p_text, value_text
from condyle.report.figures import Drawn
from condyle.report.paper import INK, LINE, PANEL, SOFT, STYLES, register_letters
from condyle.report.provenance import Provenance, calls_sentence, plan_sentence
from condyle.report.study_page import shown_row

WIDTH = A4[0] - 28 * mm
LONGEST = 60  # rows of a table on paper; the rest is in its file


def evidence_pdf(study: StudyEvidence, provenance: Provenance, drawn: Sequence[Drawn], lists: Sequence[Checklist]) -> bytes:
    """The document."""
    register_letters()
    stream = io.BytesIO()
    document = BaseDocTemplate(
        stream, pagesize=A4, invariant=1, lang="en", title=study.title, author="Condyle", subject="Research use only", leftMargin=14 * mm,
        rightMargin=14 * mm, topMargin=13 * mm, bottomMargin=17 * mm,
    )  # fmt: skip
    frame = Frame(document.leftMargin, document.bottomMargin, document.width, document.height, 0, 0, 0, 0)
    document.addPageTemplates(PageTemplate(frames=[frame], onPage=_foot))
    # As on the page: the main table of a study first, then the figures, then the rest.
    tables = _sheets(study)
    leading = 0 if tables and tables[0][0] == "results" else 1
    before, after = ([part for _, own in some for part in own] for some in (tables[:leading], tables[leading:]))
    document.build(
        [
            *_head(study, provenance), *_endpoints(study), *before, *_figures(drawn), *after, *_methods(study, provenance),
            *_checklists(lists),
        ]
    )  # fmt: skip
    return stream.getvalue()


def _head(study: StudyEvidence, provenance: Provenance) -> list[Flowable]:
    inputs = ", ".join(f"{name} {digest[:12]}" for name, digest in provenance.inputs.items())
    said = [*study.summary, *provenance.warnings, *study.warnings]
    return [_p(study.title, "title"), _p(inputs, "note"), _p(plan_sentence(provenance), "name"), *(_p(one) for one in said)]


def _endpoints(study: StudyEvidence) -> list[Flowable]:
    if not study.endpoints:
        return []
    head = ("Finding", "Claim", "Value", "Must lie", "p, one-sided", "p, adjusted", "Met")
    rows = [
        (
            finding_title(one.endpoint.finding), one.endpoint.measure, value_text(one.estimate), one.endpoint.words,
            p_text(one.p) or "none", p_text(one.adjusted) or "none", "yes" if one.met else one.verdict,
        )
        for one in study.endpoints
    ]  # fmt: skip
    return [*_section("Endpoints of the plan"), _table(head, rows)]


def _figures(drawn: Sequence[Drawn]) -> list[Flowable]:
    """Two beside each other where both fit, wide ones alone; each with its caption."""
    parts: list[Flowable] = _section("Figures", _extent(drawn[0])[1] + 30 * mm) if drawn else []
    row: list[list[Flowable]] = []

    def close() -> None:
        if row:
            cells = [*row, *([[]] * (2 - len(row)))]
            parts.append(Table([cells], colWidths=[WIDTH / 2] * 2, style=_BARE))
            row.clear()

    for one in drawn:
        figure = one.figure
        whose = f"<b>{escape(finding_title(figure.finding))}.</b> " if figure.finding else ""
        caption = Paragraph(whose + escape(figure.words), STYLES["note"])
        wide, tall = _extent(one)
        image = Image(io.BytesIO(one.png), tall * one.inches[0] / one.inches[1], tall, hAlign="LEFT")
        if wide:
            close()
            parts += [KeepTogether([image, caption, Spacer(1, 3 * mm)])]
            continue
        row.append([image, caption])
        if len(row) == 2:
            close()
    close()
    return parts


def _extent(one: Drawn) -> tuple[bool, float]:
    """Whether a figure stands alone, and its height in points."""
    wide = one.inches[0] > 4.6
    width = min(WIDTH, one.inches[0] * 25.4 * mm * 0.9) if wide else WIDTH / 2 - 2 * mm
    return wide, min(width * one.inches[1] / one.inches[0], 225 * mm)


def _sheets(study: StudyEvidence) -> list[tuple[str, list[Flowable]]]:
    """The tables by name, each with its title and note."""
    shown = [sheet for sheet in study.sheets if sheet.rows and not sheet.long]
    found: list[tuple[str, list[Flowable]]] = []
    for sheet in (*_numbers(study, {one.name for one in shown}), *shown):
        parts: list[Flowable] = _section(sheet.title)
        parts.append(_table(sheet.columns, [shown_row(row) for row in sheet.rows[:LONGEST]]))
        left = len(sheet.rows) - LONGEST
        if left > 0:
            parts.append(_p(f"{left} more rows are in {sheet.name}.csv.", "note"))
        if sheet.note:
            parts.append(_p(sheet.note, "note"))
        found.append((sheet.name, parts))
    return found


def _numbers(study: StudyEvidence, named: set[str]) -> list[Sheet]:
    """Numbers finding by finding, where no table of the study tells them: without groups and sites, which are in results.csv."""
    if named - {"missed", "subgroup_tests"}:
        return []
    found = []
    for finding in dict.fromkeys(line.finding for line in study.lines):
        own = [one.estimate for one in study.lines if one.finding == finding and one.site == "all" and not one.group]
        rows = [
            (one.measure, one, one.n, "" if one.events is None else one.events, one.clusters, one.method) for one in own
        ]  # fmt: skip
        note = " ".join(f"{one.measure}: {sentence}" for one in own for sentence in one.warnings)
        if rows:
            found.append(Sheet("results", finding_title(finding), ("Measure", "Value", "n", "Events", "Patients", "Interval"), rows, note))
    return found


def _methods(study: StudyEvidence, provenance: Provenance) -> list[Flowable]:
    return [*_section("Methods"), _p(f"{study.methods} {calls_sentence(provenance)}")]


def _checklists(lists: Sequence[Checklist]) -> list[Flowable]:
    parts: list[Flowable] = _section("Reporting checklists", 50 * mm)
    for one in lists:
        counts = ", ".join(f"{one.count(status)} {status}" for status in ("reported", "partial", "missing"))
        parts += [CondPageBreak((30 if one.applies else 6) * mm)]
        parts.append(_p(f"{one.title}: {counts}" + ("" if one.applies else " (for studies of another kind)"), "name"))
        if not one.applies:
            continue
        parts.append(_p(f"{one.about} {one.source}.", "note"))
        parts.append(_table(("Item", "What", "State", "What this run says"), [(i.number, i.words, i.status, i.said) for i in one.items]))
    return parts


def _table(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> Flowable:
    """Columns as wide as what stands in them, within the page; long text breaks."""
    text = [[str(cell) for cell in row] for row in rows]
    titled = any(columns)
    every = [list(columns), *text]
    needs = [min(max(_wide(row[k]) for row in every) + 5, WIDTH / 2.6) for k in range(len(columns))]
    least = [max((_wide(word) for row in every for word in row[k].split()), default=0) + 5 for k in range(len(columns))]
    spare = max(WIDTH - sum(least), 0.0)
    wish = [max(need - low, 0.0) for need, low in zip(needs, least, strict=True)]
    grow = min(1.0, spare / sum(wish)) if sum(wish) else 0.0
    widths = [low + grow * more for low, more in zip(least, wish, strict=True)]
    shrink = min(1.0, WIDTH / sum(widths))
    cells = [[_p(one, "tiny") for one in row] for row in text]
    head = [[Paragraph(f"<b>{escape(one)}</b>", STYLES["tiny"]) for one in columns]] if titled else []
    style = [*_BARE, ("LINEBELOW", (0, 0), (-1, -1), 0.3, LINE), *([("BACKGROUND", (0, 0), (-1, 0), PANEL)] if titled else [])]
    return Table([*head, *cells], colWidths=[shrink * one for one in widths], style=style, repeatRows=int(titled), hAlign="LEFT")


def _section(title: str, room: float = 30 * mm) -> list[Flowable]:
    """A heading, on the next page where ``room`` points are not left for it and the first rows of what it heads."""
    return [CondPageBreak(room), _p(title, "section")]


def _wide(text: str) -> float:
    return float(stringWidth(text, "Vera-Bold", 6.4))


def _p(text: str, style: str = "body") -> Paragraph:
    return Paragraph(escape(text.replace("\u2212", "-")), STYLES[style])


def _foot(canvas: Any, document: Any) -> None:
    canvas.saveState()
    canvas.setFont("Vera", 6.6)
    canvas.setFillColor(SOFT)
    canvas.drawString(document.leftMargin, 9 * mm, "Condyle. Research use only. Not a medical device.")
    canvas.setFillColor(INK)
    canvas.drawRightString(A4[0] - document.rightMargin, 9 * mm, str(canvas.getPageNumber()))
    canvas.restoreState()


_BARE: list[Any] = [
    ("LEFTPADDING", (0, 0), (-1, -1), 2), ("RIGHTPADDING", (0, 0), (-1, -1), 2), ("TOPPADDING", (0, 0), (-1, -1), 1.5),
    ("BOTTOMPADDING", (0, 0), (-1, -1), 1.5), ("VALIGN", (0, 0), (-1, -1), "TOP"),
]  # fmt: skip

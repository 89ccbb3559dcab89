"""report.pdf: the report on paper. The same statements as the page, in the order in which they are read.

The letters come with reportlab, so the file is the same on every machine; nothing is looked up on the system.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any
from xml.sax.saxutils import escape

from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.platypus import BaseDocTemplate, Flowable, Frame, Image, KeepTogether, PageTemplate, Paragraph, Spacer, Table, TableStyle

from condyle.anatomy import Joint
from condyle.report import table as tables
from condyle.report.changes import in_rows
from condyle.report.draw import drawn
from condyle.report.listing import Line
from condyle.report.paper import ABNORMAL, ABNORMAL_TINT, LINE, PANEL, SOFT, STYLES, UNCERTAIN, UNCERTAIN_TINT, register_letters
from condyle.report.pictures import Picture, pictures
from condyle.report.review import review_headline, review_note
from condyle.report.sentences import site_sentence
from condyle.report.sites import in_reading_order, site_title
from condyle.report.statements import catalogue, entry_of
from condyle.report.summary import explained, summarise
from condyle.study import KeyImage, Reading

_TINTS = {"abnormal": (ABNORMAL_TINT, ABNORMAL), "uncertain": (UNCERTAIN_TINT, UNCERTAIN)}
_WIDTH = A4[0] - 28 * mm
_FOOT = "Condyle. Research use only. Not a medical device: every statement was made by a program and needs a radiologist's own look."


def export(reading: Reading) -> dict[str, bytes]:
    """The exporter."""
    register_letters()
    joint = catalogue(reading.joint)
    stream = io.BytesIO()
    document = BaseDocTemplate(
        stream, pagesize=A4, invariant=1, lang="en", title=f"{joint.title} MRI, automatic reading {reading.study_key}", author="Condyle",
        subject="Research use only", leftMargin=14 * mm, rightMargin=14 * mm, topMargin=13 * mm, bottomMargin=17 * mm,
    )  # fmt: skip
    frame = Frame(document.leftMargin, document.bottomMargin, document.width, document.height, 0, 0, 0, 0)
    document.addPageTemplates(PageTemplate(frames=[frame], onPage=_foot))
    document.build([*_head(reading, joint), *_first_block(reading), *_overview(reading, joint), *_sites(reading, joint),
                    *_measurements(reading, joint), *_comparison(reading, joint), *_record(reading, joint)])  # fmt: skip
    return {"report.pdf": stream.getvalue()}


def _head(reading: Reading, joint: Joint) -> list[Flowable]:
    package = f"package {reading.package.name} {reading.package.version}"
    left = [_p(f"{joint.title} MRI: automatic reading", "title"),
            _p(f"Study {reading.study_key} · patient {reading.patient_key} · {package}", "note")]  # fmt: skip
    stamp = Table([[_p("Research use only", "stamp")]], colWidths=[40 * mm], style=[("BOX", (0, 0), (-1, -1), 1.4, ABNORMAL)])
    parts: list[Flowable] = [Table([[left, stamp]], colWidths=[_WIDTH - 42 * mm, 42 * mm], style=_BARE), Spacer(1, 3 * mm)]
    for flag in summarise(reading).flags:
        parts.append(_boxed(f"<b>Attention:</b> {escape(flag)}", UNCERTAIN_TINT, UNCERTAIN))
    if reviewed := review_headline(reading):
        parts.append(_p(f"<b>{escape(reviewed)}</b>", markup=True))
    return parts


def _first_block(reading: Reading) -> list[Flowable]:
    """Three boxes and the key images: what is abnormal, what to look at, what was not assessed."""
    summary, joint = summarise(reading), catalogue(reading.joint)
    abnormal = [_p("● Abnormal", "abnormal"), *_listed(summary.abnormal)]
    if not summary.abnormal:
        found = summary.clear or summary.uncertain
        abnormal.append(_p("No abnormal finding among those assessed." if found else "Nothing could be assessed."))
    if summary.clear:
        abnormal.append(_p(f"○ <b>Nothing marked at</b> {escape(', '.join(summary.clear))}", markup=True))
    look = [_p("◐ Look at this yourself", "uncertain"), *_listed(summary.uncertain), *(_p(one) for one in summary.warnings)]
    if len(look) == 1:
        look.append(_p("No finding in the uncertain range, no quality warning."))
    gaps = [_p("✕ Not assessed", "gap")]
    for gap in (*summary.gaps, *summary.unread):
        gaps.append(_p(f"<b>{escape(gap.what)}</b>{', ' if gap.where else ''}{escape(gap.where)}: {escape(gap.why)}", "small", markup=True))
    shown = list(zip(reading.key_images, pictures(reading, joint), strict=True))[:2]
    images = [_image(image, picture, 34 * mm if len(shown) > 1 else 48 * mm) for image, picture in shown]
    texts = [abnormal, look, gaps]
    width = (_WIDTH - (74 * mm if len(images) > 1 else 52 * mm if images else 0)) if images else _WIDTH
    boxes = [[cell] for cell in texts] if images else [texts]
    style = [("VALIGN", (0, 0), (-1, -1), "TOP"), ("BOX", (0, 0), (-1, -1), 0.6, LINE), ("INNERGRID", (0, 0), (-1, -1), 0.6, LINE),
             ("BACKGROUND", (0, 0), (-1, -1), PANEL)]  # fmt: skip
    block = Table(boxes, colWidths=[width] if images else [width / 3] * 3, style=style)
    if not images:
        return [block]
    figures = Table([[[image, _p(shown[n][0].title, "note")] for n, image in enumerate(images)]], style=_BARE)
    return [Table([[block, figures]], colWidths=[width + 2 * mm, None], style=_BARE)]


def _listed(lines: Sequence[Line]) -> list[Flowable]:
    listed = []
    for line in lines:
        items = ", ".join(escape(item.text) + (f" ({escape(item.sure)})" if item.sure else "") for item in line.items)
        listed.append(_p(f"<b>{escape(line.head)}</b>  {items}", markup=True))
    return listed


def _overview(reading: Reading, joint: Joint) -> list[Flowable]:
    table = tables.overview(reading, joint)
    if not table.rows:
        return [_p("The package gave no finding.")]
    rows: list[list[Any]] = [[_p(table.corner, "head"), *(_p(one.text, "head") for one in table.columns)]]
    style: list[tuple[Any, ...]] = [
        ("GRID", (0, 0), (-1, -1), 0.4, LINE), ("VALIGN", (0, 0), (-1, -1), "MIDDLE"), ("TOPPADDING", (0, 0), (-1, -1), 2),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 2), ("LEFTPADDING", (0, 0), (-1, -1), 2), ("RIGHTPADDING", (0, 0), (-1, -1), 2),
    ]  # fmt: skip
    for number, (heading, cells) in enumerate(table.rows, 1):
        rows.append([_p(heading.text, "name"), *(_cell(cell) for cell in cells)])
        for place, cell in enumerate(cells, 1):
            if cell.weight in _TINTS:
                tint, ink = _TINTS[cell.weight]
                dash = (2, 1.5) if cell.weight == "uncertain" else None
                at = (place, number)
                style += [("BACKGROUND", at, at, tint), ("BOX", at, at, 1.1, ink, 0, dash)]
    first = 20 * mm
    letters = [max(map(len, [*one.text.replace("-", " ").split(), "nine char"])) for one in table.columns]  # words are not broken
    widths = [first, *((_WIDTH - first) * count / sum(letters) for count in letters)]
    key = "● present  ◐ uncertain  ○ absent  ✕ not assessed. Percent: calibrated probability; beside a grade, that of the grade."
    return [_p("Overview", "section"), Table(rows, colWidths=widths, style=TableStyle(style), repeatRows=1), _p(key, "note")]


_SIGNS = {"abnormal": "●", "uncertain": "◐", "normal": "○", "given": "", "not_assessed": "✕"}


def _cell(cell: tables.Cell) -> Flowable:
    main = cell.main or _SIGNS.get(cell.weight, "")
    text = f"<b>{escape(main)}</b>" + (f" {escape(cell.small)}" if cell.small and cell.weight != "not_assessed" else "")
    return _p(text if cell.weight else "", "cell", markup=True)


def _sites(reading: Reading, joint: Joint) -> list[Flowable]:
    """A sentence a site with its windows on the key images."""
    shown = list(zip(reading.key_images, pictures(reading, joint), strict=True))
    reviews = {(one.original.finding, one.original.site): one for one in reading.reviews}
    parts: list[Flowable] = [_p("Level by level" if joint.levels else "Site by site", "section")]
    for site in in_reading_order((one.site for one in reading.findings), joint):
        here = [one for one in reading.findings if one.site == site]
        name = site_title(site, joint)
        words: list[Flowable] = [_p(name, "name"), _p(site_sentence(here, joint))]
        for one in here:
            review = reviews.get((one.finding, one.site))
            if review is not None and review.action != "accepted":
                title = entry_of(one.finding, joint, one.kind).title
                words.append(_p(f"<b>{escape(title)}</b> {escape(review_note(review, joint))}", "small", markup=True))
        windows = [_window(image, picture, name) for image, picture in shown]
        cells = [one for one in windows if one is not None]
        widths = [29 * mm] * len(cells) + [_WIDTH - 29 * mm * len(cells)]
        row = Table([[*cells, words]], colWidths=widths, style=[*_BARE, ("LINEBELOW", (0, 0), (-1, -1), 0.4, LINE)])
        parts.append(row)
    return [KeepTogether(parts[:2]), *parts[2:]] if len(parts) > 1 else []


def _measurements(reading: Reading, joint: Joint) -> list[Flowable]:
    measured = tables.measurements(reading, joint)
    if not measured.rows:
        return []
    if measured.only_reason:
        return [_p("Measurements", "section"), _p(f"Nothing was measured. {measured.only_reason}")]
    rows = [[_p(measured.corner, "name"), *(_p(one.text, "name") for one in measured.columns)]]
    for heading, cells in measured.rows:
        rows.append([_p(heading.text), *(_p(f"{cell.main} ({cell.small})" if cell.small else cell.main) for cell in cells)])
    table = _plain(rows, [24 * mm] + [(_WIDTH - 24 * mm) / len(measured.columns)] * len(measured.columns))
    return [KeepTogether([_p("Measurements", "section"), table, _p("Measured lying down.", "note")])]


def _comparison(reading: Reading, joint: Joint) -> list[Flowable]:
    if reading.comparison is None:
        return []
    found, earlier = in_rows(reading, joint), reading.comparison
    parts = [_p("Compared with an earlier reading", "section"), _p(found.headline[:1].upper() + found.headline[1:])]
    if found.changed:
        rows = [[_p(one, "name") for one in ("Level", "Finding", "Earlier", "Now", "Difference", "Error")]]
        rows += [[_p(one) for one in (row.site, row.title, row.before, row.now, row.difference, row.limit)] for row in found.changed]
        parts.append(_plain(rows, [18 * mm, 48 * mm, 30 * mm, 30 * mm, 28 * mm, 28 * mm]))
    parts += [_p(f"Not judged: {what}. {reason}", "small") for reason, what in found.not_comparable]
    words = f"Earlier reading: study {earlier.study_key}, package {earlier.package} {earlier.package_version}."
    return [*parts, _p(f"{words} {earlier.source} {earlier.remark}", "note")]


def _record(reading: Reading, joint: Joint) -> list[Flowable]:
    """Quality, what the findings mean, provenance."""
    parts: list[Flowable] = [_p("Quality", "section")]
    for check in sorted(reading.checks, key=lambda one: one.passed is not False):
        word = "OK" if check.passed else "Warning" if check.passed is False else "Not measured"
        parts.append(_p(f"<b>{word}</b> {escape(check.sentence)}", "small", markup=True))
    if not reading.checks:
        parts.append(_p("No quality check was made.", "small"))
    parts += [_p(f"{one.severity.capitalize()}: {one.what}", "small") for one in reading.problems]
    meanings: list[Flowable] = [_p("What the findings mean", "section")]
    for finding in explained(reading):
        entry = entry_of(finding.finding, joint, finding.kind)
        scale = zip(entry.scale.steps, entry.scale.meanings, strict=True) if entry.scale else ()
        steps = "; ".join(f"{step} {meaning}" for step, meaning in scale)
        text = " ".join(part for part in (entry.explanation, steps, f"Source: {entry.source}." if entry.source else "") if part)
        meanings.append(_p(f"<b>{escape(entry.title)}</b> {escape(text)}", "small", markup=True))
    package = reading.package
    lines = [("Intended use", package.intended_use), ("Trained on", package.trained_on), ("Limits", " ".join(package.limits)),
             ("Package", f"{package.name} {package.version}, sha256 {package.sha256}"), ("Condyle", reading.condyle_version),
             ("Licence and credit", f"{package.licence} {package.credit}".strip())]  # fmt: skip
    provenance = [_p(f"<b>{name}</b> {escape(text)}", "small", markup=True) for name, text in lines if text]
    return [*parts, *meanings, _p("Provenance, intended use and limits", "section"), *provenance]


def _image(image: KeyImage, picture: Picture, width: float, box: tuple[float, ...] = ()) -> Flowable:
    import cv2

    _, _, wide, tall = box or (0, 0, picture.width, picture.height)
    scale = 2.0 if not box else max(2.0, 330 / wide)
    done, content = cv2.imencode(".png", drawn(picture, image, scale=scale, names=not box, box=box))
    if not done:
        raise ValueError(f"the picture {image.title!r} cannot be stored as PNG")
    return Image(io.BytesIO(content.tobytes()), width, width * tall / wide)


def _window(image: KeyImage, picture: Picture, site: str) -> Flowable | None:
    box = next((window.box for window in picture.windows if window.site == site), None)
    return None if box is None else _image(image, picture, 27 * mm, box)


def _plain(rows: Sequence[Sequence[Flowable]], widths: Sequence[float]) -> Table:
    return Table(rows, colWidths=widths, style=[*_BARE, ("LINEBELOW", (0, 0), (-1, -1), 0.4, LINE)], repeatRows=1)


def _boxed(text: str, tint: Any, ink: Any) -> Flowable:
    style = [("BACKGROUND", (0, 0), (-1, -1), tint), ("BOX", (0, 0), (-1, -1), 1, ink)]
    return Table([[_p(text, markup=True)]], colWidths=[_WIDTH], style=style)


_BARE = [("LEFTPADDING", (0, 0), (-1, -1), 0), ("RIGHTPADDING", (0, 0), (-1, -1), 4), ("TOPPADDING", (0, 0), (-1, -1), 2),
         ("BOTTOMPADDING", (0, 0), (-1, -1), 3), ("VALIGN", (0, 0), (-1, -1), "TOP")]  # fmt: skip


def _p(text: str, style: str = "body", *, markup: bool = False) -> Paragraph:
    """A paragraph. Text of a reading is never taken for markup."""
    return Paragraph(_with_signs(text if markup else escape(text)), STYLES[style])


def _with_signs(text: str) -> str:
    """The letters lack a few signs; the minus is the one that stands in values."""
    for sign, shown in _REPLACED.items():
        text = text.replace(sign, shown)
    return text


_SIGN = '<font name="ZapfDingbats">{}</font>'
_REPLACED = {"\u2212": "-", "●": _SIGN.format("●"), "○": _SIGN.format("❍"), "◐": _SIGN.format("◗"), "✕": _SIGN.format("✘")}

def _foot(canvas: Any, document: Any) -> None:
    canvas.saveState()
    canvas.setFont("Vera", 6.6)
    canvas.setFillColor(SOFT)
    canvas.drawString(document.leftMargin, 9 * mm, _FOOT)
    canvas.drawRightString(A4[0] - document.rightMargin, 9 * mm, str(canvas.getPageNumber()))
    canvas.restoreState()

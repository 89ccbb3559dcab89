"""Figures of an evaluation as SVG and PNG, drawn by matplotlib (extra ``evaluate``). Same figure, same bytes.

Letters stay letters in the SVG, so that a journal may set them in its own type.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from textwrap import wrap
from typing import Any

import numpy as np

from condyle.evaluate.figures import Boxes, Chart, Figure, FlowChart, Forest, Heat, Series, finding_words
from condyle.report.flow_chart import draw_flow, flow_size

INK, SOFT, LINE = "#17202b", "#465365", "#ccd4de"
COLOURS = ("#0b5cab", "#b3470f", "#3a7d2c", "#6b4a9c", "#8a6d00", "#4a5568")
MARKS = ("o", "s", "^", "D", "v", "P")
SIDE = 3.3  # inches, one column of a journal
DPI = 200
TITLE_LINE = 0.16  # inches, every line of a title after the first


@dataclass(frozen=True, slots=True)
class Drawn:
    """A drawn figure."""

    figure: Figure
    svg: bytes
    png: bytes
    inches: tuple[float, float]


def can_draw() -> bool:
    """Whether matplotlib is installed."""
    return find_spec("matplotlib") is not None


def draw(figure: Figure) -> Drawn:
    """Draw one figure. Raises ImportError without matplotlib: ask ``can_draw`` first."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure as Sheet

    with _style():
        wide, high = _size(figure)
        titled = wrap(whole_title(figure), max(30, int(13 * wide)))
        size = (wide, high + TITLE_LINE * (len(titled) - 1))
        # Labels of a chart always fit the same margins, in inches; laying the others out costs as much as drawing them.
        charted = isinstance(figure, Chart)
        flows = isinstance(figure, FlowChart)
        sheet = Sheet(figsize=size, layout=None if charted or flows else "constrained")
        if charted:
            above = 0.32 + size[1] - high
            sheet.subplots_adjust(left=0.68 / size[0], right=1 - 0.1 / size[0], bottom=0.48 / size[1], top=1 - above / size[1])
        FigureCanvasAgg(sheet)
        axes = sheet.add_axes((0, 0, 1, 1)) if flows else sheet.add_subplot()
        if isinstance(figure, FlowChart):
            draw_flow(axes, figure)
        elif isinstance(figure, Chart):
            _chart(axes, figure)
        elif isinstance(figure, Boxes):
            _boxes(axes, figure)
        elif isinstance(figure, Forest):
            _forest(axes, figure)
        else:
            _heat(axes, figure)
        place: dict[str, Any] = {"y": 0.98, "va": "top"} if charted or flows else {}  # a place of its own keeps a title out of the layout
        sheet.suptitle("\n".join(titled), x=0.02, ha="left", fontsize=9, fontweight="bold", **place)
        if not (charted or flows):
            sheet.draw_without_rendering()
            sheet.set_layout_engine("none")  # laid out once, not once a format
        svg, png = io.BytesIO(), io.BytesIO()
        sheet.savefig(svg, format="svg", metadata={"Date": None, "Creator": None})
        sheet.savefig(png, format="png", dpi=DPI, metadata={"Software": None})
    return Drawn(figure, svg.getvalue(), png.getvalue(), size)


def whole_title(figure: Figure) -> str:
    """The title, and before it the finding where it does not name it: a file stands alone, outside the page."""
    whose = finding_words(figure.finding) if figure.finding else ""
    return figure.title if whose.lower() in figure.title.lower() else f"{whose}: {figure.title}"


@contextmanager
def _style() -> Iterator[None]:
    import matplotlib as mpl

    with mpl.rc_context(
        {
            "font.size": 8, "font.family": "DejaVu Sans", "text.color": INK, "axes.labelcolor": INK, "axes.edgecolor": SOFT,
            "axes.linewidth": 0.7, "axes.spines.top": False, "axes.spines.right": False, "xtick.color": SOFT, "ytick.color": SOFT,
            "xtick.labelcolor": INK, "ytick.labelcolor": INK, "xtick.major.width": 0.7, "ytick.major.width": 0.7,
            "legend.frameon": False, "legend.fontsize": 7, "lines.linewidth": 1.5, "svg.fonttype": "none", "svg.hashsalt": "condyle",
            "figure.facecolor": "white", "savefig.facecolor": "white",
        }
    ):  # fmt: skip
        yield


def _size(figure: Figure) -> tuple[float, float]:
    if isinstance(figure, Chart):
        return (SIDE, SIDE + 0.15) if figure.square else (1.25 * SIDE, SIDE)
    if isinstance(figure, Boxes):
        return max(SIDE, 1.1 + 0.55 * len(figure.groups)), SIDE
    if isinstance(figure, Forest):
        return 2 * SIDE, 0.95 + 0.2 * len(figure.rows)
    if isinstance(figure, FlowChart):
        return flow_size(figure)
    widest = max((len(name) for name in figure.rows), default=0)
    return max(SIDE, 1.3 + 0.07 * widest + 0.52 * len(figure.columns)), max(1.9, 1.5 + 0.3 * len(figure.rows))


def _chart(axes: Any, chart: Chart) -> None:
    if chart.diagonal:
        axes.plot((0, 1), (0, 1), linestyle=(0, (4, 3)), linewidth=0.8, color=SOFT, zorder=1)
    solid, dashed = -1, False
    for one in chart.series:
        if one.kind == "reference":
            # The second of two (treat none beside treat all) is told apart by its dots.
            dash = (0, (1, 2)) if dashed else (0, (4, 3))
            axes.plot(one.x, one.y, linestyle=dash, linewidth=1, color=INK, label=one.label or None, zorder=1)
            dashed = dashed or bool(one.label)
            continue
        if one.kind == "band":
            axes.fill_between(one.x, one.low, one.high, color=COLOURS[max(solid, 0)], alpha=0.16, linewidth=0, zorder=1)
            continue
        solid += 1
        _series(axes, one, COLOURS[solid % len(COLOURS)], MARKS[solid % len(MARKS)])
    if chart.square:
        axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), aspect="equal", xticks=np.linspace(0, 1, 6), yticks=np.linspace(0, 1, 6))
    axes.set_ylim(None if np.isnan(chart.up_from) else chart.up_from, None if np.isnan(chart.up_to) else chart.up_to)
    axes.set(xlabel=chart.across, ylabel=chart.up)
    if any(one.label for one in chart.series):
        axes.legend(loc="best" if len(chart.series) < 40 else "lower right")


def _series(axes: Any, one: Series, colour: str, mark: str) -> None:
    label = one.label or None
    if one.kind == "points":
        if one.low is not None and one.high is not None:
            bars = np.abs(np.vstack([one.y - one.low, one.high - one.y]))
            axes.errorbar(one.x, one.y, yerr=bars, fmt=mark, color=colour, markersize=4, elinewidth=1, label=label, zorder=3)
        else:
            many = len(one.x) > 60
            axes.plot(
                one.x, one.y, mark, color=colour, markersize=2.5 if many else 4.5, markeredgecolor="white",
                markeredgewidth=0 if many else 0.5, alpha=0.6 if many else 1, label=label, zorder=1.5 if many else 3,
            )  # fmt: skip
        return
    if one.low is not None and one.high is not None:
        axes.fill_between(one.x, one.low, one.high, color=colour, alpha=0.16, linewidth=0, zorder=1)
    axes.plot(one.x, one.y, color=colour, label=label, zorder=2)


def _boxes(axes: Any, boxes: Boxes) -> None:
    values = [np.asarray(own)[np.isfinite(own)] for _, own in boxes.groups]
    axes.boxplot(
        values, widths=0.5, showfliers=False, patch_artist=True, boxprops={"facecolor": "#e8eff8", "edgecolor": COLOURS[0]},
        medianprops={"color": COLOURS[0], "linewidth": 1.6}, whiskerprops={"color": SOFT}, capprops={"color": SOFT},
    )  # fmt: skip
    for place, own in enumerate(values, start=1):
        # Beside each other in their order, so that the same figure has the same bytes.
        aside = (np.arange(len(own)) % 7 - 3) * 0.045 if len(own) > 1 else np.zeros(len(own))
        axes.plot(place + aside, own, "o", color=INK, markersize=2.6, alpha=0.65, zorder=3)
    names = ["\n".join([*wrap(name, 14), f"n = {len(own)}"]) for (name, _), own in zip(boxes.groups, values, strict=True)]
    axes.set_xticks(range(1, len(values) + 1), names, fontsize=7, rotation=0 if len(values) < 9 else 60)
    axes.set(ylabel=boxes.up)
    axes.grid(axis="y", color=LINE, linewidth=0.5)
    axes.set_axisbelow(True)


def _forest(axes: Any, forest: Forest) -> None:
    """Rows from the top, counts on the left of the axis, the number on the right."""
    count = len(forest.rows)
    if np.isfinite(forest.reference):
        axes.axvline(forest.reference, color=SOFT, linewidth=0.8, linestyle=(0, (4, 3)), zorder=1)
    most = max((one.n for _, _, one in forest.rows if one is not None), default=1)
    for place, (_, _, one) in enumerate(forest.rows):
        y = count - 1 - place
        if one is None:
            continue
        if np.isfinite(one.low):
            axes.plot((one.low, one.high), (y, y), color=COLOURS[0], linewidth=1.2, solid_capstyle="butt", zorder=2)
        axes.plot(one.estimate, y, "s", color=COLOURS[0], markersize=3 + 3.5 * float(np.sqrt(one.n / most)), zorder=3)
        axes.annotate(
            str(one).replace("-", "\u2212"), (1.02, y), xycoords=("axes fraction", "data"), va="center", fontsize=7, annotation_clip=False
        )
        axes.annotate(forest.rows[place][1], (-0.02, y), xycoords=("axes fraction", "data"), va="center", ha="right", fontsize=7)
    # Labels begin at one edge, counts end at the axis: a letter of this type is about 4.2 points wide.
    wide = [4.2 * (len(label) + (len(counts) + 4 if counts else 0)) for label, counts, _ in forest.rows]
    axes.set_yticks(range(count), [label.replace("    ", 4 * "\u00a0") for label, _, _ in reversed(forest.rows)], fontsize=7, ha="left")
    for tick, (_, _, one) in zip(axes.get_yticklabels(), reversed(forest.rows), strict=True):
        tick.set_fontweight("bold" if one is None else "normal")
    axes.tick_params(axis="y", length=0, pad=max(wide, default=0))
    axes.spines["left"].set_visible(False)
    axes.set(ylim=(-0.7, count - 0.3), xlabel=forest.across)
    low, high = axes.get_xlim()
    if forest.reference == 0 and (low < -1 or high > 1):  # a difference of shares ends at 1, whatever its limits by t
        axes.set_xlim(max(low, -1.0), min(high, 1.0))
    if forest.logarithmic:
        from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 1.5, 2.0, 3.0, 5.0, 7.0, 8.0, 9.0)))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.xaxis.set_minor_formatter(NullFormatter())


def _heat(axes: Any, heat: Heat) -> None:
    values = np.asarray(heat.values, np.float64)
    seen = values[np.isfinite(values)]
    low = heat.low if np.isfinite(heat.low) else float(seen.min()) if len(seen) else 0.0
    high = heat.high if np.isfinite(heat.high) else float(seen.max()) if len(seen) else 1.0
    gains = low < 0 < high and not np.isfinite(heat.low)  # differences: white where there is none
    if gains:
        low, high = -max(-low, high), max(-low, high)
    colours, high = "RdBu" if gains else "Blues", high if high > low else low + 1
    axes.imshow(np.ma.masked_invalid(values), cmap=colours, vmin=low, vmax=high, aspect="auto")
    for (row, column), value in np.ndenumerate(values):
        if np.isfinite(value):
            dark = abs(value) / high > 0.6 if gains else (value - low) / (high - low) > 0.6
            text = f"{value:.{heat.digits}f}".replace("-", "\u2212")
            axes.text(column, row, text, ha="center", va="center", fontsize=7, color="white" if dark else INK)
    axes.set_xticks(range(len(heat.columns)), heat.columns, fontsize=7, rotation=35 if max(map(len, heat.columns)) > 7 else 0, ha="center")
    axes.set_yticks(range(len(heat.rows)), heat.rows, fontsize=7)
    axes.tick_params(length=0)
    for side in ("left", "bottom"):
        axes.spines[side].set_visible(False)
    axes.set(xlabel=heat.across, ylabel=heat.down)

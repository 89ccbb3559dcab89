"""A flow of units drawn as CONSORT asks: stages from above, a column an arm, those who leave on the right."""

from __future__ import annotations

from textwrap import wrap
from typing import Any

from condyle.evaluate.figures import FlowChart, FlowStage

WIDTH = 6.6  # inches
LINE, PAD, GAP = 0.145, 0.07, 0.24  # a line of text, its margin in a box, the arrow between stages
LABEL = 0.3  # the name of a stage, on the left
LETTERS = 16.5  # of this type, an inch
INK, SOFT, EDGE, TINT = "#17202b", "#465365", "#8794a5", "#eef2f7"

Box = tuple[str, ...]


def flow_size(chart: FlowChart) -> tuple[float, float]:
    """Width and height, inches, with room for the title."""
    return WIDTH, 0.4 + sum(_tall(stage) for stage in chart.stages) + GAP * (len(chart.stages) - 1) + 0.1


def draw_flow(axes: Any, chart: FlowChart) -> None:
    """Draw on axes that fill the sheet, in inches from the upper left."""
    wide, high = flow_size(chart)
    axes.set(xlim=(0, wide), ylim=(high, 0))
    axes.axis("off")
    top = 0.4
    above: list[tuple[float, float]] = []  # lower ends that arrows leave from
    for stage in chart.stages:
        top, above = _stage(axes, stage, top, above)


def _stage(axes: Any, stage: FlowStage, top: float, above: list[tuple[float, float]]) -> tuple[float, list[tuple[float, float]]]:
    places = _columns(stage)
    boxes = [_wrapped(box, wide) for box, (_, wide) in zip(stage.boxes, places, strict=True)]
    row = max(_height(box) for box in boxes)
    bottom = top + _tall(stage)
    middles = [left + wide / 2 for left, wide in places]
    for box, (left, wide) in zip(boxes, places, strict=True):
        _box(axes, box, left, top, wide, row)
    if len(above) == 1 and len(middles) > 1:
        _fork(axes, above[0], middles, top)
    else:
        for (x, y), middle in zip(above, middles, strict=False):
            _arrow(axes, (x, y), (middle, top))
    if stage.name:
        axes.text(LABEL / 2, (top + bottom) / 2, stage.name, rotation=90, ha="center", va="center", fontsize=7, color=SOFT)
    if stage.aside:
        left, wide = _aside(places[0])
        lines = _wrapped(stage.aside, wide)
        start = top + row + GAP / 2
        _box(axes, lines, left, start, wide, _height(lines))
        _arrow(axes, (middles[0], start + _height(lines) / 2), (left, start + _height(lines) / 2))
        axes.plot((middles[0], middles[0]), (top + row, bottom), color=SOFT, linewidth=0.8)
        return bottom + GAP, [(middles[0], bottom)]
    return bottom + GAP, [(middle, top + row) for middle in middles]


def _columns(stage: FlowStage) -> list[tuple[float, float]]:
    """Left edge and width of each box."""
    count, room = len(stage.boxes), WIDTH - LABEL - 0.2
    if count == 1:
        return [(LABEL + 0.1 + room * 0.25, room * 0.5)]
    wide = (room - 0.25 * (count - 1)) / count
    return [(LABEL + 0.1 + place * (wide + 0.25), wide) for place in range(count)]


def _tall(stage: FlowStage) -> float:
    places = _columns(stage)
    row = max(_height(_wrapped(box, wide)) for box, (_, wide) in zip(stage.boxes, places, strict=True))
    if not stage.aside:
        return row
    return row + GAP / 2 + _height(_wrapped(stage.aside, _aside(places[0])[1]))


def _aside(box: tuple[float, float]) -> tuple[float, float]:
    """Left edge and width of the box on the right of a box."""
    left = box[0] + box[1] / 2 + 0.35
    return left, WIDTH - left - 0.1


def _wrapped(box: Box, wide: float) -> Box:
    letters = int((wide - 2 * PAD) * LETTERS)
    return tuple(piece for line in box for piece in wrap(line, letters, subsequent_indent="    "))


def _height(box: Box) -> float:
    return len(box) * LINE + 2 * PAD


def _box(axes: Any, lines: Box, left: float, top: float, wide: float, high: float) -> None:
    from matplotlib.patches import Rectangle

    axes.add_patch(Rectangle((left, top), wide, high, facecolor=TINT, edgecolor=EDGE, linewidth=0.7))
    for place, line in enumerate(lines):
        indented = line.startswith("    ")
        axes.text(
            left + PAD + (0.12 if indented else 0), top + PAD + (place + 0.5) * LINE, line.strip(), va="center", fontsize=7, color=INK,
            fontweight="bold" if place == 0 else "normal",
        )  # fmt: skip


def _fork(axes: Any, start: tuple[float, float], middles: list[float], top: float) -> None:
    half = top - GAP / 2
    axes.plot((start[0], start[0]), (start[1], half), color=SOFT, linewidth=0.8)
    axes.plot((min(middles), max(middles)), (half, half), color=SOFT, linewidth=0.8)
    for middle in middles:
        _arrow(axes, (middle, half), (middle, top))


def _arrow(axes: Any, start: tuple[float, float], end: tuple[float, float]) -> None:
    look = {"arrowstyle": "-|>", "color": SOFT, "linewidth": 0.8, "shrinkA": 0, "shrinkB": 0, "mutation_scale": 7}
    axes.annotate("", end, start, arrowprops=look)

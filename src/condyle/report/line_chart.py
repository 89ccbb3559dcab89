"""Line charts as SVG text without matplotlib: small, drawn again after every epoch, readable without colour."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

_WIDE, _HIGH = 460, 250
_LEFT, _RIGHT, _TOP, _BOTTOM = 58, 12, 12, 40
_COLOURS = ("#0b5cab", "#b3470f", "#3a7d2c", "#6b4a9c", "#8a6d00", "#4a5568")
_DASHES = ("", "6 3", "2 3", "8 3 2 3")


@dataclass(frozen=True, slots=True)
class Line:
    """A named line: x and y of its points, NaN left out; ``mark`` is the index of a point to ring, None for none."""

    name: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    mark: int | None = None


def line_chart(lines: Sequence[Line], *, across: str, up: str) -> str:
    """An <svg> element. Colours are those of the page's ink where it can be had; empty text when there is no finite point."""
    points = [(x, y) for line in lines for x, y in zip(line.x, line.y, strict=True) if np.isfinite(y)]
    if not points:
        return ""
    xs, ys = zip(*points, strict=True)
    x_ticks, y_ticks = _ticks(min(xs), max(xs), whole=True), _ticks(min(ys), max(ys))
    low_x, high_x = min(xs), max(max(xs), min(xs) + 1)
    low_y, high_y = min(y_ticks[0], min(ys)), max(y_ticks[-1], max(ys))

    def place(x: float, y: float) -> tuple[float, float]:
        right = _LEFT + (x - low_x) / (high_x - low_x) * (_WIDE - _LEFT - _RIGHT)
        return right, _HIGH - _BOTTOM - (y - low_y) / max(high_y - low_y, 1e-12) * (_HIGH - _TOP - _BOTTOM)

    told = f"{escape(up)} over {escape(across)}"
    parts = [f'<svg viewBox="0 0 {_WIDE} {_HIGH}" width="{_WIDE}" class="chart" role="img" aria-label="{told}">']
    for tick in y_ticks:
        _, y = place(low_x, tick)
        parts.append(f'<path d="M{_LEFT} {y:.1f}H{_WIDE - _RIGHT}" class="grid"/>')
        parts.append(f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{tick:.4g}</text>')
    for tick in x_ticks:
        x, _ = place(tick, low_y)
        parts.append(f'<text x="{x:.1f}" y="{_HIGH - _BOTTOM + 16}" text-anchor="middle">{tick:.4g}</text>')
    parts.append(f'<text x="{(_LEFT + _WIDE) / 2}" y="{_HIGH - 6}" text-anchor="middle">{escape(across)}</text>')
    middle = (_HIGH - _BOTTOM) / 2
    parts.append(f'<text x="14" y="{middle}" text-anchor="middle" transform="rotate(-90 14 {middle})">{escape(up)}</text>')
    for number, line in enumerate(lines):
        colour, dash = _COLOURS[number % len(_COLOURS)], _DASHES[number // len(_COLOURS) % len(_DASHES)]
        known = [place(x, y) for x, y in zip(line.x, line.y, strict=True) if np.isfinite(y)]
        if not known:
            continue
        path = "L".join(f"{x:.1f} {y:.1f}" for x, y in known)
        style = f'fill="none" stroke="{colour}" stroke-width="1.8"' + (f' stroke-dasharray="{dash}"' if dash else "")
        parts.append(f'<path d="M{path}" {style}><title>{escape(line.name)}</title></path>')
        rings = known if len(known) == 1 else []
        if line.mark is not None and np.isfinite(line.y[line.mark]):
            rings = [place(line.x[line.mark], line.y[line.mark])]
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="none" stroke="{colour}" stroke-width="1.8"/>' for x, y in rings]
    return "".join(parts) + "</svg>"


def swatch(number: int) -> str:
    """The key of the n-th line, as an <svg> element."""
    colour, dash = _COLOURS[number % len(_COLOURS)], _DASHES[number // len(_COLOURS) % len(_DASHES)]
    style = f'stroke="{colour}" stroke-width="2"' + (f' stroke-dasharray="{dash}"' if dash else "")
    return f'<svg viewBox="0 0 28 8" width="28" height="8" aria-hidden="true"><path d="M0 4H28" {style}/></svg>'


def _ticks(low: float, high: float, *, whole: bool = False) -> list[float]:
    """About five round numbers that hold the range."""
    span = max(high - low, 1e-9 + 1e-3 * abs(high), 1.0 if whole else 0.0)
    step = 10 ** np.floor(np.log10(span / 4))
    step = float(next((step * factor for factor in (1, 2, 5, 10) if step * factor >= span / 4.5), step * 10))
    step = max(step, 1.0) if whole else step
    first = np.ceil(low / step - 1e-9) if whole else np.floor(low / step + 1e-9)
    last = np.floor(high / step + 1e-9) if whole else np.ceil(high / step - 1e-9)
    return [float(n * step) for n in np.arange(first, last + 1)]

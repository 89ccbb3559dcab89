"""Figures as plain data: what is drawn, in the units of the axes, and the words that stand below. ``report`` draws them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from condyle.anatomy import JOINTS
from condyle.evaluate.estimate import Estimate

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """One thing drawn in a chart.

    Parameters
    ----------
    label : for the legend; '' keeps it out
    x, y : (k,)
    low, high : (k,) limits of y: a band of a line, bars of points; empty for none
    kind : 'line', 'points', 'band' (the area between low and high alone), or 'reference' (a thin dashed line)
    """

    label: str
    x: Floats
    y: Floats
    low: Floats | None = None
    high: Floats | None = None
    kind: str = "line"


@dataclass(frozen=True, slots=True, eq=False)
class Chart:
    """Curves and points on two axes.

    Parameters
    ----------
    name : of the file; finding : whose it is, '' for the study as a whole; title, across, up : words
    series : what is drawn
    square : both axes run from 0 to 1 and are of one length
    diagonal : what the diagonal means ('chance', 'perfect'); '' draws none
    up_from, up_to : ends of the vertical axis; NaN lets the data say
    words : the caption
    """

    name: str
    finding: str
    title: str
    across: str
    up: str
    series: tuple[Series, ...]
    words: str
    square: bool = False
    diagonal: str = ""
    up_from: float = float("nan")
    up_to: float = float("nan")


@dataclass(frozen=True, slots=True, eq=False)
class Boxes:
    """Spread of numbers in groups: every number as a point over the box of its group."""

    name: str
    finding: str
    title: str
    up: str
    groups: tuple[tuple[str, Floats], ...]
    words: str


@dataclass(frozen=True, slots=True, eq=False)
class Forest:
    """Estimates below each other with their intervals.

    Parameters
    ----------
    rows : (label, counts in words, estimate or None for a heading)
    reference : where nothing differs, or NaN
    logarithmic : ratios are drawn on the logarithm
    """

    name: str
    finding: str
    title: str
    across: str
    rows: tuple[tuple[str, str, Estimate | None], ...]
    words: str
    reference: float = float("nan")
    logarithmic: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Heat:
    """A table of numbers as coloured cells; NaN stays empty.

    Parameters
    ----------
    down, across : words of the axes; rows, columns : names; values : (rows, columns)
    low, high : ends of the colours; NaN takes the data's
    digits : printed in the cells
    """

    name: str
    finding: str
    title: str
    down: str
    across: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    values: Floats
    words: str
    low: float = float("nan")
    high: float = float("nan")
    digits: int = 2


@dataclass(frozen=True, slots=True, eq=False)
class FlowStage:
    """One stage of a flow.

    Parameters
    ----------
    name : on the left edge ('Allocation'), '' for none
    boxes : one box in the middle, or one a column; each is its lines, the first a heading
    aside : a box on the right, for those who leave here; () for none
    """

    name: str
    boxes: tuple[tuple[str, ...], ...]
    aside: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class FlowChart:
    """Units from stage to stage, from above, as CONSORT draws them."""

    name: str
    finding: str
    title: str
    stages: tuple[FlowStage, ...]
    words: str


Figure = Chart | Boxes | Forest | Heat | FlowChart


def finding_words(name: str) -> str:
    """Title of a finding; another name (a group of findings, a column) with spaces and a capital."""
    titles = {entry.name: entry.title for joint in JOINTS.values() for entry in joint.findings}
    return titles.get(name, name[:1].upper() + name[1:].replace("_", " "))


def thinned(x: Floats, y: Floats, *, least: float = 1e-3) -> tuple[Floats, Floats]:
    """Corners of a curve without those nearer to the last kept than ``least`` in both directions; both ends stay."""
    kept = [0]
    for place in range(1, len(x)):
        if max(abs(x[place] - x[kept[-1]]), abs(y[place] - y[kept[-1]])) >= least:
            kept.append(place)
    if len(x) and kept[-1] != len(x) - 1:
        kept.append(len(x) - 1)
    return np.asarray(x)[kept], np.asarray(y)[kept]


def forest_of(
    name: str,
    title: str,
    across: str,
    rows: Sequence[tuple[str, str, Estimate | None]],
    words: str,
    *,
    finding: str = "",
    reference: float = float("nan"),
    logarithmic: bool = False,
) -> tuple[Forest, ...]:
    """The forest plot, or nothing when no row has a number; rows without one are left to the tables."""
    kept = tuple(row for row in rows if row[2] is None or np.isfinite(row[2].estimate))
    if not any(row[2] is not None for row in kept):
        return ()
    return (Forest(name, finding, title, across, kept, words, reference, logarithmic),)

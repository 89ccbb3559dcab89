"""Discs on a mid-sagittal picture: from tissue probabilities to an ordered column of discs.

Islands of disc tissue become candidates; the column is the chain of candidates, from the bottom up, that has bone
between its members, the canal behind them and a spine's spacing. Discs missed in a gap are looked for again with a
lower threshold; where none is found, bone above and below still tells the place. Lengths are in picture pixels,
angles in radians from front to back, positive when the back lies lower.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from condyle.quantiles import percentiles

# Channels of ``tissue``, as everywhere in this family.
VERTEBRA, CANAL, DISC = 0, 1, 2

# Distance of neighbouring disc centres in disc widths. In the lumbar spine a vertebra with its disc is about as high as
# a disc is deep; outside of the range two discs are no neighbours.
_PITCH, _NEAREST, _FARTHEST = 1.05, 0.45, 2.7
_GAP = 1.55  # a distance of this many usual pitches holds a missed disc
_BODY, _WHOLE_BODY = 0.6, 0.9  # share of vertebra below the lowest disc: perhaps, and surely, a lumbar body
_SACRAL = -0.27  # a disc that leans forward by more than 15 degrees may well lie on the sacrum
_REMNANT = 0.8  # of the usual width: a disc within the sacrum is narrower
_SLOPES = (-1.1, 1.1)  # a disc leans at most 63 degrees


@dataclass(frozen=True, slots=True, eq=False)
class Disc:
    """One disc on a picture.

    Parameters
    ----------
    row, column : centre
    angle : of the axis from front to back
    width : antero-posterior extent along the axis
    heights : across the axis in the front, middle and back third
    area : pixels
    probability : mean probability of disc tissue inside
    outline : (n, 2) closed polygon of (row, column)
    recovered : found only with a lower threshold, in a gap of the column
    """

    row: float
    column: float
    angle: float
    width: float
    heights: tuple[float, float, float]
    area: float
    probability: float
    outline: NDArray[np.float64]
    recovered: bool = False

    @property
    def centre(self) -> NDArray[np.float64]:
        """(row, column)"""
        return np.array([self.row, self.column])

    @property
    def axis(self) -> NDArray[np.float64]:
        """(row, column) unit vector from front to back."""
        return np.array([np.sin(self.angle), np.cos(self.angle)])

    @property
    def up(self) -> NDArray[np.float64]:
        """(row, column) unit vector across the axis towards the head."""
        return np.array([-np.cos(self.angle), np.sin(self.angle)])

    @property
    def height(self) -> float:
        """Mean height: area over width."""
        return self.area / self.width


def find_discs(tissue: NDArray[np.floating]) -> tuple[tuple[Disc, ...], tuple[Disc, ...]]:
    """The column of discs, and the candidates that are no part of it.

    Parameters
    ----------
    tissue : [3, row, column] probabilities of vertebra, canal, disc on square pixels, head up, front to the left

    Returns
    -------
    (discs from the bottom to the top, left-over candidates). Both empty when nothing looks like a disc.
    """
    candidates = _candidates(tissue[DISC], 0.5)
    if not candidates:
        return (), ()
    scores = [_plausibility(disc, tissue) for disc in candidates]
    width = _usual_width(candidates, scores)
    chain = _without_remnant(_best_chain(candidates, scores, tissue, width), candidates)
    column = _fill_gaps([candidates[i] for i in chain], tissue, width)
    column = _extend_down(column, tissue, width)
    rest = tuple(disc for i, disc in enumerate(candidates) if i not in chain)
    return tuple(column), rest


@dataclass(frozen=True, slots=True, eq=False)
class Island:
    """Connected pixels: a mask of their own box, whose first pixel lies at (row, column) of the picture."""

    mask: NDArray[np.bool_]
    row: int = 0
    column: int = 0


def shape_of(island: Island, share: NDArray[np.floating], *, recovered: bool = False) -> Disc | None:
    """Centre, axis, width and heights of one island. None when it is too small to have an axis.

    Parameters
    ----------
    share : [row, column] probability of disc tissue on the whole picture
    """
    import cv2

    rows, columns = np.nonzero(island.mask)
    if rows.size < 12:
        return None
    rows, columns = rows + island.row, columns + island.column
    weight = share[rows, columns].astype(np.float64)
    points = np.column_stack([rows, columns]).astype(np.float64)
    centre = weight @ points / weight.sum()
    away = points - centre
    values, vectors = np.linalg.eigh((weight * away.T) @ away)
    axis = vectors[:, 1] if vectors[1, 1] >= 0 else -vectors[:, 1]
    if values[1] <= 0:
        return None
    angle = float(np.arctan2(axis[0], axis[1]))
    along = away @ axis
    low, high = percentiles(along, 1, 99)
    width = high - low + 1
    thirds = [_thickness(along, low + width * a, low + width * b) for a, b in ((0.12, 0.38), (0.38, 0.62), (0.62, 0.88))]
    offset = (island.column, island.row)
    contours, _ = cv2.findContours(island.mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE, offset=offset)
    outline = max(contours, key=len)[:, 0, ::-1].astype(np.float64)
    middle = centre + axis * (low + high) / 2
    return Disc(
        float(middle[0]), float(middle[1]), angle, width, (thirds[0], thirds[1], thirds[2]), float(rows.size), float(weight.mean()),
        outline, recovered,
    )  # fmt: skip


def _thickness(along: NDArray[np.float64], low: float, high: float) -> float:
    """Pixels in a band across the axis over the band's length: the mean height there."""
    return float(((along >= low) & (along < high)).sum() / max(high - low, 1e-6))


def _candidates(share: NDArray[np.floating], threshold: float) -> list[Disc]:
    """Islands above the threshold that are not specks; islands that hold several discs are cut at higher thresholds."""
    found = [disc for island in islands(share > threshold) if (disc := shape_of(island, share)) is not None]
    if not found:
        return []
    largest = sorted((disc.area for disc in found), reverse=True)[:6]
    usual = float(np.median(largest))
    parts: list[Disc] = []
    for disc in found:
        parts += _split(disc, share, usual) if disc.area > 1.7 * usual else [disc]
    return [disc for disc in parts if disc.area >= max(40.0, 0.1 * usual) and _SLOPES[0] <= disc.angle <= _SLOPES[1]]


def _split(disc: Disc, share: NDArray[np.floating], usual: float) -> list[Disc]:
    (top, left), (bottom, right) = disc.outline.min(axis=0).astype(int).tolist(), disc.outline.max(axis=0).astype(int).tolist()
    own = share[top : bottom + 1, left : right + 1]
    for threshold in (0.7, 0.85, 0.95):
        pieces = [piece for one in islands(own > threshold, top, left) if (piece := shape_of(one, share)) and piece.area > 0.2 * usual]
        if len(pieces) > 1:
            return pieces
    return [disc]


def islands(mask: NDArray[np.bool_], row: int = 0, column: int = 0) -> list[Island]:
    """Islands of at least 12 pixels; the mask's first pixel lies at (row, column) of the picture."""
    import cv2

    shown = mask.view(np.uint8)
    left, top, width, height = cv2.boundingRect(shown)  # most of a picture holds none: labelling its discs alone is ten times as fast
    shown, row, column = shown[top : top + height, left : left + width], row + top, column + left
    count, labels, stats, _ = cv2.connectedComponentsWithStats(shown, connectivity=8) if shown.size else (0, shown, shown, shown)
    found = []
    for i in range(1, count):
        left, top, width, height, area = (int(value) for value in stats[i])
        if area >= 12:
            found.append(Island(labels[top : top + height, left : left + width] == i, top + row, left + column))
    return found


def at_points(layer: NDArray[np.generic], points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Nearest values at (row, column) points; 0 outside."""
    rows, columns = np.rint(points).astype(int).T
    inside = (rows >= 0) & (rows < layer.shape[0]) & (columns >= 0) & (columns < layer.shape[1])
    values = np.zeros(len(points))
    values[inside] = layer[rows[inside], columns[inside]]
    return values


def _bone(disc: Disc, tissue: NDArray[np.floating], side: float) -> float:
    """Share of vertebra over the middle of the disc, a little above (side 1) or below (side -1) it."""
    across = np.linspace(-0.25, 0.25, 5)[:, None] * disc.width * disc.axis
    beyond = max(disc.heights) / 2 + 0.12 * disc.width
    return float(at_points(tissue[VERTEBRA], disc.centre + side * beyond * disc.up + across).mean())


def _canal_behind(disc: Disc, tissue: NDArray[np.floating]) -> float:
    """The largest share of canal within half a disc width behind the disc."""
    steps = np.linspace(0.5, 1.0, 12)[:, None] * disc.width * disc.axis
    return float(at_points(tissue[CANAL], disc.centre + steps).max())


def _plausibility(disc: Disc, tissue: NDArray[np.floating]) -> float:
    bone = max(_bone(disc, tissue, 1.0), _bone(disc, tissue, -1.0))
    return disc.probability * (0.25 + 0.75 * bone) * (0.4 + 0.6 * _canal_behind(disc, tissue))


def _usual_width(candidates: Sequence[Disc], scores: Sequence[float]) -> float:
    """Median width of the best candidates, the full-width ones of them."""
    best = sorted(zip(scores, candidates, strict=True), key=lambda pair: -pair[0] * pair[1].area)[:6]
    return float(np.median([disc.width for _, disc in best]))


def _between(lower: Disc, upper: Disc, tissue: NDArray[np.floating]) -> float:
    """Share of vertebra on the middle of the way between two discs."""
    way = np.linspace(0.25, 0.75, 15)[:, None]
    return float(at_points(tissue[VERTEBRA], lower.centre * (1 - way) + upper.centre * way).mean())


def _step_score(lower: Disc, upper: Disc, tissue: NDArray[np.floating], width: float) -> float:
    """How well two discs are neighbours; minus infinity when they cannot be."""
    step = lower.centre - upper.centre
    distance = float(np.hypot(*step)) / width
    if step[0] <= 0 or not _NEAREST <= distance <= _FARTHEST or abs(step[1]) > 1.2 * step[0]:
        return -np.inf
    return 1.2 * (_between(lower, upper, tissue) - 0.45) - 0.5 * max(0.0, abs(float(np.log(distance / _PITCH))) - 0.3)


def _best_chain(candidates: Sequence[Disc], scores: Sequence[float], tissue: NDArray[np.floating], width: float) -> list[int]:
    """Indices of the chain with the largest sum of member and step scores, from the bottom up."""
    order = sorted(range(len(candidates)), key=lambda i: -candidates[i].row)
    total: dict[int, float] = {}
    before: dict[int, int | None] = {}
    for i in order:
        own = scores[i] * min(1.0, candidates[i].width / (0.6 * width)) - 0.15
        total[i], before[i] = own, None
        for j in order[: order.index(i)]:
            reached = total[j] + _step_score(candidates[j], candidates[i], tissue, width) + own
            if reached > total[i]:
                total[i], before[i] = reached, j
    chain: list[int] = []
    at: int | None = max(total, key=lambda i: total[i])
    while at is not None:
        chain.append(at)
        at = before[at]
    return chain[::-1]


def _without_remnant(chain: list[int], candidates: Sequence[Disc]) -> list[int]:
    """A narrow lowest disc under one that leans like the lumbosacral disc is a remnant within the sacrum (S1-S2)."""
    if len(chain) < 4:
        return chain
    lowest, second = candidates[chain[0]], candidates[chain[1]]
    usual = float(np.median([candidates[i].width for i in chain]))
    return chain[1:] if lowest.width < _REMNANT * usual and second.angle < _SACRAL else chain


def _fill_gaps(column: list[Disc], tissue: NDArray[np.floating], width: float) -> list[Disc]:
    """Look again, less strictly, where two neighbours lie too far apart."""
    if len(column) < 2:
        return column
    steps = [float(np.hypot(*(b.centre - a.centre))) for a, b in pairwise(column)]
    filled = [column[0]]
    for index, (lower, upper) in enumerate(pairwise(column)):
        near = [step for i, step in enumerate(steps) if i != index and abs(i - index) <= 2 and step < _GAP * _PITCH * width]
        usual = float(np.median(near)) if near else _PITCH * width
        missing = round(steps[index] / usual) - 1 if steps[index] > _GAP * usual else 0
        for place in range(1, missing + 1):
            share = place / (missing + 1)
            guess = lower.centre * (1 - share) + upper.centre * share
            angle = lower.angle * (1 - share) + upper.angle * share
            filled.append(_recover(guess, angle, tissue, width, reach=0.4 * usual) or _collapsed(guess, angle, width))
        filled.append(upper)
    return filled


def _extend_down(column: list[Disc], tissue: NDArray[np.floating], width: float) -> list[Disc]:
    """A body below the lowest disc that is labelled as a vertebra is not the sacrum: look for the disc under it."""
    if len(column) < 2:
        return column
    lowest, second = column[0], column[1]
    step = lowest.centre - second.centre
    turn = lowest.angle - second.angle  # lordosis goes on
    onward = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]]) @ step
    along, across = np.meshgrid(np.linspace(0.3, 0.7, 9), np.linspace(-0.3, 0.3, 7))
    body = lowest.centre + along.reshape(-1, 1) * onward + across.reshape(-1, 1) * width * lowest.axis
    bone = float(at_points(tissue[VERTEBRA], body).mean())
    if bone < _BODY or lowest.angle < _SACRAL:
        return column
    disc = _recover(lowest.centre + onward, lowest.angle + turn, tissue, width, reach=0.45 * float(np.hypot(*step)))
    if disc is None and bone < _WHOLE_BODY:
        return column
    return [disc or _collapsed(_end_of_bone(lowest, onward, tissue), lowest.angle + turn, width), *column]


def _end_of_bone(disc: Disc, onward: NDArray[np.float64], tissue: NDArray[np.floating]) -> NDArray[np.float64]:
    """Where the body below a disc ends along a direction: the first place with less than 0.4 of vertebra."""
    way = disc.centre + np.linspace(0.7, 1.3, 31)[:, None] * onward
    ended = np.flatnonzero(at_points(tissue[VERTEBRA], way) < 0.4)
    return np.asarray(way[ended[0]] if ended.size else way[15], np.float64)


def _collapsed(centre: NDArray[np.float64], angle: float, width: float) -> Disc:
    """A disc of which only the place is known, from the bone around it. Its probability is 0: nothing is measured on it."""
    height = 0.06 * width
    axis, up = np.array([np.sin(angle), np.cos(angle)]), np.array([-np.cos(angle), np.sin(angle)])
    corners = [centre + a * axis * width / 2 + b * up * height / 2 for a, b in ((-1, 1), (1, 1), (1, -1), (-1, -1))]
    return Disc(float(centre[0]), float(centre[1]), angle, width, (height,) * 3, width * height, 0.0, np.array(corners), recovered=True)


def _recover(guess: NDArray[np.float64], angle: float, tissue: NDArray[np.floating], width: float, reach: float) -> Disc | None:
    """The best weak island of disc tissue near a place. None when there is none."""
    share = tissue[DISC]
    radius = max(reach, 0.3 * width)
    first = np.maximum(np.floor(guess - radius), 0).astype(int)
    last = np.minimum(np.ceil(guess + radius) + 1, share.shape).astype(int)
    if (last <= first).any():
        return None
    window = share[first[0] : last[0], first[1] : last[1]]
    rows, columns = np.indices(window.shape)
    near = np.hypot(rows + first[0] - guess[0], columns + first[1] - guess[1]) < radius
    best: Disc | None = None
    for threshold in (0.3, 0.15):
        for island in islands((window > threshold) & near, int(first[0]), int(first[1])):
            disc = shape_of(island, share, recovered=True)
            if disc is None or disc.width < 0.3 * width or abs(disc.angle - angle) > 0.7:
                continue
            if best is None or disc.area * disc.probability > best.area * best.probability:
                best = disc
        if best is not None:
            return replace(best, width=max(best.width, 0.7 * width))
    return None

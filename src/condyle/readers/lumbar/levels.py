"""Names of the discs, counted from the sacrum upward, and how far the count can be trusted.

A mid-sagittal lumbar picture seldom shows a vertebra whose number is certain, so the lowest disc above the sacrum is
called L5-S1 and the others follow. Spines with four or six lumbar vertebrae exist: whatever speaks for one, or for a
sacrum out of view, becomes a flag. It is never resolved in silence.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from condyle.anatomy.lumbar import LEVELS
from condyle.readers.lumbar.crops import VERTEBRA, Frame
from condyle.readers.lumbar.discs import CANAL, DISC, Disc, at_points, find_discs, islands, shape_of

NUMBERING_UNCERTAIN = "numbering_uncertain"
_FEWEST = 5  # a lumbar study shows five discs; fewer leave the count in doubt
# Set on the 361 SPIDER pictures (out-of-fold tissue) and on simulated spines of the seeds 90000 to 101007, 200000 to 211017, 307003,
# 307010, 310002, 310008, 600000 to 611017 and 700000 to 711017; scripts/numbering.py tests them on
# other seeds. Lengths in disc widths, angles in radians. On SPIDER L5-S1 leans by -0.25 to -0.86 (1st, 99th percentile).
_NO_ROOM, _LITTLE_ROOM, _SOME_ROOM = 1.15, 1.50, 1.75
_LEVEL_LYING, _LEANING, _KINK = -0.22, -0.50, 0.60
_BENT = 0.50  # between two lumbar discs
_UNSEEN = 2  # lumbar discs of which only the place is guessed
_BODY_LENGTH = 0.63
_HARDLY_ANY = 0.05
_PIECE = 0.022  # of a disc width squared; a lumbar disc has 0.2 to 0.4


@dataclass(frozen=True, slots=True, eq=False)
class Levels:
    """The named discs of one picture.

    Parameters
    ----------
    names, discs : from the bottom upward
    width : median width of the discs, pixels; the unit of everything cut or compared on this picture
    doubts : sentences; any of them means the flag ``numbering_uncertain``
    """

    names: tuple[str, ...]
    discs: tuple[Disc, ...]
    width: float
    doubts: tuple[str, ...] = ()

    @property
    def by_name(self) -> dict[str, Disc]:
        return dict(zip(self.names, self.discs, strict=True))

    @property
    def flags(self) -> tuple[str, ...]:
        return (NUMBERING_UNCERTAIN,) if self.doubts else ()


def find_levels(tissue: NDArray[np.floating]) -> Levels:
    """Discs of a picture with their names.

    Parameters
    ----------
    tissue : [3, row, column] probabilities of vertebra, canal, disc on the picture's grid

    Returns
    -------
    Levels, empty when no column of discs was seen.
    """
    discs, rest = find_discs(tissue)
    return name_levels(discs, rest, tissue)


def name_levels(discs: Sequence[Disc], rest: Sequence[Disc], tissue: NDArray[np.floating], *, skipped: int = 0) -> Levels:
    """Names for a column of discs.

    Parameters
    ----------
    discs : from the bottom upward
    rest : candidates that are no part of the column
    skipped : discs below the first one that are known (from another picture of the study) but not seen here
    """
    names = LEVELS[skipped : skipped + len(discs)]
    kept = tuple(discs[: len(names)])
    width = float(np.median([disc.width for disc in kept])) if kept else 0.0
    return Levels(names, kept, width, tuple(_doubts(kept, rest, tissue, width)) if kept else ())


def frames(levels: Levels) -> tuple[Frame, ...]:
    """Where to cut the crops of a picture, in its pixels, one a level."""
    return tuple(
        Frame(name, disc.row, disc.column, disc.angle, levels.width) for name, disc in zip(levels.names, levels.discs, strict=True)
    )


def _doubts(discs: tuple[Disc, ...], rest: Sequence[Disc], tissue: NDArray[np.floating], width: float) -> list[str]:
    lowest, second = discs[0], discs[min(1, len(discs) - 1)]
    doubts = []
    if _sacrum_unseen((tissue.shape[1] - lowest.row) / width, lowest, second):
        doubts.append("The lowest disc lies near the picture's lower edge, so the sacrum is not surely seen.")
    if len(discs) < _FEWEST:
        doubts.append(f"Only {len(discs)} discs were found.")
    if lowest.width < 0.65 * width or (lowest.width < 0.8 * width and lowest.height < 0.09 * width):
        doubts.append("The lowest disc is rudimentary: it may lie within the sacrum or above a transitional vertebra.")
    if lowest.recovered:
        doubts.append("The lowest disc was hardly seen; its place follows from the vertebra above it.")
    if lowest.angle > _LEVEL_LYING:
        doubts.append("The lowest disc does not lean forward like one on the sacrum.")
    if lowest.angle > _LEANING and _is_vertebra_below(lowest, tissue, width):
        doubts.append("The body below the lowest disc looks like a vertebra, not like the sacrum.")
    if any(_looks_lumbar(disc, lowest, width) or _is_cut_off(disc, lowest, width, tissue.shape[1]) for disc in rest):
        doubts.append("A well-formed disc lies below the one that was taken for L5-S1: a transitional vertebra is possible.")
    if _is_disc_below(lowest, tissue, width):
        doubts.append("Disc tissue is seen a vertebra below the lowest disc: it may be L5-S1, or a remnant within the sacrum.")
    if not -_KINK < lowest.angle - second.angle < 0.35:
        doubts.append("The lowest disc is tilted against the lumbar curve.")
    lumbar = discs[:_FEWEST]
    if any(abs(lower.angle - upper.angle) > _BENT for lower, upper in pairwise(lumbar[1:])):
        doubts.append("Two neighbouring discs are tilted against each other: one of them may be none.")
    if sum(disc.probability == 0 for disc in lumbar) >= _UNSEEN:
        doubts.append("Several lumbar discs were not seen; their places follow from their neighbours.")
    if np.mean([canal_behind(disc, tissue) for disc in discs[:5]]) < _HARDLY_ANY:
        doubts.append("No spinal canal is seen behind the discs: the picture lies beside the midline, or is mirrored.")
    return doubts


def _sacrum_unseen(room: float, lowest: Disc, second: Disc) -> bool:
    """Whether the picture ends so soon below the lowest disc that it may lie on L5 as well as on S1.

    Parameters
    ----------
    room : from the lowest disc to the picture's lower edge, disc widths
    """
    flat, next_flat = lowest.angle > -0.45, second.angle > -0.20
    return room < _NO_ROOM or (room < _LITTLE_ROOM and (flat or next_flat)) or (room < _SOME_ROOM and flat and next_flat)


def canal_behind(disc: Disc, tissue: NDArray[np.floating]) -> float:
    """Share of canal on the way from 0.4 to 1.2 disc widths behind a disc's middle; about 0.3 to 0.6 in the midline."""
    way = disc.centre + np.linspace(0.4, 1.2, 17)[:, None] * disc.width * disc.axis
    return float((at_points(tissue[CANAL], way) > 0.5).mean())


def _is_vertebra_below(disc: Disc, tissue: NDArray[np.floating], width: float) -> bool:
    """Whether the body below a disc is labelled as a vertebra over the length of one. The segmenter leaves most of the sacrum out, but
    often labels the upper part of S1."""
    import cv2

    way = disc.centre - np.linspace(0.35, 0.75, 7)[:, None] * disc.width * disc.up
    if at_points(tissue[VERTEBRA], way).mean() <= 0.6:
        return False
    _, islands = cv2.connectedComponents((tissue[VERTEBRA] > 0.5).astype(np.uint8))
    own_island = at_points(islands, way[3:4])[0]
    if own_island == 0:
        return False
    rows, columns = np.nonzero(islands == own_island)
    places = np.column_stack([rows, columns]) - disc.centre
    below, along = -places @ disc.up, places @ disc.axis
    own = below[(below > 0) & (below < 1.3 * disc.width) & (np.abs(along) < 0.9 * disc.width)]
    if own.size < 50:
        return False
    low, high = np.percentile(own, (2, 98))
    return bool(high - low > _BODY_LENGTH * width)


def _is_disc_below(disc: Disc, tissue: NDArray[np.floating], width: float) -> bool:
    """Whether a piece of disc, too small to be taken for one, lies where the next disc would lie."""
    place = disc.centre - 1.1 * width * disc.up
    first = np.maximum(np.floor(place - 1.3 * width), 0).astype(int)
    last = np.maximum(np.ceil(place + 1.3 * width), first).astype(int)
    near = tissue[DISC, first[0] : last[0], first[1] : last[1]] > 0.5
    for island in islands(near, int(first[0]), int(first[1])) if near.size else ():
        piece = shape_of(island, tissue[DISC])
        if piece is not None and piece.area > _PIECE * width**2 and piece.probability > 0.6:
            step = piece.centre - disc.centre
            if 0.8 < -step @ disc.up / width < 1.4 and abs(step @ disc.axis) < 0.75 * width:
                return True
    return False


def _is_cut_off(disc: Disc, lowest: Disc, width: float, rows: int) -> bool:
    """Whether a piece of disc lies a vertebra below the lowest disc and at the picture's lower edge."""
    step = disc.centre - lowest.centre
    distance, room = float(np.hypot(*step)) / width, (rows - disc.row) / width
    return step[0] > 0 and 0.8 < distance < 1.6 and room < 0.8 and disc.probability > 0.6 and disc.width > 0.35 * width


def _looks_lumbar(disc: Disc, lowest: Disc, width: float) -> bool:
    step = disc.centre - lowest.centre
    distance = float(np.hypot(*step)) / width
    return step[0] > 0 and 0.5 < distance < 1.5 and disc.width > 0.68 * width and disc.probability > 0.75

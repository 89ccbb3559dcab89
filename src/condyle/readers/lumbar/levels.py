"""Names of the discs, counted from the sacrum upward, and how far the count can be trusted.

A mid-sagittal lumbar picture seldom shows a vertebra whose number is certain, so the lowest disc above the sacrum is
called L5-S1 and the others follow. Spines with four or six lumbar vertebrae exist: whatever speaks for one, or for a
sacrum out of view, becomes a flag. It is never resolved in silence.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from condyle.anatomy.lumbar import LEVELS
from condyle.readers.lumbar.crops import VERTEBRA, Frame
from condyle.readers.lumbar.discs import Disc, find_discs

NUMBERING_UNCERTAIN = "numbering_uncertain"
_FEWEST = 5  # a lumbar study shows five discs; fewer leave the count in doubt


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
    lowest, bottom = discs[0], tissue.shape[1]
    doubts = []
    if lowest.row + 0.6 * width > bottom:
        doubts.append("The lowest disc lies at the picture's lower edge, so the sacrum is not seen.")
    if len(discs) < _FEWEST:
        doubts.append(f"Only {len(discs)} discs were found.")
    if lowest.width < 0.7 * width:
        doubts.append("The lowest disc is rudimentary: it may lie within the sacrum or above a transitional vertebra.")
    if lowest.recovered:
        doubts.append("The lowest disc was hardly seen; its place follows from the vertebra above it.")
    if _bone_below(lowest, tissue) > 0.6:
        doubts.append("The body below the lowest disc looks like a vertebra, not like the sacrum.")
    if any(_looks_lumbar(disc, lowest, width) for disc in rest):
        doubts.append("A well-formed disc lies below the one that was taken for L5-S1: a transitional vertebra is possible.")
    if len(discs) > 1 and lowest.angle > discs[1].angle + 0.35:
        doubts.append("The lowest disc is tilted against the lumbar curve.")
    return doubts


def _bone_below(disc: Disc, tissue: NDArray[np.floating]) -> float:
    """Share of vertebra in the middle of the body below a disc. The segmenter leaves the sacrum unlabelled."""
    down = np.linspace(0.35, 0.75, 7)[:, None] * disc.width * -disc.up
    rows, columns = np.rint(disc.centre + down).astype(int).T
    inside = (rows >= 0) & (rows < tissue.shape[1]) & (columns >= 0) & (columns < tissue.shape[2])
    if not inside.all():
        return 0.0
    return float(tissue[VERTEBRA][rows, columns].mean())


def _looks_lumbar(disc: Disc, lowest: Disc, width: float) -> bool:
    step = disc.centre - lowest.centre
    distance = float(np.hypot(*step)) / width
    return step[0] > 0 and 0.5 < distance < 1.5 and disc.width > 0.6 * width and disc.probability > 0.75

"""What kind of reading study it is, seen from who read what in which arm."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from condyle.evaluate.mrmc.reads import Reads

WORDS = {
    "crossed": "every reader read every case in every arm",
    "cases nested in readers": "each reader had cases of their own, read in every arm",
    "cases nested in arms": "each arm had cases of its own, read by every reader",
    "readers nested in arms": "each arm had readers of its own; all read the same cases",
    "nested in arms": "each arm had readers and cases of its own",
    "split-plot": "readers and cases were divided into blocks; within a block every reader read every case in every arm",
    "partially paired": "some readers or cases are in one arm only",
    "missing reads": "some readers did not read some of their cases",
}


@dataclass(frozen=True, slots=True)
class Design:
    """The design of a reading study.

    Parameters
    ----------
    name : a key of ``WORDS``
    blocks : (r,) block of each reader in a split-plot; one block in any other design
    missing : reads that a crossed study would have and this one has not
    """

    name: str
    blocks: tuple[int, ...]
    missing: int

    @property
    def balanced(self) -> bool:
        """Can Obuchowski-Rockette analyse it? Else the U-statistics do."""
        return self.name not in ("partially paired", "missing reads")

    def __str__(self) -> str:
        return f"{self.name}: {WORDS[self.name]}"


def design_of(reads: Reads) -> Design:
    """Recognise the design from the cross-tabulation of arm, reader and case."""
    return design_of_mask(reads.read)


def design_of_mask(read: NDArray[np.bool_]) -> Design:
    """The same from a (t, r, n) mask of what was read; cases that nobody read do not count."""
    read = read[:, :, np.flatnonzero(read.any(axis=(0, 1)))]
    arms, readers, _ = read.shape
    missing = int(read.size - read.sum())
    one = (0,) * readers
    if not missing:
        return Design("crossed", one, 0)
    takes_part = np.asarray(read.any(axis=2))
    if takes_part.all():
        same_in_arms = (read == read[:1]).all()
        if same_in_arms:
            blocks = _blocks(read[0])
            if blocks is not None:
                alone = len(set(blocks)) == readers
                return Design("cases nested in readers" if alone else "split-plot", one if alone else blocks, missing)
        elif arms > 1 and (read == read[:, :1]).all() and (read[:, 0].sum(0) == 1).all():
            return Design("cases nested in arms", one, missing)
        return Design(_gap(read), one, missing)
    if arms > 1 and (takes_part.sum(0) == 1).all() and takes_part.any(1).all():
        cases = [read[arm][takes_part[arm]] for arm in range(arms)]
        if all((grid == grid[:1]).all() for grid in cases):
            seen = np.array([grid[0] for grid in cases])
            if seen.all():
                return Design("readers nested in arms", one, missing)
            if (seen.sum(0) == 1).all():
                return Design("nested in arms", one, missing)
    return Design(_gap(read), one, missing)


def _blocks(read: NDArray[np.bool_]) -> tuple[int, ...] | None:
    """(r,) block of each reader when readers with any case in common have all in common; else None."""
    patterns: list[NDArray[np.bool_]] = []
    blocks = []
    for row in read:
        for place, pattern in enumerate(patterns):
            if (row == pattern).all():
                blocks.append(place)
                break
            if (row & pattern).any():
                return None
        else:
            patterns.append(row)
            blocks.append(len(patterns) - 1)
    return tuple(blocks)


def _gap(read: NDArray[np.bool_]) -> str:
    """Whole readers or cases absent from an arm are a design; single holes are missing reads."""
    readers, cases = np.asarray(read.any(axis=2)), np.asarray(read.any(axis=1))
    expected = readers[:, :, None] & cases[:, None, :]
    return "partially paired" if (read == expected).all() else "missing reads"

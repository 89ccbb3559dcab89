"""Exact and near duplicates of series, found in their pixels: re-sent, re-exported, rescaled, turned round, under whatever name.

Exact: the hash of the sorted volume. Near: three slices at a quarter, a half and three quarters of the stack, brought to a small
square, with the slow part (coil, window) and the scale of the values taken out; two series are near when what is left correlates.
A stack that was mirrored or reversed is found as well. A copy with other slices at these places (cut, re-sliced) is not.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from condyle.study import Volume

SIDE = 32
NEAR = 0.85  # of copies that were rescaled, saved as 8 bits or JPEG; other patients stay below (tests; docs/results.md)
_PLACES = (0.25, 0.5, 0.75)
_BLOCK = 512

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Print:
    """What is kept of the pixels of one series.

    Parameters
    ----------
    sha256 : of values and shape, slices in order of position
    detail : [3, SIDE, SIDE] each of mean 0 and length 1; zeros where a slice is flat
    picture : [row, column] uint8, the middle slice, for a person to compare
    """

    sha256: str
    detail: Floats
    picture: NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Pair:
    """Two series that show the same: numbers in the order given, mean correlation of their details (1 of an exact copy)."""

    first: int
    second: int
    exact: bool
    likeness: float


def print_of(volume: Volume) -> Print:
    """The print of a volume."""
    values = np.ascontiguousarray(volume.pixels, np.float32)
    digest = hashlib.sha256(repr(values.shape).encode() + values.tobytes()).hexdigest()
    last = len(values) - 1
    slices = [values[round(place * last)] for place in _PLACES]
    return Print(digest, np.stack([_detail(one) for one in slices]), _shown(slices[1]))


def pairs_of(prints: Sequence[Print], *, near: float = NEAR) -> tuple[Pair, ...]:
    """Every pair of series that are copies of each other, exact ones first."""
    found = {(a, b): Pair(a, b, True, 1.0) for a, b in _equal(prints)}
    for a, b, likeness in _near(prints, near):
        found.setdefault((a, b), Pair(a, b, False, likeness))
    return tuple(sorted(found.values(), key=lambda pair: (not pair.exact, -pair.likeness, pair.first, pair.second)))


def _equal(prints: Sequence[Print]) -> Iterator[tuple[int, int]]:
    first: dict[str, list[int]] = {}
    for number, one in enumerate(prints):
        if one.detail.any():  # blank stacks are equal and say nothing
            for other in first.setdefault(one.sha256, []):
                yield other, number
            first[one.sha256].append(number)


def _near(prints: Sequence[Print], near: float) -> Iterator[tuple[int, int, float]]:
    """Pairs whose details correlate on average, as they are or turned round."""
    if len(prints) < 2:
        return
    every = np.stack([one.detail for one in prints])
    plain = every.reshape(len(every), -1) / len(_PLACES)
    best: dict[tuple[int, int], float] = {}
    for turned in (every[:, ::back, ::down, ::across] for back in (1, -1) for down in (1, -1) for across in (1, -1)):
        flat = np.ascontiguousarray(turned).reshape(len(every), -1)
        for begin in range(0, len(every), _BLOCK):
            likeness = plain[begin : begin + _BLOCK] @ flat[begin:].T
            for a, b in np.argwhere(likeness >= near).tolist():
                if a < b:
                    key = (begin + a, begin + b)
                    best[key] = max(best.get(key, 0.0), float(likeness[a, b]))
    for (a, b), value in best.items():
        yield a, b, value


def _detail(picture: Floats) -> Floats:
    """[SIDE, SIDE] without the slow part, each place weighed alike wherever in the picture it is bright."""
    import cv2

    small = cv2.resize(picture, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    low, high = np.percentile(small, (1, 99))
    if not high > low:
        return np.zeros((SIDE, SIDE), np.float32)
    small = np.clip((small - low) / (high - low), 0, 1).astype(np.float32)
    rest = small - cv2.GaussianBlur(small, (0, 0), 2.0, borderType=cv2.BORDER_REFLECT)
    rest -= rest.mean()
    length = float(np.linalg.norm(rest))
    return np.asarray(rest / length if length > 1e-6 else np.zeros_like(rest), np.float32)


def _shown(picture: Floats) -> NDArray[np.uint8]:
    import cv2

    rows, columns = picture.shape
    shrunk = 128 / max(rows, columns, 128)
    small = cv2.resize(picture, (max(1, round(columns * shrunk)), max(1, round(rows * shrunk))), interpolation=cv2.INTER_AREA)
    low, high = np.percentile(small, (1, 99))
    return np.asarray(np.clip(255 * (small - low) / max(high - low, 1e-9), 0, 255), np.uint8)

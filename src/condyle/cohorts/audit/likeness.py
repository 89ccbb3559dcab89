"""Exact and near duplicates of series, found in their pixels: re-sent, re-exported, cropped, padded, rescaled, mirrored, turned by
a right angle, under any name.

Exact: the hash of the sorted volume. Near: points of the middle slices name candidates and how the one lies on the other (``points``),
and so does a coarse comparison of them as a whole. Three slices of each are laid on each other, and what is left without shading and
scale of the values has to correlate where both are.
A stack that was reversed is found as well. A copy with other slices at these places (cut, re-sliced) is not.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from condyle.cohorts.audit.points import TURNS, Candidate, Points, candidates, points_of, turned
from condyle.study import Volume

SIDE = 128
NEAR = 0.8  # between other patients (at most 0.66) and changed copies (at least 0.91): docs/results.md, "Likeness of copies"
_WORTH = 0.3  # likeness of the middle slices from which it is worth to fit one on the other more closely
_HOPE = 3 * NEAR - 2  # likeness of the middle slices below which even two equal slices beside them make no copy
_FINE, _SLOW = 0.7, 2.0  # pixels: grain below and shading above are left out
_TINY, _WHOLE, _BLOCK = 32, 0.75, 512  # square to which whole pictures are brought, and their likeness from which they are candidates
_SHARED = 0.3  # share of the picture that both must show

Slices = tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]
Affine = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Print:
    """What is kept of the pixels of one series (about 0.1 MB).

    Parameters
    ----------
    sha256 : of values and shape, slices in order of position
    slices : three of [row, column] at most SIDE long; the middle one is the mean of both middle slices where their count is even, so
        that a reversed stack has the same three
    points : of the middle one
    picture : [row, column] uint8, a middle slice, for a person to compare
    """

    sha256: str
    slices: Slices
    points: Points
    picture: NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Pair:
    """Two series that show the same: numbers in the order given, mean correlation of three slices (1 of an exact copy)."""

    first: int
    second: int
    exact: bool
    likeness: float


def print_of(volume: Volume) -> Print:
    """The print of a volume."""
    values = np.ascontiguousarray(volume.pixels, np.float32)
    digest = hashlib.sha256(repr(values.shape).encode())
    digest.update(values.data)
    last = len(values) - 1
    before, after, quarter = values[last // 2], values[(last + 1) // 2], round(last / 4)
    slices = _shown(values[quarter]), _shown((before + after) / 2), _shown(values[last - quarter])
    return Print(digest.hexdigest(), slices, points_of(slices[1]), _shown(before) if last % 2 else slices[1])


def pairs_of(prints: Sequence[Print], *, near: float = NEAR) -> tuple[Pair, ...]:
    """Every pair of series that are copies of each other, exact ones first."""
    found = {(a, b): Pair(a, b, True, 1.0) for a, b in _equal(prints)}
    for one in chain(candidates([print.points for print in prints]), _as_a_whole([print.slices[1] for print in prints])):
        known = found.get((one.first, one.second))
        if known is None or not known.exact:
            likeness = likeness_of(prints[one.first].slices, prints[one.second].slices, one)
            if likeness >= near and (known is None or likeness > known.likeness):
                found[one.first, one.second] = Pair(one.first, one.second, False, likeness)
    return tuple(sorted(found.values(), key=lambda pair: (not pair.exact, -pair.likeness, pair.first, pair.second)))


def likeness_of(first: Slices, second: Slices, how: Candidate) -> float:
    """Mean correlation of three slices, the first laid on the second, in either order; of the middle ones alone where it is low."""
    import cv2

    laid = [turned(one, how.turn) for one in first]
    middle = second[1]
    onto = _from_corners(how.onto, laid[1], middle)
    rough = _correlation(laid[1], middle, onto)
    if rough < _WORTH:
        return rough
    stop = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 20, 1e-4)
    ways = [(onto, rough)]
    try:  # enhanced correlation (Evangelidis and Psarakis, IEEE TPAMI 2008) fits to fractions of a pixel
        _, fitted = cv2.findTransformECC(middle, laid[1], onto.copy(), cv2.MOTION_AFFINE, stop, None, 5)
        fitted = np.asarray(fitted, np.float32)
        ways.append((fitted, _correlation(laid[1], middle, fitted)))
    except cv2.error:  # nothing fits better: the points' own arrangement counts
        pass
    best = max(among for _, among in ways)
    if best < _HOPE:
        return best
    return max(
        (_correlation(laid[0], before, way) + among + _correlation(laid[2], after, way)) / 3
        for way, among in ways
        for before, _, after in (second, second[::-1])
    )


def _equal(prints: Sequence[Print]) -> Iterator[tuple[int, int]]:
    first: dict[str, list[int]] = {}
    for number, one in enumerate(prints):
        if any(picture.any() for picture in one.slices):  # blank stacks are equal and say nothing
            for other in first.setdefault(one.sha256, []):
                yield other, number
            first[one.sha256].append(number)


def _as_a_whole(pictures: Sequence[NDArray[np.uint8]]) -> Iterator[Candidate]:
    """Pairs that may show the same from border to border: found without points, of which small or smooth pictures have few."""
    import cv2

    if not pictures:
        return
    tiny = np.stack([_detail(cv2.resize(one, (_TINY, _TINY), interpolation=cv2.INTER_AREA)) for one in pictures])
    tiny /= np.maximum(np.linalg.norm(tiny, axis=(1, 2), keepdims=True), 1e-6)
    flat = tiny.reshape(len(tiny), -1)
    for turn in TURNS:
        own = turned(tiny, turn).reshape(len(tiny), -1)
        for begin in range(0, len(tiny), _BLOCK):
            for a, b in np.argwhere(own[begin : begin + _BLOCK] @ flat.T >= _WHOLE).tolist():
                if begin + a < b:
                    rows, columns = np.array(pictures[begin + a].shape[:: -1 if turn[0] else 1]) / pictures[b].shape
                    yield Candidate(begin + a, b, turn, np.array([[columns, 0.0, 0.0], [0.0, rows, 0.0]]))


def _from_corners(onto: NDArray[np.float64], first: NDArray[np.uint8], second: NDArray[np.uint8]) -> Affine:
    """The same [2, 3] in pixels counted from the first pixel of each picture."""
    middles = [(np.array(one.shape[::-1]) - 1) / 2 for one in (first, second)]
    shift = onto[:, 2] + middles[0] - onto[:, :2] @ middles[1]
    return np.column_stack([onto[:, :2], shift]).astype(np.float32)


def _correlation(first: NDArray[np.uint8], second: NDArray[np.uint8], onto: Affine) -> float:
    """Of two pictures where both are, the first brought to the second's pixels; 0 where they share too little."""
    import cv2

    size = (second.shape[1], second.shape[0])
    back = cv2.WARP_INVERSE_MAP
    laid = cv2.warpAffine(first, onto, size, flags=cv2.INTER_LINEAR | back, borderMode=cv2.BORDER_REPLICATE)
    there = cv2.warpAffine(np.ones_like(first), onto, size, flags=cv2.INTER_NEAREST | back)
    there = cv2.erode(there, np.ones((5, 5), np.uint8), borderType=cv2.BORDER_CONSTANT, borderValue=0.0)
    both = there > 0
    if both.mean() < _SHARED:
        return 0.0
    one, other = (_detail(picture)[both] for picture in (laid, second))
    one, other = one - one.mean(), other - other.mean()
    length = float(np.linalg.norm(one) * np.linalg.norm(other))
    return float(one @ other) / length if length > 1e-6 else 0.0


def _detail(picture: NDArray[np.generic]) -> NDArray[np.float32]:
    import cv2

    values = picture.astype(np.float32)
    return np.asarray(cv2.GaussianBlur(values, (0, 0), _FINE) - cv2.GaussianBlur(values, (0, 0), _SLOW), np.float32)


def _shown(picture: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Grey values of a slice, at most SIDE long."""
    import cv2

    rows, columns = picture.shape
    shrunk = SIDE / max(rows, columns, SIDE)
    small = cv2.resize(picture, (max(1, round(columns * shrunk)), max(1, round(rows * shrunk))), interpolation=cv2.INTER_AREA)
    low, high = np.percentile(small, (1, 99))
    return np.asarray(np.clip(255 * (small - low) / max(high - low, 1e-9), 0, 255), np.uint8)

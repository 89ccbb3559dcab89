"""Which pictures may show the same: points of one look like points of the other and lie in the same arrangement.

Points and descriptors are those of SIFT (Lowe, International Journal of Computer Vision 2004) with square roots (Arandjelovic and
Zisserman, CVPR 2012). They stay what they are when borders are cut off or added, and when a picture is resampled or windowed anew.
A point is compared only with those of about its own direction, once for each turn by a right angle and its mirror image: so all pairs of
a cohort are affordable.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

POINTS = 32
ALIKE = 0.93  # cosine from which two points are taken for the same
TOGETHER = 5  # so many points in one arrangement make a candidate
Turn = tuple[bool, int, int]
TURNS: tuple[Turn, ...] = tuple(product((False, True), (1, -1), (1, -1)))  # rows and columns exchanged, then factors of rows and columns
_TILT = 12.0  # degrees by which directions may differ
_AWAY = 2.5  # pixels from where the arrangement puts a point
_GROWTH = 1.8  # scale of one picture against the other's at most, along any direction
_BLOCK = 512

Floats = NDArray[np.float32]
Numbers = NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Points:
    """Marked points of a picture.

    Parameters
    ----------
    places : [n, 2] column and row, pixels from the middle of the picture
    angles : [n] direction of the strongest edge in degrees, from columns towards rows
    descriptors : [n, 128] each of length 1
    """

    places: Floats
    angles: Floats
    descriptors: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """Two pictures, by number, first < second, whose points lie alike.

    Parameters
    ----------
    turn : of ``TURNS``, of the first picture
    onto : [2, 3] place in the turned first picture = onto @ (column, row, 1) of the second; pixels from the middles
    """

    first: int
    second: int
    turn: Turn
    onto: NDArray[np.float64]


def turned(pictures: NDArray[Any], turn: Turn) -> NDArray[Any]:
    """Pictures [..., row, column] after a turn."""
    swap, down, across = turn
    return np.ascontiguousarray((np.swapaxes(pictures, -1, -2) if swap else pictures)[..., ::down, ::across])


def points_of(picture: NDArray[np.uint8]) -> Points:
    """The strongest points of a picture [row, column]."""
    import cv2

    found, described = cv2.SIFT.create(POINTS, contrastThreshold=0.02).detectAndCompute(picture, None)
    if described is None:
        return Points(np.zeros((0, 2), np.float32), np.zeros(0, np.float32), np.zeros((0, 128), np.float32))
    places = np.array([one.pt for one in found[:POINTS]], np.float32) - np.float32(np.array(picture.shape[::-1]) - 1) / 2
    angles = np.array([one.angle for one in found[:POINTS]], np.float32)
    shares = described[:POINTS] / np.maximum(described[:POINTS].sum(axis=1, keepdims=True), 1e-9)
    return Points(places, angles, np.sqrt(shares).astype(np.float32))


def candidates(every: Sequence[Points]) -> Iterator[Candidate]:
    """Pairs of pictures of which enough points are alike and lie alike; a pair may come once for each turn."""
    import cv2

    owners = np.repeat(np.arange(len(every)), [len(one.angles) for one in every])
    if not len(owners):
        return
    places = np.concatenate([one.places for one in every])
    angles = np.concatenate([one.angles for one in every])
    descriptors = np.concatenate([one.descriptors for one in every])
    for turn in TURNS:
        mine, theirs = _alike(angles, descriptors, owners, turn)
        pairs = owners[mine] * len(every) + owners[theirs]
        order = np.argsort(pairs, kind="stable")
        named, begins, counts = np.unique(pairs[order], return_index=True, return_counts=True)
        enough = counts >= TOGETHER
        for pair, begin, count in zip(named[enough].tolist(), begins[enough].tolist(), counts[enough].tolist(), strict=True):
            group = order[begin : begin + count]
            ours, own = places[mine[group]][:, :: -1 if turn[0] else 1] * np.array(turn[:0:-1], np.float32), places[theirs[group]]
            onto, held = cv2.estimateAffine2D(own, ours, method=cv2.RANSAC, ransacReprojThreshold=_AWAY, maxIters=500)
            if onto is None or not np.isfinite(onto).all():
                continue
            kept = group[held.ravel() > 0]
            growth = np.linalg.svd(onto[:, :2], compute_uv=False)
            together = min(len(np.unique(mine[kept])), len(np.unique(theirs[kept])))
            if together >= TOGETHER and growth[1] > 1 / _GROWTH and growth[0] < _GROWTH:
                first, second = divmod(pair, len(every))
                yield Candidate(first, second, turn, onto)


def _alike(angles: Floats, descriptors: Floats, owners: Numbers, turn: Turn) -> tuple[Numbers, Numbers]:
    """Numbers of points that are alike once the picture of the one is turned; its picture has the lower number."""
    swap, down, across = turn
    ways = (down * across * (90 - angles if swap else angles) + (180 if across < 0 else 0)) % 360
    own = _mirrored(descriptors) if (down * across < 0) != swap else descriptors
    order = np.argsort(angles)
    ring = np.concatenate([angles[order] - 360, angles[order], angles[order] + 360])  # round and round: near directions are one run
    found: list[tuple[Numbers, Numbers]] = []
    for block in np.array_split(np.argsort(ways), len(ways) // _BLOCK + 1):
        if len(block):
            low, high = np.searchsorted(ring, (ways[block[0]] - _TILT, ways[block[-1]] + _TILT)).tolist()
            others = order[np.arange(low, min(high, low + len(order))) % len(order)]
            near = np.flatnonzero(own[block] @ descriptors[others].T > ALIKE)  # nonzero of two dimensions takes far longer
            one, other = block[near // len(others)], others[near % len(others)]
            apart = np.abs((ways[one] - angles[other] + 180) % 360 - 180)
            kept = (owners[one] < owners[other]) & (apart <= _TILT)
            found.append((one[kept], other[kept]))
    return np.concatenate([one for one, _ in found]), np.concatenate([other for _, other in found])


def _mirrored(descriptors: Floats) -> Floats:
    """Descriptors of the mirrored picture: 4 x 4 fields of 8 directions, turned over about each point's own direction."""
    fields = descriptors.reshape(-1, 4, 4, 8)[:, ::-1]
    return np.ascontiguousarray(fields[..., -np.arange(8) % 8]).reshape(-1, 128)

"""Attention object localisation against the published rule, its worked examples (fault G52), and its laws."""

from __future__ import annotations

from collections import deque

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from condyle.readers.multiplane.aolm import attend, attend_batch, pixel_spans

A1 = np.array([[0, 1, 0, 9], [1, 6, 4, 0], [1, 6, 6, 0], [0, 0, 1, 0.0]])
B1 = np.array([[0, 0, 0, 1], [0, 6, 1, 0], [0, 6, 8, 2], [0, 0, 1, 0.0]])
TIE_A, TIE_B = np.zeros((4, 4)), np.zeros((4, 4))
TIE_A[[0, 0, 3, 3], [0, 1, 2, 3]] = 4
TIE_B[[0, 3, 3], [0, 2, 3]] = 4
ROW, ENDS = np.zeros((4, 4)), np.zeros((4, 4))
ROW[1], ENDS[1, [0, 3]] = 5, 5
CORNER, OTHER = np.zeros((4, 4)), np.zeros((4, 4))
CORNER[0, 0], OTHER[3, 3] = 5, 5
DIAGONAL = np.ones((3, 3))
DIAGONAL[[1, 2], [1, 2]], DIAGONAL[0, 0] = 5, 0
EQUAL = np.array([[1, 2], [3, 2.0]])
WHOLE = ((0, 4), (0, 4))


@pytest.mark.parametrize(
    ("late", "before", "spans", "fallback"),
    [
        pytest.param(A1, B1, ((1, 3), (1, 3)), "", id="worked-example"),
        pytest.param(3 * np.eye(3), DIAGONAL, ((1, 3), (1, 3)), "", id="diagonal-is-connected"),
        pytest.param(TIE_A, TIE_B, ((0, 1), (0, 1)), "", id="tie-first-in-raster-order"),
        pytest.param(ROW, ENDS, ((1, 2), (0, 4)), "", id="all-pieces"),
        pytest.param(CORNER, OTHER, WHOLE, "disjoint", id="disjoint"),
        pytest.param(np.ones((4, 4)), B1, WHOLE, "flat", id="constant"),
        pytest.param(EQUAL, EQUAL, ((1, 2), (0, 1)), "", id="strictly-above-the-mean"),
        pytest.param(10 * A1 + 7, 3 * B1, ((1, 3), (1, 3)), "", id="affine"),
    ],
)
def test_g52_the_published_vectors(late: NDArray[np.float64], before: NDArray[np.float64], spans: object, fallback: str) -> None:
    found = attend(late, before, smallest=1)
    assert (found.spans, found.fallback) == (spans, fallback)


def test_g52_each_map_of_a_batch_uses_its_own_mean() -> None:
    found = attend_batch(np.stack([A1, CORNER]), np.stack([B1, OTHER]), smallest=1)
    assert [one.spans for one in found] == [((1, 3), (1, 3)), WHOLE]


def test_pixels_are_ours_and_as_published() -> None:
    box = attend(A1, B1, smallest=1)
    assert pixel_spans(box, (32, 32)) == ((32, 96), (32, 96))
    assert pixel_spans(box, (32, 32), original=True) == ((31, 96), (31, 96))  # inclusive 31 .. 95
    assert pixel_spans(attend(ROW, ENDS, smallest=1), (32, 32), original=True) == ((31, 64), (0, 128))


def _published(late: NDArray[np.float64], before: NDArray[np.float64]) -> tuple[tuple[int, int], tuple[int, int]]:
    """The rule of MMAL-Net's utils/AOLM.py, written down line by line with a flood fill in place of scikit-image's labels."""
    mask = (late > late.mean()).astype(int)
    labels, count = np.zeros(mask.shape, int), 0
    for start in np.ndindex(mask.shape):
        if mask[start] and not labels[start]:
            count += 1
            labels[start] = count
            queue = deque([start])
            while queue:
                row, column = queue.popleft()
                for r in range(max(0, row - 1), min(mask.shape[0], row + 2)):
                    for c in range(max(0, column - 1), min(mask.shape[1], column + 2)):
                        if mask[r, c] and not labels[r, c]:
                            labels[r, c] = count
                            queue.append((r, c))
    areas = [int((labels == name).sum()) for name in range(1, count + 1)]
    largest = areas.index(max(areas)) + 1
    both = (labels == largest) & (before > before.mean())
    rows, columns = np.nonzero(both)
    if not len(rows):
        return (0, mask.shape[0]), (0, mask.shape[1])
    return (int(rows.min()), int(rows.max()) + 1), (int(columns.min()), int(columns.max()) + 1)


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**31), st.sampled_from([0.0, 1.0, 2.5]))
def test_equals_the_published_rule_on_14_x_14_maps(seed: int, smooth: float) -> None:
    from scipy.ndimage import gaussian_filter

    rng = np.random.default_rng(seed)
    late, before = (gaussian_filter(rng.integers(0, 5, (14, 14)).astype(float), smooth) for _ in range(2))
    if late.max() > late.min():
        assert attend(late, before, smallest=1).spans == _published(late, before)


@settings(max_examples=60, deadline=None)
@given(arrays(np.float64, (5, 6, 7), elements=st.integers(0, 3)), arrays(np.float64, (5, 6, 7), elements=st.integers(0, 3)))
def test_a_box_holds_what_both_blocks_mark_in_any_dimension(late: NDArray[np.float64], before: NDArray[np.float64]) -> None:
    found = attend(late, before, smallest=2)
    sizes = [end - first for first, end in found.spans]
    assert all(0 <= first < end <= size for (first, end), size in zip(found.spans, late.shape, strict=True))
    assert min(sizes) >= 2
    assert found.share == pytest.approx(np.prod(sizes) / late.size)
    inside = tuple(slice(*span) for span in found.spans)
    if not found.fallback:
        assert ((late > late.mean()) & (before > before.mean()))[inside].any()
    # A slice of one plane: a third axis of length 1 changes nothing.
    flat = attend(late[0], before[0], smallest=1)
    assert attend(late[:1], before[:1], smallest=1).spans[1:] == flat.spans


def test_a_small_box_is_widened_inside_the_map() -> None:
    late, before = np.zeros((6, 6)), np.zeros((6, 6))
    late[0, 5] = before[0, 5] = 1
    assert attend(late, before, smallest=3).spans == ((0, 3), (3, 6))
    assert attend(late, before, smallest=1, margin=1).spans == ((0, 2), (4, 6))

"""Random views of masked pictures."""

from __future__ import annotations

import numpy as np
import pytest

from condyle.train.segmentation_augment import augment


def column() -> tuple[np.ndarray, np.ndarray]:
    """A column of bright vertebrae with dark discs, the canal behind it (to the right)."""
    mask = np.zeros((320, 256), np.uint8)
    for top in range(20, 280, 40):
        mask[top : top + 30, 90:130] = 1
        mask[top + 30 : top + 40, 90:130] = 3
    mask[20:290, 135:150] = 2
    grey = np.choose(mask, [30, 160, 230, 60]).astype(np.uint8)
    return grey, mask


def test_equal_seeds_give_equal_views_and_the_input_stays() -> None:
    grey, mask = column()
    before = grey.copy(), mask.copy()
    first = augment(grey, mask, (160, 128), np.random.default_rng(3), [grey])
    second = augment(grey, mask, (160, 128), np.random.default_rng(3), [grey])
    np.testing.assert_array_equal(first[0], second[0])
    np.testing.assert_array_equal(first[1], second[1])
    np.testing.assert_array_equal(grey, before[0])
    np.testing.assert_array_equal(mask, before[1])


@pytest.mark.parametrize("seed", range(12))
def test_views_keep_range_classes_and_the_side_of_the_canal(seed: int) -> None:
    grey, mask = column()
    view, classes = augment(grey, mask, (320, 256), np.random.default_rng(seed), [grey])
    assert view.shape == classes.shape == (320, 256)
    assert view.dtype == np.float32
    assert np.isfinite(view).all()
    assert -1 <= view.min() <= view.max() <= 1
    assert set(np.unique(classes)) <= {0, 1, 2, 3}
    # Never mirrored (methods G11): the canal stays behind the discs, row by row.
    rows = [row for row in classes if (row == 2).any() and (row == 3).any()]
    assert rows
    assert all(np.flatnonzero(row == 2).mean() > np.flatnonzero(row == 3).mean() for row in rows)


def test_size_is_drawn_around_one() -> None:
    """methods G10: the effective scale of a draw is centred on 1, on both axes."""
    grey, mask = column()
    wide, tall = [], []
    for seed in range(120):
        _, classes = augment(grey, mask, (320, 256), np.random.default_rng(seed))
        discs = np.argwhere(classes == 3)
        wide.append(np.ptp(discs[:, 1]))
        tall.append(np.ptp(discs[:, 0]))
    assert 0.85 < np.median(tall) / np.ptp(np.argwhere(mask == 3)[:, 0]) < 1.15
    assert np.median(wide) > 30

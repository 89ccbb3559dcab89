"""Objects matched one to one by overlap: masks with numbered objects, in two or three dimensions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import label
from scipy.optimize import linear_sum_assignment

from condyle.errors import InputError
from condyle.evaluate.bootstrap import Interval, sums_bootstrap


@dataclass(frozen=True, slots=True)
class Matches:
    """Parameters
    ----------
    pairs : (number in the truth, number given, IoU) of each match
    missed, false : numbers of unmatched objects of truth and given
    """

    pairs: tuple[tuple[int, int, float], ...]
    missed: tuple[int, ...]
    false: tuple[int, ...]

    @property
    def f1(self) -> float:
        """2 TP / (2 TP + FP + FN); NaN when nothing is there on both sides."""
        whole = 2 * len(self.pairs) + len(self.false) + len(self.missed)
        return 2 * len(self.pairs) / whole if whole else float("nan")

    @property
    def panoptic_quality(self) -> float:
        """Sum of the IoU of matches / (TP + FP / 2 + FN / 2). Source: Kirillov et al., CVPR 2019."""
        whole = len(self.pairs) + (len(self.false) + len(self.missed)) / 2
        return sum(share for _, _, share in self.pairs) / whole if whole else float("nan")


def match_instances(truth: ArrayLike, given: ArrayLike, *, at_least: float = 0.5) -> Matches:
    """Match numbered objects (0 is background) of two integer masks of one shape.

    Parameters
    ----------
    at_least : IoU from which a pair counts; thin structures need less than 0.5 (state it before). The assignment with the
        largest summed IoU among counting pairs is taken; from 0.5 on there is only one
    """
    first, second = np.asarray(truth), np.asarray(given)
    if first.shape != second.shape or not 0 < at_least <= 1:
        raise InputError(
            "statistics-masks", "Two masks of one shape and an IoU in (0, 1] are needed.",
            what_to_do="Put both masks on one grid, and write 0.5 for an overlap of one half.",
        )  # fmt: skip
    overlap, true_numbers, given_numbers = _ious(first, second)
    counting = np.where(overlap >= at_least, overlap, 0.0)
    rows, columns = linear_sum_assignment(-counting)
    pairs = tuple(
        (int(true_numbers[i]), int(given_numbers[j]), float(overlap[i, j]))
        for i, j in zip(rows, columns, strict=True)
        if counting[i, j] > 0
    )
    hit, used = {one for one, _, _ in pairs}, {other for _, other, _ in pairs}
    return Matches(
        pairs,
        tuple(int(one) for one in true_numbers if int(one) not in hit),
        tuple(int(one) for one in given_numbers if int(one) not in used),
    )


def separate(mask: ArrayLike) -> NDArray[np.int_]:
    """Connected parts of a boolean mask, numbered from 1 (0 outside); voxels that share a face belong together."""
    found: NDArray[np.int_] = label(np.asarray(mask, bool))[0]
    return found


def summarise_instances(
    matches: Sequence[Matches], patients: ArrayLike, *, n: int = 2000, seed: int = 0, level: float = 0.95
) -> dict[str, Interval]:
    """Objects of all studies together, with limits over patients.

    Returns
    -------
    'recall of objects' (true objects that are found), 'precision of objects' (given ones that are right), 'F1 of objects', 'mean IoU of
    matches', 'panoptic quality'; NaN where they divide by 0

    Source: Kirillov et al., CVPR 2019 (panoptic quality = mean IoU of matches x F1).
    """
    columns = [(len(one.pairs), len(one.missed), len(one.false), sum(share for _, _, share in one.pairs)) for one in matches]
    return sums_bootstrap(np.array(columns, np.float64).reshape(-1, 4), _of_sums, patients, n=n, seed=seed, confidence=level)


def _of_sums(sums: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    hit, missed, false, shared = np.moveaxis(sums, -1, 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        return {
            "recall of objects": np.asarray(hit / (hit + missed)),
            "precision of objects": np.asarray(hit / (hit + false)),
            "F1 of objects": np.asarray(2 * hit / (2 * hit + missed + false)),
            "mean IoU of matches": np.asarray(shared / hit),
            "panoptic quality": np.asarray(shared / (hit + (missed + false) / 2)),
        }


def _ious(first: NDArray[np.generic], second: NDArray[np.generic]) -> tuple[NDArray[np.float64], NDArray[np.generic], NDArray[np.generic]]:
    ones, one_place = np.unique(first, return_inverse=True)
    others, other_place = np.unique(second, return_inverse=True)
    table = np.bincount(one_place.ravel() * len(others) + other_place.ravel(), minlength=len(ones) * len(others)).reshape(
        len(ones), len(others)
    )
    union = table.sum(1)[:, None] + table.sum(0)[None, :] - table
    share = table / union
    return share[np.ix_(ones != 0, others != 0)], ones[ones != 0], others[others != 0]

"""Average precision of boxes as the COCO programs compute it, in two dimensions and in three."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from condyle.errors import InputError

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

IOUS = np.linspace(0.5, 0.95, 10)
IOUS_3D = np.linspace(0.1, 0.5, 9)  # small lesions on thick slices rarely overlap by half; Baumgartner et al., nnDetection, MICCAI 2021
RECALLS = np.linspace(0, 1, 101)
AREAS: Mapping[str, tuple[float, float]] = {"all": (0, 1e10), "small": (0, 32**2), "medium": (32**2, 96**2), "large": (96**2, 1e10)}
MOST = (1, 10, 100)


@dataclass(frozen=True, slots=True, eq=False)
class Boxes:
    """Boxes of many images, one row each.

    Parameters
    ----------
    image, category : (n,) labels
    box : (n, 4) x, y, width, height in pixels, or (n, 6) x, y, z and three sizes
    score : (n,) of detections; zeros for the truth
    area : (n,) in square pixels, decides small, medium and large; a volume in three dimensions, which decides nothing
    crowd : (n,) of the truth: a region to ignore, may take any number of detections
    """

    image: NDArray[np.generic]
    category: NDArray[np.generic]
    box: Floats
    score: Floats
    area: Floats
    crowd: Bools


def boxes(
    image: ArrayLike,
    category: ArrayLike,
    box: ArrayLike,
    *,
    score: ArrayLike | None = None,
    area: ArrayLike | None = None,
    crowd: ArrayLike | None = None,
) -> Boxes:
    """Checked boxes; area defaults to width x height."""
    given = np.asarray(box, np.float64)
    given = given if given.ndim == 2 else given.reshape(-1, 4)
    if given.shape[1] not in (4, 6):
        raise InputError(
            "statistics-boxes", "A box has a corner and sizes along two axes, or along three.",
            what_to_do="Give (n, 4) x, y, width, height, or (n, 6) with z and depth.",
        )  # fmt: skip
    n, axes = len(given), given.shape[1] // 2
    found = Boxes(
        np.asarray(image),
        np.asarray(category),
        given,
        np.zeros(n) if score is None else np.asarray(score, np.float64),
        np.prod(given[:, axes:], axis=1) if area is None else np.asarray(area, np.float64),
        np.zeros(n, bool) if crowd is None else np.asarray(crowd, bool),
    )
    if not all(len(part) == n for part in (found.image, found.category, found.score, found.area, found.crowd)):
        raise InputError(
            "statistics-shape", "Every column of boxes must have one length.",
            what_to_do="Give one image, category and score for each box.",
        )  # fmt: skip
    if not np.isfinite(given).all() or not np.isfinite(found.score).all() or (given[:, axes:] < 0).any():
        raise InputError(
            "statistics-boxes", "Boxes and scores must be finite, sizes not negative.",
            what_to_do="Leave out, and count, boxes without numbers.",
        )  # fmt: skip
    return found


@dataclass(frozen=True, slots=True, eq=False)
class CocoResult:
    """Parameters
    ----------
    precision : [IoU, recall, category, area, most detections]; -1 where a category has no truth
    recall : [IoU, category, area, most detections]
    categories : labels in the order of that axis
    ious : overlaps from which a box hits; areas : names of the sizes
    """

    precision: Floats
    recall: Floats
    categories: NDArray[np.generic]
    ious: Floats
    areas: tuple[str, ...]

    def ap(self, *, iou: float | None = None, area: str = "all", category: object = None) -> float:
        """Mean precision at 101 recalls, over the overlaps or at one; categories without truth are left out, not 0."""
        part = self.precision[:, :, :, self.areas.index(area), MOST.index(100)]
        part = part if iou is None else part[[_at(iou, self.ious)]]
        return _mean(part if category is None else part[:, :, self.categories == category])

    def ar(self, *, most: int = 100, area: str = "all") -> float:
        """Mean largest recall over IoU with at most so many detections an image and category."""
        return _mean(self.recall[:, :, self.areas.index(area), MOST.index(most)])

    def summary(self) -> dict[str, float]:
        """The twelve numbers of the COCO page (fewer in three dimensions, which have no sizes); NaN where nothing is defined."""
        return {
            "AP": self.ap(),
            **{f"AP{100 * iou:.0f}": self.ap(iou=iou) for iou in self.told},
            **{f"AP_{size}": self.ap(area=size) for size in self.areas[1:]},
            **{f"AR_{most}": self.ar(most=most) for most in MOST},
            **{f"AR_{size}": self.ar(area=size) for size in self.areas[1:]},
        }

    @property
    def told(self) -> tuple[float, ...]:
        """Overlaps that have a line of their own: 0.1, 0.3, 0.5 and 0.75 as far as they were asked for, else all."""
        usual = tuple(iou for iou in (0.1, 0.3, 0.5, 0.75) if (np.abs(self.ious - iou) < 1e-9).any())
        return usual or tuple(self.ious.tolist())


def coco(truth: Boxes, found: Boxes, *, ious: ArrayLike | None = None) -> CocoResult:
    """Precision and recall over images, categories, sizes and overlaps.

    Parameters
    ----------
    ious : overlaps from which a box hits; None: COCO's 0.50 to 0.95 in two dimensions, 0.10 to 0.50 in three

    Detections are taken from the highest score on (ties in the order of the table); each takes the free truth box it
    overlaps most, or an ignored one when no free box reaches the IoU, and then counts neither for nor against.

    Source: Lin et al., ECCV 2014; behaviour of pycocotools 2.0, except that boxes need no ids (its id 0 never matches).
    """
    if truth.box.shape[1] != found.box.shape[1]:
        raise InputError(
            "statistics-boxes", "True and predicted boxes must have the same number of axes.",
            what_to_do="Give both in two dimensions, or both in three.",
        )  # fmt: skip
    flat = truth.box.shape[1] == 4
    least = np.asarray((IOUS if flat else IOUS_3D) if ious is None else ious, np.float64)
    if least.ndim != 1 or not len(least) or not ((least > 0) & (least <= 1)).all():
        raise InputError(
            "statistics-iou", "Overlaps are numbers above 0 and at most 1.", what_to_do="Write 0.5 for an overlap of one half.",
        )  # fmt: skip
    areas = AREAS if flat else {"all": (0.0, float("inf"))}
    images = np.unique(np.concatenate([truth.image, found.image]))
    categories = np.unique(np.concatenate([truth.category, found.category]))
    shape = (len(categories), len(areas), len(MOST))
    precision, recall = -np.ones((len(least), len(RECALLS), *shape)), -np.ones((len(least), *shape))
    for c, category in enumerate(categories):
        rows = [
            (
                np.flatnonzero((truth.image == image) & (truth.category == category)),
                np.flatnonzero((found.image == image) & (found.category == category)),
            )
            for image in images
        ]
        for a, limits in enumerate(areas.values()):
            judged = [
                _judge(truth, found, true_rows, found_rows, limits, least)
                for true_rows, found_rows in rows
                if len(true_rows) or len(found_rows)
            ]
            for m, most in enumerate(MOST):
                _accumulate(judged, most, precision[:, :, c, a, m], recall[:, c, a, m])
    return CocoResult(precision, recall, categories, least, tuple(areas))


@dataclass(frozen=True, slots=True, eq=False)
class _Judged:
    """Of one image and category: scores falling, [IoU, detection] matched and ignored, number of truth boxes that count."""

    score: Floats
    matched: Bools
    ignored: Bools
    counting: int


def _judge(
    truth: Boxes,
    found: Boxes,
    true_rows: NDArray[np.intp],
    found_rows: NDArray[np.intp],
    limits: tuple[float, float],
    ious: Floats,
) -> _Judged:
    skip = truth.crowd[true_rows] | (truth.area[true_rows] < limits[0]) | (truth.area[true_rows] > limits[1])
    order = np.argsort(skip, kind="stable")  # boxes that count come first
    true_rows, skip = true_rows[order], skip[order]
    found_rows = found_rows[np.argsort(-found.score[found_rows], kind="stable")][: MOST[-1]]
    overlap = _overlaps(found.box[found_rows], truth.box[true_rows], truth.crowd[true_rows])
    matched, ignored = np.zeros((len(ious), len(found_rows)), bool), np.zeros((len(ious), len(found_rows)), bool)
    for t, least in enumerate(ious):
        taken = np.zeros(len(true_rows), bool)
        for d in range(len(found_rows)):
            free = ~taken | truth.crowd[true_rows]
            best = _best(overlap[d], free & ~skip, least)
            best = best if best is not None else _best(overlap[d], free & skip, least)
            if best is not None:
                matched[t, d], ignored[t, d], taken[best] = True, skip[best], True
    outside = (found.area[found_rows] < limits[0]) | (found.area[found_rows] > limits[1])
    return _Judged(found.score[found_rows], matched, ignored | (~matched & outside), int((~skip).sum()))


def _best(overlap: Floats, among: Bools, least: float) -> int | None:
    """The last of the boxes that overlap most, at or above the least; None when there is none."""
    usable = among & (overlap >= min(least, 1 - 1e-10))
    if not usable.any():
        return None
    top = np.where(usable, overlap, -1.0)
    return int(len(top) - 1 - np.argmax(top[::-1]))


def _overlaps(found: Floats, truth: Floats, crowd: Bools) -> Floats:
    """[detection, truth] IoU; against a crowd, the share of the detection inside it."""
    axes = found.shape[1] // 2
    low = np.maximum(found[:, None, :axes], truth[None, :, :axes])
    high = np.minimum(found[:, None, :axes] + found[:, None, axes:], truth[None, :, :axes] + truth[None, :, axes:])
    shared = np.prod(np.clip(high - low, 0, None), axis=2)
    own = np.prod(found[:, axes:], axis=1)[:, None]
    whole = np.where(crowd, own, own + np.prod(truth[:, axes:], axis=1)[None, :] - shared)
    return np.asarray(np.divide(shared, whole, out=np.zeros_like(shared), where=whole > 0))


def _accumulate(judged: list[_Judged], most: int, precision: Floats, recall: Floats) -> None:
    counting = sum(one.counting for one in judged)
    if not counting:
        return
    order = np.argsort(-np.concatenate([one.score[:most] for one in judged]), kind="stable")
    matched = np.concatenate([one.matched[:, :most] for one in judged], axis=1)[:, order]
    ignored = np.concatenate([one.ignored[:, :most] for one in judged], axis=1)[:, order]
    hits, false = np.cumsum(matched & ~ignored, axis=1, dtype=np.float64), np.cumsum(~matched & ~ignored, axis=1, dtype=np.float64)
    for t in range(len(matched)):
        share = hits[t] / counting
        right = hits[t] / (hits[t] + false[t] + np.spacing(1))
        recall[t] = share[-1] if len(share) else 0.0
        falling = np.maximum.accumulate(right[::-1])[::-1]
        place = np.searchsorted(share, RECALLS, side="left")
        precision[t] = np.where(place < len(share), falling[np.minimum(place, max(len(share) - 1, 0))] if len(share) else 0.0, 0.0)


def _at(iou: float, ious: Floats) -> int:
    place = int(np.argmin(np.abs(ious - iou)))
    if abs(ious[place] - iou) > 1e-9:
        raise InputError(
            "statistics-iou", "This overlap was not asked for.", why=f"There are {', '.join(f'{one:.2f}' for one in ious)}.",
            what_to_do="Name it among the overlaps, or ask for one of these.",
        )  # fmt: skip
    return place


def _mean(part: Floats) -> float:
    defined = part[part > -1]
    return float(defined.mean()) if len(defined) else float("nan")

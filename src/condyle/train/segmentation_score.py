"""How good a segmenter is on patients it has not seen: overlap with masks, discs against drawn boxes, levels by name."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from condyle.cohorts.cohort import Box, Cohort
from condyle.cohorts.manifest import ManifestRow
from condyle.errors import InputError
from condyle.intake.nominal import upright
from condyle.readers.lumbar.segment import Network
from condyle.readers.lumbar.view import View, look
from condyle.study import Volume


@dataclass(slots=True)
class SegmentationScore:
    """Counts over pictures of held-out patients; add scores of folds with ``+``.

    Parameters
    ----------
    overlap, sizes : by class (vertebra, canal, disc): 2 x pixels in common, and pixels of both, at the masks' own size
    boxes, boxes_hit : drawn disc boxes of unmasked pictures, and those with a disc's centre inside
    named, named_right : of the boxes whose level is known, those hit by the disc of that name
    pictures, false_discs : pictures with drawn boxes, and discs in none of them between the lowest and the highest
    graded, found : levels graded in pictures' studies, and those present under their name on the picture
    """

    overlap: NDArray[np.float64]
    sizes: NDArray[np.float64]
    boxes: int = 0
    boxes_hit: int = 0
    named: int = 0
    named_right: int = 0
    pictures: int = 0
    false_discs: int = 0
    graded: int = 0
    found: int = 0

    @property
    def dice(self) -> dict[str, float]:
        """Dice coefficient of each structure over all pixels of all masks together."""
        return dict(zip(("vertebra", "canal", "disc"), (self.overlap / np.maximum(self.sizes, 1)).tolist(), strict=True))

    def __add__(self, other: SegmentationScore) -> SegmentationScore:
        return SegmentationScore(*(getattr(self, one.name) + getattr(other, one.name) for one in fields(self)))

    def figures(self) -> dict[str, float]:
        """The figures of a card."""
        return {
            **{f"dice_{name}": value for name, value in self.dice.items()},
            "disc_centre_in_box": self.boxes_hit / max(self.boxes, 1),
            "boxes_by_name": self.named_right / max(self.named, 1),
            "false_discs_per_picture": self.false_discs / max(self.pictures, 1),
            "graded_levels_found": self.found / max(self.graded, 1),
        }


def view_of(row: ManifestRow, network: Network) -> View:
    """What the reader sees on one picture of a cohort."""
    pixels = _grey(row.path)
    aspect = row.extra.get("pixel_aspect", "")
    volume = Volume(pixels[None], upright("sagittal", (1, *pixels.shape), None), row.series_id or row.study_id)
    return look(volume, network, pixel_aspect=float(aspect) if aspect else None)


def score_segmenter(cohort: Cohort, patients: Collection[str], network: Network) -> SegmentationScore:
    """Score a segmenter on all pictures of the given patients."""
    return sum((score for _, score in picture_scores(cohort, patients, network)), SegmentationScore(np.zeros(3), np.zeros(3)))


def picture_scores(cohort: Cohort, patients: Collection[str], network: Network) -> Iterator[tuple[ManifestRow, SegmentationScore]]:
    """(row, score) of every picture of the given patients."""
    boxes: dict[Path, list[Box]] = defaultdict(list)
    for box in cohort.boxes:
        if box.source == "box":
            boxes[Path(box.path)].append(box)
    levels: dict[str, set[str]] = defaultdict(set)
    for label in cohort.labels:
        levels[label.study_id].add(label.level)
    for row in (*cohort.rows, *cohort.slices):
        if row.patient_id not in patients:
            continue
        view, score = view_of(row, network), SegmentationScore(np.zeros(3), np.zeros(3))
        if row.mask is not None:
            score += _overlap(view, cohort.mask_classes(_grey(row.mask)))
        if row in cohort.rows:
            score += _named(view, levels[row.study_id])
            score += _boxed(view, boxes.get(Path(row.path), []))
        yield row, score


def _grey(path: Path) -> NDArray[np.uint8]:
    pixels = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    if pixels is None:
        raise InputError(
            "picture-unreadable", "A picture of the cohort cannot be read.", where=path.name, why="It is missing or no PNG.",
            what_to_do="Import the cohort again: `condyle data import`.",
        )  # fmt: skip
    return np.asarray(pixels, np.uint8)


def _overlap(view: View, truth: NDArray[np.uint8]) -> SegmentationScore:
    """Against a mask, at its own size."""
    background = 1 - view.tissue.sum(axis=0, keepdims=True)
    size = (truth.shape[1], truth.shape[0])
    shares = [cv2.resize(share, size, interpolation=cv2.INTER_LINEAR) for share in (*background, *view.tissue)]
    found = np.argmax(shares, axis=0)
    both = [2.0 * ((found == kind) & (truth == kind)).sum() for kind in (1, 2, 3)]
    sizes = [float((found == kind).sum() + (truth == kind).sum()) for kind in (1, 2, 3)]
    return SegmentationScore(np.array(both), np.array(sizes))


def _named(view: View, graded: Collection[str]) -> SegmentationScore:
    return SegmentationScore(np.zeros(3), np.zeros(3), graded=len(graded), found=len(set(view.levels.names) & set(graded)))


def _boxed(view: View, boxes: list[Box]) -> SegmentationScore:
    if not boxes:
        return SegmentationScore(np.zeros(3), np.zeros(3))
    scale = np.array(view.picture.pixels.shape) / np.array(view.picture.source_shape)
    score = SegmentationScore(np.zeros(3), np.zeros(3), pictures=1, boxes=len(boxes))
    centres = {name: disc.centre / scale for name, disc in view.levels.by_name.items()}
    hit: set[str] = set()
    for box in boxes:
        inside = {name for name, (row, column) in centres.items() if box.y0 <= row < box.y1 and box.x0 <= column < box.x1}
        hit |= inside
        score.boxes_hit += bool(inside)
        if box.level:
            score.named += 1
            score.named_right += box.level in inside
    low, high = min(box.y0 for box in boxes), max(box.y1 for box in boxes)
    score.false_discs = sum(name not in hit and low < row < high for name, (row, _) in centres.items())
    return score


def pooled(scores: Mapping[int, SegmentationScore]) -> SegmentationScore:
    """All folds together: every picture once, seen by the fold's own segmenter."""
    total = SegmentationScore(np.zeros(3), np.zeros(3))
    for score in scores.values():
        total += score
    return total

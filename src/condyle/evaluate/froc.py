"""Free-response detection: marks with scores against lesions, sensitivity at so many false marks a scan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from condyle.errors import InputError
from condyle.evaluate.bootstrap import Interval, interval_of

Floats = NDArray[np.float64]

CPM_POINTS = (0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)


@dataclass(frozen=True, slots=True, eq=False)
class Marked:
    """Marks sorted out against lesions.

    Parameters
    ----------
    scans : every scan, also those without lesion or mark; false marks a scan divide by all of them
    lesion_scan, lesion_score : scan of each lesion and its best mark's score; -inf when missed
    false_scan, false_score : scan and score of each mark that hits nothing
    doubles : further marks on a lesion that was hit; neither hits nor false
    ignored : marks on lesions that were declared irrelevant
    """

    scans: NDArray[np.generic]
    lesion_scan: NDArray[np.generic]
    lesion_score: Floats
    false_scan: NDArray[np.generic]
    false_score: Floats
    doubles: int
    ignored: int

    @property
    def found(self) -> int:
        return int(np.isfinite(self.lesion_score).sum())


@dataclass(frozen=True, slots=True, eq=False)
class Places:
    """Points in space: scan (n,), position (n, 2) or (n, 3) in mm, and a value (n,): the score of a mark, the radius in mm of a lesion."""

    scan: NDArray[np.generic]
    position: Floats
    value: Floats


def places(scan: ArrayLike, position: ArrayLike, value: ArrayLike) -> Places:
    """Checked points."""
    found = Places(np.asarray(scan), np.asarray(position, np.float64), np.asarray(value, np.float64))
    if found.position.ndim != 2 or not len(found.scan) == len(found.position) == len(found.value):
        raise InputError(
            "statistics-shape", "Scans, positions and values must have one length.",
            what_to_do="Give a scan, a position (x, y, z) and a value for each mark.",
        )  # fmt: skip
    if not np.isfinite(found.position).all() or not np.isfinite(found.value).all():
        raise InputError(
            "statistics-values", "Positions, radii and scores must be finite.", what_to_do="Leave out, and count, marks without numbers.",
        )  # fmt: skip
    return found


def match_marks(scans: ArrayLike, marks: Places, lesions: Places, irrelevant: Places | None = None) -> Marked:
    """Sort marks out: a mark hits a lesion when it lies strictly nearer to its centre than its radius.

    Parameters
    ----------
    scans : labels of all scans
    irrelevant : lesions that count neither way; marks on them are ignored

    Source: rules of the LUNA16 challenge, Setio et al., Med Image Anal 2017;42:1-13.
    """
    every = np.unique(np.asarray(scans))
    for what, listed in (("Marks", marks), ("Lesions", lesions), ("Irrelevant lesions", irrelevant)):
        if listed is not None and len(listed.scan) and not np.isin(listed.scan, every).all():
            raise InputError(
                "statistics-scans", f"{what} name a scan that is not in the list of scans.", what_to_do="List every scan that was read."
            )
    free = np.ones(len(marks.scan), bool)
    best = np.full(len(lesions.scan), -np.inf)
    doubles = 0
    for place, scan in enumerate(lesions.scan):
        hits = _hits(marks, scan, lesions.position[place], lesions.value[place])
        if hits.any():
            best[place] = marks.value[hits].max()
            doubles += int(hits.sum()) - 1
            free &= ~hits
    ignored = 0
    if irrelevant is not None:
        for place, scan in enumerate(irrelevant.scan):
            hits = _hits(marks, scan, irrelevant.position[place], irrelevant.value[place]) & free
            ignored += int(hits.sum())
            free &= ~hits
    return Marked(every, lesions.scan, best, marks.scan[free], marks.value[free], doubles, ignored)


@dataclass(frozen=True, slots=True, eq=False)
class FrocCurve:
    """Falling thresholds, false marks a scan and sensitivity; the first point is "no mark"."""

    thresholds: Floats
    false_per_scan: Floats
    sensitivity: Floats

    def at(self, false_per_scan: ArrayLike) -> Floats:
        """Sensitivity on the straight line between points; flat beyond the last one."""
        return np.asarray(np.interp(np.asarray(false_per_scan, np.float64), self.false_per_scan, self.sensitivity))


def froc(marked: Marked, weights: ArrayLike | None = None) -> FrocCurve:
    """The curve; a mark counts when its score is at or above the threshold.

    Parameters
    ----------
    weights : how often each of ``marked.scans`` counts; both denominators follow it

    Raises InputError when no lesion has weight.
    """
    weight = np.ones(len(marked.scans)) if weights is None else np.asarray(weights, np.float64)
    of_lesion, of_false = (weight[np.searchsorted(marked.scans, scan)] for scan in (marked.lesion_scan, marked.false_scan))
    lesions = of_lesion.sum()
    if not lesions > 0:
        raise InputError(
            "statistics-no-lesions", "There is no lesion; sensitivity is not defined.",
            what_to_do="Give lesions; false marks alone are told by their number a scan.",
        )  # fmt: skip
    hit = np.isfinite(marked.lesion_score)
    levels = np.unique(np.r_[marked.lesion_score[hit], marked.false_score])[::-1]
    found = np.array([0.0, *_at_or_above(levels, marked.lesion_score[hit], of_lesion[hit])]) / lesions
    false = np.array([0.0, *_at_or_above(levels, marked.false_score, of_false)]) / weight.sum()
    return FrocCurve(np.r_[np.inf, levels], false, found)


def cpm(curve: FrocCurve, points: Sequence[float] = CPM_POINTS) -> float:
    """Competition performance metric: mean sensitivity at 1/8, 1/4, 1/2, 1, 2, 4 and 8 false marks a scan.

    Source: Niemeijer et al., IEEE Trans Med Imaging 2011;30:215-223.
    """
    return float(curve.at(list(points)).mean())


def froc_intervals(
    marked: Marked,
    patients: ArrayLike | None = None,
    *,
    points: Sequence[float] = CPM_POINTS,
    n: int = 1000,
    seed: int = 0,
    confidence: float = 0.95,
) -> dict[str, Interval]:
    """Sensitivity at each point and CPM with percentile intervals over patients (scans when none are given).

    Parameters
    ----------
    patients : (scans,) patient of each of ``marked.scans``
    """
    labels, place = np.unique(marked.scans if patients is None else np.asarray(patients), return_inverse=True)
    rng = np.random.default_rng(seed)
    draws = []
    for _ in range(n):
        times = np.bincount(rng.integers(len(labels), size=len(labels)), minlength=len(labels)).astype(np.float64)[place]
        if times[np.searchsorted(marked.scans, marked.lesion_scan)].sum() > 0:
            draws.append(froc(marked, times).at(list(points)))
    values = np.array(draws).reshape(-1, len(points))
    own = froc(marked).at(list(points))
    columns = {f"sensitivity at {point:g}": (float(own[k]), values[:, k]) for k, point in enumerate(points)}
    columns["CPM"] = (float(own.mean()), values.mean(axis=1))
    return {
        name: interval_of(
            estimate, np.r_[column, np.full(n - len(column), np.nan)], (len(marked.lesion_scan), len(labels)), seed, None, confidence
        )
        for name, (estimate, column) in columns.items()
    }


def _hits(marks: Places, scan: object, centre: Floats, radius: float) -> NDArray[np.bool_]:
    return np.asarray((marks.scan == scan) & (((marks.position - centre) ** 2).sum(axis=1) < radius**2))


def _at_or_above(levels: Floats, score: Floats, weight: Floats) -> Floats:
    """Weight of the scores at or above each of falling levels."""
    order = np.argsort(-score, kind="stable")
    total = np.r_[0.0, np.cumsum(weight[order])]
    return np.asarray(total[np.searchsorted(-score[order], -levels, side="right")])

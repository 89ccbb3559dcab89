"""Masks of many studies judged together, with a stated policy for empty ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from condyle.errors import InputError
from condyle.evaluate.bland_altman import LimitsOfAgreement, limits_of_agreement
from condyle.evaluate.bootstrap import Interval, Metric, patient_bootstrap
from condyle.evaluate.overlap import dice, iou
from condyle.evaluate.surface import surface_distances


@dataclass(frozen=True, slots=True)
class MaskScore:
    """One structure in one study.

    Parameters
    ----------
    dice, iou, surface_dice : in [0, 1]; NaN when both masks are empty
    hd95, assd : mm; inf when one mask is empty, NaN when both are
    truth_ml, given_ml : volumes (areas in square centimetres of two-dimensional masks)
    empty : '', 'both', 'truth' or 'given'
    """

    dice: float
    iou: float
    hd95: float
    assd: float
    surface_dice: float
    truth_ml: float
    given_ml: float
    empty: str


def score_masks(truth: ArrayLike, given: ArrayLike, spacing_mm: Sequence[float], *, tolerance_mm: float) -> MaskScore:
    """Every measure of two masks.

    Parameters
    ----------
    truth, given : boolean, one shape, two or three axes; spacing_mm : along each axis
    tolerance_mm : of surface Dice, such as the distance between two readers; fixed before
    """
    first, second = np.asarray(truth, bool), np.asarray(given, bool)
    apart = surface_distances(first, second, spacing_mm)
    one, other = not first.any(), not second.any()
    empty = "both" if one and other else "truth" if one else "given" if other else ""
    single = bool(empty) and empty != "both"
    unit = float(np.prod(spacing_mm)) / (1000 if first.ndim == 3 else 100)
    return MaskScore(
        dice(first, second), iou(first, second), apart.hausdorff(95), float("inf") if single else apart.assd(),
        apart.surface_dice(tolerance_mm), first.sum() * unit, second.sum() * unit, empty,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class StructureSummary:
    """One structure over all studies.

    Parameters
    ----------
    means : 'dice', 'iou', 'surface_dice' with patient-bootstrap intervals over studies that are not empty on both sides.
        One empty mask scores 0 there and is not left out
    medians : 'hd95', 'assd' -> (median with its patient-bootstrap interval, quartiles) of finite distances, in mm, and the median with
        the distance of one empty mask as infinite
    n, both_empty, truth_empty, given_empty : studies in all, and empty ones by kind
    failure_rate : share of studies with something there in which exactly one mask is empty; stands beside the distances,
        which cannot hold them
    volume : Bland-Altman of given against true volume; None under three studies
    """

    means: Mapping[str, Interval]
    medians: Mapping[str, tuple[Interval, tuple[float, float], float]]
    n: int
    both_empty: int
    truth_empty: int
    given_empty: int
    failure_rate: float
    volume: LimitsOfAgreement | None


def summarise_masks(
    scores: Sequence[MaskScore], patients: ArrayLike, *, n: int = 2000, seed: int = 0, level: float = 0.95
) -> StructureSummary:
    """Summary of one structure; patients : (studies,)."""
    labels = np.asarray(patients)
    if len(labels) != len(scores):
        raise InputError(
            "statistics-shape", "Scores and patients must have one length.", what_to_do="Give the patient of each pair of masks.",
        )  # fmt: skip
    used = np.array([one.empty != "both" for one in scores], bool)
    kept = [one for one in scores if one.empty != "both"]
    if not kept:
        raise InputError(
            "statistics-empty", "Every pair of masks is empty; there is nothing to compare.",
            what_to_do="Leave the structure out, or report the share of empty masks alone.",
        )  # fmt: skip
    values = {name: np.array([getattr(one, name) for one in kept]) for name in ("dice", "iou", "surface_dice", "hd95", "assd")}
    overlaps, distances = ("dice", "iou", "surface_dice"), ("hd95", "assd")
    metrics = {name: _mean_of(values[name]) for name in overlaps} | {name: _median_of(values[name]) for name in distances}
    found = patient_bootstrap(metrics, labels[used], n=n, seed=seed, confidence=level)
    kinds = [one.empty for one in scores]
    failed = sum(kind in ("truth", "given") for kind in kinds)
    volume = None
    if len(kept) >= 3 and len(np.unique(labels[used])) >= 3:
        volume = limits_of_agreement([one.given_ml for one in kept], [one.truth_ml for one in kept], labels[used], level=level)
    there = np.isfinite(values["hd95"])
    measured, people = int(there.sum()), len(np.unique(labels[used][there]))
    medians = {
        name: (replace(found[name], n=measured, clusters=people), _quartiles(values[name]), float(np.median(values[name])))
        for name in distances
    }
    return StructureSummary(
        {name: found[name] for name in overlaps}, medians, len(scores), kinds.count("both"), kinds.count("truth"),
        kinds.count("given"), failed / len(kept), volume,
    )  # fmt: skip


def _mean_of(values: NDArray[np.float64]) -> Metric:
    return lambda weights: float(np.average(values, weights=weights)) if weights.sum() > 0 else float("nan")


def _median_of(values: NDArray[np.float64]) -> Metric:
    """Median of finite values, each as often as its patient was drawn."""
    finite = np.isfinite(values)

    def median(weights: NDArray[np.float64]) -> float:
        drawn = np.repeat(values[finite], weights[finite].astype(np.intp))
        return float(np.median(drawn)) if len(drawn) else float("nan")

    return median


def _quartiles(values: NDArray[np.float64]) -> tuple[float, float]:
    finite = values[np.isfinite(values)]
    if not len(finite):
        return float("nan"), float("nan")
    low, high = np.quantile(finite, (0.25, 0.75))
    return float(low), float(high)

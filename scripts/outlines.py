"""Outlines and names of the lumbar cross-validation, picture by picture, with intervals over patients.

    python scripts/outlines.py WORK COHORT [--recipe lumbar]

WORK is the folder of pieces that ``condyle train lumbar`` left beside its package; each picture is looked at by the segmenter of the fold
that did not see its patient. Dice is given over all pixels of all masks, as in the card, and as the mean over pictures. Reads only;
nothing is fitted.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from condyle.cohorts.cohort import load_cohort
from condyle.evaluate.bootstrap import patient_bootstrap
from condyle.train.folds import cohort_folds
from condyle.train.pipeline import torch_network
from condyle.train.recipe import load_recipe
from condyle.train.segmentation_network import SegmentationNetwork
from condyle.train.segmentation_score import SegmentationScore, picture_scores

NAMES = ("vertebra", "canal", "disc")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path)
    parser.add_argument("cohort", type=Path)
    parser.add_argument("--recipe", default="lumbar")
    given = parser.parse_args()
    recipe: Any = load_recipe(given.recipe)
    cohort = load_cohort(given.cohort)
    folds = cohort_folds(cohort, recipe.split.outer, recipe.seed)
    patients: list[str] = []
    makers: list[str] = []
    scores: list[SegmentationScore] = []
    flat: list[bool] = []  # T1 and T2 pictures, not slices of T2 SPACE
    for fold in range(recipe.split.outer):
        segmenter = SegmentationNetwork()
        segmenter.load_state_dict(torch.load(given.work / "segmenter" / f"fold{fold}" / "segmenter.pt", weights_only=True))
        held_out = {patient for patient, number in folds.items() if number == fold}
        for row, score in picture_scores(cohort, held_out, torch_network(segmenter.eval())):
            patients.append(row.patient_id)
            makers.append(str(row.vendor))
            scores.append(score)
            flat.append("space" not in row.series_id.lower())
        print(f"fold {fold + 1} of {recipe.split.outer}: {len(scores)} pictures", flush=True)
    columns: dict[str, np.ndarray[Any, Any]] = {
        name: np.array([getattr(score, name) for score in scores], float)
        for name in ("boxes", "boxes_hit", "named", "named_right", "pictures", "false_discs", "graded", "found")
    }
    overlap, sizes = (np.array([getattr(score, name) for score in scores]) for name in ("overlap", "sizes"))
    metrics: dict[str, Any] = {}
    for number, name in enumerate(NAMES):
        metrics[f"Dice {name}, all pixels"] = _ratio(overlap[:, number], sizes[:, number])
        metrics[f"Dice {name}, mean of the pictures"] = _ratio(
            np.where(sizes[:, number] > 0, overlap[:, number] / np.maximum(sizes[:, number], 1), 0.0), (sizes[:, number] > 0).astype(float)
        )
    metrics |= {
        "boxes that hold a found disc": _ratio(columns["boxes_hit"], columns["boxes"]),
        "boxes that hold the disc of their name": _ratio(columns["named_right"], columns["named"]),
        "false discs a picture": _ratio(columns["false_discs"], columns["pictures"]),
        "graded levels found under their name": _ratio(columns["found"], columns["graded"]),
        "pictures with every graded level": _ratio(_every(columns), (columns["graded"] > 0).astype(float)),
        "T1 and T2 pictures with every graded level": _ratio(_every(columns) * flat, (columns["graded"] > 0) * np.array(flat, float)),
    }
    print("\n| | n | value (95 %, patients) |\n|---|---|---|")
    counts = _counts(columns, sizes) | {"T1 and T2 pictures with every graded level": int(((columns["graded"] > 0) & flat).sum())}
    for name, interval in patient_bootstrap(metrics, np.array(patients), n=2000, seed=recipe.seed).items():
        print(f"| {name} | {counts[name]} | {interval.estimate:.4f} ({interval.low:.4f} to {interval.high:.4f}) |")
    by_maker: dict[str, list[int]] = defaultdict(list)
    for number, maker in enumerate(makers):
        by_maker[maker].append(number)
    print("\n| maker | boxes | held a found disc | under its name | false discs | pictures |\n|---|---|---|---|---|---|")
    for maker, rows in sorted(by_maker.items()):
        cells = (int(columns[name][rows].sum()) for name in ("boxes", "boxes_hit", "named_right", "false_discs", "pictures"))
        print(f"| {maker} | {' | '.join(map(str, cells))} |")


def _ratio(above: Any, below: Any) -> Any:
    """Metric of row weights: the weighted sum of one over that of the other."""
    return lambda weights: float((weights * above).sum() / below_sum) if (below_sum := float((weights * below).sum())) else float("nan")


def _every(columns: dict[str, Any]) -> Any:
    """1 for pictures on which every graded level was found under its name."""
    return ((columns["found"] == columns["graded"]) & (columns["graded"] > 0)).astype(float)


def _counts(columns: dict[str, Any], sizes: Any) -> dict[str, int]:
    masks = int((sizes[:, 0] > 0).sum())
    found = {f"Dice {name}, {how}": masks for name in NAMES for how in ("all pixels", "mean of the pictures")}
    return found | {
        "boxes that hold a found disc": int(columns["boxes"].sum()), "boxes that hold the disc of their name": int(columns["named"].sum()),
        "false discs a picture": int(columns["pictures"].sum()), "graded levels found under their name": int(columns["graded"].sum()),
        "pictures with every graded level": int((columns["graded"] > 0).sum()),
    }  # fmt: skip


if __name__ == "__main__":
    main()

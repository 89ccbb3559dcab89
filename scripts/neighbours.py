"""What grading a volume through its neighbouring slices adds to grading its mid-sagittal slice alone, on simulated studies.

    python scripts/neighbours.py [--package lumbar] [--studies 60] [--seed 500000] [--slices 9]

For every finding: AUROC of the middle slice, of the mean of three slices (as the reader reads all but the focal findings), and their
difference with a 95 % percentile bootstrap interval over studies (2,000 resamples). Simulated studies only: no volume with labels is
at hand.
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np
from numpy.typing import NDArray

from condyle.evaluate.ranking import auroc
from condyle.readers import load_package
from condyle.readers.lumbar.grade import HIGH_GRADE, score_column
from condyle.readers.lumbar.view import View, agree, beside, level_crops, level_names, look
from condyle.simulate import simulate_lumbar


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--package", default="lumbar")
    parser.add_argument("--studies", type=int, default=60)
    parser.add_argument("--seed", type=int, default=500_000)
    parser.add_argument("--slices", type=int, default=9)
    given = parser.parse_args()
    reader: Any = load_package(given.package)
    grader = reader.grader
    alone, together, truth, studies = [], [], [], []
    for seed in range(given.seed, given.seed + given.studies):
        study = simulate_lumbar(seed, matrix=320, slices=given.slices)
        views: dict[str, View] = {}
        for slot in ("t2", "t1"):
            views[slot] = look(study.volumes[f"{slot}_sag"], reader.network, before=views.get("t2"))
        views = agree(views)
        names = level_names(views)
        logits = []
        for one in (views, *beside(views)):
            crops, present = level_crops(one, grader.slots, names, grader.spec)
            logits.append(grader.logits(names, crops, present))
        for row, name in enumerate(names):
            if levels := study.truth.levels.get(name):
                alone.append(logits[0][row])
                together.append(np.mean([one[row] for one in logits], axis=0))
                truth.append([levels.get(finding, np.nan) for finding in grader.findings])
                studies.append(seed)
    report(grader.findings, np.array(alone), np.array(together), np.array(truth, float), np.array(studies))


def report(
    findings: tuple[str, ...], alone: NDArray[Any], together: NDArray[Any], truth: NDArray[np.float64], studies: NDArray[Any]
) -> None:
    rng = np.random.default_rng(0)
    rows_of = [np.flatnonzero(studies == study) for study in np.unique(studies)]
    draws = [np.concatenate([rows_of[i] for i in rng.integers(0, len(rows_of), len(rows_of))]) for _ in range(2000)]
    print(f"{len(rows_of)} studies, {len(studies)} levels\n\n| finding | positive | middle | three slices | difference |")
    print("|---|---|---|---|---|")
    for column, finding in enumerate(findings):
        at = score_column(findings, finding)
        high = truth[:, column] >= (HIGH_GRADE if finding == "pfirrmann" else 1)

        def both(rows: NDArray[Any], high: NDArray[np.bool_] = high, at: int = at) -> tuple[float, float]:
            return auroc(high[rows], alone[rows, at]), auroc(high[rows], together[rows, at])

        if high.all() or not high.any():
            continue
        middle, three = both(np.arange(len(high)))
        changes = [b - a for a, b in (both(rows) for rows in draws if high[rows].any() and not high[rows].all())]
        low, top = np.percentile(changes, (2.5, 97.5))
        print(f"| {finding} | {int(high.sum())} | {middle:.3f} | {three:.3f} | {three - middle:+.3f} ({low:+.3f} to {top:+.3f}) |")


if __name__ == "__main__":
    main()

"""Two cross-validations of the lumbar reader on the same cohort, figure by figure: after minus before, paired over patients.

    python scripts/compare_runs.py WORK_BEFORE WORK_AFTER [--recipe lumbar]

Each WORK is the folder of pieces that ``condyle train lumbar`` left beside its package. Reads only; nothing is fitted.
"""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from condyle.evaluate.agreement import balanced_accuracy, off_by_more_than_one, quadratic_kappa
from condyle.evaluate.bootstrap import patient_bootstrap
from condyle.evaluate.ranking import auroc
from condyle.train.crossval import judge, read_pieces
from condyle.train.figures import Judged, wrong_where_missed
from condyle.train.recipe import load_recipe

STEPS = (1, 2, 3, 4, 5)
OF_GRADES = {
    "quadratic kappa": lambda true, given, w: quadratic_kappa(true, given, STEPS, w),
    "balanced accuracy": lambda true, given, w: balanced_accuracy(true, given, STEPS, w),
    "more than one grade off": off_by_more_than_one,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("before", type=Path)
    parser.add_argument("after", type=Path)
    parser.add_argument("--recipe", default="lumbar")
    asked = parser.parse_args()
    recipe: Any = load_recipe(asked.recipe)
    runs = [judge(read_pieces(work, recipe), recipe) for work in (asked.before, asked.after)]
    print("| figure | n | before | after | after - before (95 %, patients) |\n|---|---|---|---|---|")
    for finding in runs[0]:
        before, after = _paired(*(run[finding] for run in runs))
        figures: dict[str, Any] = {f"{finding}, AUROC": [partial(auroc, one.truth, one.score) for one in (before, after)]}
        if np.isfinite(before.true_grade).any() and finding == "pfirrmann":
            for name, metric in OF_GRADES.items():
                given = [wrong_where_missed(one.grade, one.true_grade, STEPS) for one in (before, after)]
                figures[name] = [partial(metric, before.true_grade, own) for own in given]
        for name, (old, new) in figures.items():
            found = patient_bootstrap(
                {"before": old, "after": new, "difference": lambda w, old=old, new=new: new(w) - old(w)}, before.patients, seed=recipe.seed
            )
            gain = found["difference"]
            print(
                f"| {name} | {len(before.truth)} | {found['before'].estimate:.3f} | {found['after'].estimate:.3f} | "
                f"{gain.estimate:+.3f} ({gain.low:+.3f} to {gain.high:+.3f}) |"
            )


def _paired(before: Judged, after: Judged) -> tuple[Judged, Judged]:
    """Both runs; they must speak of the same levels in the same order."""
    if not (np.array_equal(before.patients, after.patients) and np.array_equal(before.levels, after.levels)):
        raise SystemExit("The two runs are not of the same cohort and folds.")
    return before, after


if __name__ == "__main__":
    main()

"""How the grades of a lumbar cross-validation are confused, and how good it is by maker and field strength.

    python scripts/held_out.py WORK COHORT [--recipe lumbar]

WORK is the folder of pieces that ``condyle train lumbar`` left beside its package; every score in it comes from a fold that did not see
the patient. Reads only; nothing is fitted.
"""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from condyle.cohorts.cohort import load_cohort
from condyle.evaluate.agreement import quadratic_kappa
from condyle.evaluate.ranking import auroc
from condyle.train.crossval import judge, read_pieces
from condyle.train.recipe import load_recipe

GRADES = (1, 2, 3, 4, 5)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path)
    parser.add_argument("cohort", type=Path)
    parser.add_argument("--recipe", default="lumbar")
    given = parser.parse_args()
    recipe: Any = load_recipe(given.recipe)
    pieces = read_pieces(given.work, recipe)
    judged = judge(pieces, recipe)
    rows = load_cohort(given.cohort).rows
    for title, groups in (
        ("maker", {row.patient_id: str(row.vendor) for row in rows}),
        ("field strength", {row.patient_id: f"{row.field_strength} T" for row in rows}),
    ):
        print(f"\n| {title} | patients | kappa | {' | '.join(judged)} |\n|---|---|---|{'---|' * len(judged)}")
        for group in sorted(set(groups.values())):
            print(_row(judged, groups, group))
    own = judged["pfirrmann"]
    known = ~np.isnan(own.grade)
    true, said, patients = own.true_grade[known].astype(int), own.grade[known].astype(int), own.patients[known]
    table = np.zeros((len(GRADES), len(GRADES)), int)
    np.add.at(table, (true - 1, said - 1), 1)
    print(f"\ntrue grade (rows) against grade read (columns), levels found\n{table}")
    far = np.abs(true - said) > 1
    print(f"more than one grade off: {far.sum()}; most of one patient: {Counter(patients[far].tolist()).most_common(5)}")
    print("kappa of the folds:", *(f"{_kappa(judge([piece], recipe)['pfirrmann']):.2f}" for piece in pieces))


def _row(judged: Any, groups: dict[str, str], group: str) -> str:
    areas = []
    for one in judged.values():
        rows = np.array([groups[patient] == group for patient in one.patients])
        areas.append(f"{auroc(one.truth[rows], one.score[rows]):.3f}")
    own = judged["pfirrmann"]
    rows = np.array([groups[patient] == group for patient in own.patients])
    return f"| {group} | {len(set(own.patients[rows].tolist()))} | {_kappa(own, rows):.3f} | {' | '.join(areas)} |"


def _kappa(one: Any, rows: Any = True) -> float:
    known = ~np.isnan(one.grade) & rows
    return float(quadratic_kappa(one.true_grade[known], one.grade[known], GRADES))


if __name__ == "__main__":
    main()

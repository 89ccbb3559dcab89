"""Whether a lumbar package's class maps follow its grader, on pictures of patients that it did not see.

    python scripts/class_maps.py PACKAGE COHORT --patients FILE [--number 12]

FILE lists the patients left out when PACKAGE was made, one a line; the first ``--number`` of the cohort's studies among them are read. For
every finding with a logit above 0: does the score fall further when the strongest 12 % of its map are painted over than when the same shape
is painted over elsewhere (``condyle.testing.class_maps``)? Interval: Wilson, 95 %.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from numbering import wilson

from condyle.cohorts.cohort import load_cohort
from condyle.readers import load_package
from condyle.readers.lumbar.view import agree, level_crops, level_names
from condyle.testing.class_maps import Deletion, all_maps, deletions
from condyle.train.segmentation_score import view_of


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("package", type=Path)
    parser.add_argument("cohort", type=Path)
    parser.add_argument("--patients", type=Path, required=True)
    parser.add_argument("--number", type=int, default=12)
    given = parser.parse_args()
    unseen = set(given.patients.read_text("utf-8").split())
    reader: Any = load_package(given.package)
    studies: dict[str, dict[str, Any]] = {}
    for row in load_cohort(given.cohort).rows:
        if row.patient_id in unseen and row.weighting in reader.grader.slots and row.extra.get("sequence") != "space":
            studies.setdefault(row.study_id, {})[row.weighting] = row
    found: list[Deletion] = []
    for rows in list(studies.values())[: given.number]:
        views = agree({slot: view_of(rows[slot], reader.network) for slot in reader.grader.slots if slot in rows})
        names = level_names(views)
        crops, present = level_crops(views, reader.grader.slots, names, reader.grader.spec)
        found += deletions(reader.grader, names, crops, present, all_maps(reader.grader, names, crops, present))
    print("| finding | n | fell further |\n|---|---|---|")
    for finding in (*reader.grader.findings, ""):
        own = [one.own > one.elsewhere for one in found if finding in ("", one.finding)]
        if own:
            low, high = wilson(sum(own), len(own))
            print(f"| {finding or 'all'} | {len(own)} | {sum(own) / len(own):.3f} ({low:.3f} to {high:.3f}) |")


if __name__ == "__main__":
    main()

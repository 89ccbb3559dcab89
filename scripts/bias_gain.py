"""What correcting the coils' shading before reading changes, on pictures of patients that a lumbar package did not see.

    python scripts/bias_gain.py PACKAGE COHORT --patients FILE [--span 65] [--resamples 1000]

FILE lists the patients left out when PACKAGE was made, one a line. Every picture is read as it is and with ``prepare.correct_bias`` before
everything else; the same levels are compared. Differences: corrected minus plain, 95 % percentile interval over resampled patients.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from condyle.cohorts.cohort import load_cohort
from condyle.evaluate.agreement import quadratic_kappa
from condyle.evaluate.ranking import auroc
from condyle.prepare.bias_field import correct_bias
from condyle.readers import load_package
from condyle.readers.lumbar.view import agree, level_crops, level_names
from condyle.study import Volume
from condyle.train import segmentation_score

GRADES = (1, 2, 3, 4, 5)
Said = dict[tuple[str, str, str], tuple[float, float]]  # (patient, level, finding) -> score, grade


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("package", type=Path)
    parser.add_argument("cohort", type=Path)
    parser.add_argument("--patients", type=Path, required=True)
    parser.add_argument("--span", type=float, default=65.0, help="of the field's knots, pixels")
    parser.add_argument("--resamples", type=int, default=1000)
    given = parser.parse_args()
    reader: Any = load_package(given.package)
    cohort = load_cohort(given.cohort)
    unseen = set(given.patients.read_text("utf-8").split())
    truth = {(one.patient_id, one.level, one.finding): float(one.value) for one in cohort.labels if one.patient_id in unseen}
    both = [_read(reader, cohort, unseen, span) for span in (0.0, given.span)]
    plain, corrected = both
    print(f"{len({key[0] for key in plain})} patients; levels named: {len(plain)} plain, {len(corrected)} corrected (findings counted)")
    print("| finding | n | plain | corrected | difference |\n|---|---|---|---|---|")
    for finding in reader.grader.findings:
        keys = sorted(key for key in plain.keys() & corrected.keys() & truth.keys() if key[2] == finding)
        patients = np.array([key[0] for key in keys])
        label = np.array([truth[key] for key in keys])
        if finding == "pfirrmann":
            grades = [np.array([said[key][1] for key in keys]) for said in both]
            _row("pfirrmann, kappa", patients, lambda rows, at, t=label, g=grades: _kappa(t[rows], g[at][rows]), given.resamples)
            label = (label >= 4).astype(float)
        scores = [np.array([said[key][0] for key in keys]) for said in both]
        _row(f"{finding}, AUROC", patients, lambda rows, at, t=label, s=scores: _area(t[rows], s[at][rows]), given.resamples)


def _read(reader: Any, cohort: Any, unseen: set[str], span: float) -> Said:
    """Scores and grades of every level of the unseen patients; ``span`` 0 corrects nothing."""
    studies: dict[str, dict[str, Any]] = {}
    for row in cohort.rows:
        if row.patient_id in unseen and row.weighting in reader.grader.slots and row.extra.get("sequence") != "space":
            studies.setdefault(row.patient_id, {})[row.weighting] = row
    plain = segmentation_score.look

    def looked(volume: Volume, network: Any, **options: Any) -> Any:
        shaded = replace(volume, pixels=volume.pixels.astype(np.float32))
        return plain(correct_bias(shaded, span_mm=span) if span else volume, network, **options)

    segmentation_score.look = looked
    said: Said = {}
    for patient, rows in studies.items():
        slots = [slot for slot in reader.grader.slots if slot in rows]
        views = agree({slot: segmentation_score.view_of(rows[slot], reader.network) for slot in slots})
        names = level_names(views)
        crops, present = level_crops(views, reader.grader.slots, names, reader.grader.spec)
        for one in reader.grader.grade(names, crops, present):
            if one.score is not None or one.grade is not None:
                high = float(sum(one.probabilities[3:])) if one.grade is not None else float(one.score)
                said[patient, one.level, one.finding] = high, float(one.grade or np.nan)
    segmentation_score.look = plain
    return said


def _area(truth: NDArray[np.float64], score: NDArray[np.float64]) -> float:
    return float(auroc(truth, score)) if 0 < truth.sum() < len(truth) else np.nan


def _kappa(truth: NDArray[np.float64], grade: NDArray[np.float64]) -> float:
    return float(quadratic_kappa(truth, grade, GRADES))


def _row(name: str, patients: NDArray[Any], figure: Any, resamples: int) -> None:
    rng = np.random.default_rng(0)
    own = {patient: np.flatnonzero(patients == patient) for patient in dict.fromkeys(patients.tolist())}
    everybody, drawn = list(own), []
    for _ in range(resamples):
        rows = np.concatenate([own[everybody[i]] for i in rng.integers(0, len(everybody), len(everybody))])
        drawn.append(figure(rows, 1) - figure(rows, 0))
    rows = np.arange(len(patients))
    before, after = figure(rows, 0), figure(rows, 1)
    low, high = np.nanpercentile(drawn, (2.5, 97.5))
    print(f"| {name} | {len(rows)} | {before:.3f} | {after:.3f} | {after - before:+.3f} ({low:+.3f} to {high:+.3f}) |")


if __name__ == "__main__":
    main()

"""Small tables under the names that the examples of ``condyle evaluate`` use, all of the same 60 studies."""

from __future__ import annotations

import csv
from pathlib import Path

import nibabel
import numpy as np
from scipy.special import expit

FINDINGS = ("meniscal_tear", "acl_injury")
READERS = {"r1": "junior", "r2": "junior", "r3": "senior", "r4": "senior"}
PLAN = """\
name: examples
endpoints:
  - {finding: meniscal_tear, metric: AUROC, at_least: 0.6}
  - {finding: meniscal_tear, metric: auroc, comparison: aided - unaided}
thresholds: thresholds.yaml
bootstrap: {n: 100, seed: 7}
"""
THRESHOLDS = "".join(f"{name}: {{threshold: 0.5, chosen_on: pre-specified}}\n" for name in FINDINGS)


def write_tables(folder: Path, *, studies: int = 60, seed: int = 0) -> Path:
    """Every table, the plan with its thresholds, and four pairs of masks."""
    rng = np.random.default_rng(seed)
    keys = [{"study_id": f"s{k:02d}", "patient_id": f"p{k:02d}"} for k in range(studies)]
    truth = {(key["study_id"], name): int(rng.random() < 0.45) for key in keys for name in FINDINGS}
    places = [(key, name) for key in keys for name in FINDINGS]

    def scored(gain: float) -> list[dict[str, object]]:
        found = []
        for key, name in places:
            score = float(expit(gain * (truth[key["study_id"], name] - 0.5) + rng.normal()))
            found.append({**key, "finding": name, "score": round(score, 4), "decision": "present" if score >= 0.5 else "absent"})
        return found

    for name, gain in (("predictions", 2.5), ("old", 2.0), ("new", 3.0), ("other", 1.5)):
        _write(folder / f"{name}.csv", scored(gain))
    stated: list[dict[str, object]] = [{**key, "finding": name, "value": truth[key["study_id"], name]} for key, name in places]
    _write(folder / "truth.csv", stated)
    for name, rows in (("predictions", scored(2.5)), ("truth", stated)):
        other = [{**row, "study_id": f"v{row['study_id']}", "patient_id": f"v{row['patient_id']}"} for row in rows]
        _write(folder / f"validation_{name}.csv", other)
        _write(folder / f"other_{name}.csv", other)  # another place: patients of its own
    _write(folder / "manifest.csv", [
        {**key, "path": f"s{k:02d}.dcm", "sex": "FM"[k % 2], "age": 30 + k % 45, "vendor": ("Siemens", "Philips")[k % 3 == 0],
         "site_id": f"site {k % 2}"}
        for k, key in enumerate(keys)
    ])  # fmt: skip
    reads = []
    for reader, rank in READERS.items():
        for arm, gain in (("unaided", 1.8), ("aided", 2.6)):
            for row in scored(gain):
                day = 1 if arm == "unaided" else 40
                stamp = f"2026-0{1 + day // 31}-{day % 31 + 1:02d}T09:00:00"
                read = {name: value for name, value in row.items() if name != "patient_id"}
                seconds = round(float(np.exp(rng.normal(4.5, 0.3))), 1)
                reads.append({"reader_id": reader, "seniority": rank, "arm": arm, **read, "seconds": seconds, "timestamp": stamp})
    _write(folder / "reads.csv", reads)
    _write(folder / "trial.csv", [
        {"unit_id": f"u{k}", "cluster_id": f"c{k % 12}", "stratum": ("junior", "senior")[k % 2], "arm_assigned": arm, "arm_received": arm,
         "excluded_reason": "", "age": 30 + k % 40, "sex": "FM"[k % 2], "seconds": round(float(np.exp(rng.normal(4.5, 0.3))), 1),
         "correct_meniscal_tear": int(rng.random() < (0.7 if arm == "unaided" else 0.85))}
        for k in range(120) for arm in [("unaided", "aided")[(k // 12) % 2]]
    ])  # fmt: skip
    spots = [{"study_id": key["study_id"], "finding": "meniscal_tear", "x": 0.0, "y": 0.0, "z": 0.0} for key in keys]
    _write(folder / "lesions.csv", [{**one, "radius_mm": 5} for one in spots[::2]])
    _write(folder / "marks.csv", [{**one, "x": float(rng.choice((1.0, 20.0))), "score": round(rng.random(), 3)} for one in spots])
    _write_boxes(folder, keys, rng)
    _write_views(folder / "tables", keys, truth, rng)
    _write_masks(folder)
    (folder / "plan.yaml").write_text(PLAN, "utf-8")
    (folder / "thresholds.yaml").write_text(THRESHOLDS, "utf-8")
    return folder


def _write_boxes(folder: Path, keys: list[dict[str, str]], rng: np.random.Generator) -> None:
    true = [{"study_id": key["study_id"], "finding": "meniscal_tear", "x0": 10, "y0": 10, "x1": 30, "y1": 25} for key in keys[::2]]
    _write(folder / "boxes.csv", true)
    said = [{**one, "x0": 10 + float(rng.integers(0, 12)), "score": round(rng.random(), 3)} for one in true]
    _write(folder / "predicted_boxes.csv", said)


def _write_views(folder: Path, keys: list[dict[str, str]], truth: dict[tuple[str, str], int], rng: np.random.Generator) -> None:
    """Two folds of two views: 20 studies to validate on, 40 to test."""
    name = FINDINGS[0]
    for part, own in (("validation", keys[:20]), ("test", keys[20:])):
        rows = [
            {**key, "finding": name, "view": view, "fold": fold,
             "score": round(float(expit(2 * truth[key["study_id"], name] - 1 + rng.normal())), 4)}
            for key in own for view in ("sagittal", "coronal") for fold in (1, 2)
        ]  # fmt: skip
        _write(folder / f"{part}_predictions.csv", rows)
        _write(folder / f"{part}_truth.csv", [{**key, "finding": name, "value": truth[key["study_id"], name]} for key in own])


def _write_masks(folder: Path) -> None:
    block = np.zeros((20, 20, 8), np.uint8)
    block[5:15, 5:15, 2:6] = 1
    rows = []
    for k in range(4):
        for name, mask in ((f"true{k}", block), (f"said{k}", np.roll(block, k, axis=0))):
            nibabel.save(nibabel.Nifti1Image(mask, np.diag([0.5, 0.5, 3.0, 1.0])), folder / f"{name}.nii.gz")
        own = {"study_id": f"s{k}", "patient_id": f"p{k}", "structure": "disc"}
        rows.append({**own, "truth_path": f"true{k}.nii.gz", "predicted_path": f"said{k}.nii.gz"})
    _write(folder / "masks.csv", rows)


def _write(path: Path, rows: list[dict[str, object]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)

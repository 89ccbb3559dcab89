"""Cohorts drawn for the audit: every patient has an own random anatomy; faults are planted by name."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

FINDINGS = ("acl_injury", "meniscal_tear", "effusion")
Stack = NDArray[np.int16]


def anatomy(seed: int, *, size: int = 72) -> Stack:
    """[slice, row, column] a random smooth thing with edges, that nobody else has."""
    rng = np.random.default_rng(seed)
    slow = cv2.GaussianBlur(rng.normal(size=(size, size)), (0, 0), 5)
    drift = cv2.GaussianBlur(rng.normal(size=(size, size)), (0, 0), 5)
    stack = [np.tanh(40 * (slow + 0.1 * k * drift)) * 300 + 400 + rng.normal(0, 25, (size, size)) for k in range(5)]
    return np.clip(np.stack(stack), 0, 4000).astype(np.int16)


def write(folder: Path, patients: int = 60) -> Path:
    """A cohort of one sagittal stack a patient, from three sites that are alike, with labels that nothing else tells."""
    rng = np.random.default_rng(7)
    folder.mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, Any]] = []
    labels: list[dict[str, Any]] = []
    for number in range(patients):
        present = rng.integers(0, 2, len(FINDINGS))
        np.save(folder / f"s{number}.npy", anatomy(number))
        own = {"study_id": f"s{number}", "patient_id": f"p{number}"}
        rows.append({**own, "path": f"s{number}.npy", "joint": "knee", "plane": "sagittal", "site_id": f"site{number % 3}",
                     "split": "train" if number % 4 else "test", "age": 20 + number % 50})  # fmt: skip
        labels.append({**own, **dict(zip(FINDINGS, present, strict=True))})
    table(folder / "manifest.csv", rows)
    table(folder / "labels.csv", labels)
    return folder


def table(path: Path, rows: list[dict[str, Any]]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys(), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def rows_of(path: Path) -> list[dict[str, Any]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def add(folder: Path, stack: NDArray[Any], study: str, patient: str, **cells: Any) -> None:
    """One more study: a row like the first one's, with these cells."""
    np.save(folder / f"{study}.npy", stack)
    rows = rows_of(folder / "manifest.csv")
    rows.append({**rows[0], "study_id": study, "patient_id": patient, "path": f"{study}.npy", **cells})
    table(folder / "manifest.csv", rows)

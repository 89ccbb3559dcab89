"""Tiny knees for tests: three planes of a noisy ellipsoid; each finding is a bright ball at its own place in the patient."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from nibabel.nifti1 import Nifti1Image
from numpy.typing import NDArray

from condyle.prepare.orient import CANONICAL

PLANES = ("sagittal", "coronal", "axial")
NINE = (
    "meniscal_tear", "cartilage_defect", "acl_injury", "pcl_injury", "mcl_injury", "lcl_injury", "fat_pad_injury", "plica", "cyst"
)  # fmt: skip


def place(finding: int) -> NDArray[np.float64]:
    """(3,) LPS mm from the middle of the knee."""
    angle = 2 * np.pi * finding / len(NINE)
    return np.array([30 * np.cos(angle), 30 * np.sin(angle), 25 * np.cos(2 * angle)])


def affine(plane: str, shape: tuple[int, int, int], spacing: tuple[float, float, float], centre: Sequence[float]) -> NDArray[np.float64]:
    """[slice, row, column] -> LPS mm, the middle of the volume at the centre."""
    out = np.eye(4)
    for axis, direction in enumerate(CANONICAL[plane]):
        out[:3, axis] = np.array(direction) * spacing[axis]
    out[:3, 3] = np.asarray(centre) - out[:3, :3] @ ((np.array(shape) - 1) / 2)
    return out


def draw(
    plane: str, present: Sequence[int], seed: int, *, slices: int = 6, size: int = 48, centre: Sequence[float] = (0, 0, 0),
    noise: float = 12.0,
) -> tuple[NDArray[np.int16], NDArray[np.float64]]:  # fmt: skip
    """([slice, row, column] values, affine to LPS)."""
    shape, spacing = (slices, size, size), (96 / slices, 140 / size, 140 / size)
    matrix = affine(plane, shape, spacing, centre)
    index = np.stack(np.meshgrid(*(np.arange(n) for n in shape), indexing="ij"), -1)
    world = index @ matrix[:3, :3].T + matrix[:3, 3] - np.asarray(centre)
    values = 300.0 * ((world / 60) ** 2).sum(-1).__le__(1)
    for number, there in enumerate(present):
        if there:
            values += 600 * np.exp(-((world - place(number)) ** 2).sum(-1) / (2 * 9.0**2))
    values += np.random.default_rng([seed, PLANES.index(plane)]).normal(0, noise, shape)
    return np.clip(values, 0, 4000).astype(np.int16), matrix


def write_knees(
    folder: Path, studies: int, *, seed: int = 0, split: Sequence[str] = (), missing: dict[int, str] | None = None,
    planes: Sequence[str] = PLANES,
) -> Path:  # fmt: skip
    """A cohort folder of NIfTI series, one row a series, labels in wide form, marked as simulated."""
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    rows, labels = [], []
    for number in range(studies):
        present = rng.integers(0, 2, len(NINE))
        patient, study = f"p{number:03d}", f"s{number:03d}"
        side = "left" if number % 2 else "right"
        for plane in planes:
            if (missing or {}).get(number) == plane:
                continue
            values, matrix = draw(plane, present, seed * 1000 + number)
            path = folder / f"{study}_{plane}.nii.gz"
            Nifti1Image(values.transpose(2, 1, 0), np.diag([-1.0, -1.0, 1.0, 1.0]) @ matrix[:, [2, 1, 0, 3]]).to_filename(path)
            marked = split[number] if split else ""
            rows.append((study, patient, path.name, "knee", side, plane, "pd", "yes", marked, f"site{number % 3}", "yes"))
        labels.append((study, patient, *present))
    columns = ("study_id", "patient_id", "path", "joint", "side", "plane", "weighting", "fat_suppressed", "split", "site_id", "simulated")
    for name, head, lines in (("manifest", columns, rows), ("labels", ("study_id", "patient_id", *NINE), labels)):
        with (folder / f"{name}.csv").open("w", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows([head, *lines])
    return folder

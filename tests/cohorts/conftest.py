"""Tables and small studies on disk."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import nibabel
import numpy as np
import pytest


@pytest.fixture
def table(tmp_path: Path) -> Callable[..., Path]:
    """Writes lines as a file and gives its path."""

    def write(*lines: str, name: str = "manifest.csv") -> Path:
        path = tmp_path / name
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path

    return write


@pytest.fixture
def studies(tmp_path: Path) -> Callable[[int], Path]:
    """Writes a manifest of n small NIfTI studies (the value of the pixels is the number of the study)."""

    def write(n: int) -> Path:
        lines = ["study_id,patient_id,path,weighting"]
        for number in range(n):
            pixels = np.full((5, 8, 9), number, np.int16)
            pixels[2, 3, 4] += 7
            nibabel.save(nibabel.Nifti1Image(pixels, np.diag([4.0, 0.7, 0.7, 1])), tmp_path / f"s{number}.nii")
            lines.append(f"s{number},p{number},s{number}.nii,t2")
        path = tmp_path / "manifest.csv"
        path.write_text("\n".join(lines) + "\n")
        return path

    return write

"""``condyle data scan`` joins a table of labels."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
import pytest

from condyle.cli.app import run
from condyle.cohorts.cohort import load_cohort


def test_a_folder_and_a_table_become_a_cohort(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    for number in (1, 2, 3):
        image = nibabel.nifti1.Nifti1Image(np.full((5, 6, 7), number, np.int16), np.diag([0.7, 0.7, 4, 1.0]))
        (tmp_path / f"in/exam{number}").mkdir(parents=True)
        image.to_filename(tmp_path / f"in/exam{number}/volume.nii")
    (tmp_path / "table.csv").write_text("Exam,ACL\nexam1,yes\nexam2,no\nexam9,no\n")
    (tmp_path / "map.yaml").write_text("study: Exam\nfindings: {acl_injury: ACL}\nwords: {yes: 1, no: 0}\n")
    assert run(["data", "scan", "in", "-o", "manifest.csv", "--labels", "table.csv"]) == 2
    assert run(["data", "scan", "in", "-o", "manifest.csv", "--labels", "table.csv", "--map", "map.yaml"]) == 0
    said = capsys.readouterr()
    assert "no study for row 4" in said.out + said.err
    assert "1 studies without one" in said.out + said.err
    cohort = load_cohort(tmp_path)
    assert sorted(label.value for label in cohort.labels if isinstance(label.value, float)) == [0, 1]
    assert run(["data", "scan", "in", "-o", "other.csv", "--labels", "table.csv", "--map", "map.yaml"]) == 2  # labels.csv is there

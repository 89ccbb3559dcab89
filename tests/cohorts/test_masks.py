"""Masks on disk."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
import pytest

from condyle.cohorts.masks import evaluate_masks
from condyle.errors import TableError
from condyle.evaluate.standalone import Settings

QUICK = Settings(resamples=100)


def save(path: Path, mask: np.ndarray, spacing: tuple[float, float, float] = (0.5, 0.5, 3.0)) -> None:
    """A NIfTI file, axes x, y, z."""
    nibabel.save(nibabel.Nifti1Image(mask.astype(np.uint8), np.diag([*spacing, 1.0])), path)


def cohort(folder: Path, *rows: str) -> Path:
    block = np.zeros((20, 20, 8))
    block[5:15, 5:15, 2:6] = 2
    for k in range(4):
        save(folder / f"t{k}.nii.gz", block)
        save(folder / f"p{k}.nii.gz", np.roll(block, k, axis=0) > 0)
    save(folder / "none.nii.gz", np.zeros((20, 20, 8)))
    table = "".join(f"s{k},p{k},disc,t{k}.nii.gz,p{k}.nii.gz,2\n" for k in range(4)) + "".join(row + "\n" for row in rows)
    (folder / "masks.csv").write_text("study_id,patient_id,structure,truth_path,predicted_path,truth_value\n" + table, "utf-8")
    return folder / "masks.csv"


def test_a_table_of_masks(tmp_path: Path) -> None:
    table = cohort(tmp_path, "s4,p4,disc,t0.nii.gz,,2", "s5,p5,disc,none.nii.gz,none.nii.gz,2")
    found = {
        line.estimate.measure: line.estimate
        for line in evaluate_masks(table, tmp_path / "out", tolerance_mm=0.6, settings=QUICK).evidence.lines
    }
    assert found["Dice"].estimate == pytest.approx(np.mean([1, 0.9, 0.8, 0.7, 0]))  # a prediction that is not there scores 0
    assert found["Dice"].n == 5
    assert "both masks empty in 1 (left out)" in found["Dice"].warnings[0]
    assert found["HD95, mm"].estimate == pytest.approx(np.median([0, 0.5, 1.0, 1.5]))  # in mm along x, whatever the slices
    assert found["one mask empty"].estimate == pytest.approx(0.2)
    assert found["bias"].estimate < 0  # the missing prediction lacks volume
    assert (tmp_path / "out" / "evaluation.html").is_file()


def test_objects_and_endpoints_of_structures(tmp_path: Path) -> None:
    table = cohort(tmp_path, "s4,p4,disc,t0.nii.gz,,2")
    ends = ("{finding: disc, metric: Dice, at_least: 0.05}", "{finding: disc, metric: 'HD95, mm', at_most: 2}")
    (tmp_path / "plan.yaml").write_text(f"endpoints: [{', '.join(ends)}]\nbootstrap: {{n: 100}}\n", "utf-8")
    done = evaluate_masks(table, tmp_path / "out", tolerance_mm=0.6, plan=tmp_path / "plan.yaml", objects=0.5, figures=False)
    found = {line.estimate.measure: line.estimate for line in done.evidence.lines}
    assert found["recall of objects"].estimate == pytest.approx(4 / 5)
    assert found["precision of objects"].estimate == pytest.approx(1.0)
    assert found["HD95, mm"].low <= found["HD95, mm"].estimate <= found["HD95, mm"].high
    assert [one.met for one in done.evidence.endpoints] == [True, True]
    assert (tmp_path / "out" / "masks.csv").read_text("utf-8").splitlines()[0].endswith("objects_matched,objects_missed,objects_false")


def test_all_problems_with_rows(tmp_path: Path) -> None:
    save(tmp_path / "other.nii.gz", np.zeros((20, 20, 9)))
    save(tmp_path / "thick.nii.gz", np.ones((20, 20, 8)), (0.5, 0.5, 4.0))
    table = cohort(
        tmp_path, "s4,p4,disc,t0.nii.gz,other.nii.gz,2", "s5,p5,disc,t0.nii.gz,thick.nii.gz,2", "s6,,disc,gone.nii.gz,lost.nii.gz,2"
    )
    with pytest.raises(TableError) as caught:
        evaluate_masks(table, tmp_path / "out", tolerance_mm=1, settings=QUICK)
    assert [line.split(";")[0].split(".")[0] for line in caught.value.problems] == [  # the table and both masks of a row at once
        "row 8: patient_id is empty",
        "row 6: the two masks lie on different grids",
        "row 7: the two masks lie on different grids",
        "row 8: truth_path: A mask cannot be read",
        "row 8: predicted_path: A mask cannot be read",
    ]
    bad = cohort(tmp_path, "s1,p1,disc,t0.nii.gz,t0.nii.gz,2", "s7,,disc,t0.nii.gz,t0.nii.gz,x")
    with pytest.raises(TableError) as caught:
        evaluate_masks(bad, tmp_path / "out", tolerance_mm=1, settings=QUICK)
    text = "\n".join(caught.value.problems)
    for part in ("rows 3 and 6: the same structure", "row 7: patient_id is empty", "row 7: truth_value must be a label number"):
        assert part in text

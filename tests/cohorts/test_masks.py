"""Masks on disk."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
import pytest

from condyle.cohorts.masks import evaluate_masks
from condyle.errors import TableError
from condyle.evaluate.standalone import Settings
from condyle.evaluate.surface import surface_distances

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
    table = cohort(
        tmp_path, "s4,p4,disc,t0.nii.gz,,2", "s5,p5,disc,none.nii.gz,none.nii.gz,2", "s5,p5,cyst,none.nii.gz,none.nii.gz,2"
    )
    lines = evaluate_masks(table, tmp_path / "out", tolerance_mm=0.6, settings=QUICK).evidence.lines
    found = {line.estimate.measure: line.estimate for line in lines if line.finding == "disc"}
    (empty,) = (line.estimate for line in lines if line.finding == "cyst")
    assert (empty.n, empty.warnings) == (1, ("Both masks are empty in all 1 studies: there is nothing to compare.",))
    assert found["Dice"].estimate == pytest.approx(np.mean([1, 0.9, 0.8, 0.7, 0]))  # a prediction that is not there scores 0
    assert found["Dice"].n == 5
    assert "both masks empty in 1 (left out)" in found["Dice"].warnings[0]
    assert found["HD95, mm"].estimate == pytest.approx(np.median([0, 0.5, 1.0, 1.5]))  # in mm along x, whatever the slices
    assert found["one mask empty"].estimate == pytest.approx(0.2)
    assert found["bias: volume in ml, predicted - true"].estimate < 0  # the missing prediction lacks volume
    assert found["HD95, mm"].n == 4  # studies with a distance
    assert "With the 1 that have one empty mask as infinitely far it is 1 mm." in found["HD95, mm"].warnings[0]
    assert (tmp_path / "out" / "evaluation.html").is_file()


@pytest.mark.parametrize("step", [0.3, 0.35, 0.4, 0.6, 0.7])
def test_a_distance_of_whole_voxels_is_within_a_tolerance_of_as_many(tmp_path: Path, step: float) -> None:
    """NIfTI rounds millimetres to single precision, up or down."""
    block = np.zeros((16, 16, 8))
    block[4:10, 4:10, 2:6] = 1
    rows = ["study_id,patient_id,structure,truth_path,predicted_path"]
    for voxels in (1, 3):
        save(tmp_path / "t.nii.gz", block, (step, step, step))
        save(tmp_path / f"p{voxels}.nii.gz", np.roll(block, voxels, axis=0), (step, step, step))
        table = tmp_path / f"{voxels}.csv"
        table.write_text("\n".join([*rows, f"s1,p1,disc,t.nii.gz,p{voxels}.nii.gz"]) + "\n", "utf-8")
        done = evaluate_masks(table, tmp_path / f"out{voxels}", tolerance_mm=round(voxels * step, 3), settings=QUICK, figures=False)
        found = {line.estimate.measure: line.estimate.estimate for line in done.evidence.lines}
        assert found["surface Dice"] == 1
        assert found["HD95, mm"] == pytest.approx(voxels * step, abs=1e-12)


def test_masks_of_one_slice_are_outlines(tmp_path: Path) -> None:
    """The same in a plane as without one: no top and bottom, whatever thickness the header makes up."""
    rng = np.random.default_rng(0)
    pairs = [(rng.random((12, 9)) < 0.5, rng.random((12, 9)) < 0.5) for _ in range(3)]
    for thick in (1.0, 4.0):
        for k, pair in enumerate(pairs):
            for name, mask in zip("tp", pair, strict=True):
                save(tmp_path / f"{name}{k}.nii.gz", mask[:, :, None], (0.4, 0.6, thick))
        rows = [f"s{k},p{k},disc,t{k}.nii.gz,p{k}.nii.gz" for k in range(3)]
        (tmp_path / "m.csv").write_text("\n".join(["study_id,patient_id,structure,truth_path,predicted_path", *rows]) + "\n", "utf-8")
        done = evaluate_masks(tmp_path / "m.csv", tmp_path / f"{thick}", tolerance_mm=0.4, settings=QUICK, figures=False)
        found = {line.estimate.measure: line.estimate.estimate for line in done.evidence.lines}
        apart = [surface_distances(*pair, (0.4, 0.6)) for pair in pairs]
        assert found["surface Dice"] == pytest.approx(np.mean([one.surface_dice(0.4) for one in apart]))
        assert found["ASSD, mm"] == pytest.approx(np.median([one.assd() for one in apart]))
        sizes = [0.24 * (given.sum() - true.sum()) / 100 for true, given in pairs]
        assert found["bias: area in cm2, predicted - true"] == pytest.approx(np.mean(sizes))
    save(tmp_path / "flat.nii.gz", np.ones((5, 5, 1)))
    mixed = cohort(tmp_path, "s9,p9,disc,flat.nii.gz,flat.nii.gz,1")
    with pytest.raises(TableError) as caught:
        evaluate_masks(mixed, tmp_path / "mixed", tolerance_mm=1, settings=QUICK)
    assert caught.value.problems == ("row 6: the masks of disc have one slice here and several in an earlier row, or the reverse",)


def test_a_table_without_rows_is_refused(tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_text("study_id,patient_id,structure,truth_path,predicted_path\n", "utf-8")
    with pytest.raises(TableError) as caught:
        evaluate_masks(tmp_path / "m.csv", tmp_path / "out", tolerance_mm=1)
    assert caught.value.problems == ("row 1: there is no row below the header",)


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
        "row 6: the two masks lie on different grids",
        "row 7: the two masks lie on different grids",
        "row 8: patient_id is empty",
        "row 8: truth_path: A mask cannot be read",
        "row 8: predicted_path: A mask cannot be read",
    ]
    bad = cohort(tmp_path, "s1,p1,disc,t0.nii.gz,t0.nii.gz,2", "s7,,disc,t0.nii.gz,t0.nii.gz,x")
    with pytest.raises(TableError) as caught:
        evaluate_masks(bad, tmp_path / "out", tolerance_mm=1, settings=QUICK)
    text = "\n".join(caught.value.problems)
    for part in ("rows 3 and 6: the same structure", "row 7: patient_id is empty", "row 7: truth_value must be a label number"):
        assert part in text


def test_a_map_of_probabilities_and_a_study_of_two_patients_are_refused(tmp_path: Path) -> None:
    cohort(tmp_path)
    soft = np.full((20, 20, 8), 0.2, np.float32)
    nibabel.save(nibabel.Nifti1Image(soft, np.diag([0.5, 0.5, 3.0, 1.0])), tmp_path / "soft.nii.gz")
    table = cohort(tmp_path, "s4,p4,disc,t0.nii.gz,soft.nii.gz,2", "s4,p5,vertebra,t0.nii.gz,t0.nii.gz,2")
    with pytest.raises(TableError) as caught:
        evaluate_masks(table, tmp_path / "out", tolerance_mm=1, settings=QUICK)
    assert caught.value.problems == (
        "row 6: predicted_path: A mask holds numbers that are not whole. It may be a map of probabilities.",
        "row 7: this study belongs to another patient in an earlier row",
    )

"""A written cohort is one that the rest of the house reads."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import nibabel
import numpy as np
import pytest

from condyle.cohorts.cohort import load_cohort
from condyle.cohorts.labels import read_labels
from condyle.cohorts.manifest import read_manifest
from condyle.errors import UsageError
from condyle.intake import load_volume, open_study
from condyle.simulate import write_cohort
from condyle.train.multiplane.recipe import MultiplaneRecipe
from condyle.train.multiplane.targets import never_told, targets_of
from condyle.train.recipe import load_recipe


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    done: list[int] = []
    out = tmp_path_factory.mktemp("made") / "cohort"
    folder = write_cohort("lumbar", out, studies=3, seed=40, matrix=128, slices=3, progress=done.append)
    assert done == [1, 2, 3]
    return folder


def test_manifest_and_labels_pass_their_own_checks(cohort: Path) -> None:
    rows = read_manifest(cohort / "manifest.csv")
    assert [row.vendor for row in rows] == ["ge", "philips", "siemens"]
    labels = read_labels(cohort / "labels.csv")
    assert {label.study_id for label in labels} == {row.study_id for row in rows}
    assert {"pfirrmann", "spondylolisthesis", "disc_height", "slip"} <= {label.finding for label in labels}
    assert all(label.known for label in labels)


def test_masks_lie_on_the_grid_of_the_series(cohort: Path) -> None:
    for row in read_manifest(cohort / "manifest.csv"):
        study = open_study(row.path)
        volume = load_volume(study.series[0])
        assert row.mask is not None
        stored = nibabel.load(row.mask)  # intake offers no label map as a study
        to_world = np.diag([-1.0, -1.0, 1.0, 1.0]) @ stored.affine
        mask = np.asarray(stored.dataobj)
        truth = json.loads((row.path.parent / "truth.json").read_text())
        for name, place in truth["positions"].items():
            if name.startswith("disc "):
                index = np.rint(np.linalg.solve(to_world, [*place, 1.0])[:3]).astype(int)
                assert mask[tuple(index)] == truth["codes"][name]
        corners = np.array([[0, 0, 0], np.array(mask.shape) - 1]) @ to_world[:3, :3].T + to_world[:3, 3]
        ends = volume.geometry.to_world(np.array([[0, 0, 0], np.array(volume.shape) - 1]))
        np.testing.assert_allclose(np.sort(ends, axis=0), np.sort(corners, axis=0), atol=0.01)


def test_positions_are_those_of_truth(cohort: Path) -> None:
    with (cohort / "positions.csv").open() as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        truth = json.loads((cohort / row["study_id"] / "truth.json").read_text())
        np.testing.assert_allclose([float(row[axis]) for axis in "xyz"], truth["positions"][row["structure"]], atol=0.011)


def test_the_same_seed_writes_the_same_cohort(tmp_path: Path) -> None:
    folders = [write_cohort("lumbar", tmp_path / name, seed=5, matrix=64, slices=2) for name in ("first", "second")]
    files = [sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file()) for folder in folders]
    assert files[0] == files[1]
    assert all((folders[0] / name).read_bytes() == (folders[1] / name).read_bytes() for name in files[0])


def test_wrong_calls_are_refused(tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    calls = (("elbow", "a", {}), ("lumbar", "full", {}), ("lumbar", "b", {"vendor": "acme"}), ("lumbar", "c", {"studies": 0}))
    for joint, out, options in calls:
        with pytest.raises(UsageError):
            write_cohort(joint, tmp_path / out, **options)  # type: ignore[arg-type]
    assert not (tmp_path / "b").exists()


def test_a_cohort_goes_on_where_it_ended(tmp_path: Path) -> None:
    """Killed within the second of three studies: finished ones stay as they are, and in the end all is as if written at once."""
    options = {"seed": 60, "matrix": 32, "slices": 1, "series": ("pd_fs_tra",)}
    whole = write_cohort("knee", tmp_path / "whole", studies=3, **options)  # type: ignore[arg-type]
    parted = write_cohort("knee", tmp_path / "parted", studies=1, **options)  # type: ignore[arg-type]
    kept = (parted / "knee_0060" / "truth.json").stat().st_mtime_ns
    (parted / "knee_0061" / "dicom").mkdir(parents=True)
    (parted / "knee_0061" / "dicom" / "stray").touch()
    write_cohort("knee", parted, studies=3, **options)  # type: ignore[arg-type]
    assert (parted / "knee_0060" / "truth.json").stat().st_mtime_ns == kept
    files = [sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file()) for folder in (whole, parted)]
    assert files[0] == files[1]
    assert all((whole / name).read_bytes() == (parted / name).read_bytes() for name in files[0])
    assert [row.study_id for row in read_manifest(whole / "manifest.csv")] == ["knee_0060", "knee_0061", "knee_0062"]
    with pytest.raises(UsageError):
        write_cohort("knee", parted, studies=3, **{**options, "matrix": 33})  # type: ignore[arg-type]


def test_the_grade_of_osteoarthritis_follows_what_was_planted(tmp_path: Path) -> None:
    words = {"normal": "0", "osteoarthritis=0.5@medial": "2", "osteoarthritis=0.9@lateral": "4"}
    for n, (word, grade) in enumerate(words.items()):
        folder = write_cohort("knee", tmp_path / str(n), findings=[word], matrix=32, slices=1, series=("pd_fs_tra",))
        found = {label.finding: label.value for label in read_labels(folder / "labels.csv") if not label.level}
        assert found["osteoarthritis_grade"] == float(grade)
        assert found["osteoarthritis"] == (grade != "0")


def test_labels_of_a_knee_name_the_compartment_too(tmp_path: Path) -> None:
    words = ["meniscal_tear@lateral", "cartilage_defect@trochlea", "cyst@popliteal"]
    folder = write_cohort("knee", tmp_path / "knee", findings=words, matrix=32, slices=1, series=("pd_fs_tra",))
    cohort = load_cohort(folder)
    present = {(one.finding, one.level) for one in cohort.labels if one.value == 1}
    lateral, front = ("meniscal_tear", "lateral"), ("cartilage_defect", "patellofemoral")
    assert present == {("meniscal_tear", ""), lateral, ("cartilage_defect", ""), front, ("cyst", "")}
    recipe = load_recipe("rsna2026_knee")
    assert isinstance(recipe, MultiplaneRecipe)
    assert never_told(recipe, cohort) == ("synovitis",)
    told = dict(zip(recipe.columns, targets_of(cohort.labels, ["knee_0000"], recipe.columns)[0][0], strict=True))
    assert {name for name, value in told.items() if value == 1} == {"meniscal_tear/lateral", "cyst"}

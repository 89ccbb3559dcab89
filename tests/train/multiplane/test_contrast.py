"""Standard studies and arthrograms of one manifest: two trainings, each on its own, and two packages that refuse the other's."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from nibabel.nifti1 import Nifti1Image

from condyle.cohorts import load_cohort, open_rows
from condyle.errors import InputError
from condyle.readers import load_package
from condyle.train import train
from condyle.train.recipe import load_recipe
from condyle.train.sections import Recipe
from tests.knees import draw

LIGHT = """
network: {backbones: {axial: resnet18, coronal: resnet18, sagittal: resnet18}, width: 0.125}
prepare: {pixels: 32, slices: 2}
optimiser: {epochs: 1, batch: 4}
"""


@pytest.fixture(scope="module")
def shoulders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve studies, every other one an arthrogram; of the standard ones some say nothing of contrast."""
    folder = tmp_path_factory.mktemp("shoulders")
    rows, labels = [], []
    for number in range(12):
        for plane in ("axial", "coronal", "sagittal"):
            values, matrix = draw(plane, [number // 2 % 2], number, slices=4, size=32)
            path = folder / f"s{number}_{plane}.nii.gz"
            Nifti1Image(values.transpose(2, 1, 0), np.diag([-1.0, -1.0, 1.0, 1.0]) @ matrix[:, [2, 1, 0, 3]]).to_filename(path)
            made = "arthrogram" if number % 2 else "none" if number % 4 else ""
            rows.append((f"s{number}", f"p{number}", path.name, "shoulder", "left", plane, "t1", made))
        labels.append((f"s{number}", f"p{number}", "bankart_lesion", number // 2 % 2))
    head = ("study_id", "patient_id", "path", "joint", "side", "plane", "weighting", "contrast")
    for name, columns, lines in (("manifest", head, rows), ("labels", ("study_id", "patient_id", "finding", "value"), labels)):
        with (folder / f"{name}.csv").open("w", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows([columns, *lines])
    return folder


def light(name: str, folder: Path) -> Recipe:
    path = folder / f"{name}.yaml"
    path.write_text(f"extends: {name}\n{LIGHT}sizes: {{smoke: {{network: {{shared: false}}, prepare: {{pixels: 32}}}}}}\n")
    return load_recipe(path, size="smoke")


def test_each_recipe_takes_its_own_studies_and_its_package_refuses_the_others(shoulders: Path, tmp_path: Path) -> None:
    cohort = load_cohort(shoulders)
    for name, own, other in (("scope_shoulder", 0, 1), ("scope_shoulder_arthrogram", 1, 0)):
        package = train(light(name, tmp_path), cohort, tmp_path / name)
        word = ("none", "arthrogram")[own]
        assert {slot.contrast for slot in package.spec.slots.values()} == {word}
        assert package.spec.trained_on.endswith(f"6 patients, 6 studies, contrast {word}")
        reader = load_package(tmp_path / name)
        reading = reader.read(open_rows(cohort.studies[f"s{own}"]))
        assert set(reading.used_series) == {"axial", "coronal", "sagittal"}
        assumed = [problem.severity for problem in reading.problems if problem.code == "contrast-assumed"]
        assert assumed == (["note"] if word == "none" else [])  # s0 says nothing
        with pytest.raises(InputError, match="no series that this package reads") as refused:
            reader.read(open_rows(cohort.studies[f"s{other}"]))
        assert refused.value.why.startswith("The package reads")


def test_a_manifest_without_such_studies_is_refused(shoulders: Path, tmp_path: Path) -> None:
    cohort = load_cohort(shoulders).of_contrast("none")
    with pytest.raises(InputError, match="contrast arthrogram"):
        train(light("scope_shoulder_arthrogram", tmp_path), cohort, tmp_path / "package")


def test_a_slot_may_differ_from_the_recipe(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("extends: scope_shoulder\ndata: {slots: {axial: {contrast: intravenous}}}\n")
    recipe = load_recipe(tmp_path / "mine.yaml")
    assert [slot.contrast for slot in recipe.data.slots.values()] == ["intravenous", "none", "none"]
    assert {slot.contrast for slot in load_recipe("knee_nine").data.slots.values()} == {None}

"""Every shipped recipe of several planes trains in its smallest size, and its package reads."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from nibabel.nifti1 import Nifti1Image

from condyle.cohorts import open_rows
from condyle.cohorts.cohort import load_cohort
from condyle.readers import check_package, load_package
from condyle.readers.package import MAX_BYTES, MAX_FILES
from condyle.readers.spec import ThresholdSpec
from condyle.testing.families import CHECKS
from condyle.train.multiplane.learner import shape_of
from condyle.train.multiplane.pipeline import train_multiplane
from condyle.train.multiplane.recipe import MultiplaneRecipe
from condyle.train.networks.multiplane import MultiplaneNetwork
from condyle.train.recipe import load_recipe, shipped_recipes
from condyle.train.sections import Size
from tests.knees import draw

RECIPES = [name for name in shipped_recipes() if load_recipe(name).family == "multiplane"]


def _cohort(folder: Path, recipe: MultiplaneRecipe, studies: int = 8) -> Path:
    """Series for every slot of the recipe (the last study has one alone), labels in long form with compartments as levels, and masks
    of the structures that a localiser looks for."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    rows, labels = [], []
    for number in range(studies):
        present = rng.integers(0, 2, 9)
        for place, (name, slot) in enumerate(recipe.data.slots.items()):
            if number == studies - 1 and place:
                continue
            values, matrix = draw(slot.plane, present, number, slices=4, size=32)
            path = folder / f"s{number}_{name}.nii.gz"
            Nifti1Image(values.transpose(2, 1, 0), np.diag([-1.0, -1.0, 1.0, 1.0]) @ matrix[:, [2, 1, 0, 3]]).to_filename(path)
            mask = ""
            if recipe.locate.use:
                code = next(iter(recipe.locate.structures.values()))[0]
                mask = f"s{number}_{name}_mask.nii.gz"
                marked = (values > 250).astype(np.uint8) * code
                Nifti1Image(marked.transpose(2, 1, 0), np.diag([-1.0, -1.0, 1.0, 1.0]) @ matrix[:, [2, 1, 0, 3]]).to_filename(folder / mask)
            fat = "" if slot.fat_suppressed is None else "yes" if slot.fat_suppressed else "no"
            made = (slot.plane, slot.weightings[0], fat, slot.contrast or "", mask)
            rows.append((f"s{number}", f"p{number}", path.name, recipe.data.joint, "left", *made))
        for place, name in enumerate(recipe.data.findings):
            finding, _, level = name.partition("/")
            value = (number + place) % (5 if recipe.heads[name] == "ordinal" else 2)
            labels.append((f"s{number}", f"p{number}", finding, level, "", value, 0.5 if place % 3 else ""))
    head = ("study_id", "patient_id", "path", "joint", "side", "plane", "weighting", "fat_suppressed", "contrast", "mask")
    told = ("study_id", "patient_id", "finding", "level", "side", "value", "reliability")
    for name, columns, lines in (("manifest", head, rows), ("labels", told, labels)):
        with (folder / f"{name}.csv").open("w", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows([columns, *lines])
    return folder


@pytest.mark.parametrize("size", ["study", "full"])
@pytest.mark.parametrize("name", RECIPES)
def test_its_package_is_not_too_large_to_be_read(name: str, size: Size) -> None:
    """Found now and not after a week of training: networks without storage are counted."""
    recipe = load_recipe(name, size=size)
    assert isinstance(recipe, MultiplaneRecipe)
    with torch.device("meta"):
        network = MultiplaneNetwork(shape_of(recipe, 1 if recipe.network.per_finding else len(recipe.columns)))
    members = recipe.split.run * recipe.ensemble.seeds * (len(recipe.columns) if recipe.network.per_finding else 1)
    numbers = sum(one.numel() for one in network.state_dict().values())
    assert members * numbers * (2 if recipe.export.half else 4) < 0.95 * MAX_BYTES
    assert members * (len(network.encoders) + 1) + 4 <= MAX_FILES


SLOW = pytest.mark.slow("train", "readers", "recipes")


@pytest.mark.parametrize("name", [one if one == "rsna2026_knee" else pytest.param(one, marks=SLOW) for one in RECIPES])
def test_smoke(name: str, tmp_path: Path) -> None:
    recipe = load_recipe(name, size="smoke")
    assert isinstance(recipe, MultiplaneRecipe)
    cohort = load_cohort(_cohort(tmp_path / "cohort", recipe))
    train_multiplane(recipe, cohort, tmp_path / "package", tmp_path / "work")
    check_package(tmp_path / "package")
    reader = load_package(tmp_path / "package")
    # All is marked, and so has maps.
    everything = {finding: ThresholdSpec(value=0.0, rule="given") for finding in reader.package.spec.thresholds}
    reader.package = replace(reader.package, spec=replace(reader.package.spec, thresholds=everything))
    for study in ("s0", "s7"):
        reading = reader.read(open_rows(cohort.studies[study]))
        said = {"/".join(part for part in (one.finding, one.site.compartment) if part) for one in reading.findings}
        assert said == set(recipe.data.findings)
        assert all(one.score is not None and 0 <= one.score <= 1 for one in reading.findings)
        assert {one.series_id for one in reading.evidence if one.kind == "class_map"} == set(reading.used_series.values())
    assert len(reading.used_series) == 1
    if "ordinal" in recipe.heads.values():  # the battery runs elsewhere on binary findings
        for contract in CHECKS:
            contract(reader, open_rows(cohort.studies["s0"]))

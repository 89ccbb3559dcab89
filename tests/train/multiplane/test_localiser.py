"""The localiser learns from masks, cuts the crops of training and reading alike, and travels in the package."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from nibabel.nifti1 import Nifti1Image

from condyle.cohorts import open_rows
from condyle.cohorts.cohort import load_cohort
from condyle.errors import InputError
from condyle.readers import check_package, load_package
from condyle.readers.multiplane.graphs import open_ensemble
from condyle.readers.multiplane.locate import Place
from condyle.readers.multiplane.look import see
from condyle.readers.package import open_package
from condyle.study import Geometry
from condyle.train.multiplane.localiser import CoarseBatches, Samples, _build, fit_localiser
from condyle.train.multiplane.pipeline import fit_multiplane, slot_specs, stack_spec, train_multiplane
from condyle.train.multiplane.recipe import MultiplaneRecipe
from tests.knees import PLANES, draw

from .conftest import tiny

COARSE = {
    "use": True, "structures": {"knee": [7]}, "cell_mm": 10.0, "cells": [16, 20, 20], "widths": [4, 8, 16], "epochs": 10, "batch": 3,
    "rate": 0.01, "studies": 7, "apart_mm": 60,
}  # fmt: skip


def masked_knees(folder: Path, studies: int, seed: int = 0) -> Path:
    """Knees anywhere in their series; the mask, on the grid of the first series, is their ellipsoid."""
    folder.mkdir()
    rng = np.random.default_rng(seed)
    rows, labels = [], []
    for number in range(studies):
        centre = rng.uniform(-25, 25, 3)
        for plane in PLANES:
            values, matrix = draw(plane, rng.integers(0, 2, 9), number, slices=12, size=32, centre=centre)
            # The pixels move, the field of view does not: the knee is off the middle.
            matrix = matrix.copy()
            shape = np.array(values.shape)
            moved = np.rint(np.linalg.solve(matrix[:3, :3], centre)).astype(int)
            values = np.roll(values, moved, (0, 1, 2))
            matrix[:3, 3] -= matrix[:3, :3] @ moved
            to_ras = np.diag([-1.0, -1.0, 1.0, 1.0]) @ matrix[:, [2, 1, 0, 3]]
            path = folder / f"s{number}_{plane}.nii.gz"
            Nifti1Image(values.transpose(2, 1, 0), to_ras).to_filename(path)
            mask = ""
            if plane == PLANES[0]:
                mask = f"s{number}_mask.nii.gz"
                index = np.stack(np.meshgrid(*(np.arange(n) for n in shape), indexing="ij"), -1)
                world = index @ matrix[:3, :3].T + matrix[:3, 3]
                inside = 7 * (np.linalg.norm(world - centre, axis=-1) < 30).astype(np.uint8)
                Nifti1Image(inside.transpose(2, 1, 0), to_ras).to_filename(folder / mask)
            rows.append((f"s{number}", f"p{number}", path.name, "knee", "left", plane, "pd", "yes", mask))
        labels.append((f"s{number}", f"p{number}", number % 2))
    head = ("study_id", "patient_id", "path", "joint", "side", "plane", "weighting", "fat_suppressed", "mask")
    for name, columns, lines in (("manifest", head, rows), ("labels", ("study_id", "patient_id", "cyst"), labels)):
        with (folder / f"{name}.csv").open("w", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows([columns, *lines])
    return folder


@pytest.fixture(scope="module")
def knees(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return masked_knees(tmp_path_factory.mktemp("masked") / "cohort", 8)


def located() -> MultiplaneRecipe:
    return tiny(locate=COARSE, optimiser={"epochs": 1})


@pytest.mark.slow("train", "readers")
def test_it_finds_knees_it_did_not_see_and_travels_in_the_package(knees: Path, tmp_path: Path) -> None:
    recipe, cohort = located(), load_cohort(knees)
    train_multiplane(recipe, cohort, tmp_path / "package", tmp_path / "work", tmp_path / "prepared")
    record = json.loads((tmp_path / "package/metrics.json").read_text())["record"]["localiser"]
    assert record["missed"] == 0
    assert record["median_mm"] < 15  # cells of 10 mm, knees up to 43 mm from the middle
    assert "its centre lay" in (tmp_path / "package/card.md").read_text()
    check_package(tmp_path / "package")
    reader: Any = load_package(tmp_path / "package")
    assert not reader.read(open_rows(cohort.studies["s0"])).flags
    lost = Place(None, True, "not found: the whole image", "joint_not_found")
    reader.ensemble = replace(reader.ensemble, locate=lambda volumes, side: lost)
    reading = reader.read(open_rows(cohort.studies["s0"]))
    assert reading.flags == ("joint_not_found",)
    assert "joint-not-found" in {problem.code for problem in reading.problems}

    # A second run over the same studies trains no localiser and cuts nothing again; reading cuts as training did.
    kept = {path: path.stat().st_mtime_ns for path in (tmp_path / "prepared").rglob("*.npy")}
    again = fit_multiplane(recipe, cohort, tmp_path / "other", tmp_path / "prepared")
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "prepared").rglob("*.npy")} == kept
    ensemble = open_ensemble(open_package(tmp_path / "package"))
    seen = see(open_rows(cohort.studies["s1"]), slot_specs(recipe), stack_spec(recipe), ensemble.locate)
    assert np.allclose(seen.place.centre_mm or 0, again.store.facts[1]["centre_mm"], atol=1e-3)
    assert np.array_equal(seen.stacks["axial"].pixels, again.store.pixels(1)[2])


def test_no_masks_is_said_before_anything_is_cut(knees: Path, tmp_path: Path) -> None:
    cohort = load_cohort(knees)
    bare = {study: [row.model_copy(update={"mask": None}) for row in rows] for study, rows in cohort.studies.items()}
    with pytest.raises(InputError, match="no masks to learn from"):
        fit_localiser(located().locate, bare, slot_specs(located()), tmp_path)
    wrong = located().locate.model_copy(update={"structures": {"knee": (99,)}})
    with pytest.raises(InputError, match="No mask holds"):
        fit_localiser(wrong, cohort.studies, slot_specs(located()), tmp_path)


def test_g26_grey_and_mask_move_together_and_one_draw_a_volume() -> None:
    """A mask that is the bright part of its volume still is after the draw."""
    index = np.stack(np.meshgrid(*(np.arange(n) for n in (16, 20, 20)), indexing="ij"), -1)
    inside = np.linalg.norm(index - (6, 12, 8), axis=-1) < 4
    grey = np.where(inside, 220, 30).astype(np.uint8)[None]
    place = Geometry(np.eye(4), (16, 20, 20))
    batches = CoarseBatches(Samples(grey, inside[None, None], np.zeros(1, bool), (place,)), located().locate)
    for epoch in range(5):
        (moved, mask), = batches.of_epoch(epoch, 0)
        again = next(iter(batches.of_epoch(epoch, 0)))
        assert np.array_equal(moved.numpy(), again[0].numpy())
        there = mask.numpy()[0, 0] > 0.5
        assert 0.4 * inside.sum() < there.sum() < 1.7 * inside.sum()
        middle = float(moved.min() + moved.max()) / 2
        bright = moved.numpy()[0] > middle
        assert (bright & there).sum() / (bright | there).sum() > 0.6


def test_it_begins_at_the_share_of_marked_cells() -> None:
    """From even odds it spends its epochs on learning that nearly nothing is marked."""
    settings = tiny(locate=COARSE | {"epochs": 1}).locate
    masks = np.zeros((6, 1, 16, 20, 20), bool)
    masks[:, 0, 6:11, 8:14, 8:14] = True
    grids = (Geometry(np.eye(4), (16, 20, 20)),) * 6
    samples = Samples(np.zeros((6, 16, 20, 20), np.uint8), masks, np.zeros(6, bool), grids)
    learner, _ = _build(settings, samples)
    share = masks.mean()
    assert float(learner.network.head.bias.detach()[0]) == pytest.approx(np.log(share / (1 - share)), abs=1e-5)

"""The store: cut once, the same bytes as reading, and never stale."""

from __future__ import annotations

import csv
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from condyle.cohorts import open_rows
from condyle.cohorts.cohort import Cohort, load_cohort
from condyle.errors import TableError
from condyle.readers.multiplane import look
from condyle.readers.multiplane.look import arrays, see
from condyle.train.multiplane import store as module
from condyle.train.multiplane.batches import StudyBatches, hidden
from condyle.train.multiplane.pipeline import slot_specs, stack_spec
from condyle.train.multiplane.store import Store, open_store

from .conftest import tiny

RECIPE = tiny()
SLOTS, SPEC = slot_specs(RECIPE), stack_spec(RECIPE)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("store")


@pytest.fixture(scope="module")
def store(cohort: Cohort, folder: Path) -> Store:
    return open_store(cohort.studies, SLOTS, SPEC, folder)


def test_g21_training_sees_the_bytes_that_reading_sees(cohort: Cohort, store: Store) -> None:
    for number in (0, 2):
        rows = cohort.studies[store.studies[number]]
        pixels, shown = arrays(see(open_rows(rows), SLOTS, SPEC), SLOTS, SPEC)
        assert np.array_equal(store.pixels(number), pixels)
        assert np.array_equal(store.shown[number], shown)


def test_g20_a_study_without_a_plane_stays_in(store: Store) -> None:
    assert len(store) == 12
    assert store.shown[2].any(axis=1).tolist() == [True, True, False]
    assert store.shown[0].any(axis=1).all()


def test_nothing_is_read_again(cohort: Cohort, store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a source was opened again")

    monkeypatch.setattr(module.RowOpener, "open", refuse)
    monkeypatch.setattr(look, "load_volume", refuse)
    again = open_store(cohort.studies, SLOTS, SPEC, folder)
    assert again.files == store.files
    assert isinstance(np.load(again.files[0], mmap_mode="r"), np.memmap)


def test_g36_every_knob_and_every_source_makes_another_stack(knees: Path, store: Store, folder: Path, tmp_path: Path) -> None:
    copied = load_cohort(shutil.copytree(knees, tmp_path / "cohort"))
    one = {"s000": copied.studies["s000"]}
    first = open_store(one, SLOTS, SPEC, folder).files[0]
    changed = [
        open_store(one, SLOTS, stack_spec(tiny(prepare={"slices": 3})), folder).files[0],
        open_store(one, SLOTS, stack_spec(tiny(prepare={"mirror": False})), folder).files[0],
        open_store(one, {"sagittal": SLOTS["sagittal"]}, SPEC, folder).files[0],
    ]
    source = tmp_path / "cohort" / "s000_axial.nii.gz"
    os.utime(source, (1, 1))
    changed.append(open_store(one, SLOTS, SPEC, folder).files[0])
    assert len({first, *changed}) == 5


def test_g12_unreadable_studies_are_named_by_their_rows_and_the_others_are_kept(knees: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(knees, tmp_path / "cohort")
    for plane in ("sagittal", "coronal", "axial"):
        (folder / f"s001_{plane}.nii.gz").write_bytes(b"broken")
    with pytest.raises(TableError) as caught:
        open_store(load_cohort(folder).studies, SLOTS, SPEC, tmp_path / "store")
    assert caught.value.problems[0].startswith("rows 5, 6, 7: ")
    assert len(caught.value.problems) == 1
    assert len(list((tmp_path / "store").glob("*.npy"))) == 11


def test_a_plane_that_the_recipe_requires_is_asked_for_by_row(cohort: Cohort, tmp_path: Path) -> None:
    with pytest.raises(TableError) as caught:
        open_store(cohort.studies, SLOTS, SPEC, tmp_path, required=["axial"])
    assert caught.value.problems == ("rows 8, 9: the study has no series for axial, which the recipe requires",)


def test_a_batch_depends_on_seed_epoch_and_number_alone(store: Store) -> None:
    targets = np.zeros((len(store), 9), np.float32)
    made = StudyBatches(store, targets, np.ones_like(targets), np.arange(12), tiny(optimiser={"batch": 4}), 5)
    whole = list(made.of_epoch(3, 0))
    late = list(made.of_epoch(3, 2))
    assert len(whole) == 3
    assert len(late) == 1
    assert bool((late[0].grey == whole[2].grey).all())
    assert not bool((next(iter(made.of_epoch(4, 0))).grey == whole[0].grey).all())
    assert bool((whole[0].grey[whole[0].mask == 0] == 0).all())


def test_hiding_inputs_leaves_each_study_one() -> None:
    rng = np.random.default_rng(0)
    for present in ([True, True, True], [False, True, False]):
        left = [np.array(present) & ~hidden(np.array(present), 0.9, rng) for _ in range(50)]
        assert all(one.any() for one in left)


def test_columns_of_the_manifest_beyond_ours_do_not_touch_the_stacks(knees: Path, store: Store, folder: Path) -> None:
    with (knees / "manifest.csv").open() as file:
        assert "site_id" in next(csv.reader(file))
    assert open_store(load_cohort(knees).studies, SLOTS, SPEC, folder).files == store.files

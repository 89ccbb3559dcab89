"""A dry run counts exactly and measures the rest."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from condyle.cli.app import run
from condyle.cohorts.cohort import load_cohort
from condyle.train.multiplane.recipe import MultiplaneRecipe
from condyle.train.multiplane.trial import Measured, parts_of, reckon
from condyle.train.planning import one_class, sources_of
from condyle.train.recipe import load_recipe
from condyle.train.search_space import Range, Search
from tests.knees import write_knees

ONE = Measured(3, 7.0, 0.5, 0.25, 2.0, 0.1, 1000, 100, 4000, 900.0, "here", 1.0)


@pytest.fixture(scope="module")
def knees(tmp_path_factory: pytest.TempPathFactory) -> Path:
    split = ["test" if number < 2 else "" for number in range(10)]
    return write_knees(tmp_path_factory.mktemp("knees") / "cohort", 10, split=split)


def recipe_of(**sections: dict[str, object]) -> MultiplaneRecipe:
    recipe = load_recipe("knee_nine", size="smoke")
    whole = recipe.model_dump(mode="json")
    for name, values in sections.items():
        whole[name] |= values
    return MultiplaneRecipe.model_validate(whole)


def test_what_would_be_read_is_what_lies_there(knees: Path) -> None:
    found = sources_of(load_cohort(knees))
    paths = [path for path in knees.glob("*.nii.gz") if int(path.name[1:4]) >= 2]
    assert (found.studies, found.patients, found.series, found.files, found.apart) == (8, 8, 24, 24, 2)
    assert found.bytes == sum(path.stat().st_size for path in paths)


def test_parts_are_the_folds_that_would_be_trained(knees: Path) -> None:
    cohort = load_cohort(knees)
    recipe = recipe_of(split={"folds": 4, "run": 3})
    parts = parts_of(recipe, cohort)
    assert [part.name for part in parts][:3] == ["all", "fold 1, trained on", "fold 1, held out"]
    assert len(parts) == 7
    whole = parts[0]
    assert whole.studies == 8
    present = sum(label.value == 1 for label in cohort.labels if label.finding == "cyst" and int(label.study_id[1:]) >= 2)
    assert whole.findings["cyst"] == (present, 8 - present, 0)
    for own, held in zip(parts[1::2], parts[2::2], strict=True):
        assert own.studies + held.studies == 8
        assert tuple(a + b for a, b in zip(own.findings["cyst"], held.findings["cyst"], strict=True)) == whole.findings["cyst"]
    assert any("fold" in sentence for sentence in one_class([replace(parts[1], findings={"cyst": (0, 3, 0)})]))


def test_the_run_is_counts_times_measurements(knees: Path) -> None:
    cohort = load_cohort(knees)
    recipe = recipe_of(split={"folds": 2, "run": 2}, optimiser={"epochs": 5, "batch": 2}, ensemble={"seeds": 3})
    run_ = reckon(recipe, parts_of(recipe, cohort), ONE)
    assert run_.networks == 6
    assert run_.steps == 2 * 3 * 5 * 2  # folds, seeds, epochs, steps of 4 studies by 2
    assert run_.prepare_s == pytest.approx(7.0 + 8 * 0.75)
    assert run_.train_s == pytest.approx(run_.steps * 2.0 + 2 * 3 * 5 * 4 * 0.1)
    assert run_.disk_bytes == 8 * 1100 + 10 * 4000
    alone = recipe_of(network={"per_finding": True}, split={"folds": 2, "run": 1})
    assert reckon(alone, parts_of(alone, cohort), ONE).networks == 9


def test_a_search_is_part_of_the_run(knees: Path) -> None:
    cohort = load_cohort(knees)
    sections = {"split": {"folds": 2, "run": 2}, "optimiser": {"epochs": 5, "batch": 2}, "ensemble": {"seeds": 3}}
    plain = recipe_of(**sections)
    searched = plain.model_copy(update={"search": Search(space={"optimiser.rate": Range(low=1e-4, high=1e-2)}, trials=7, folds=1)})
    with_it, without = (reckon(own, parts_of(own, cohort), ONE) for own in (searched, plain))
    assert with_it.networks - without.networks == 7
    assert with_it.steps - without.steps == 7 * 5 * 2
    assert with_it.train_s == pytest.approx(without.train_s * (6 + 7) / 6)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_command_measures_and_leaves_nothing(knees: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["train", "knee_nine", "--data", str(knees), "-o", str(tmp_path / "knee"), "--size", "smoke", "--dry-run", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    one = said["reckoned"]["measured"]
    assert one["studies"] == 3
    assert min(one["cut_s"], one["step_s"], one["judge_s"], one["weight_bytes"], one["stack_bytes"]) > 0
    assert one["peak_mib"] > 100
    assert said["seconds"] == pytest.approx(said["reckoned"]["prepare_s"] + said["reckoned"]["train_s"])
    assert said["sources"]["apart"] == 2
    assert list(tmp_path.iterdir()) == []

"""The search: what it may vary, what it is never given, and that it goes on where it was stopped."""

from __future__ import annotations

import json
import math
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from condyle.cohorts import opening
from condyle.cohorts.cohort import development, load_cohort
from condyle.errors import CondyleError, MissingExtraError, TableError
from condyle.train import train
from condyle.train.multiplane import searching
from condyle.train.multiplane.recipe import MultiplaneRecipe
from condyle.train.multiplane.searching import search
from condyle.train.recipe import load_recipe
from tests.knees import write_knees
from tests.train.multiplane.conftest import tiny

SPACE = {"optimiser.rate": {"low": 1e-4, "high": 1e-2, "log": True}, "network.aggregate": {"among": ["max", "attention"]}}


def searching_recipe(**search: Any) -> MultiplaneRecipe:
    block = {"space": SPACE, "trials": 3, "startup": 1, "warm_up": 0, **search}
    return MultiplaneRecipe.model_validate({**tiny().model_dump(mode="json"), "search": block})


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve studies; the files of the two of the test set are gone, so whoever opens one fails."""
    split = ["test" if number < 2 else "" for number in range(12)]
    return write_knees(tmp_path_factory.mktemp("guarded") / "cohort", 12, split=split)


class Toy:
    """``judged`` in an instant: the rate nearest to 1e-3 is best; counts how often it is asked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, stop_after: int = 99) -> None:
        self.asked: list[dict[str, Any]] = []
        self.stop_after = stop_after
        monkeypatch.setattr(searching, "judged", self)

    def __call__(self, recipe: Any, settings: dict[str, Any], cohort: Any, work: Path, prepared: Path, hear: Any) -> float:
        if len(self.asked) == self.stop_after:
            raise KeyboardInterrupt
        self.asked.append(settings)
        value = abs(math.log10(settings["optimiser.rate"]) + 3) + (settings["network.aggregate"] == "max")
        for epoch in range(3):
            hear(work / "first", {"epoch": float(epoch), "held_out": value})
        return value


def test_g03_g31_the_search_cannot_open_the_test_set(guarded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A search with real trainings: every path that is opened is noted, and the files of the test set are not even there any more."""
    cohort = load_cohort(guarded)
    apart = {row.path for row in cohort.rows if row.split == "test"}
    kept = tmp_path / "kept"
    kept.mkdir()
    for path in apart:
        shutil.move(path, kept / path.name)
    opened: set[Path] = set()
    before = opening.RowOpener.open
    monkeypatch.setattr(opening.RowOpener, "open", lambda self, rows: opened.update(row.path for row in rows) or before(self, rows))
    try:
        best = search(searching_recipe(trials=2), development(cohort), tmp_path / "search", tmp_path / "store")
    finally:
        for path in apart:
            shutil.move(kept / path.name, path)
    assert len(opened) == 30
    assert not opened & apart
    trials = json.loads((tmp_path / "search/trials.json").read_text())
    done = min((one for one in trials if one["state"] == "done"), key=lambda one: one["value"])
    assert best.optimiser.rate == pytest.approx(done["settings"]["optimiser.rate"])
    assert len(list((tmp_path / "search").glob("*/fold0/all-seed0/history.json"))) == 2, "a folder and a history for each trial"


def test_training_searches_first_and_gives_the_search_no_test_patient(
    guarded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[Any] = []

    def noted(recipe: Any, cohort: Any, work: Path, prepared: Path) -> Any:
        given.append(cohort)
        raise KeyboardInterrupt

    monkeypatch.setattr(searching, "search", noted)
    with pytest.raises(KeyboardInterrupt):
        train(searching_recipe(), load_cohort(guarded), tmp_path / "package")
    assert [row.split for row in given[0].rows] == [""] * 30


def test_no_row_path_or_label_of_the_test_set_is_left(guarded: Path) -> None:
    cohort = load_cohort(guarded)
    apart = {row.study_id for row in cohort.rows if row.split == "test"}
    left = development(cohort)
    assert len(apart) == 2
    assert apart.isdisjoint(left.studies)
    assert apart.isdisjoint(label.study_id for label in left.labels)
    assert len(left.studies) == 10
    with pytest.raises(ValueError, match="set apart"):
        search(searching_recipe(), cohort, guarded / "never", guarded / "never")


def test_best_settings_win_and_a_killed_search_goes_on(guarded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cohort = development(load_cohort(guarded))
    recipe = searching_recipe(trials=8, seed=3)
    whole = Toy(monkeypatch)
    best = search(recipe, cohort, tmp_path / "whole", tmp_path)
    assert len(whole.asked) == 8
    assert best.network.aggregate == "attention"
    attentive = [one["optimiser.rate"] for one in whole.asked if one["network.aggregate"] == "attention"]
    assert best.optimiser.rate == min(attentive, key=lambda rate: abs(math.log10(rate) + 3))
    killed = Toy(monkeypatch, stop_after=3)
    with pytest.raises(KeyboardInterrupt):
        search(recipe, cohort, tmp_path / "killed", tmp_path)
    rest = Toy(monkeypatch)
    again = search(recipe, cohort, tmp_path / "killed", tmp_path)
    assert killed.asked + rest.asked == whole.asked, "the same trials in the same order, none twice"
    assert again == best
    assert search(recipe, cohort, tmp_path / "killed", tmp_path) == best
    assert len(rest.asked) == 5


def test_poor_trials_are_stopped_and_diverged_ones_counted(guarded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cohort = development(load_cohort(guarded))
    Toy(monkeypatch)
    search(searching_recipe(trials=10), cohort, tmp_path / "pruned", tmp_path)
    trials = json.loads((tmp_path / "pruned/trials.json").read_text())
    assert {one["state"] for one in trials} == {"done", "stopped early"}
    assert all(one["epochs"] == 1 for one in trials if one["state"] == "stopped early")

    def diverge(*given: Any) -> float:
        raise CondyleError("loss-not-finite", "The training loss is not a finite number.")

    monkeypatch.setattr(searching, "judged", diverge)
    with pytest.raises(CondyleError, match="No trial"):
        search(searching_recipe(trials=2), cohort, tmp_path / "diverged", tmp_path)
    assert [one["state"] for one in json.loads((tmp_path / "diverged/trials.json").read_text())] == ["diverged"] * 2


@pytest.mark.parametrize(
    ("search_block", "said"),
    [
        ({"space": {"optimiser.rat": {"low": 1, "high": 2}}}, "did you mean 'optimiser.rate'"),
        ({"space": {"data.joint": {"among": ["lumbar"]}}}, "cannot be searched"),
        ({"space": {"network.dropout": {"low": 0, "high": 2}}}, "network.dropout: 2"),
        ({"space": {"network.aggregate": {"among": ["median"]}}}, "network.aggregate"),
        ({"space": {"optimiser.batch": {"low": 2, "high": 8}}}, "optimiser.batch"),
        ({"space": {"optimiser.rate": {"low": 1}}}, "either low and high, or among"),
        ({"space": {"optimiser.rate": {"low": 0, "high": 1, "log": True}}}, "above 0 with log"),
        ({"space": SPACE, "folds": 9}, "search.folds"),
    ],
)
def test_a_space_that_cannot_be_searched_is_refused_at_once(search_block: Any, said: str, tmp_path: Path) -> None:
    import yaml

    (tmp_path / "mine.yaml").write_text(yaml.safe_dump({"extends": "knee_nine", "search": search_block}))
    with pytest.raises(TableError) as caught:
        load_recipe(tmp_path / "mine.yaml", size="smoke")
    assert said.lower() in " ".join(caught.value.problems).lower()


def test_whole_steps_are_whole_numbers(guarded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []
    monkeypatch.setattr(searching, "judged", lambda recipe, settings, *rest: seen.append(settings["optimiser.batch"]) or 1.0)
    block = {"space": {"optimiser.batch": {"low": 2, "high": 8, "step": 2}}, "trials": 4}
    search(searching_recipe(**block), development(load_cohort(guarded)), tmp_path, tmp_path)
    assert all(isinstance(value, int) and value in (2, 4, 6, 8) for value in seen)


def test_without_optuna_the_extra_is_named(guarded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searching, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError) as caught:
        search(searching_recipe(), development(load_cohort(guarded)), tmp_path, tmp_path)
    assert "[search]" in caught.value.what_to_do


def test_a_patient_apart_takes_all_studies_along(guarded: Path) -> None:
    cohort = load_cohort(guarded)
    patient = next(row.patient_id for row in cohort.rows if row.split == "test")
    moved = tuple(row.model_copy(update={"patient_id": patient}) if row.study_id == "s005" else row for row in cohort.rows)
    assert "s005" not in development(replace(cohort, rows=moved)).studies

"""Recipes are data: checked at once, without torch, with hints."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from condyle.errors import InputError, TableError, UsageError
from condyle.train.recipe import load_recipe, load_sizes, shipped_recipes

CARD = {"licence": "Apache-2.0", "intended_use": "Research use only."}


def write(folder: Path, name: str, **content: object) -> Path:
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


@pytest.mark.parametrize("name", shipped_recipes())
@pytest.mark.parametrize("size", ["smoke", "study", "full"])
def test_every_shipped_recipe_is_sound_in_every_size(name: str, size: str) -> None:
    recipe = load_recipe(name, size=size)  # type: ignore[arg-type]
    assert (recipe.name, recipe.size) == (name, size)


def test_checking_a_recipe_needs_no_torch() -> None:
    code = "import sys; from condyle.train.recipe import load_recipe; load_recipe('lumbar'); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_all_problems_are_told_at_once_with_the_nearest_known_key(tmp_path: Path) -> None:
    path = write(tmp_path, "mine", extends="lumbar", optimizer={"epochs": 3}, network={"hiden": 3}, select={"patience": 0})
    with pytest.raises(TableError) as caught:
        load_recipe(path)
    text = "\n".join(caught.value.problems)
    assert "Did you mean 'optimiser'" in text
    assert "Did you mean 'hidden'" in text
    assert "select.patience" in text
    assert len(caught.value.problems) == 3


def test_faults_of_values_and_between_values_are_told_together(tmp_path: Path) -> None:
    content = {
        "extends": "knee_nine",
        "data": {"findings": ["meniscal_teer", "acl_injury"]},
        "heads": {"acl_injury": "binary", "meniscal_teer": "binary"},
        "network": {"backbone": "resnet19"},
        "split": {"folds": 2, "run": 5},
        "threshold": {"rule": "sensitivity", "value": 3},
        "optimiser": {"epochs": 0, "backbone_rat": 0.0},
        "loss": {"weights": {"foo": 1}},
        "search": {
            "trials": 0,
            "space": {
                "optimiser.raet": {"low": 0.1, "high": 0.01}, "network.aggregate": {"among": ["maxx"]},
                "optimiser.rate": {"low": 1, "high": 0.1},
            },
        },
    }  # fmt: skip
    with pytest.raises(TableError) as caught:
        load_recipe(write(tmp_path, "mine", **content))
    told = caught.value.problems
    for words in (
        "network.backbone: 'resnet19' is none of", "Did you mean 'resnet18'", "'meniscal_teer' is no finding", "split.run: there are",
        "threshold.value", "optimiser.epochs", "Did you mean 'backbone_rate'", "loss.weights: 'foo'", "search.trials",
        "there is no setting 'optimiser.raet'. Did you mean 'optimiser.rate'", "search.space.network.aggregate: 'maxx'",
        "search.space.optimiser.raet: low must lie below high", "search.space.optimiser.rate: low must lie below high",
    ):  # fmt: skip
        assert sum(words in line for line in told) == 1, words
    assert len(told) == 12, "nothing follows from a default that stands where something is wrong"
    assert caught.value.why == "12 problems were found."


def test_two_faults_between_values_are_two(tmp_path: Path) -> None:
    with pytest.raises(TableError) as caught:
        load_recipe(write(tmp_path, "mine", extends="knee_nine", split={"folds": 2, "run": 5}, loss={"weights": {"foo": 1}}))
    assert caught.value.why == "2 problems were found."
    assert len(caught.value.problems) == 2


def test_a_misspelt_family_does_not_hide_the_rest(tmp_path: Path) -> None:
    with pytest.raises(TableError) as caught:
        load_recipe(write(tmp_path, "mine", extends="knee_nine", family="multiplan", split={"folds": 1}))
    assert [line.partition(":")[0] for line in caught.value.problems] == ["family", "split.folds"]


def test_all_sizes_are_checked_at_once(tmp_path: Path) -> None:
    sizes = {"smoke": {"optimiser": {"epochs": 0}}, "full": {"split": {"folds": 1}}}
    with pytest.raises(TableError) as caught:
        load_sizes(write(tmp_path, "mine", extends="knee_nine", seed="x", sizes=sizes))
    assert sorted(line.partition(":")[0] for line in caught.value.problems) == ["optimiser.epochs", "seed", "split.folds"]
    assert list(load_sizes("knee_nine")) == ["smoke", "study", "full"]


def test_a_finding_that_the_joint_does_not_have_is_named(tmp_path: Path) -> None:
    path = write(tmp_path, "mine", extends="lumbar", data={"findings": ["pfirman"]}, heads={"pfirman": "ordinal"})
    with pytest.raises(TableError, match="cannot be used") as caught:
        load_recipe(path)
    assert "Did you mean 'pfirrmann'" in str(caught.value)


def test_extends_merges_sections_and_sizes_come_last(tmp_path: Path) -> None:
    write(tmp_path, "base", extends="lumbar", optimiser={"epochs": 7, "rate": 0.5}, sizes={"smoke": {"optimiser": {"rate": 0.25}}})
    child = write(tmp_path, "child", extends="base.yaml", optimiser={"epochs": 9})
    assert load_recipe(child).optimiser.epochs == 9
    assert load_recipe(child).optimiser.rate == 0.5
    assert load_recipe(child, size="smoke").optimiser.rate == 0.25
    assert load_recipe(child, seed=4).seed == 4


def test_a_circle_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "one", extends="two.yaml")
    with pytest.raises(InputError, match="circle"):
        load_recipe(write(tmp_path, "two", extends="one.yaml"))


@pytest.mark.parametrize("text", ["- a list", "a: [", "!!python/object/apply:os.system ['true']", "seed: 2026-99-99", "a: " + "[" * 5000])
def test_what_is_no_mapping_is_refused_and_nothing_is_run(tmp_path: Path, text: str) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    with pytest.raises(InputError):
        load_recipe(path)


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(UsageError) as caught:
        load_recipe("lumber")
    assert "lumbar" in caught.value.what_to_do


def test_an_unknown_parent_is_told_with_the_file_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(TableError) as caught:
        load_recipe(write(tmp_path, "child", extends="lumbra"))
    assert caught.value.where == "child.yaml"
    assert caught.value.why == "1 problem was found."
    assert "Did you mean 'lumbar'" in caught.value.problems[0]

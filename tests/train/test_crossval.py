"""Nested cross-validation: who may judge whom."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from condyle.readers.lumbar.grade import outputs_of
from condyle.train.crossval import judge, predictions, save_piece
from condyle.train.lumbar_recipe import LumbarRecipe as Recipe
from condyle.train.recipe import load_recipe


def fitted(recipe: Recipe, patients: frozenset[str]) -> SimpleNamespace:
    findings = recipe.data.findings
    n = 8
    rng = np.random.default_rng(0)
    present = np.ones((n, 2), bool)
    present[0] = False  # not found
    offered = np.ones((n, 2), bool)
    present[1, 1] = offered[1, 1] = False  # a study without T1
    grades = np.ones((n, len(findings)), np.float32)
    grades[::2, 1:] = 0
    grades[:, 0] = [1, 2, 3, 4, 5, 1, 2, 3]
    table = SimpleNamespace(
        studies=np.array([f"s{i // 2}" for i in range(n)]), patients=np.array([f"p{i // 2}" for i in range(n)]),
        levels=np.array(["L4-L5", "L5-S1"] * 4), present=present, offered=offered, grades=grades,
    )  # fmt: skip
    thresholds = {finding: {"value": 0.5, "band": [0.45, 0.55]} for finding in findings if finding != "pfirrmann"}
    return SimpleNamespace(
        patients=patients, table=table, recipe=recipe, thresholds=thresholds,
        shares={finding: {"": 0.25, "L4-L5": 0.125} for finding in findings},
        scores=lambda rows: np.sort(rng.random((len(rows), len(outputs_of(findings)))))[:, ::-1],
    )  # fmt: skip


def test_g25_a_pipeline_is_never_judged_on_patients_it_saw(recipe: Recipe, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="did not see"):
        save_piece(tmp_path / "outer0.npz", fitted(recipe, frozenset({"p0"})), np.arange(8))  # type: ignore[arg-type]
    assert not list(tmp_path.iterdir())


def test_every_graded_level_is_judged_and_a_missing_one_scores_its_prevalence(recipe: Recipe, tmp_path: Path) -> None:
    save_piece(tmp_path / "outer0.npz", fitted(recipe, frozenset({"elsewhere"})), np.arange(8))  # type: ignore[arg-type]
    with np.load(tmp_path / "outer0.npz", allow_pickle=False) as stored:
        piece = {name: stored[name] for name in stored.files}
    judged = judge([piece], recipe)
    bulging = judged["bulging"]
    assert len(bulging.truth) == 8
    assert bulging.missed.tolist() == [True] + [False] * 7
    assert bulging.score[0] == bulging.prior[0] == 0.125
    assert bulging.prior[1] == 0.25, "a level that training did not see has the share of all"
    assert np.isnan(bulging.called[0])
    assert np.isnan(judged["pfirrmann"].grade[0])
    modic = judged["modic"]
    assert len(modic.truth) == 7, "a study without T1 is left out of Modic, and counted"
    assert modic.left_out == 1
    assert not any(row["finding"] == "modic" and row["study_id"] == "s0" for row in predictions([piece], recipe))
    json.loads(str(piece["thresholds"]))


def test_only_smoke_may_take_a_segmenter_from_elsewhere() -> None:
    assert load_recipe("lumbar", size="smoke").segment.package == "lumbar"
    whole = load_recipe("lumbar").model_dump()
    assert whole["segment"]["package"] == ""
    whole["segment"]["package"] = "lumbar"
    with pytest.raises(ValueError, match="may have seen the patients"):
        Recipe.model_validate(whole)

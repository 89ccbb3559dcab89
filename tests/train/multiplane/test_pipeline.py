"""From a cohort to a package to a reading."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from condyle.cohorts import open_rows, predict
from condyle.cohorts.cohort import Cohort, load_cohort
from condyle.errors import CondyleError, InputError, TableError
from condyle.readers import load_package
from condyle.readers.fitted_on import fitted_on
from condyle.readers.multiplane.graphs import open_ensemble
from condyle.readers.multiplane.network import Attention, answer
from condyle.readers.package import open_package
from condyle.testing.families import CHECKS, Contract
from condyle.train.loop import demand_finite
from condyle.train.multiplane.batches import plain
from condyle.train.multiplane.learner import TorchMember, attention_of, badness, logits_of, mean_auroc
from condyle.train.multiplane.package import package_of
from condyle.train.multiplane.pipeline import Fitted, fit_multiplane, splits_of
from condyle.train.multiplane.recipe import MultiplaneRecipe
from condyle.train.multiplane.targets import targets_of
from condyle.train.recipe import load_recipe
from condyle.train.run import learnable
from tests.knees import write_knees

from .conftest import tiny


@pytest.fixture(scope="session")
def package(fitted: Fitted, cohort: Cohort, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("package") / "knee_nine"
    package_of(fitted, cohort, out)
    return out


@pytest.mark.parametrize("contract", CHECKS, ids=lambda contract: contract.__name__)
def test_a_reader_of_several_planes_keeps_the_contract_of_families(contract: Contract, package: Path, cohort: Cohort) -> None:
    contract(load_package(package), open_rows(cohort.studies["s000"]))


def test_the_shipped_knee_package_says_of_itself_that_it_has_seen_no_patient(cohort: Cohort) -> None:
    reading = load_package("knee_nine").read(open_rows(cohort.studies["s000"]), maps=False)
    assert len(reading.findings) == 9
    assert "trained-on-simulation" in {problem.code for problem in reading.problems}


def test_nine_findings_from_any_planes_with_evidence_on_each(package: Path, cohort: Cohort) -> None:
    reader = load_package(package)
    for study, planes in (("s000", 3), ("s002", 2)):
        reading = reader.read(open_rows(cohort.studies[study]))
        assert len(reading.findings) == 9
        assert len(reading.used_series) == planes
        assert any(problem.code == "planes-missing" for problem in reading.problems) == (planes == 2)
        marked = [one for one in reading.findings if one.decision in ("present", "uncertain")]
        kinds = {one.kind for one in reading.evidence}
        assert not marked or {"class_map", "slice_curve"} <= kinds
        assert all(one.image is None or float(one.image.min()) >= 0 for one in reading.evidence)
        assert any(problem.code == "trained-to-try" for problem in reading.problems)
    lone = replace(study := open_rows(cohort.studies["s000"]), series=study.series[:1])
    assert len(reader.read(lone).findings) == 9


def test_a_finding_that_nobody_labelled_is_left_out_and_never_read_as_absent(cohort: Cohort, fitted: Fitted) -> None:
    partly = replace(cohort, labels=tuple(label for label in cohort.labels if label.finding not in ("plica", "cyst")))
    recipe, unknown = learnable(fitted.recipe, partly)
    assert unknown == ("plica", "cyst")
    assert "plica" not in recipe.data.findings
    assert set(recipe.heads) == set(recipe.data.findings) == set(fitted.recipe.data.findings) - {"plica", "cyst"}
    assert "No study had a label of plica, cyst" in recipe.card.limits[-1]
    assert learnable(fitted.recipe, cohort) == (fitted.recipe, ())


def test_graphs_equal_torch_on_the_same_study(package: Path, fitted: Fitted) -> None:
    opened = open_ensemble(open_package(package))
    grey, shown = plain(fitted.store, 0)
    own = [TorchMember(one.network, one.columns, maps=True) for one in fitted.members]
    for attention in (Attention(use=False), opened.attention):
        said, torchs = answer(opened.members, opened.slots, grey, shown, attention, 9), answer(own, opened.slots, grey, shown, attention, 9)
        if not attention.use:
            np.testing.assert_allclose(said.logits, torchs.logits, atol=1e-4)
            assert said.maps is not None
            assert torchs.maps is not None
            assert np.corrcoef(said.maps.ravel(), torchs.maps.ravel())[0, 1] > 0.999
    record = json.loads((package / "metrics.json").read_text())["record"]
    assert record["exported"] <= 1e-4
    assert record["rounded"] <= 1e-4
    assert record["read"] <= 1e-4
    assert record["compared"] == 10
    assert record["simulated"]
    assert "nothing here is evidence of accuracy on patients" in (package / "card.md").read_text()


def test_g27_scores_that_calibrate_come_from_networks_that_did_not_see_the_study_and_repeat(fitted: Fitted) -> None:
    held = fitted.splits.held_out(0)
    rows = [number for number, study in enumerate(fitted.store.studies) if study.replace("s", "p") in held]
    scored = np.flatnonzero(~np.isnan(fitted.out_of_fold).any(axis=1)).tolist()
    assert scored == rows
    network = fitted.members[0].network.train()
    first, second = (logits_of(network, fitted.store, np.array(rows[:2]), attention_of(fitted.recipe))[0] for _ in range(2))
    assert np.array_equal(first, second)


def test_g25_a_package_refuses_the_patients_it_was_fitted_on(package: Path, fitted: Fitted, knees: Path, tmp_path: Path) -> None:
    known = fitted_on(open_package(package))
    assert known is not None
    assert all(known.knows(patient) for patient in fitted.splits.folds)
    assert not known.knows("p999")
    assert not any(patient.encode() in (package / "patients.json").read_bytes() for patient in fitted.splits.folds)
    with pytest.raises(TableError, match="fitted on 12 of 12 patients") as refused:
        predict(load_package(package), knees / "manifest.csv", tmp_path / "out.csv")
    assert refused.value.problems[0] == "row 2: the package was fitted on this patient"
    assert not list(tmp_path.iterdir())


def test_g03_g31_patients_set_apart_are_never_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    split = ["test" if number % 4 == 0 else "external" if number % 4 == 1 else "" for number in range(12)]
    folder = write_knees(tmp_path / "cohort", 12, split=split)
    for number in (0, 1, 4, 5, 8, 9):
        for plane in ("sagittal", "coronal", "axial"):
            (folder / f"s{number:03d}_{plane}.nii.gz").chmod(0o000)
            (folder / f"s{number:03d}_{plane}.nii.gz").write_bytes(b"not to be opened")
    fitted = fit_multiplane(tiny(optimiser={"epochs": 1}), load_cohort(folder), tmp_path / "work")
    assert set(fitted.store.studies) == {f"s{number:03d}" for number in (2, 3, 6, 7, 10, 11)}


def test_a_split_of_the_manifest_is_kept(tmp_path: Path) -> None:
    split = ["validation" if number < 4 else "train" for number in range(10)]
    folder = write_knees(tmp_path / "cohort", 10, split=split)
    fitted = fit_multiplane(tiny(split={"by": "manifest"}, optimiser={"epochs": 1}), load_cohort(folder), tmp_path / "work")
    assert fitted.splits.held_out(0) == {f"p{number:03d}" for number in range(4)}


def test_a_finding_that_is_concluded_from_others_needs_no_labels_to_deal_the_folds(cohort: Cohort) -> None:
    recipe = load_recipe("mrnet", size="smoke")
    assert isinstance(recipe, MultiplaneRecipe)
    targets, _ = targets_of(cohort.labels, list(cohort.studies), recipe.columns)
    assert (targets[:, recipe.columns.index("abnormality")] > 0).any()
    assert splits_of(recipe, cohort, list(cohort.rows), targets).stratified_by == ("acl_injury", "meniscal_tear")


def test_an_all_negative_fold_is_refused_by_name(tmp_path: Path) -> None:
    folder = write_knees(tmp_path / "cohort", 8)
    table = (folder / "labels.csv").read_text().splitlines()
    (folder / "labels.csv").write_text("\n".join([table[0], *(",".join([*line.split(",")[:-1], "0"]) for line in table[1:])]) + "\n")
    recipe = tiny().model_copy(update={"size": "study"})
    with pytest.raises(InputError, match=r"cyst \(0 present, 8 absent"):
        fit_multiplane(recipe, load_cohort(folder), tmp_path / "work")


def test_a_loss_that_is_not_a_number_stops_with_the_step() -> None:
    with pytest.raises(CondyleError) as caught:
        demand_finite(torch.tensor(float("nan")), 2, 6)
    assert caught.value.where == "epoch 3, step 7"


def test_answers_that_are_not_numbers_stop_training_and_choose_no_epoch() -> None:
    logits = np.array([[0.0], [np.nan]], np.float32)
    for metric in ("auroc", "log_loss"):
        with pytest.raises(CondyleError, match="not finite") as caught:
            badness(np.array([[0.0], [1.0]], np.float32), logits, metric)
        assert caught.value.code == "loss-not-finite"


def test_mean_auroc_leaves_out_what_cannot_be_ranked() -> None:
    truth = np.array([[0, 1], [1, 1], [np.nan, 1]])
    assert mean_auroc(truth, np.array([[0.1, 0], [0.9, 1], [0.5, 2]])) == 1.0
    assert np.isnan(mean_auroc(truth[:, 1:], np.zeros((3, 1))))

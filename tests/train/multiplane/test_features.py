"""Kept features give what the stacks give, are shared between runs, and train heads that read in a package."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from condyle.cohorts import open_rows
from condyle.cohorts.cohort import Cohort
from condyle.readers import load_package
from condyle.train.multiplane.features import FeatureBatches, logits_from
from condyle.train.multiplane.learner import attention_of, logits_of
from condyle.train.multiplane.package import package_of
from condyle.train.multiplane.pipeline import Prepared, fit_prepared, prepare_studies
from condyle.train.multiplane.recipe import MultiplaneRecipe

from .conftest import tiny


def frozen() -> MultiplaneRecipe:
    return tiny(
        network={"backbone": "efficientnet_lite0", "init": "imagenet", "width": 1.0, "stride": 16, "attention": {"use": True}},
        optimiser={"backbone_rate": 0.0, "draws": 1, "epochs": 3, "batch": 4, "precision": "32"},
    )


@pytest.fixture(scope="module")
def prepared(cohort: Cohort, tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    return prepare_studies(frozen(), cohort, tmp_path_factory.mktemp("prepared"))


def test_kept_features_answer_as_the_stacks_do_and_the_package_reads(prepared: Prepared, cohort: Cohort, tmp_path: Path) -> None:
    recipe = frozen()
    fitted = fit_prepared(recipe, cohort, prepared, tmp_path / "work")
    network, rows = fitted.members[0].network, np.array([0, 2])  # the second of these lacks a plane
    assert prepared.features is not None
    told = logits_from(network, prepared.features, rows, attention_of(recipe))
    computed = logits_of(network, prepared.store, rows, attention_of(recipe))
    for kept, fresh in zip(told, computed, strict=True):
        np.testing.assert_allclose(kept, fresh, atol=5e-3)  # features are kept as 16-bit floats
    package_of(fitted, cohort, tmp_path / "package")
    assert len(load_package(tmp_path / "package").read(open_rows(cohort.studies["s000"])).findings) == 9


def test_runs_share_features_and_another_setting_makes_new_ones(prepared: Prepared, cohort: Cohort) -> None:
    assert prepared.features is not None
    folder = prepared.features.files[0].parent
    count = len(list(folder.glob("*.features.npy")))
    assert count == len(prepared.store)
    other = MultiplaneRecipe.model_validate({**frozen().model_dump(mode="json"), "seed": 5, "loss": {"kind": "focal"}})
    again = prepare_studies(other, cohort, folder)
    assert again.features is not None
    assert again.features.files == prepared.features.files
    values = prepared.features.of(0, 0), prepared.features.of(0, 1)
    assert values[0].shape == (2, 3, 4, 1280)
    assert not np.array_equal(*values)  # the augmented draw differs


def test_a_hidden_input_is_hidden_everywhere(prepared: Prepared) -> None:
    hide = np.zeros((len(prepared.store), 3), bool)
    hide[:, 1] = True
    bare = prepared.without(hide)
    assert bare.features is not None
    assert not bare.store.shown[:, 1].any()
    assert not bare.features.shown[:, 1].any()
    assert prepared.store.shown[:, 1].any()


def test_batches_depend_on_seed_epoch_and_number_alone(prepared: Prepared) -> None:
    assert prepared.features is not None
    n = len(prepared.store)
    batches = FeatureBatches(prepared.features, np.zeros((n, 9), np.float32), np.ones((n, 9), np.float32), np.arange(n), frozen(), 3)
    whole = list(batches.of_epoch(2, 0))
    later = list(batches.of_epoch(2, 1))
    assert len(later) == len(whole) - 1
    for one, other in zip(whole[1:], later, strict=True):
        assert all(np.array_equal(a.numpy(), b.numpy(), equal_nan=True) for a, b in zip(one, other, strict=True))
    assert not np.array_equal(whole[0].features.numpy(), next(iter(batches.of_epoch(3, 0))).features.numpy())


@pytest.mark.parametrize("wrong", [{"optimiser": {"draws": 2}}, {"optimiser": {"draws": 2, "backbone_rate": 0.0}}])
def test_features_that_would_change_are_not_kept(wrong: dict[str, dict[str, object]]) -> None:
    with pytest.raises(ValidationError, match=r"optimiser\.draws"):
        tiny(**wrong)

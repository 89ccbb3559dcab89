"""What ``scripts/ablations.py`` makes of finished runs."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from condyle.cohorts.cohort import Cohort
from condyle.train.multiplane.pipeline import prepare_studies

from .conftest import tiny

FINDINGS = ("cyst", "plica")


@pytest.fixture(scope="module")
def ablations() -> ModuleType:
    path = Path(__file__).parents[3] / "scripts/ablations.py"
    spec = importlib.util.spec_from_file_location("ablations", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["ablations"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def test_arms_are_compared_on_the_same_patients(ablations: ModuleType, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    targets = rng.integers(0, 2, (120, 2)).astype(np.float32)
    targets[:6, 1] = np.nan
    arms = {name: ablations.Arm(name) for name in ("whole", "no-aolm", "sites")}
    truth = np.nan_to_num(targets)
    for seed in range(2):
        for name, strength in (("whole", 2.0), ("no-aolm", 0.5)):
            logits = (truth * strength + rng.normal(0, 1, truth.shape)).astype(np.float32)
            kept = {"logits": logits, "scores": 1 / (1 + np.exp(-(2 * logits - 2.0))), "held_out": 0.8, "held_low_high": [0.7, 0.9]}
            kept["cpu_seconds"] = 1.0
            np.savez(tmp_path / f"{name}-seed{seed}.npz", **kept, missing1=logits, missing2=-logits)
    np.savez(tmp_path / "sites-seed0.npz", logits=truth)  # one seed of two: not told
    found = ablations.judge(tmp_path, arms, 2, targets, [f"p{n // 2}" for n in range(120)], FINDINGS)
    assert set(found["arms"]) == {"whole", "no-aolm", "missing1", "missing2"}
    assert found["patients"] == 60
    worse = found["arms"]["no-aolm"]
    assert worse["difference"] < -0.1
    assert worse["difference_low_high"][1] < 0
    assert found["arms"]["missing1"]["difference"] == 0
    assert found["arms"]["missing1"]["difference_low_high"] == [0, 0]
    assert found["arms"]["missing2"]["auroc"] == pytest.approx(1 - found["arms"]["whole"]["auroc"])
    assert found["findings"]["cyst"]["positives"] == int(targets[:, 0].sum())
    assert found["calibration"]["log_loss"]["change"][0] < 0
    assert found["calibration"]["expected_calibration_error"]["change"][0] < 0
    text = ablations.written(found, {name: name for name in found["arms"]}, "command")
    assert text.count("\n| whole |") == 1


def test_one_or_two_planes_go_but_never_the_last(ablations: ModuleType, cohort: Cohort, tmp_path: Path) -> None:
    prepared = prepare_studies(tiny(), cohort, tmp_path)
    whole = prepared.store.shown.any(axis=2).sum(axis=1)
    for count in (1, 2):
        left = ablations.missing(prepared, count, 0).store.shown.any(axis=2).sum(axis=1)
        assert np.array_equal(left, np.maximum(whole - count, 1))
    assert np.array_equal(ablations.missing(prepared, 1, 0).store.shown, ablations.missing(prepared, 1, 0).store.shown)


def test_whole_slices_have_the_mean_of_their_parts(ablations: ModuleType, cohort: Cohort, tmp_path: Path) -> None:
    fine = tiny(
        network={"backbone": "efficientnet_lite0_fine", "init": "imagenet", "width": 1.0, "stride": 8, "parts": 4},
        optimiser={"backbone_rate": 0.0, "draws": 1, "precision": "32"},
    )
    coarse = ablations.changed(fine, {"network": {"parts": 1}}, fine.seed)
    parts, whole = (prepare_studies(one, cohort, tmp_path) for one in (fine, coarse))
    found = ablations.described(parts, tmp_path)
    assert whole.features is not None
    np.testing.assert_allclose(found.features.of(0, 1)[0], whole.features.of(0, 1)[0], atol=2e-3)  # kept as 16-bit floats


def test_every_arm_is_a_valid_recipe(ablations: ModuleType) -> None:
    recipe = tiny()
    arms = ablations.arms_of(recipe)
    assert len(arms) == 11
    assert all(arm.against in arms for arm in arms.values())
    for arm in arms.values():
        own = ablations.changed(recipe, arm.changes, 7)
        assert own.seed == 7
    assert not ablations.changed(recipe, arms["no-aolm"].changes, 0).network.attention.use
    assert ablations.changed(recipe, arms["sites"].changes, 0).split.by == "site"

"""A network of several planes on two processes: the same weights as on one; recipes that cannot use several say so."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from condyle.cohorts.cohort import Cohort
from condyle.errors import UsageError
from condyle.train import devices
from condyle.train.multiplane.pipeline import fit_multiplane
from condyle.train.recipe import load_recipe
from condyle.train.run import devices_of

from .conftest import tiny


@pytest.mark.slow("train")
def test_two_processes_train_the_network_that_one_trains(cohort: Cohort, tmp_path: Path) -> None:
    # A frozen backbone has no statistics of batches that would differ, and nothing is dropped out; axial planes are missing or hidden.
    attention = {"use": True, "dimensions": 2}
    recipe = tiny(optimiser={"epochs": 3, "batch": 3, "backbone_rate": 0}, network={"dropout": 0, "attention": attention})
    folders = {}
    for count in (1, 2):
        with devices.using(count):
            fit_multiplane(recipe, cohort, tmp_path / str(count), tmp_path / "prepared")
        folders[count] = tmp_path / str(count) / "fold0" / "all-seed0"
    one, two = (torch.load(folder / "network.pt", weights_only=True) for folder in folders.values())
    statistics = [value for name, value in one.items() if name.endswith("running_mean")]
    assert statistics
    assert not any(value.any() for value in statistics)  # a backbone that does not learn keeps its statistics, too
    for name, value in one.items():
        if name.endswith("weigh.bias"):
            continue  # a softmax does not feel it: its gradient is rounding, which Adam makes large
        torch.testing.assert_close(two[name], value, rtol=1e-4, atol=1e-5)
    first, second = (json.loads((folder / "history.json").read_text()) for folder in folders.values())
    for a, b in zip(first, second, strict=True):
        assert b["loss"] == pytest.approx(a["loss"], abs=1e-5)
        assert b["held_out"] == pytest.approx(a["held_out"], abs=1e-5)


def test_recipes_that_cannot_use_several_devices_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "number_of", lambda asked: 8 if asked == "auto" else int(asked))
    lumbar, knee = load_recipe("lumbar", size="smoke"), tiny(optimiser={"batch": 4})
    assert devices_of(lumbar, "auto") == devices_of(lumbar, 1) == 1
    with pytest.raises(UsageError, match="family lumbar is trained on one device, not 2"):
        devices_of(lumbar, 2)
    assert devices_of(knee, "2") == 2
    assert devices_of(knee, "auto") == 4  # every device needs a study of a batch
    with pytest.raises(UsageError, match="batch of 4 cannot be shared by 5 devices"):
        devices_of(knee, 5)

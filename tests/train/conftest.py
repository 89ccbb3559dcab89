"""A toy table of levels: features that carry a signal, no pictures and no backbone."""

from __future__ import annotations

import logging

import numpy as np
import pytest
from numpy.typing import NDArray

from condyle.readers.lumbar.measured import names
from condyle.train.grading import Inputs, targets_of
from condyle.train.lumbar_recipe import LumbarRecipe as Recipe
from condyle.train.recipe import load_recipe

FEATURES = 12


@pytest.fixture(autouse=True, scope="session")
def _quiet() -> None:
    for name in ("lightning", "lightning.pytorch", "lightning.pytorch.utilities.rank_zero", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.ERROR)


@pytest.fixture(scope="session")
def recipe() -> Recipe:
    """The shipped recipe in its smallest size, without dropout of whole inputs."""
    recipe = load_recipe("lumbar", size="smoke")
    assert isinstance(recipe, Recipe)
    return recipe


class Toy:
    """Levels of ``patients`` patients, four each; every grade follows one hidden number that the features show."""

    def __init__(self, patients: int, seed: int, findings: tuple[str, ...]) -> None:
        rng = np.random.default_rng(seed)
        rows = patients * 4
        severity = rng.normal(0, 1, rows)
        features = rng.normal(0, 1, (2, rows, 2, FEATURES)).astype(np.float16)
        features[..., :6] += (2 * severity[None, :, None, None]).astype(np.float16)
        measured = rng.normal(0, 1, (rows, len(names(("t2", "t1"))))).astype(np.float32)
        measured[rng.random(measured.shape) < 0.1] = np.nan
        self.patients: NDArray[np.str_] = np.repeat([f"p{i}" for i in range(patients)], 4)
        pfirrmann, present = 1 + np.clip(np.round(severity + 1.5), 0, 4), (severity > 0.6).astype(float)
        self.grades = np.column_stack([pfirrmann, *[present] * (len(findings) - 1)]).astype(np.float32)
        self.inputs = Inputs(features, np.ones((rows, 2), bool), measured, np.eye(11, dtype=np.float32)[np.arange(rows) % 4])
        self.targets = targets_of(self.grades, findings)


@pytest.fixture(scope="session")
def toy(recipe: Recipe) -> Toy:
    return Toy(24, 0, recipe.data.findings)

"""Tiny knees, and one package trained on them."""

from __future__ import annotations

from pathlib import Path

import pytest

from condyle.cohorts.cohort import Cohort, load_cohort
from condyle.train.multiplane.pipeline import Fitted, fit_multiplane
from condyle.train.multiplane.recipe import MultiplaneRecipe
from condyle.train.recipe import load_recipe
from tests.knees import write_knees


def tiny(**sections: dict[str, object]) -> MultiplaneRecipe:
    """The smoke size of the nine findings, on stacks of four slices of 32 pixels."""
    recipe = load_recipe("knee_nine", size="smoke")
    assert isinstance(recipe, MultiplaneRecipe)
    whole = recipe.model_dump(mode="json")
    whole["prepare"] |= {"pixels": 32, "field_mm": 140}
    whole["network"] |= {"width": 0.125}
    for name, values in sections.items():
        whole[name] = {**whole[name], **values} if isinstance(values, dict) else values
    return MultiplaneRecipe.model_validate(whole)


@pytest.fixture(scope="session")
def knees(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve studies; the third lacks its axial series."""
    return write_knees(tmp_path_factory.mktemp("knees") / "cohort", 12, missing={2: "axial"})


@pytest.fixture(scope="session")
def cohort(knees: Path) -> Cohort:
    return load_cohort(knees)


@pytest.fixture(scope="session")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("work")


@pytest.fixture(scope="session")
def fitted(cohort: Cohort, work: Path) -> Fitted:
    return fit_multiplane(tiny(), cohort, work)

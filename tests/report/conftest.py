"""Example readings for every test of the report."""

from __future__ import annotations

import pytest

from condyle.study import Reading
from condyle.testing.readings import example_readings, knee_reading, lumbar_reading, nothing_assessed


@pytest.fixture(scope="session")
def lumbar() -> Reading:
    return lumbar_reading()


@pytest.fixture(scope="session")
def knee() -> Reading:
    return knee_reading()


@pytest.fixture(scope="session")
def nothing() -> Reading:
    return nothing_assessed()


@pytest.fixture(params=list(example_readings()))
def reading(request: pytest.FixtureRequest) -> Reading:
    """Each example in turn."""
    return example_readings()[request.param]

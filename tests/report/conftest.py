"""Example readings for every test of the report."""

from __future__ import annotations

import pytest

from condyle.study import Reading
from condyle.testing.dicom_exporters import Sourced
from condyle.testing.dicom_exporters import sourced as with_source
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


@pytest.fixture(scope="session")
def sourced(tmp_path_factory: pytest.TempPathFactory) -> Sourced:
    """The lumbar example with a DICOM study that it could be of."""
    return with_source(tmp_path_factory.mktemp("sourced"))

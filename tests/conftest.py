"""Fixtures that every test may use."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(autouse=True, scope="session")
def _own_key_file(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test touches the user's own pseudonymisation key, and no fixture of a session either."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CONDYLE_KEY_FILE", str(tmp_path_factory.getbasetemp() / "condyle-key"))
        yield


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data (CONDYLE_DATA, else ``../shared/data`` beside the repository); skips when absent."""
    folder = Path(os.environ.get("CONDYLE_DATA") or ROOT.parent / "shared" / "data")
    if not (folder / "README.md").is_file():
        pytest.skip("real data folder absent: set CONDYLE_DATA to it")
    return folder


@pytest.fixture(scope="session")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cohort folder with one simulated lumbar study, made by the command. Do not write into it."""
    from tests.command import condyle

    out = tmp_path_factory.mktemp("simulated") / "cohort"
    ran = condyle("simulate", "lumbar", out, "--seed", 1, env={"CONDYLE_KEY_FILE": str(tmp_path_factory.getbasetemp() / "condyle-key")})
    assert ran.code == 0, ran.err
    return out

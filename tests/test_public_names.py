"""The names of ``import condyle`` are functions in whatever order its parts are imported."""

from __future__ import annotations

import subprocess
import sys

import pytest

import condyle

FUNCTIONS = [name for name in condyle.__all__ if name != "__version__"]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_public_name_can_be_called_although_a_part_has_that_name(name: str) -> None:
    code = (
        "import importlib.util, condyle\n"
        f"name = {name!r}\n"
        "if importlib.util.find_spec('condyle.' + name): importlib.import_module('condyle.' + name)\n"
        "assert callable(getattr(condyle, name)), type(getattr(condyle, name))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr

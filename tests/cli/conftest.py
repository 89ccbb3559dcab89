"""Stored outputs of the command line. Refresh with ``make golden`` and review the difference like code."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

GOLDEN = Path(__file__).resolve().parents[1] / "golden"


@pytest.fixture
def golden() -> Callable[[str, str], None]:
    """Compares a text with the stored one of that name."""

    def compare(name: str, text: str) -> None:
        path = GOLDEN / name
        if os.environ.get("CONDYLE_REFRESH_GOLDEN"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        assert path.is_file(), f"tests/golden/{name} is not stored: make golden"
        assert text == path.read_text(), f"tests/golden/{name} differs: look at it, then make golden"

    return compare

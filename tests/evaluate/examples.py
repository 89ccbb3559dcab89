"""The worked examples of docs/examples and what was planted in them."""

from __future__ import annotations

import csv
import importlib.util
from pathlib import Path
from typing import Any

from tests.conftest import ROOT

EXAMPLES = ROOT / "docs" / "examples"


def rows(name: str) -> list[tuple[int, dict[str, str]]]:
    """Rows of a CSV of the examples with their numbers."""
    with (EXAMPLES / name).open(newline="", encoding="utf-8") as lines:
        return list(enumerate(csv.DictReader(lines), start=2))


def generator() -> Any:
    """scripts/evaluation_examples.py as a module."""
    spec = importlib.util.spec_from_file_location("evaluation_examples", ROOT / "scripts" / "evaluation_examples.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def same_files(first: Path, second: Path) -> bool:
    """Do two folders hold the same files with the same bytes?"""
    names = [{path.relative_to(folder) for path in folder.rglob("*.csv")} for folder in (first, second)]
    return names[0] == names[1] and all((first / name).read_bytes() == (second / name).read_bytes() for name in names[0])

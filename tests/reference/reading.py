"""Inputs and expected numbers of the reference folders."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).resolve().parent


def folder(name: str) -> Path:
    """A reference folder by its name, wherever it lies."""
    found = [place for place in (HERE / name, HERE / "third_party" / name) if place.is_dir()]
    assert len(found) == 1, f"reference folder {name} must exist once"
    return found[0]


def table(name: str, file: str) -> dict[str, np.ndarray]:
    """Columns of a CSV file: float64 where every cell is a number ('NA' and '' are NaN), else text."""
    with (folder(name) / file).open(newline="", encoding="utf-8") as lines:
        rows = list(csv.reader(lines))
    return {title: _column([row[place] for row in rows[1:]]) for place, title in enumerate(rows[0])}


def expected(name: str) -> Any:
    """expected.json with the strings 'inf', '-Inf', 'nan' as floats."""
    return _floats(json.loads((folder(name) / "expected.json").read_text("utf-8")))


def _column(cells: list[str]) -> np.ndarray:
    try:
        return np.array([np.nan if cell in ("NA", "") else float(cell) for cell in cells])
    except ValueError:
        return np.array(cells)


def _floats(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _floats(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_floats(one) for one in value]
    if isinstance(value, str) and value.lower() in ("inf", "-inf", "nan"):
        return float(value)
    return value

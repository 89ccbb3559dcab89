"""Every error of statistics and tables says what to do."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import condyle

ERRORS = ("InputError", "UsageError", "TableError")
FILES = sorted(path for part in ("evaluate", "cohorts") for path in (Path(condyle.__file__).parent / part).rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_error_says_what_to_do(path: Path) -> None:
    silent = [
        node.lineno
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ERRORS
        and "what_to_do" not in {keyword.arg for keyword in node.keywords}
    ]  # fmt: skip
    assert not silent

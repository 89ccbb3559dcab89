"""Error codes are found where they are raised, and each has its line in the reference."""

from __future__ import annotations

import re
from pathlib import Path

from condyle.cli.codes import error_codes

ROOT = Path(__file__).resolve().parents[2]


def test_codes_are_read_from_source(tmp_path: Path) -> None:
    (tmp_path / "part.py").write_text(
        "def f(x):\n"
        "    raise InputError('no-slices', f'There are {x} slices.', why='Too few.', what_to_do='Send more.')\n"
        "def g():\n"
        "    return Problem('gap-found', 'warning', 'One slice is missing.')\n"
        "def h():\n"
        "    raise ValueError('not-a-code')\n"
    )
    found = {one.code: one for one in error_codes(tmp_path)}
    assert set(found) == {"no-slices", "gap-found"}
    assert found["no-slices"].whats == ("There are ... slices.",)
    assert found["no-slices"].advices == ("Send more.",)
    assert found["no-slices"].exit_code == 3
    assert found["gap-found"].kind == "Problem"
    assert found["gap-found"].exit_code is None


def test_every_code_that_is_raised_has_a_line_in_the_reference() -> None:
    page = (ROOT / "docs" / "reference" / "errors.md").read_text()
    described = set(re.findall(r"^## `([\w-]+)`", page, flags=re.MULTILINE))
    known = {one.code for one in error_codes()}
    assert len(known) > 30
    assert described == known, "make reference"


def test_every_literal_code_in_a_raise_is_found() -> None:
    """A coarse second look: no `raise SomeError("code", ...)` escapes the first."""
    text = "\n".join(path.read_text() for path in (ROOT / "src" / "condyle").rglob("*.py"))
    coarse = set(re.findall(r"raise \w*Error\(\s*\"([a-z0-9]+(?:-[a-z0-9]+)+)\"", text))
    assert coarse <= {one.code for one in error_codes()}

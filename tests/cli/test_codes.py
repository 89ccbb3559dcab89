"""Error codes are found where they are raised, and each has its line in the reference."""

from __future__ import annotations

import re
from pathlib import Path

from condyle.cli.codes import error_codes

# Problems whose reason comes from elsewhere at run time, and a note that asks for nothing.
UNEXPLAINED = {"file-damaged", "folder-unreadable", "monochrome1", "numbering-uncertain"}
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


SOURCE = """
def _refuse(code, where, what, why, what_to_do):
    note(Problem(code, 'error', what, where, why, what_to_do))

def _damaged(where, why):
    return InputError('array-damaged', 'It cannot be read.', where=where, why=f"{why[0].upper()}{why[1:]}.")

def f(found, x):
    _refuse('zip-bomb', 'a.zip', 'It was refused.', _bomb(x), 'Send less.')
    advice = 'Copy it.' if x else 'Move it.'
    raise PackageError('lost' if x else 'gone', 'It is lost.' if x else 'It is gone.', what_to_do=advice)

def g(where):
    raise _damaged(where, 'its values end too soon')

def _bomb(x):
    return 'It would fill the disk.' if x else ''

def h():
    advice = 'Nothing.'
    return Problem('all-given', 'note', 'What.', 'where', 'Why so.', advice)

def i():
    raise MissingExtraError('train', 'Training', 'torch')
"""


def test_what_is_said_is_read_like_the_call(tmp_path: Path) -> None:
    (tmp_path / "part.py").write_text(SOURCE)
    (tmp_path / "testing").mkdir()
    (tmp_path / "testing" / "told.py").write_text("Problem('of-a-fixture', 'note', 'A story.')\n")
    found = {one.code: one for one in error_codes(tmp_path)}
    assert set(found) == {"array-damaged", "zip-bomb", "lost", "gone", "all-given"}
    assert (found["zip-bomb"].kind, found["zip-bomb"].whys) == ("Problem", ("It would fill the disk.",))
    assert found["zip-bomb"].advices == ("Send less.",)
    assert found["array-damaged"].whys == ("Its values end too soon.",)
    assert (found["lost"].whats, found["gone"].whats) == (("It is lost.",), ("It is gone.",))
    assert found["lost"].exit_code == 4
    assert found["lost"].advices == ("Copy it.", "Move it.")
    assert (found["all-given"].whats, found["all-given"].whys, found["all-given"].advices) == (("What.",), ("Why so.",), ("Nothing.",))


def test_the_codes_of_condyle() -> None:
    found = {one.code: one for one in error_codes()}
    assert found["missing-extra"].exit_code == 4
    assert "..." not in found["zip-bomb"].advices[0]
    assert found["slices-missing"].whys
    assert not {"train", "openvino", "evaluate"} & set(found)
    for one in found.values():
        assert not any(file.startswith("testing/") for file in one.files)
        assert one.code == "wrong-usage" or all(re.search("[a-z]{2}", text) for text in one.whats), one.code
        assert all(re.search("[a-z]{2}", text) for text in (*one.whys, *one.advices)), one.code
    assert {code for code, one in found.items() if one.kind == "Problem" and not (one.whys and one.advices)} <= UNEXPLAINED


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

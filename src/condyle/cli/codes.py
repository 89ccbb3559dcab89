"""Every error and problem code of the installed package, read from its own source.

There is no second list that could fall behind: a code exists where it is raised.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import condyle

_CODE = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_SPEAKERS = re.compile(r"error|problem|refus|fail", re.IGNORECASE)
EXIT_CODES = {"UsageError": 2, "PackageError": 4, "MissingExtraError": 4, "ResourceError": 5}
OWN_EXIT_CODES = {"bug": 70, "interrupted": 130}  # made by the command line itself, for no error class of ours


@dataclass(frozen=True, slots=True)
class ErrorCode:
    """One code and everything that is said under it.

    Parameters
    ----------
    code : str
    kind : str - class that carries it (``InputError``), or ``Problem`` when it travels inside a study
    whats, whys, advices : sentences, '...' where a value stands
    files : modules that raise it, relative to the package
    """

    code: str
    kind: str
    whats: tuple[str, ...]
    whys: tuple[str, ...]
    advices: tuple[str, ...]
    files: tuple[str, ...]

    @property
    def exit_code(self) -> int | None:
        """Exit code of a command that stops on it; None for a problem that stops nothing."""
        if self.code in OWN_EXIT_CODES:
            return OWN_EXIT_CODES[self.code]
        return None if self.kind == "Problem" else EXIT_CODES.get(self.kind, 3)


@dataclass(frozen=True, slots=True)
class _Mention:
    code: str
    kind: str
    parts: tuple[str, str, str]
    file: str


@cache
def error_codes(root: Path | None = None) -> tuple[ErrorCode, ...]:
    """All codes in alphabetical order.

    Parameters
    ----------
    root : folder with Python source; the installed ``condyle`` by default
    """
    root = root or Path(condyle.__file__).parent
    mentions = [found for path in sorted(root.rglob("*.py")) for found in _mentions(path, str(path.relative_to(root)))]
    return tuple(_gather([one for one in mentions if one.code == code]) for code in sorted({one.code for one in mentions}))


def _gather(same: list[_Mention]) -> ErrorCode:
    kinds = [one.kind for one in same]
    kind = next((one for one in kinds if one != "Problem"), "Problem")

    def sentences(column: int) -> tuple[str, ...]:
        return tuple(dict.fromkeys(one.parts[column] for one in same if one.parts[column]))

    return ErrorCode(same[0].code, kind, sentences(0) or ("",), sentences(1), sentences(2), tuple(dict.fromkeys(one.file for one in same)))


def _mentions(path: Path, name: str) -> Iterator[_Mention]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    named = {
        node.targets[0].id: node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name)
    }  # a sentence may be put together before it is said
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and (kind := _kind(node)):
            yield from _said(node, kind, name, named)


def _said(call: ast.Call, kind: str, file: str, named: dict[str, ast.expr]) -> Iterator[_Mention]:
    """The mentions in one call: a code that depends on a condition makes two."""
    given = {keyword.arg: keyword.value for keyword in call.keywords}
    codes = _sentences(given.get("code") or (call.args[0] if call.args else None), {})
    if len(call.args) + len(given) < 2 or not all(_CODE.fullmatch(code) for code in codes):
        return
    what = given.get("what") or next((arg for arg in call.args[1:] if " " in "".join(_sentences(arg, named))), None)
    whats, whys, advices = (_sentences(part, named) for part in (what, given.get("why"), given.get("what_to_do")))
    for index, code in enumerate(codes):
        alone = len(codes) > 1
        parts = tuple(side[min(index, len(side) - 1)] if alone and side else " / ".join(side) for side in (whats, whys, advices))
        yield _Mention(code, kind, (parts[0], parts[1], parts[2]), file)


def _kind(call: ast.Call) -> str:
    """Class behind a call that speaks of something wrong; '' for any other call."""
    function = call.func
    name = function.attr if isinstance(function, ast.Attribute) else function.id if isinstance(function, ast.Name) else ""
    if name.endswith("Error") and name[0].isupper():
        return name
    if name == "Problem":
        return name
    if name == "__init__" and isinstance(function, ast.Attribute) and ast.unparse(function.value) == "super()":
        return "CondyleError" if len(call.args) > 1 and "-" in ast.unparse(call.args[0]) else ""
    if not _SPEAKERS.search(name):
        return ""
    return "Problem" if "problem" in name.lower() else "InputError"


def _sentences(node: ast.expr | None, named: dict[str, ast.expr]) -> tuple[str, ...]:
    """The literal texts of an expression, one a branch of a condition, '...' for what is filled in."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return (node.value,)
    if isinstance(node, ast.JoinedStr):
        return ("".join(str(part.value) if isinstance(part, ast.Constant) else "..." for part in node.values),)
    if isinstance(node, ast.IfExp):
        return tuple(text for branch in (node.body, node.orelse) for text in _sentences(branch, named) if text)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return tuple(left + right for left in _sentences(node.left, named) for right in _sentences(node.right, named))
    if isinstance(node, ast.Name) and node.id in named:
        return _sentences(named[node.id], {})
    return ()

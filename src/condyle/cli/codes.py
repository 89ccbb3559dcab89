"""Every error and problem code of the installed package, read from its own source.

There is no second list that could fall behind: a code exists where it is raised. What is said there is read like the
call itself: positional arguments by the signature of the class or helper, names by what they were set to.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import condyle
from condyle import errors

_CODE = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_WORD = re.compile(r"[A-Za-z]{2}")
_PARTS = ("what", "why", "what_to_do")
_ERROR = ("code", "what", "where", "why", "what_to_do")
_PROBLEM = ("code", "severity", "what", "where", "why", "what_to_do")
_DEEPEST = 4  # a sentence is handed on by a few helpers at most
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
        return None if self.kind == "Problem" else int(getattr(errors, self.kind).exit_code)


@dataclass(frozen=True, slots=True)
class _Mention:
    code: str
    kind: str
    parts: tuple[tuple[str, ...], ...]
    file: str


@cache
def error_codes(root: Path | None = None) -> tuple[ErrorCode, ...]:
    """All codes in alphabetical order.

    Parameters
    ----------
    root : folder with Python source; the installed ``condyle`` by default
    """
    root = root or Path(condyle.__file__).parent
    paths = [path for path in sorted(root.rglob("*.py")) if path.relative_to(root).parts[0] != "testing"]  # its fixtures tell stories
    house: list[_Module] = []
    house += [_Module(path.read_text(encoding="utf-8"), path.relative_to(root).as_posix(), house) for path in paths]
    found: dict[str, list[_Mention]] = defaultdict(list)
    for mention in (one for module in house for one in module.mentions()):
        found[mention.code].append(mention)
    return tuple(_gather(found[code]) for code in sorted(found))


def _gather(same: list[_Mention]) -> ErrorCode:
    kind = next((one.kind for one in same if one.kind != "Problem"), "Problem")
    whats, whys, advices = (tuple(dict.fromkeys(text for one in same for text in one.parts[column])) for column in range(3))
    return ErrorCode(same[0].code, kind, whats or ("...",), whys, advices, tuple(dict.fromkeys(one.file for one in same)))


class _Module:
    """One file of source: who calls whom with what, what is returned, and where each name was set."""

    def __init__(self, text: str, name: str, house: Sequence[_Module]) -> None:
        self.name = name
        self.house = house
        tree = ast.parse(text)
        self.owner: dict[ast.AST, ast.AST] = {}  # the innermost function or class around a node, or the module
        self.functions: dict[str, ast.FunctionDef] = {}
        self.calls: dict[str, list[ast.Call]] = defaultdict(list)
        self.returns: dict[ast.AST, list[ast.expr]] = defaultdict(list)
        self.set: dict[tuple[ast.AST, str], list[ast.expr]] = defaultdict(list)
        self._walk(tree, tree)

    def _walk(self, node: ast.AST, owner: ast.AST) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr_context | ast.operator | ast.Constant):
                continue
            self.owner[child] = owner
            if isinstance(child, ast.FunctionDef):
                self.functions[child.name] = child
            elif isinstance(child, ast.Call):
                self.calls[_called(child)].append(child)
            elif isinstance(child, ast.Return) and child.value is not None:
                self.returns[owner].append(child.value)
            elif isinstance(child, ast.Assign):
                for target in child.targets:
                    self._note(owner, target, child.value)
            self._walk(child, child if isinstance(child, ast.FunctionDef | ast.ClassDef) else owner)

    def _note(self, owner: ast.AST, target: ast.expr, value: ast.expr) -> None:
        if isinstance(target, ast.Name):
            self.set[owner, target.id].append(value)
        elif isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
            for one, own in zip(target.elts, value.elts, strict=False):
                self._note(owner, one, own)

    def mentions(self) -> Iterator[_Mention]:
        for name, calls in self.calls.items():
            for call in calls:
                kind, signature = self._speaker(name, call)
                if signature:
                    yield from self._said(call, kind, _arguments(call, signature))

    def _speaker(self, name: str, call: ast.Call) -> tuple[str, tuple[str, ...]]:
        """Class behind a call that speaks of something wrong, and what its arguments are called."""
        if name == "Problem":
            return name, _PROBLEM
        if isinstance(getattr(errors, name, None), type) and name != "MissingExtraError":  # which makes its own code
            return name, _ERROR
        if name == "__init__" and isinstance(owner := self._class(call), ast.ClassDef) and hasattr(errors, owner.name):
            return owner.name, _ERROR
        helper = self.functions.get(name)
        taken = _parameters(helper) if helper is not None else ()
        return ("Problem", taken) if {"code", "what"} <= set(taken) else ("", ())

    def _class(self, node: ast.AST) -> ast.AST | None:
        around: ast.AST | None = node
        while around is not None and not isinstance(around, ast.ClassDef):
            around = self.owner.get(around)
        return around

    def _said(self, call: ast.Call, kind: str, given: Mapping[str, ast.expr]) -> Iterator[_Mention]:
        """The mentions in one call: a code that depends on a condition makes two, each with its own sentences."""
        code = given.get("code")
        choice = isinstance(code, ast.IfExp)
        for branch, literal in enumerate((code.body, code.orelse) if isinstance(code, ast.IfExp) else (code,)):
            if isinstance(literal, ast.Constant) and isinstance(literal.value, str) and _CODE.fullmatch(literal.value):
                sides = [given.get(part) for part in _PARTS]
                if choice:
                    sides = [(one.body, one.orelse)[branch] if isinstance(one, ast.IfExp) else one for one in sides]
                parts = tuple(tuple(dict.fromkeys(text for text in self._texts(one, 0) if _WORD.search(text))) for one in sides)
                yield _Mention(literal.value, kind, parts, self.name)

    def _texts(self, node: ast.expr | None, depth: int) -> tuple[str, ...]:
        """The literal texts of an expression, one a branch, '...' for what is filled in; () where nothing is known."""
        if node is None or depth > _DEEPEST:
            return ()
        if isinstance(node, ast.Constant):
            return (node.value,) if isinstance(node.value, str) else ()
        if isinstance(node, ast.JoinedStr):
            text = "".join(str(part.value) if isinstance(part, ast.Constant) else "..." for part in node.values)
            names = {one.id: one for one in ast.walk(node) if isinstance(one, ast.Name)}
            if _WORD.search(text.replace("...", "")) or len(names) != 1:
                return (text,)
            return tuple(f"{one[:1].upper()}{one[1:].rstrip('.')}." for one in self._texts(next(iter(names.values())), depth + 1))
        if isinstance(node, ast.IfExp):
            return (*self._texts(node.body, depth), *self._texts(node.orelse, depth))
        if isinstance(node, ast.BoolOp):
            return tuple(text for one in node.values for text in self._texts(one, depth))
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            left, right = self._texts(node.left, depth) or ("...",), self._texts(node.right, depth) or ("...",)
            return tuple(one + other for one in left for other in right)
        if isinstance(node, ast.Call) and (helper := self.functions.get(_called(node))) is not None:
            return tuple(text for one in self.returns[helper] for text in self._texts(one, depth + 1))
        return self._of_name(node, depth) if isinstance(node, ast.Name) else ()

    def _of_name(self, node: ast.Name, depth: int) -> tuple[str, ...]:
        """What a name was set to in its function; of a parameter, what the callers give."""
        owner = self.owner.get(node)
        while owner is not None:
            if values := self.set.get((owner, node.id)):
                return tuple(text for one in values for text in self._texts(one, depth + 1))
            if isinstance(owner, ast.FunctionDef) and node.id in (taken := _parameters(owner)):
                near = [self] if owner.name.startswith("_") else self.house
                calls = ((one, _arguments(call, taken)) for one in near for call in one.calls.get(owner.name, ()))
                return tuple(text for one, given in calls for text in one._texts(given.get(node.id), depth + 1))
            owner = self.owner.get(owner)
        return ()


def _called(call: ast.Call) -> str:
    function = call.func
    return function.attr if isinstance(function, ast.Attribute) else function.id if isinstance(function, ast.Name) else ""


def _parameters(function: ast.FunctionDef) -> tuple[str, ...]:
    taken = function.args
    return tuple(one.arg for one in (*taken.posonlyargs, *taken.args, *taken.kwonlyargs) if one.arg not in ("self", "cls"))


def _arguments(call: ast.Call, names: tuple[str, ...]) -> dict[str, ast.expr]:
    given = dict(zip(names, call.args, strict=False))
    return {**given, **{keyword.arg: keyword.value for keyword in call.keywords if keyword.arg is not None}}

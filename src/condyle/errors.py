"""The error tree. Its branches follow what a caller can do about an error.

Every error has four parts: *what* could not be done, *where*, *why*, and *what to do*. None of them
may hold patient data: name files, rows, tags and pseudonymous keys only.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable


class CondyleError(Exception):
    """Base of all errors raised on purpose.

    Parameters
    ----------
    code : str - stable kebab-case name, leads to a page of the reference
    what, where, why, what_to_do : str - one sentence each; ``where`` may be empty
    """

    exit_code = 3

    def __init__(self, code: str, what: str, *, where: str = "", why: str = "", what_to_do: str = "") -> None:
        self.code = code
        self.what = what
        self.where = where
        self.why = why
        self.what_to_do = what_to_do
        super().__init__(what)

    def __str__(self) -> str:
        parts = [self.what]
        if self.where:
            parts.append(f"Where: {self.where}")
        if self.why:
            parts.append(f"Why: {self.why}")
        if self.what_to_do:
            parts.append(f"What to do: {self.what_to_do}")
        return "\n".join(parts)

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (type(self), self.code, self.what, self.where, self.why, self.what_to_do))


def _rebuild(kind: type[CondyleError], code: str, what: str, where: str, why: str, what_to_do: str) -> CondyleError:
    return kind(code, what, where=where, why=why, what_to_do=what_to_do)


class UsageError(CondyleError):
    """The command or call is wrong. Change the arguments."""

    exit_code = 2


class InputError(CondyleError):
    """The input cannot be used. Mend or replace it."""

    exit_code = 3


class TableError(InputError):
    """A table or YAML file has problems; ``problems`` holds all of them with their rows."""

    def __init__(
        self,
        code: str,
        what: str,
        *,
        where: str = "",
        why: str = "",
        what_to_do: str = "",
        problems: tuple[str, ...] = (),
    ) -> None:
        super().__init__(code, what, where=where, why=why, what_to_do=what_to_do)
        self.problems = problems

    def __str__(self) -> str:
        return "\n".join([super().__str__(), *(f"  - {line}" for line in self.problems)])


class PackageError(CondyleError):
    """A reader package is missing, damaged or of an unknown version."""

    exit_code = 4


class MissingExtraError(CondyleError):
    """An optional dependency is not installed."""

    exit_code = 4

    def __init__(self, extra: str, needed_for: str, module: str) -> None:
        super().__init__(
            "missing-extra",
            f"{needed_for} needs the Python package {module!r}, which is not installed.",
            why=f"It belongs to the optional extra {extra!r}.",
            what_to_do=f"pip install 'condyle[{extra}]'",
        )


class ResourceError(CondyleError):
    """Out of disk or memory. Free some and run the same command again."""

    exit_code = 5


def nearest(word: str, known: Iterable[str], *, cutoff: float = 0.7) -> str:
    """The known word that was probably meant, or ''; case does not count. ``cutoff`` is the least likeness, 1 for equal words."""
    folded = {one.casefold(): one for one in sorted(known)}
    near = difflib.get_close_matches(word.casefold(), folded, n=1, cutoff=cutoff)
    return folded[near[0]] if near else ""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """' Did you mean ...?' for the nearest known word, or '': the end of a sentence about a misspelt one."""
    known = list(known)
    near = nearest(word, known) or _same_start(word, known)
    return f" Did you mean {near!r}?" if near else ""


def _same_start(word: str, known: Iterable[str]) -> str:
    """The only known name that begins with the same word (``acl_tear``: ``acl_injury``), or ''."""
    first = re.split(r"[\W_]+", word.casefold())[0]
    same = {one for one in known if len(first) > 2 and re.split(r"[\W_]+", one.casefold())[0] == first}
    return same.pop() if len(same) == 1 else ""

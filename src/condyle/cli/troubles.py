"""What is wrong with files: one line each kind for people, everything for machines, and whether the exit code says so."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from condyle.cli.screen import Screen

if TYPE_CHECKING:
    from condyle.study import Problem

# Errors of series that are whole: a time course or a diffusion set is part of many studies, and no reader takes it.
_WHOLE = frozenset({"series-mixed"})


def anything_lost(problems: Iterable[Problem]) -> bool:
    """Whether files could not be used that should have been."""
    return any(problem.severity == "error" and problem.code not in _WHOLE for problem in problems)


def mention(screen: Screen, problems: Iterable[Problem]) -> None:
    """One line for each kind of warning and error: a damaged disc repeats one a thousand times."""
    places: dict[tuple[str, str], list[str]] = defaultdict(list)
    for problem in dict.fromkeys(problems):
        if problem.severity != "note":
            places[problem.severity, problem.what].append(problem.where)
    for (severity, what), where in places.items():
        more = f" and {len(where) - 1} more" if len(where) > 1 else ""
        screen.note(f"{severity}: {what}" + (f" ({where[0]}{more})" if where[0] else ""))


def mention_unused(screen: Screen, unused: Sequence[tuple[str, str]]) -> None:
    """How many files nothing was made of; the reports and ``--json`` list them."""
    if unused:
        where, reason = unused[0]
        screen.note(f"{len(unused)} {'file was' if len(unused) == 1 else 'files were'} not used; --json lists them ({where}: {reason}).")


def listed(unused: Iterable[tuple[str, str]]) -> list[dict[str, str]]:
    """The files that were not used, for the document of ``--json``."""
    return [{"where": where, "reason": reason} for where, reason in unused]

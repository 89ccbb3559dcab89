"""What a command says: results on standard output, everything else on standard error."""

from __future__ import annotations

import dataclasses
import json as json_format
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from condyle.cli.progress import Progress
from condyle.errors import CondyleError


class Screen:
    """One command's voice.

    Parameters
    ----------
    json : bool - one JSON document on standard output in place of text
    quiet : bool - errors only
    """

    def __init__(self, *, json: bool, quiet: bool) -> None:
        self.json = json
        self.quiet = quiet
        self._document: dict[str, Any] = {}
        self._failed = False

    def say(self, text: str = "") -> None:
        """A line of the result for people."""
        if not (self.json or self.quiet):
            print(text)

    def note(self, text: str) -> None:
        """A remark that is no part of the result (standard error)."""
        if not self.quiet:
            print(text, file=sys.stderr)

    def table(self, rows: Sequence[Sequence[object]], header: Sequence[str]) -> None:
        """Columns aligned with spaces; nothing when there are no rows."""
        if not rows:
            return
        cells = [list(header), *[[_one_line(cell) for cell in row] for row in rows]]
        widths = [max(len(row[column]) for row in cells) for column in range(len(header))]
        for row in cells:
            self.say("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())

    def record(self, **items: Any) -> None:
        """Add to the JSON document."""
        self._document.update(items)

    def finish(self, exit_code: int) -> None:
        """Print the JSON document, once, after the work."""
        if self.json and not self._failed:
            self._print_document({**self._document, "exit_code": exit_code})

    def error(self, error: CondyleError, exit_code: int) -> None:
        """The four parts of an error on standard error; with --json also as the document."""
        self._failed = True
        print(f"Error [{error.code}]: {error.what}", file=sys.stderr)
        for title, part in (("Where", error.where), ("Why", error.why), ("What to do", error.what_to_do)):
            if part:
                print(f"  {title + ':':<12}{part}", file=sys.stderr)
        for line in getattr(error, "problems", ()):
            print(f"  - {line}", file=sys.stderr)
        if self.json:
            self._print_document({**self._document, "error": parts_of(error), "exit_code": exit_code})

    @contextmanager
    def progress(self, what: str, total: int | None = None) -> Iterator[Progress]:
        """Shows how far long work is, on standard error, once it has taken two seconds.

        Parameters
        ----------
        what : the work in a few words
        total : number of steps, or None when it is not known
        """
        bar = Progress(what, total, shown=not self.quiet)
        try:
            yield bar
        finally:
            bar.close()

    def _print_document(self, document: Mapping[str, Any]) -> None:
        print(json_format.dumps(document, indent=2, default=_plain, ensure_ascii=False))


def parts_of(error: CondyleError) -> dict[str, object]:
    """An error as data for machines."""
    parts: dict[str, object] = {name: getattr(error, name) for name in ("code", "what", "where", "why", "what_to_do")}
    return {**parts, "details": list(getattr(error, "problems", ()))}


def _one_line(cell: object) -> str:
    return "" if cell is None else " ".join(str(cell).split())


def _plain(value: object) -> object:
    """What JSON does not know: dataclasses, paths, sets and numbers of numpy."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    if isinstance(value, Mapping):
        return dict(value)
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} has no JSON form")

"""Journal: what is done so far, one line a study, safe against kill -9, a full disk and a second process."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from condyle.errors import UsageError
from condyle.outputs import cannot_write, make_parent

SCHEMA_VERSION = 1


class Journal:
    """An append-only file of JSON lines: a header that names the job, then one entry a study.

    Every entry is forced to disk before the next study begins. A last line that was cut off is dropped.
    """

    def __init__(self, path: Path, file: BinaryIO, entries: dict[str, dict[str, Any]]) -> None:
        self.path = path
        self.entries = entries
        self._file = file

    def add(self, study_id: str, entry: Mapping[str, Any]) -> None:
        """Record one study; a later entry of a study replaces an earlier one. Raises ResourceError on a full disk."""
        _append(self._file, self.path, {"study_id": study_id, **entry})
        self.entries[study_id] = dict(entry)


@contextmanager
def journal(path: Path, job: Mapping[str, Any]) -> Iterator[Journal]:
    """Open the journal of a job, or begin one.

    Parameters
    ----------
    path : the file
    job : what may not change between runs, JSON values (hashes of package and manifest)

    Raises
    ------
    UsageError - the journal is of another job, another process holds it, it is no journal or cannot be written
    ResourceError - the disk is full
    """
    make_parent(path)
    try:
        file = open(path, "a+b")  # noqa: SIM115 - closed below, after the lock
    except OSError as error:
        raise cannot_write(path, error) from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UsageError(
                "journal-in-use",
                "Another process is working on this output.",
                where=path.name,
                what_to_do="Wait for it, or write to another file.",
            ) from error
        header, entries = _read(file, path)
        want = {"journal": SCHEMA_VERSION, **job}
        if header is None:
            _append(file, path, want)
        elif header != want:
            changed = ", ".join(name.replace("_", " ") for name in sorted(want) if header.get(name) != want[name])
            raise UsageError(
                "journal-of-another-job",
                "This output was begun with something else and cannot be taken up.",
                where=path.name,
                why=f"Changed since: {changed}. Predictions of two jobs must not share a table.",
                what_to_do="Write to another file, or remove this journal to begin again.",
            )
        yield Journal(path, file, entries)


def _read(file: BinaryIO, path: Path) -> tuple[dict[str, Any] | None, dict[str, dict[str, Any]]]:
    """Header and entries; a last line without its end is cut off the file."""
    file.seek(0)
    data = file.read()
    whole = data.rfind(b"\n") + 1
    if whole < len(data):
        file.truncate(whole)
    try:
        lines = [json.loads(line) for line in data[:whole].splitlines()]
        entries = {str(line.pop("study_id")): line for line in lines[1:]}
        if lines and lines[0]["journal"] is None:
            raise KeyError("journal")
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(
            "journal-damaged",
            "The record of an earlier run cannot be understood.",
            where=path.name,
            why="It is damaged or is no journal of Condyle.",
            what_to_do="Move it away to begin again.",
        ) from error
    return (lines[0] if lines else None), entries


def _append(file: BinaryIO, path: Path, line: Mapping[str, Any]) -> None:
    try:
        file.seek(0, os.SEEK_END)
        file.write(json.dumps(line, separators=(",", ":"), allow_nan=False).encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())
    except OSError as error:
        raise cannot_write(path, error) from error

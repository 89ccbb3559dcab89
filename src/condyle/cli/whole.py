"""Output folders that are whole or not there: written aside, renamed at the end."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from condyle.errors import UsageError


def refuse_used(out: Path) -> None:
    """Raise UsageError when the output name is taken by a file or a folder that holds something."""
    if out.is_file() or (out.is_dir() and any(out.iterdir())):
        raise UsageError(
            "output-exists", "The output already exists and nothing is overwritten.", where=str(out),
            why="An old result could be taken for the new one.", what_to_do="Name another folder with -o, or remove this one.",
        )  # fmt: skip


@contextmanager
def whole_folder(out: Path) -> Iterator[Path]:
    """A folder to write into that becomes ``out`` when the block ends well, and vanishes when it does not.

    Parameters
    ----------
    out : Path - must not exist, or be an empty folder; missing parents are made

    Raises
    ------
    UsageError - the name is taken
    """
    refuse_used(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(prefix=f".{out.name}.", suffix=".partial", dir=out.parent))
    try:
        yield aside
        os.chmod(aside, 0o777 & ~_umask())  # mkdtemp makes it private; the result has the user's usual rights
        refuse_used(out)  # another program may have taken the name meanwhile
        os.replace(aside, out)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


@contextmanager
def whole_file(out: Path) -> Iterator[Path]:
    """A file name to write to that replaces ``out`` when the block ends well, and vanishes when it does not."""
    out.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{out.name}.", suffix=".partial", dir=out.parent)
    os.close(handle)
    aside = Path(name)
    try:
        yield aside
        os.chmod(aside, 0o666 & ~_umask())
        os.replace(aside, out)
    finally:
        aside.unlink(missing_ok=True)

"""What an adapter made of a data set."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from condyle.errors import InputError, UsageError
from condyle.outputs import cannot_write


@dataclass(frozen=True, slots=True)
class Imported:
    """The outcome of an import.

    Parameters
    ----------
    folder : the cohort folder
    patients, studies, series, labels, masks : counts of what was written
    left_out : (file or row, reason) of everything in the release that did not enter the cohort
    """

    folder: Path
    patients: int
    studies: int
    series: int
    labels: int
    masks: int
    left_out: tuple[tuple[str, str], ...] = ()


class Files:
    """How the cohort names the files of a release: by a relative path, or as copies of its own.

    Parameters
    ----------
    source : folder of the release
    out : cohort folder; made when absent
    copy : bool - copy every named file into ``out`` under its path in the release

    Raises
    ------
    UsageError - ``out`` holds something already
    """

    def __init__(self, source: Path, out: Path, *, copy: bool) -> None:
        self.source, self.out, self.copy = source.resolve(), out.resolve(), copy
        if self.out.exists() and (not self.out.is_dir() or any(self.out.iterdir())):
            raise UsageError(
                "output-exists", "The cohort folder already holds something.", where=out.name, what_to_do="Name another folder with -o."
            )
        try:
            self.out.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise cannot_write(out, error) from error

    def has(self, name: str) -> bool:
        return bool(name) and (self.source / name).is_file()

    def place(self, name: str) -> str:
        """The path to write into a table for the release's file ``name``."""
        origin = Path(os.path.normpath(self.source / name))
        if not origin.is_relative_to(self.source):
            raise InputError(
                "path-outside", "A table of the release names a file outside of its folder.", where=name,
                why="Only files of the release may enter a cohort.", what_to_do="Correct the table.",
            )
        if not self.copy:
            return Path(os.path.relpath(origin, self.out)).as_posix()
        target = self.out / origin.relative_to(self.source)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(origin, target)
        except OSError as error:
            raise cannot_write(target, error) from error
        return target.relative_to(self.out).as_posix()

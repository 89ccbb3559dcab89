"""Running the program as a user does: in a fresh process, without a terminal."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Ran:
    """What a command left: exit code and what it said."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """The JSON document of ``--json``."""
        return json.loads(self.out)


def condyle(*words: object, cwd: Path | None = None, timeout: float = 300, env: dict[str, str] | None = None, prelude: str = "") -> Ran:
    """Run ``condyle WORDS``.

    Parameters
    ----------
    words : the command line after ``condyle``
    cwd : folder to run in
    env : variables on top of this process's
    prelude : Python statements to run in the process before the command (limits, guards)
    """
    code = f"{prelude}\nfrom condyle.cli import main\nmain()"
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, words)], cwd=cwd, env=os.environ | {"OMP_NUM_THREADS": "1"} | (env or {}),
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout, check=False,
    )  # fmt: skip
    return Ran(done.returncode, done.stdout, done.stderr)


def python(code: str, *words: object) -> Ran:
    """Run Python code in a fresh process."""
    done = subprocess.run([sys.executable, "-c", code, *map(str, words)], capture_output=True, text=True, timeout=120, check=False)
    return Ran(done.returncode, done.stdout, done.stderr)

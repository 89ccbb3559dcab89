"""Independent programs that judge what the DICOM exporters write. A program that is missing skips the test and is named."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

# Any private coding scheme draws this line, although the object names its scheme as the standard asks.
ALLOWED = ("Unrecognized defined term <99CONDYLE>",)


def run(program: str, *words: object, package: str) -> str:
    """What a program says, on both channels."""
    beside = Path(sys.executable).with_name(program)
    found = str(beside) if beside.exists() else shutil.which(program)
    if found is None:
        pytest.skip(f"{program} is not installed ({package})")
    done = subprocess.run([found, *map(str, words)], capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0 or program.startswith("dc"), done.stderr
    return done.stdout + done.stderr


def complaints(file: Path) -> list[str]:
    """Errors and warnings of dciodvfy (David Clunie's dicom3tools)."""
    said = run("dciodvfy", file, package="apt-get install dicom3tools").splitlines()
    return [line for line in said if line.startswith(("Error", "Warning")) and not any(known in line for known in ALLOWED)]

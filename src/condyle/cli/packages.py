"""``condyle packages``: bring reader packages in, prove that they are whole."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from condyle.cli.command import command, group
from condyle.cli.screen import Screen

IMPORT_EXAMPLES = ("condyle packages import my-package.condyle", "condyle packages import my-package.condyle --json")
VERIFY_EXAMPLES = ("condyle packages verify", "condyle packages verify lumbar")


def add_to(app: typer.Typer) -> None:
    packages = group("packages", "Bring reader packages in, prove that all are whole.", examples=(VERIFY_EXAMPLES[0], IMPORT_EXAMPLES[0]))
    command(packages, "import", examples=IMPORT_EXAMPLES)(import_package)
    command(packages, "verify", examples=VERIFY_EXAMPLES)(verify)
    app.add_typer(packages)


def import_package(screen: Screen, path: Annotated[Path, typer.Argument(help="A package folder or .condyle file.")]) -> None:
    """Verify a package and copy it to where packages are found by name."""
    raise NotImplementedError


def verify(screen: Screen, name: Annotated[str, typer.Argument(help="Name or path of one package; all when left out.")] = "") -> int | None:
    """Check every file of the installed packages against its sha256."""
    raise NotImplementedError

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


def import_package(
    screen: Screen, path: Annotated[Path, typer.Argument(readable=False, help="A package folder or .condyle file.")]
) -> None:
    """Check a package and copy it to where packages are found by name."""
    from condyle.readers import import_package as bring

    shelved = bring(path)
    screen.say(f"{shelved.name}: now found by this name in {shelved.path.parent}")
    screen.record(name=shelved.name, path=shelved.path, package=shelved.info)


def verify(screen: Screen, name: Annotated[str, typer.Argument(help="Name or path of one package; all when left out.")] = "") -> int:
    """Check every file of the installed packages against its sha256."""
    from condyle.readers import list_packages, verify_package

    shelved = (verify_package(name),) if name else list_packages()
    for one in shelved:
        screen.say(f"{one.name}: whole (sha256 {one.info.sha256})" if one.info else f"{one.name}: NOT WHOLE. {one.problem}")
    if not shelved:
        screen.note("No package was found.")
    damaged = [one.name for one in shelved if one.problem]
    screen.record(packages=[{"name": one.name, "whole": not one.problem, "problem": one.problem, "package": one.info} for one in shelved])
    return 4 if damaged or not shelved else 0

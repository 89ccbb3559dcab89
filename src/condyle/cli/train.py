"""``condyle train``: a recipe and a cohort become a package."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from condyle.cli.command import command
from condyle.cli.screen import Screen

EXAMPLES = (
    "condyle train lumbar --data cohort -o my-package --size smoke",
    "condyle train lumbar --data cohort -o my-package --size smoke --dry-run",
)


def add_to(app: typer.Typer) -> None:
    command(app, "train", examples=EXAMPLES)(train)


def train(
    screen: Screen,
    recipe: Annotated[str, typer.Argument(help="Name of a shipped recipe, or path of a recipe.yaml.")],
    data: Annotated[Path, typer.Option("--data", "-d", help="Cohort folder with manifest.csv and labels.csv.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Package folder to write.")],
    size: Annotated[str, typer.Option("--size", help="smoke (minutes, a check), study or full.")] = "full",
    seed: Annotated[int | None, typer.Option("--seed", help="Overrides the recipe's seed.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check recipe and cohort, print the resolved recipe, train nothing.")] = False,
) -> None:
    """Train a reader package from a recipe. Interrupted, the same command goes on where it stopped."""
    raise NotImplementedError

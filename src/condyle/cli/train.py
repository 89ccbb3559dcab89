"""``condyle train``: a recipe and a cohort become a package."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from condyle.cli.command import command
from condyle.cli.screen import Screen

EXAMPLES = (
    "condyle train lumbar --data cohort -o my-package --size smoke",
    "condyle train lumbar --data cohort -o my-package --size smoke --dry-run",
)


class Size(StrEnum):
    """How much is trained."""

    smoke = "smoke"
    study = "study"
    full = "full"


def add_to(app: typer.Typer) -> None:
    command(app, "train", examples=EXAMPLES)(train)


def train(
    screen: Screen,
    recipe: Annotated[str, typer.Argument(help="Name of a shipped recipe, or path of a recipe.yaml.")],
    data: Annotated[Path, typer.Option("--data", "-d", readable=False, help="Cohort folder with manifest.csv and labels.csv.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Package folder to write.")],
    size: Annotated[Size, typer.Option("--size", help="smoke (minutes: does it run?), study (a first answer) or full.")] = Size.full,
    seed: Annotated[int | None, typer.Option("--seed", min=0, help="Overrides the recipe's seed.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check recipe and cohort, print the resolved recipe, train nothing.")] = False,
) -> None:
    """Train a reader package from a recipe. Interrupted, the same command goes on where it stopped."""
    from condyle.cohorts import load_cohort
    from condyle.cohorts.manifest import check_manifest
    from condyle.outputs import refuse_to_overwrite
    from condyle.train.recipe import load_recipe

    refuse_to_overwrite(out)
    resolved = load_recipe(recipe, size=size.value, seed=seed)
    cohort = load_cohort(data)
    for doubt in check_manifest(cohort.rows):
        screen.note(f"warning: {doubt.what} ({doubt.where}) {doubt.why}")
    counts = {"patients": len(cohort.patients), "studies": len(cohort.studies), "labels": len(cohort.labels)}
    if dry_run:
        import yaml

        screen.say(yaml.safe_dump(resolved.model_dump(mode="json"), sort_keys=False).rstrip())
        screen.note(", ".join(f"{number} {name}" for name, number in counts.items()))
        screen.record(recipe=resolved.model_dump(mode="json"), **counts)
        return
    from condyle.train import train as run

    with screen.progress(f"Training {resolved.name} ({resolved.size})") as bar:
        package = run(resolved, cohort, out, progress=lambda piece, done, total: bar.update(done, total, what=f"Training, {piece}"))
    screen.say(f"{out}: {package.info.name} {package.info.version} (sha256 {package.info.sha256})")
    screen.record(out=out, package=package.info, **counts)

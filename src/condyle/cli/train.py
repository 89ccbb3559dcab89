"""``condyle train``: a recipe and a cohort become a package."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from condyle.cli.command import command
from condyle.cli.progress import duration
from condyle.cli.screen import Screen

if TYPE_CHECKING:
    from condyle.cohorts.cohort import Cohort
    from condyle.train.sections import Recipe

EXAMPLES = (
    "condyle train lumbar --data cohort -o my-package --size smoke",
    "condyle train knee_nine --data knees -o my-knee --size smoke",
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
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be read and how long it would take; train nothing.")] = False,
    tensorboard: Annotated[bool, typer.Option("--tensorboard", help="Also write logs for TensorBoard (extra 'tensorboard').")] = False,
    devices: Annotated[
        str,
        typer.Option("--devices", help="Graphics processors that share every batch, or processes where there are none; auto takes all."),
    ] = "1",
) -> None:
    """Train a reader package from a recipe. Interrupted, the same command goes on where it stopped.

    Curves, best epochs, time and memory stand in OUT.work/run.html, written anew after every epoch.
    """
    from condyle.cohorts import load_cohort
    from condyle.cohorts.manifest import check_manifest
    from condyle.train.recipe import load_recipe
    from condyle.train.run import admitted, devices_of, learnable, refuse_existing_package

    refuse_existing_package(out)
    resolved = load_recipe(recipe, size=size.value, seed=seed)
    count = devices_of(resolved, devices)
    cohort = load_cohort(data)
    for doubt in check_manifest(cohort.rows):
        screen.note(f"warning: {doubt.what} ({doubt.where}) {doubt.why}")
    whole, cohort = len(cohort.studies), admitted(resolved, cohort)
    if resolved.data.contrast:
        screen.note(f"{len(cohort.studies)} of {whole} studies are taken: contrast {resolved.data.contrast}.")
    resolved, unknown = learnable(resolved, cohort)
    if unknown:
        screen.note(f"warning: {', '.join(unknown)}: no study has a label; left out, and the package will not speak of them.")
    counts = {"patients": len(cohort.patients), "studies": len(cohort.studies), "labels": len(cohort.labels)}
    if dry_run:
        if count > 1:
            screen.note("Time and memory are reckoned for one device.")
        _plan(screen, resolved, cohort)
        screen.record(recipe=resolved.model_dump(mode="json"), **counts)
        return
    from condyle.train import train as run

    with screen.progress(f"Training {resolved.name} ({resolved.size})") as bar:

        def hear(piece: str, done: int, total: int) -> None:
            bar.update(done, total, what=f"Training, {piece}")

        package = run(resolved, cohort, out, progress=hear, tensorboard=tensorboard, devices=count)
    screen.say(f"{out}: {package.info.name} {package.info.version} (sha256 {package.info.sha256})")
    page = out.with_name(out.name + ".work") / "run.html"
    screen.note(f"curves, time and memory: {page}")
    screen.record(out=out, package=package.info, run=page, **counts)


def _plan(screen: Screen, recipe: Recipe, cohort: Cohort) -> None:
    """What would be read, who is in which part, and what a few prepared studies and one batch let expect."""
    from condyle.train.planning import one_class, sources_of

    sources = sources_of(cohort)
    screen.say(f"recipe: {recipe.name} {recipe.version}, size {recipe.size} (all its settings: --json)")
    screen.say(
        f"would read: {sources.studies} studies of {sources.patients} patients, {sources.series} rows, {sources.files} files, "
        f"{_size(sources.bytes)}; set apart and never opened: {sources.apart} studies"
    )
    screen.record(sources=sources)
    from condyle.train.run import dry_run

    with screen.progress("Preparing a few studies and training one batch"):
        parts, run = dry_run(recipe, cohort)
    names = list(parts[0].findings)
    rows = [[part.name, part.studies, part.patients, *("/".join(map(str, part.findings[name])) for name in names)] for part in parts]
    screen.table(rows, ("part (present/absent/unknown)", "studies", "patients", *names))
    screen.say(
        f"would take: about {duration(run.seconds)} ({duration(run.prepare_s)} to prepare, {duration(run.train_s)} for {run.steps} steps "
        f"of {run.networks} networks, if none stops early), {duration(run.processor_s)} of processor time, "
        f"{_size(run.disk_bytes)} of disk, {run.memory_mib:.0f} MiB of memory"
    )
    screen.say(run.how)
    for sentence in (doubts := one_class(parts)):
        screen.note(f"warning: {sentence}")
    screen.record(parts=parts, reckoned=run, seconds=run.seconds, processor_seconds=run.processor_s, doubts=doubts)


def _size(count: float) -> str:
    return f"{count / 2**30:.1f} GiB" if count >= 2**30 else f"{count / 2**20:.1f} MiB"

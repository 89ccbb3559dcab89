"""``condyle predict``: a package over a whole manifest, into one table."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from condyle.cli.command import command
from condyle.cli.options import ENGINE_HELP
from condyle.cli.screen import Screen


class Split(StrEnum):
    """Words of the manifest's column split."""

    train = "train"
    validation = "validation"
    test = "test"
    external = "external"


EXAMPLES = (
    "condyle predict lumbar --manifest cohort/manifest.csv -o predictions.csv",
    "condyle predict lumbar --manifest cohort/manifest.csv -o predictions.csv --json",
)


def add_to(app: typer.Typer) -> None:
    command(app, "predict", examples=EXAMPLES)(predict)


def predict(
    screen: Screen,
    package: Annotated[str, typer.Argument(help="Name or path of the reader package.")],
    manifest: Annotated[Path, typer.Option("--manifest", "-m", readable=False, help="manifest.csv: one row a series or a study.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="predictions.csv to write. An unfinished one is taken up again.")],
    split: Annotated[list[Split] | None, typer.Option("--split", help="Read the studies of this split alone; may be repeated.")] = None,
    training_patients: Annotated[
        bool, typer.Option("--training-patients", help="Read patients whom the package was fitted on too, marked: to look at the fit.")
    ] = False,
    engine: Annotated[str, typer.Option("--engine", help=ENGINE_HELP)] = "",
) -> int:
    """Read all studies of a manifest into predictions.csv.

    Interrupted, the same command goes on where it stopped. Studies that cannot be read are listed and give exit code 1.
    Patients whom the package was fitted on are refused.
    """
    from condyle.cohorts import predict as run
    from condyle.readers import load_package

    reader = load_package(package, engine=engine)
    with screen.progress("Reading studies") as bar:
        result = run(reader, manifest, out, splits=split or (), training_patients=training_patients, progress=bar.update)
    for study_id, reason in result.failed:
        screen.note(f"not read: {study_id}: {reason}")
    for warning in result.warnings:
        screen.note(f"warning: {warning}")
    screen.note(f"{result.done} studies read, {len(result.failed)} not." + (f" Why: {result.failures}" if result.failures else ""))
    screen.say(str(result.path))
    failed = [{"study_id": study_id, "reason": reason} for study_id, reason in result.failed]
    screen.record(out=result.path, read=result.done, failed=failed, failures=result.failures, warnings=result.warnings)
    return 1 if result.failed else 0

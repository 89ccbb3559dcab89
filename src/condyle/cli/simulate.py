"""``condyle simulate``: studies as DICOM with planted findings and truth."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from condyle.cli.command import command
from condyle.cli.options import split_words
from condyle.cli.screen import Screen

EXAMPLES = (
    "condyle simulate lumbar cohort",
    "condyle simulate knee knees --seed 7 --difficulty easy --matrix 160 --slices 12",
)


def add_to(app: typer.Typer) -> None:
    command(app, "simulate", examples=EXAMPLES)(simulate)


def simulate(
    screen: Screen,
    joint: Annotated[str, typer.Argument(help="What to draw: lumbar or knee.")],
    out: Annotated[Path, typer.Argument(readable=False, help="Cohort folder to write. It must not exist yet.")],
    studies: Annotated[int, typer.Option("--studies", "-n", min=1, help="How many studies.")] = 1,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Same seed, same studies.")] = 0,
    findings: Annotated[str, typer.Option("--findings", help="Comma separated findings to plant; drawn at random when empty.")] = "",
    vendor: Annotated[str, typer.Option("--vendor", help="Style of the headers: siemens, philips, ge; mixed when empty.")] = "",
    difficulty: Annotated[
        str, typer.Option("--difficulty", help="Knee: how plain the drawn findings are (a table of difficulty.toml): study, easy.")
    ] = "",
    series: Annotated[str, typer.Option("--series", help="Comma separated series, such as pd_fs_sag; the usual ones when empty.")] = "",
    matrix: Annotated[int, typer.Option("--matrix", min=0, max=1024, help="Rows and columns of a picture; 0: as scanners have them.")] = 0,
    slices: Annotated[int, typer.Option("--slices", min=0, max=200, help="Slices of each series; 0: as scanners have them.")] = 0,
) -> None:
    """Draw studies with planted findings, as DICOM with truth.

    Writes a cohort: DICOM series, manifest.csv, labels.csv, masks and positions.

    A run that was interrupted leaves OUT.partial; the same command goes on where it ended.

    Simulated studies serve tests, tutorials and demonstrations. They are never evidence of accuracy on patients.
    """
    from condyle.outputs import written_aside
    from condyle.simulate import write_cohort
    from condyle.simulate.cohort import unfinished

    planted = split_words(findings) if findings else ()
    options: dict[str, Any] = {"matrix": matrix or None, "slices": slices or None}
    options |= {"series": split_words(series)} if series else {}
    options |= {"difficulty": difficulty} if difficulty else {}
    with written_aside(out, sums=False, keep=unfinished) as aside, screen.progress("Simulating", studies) as bar:
        write_cohort(joint, aside, studies=studies, seed=seed, findings=planted, vendor=vendor, progress=bar.update, **options)
    screen.say(str(out / "manifest.csv"))
    screen.record(out=out, manifest=out / "manifest.csv", labels=out / "labels.csv", studies=studies, seed=seed)

"""``condyle view``: a contact sheet of what was recognised in a study."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from condyle.cli.command import command
from condyle.cli.options import Given, given_traits
from condyle.cli.screen import Screen
from condyle.cli.study import load_study

EXAMPLES = (
    "condyle view study.zip",
    "condyle view cohort -o sheet.png",
)


def add_to(app: typer.Typer) -> None:
    command(app, "view", examples=EXAMPLES)(view)


def view(
    screen: Screen,
    path: Annotated[Path, typer.Argument(readable=False, metavar="STUDY", help="Folder, zip or file of one study.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="PNG to write.")] = Path("contact-sheet.png"),
    study: Annotated[str, typer.Option("--study", help="Key of the study when there are several.")] = "",
    given: Given = None,
) -> None:
    """Draw each series' middle slice and its recognised role.

    One PNG, to see at a glance what Condyle takes a study for.
    """
    from condyle.outputs import file_aside, refuse_existing_file
    from condyle.report import contact_sheet

    refuse_existing_file(out)
    opened, volumes = load_study(screen, path, study, given_traits(given))
    with file_aside(out) as aside:
        aside.write_bytes(contact_sheet(opened, volumes))
    screen.say(str(out))
    screen.record(out=out, study_key=opened.study_key, series=list(volumes), problems=opened.all_problems())

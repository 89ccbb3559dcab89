"""The program as a whole: every command group in its place, and one way out with an exit code."""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from condyle.cli import check, data, doctor, evaluate, listing, packages, predict, read, show, simulate, train, view
from condyle.cli.command import ExamplesFirst
from condyle.cli.failure import leave_quietly, report_failure
from condyle.cli.screen import Screen

EXAMPLES = (
    "condyle simulate lumbar cohort",
    "condyle read cohort -o reports",
)

# Of a day's work, not of the alphabet.
ORDER = ("read", "view", "check", "simulate", "predict", "evaluate", "train", "data", "packages", "list", "show", "doctor")


class _Program(ExamplesFirst, typer.core.TyperGroup):
    examples = EXAMPLES
    legend = (
        "Exit codes: 0 done; 1 done, some studies were not or are not in order; 2 wrong usage; 3 input cannot be used; "
        "4 package missing or damaged; 5 out of disk or memory; 70 a bug; 130 interrupted."
    )

    def list_commands(self, ctx: Any) -> list[str]:
        return sorted(self.commands, key=ORDER.index)


app = typer.Typer(
    name="condyle",
    cls=_Program,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)

for part in (read, view, check, simulate, predict, evaluate, train, data, packages, listing, show, doctor):
    part.add_to(app)


def _print_version(asked: bool) -> None:
    if asked:
        from condyle import __version__

        typer.echo(f"condyle {__version__}")
        raise typer.Exit()


@app.callback()
def condyle(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and leave.")
    ] = False,
) -> None:
    """A workbench for musculoskeletal MRI: from DICOM to graded findings, a report, and honest numbers. Research use only."""


def program() -> Any:
    """The click command behind the program, for the reference pages and the tests."""
    return typer.main.get_command(app)


def run(arguments: Sequence[str]) -> int:
    """Run one command line.

    Parameters
    ----------
    arguments : the words after ``condyle``

    Returns
    -------
    int - the exit code: 0 done, 1 some studies were not or are not in order, 2 wrong usage, 3 input, 4 package, 5 disk or memory,
    70 a bug, 130 interrupted (143 by SIGTERM)
    """
    for stream in (sys.stdout, sys.stderr):  # a path that cannot be printed as it is must not stop anything
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        code = program().main(args=list(arguments) or ["--help"], prog_name="condyle", standalone_mode=False)
        sys.stdout.flush()  # here, where a reader that left is expected, not at exit
    except BrokenPipeError:
        leave_quietly()
        return 0
    except Exception as error:
        return report_failure(error, Screen(json="--json" in arguments, quiet=False), debug="--debug" in arguments)
    return code if isinstance(code, int) else 0

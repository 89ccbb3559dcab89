"""What every command has: examples at the head of its help, --json, --quiet, --debug, and one way to fail."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Annotated, Any, ClassVar

import typer
import typer.core

from condyle.cli.failure import guarded
from condyle.cli.screen import Screen

_COMMON = (
    inspect.Parameter(
        "json", inspect.Parameter.KEYWORD_ONLY, default=False,
        annotation=Annotated[bool, typer.Option("--json", help="Print one JSON document to standard output.")],
    ),
    inspect.Parameter(
        "quiet", inspect.Parameter.KEYWORD_ONLY, default=False,
        annotation=Annotated[bool, typer.Option("--quiet", "-q", help="Print errors only; no progress.")],
    ),
    inspect.Parameter(
        "debug", inspect.Parameter.KEYWORD_ONLY, default=False,
        annotation=Annotated[bool, typer.Option("--debug", help="Add the Python traceback to an error. It may name file paths.")],
    ),
)  # fmt: skip


class ExamplesFirst:
    """Help that opens with commands to copy, before the usage line."""

    examples: ClassVar[tuple[str, ...]] = ()
    legend: ClassVar[str] = ""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        if self.examples:
            with formatter.section("Examples"):
                for line in self.examples:
                    formatter.write(f"{'':>{formatter.current_indent}}{line}\n")
            formatter.write_paragraph()
        for part in ("format_usage", "format_help_text", "format_options"):
            getattr(self, part)(ctx, formatter)
        if self.legend:
            formatter.write_paragraph()
            formatter.write_text(self.legend)


def examples_first(examples: tuple[str, ...]) -> type[typer.core.TyperCommand]:
    """A command class whose help begins with these examples."""
    return type("ExampleCommand", (ExamplesFirst, typer.core.TyperCommand), {"examples": examples})


def examples_first_group(examples: tuple[str, ...]) -> type[typer.core.TyperGroup]:
    """A group class whose help begins with these examples."""
    return type("ExampleGroup", (ExamplesFirst, typer.core.TyperGroup), {"examples": examples})


def group(name: str, summary: str, *, examples: tuple[str, ...]) -> typer.Typer:
    """A noun that holds commands (``condyle packages ...``)."""
    return typer.Typer(name=name, help=summary, cls=examples_first_group(examples), rich_markup_mode=None)


def command(app: typer.Typer, name: str, *, examples: tuple[str, ...]) -> Callable[[Callable[..., int | None]], Callable[..., int | None]]:
    """Add a function to the program as a command.

    The function takes a ``Screen`` first, then its own typer parameters, and returns an exit code (None is 0).

    Parameters
    ----------
    app : the program or a group of it
    name : what is typed
    examples : command lines that work, the first things its help shows
    """

    def add(function: Callable[..., int | None]) -> Callable[..., int | None]:
        signature = inspect.signature(function, eval_str=True)
        own = [parameter for parameter in signature.parameters.values() if parameter.name != "screen"]

        def run(*, json: bool, quiet: bool, debug: bool, **arguments: Any) -> None:
            screen = Screen(json=json, quiet=quiet)
            raise typer.Exit(guarded(lambda: function(screen, **arguments), screen, debug=debug))

        parameters = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in own] + list(_COMMON)
        run.__signature__ = signature.replace(parameters=parameters, return_annotation=None)  # type: ignore[attr-defined]
        run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        run.__doc__ = function.__doc__
        app.command(name, cls=examples_first(examples))(run)
        return function

    return add

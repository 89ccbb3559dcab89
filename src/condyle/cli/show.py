"""``condyle show``: all about one thing, found by its name."""

from __future__ import annotations

from typing import Annotated

import typer

from condyle.cli.command import command
from condyle.cli.listing import names
from condyle.cli.screen import Screen
from condyle.cli.things import Thing, things_named
from condyle.errors import UsageError, did_you_mean

EXAMPLES = ("condyle show pfirrmann", "condyle show lumbar")


def add_to(app: typer.Typer) -> None:
    command(app, "show", examples=EXAMPLES)(show)


def show(
    screen: Screen, name: Annotated[str, typer.Argument(metavar="THING", help="A joint, finding, package, recipe, plug-in or error code.")]
) -> None:
    """Say all about one name: a finding, package, error code ...

    The scale and source of a finding, the limits of a package, the cause of an error.
    """
    found = things_named(name)
    if not found:
        raise UsageError(
            "unknown-thing",
            f"Nothing here is called {name!r}.{did_you_mean(name, names())}",
            what_to_do="See 'condyle list findings', 'packages', 'steps', 'errors' ... for the names.",
        )
    for thing in found:
        _print(screen, thing)
    screen.record(things=[{"kind": thing.kind, "name": thing.name, **thing.facts} for thing in found])


def _print(screen: Screen, thing: Thing) -> None:
    screen.say(f"{thing.name} ({thing.kind})")
    for title, value in thing.facts.items():
        values = value if isinstance(value, (list, tuple)) else [value]
        for line in values:
            screen.say(f"  {title + ':':<16}{line}")
    screen.say()

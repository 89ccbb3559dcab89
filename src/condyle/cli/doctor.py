"""``condyle doctor``: is this installation fit for work?"""

from __future__ import annotations

import typer

from condyle.cli.command import command
from condyle.cli.screen import Screen

EXAMPLES = ("condyle doctor", "condyle doctor --json")


def add_to(app: typer.Typer) -> None:
    command(app, "doctor", examples=EXAMPLES)(doctor)


def doctor(screen: Screen) -> int:
    """Is this installation fit for work?

    Looks at Python, processor, disk, decoders, packages, plug-ins and the pseudonymisation key; changes nothing.
    """
    from condyle.cli.health import examine

    facts = examine()
    for fact in facts:
        screen.say(
            f"{'ok' if fact.ok else 'NOT OK':<7} {fact.name}: {fact.found}" + (f" - {fact.advice}" if not fact.ok and fact.advice else "")
        )
    screen.record(facts=[{"name": fact.name, "ok": fact.ok, "found": fact.found, "advice": fact.advice} for fact in facts])
    return max((fact.exit_code for fact in facts if not fact.ok), default=0)

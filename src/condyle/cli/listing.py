"""``condyle list``: what is there, by kind."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Annotated, Any

import typer

from condyle.anatomy import JOINTS
from condyle.cli.command import command
from condyle.cli.screen import Screen
from condyle.registry import Unavailable, plugins

EXAMPLES = ("condyle list findings", "condyle list packages --json")

Row = dict[str, Any]


class Kind(StrEnum):
    """What can be listed."""

    joints = "joints"
    findings = "findings"
    packages = "packages"
    recipes = "recipes"
    exporters = "exporters"
    steps = "steps"
    checks = "checks"
    families = "families"
    adapters = "adapters"
    errors = "errors"


def add_to(app: typer.Typer) -> None:
    command(app, "list", examples=EXAMPLES)(list_kind)


def list_kind(screen: Screen, kind: Annotated[Kind, typer.Argument(help="What to list.")]) -> None:
    """List what is there: joints, findings, packages, plug-ins ..."""
    found = rows(kind.value)
    if found:
        columns = [name for name in found[0] if any(row[name] not in ("", ()) for row in found)]
        screen.table([[_cell(row[name]) for name in columns] for row in found], columns)
    else:
        screen.note(f"No {kind.value} are installed.")
    screen.record(**{kind.value: found})


def _cell(value: object) -> object:
    return ", ".join(value) if isinstance(value, tuple) else value


def rows(kind: str) -> list[Row]:
    """Everything of one kind, one row each with the same columns."""
    special = {"joints": _joints, "findings": _findings, "packages": _packages, "recipes": _recipes, "errors": _errors}
    make: Callable[[], list[Row]] = special.get(kind, lambda: _plugins(kind))
    return make()


def names() -> set[str]:
    """Every name that ``condyle show`` knows."""
    return {row.get("name") or row["code"] for kind in Kind for row in rows(kind.value)}


def _joints() -> list[Row]:
    return [
        {"name": one.name, "title": one.title, "findings": len(one.findings), "sites": _sites(one)}
        for one in JOINTS.values()
    ]


def _sites(joint: Any) -> tuple[str, ...]:
    return tuple(joint.levels or joint.compartments or joint.sides)


def _findings() -> list[Row]:
    return [
        {"name": one.name, "joint": joint.name, "kind": one.kind, "title": one.title} for joint in JOINTS.values() for one in joint.findings
    ]  # fmt: skip


def _packages() -> list[Row]:
    from condyle.readers import list_packages

    return [
        {
            "name": one.name,
            "version": one.info.version if one.info else "?",
            "joint": one.joint,
            "findings": one.findings,
            "not usable": one.problem,
        }
        for one in list_packages()
    ]


def _recipes() -> list[Row]:
    from condyle.train.recipe import load_recipe, shipped_recipes

    recipes = {name: load_recipe(path) for name, path in shipped_recipes().items()}
    return [
        {"name": name, "version": one.version, "family": one.family, "joint": one.data.joint, "findings": tuple(one.data.findings)}
        for name, one in recipes.items()
    ]


def _errors() -> list[Row]:
    from condyle.cli.codes import error_codes

    return [{"code": one.code, "kind": one.kind, "what": one.whats[0]} for one in error_codes()]


def _plugins(kind: str) -> list[Row]:
    return [
        {"name": name, "summary": f"not available: {one.reason}" if isinstance(one, Unavailable) else one.summary}
        for name, one in plugins(kind).items()
    ]  # fmt: skip

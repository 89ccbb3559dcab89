"""Plug-in lookup: one small registry over the entry points ``condyle.<kind>``.

Our own plug-ins are declared in ``pyproject.toml`` in the same groups as a stranger's. An entry
point names a ``Plugin``: light to import, its heavy part loaded by ``Plugin.load``.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from condyle.errors import CondyleError, MissingExtraError, UsageError, did_you_mean

KINDS = ("families", "exporters", "steps", "checks", "adapters")
_SINGULAR = dict(zip(KINDS, ("reader family", "exporter", "preparation step", "quality check", "adapter of a data set"), strict=True))


@dataclass(frozen=True, slots=True)
class Plugin:
    """What a plug-in says about itself before anything heavy is imported.

    Parameters
    ----------
    name : str - unique within its kind
    summary : str - one line in the words of the field
    target : str - ``module:attribute`` of the part that does the work
    extra : str - optional extra that it needs; empty for the core
    source : str - paper or standard; empty when there is none
    options : keyword arguments that the working part takes beside its subject, by the names its caller uses
    """

    name: str
    summary: str
    target: str
    extra: str = ""
    source: str = ""
    options: tuple[str, ...] = ()

    def load(self) -> Any:
        """The working part. Raises ``MissingExtraError`` when a dependency is absent."""
        module, _, attribute = self.target.partition(":")
        try:
            return getattr(importlib.import_module(module), attribute)
        except ModuleNotFoundError as error:
            if error.name and not error.name.startswith("condyle"):
                raise MissingExtraError(self.extra or "?", f"The plug-in {self.name!r}", error.name) from error
            raise


@dataclass(frozen=True, slots=True)
class Unavailable:
    """A declared plug-in that cannot be loaded, and why."""

    name: str
    reason: str


@cache
def plugins(kind: str) -> dict[str, Plugin | Unavailable]:
    """All plug-ins of a kind by name, in alphabetical order.

    Raises ``CondyleError`` when two plug-ins of a kind share a name.
    """
    if kind not in KINDS:
        raise UsageError("unknown-kind", f"There is no kind of plug-in {kind!r}.", what_to_do=f"Use one of {', '.join(KINDS)}.")
    found: dict[str, Plugin | Unavailable] = {}
    for entry in sorted(_declared().select(group=f"condyle.{kind}"), key=lambda point: point.name):
        if entry.name in found:
            raise CondyleError(
                "duplicate-plugin",
                f"Two installed packages declare the {kind} plug-in {entry.name!r}.",
                why="A name must lead to one plug-in.",
                what_to_do="Uninstall one of them.",
            )
        found[entry.name] = _resolve(entry)
    return found


@cache
def _declared() -> Any:
    """The entry points of all installed packages; looking through them takes longer the more there are."""
    return entry_points()


def get(kind: str, name: str) -> Any:
    """The working part of one plug-in. Raises ``UsageError`` for an unknown name."""
    known = plugins(kind)
    plugin = known.get(name)
    if plugin is None:
        raise UsageError(
            "unknown-plugin", f"There is no {_SINGULAR[kind]} {name!r}.",
            what_to_do=f"Use one of: {', '.join(known) or 'none installed'}.{did_you_mean(name, known)}",
        )  # fmt: skip
    if isinstance(plugin, Unavailable):
        raise CondyleError(
            "plugin-unavailable", f"The {kind} plug-in {name!r} cannot be loaded.", why=plugin.reason,
            what_to_do="Update or remove the Python package that brings it; `condyle doctor` lists what is installed.",
        )  # fmt: skip
    return plugin.load()


def _resolve(entry: EntryPoint) -> Plugin | Unavailable:
    try:
        plugin = entry.load()
    except (ImportError, AttributeError) as error:
        return Unavailable(entry.name, str(error))
    if not isinstance(plugin, Plugin):
        return Unavailable(entry.name, f"{entry.value} is not a condyle.registry.Plugin")
    return plugin

"""Reporting checklists, filled from what a run can vouch for.

``*.yaml`` hold the items: number, words, and the facts (``facts.py``) that speak to it. An item without a fact is the authors' to write.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from condyle.report.checklists.facts import Fact

NAMES = ("claim_2024", "tripod_ai", "stard_ai", "decide_ai", "consort_ai", "model_card")
AUTHORS = "Not in these tables: the authors write it."


@dataclass(frozen=True, slots=True)
class Item:
    """One item: its number and words, 'reported', 'partial' or 'missing', and what is said or lacking."""

    number: str
    words: str
    status: str
    said: str


@dataclass(frozen=True, slots=True)
class Checklist:
    """A filled checklist; ``applies`` is False where the study is of another kind."""

    name: str
    title: str
    about: str
    source: str
    applies: bool
    items: tuple[Item, ...]

    def count(self, status: str) -> int:
        """Items of one status."""
        return sum(one.status == status for one in self.items)


def fill(facts: Mapping[str, Fact], kind: str) -> tuple[Checklist, ...]:
    """All checklists.

    Parameters
    ----------
    facts : of ``facts.facts_of``
    kind : title of the study's evidence; a checklist for trials does not apply to other kinds

    An item is 'reported' when all its facts are, 'missing' when none says anything, else 'partial'.
    """
    found = []
    for name in NAMES:
        given = _read(name)
        items = tuple(_item(str(number), words, [facts[key] for key in keys]) for number, words, keys in given["items"])
        applies = kind in given.get("applies", (kind,))
        found.append(Checklist(name, given["title"], given["about"], given["source"], applies, items))
    return tuple(found)


def _item(number: str, words: str, own: list[Fact]) -> Item:
    if not own:
        return Item(number, words, "missing", AUTHORS)
    states = {one.status for one in own}
    status = states.pop() if len(states) == 1 else "partial"
    return Item(number, words, status, " ".join(dict.fromkeys(one.said for one in own)))


@cache
def _read(name: str) -> dict[str, Any]:
    given = yaml.safe_load((files(__package__) / f"{name}.yaml").read_text("utf-8"))
    assert isinstance(given, dict)
    return given

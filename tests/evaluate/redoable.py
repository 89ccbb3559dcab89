"""What a statistician could not redo in a results.json: every number must say how it came about."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

HIDDEN = re.compile(r"^[-\u2212<(]?\d+\.\d+")  # a formatted number as text


def unexplained(document: Mapping[str, Any]) -> list[str]:
    """Sentences, one a number without its estimate, interval or reason, method, n, or seed; empty when all can be redone."""
    found = [f"results {place}: {one}" for place, row in enumerate(document["results"]) for one in _of_estimate(row)]
    for place, endpoint in enumerate(document["endpoints"]):
        if endpoint["estimate"] is not None:
            found += [f"endpoint {place}: {one}" for one in _of_estimate(endpoint["estimate"])]
        if not endpoint["met"] and not endpoint["why"]:
            found.append(f"endpoint {place}: not met, and no word why")
    for name, table in document["tables"].items():
        found += [f"table {name}: {one}" for one in dict.fromkeys(_of_table(table))]
    return found


def _of_estimate(one: Mapping[str, Any]) -> Iterator[str]:
    said = " ".join([one["method"], *one["warnings"]]).lower()
    who = f"{one.get('finding', '')} {one['measure']} {one.get('group', '')}".strip()
    if one["estimate"] is None:
        if not one["warnings"]:
            yield f"{who}: not defined, and no word why"
        return
    if not one["method"]:
        yield f"{who}: no method"
    if not one["n"] or not one["clusters"]:
        yield f"{who}: n or clusters is 0"
    if one["low"] is None and one["high"] is None and "no interval" not in said:
        yield f"{who}: no interval, and no word why ({one['method']})"
    if one["low"] is not None and one["low"] == one["high"]:
        yield f"{who}: an interval of width 0"
    if (one["resamples"] or re.search(r"bootstrap|random assignment|simulated outcomes", one["method"])) and one["seed"] is None:
        yield f"{who}: random, and no seed ({one['method']})"
    if one["p"] is not None and not one["null"]:
        yield f"{who}: p of no hypothesis"


def _of_table(table: Mapping[str, Any]) -> Iterator[str]:
    for row in table["rows"]:
        for column, cell in zip(table["columns"], row, strict=True):
            if isinstance(cell, Mapping):
                yield from _of_estimate(cell)
            elif isinstance(cell, float) and column not in table["how"]:
                yield f"column {column!r} holds numbers and does not say how they came about"
            elif isinstance(cell, str) and HIDDEN.search(cell) and column not in ("Note", "Method", "sha256"):
                yield f"column {column!r} hides a number in text: {cell[:60]}"

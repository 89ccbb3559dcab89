"""Findings that somebody meant to write otherwise."""

from __future__ import annotations

from functools import cache

from condyle.anatomy import JOINTS
from condyle.errors import did_you_mean


def misspelt(row: int, finding: str) -> list[str]:
    """A problem where a finding is not in the catalogue but close to one; any other name is a finding of the table's own."""
    near = _near(finding)
    return [f"row {row}: unknown finding {finding[:40]!r}.{near}"] if near else []


@cache
def _near(finding: str) -> str:
    known = [entry.name for joint in JOINTS.values() for entry in joint.findings]
    return "" if finding in known else did_you_mean(finding, known)

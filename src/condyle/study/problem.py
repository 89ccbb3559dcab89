"""Problem: something wrong with input, said so that a person can act on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Severity = Literal["note", "warning", "error"]


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong with input.

    Parameters
    ----------
    code : str - stable kebab-case name (``slices-missing``)
    severity : 'note' the data are used as they are; 'warning' used with care; 'error' not used
    what, where, why, what_to_do : str - one sentence each, free of patient data. ``where`` names
        file, series, row or tag, relative to the path that was opened.
    """

    code: str
    severity: Severity
    what: str
    where: str = ""
    why: str = ""
    what_to_do: str = ""

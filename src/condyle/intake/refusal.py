"""An error that stops one file becomes a problem of the study, and the rest goes on."""

from __future__ import annotations

from condyle.errors import InputError
from condyle.study import Problem


def problem_of(error: InputError) -> Problem:
    """The same four parts as a problem."""
    return Problem(error.code, "error", error.what, error.where, error.why, error.what_to_do)


def reason_of(error: InputError) -> str:
    """Its why, as the reason in a list of unused files."""
    return f"{error.why[:1].lower()}{error.why[1:].rstrip('.')}"

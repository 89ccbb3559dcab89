"""The command line: one file a command group. It parses, calls, shows errors and progress, and thinks nothing.

Importing it loads no array, imaging or plotting package; those come in when a command runs.
"""

from __future__ import annotations

__all__ = ["main"]


def main() -> None:
    """The ``condyle`` program: run the command in ``sys.argv`` and leave with its exit code."""
    import sys

    from condyle.cli.app import run

    sys.exit(run(sys.argv[1:]))

"""YAML from outside: a mapping of plain values, or the caller's own error with the reason."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from condyle.errors import CondyleError

MAX_BYTES = 1 << 20
MAX_VALUES, MAX_DEPTH = 200_000, 40  # far beyond any recipe; an alias can multiply a small file into more


def load_yaml(raw: bytes, refuse: Callable[[str], CondyleError]) -> dict[str, Any]:
    """The mapping that a YAML file holds.

    Parameters
    ----------
    raw : the file
    refuse : makes the error to raise from a reason, one sentence that quotes nothing of the file

    Raises
    ------
    CondyleError - what ``refuse`` gives: too large, not UTF-8, not YAML, impossible dates, nested without end, no mapping
    """
    import yaml

    if len(raw) > MAX_BYTES:
        raise refuse(f"The file is larger than {MAX_BYTES >> 20} MiB.")
    try:
        content = yaml.safe_load(raw.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise refuse("It is not UTF-8 text.") from error
    except yaml.MarkedYAMLError as error:
        line = f" (line {error.problem_mark.line + 1})" if error.problem_mark is not None else ""
        raise refuse(f"It is not valid YAML{line}.") from error
    except RecursionError:
        raise refuse("It nests values too deeply.") from None  # the chain of a thousand frames helps nobody
    except (yaml.YAMLError, ValueError, OverflowError) as error:  # ValueError: 2026-99-99, a number of ten thousand digits
        raise refuse("It holds a value that cannot be: a date or number, or a character that is no text.") from error
    if not isinstance(content, dict):
        raise refuse("It is empty." if content is None else "It is not a list of keys with values.")
    if not _is_small(content):
        raise refuse(f"It holds more than {MAX_VALUES:,} values, or nests them more than {MAX_DEPTH} deep.")
    return content


def read_yaml(path: Path, refuse: Callable[[str], CondyleError]) -> dict[str, Any]:
    """As :func:`load_yaml`, of a file, of which no more is read than is allowed. Raises OSError where it cannot be read."""
    with path.open("rb") as file:
        return load_yaml(file.read(MAX_BYTES + 1), refuse)


def _is_small(content: Any) -> bool:
    """Whether a walk through all values ends soon, each alias counted where it stands."""
    seen, waiting = 0, [(content, 0)]
    while waiting:
        value, depth = waiting.pop()
        seen += 1
        if seen > MAX_VALUES or depth > MAX_DEPTH:
            return False
        inner = [*value, *value.values()] if isinstance(value, dict) else value if isinstance(value, list | tuple | set) else ()
        waiting += [(one, depth + 1) for one in inner]
    return True

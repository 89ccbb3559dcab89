"""One study with its volumes, for commands that look at all of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from condyle.cli.screen import Screen
from condyle.errors import InputError

if TYPE_CHECKING:
    from condyle.study import Study, Volume


def load_study(screen: Screen, path: Path, key: str, overrides: dict[str, Any]) -> tuple[Study, dict[str, Volume]]:
    """Open one study and decode every series that can be decoded.

    Raises
    ------
    InputError - nothing usable under ``path``, or no series can be decoded
    UsageError - several studies and no key, or an unknown one
    """
    from condyle.intake import load_volumes, open_study

    with screen.progress("Looking through the files"):
        study = open_study(path, study=key, overrides=overrides)
    with screen.progress("Loading pixels"):
        study, volumes = load_volumes(study)
    if not volumes:
        errors = [problem.what for problem in study.all_problems() if problem.severity == "error"]
        raise InputError(
            "no-usable-series", "No series of the study can be loaded.", where=path.name, why=" ".join(dict.fromkeys(errors)),
            what_to_do="Export the study again, or give the folder that holds its MR images.",
        )  # fmt: skip
    return study, volumes

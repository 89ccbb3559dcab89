"""Live reports of a run: a page beside it, written anew after every epoch, and TensorBoard's logs where they are asked for."""

from __future__ import annotations

import hashlib
import json
import platform
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import yaml

import condyle
from condyle.cohorts.cohort import Cohort
from condyle.errors import CondyleError, MissingExtraError
from condyle.outputs import write_whole
from condyle.report.run_page import PAGE, Fit, Run, run_page
from condyle.train.sections import Recipe
from condyle.train.stages import epochs_heard_by

_PATIENCE_S = 5.0  # between two writings of the page, but for the last
TENSORBOARD = "tensorboard"  # folder of its logs, within the work folder


@contextmanager
def reported(recipe: Recipe, cohort: Cohort, work: Path, *, tensorboard: bool = False) -> Iterator[None]:
    """Within the block every epoch is written to ``run.html`` in ``work``, and to TensorBoard's logs.

    Raises
    ------
    MissingExtraError - TensorBoard was asked for and is not installed
    """
    loggers: dict[Path, Any] = {}
    last = 0.0
    if tensorboard and not can_log():
        raise MissingExtraError("tensorboard", "Logging for TensorBoard", "tensorboardX")

    def hear(folder: Path, told: Mapping[str, float]) -> None:
        nonlocal last
        if tensorboard:
            _logger(loggers, work, folder).log_metrics({name: value for name, value in told.items() if name != "epoch"}, int(told["epoch"]))
        if time.monotonic() - last >= _PATIENCE_S:
            last = time.monotonic()
            write_run(recipe, cohort, work, finished=False)

    try:
        with epochs_heard_by(hear):
            yield
        write_run(recipe, cohort, work, finished=True)
    except BaseException:
        with suppress(CondyleError):  # what ended the run is said, not that its page could not be written
            write_run(recipe, cohort, work, finished=False)
        raise
    finally:
        for logger in loggers.values():
            logger.finalize("success")


def can_log() -> bool:
    return any(find_spec(name) is not None for name in ("tensorboardX", "tensorboard"))


def write_run(recipe: Recipe, cohort: Cohort, work: Path, *, finished: bool) -> Path:
    """run.html of everything that lies in the work folder now."""
    content = recipe.model_dump(mode="json")
    run = Run(
        f"{recipe.name} {recipe.version}, size {recipe.size}", _facts(recipe, cohort, work), yaml.safe_dump(content, sort_keys=False),
        recipe.select.metric, fits_of(work), finished, _trials(work),
    )  # fmt: skip
    return write_whole(work / PAGE, run_page(run).encode())


def fits_of(work: Path) -> tuple[Fit, ...]:
    """Every fit of which an epoch has ended, in the order of their folders."""
    found = []
    for path in sorted(work.rglob("history.json")):
        folder = path.parent
        history = tuple(json.loads(path.read_text(encoding="utf-8")))
        found.append(Fit(folder.relative_to(work).as_posix(), history, any(folder.glob("*.pt"))))
    return tuple(found)


def recipe_hash(recipe: Recipe) -> str:
    return hashlib.sha256(json.dumps(recipe.model_dump(mode="json"), sort_keys=True).encode()).hexdigest()


def _facts(recipe: Recipe, cohort: Cohort, work: Path) -> tuple[tuple[str, str], ...]:
    import torch

    mark = work / "run.sha256"
    splits = work / "splits.json"
    named, patients = cohort.about.get("name", "without a name"), len(set(cohort.patients.values()))
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else f"{platform.machine()}, {torch.get_num_threads()} threads"
    facts = {
        "Recipe, sha256": recipe_hash(recipe),
        "Recipe and cohort, sha256": mark.read_text().strip() if mark.is_file() else "",
        "Splits, sha256": str(json.loads(splits.read_text())["sha256"]) if splits.is_file() else "",
        "Cohort": f"{named}: {patients} patients, {len(cohort.studies)} studies",
        "Seed": str(recipe.seed),
        "Condyle, torch, Python": f"{condyle.__version__}, {torch.__version__}, {platform.python_version()}",
        "Device": device,
        "Written": time.strftime("%Y-%m-%d %H:%M:%S %Z"),
    }
    return tuple((name, value) for name, value in facts.items() if value)


def _trials(work: Path) -> tuple[tuple[str, str, str, str], ...]:
    path = work / "search" / "trials.json"
    if not path.is_file():
        return ()
    rows = []
    for one in json.loads(path.read_text()):
        value = "" if one["value"] is None else f"{one['value']:.4f}"
        told = [f"{name} {f'{what:.4g}' if isinstance(what, float) else what}" for name, what in one["settings"].items()]
        rows.append((str(one["trial"]), str(one["state"]), value, ", ".join(told)))
    return tuple(rows)


def _logger(loggers: dict[Path, Any], work: Path, folder: Path) -> Any:
    if folder not in loggers:
        from lightning.pytorch.loggers import TensorBoardLogger

        place = folder.relative_to(work) if folder.is_relative_to(work) else Path(folder.name)
        loggers[folder] = TensorBoardLogger(work / TENSORBOARD, name=place.as_posix(), version="")
    return loggers[folder]

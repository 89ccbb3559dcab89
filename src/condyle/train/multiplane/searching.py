"""The search over a recipe's settings: Optuna asks, a part of the pipeline answers, and what is poor is stopped early.

The search is given a cohort from which every patient marked test or external was taken out: their rows, paths and labels are not there,
so no trial can open them (faults G3 and G31). Each trial has a folder of its own, named by its settings, so a killed search goes on in the
middle of a trial, and no trial reads another's history (G18).
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from condyle.cohorts.cohort import APART, Cohort
from condyle.errors import CondyleError, MissingExtraError
from condyle.outputs import write_whole
from condyle.train.multiplane.learner import badness
from condyle.train.multiplane.pipeline import fit_prepared, prepare_studies
from condyle.train.multiplane.recipe import MultiplaneRecipe
from condyle.train.search_space import Range, placed
from condyle.train.stages import epochs_heard_by, stage

logger = logging.getLogger(__name__)

_DIVERGED = "loss-not-finite"


def search(recipe: MultiplaneRecipe, cohort: Cohort, work: Path, prepared: Path) -> MultiplaneRecipe:
    """The recipe with the settings that did best on held-out patients.

    Parameters
    ----------
    recipe : with a ``search`` block
    cohort : of ``development``
    work : folder of the search: ``optuna.journal``, ``trials.json``, one folder a trial; taken up again where it stopped
    prepared : folder of prepared studies, which trials share

    Raises
    ------
    ValueError - a patient of the cohort is set apart
    CondyleError - no trial came to an end
    MissingExtraError - Optuna is not installed
    """
    own = recipe.search
    if own is None or any(row.split in APART for row in cohort.rows):
        raise ValueError("a search needs a search block, and a cohort without patients who are set apart")
    if find_spec("optuna") is None:
        raise MissingExtraError("search", "The search over settings", "optuna")
    import optuna
    from optuna.trial import TrialState

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    work.mkdir(parents=True, exist_ok=True)
    storage = optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(str(work / "optuna.journal")))
    study = optuna.create_study(
        study_name="search", storage=storage, load_if_exists=True, direction="minimize",
        pruner=optuna.pruners.MedianPruner(n_startup_trials=own.startup, n_warmup_steps=own.warm_up),
    )  # fmt: skip
    for trial in study.get_trials(states=(TrialState.RUNNING,)):  # a run before this one was killed in its midst
        study.tell(trial.number, state=TrialState.FAIL)
        study.enqueue_trial(trial.params)
    while (done := _finished(study)) < own.trials:
        study.sampler = optuna.samplers.TPESampler(seed=own.seed + done)
        trial = study.ask()
        settings = {place: _asked(trial, place, values) for place, values in own.space.items()}
        with stage(f"trial {done + 1} of {own.trials}"):
            try:
                value = judged(recipe, settings, cohort, work, prepared, _pruning(trial))
                study.tell(trial, value)
            except optuna.TrialPruned:
                study.tell(trial, state=TrialState.PRUNED)
            except CondyleError as error:
                if error.code != _DIVERGED:
                    raise
                trial.set_user_attr("diverged", True)
                study.tell(trial, state=TrialState.FAIL)
        _record(study, work)
    if not study.get_trials(states=(TrialState.COMPLETE,)):
        raise CondyleError(
            "search-without-result", "No trial of the search came to an end.", why="The loss of every one grew without bound.",
            what_to_do="Lower the limits of optimiser.rate in search.space.",
        )  # fmt: skip
    logger.info("search: trial %d was best, %s", study.best_trial.number, study.best_trial.params)
    content = recipe.model_dump(mode="json")
    return MultiplaneRecipe.model_validate(placed(content, study.best_trial.params))


def judged(
    recipe: MultiplaneRecipe, settings: Mapping[str, Any], cohort: Cohort, work: Path, prepared: Path,
    hear: Callable[[Path, Mapping[str, float]], object],
) -> float:  # fmt: skip
    """How bad these settings are on held-out patients, lower is better: log loss, or 1 - mean AUROC.

    ``hear`` is told of every epoch, those of a run before this one first; what it raises ends the trial.
    """
    assert recipe.search is not None
    content = placed(recipe.model_dump(mode="json"), {**settings, "split.run": recipe.search.folds, "ensemble.seeds": 1, "search": None})
    tried = MultiplaneRecipe.model_validate(content)
    folder = work / hashlib.sha256(json.dumps(sorted(settings.items())).encode()).hexdigest()[:16]
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / "settings.json", json.dumps(dict(settings), indent=1).encode() + b"\n")
    for path in sorted(folder.rglob("history.json")):
        for told in json.loads(path.read_text(encoding="utf-8")):
            hear(path.parent, told)
    with epochs_heard_by(hear):
        fitted = fit_prepared(tried, cohort, prepare_studies(tried, cohort, prepared), folder)
    held = ~np.isnan(fitted.out_of_fold).all(axis=1)
    return badness(fitted.targets[held], fitted.out_of_fold[held], tried.select.metric)


def _pruning(trial: Any) -> Callable[[Path, Mapping[str, float]], None]:
    """Tells the trial how its first network does, and ends it when the pruner says so. Later folds and seeds run to their end."""
    import optuna

    first: list[Path] = []
    told_of: set[int] = set()

    def hear(folder: Path, told: Mapping[str, float]) -> None:
        first.append(folder)
        epoch, value = int(told["epoch"]), told.get("held_out", float("nan"))
        if folder != first[0] or epoch in told_of or not np.isfinite(value):
            return
        told_of.add(epoch)
        trial.report(value, epoch)
        if trial.should_prune():
            raise optuna.TrialPruned

    return hear


def _asked(trial: Any, place: str, values: Range) -> Any:
    if values.among:
        return trial.suggest_categorical(place, list(values.among))
    numbers = (values.low, values.high, values.step)
    if values.step is not None and all(float(number or 0).is_integer() for number in numbers):
        return trial.suggest_int(place, *(int(number or 0) for number in numbers[:2]), step=int(values.step))
    return trial.suggest_float(place, values.low, values.high, log=values.log, step=values.step)


def _finished(study: Any) -> int:
    """Trials that came to an end, were stopped or diverged; those of a killed run do not count."""
    return sum(trial.state.name in ("COMPLETE", "PRUNED") or "diverged" in trial.user_attrs for trial in study.trials)


def _record(study: Any, work: Path) -> None:
    """trials.json, for people and for the page of the run."""
    words = {"COMPLETE": "done", "PRUNED": "stopped early", "FAIL": "diverged"}
    rows = [
        {"trial": trial.number, "state": words[trial.state.name], "value": trial.value if trial.state.name == "COMPLETE" else None,
         "epochs": len(trial.intermediate_values), "settings": trial.params}
        for trial in study.trials
        if trial.state.name in words and (trial.state.name != "FAIL" or "diverged" in trial.user_attrs)
    ]  # fmt: skip
    write_whole(work / "trials.json", json.dumps(rows, indent=1).encode() + b"\n")

"""A dry run measured: a few studies are prepared and one batch is trained, and the run is reckoned from that.

Nothing is guessed from the sizes of networks: what a study costs to prepare, a step to train and a study to judge is timed here, with
this recipe, on this machine. Counting is exact, so what can be wrong is the speed of this moment, and training that stops early.
"""

from __future__ import annotations

import json
import resource
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch

from condyle.cohorts.cohort import Cohort, development
from condyle.cohorts.manifest import ManifestRow
from condyle.train.multiplane.features import open_features
from condyle.train.multiplane.learner import shape_of
from condyle.train.multiplane.localiser import FittedLocaliser, fit_localiser
from condyle.train.multiplane.pipeline import Prepared, build, cut_studies, slot_specs, splits_of
from condyle.train.multiplane.recipe import MultiplaneRecipe
from condyle.train.multiplane.targets import targets_of
from condyle.train.networks.multiplane import MultiplaneNetwork
from condyle.train.networks.weights import load_initial
from condyle.train.planning import Part, Reckoned, part_of

SAMPLE = 3  # studies that are prepared
_STEPS = 3  # timed after one that warms up

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Measured:
    """Seconds and bytes, each of one: localiser in all, study prepared, study's features, step, study judged, network's weights.

    ``peak_mib`` is the memory of this process after a whole batch was trained and a study judged; ``studies`` were prepared; ``busy`` is
    how many processors this process had meanwhile: fewer than there are threads means that other work slowed it.
    """

    studies: int
    locate_s: float
    cut_s: float
    features_s: float
    step_s: float
    judge_s: float
    stack_bytes: int
    feature_bytes: int
    weight_bytes: int
    peak_mib: float
    device: str
    busy: float


def parts_of(recipe: MultiplaneRecipe, cohort: Cohort) -> tuple[Part, ...]:
    """Who trains and who is held out in every fold that would run. Raises as training would."""
    rows = list(development(cohort).rows)
    studies = list(dict.fromkeys(row.study_id for row in rows))
    targets, _ = targets_of(cohort.labels, studies, recipe.columns, recipe.loss.ordinal)
    splits = splits_of(recipe, cohort, rows, targets)
    folds = np.array([splits.folds[cohort.patients[study]] for study in studies])
    found = [part_of("all", np.arange(len(studies)), studies, cohort.patients, targets, recipe.columns)]
    for fold in range(_folds(recipe)):
        for name, own in (("trained on", folds != fold), ("held out", folds == fold)):
            found.append(part_of(f"fold {fold + 1}, {name}", np.flatnonzero(own), studies, cohort.patients, targets, recipe.columns))
    return tuple(found)


def measure(recipe: MultiplaneRecipe, cohort: Cohort, folder: Path) -> Measured:
    """Prepare a few studies in ``folder`` and train a batch of them.

    Raises as training would, for what these studies are.
    """
    begun, cpu = time.perf_counter(), time.process_time()
    rows: dict[str, Sequence[ManifestRow]] = dict(development(cohort).studies)
    names = [list(rows)[at] for at in np.unique(np.linspace(0, len(rows) - 1, SAMPLE).astype(int)).tolist()]
    localiser, locate_s = _localiser(recipe, rows, folder) if recipe.locate.use else (None, 0.0)
    bare = recipe.model_copy(update={"optimiser": recipe.optimiser.model_copy(update={"draws": 0})})
    prepared, cut_s = _timed(lambda: cut_studies(bare, {name: rows[name] for name in names}, localiser, folder))
    features_s = feature_bytes = 0.0
    if recipe.optimiser.draws:
        network = MultiplaneNetwork(shape_of(recipe, len(recipe.columns)))
        load_initial(network, recipe.network.init)
        features, features_s = _timed(lambda: open_features(prepared.store, network, recipe, folder))
        prepared = Prepared(prepared.store, localiser, features)
        feature_bytes = sum(path.stat().st_size for path in features.files)
    step_s, judge_s, weights, device = _trained(recipe, cohort, prepared)
    count, stacks = len(names), sum(path.stat().st_size for path in prepared.store.files)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return Measured(
        count, locate_s, cut_s / count, features_s / count, step_s, judge_s, round(stacks / count), round(feature_bytes / count), weights,
        peak, device, (time.process_time() - cpu) / (time.perf_counter() - begun),
    )  # fmt: skip


def reckon(recipe: MultiplaneRecipe, parts: Sequence[Part], one: Measured) -> Reckoned:
    """The run from its counts and what one of each costs: every epoch is run, every held-out study judged after each, and every trial of
    a search trains to its end on studies prepared as the recipe says."""
    groups = len(recipe.columns) if recipe.network.per_finding else 1
    search = recipe.search
    networks = steps = 0
    train_s = 0.0
    for fold, (own, held) in enumerate(zip(parts[1::2], parts[2::2], strict=True)):
        tried = search.trials if search is not None and fold < search.folds else 0
        here = groups * (recipe.ensemble.seeds + tried)
        each = max(1, own.studies // recipe.optimiser.batch)
        epochs = here * recipe.optimiser.epochs
        networks, steps = networks + here, steps + epochs * each
        train_s += epochs * (each * one.step_s + held.studies * one.judge_s)
    studies = parts[0].studies
    # Weights of every network, and of the one in training its checkpoint: weights, the best so far, two moments of each.
    disk = studies * (one.stack_bytes + one.feature_bytes) + (networks + 4) * one.weight_bytes
    prepare = one.locate_s + studies * (one.cut_s + one.features_s)
    how = (
        f"measured here ({one.device}, {one.busy:.1f} processors at hand) on {one.studies} studies: {one.cut_s:.2f} s to prepare a study, "
        f"{one.features_s:.2f} s for its features, {one.step_s:.3f} s a step, {one.judge_s:.3f} s to judge a study; "
        f"localiser {one.locate_s:.0f} s in all"
    )
    return Reckoned(networks, steps, prepare, train_s, disk, one.peak_mib, how, one)


def _folds(recipe: MultiplaneRecipe) -> int:
    return 1 if recipe.split.by == "manifest" else recipe.split.run


def _localiser(recipe: MultiplaneRecipe, rows: dict[str, Any], folder: Path) -> tuple[FittedLocaliser, float]:
    """One of two studies and three epochs, of which the first two warm up, and the seconds that the recipe's own would take."""
    settings = recipe.locate
    few = settings.model_copy(update={"studies": 2, "epochs": 3})
    found, seconds = _timed(lambda: fit_localiser(few, rows, slot_specs(recipe), folder))
    told = json.loads(next(folder.glob("localiser-*/history.json")).read_text())
    reading = max(seconds - sum(one["seconds"] for one in told), 0.0)
    masked = min(settings.studies, sum(any(row.mask is not None for row in own) for own in rows.values()))
    return found, masked / 2 * (reading + told[-1]["seconds"] * settings.epochs)


def _trained(recipe: MultiplaneRecipe, cohort: Cohort, prepared: Prepared) -> tuple[float, float, int, str]:
    """(seconds a step, seconds to judge a study, bytes of a network's weights, where it ran). Batches are made beside the steps, as in
    training, and the dearest kind of step is taken: with attention, where the recipe has it."""
    store = prepared.store
    network = recipe.network.model_copy(update={"attention": recipe.network.attention.model_copy(update={"from_epoch": 1})})
    recipe = recipe.model_copy(update={"network": network})
    targets, weights = targets_of(cohort.labels, store.studies, recipe.columns, recipe.loss.ordinal)
    columns = [0] if recipe.network.per_finding else list(range(len(recipe.columns)))
    many = np.resize(np.arange(len(store)), recipe.optimiser.batch * (_STEPS + 1)).astype(np.intp)
    learner, batches = build(recipe, prepared, targets[:, columns], weights[:, columns], many, np.arange(1), recipe.seed)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    learner.to(device).train()
    learner.note = lambda loss, studies: None  # type: ignore[method-assign] # nobody listens, and no trainer logs
    optimiser = learner.configure_optimizers()["optimizer"]
    begun = 0.0
    for number, batch in enumerate(batches.of_epoch(0, 0)):
        if number == 1:
            begun = _now(device)
        with torch.autocast(device.type, torch.bfloat16, enabled=recipe.optimiser.precision == "bf16"):
            loss = learner.training_step(type(batch)(*(part.to(device) for part in batch)), number)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    step_s = (_now(device) - begun) / _STEPS
    learner.cpu().eval()
    _, judge_s = _timed(lambda: prepared.logits(learner.network, recipe, np.arange(len(store))))
    size = sum(value.numel() * value.element_size() for value in learner.network.state_dict().values())
    name = torch.cuda.get_device_name() if device.type == "cuda" else f"{torch.get_num_threads()} threads"
    return step_s, judge_s / len(store), size, name


def _timed(work: Callable[[], T]) -> tuple[T, float]:
    begun = time.perf_counter()
    return work(), time.perf_counter() - begun


def _now(device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter()

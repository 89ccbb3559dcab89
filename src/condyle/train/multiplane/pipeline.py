"""The whole pipeline of several planes: store, folds, networks, out-of-fold scores, calibration, thresholds, package.

Each trained fold has its own held-out patients: they choose its epoch, and their scores calibrate and set the thresholds. Nothing
of that is evidence of accuracy; that comes from ``condyle evaluate`` on patients marked ``test`` or ``external``, whom nothing
here ever opens. Every finished piece stays in the work folder, so a killed run goes on with the next.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from condyle.cohorts.cohort import Cohort, development
from condyle.cohorts.lesions import Lesion, read_lesions
from condyle.cohorts.manifest import ManifestRow
from condyle.cohorts.splits import Splits, make_splits, save_splits
from condyle.errors import InputError
from condyle.readers.grades import step_of
from condyle.readers.multiplane.network import Floats
from condyle.readers.multiplane.stack import StackSpec
from condyle.readers.package import Package
from condyle.readers.spec import SlotSpec
from condyle.train import devices
from condyle.train.loop import Batches, fit
from condyle.train.multiplane.batches import StudyBatches
from condyle.train.multiplane.calibrate import crossfitted, fit_calibrations, fit_logistic, plane_logits, scores_of
from condyle.train.multiplane.features import FeatureBatches, FeatureLearner, FeatureStore, logits_from, open_features
from condyle.train.multiplane.learner import MultiplaneLearner, attention_of, logits_of, mean_auroc, shape_of
from condyle.train.multiplane.localiser import FittedLocaliser, fit_localiser
from condyle.train.multiplane.recipe import MultiplaneRecipe
from condyle.train.multiplane.store import Store, open_store
from condyle.train.multiplane.targets import demand_both_classes, targets_of
from condyle.train.networks.multiplane import MultiplaneNetwork
from condyle.train.networks.weights import load_initial
from condyle.train.stages import stage
from condyle.train.thresholds import threshold_of

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class Trained:
    """One network of the package: what it speaks of, and where it was not trained."""

    network: MultiplaneNetwork
    columns: tuple[int, ...]
    fold: int


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """A fitted pipeline.

    Parameters
    ----------
    out_of_fold : [study, column] logits of networks that did not train on the study; NaN where no trained fold held it out
    """

    recipe: MultiplaneRecipe
    members: tuple[Trained, ...]
    store: Store
    targets: NDArray[np.float32]
    out_of_fold: NDArray[np.float32]
    calibration: Mapping[str, Any]
    thresholds: Mapping[str, Any]
    splits: Splits
    localiser: FittedLocaliser | None = None

    @property
    def validation(self) -> dict[str, float]:
        """Facts about held-out studies, which chose epochs and thresholds: a sign of life, not evidence."""
        held = ~np.isnan(self.out_of_fold).all(axis=1)
        return {"studies": float(held.sum()), "mean_auroc": mean_auroc(self.targets[held], self.out_of_fold[held])}


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """Studies ready to train on; runs that prepare alike share them.

    Parameters
    ----------
    features : kept features of a frozen backbone; None where every step computes them
    """

    store: Store
    localiser: FittedLocaliser | None = None
    features: FeatureStore | None = None

    def without(self, hidden: NDArray[np.bool_]) -> Prepared:
        """The same with [study, slot] inputs hidden."""
        shown = self.store.shown & ~hidden[:, :, None]
        features = None if self.features is None else replace(self.features, shown=shown)
        return Prepared(replace(self.store, shown=shown), self.localiser, features)

    def logits(self, network: MultiplaneNetwork, recipe: MultiplaneRecipe, rows: NDArray[np.intp]) -> tuple[Floats, Floats]:
        """([row, finding] fused, [row, slot, finding] single inputs) of studies, deterministic."""
        if self.features is not None:
            return logits_from(network, self.features, rows, attention_of(recipe))
        return logits_of(network, self.store, rows, attention_of(recipe))


def train_multiplane(recipe: MultiplaneRecipe, cohort: Cohort, out: Path, work: Path, prepared: Path | None = None) -> Package:
    """Search where the recipe says so, fit and package. Raises as ``search``, ``fit_multiplane`` and ``package_of``."""
    from condyle.train.multiplane.package import package_of

    if recipe.search is not None:
        from condyle.train.multiplane.searching import search

        recipe = search(recipe, development(cohort), work / "search", prepared or work / "store")
    return package_of(fit_multiplane(recipe, cohort, work, prepared), cohort, out)


def slot_specs(recipe: MultiplaneRecipe) -> dict[str, SlotSpec]:
    return {name: SlotSpec(**slot.model_dump()) for name, slot in recipe.data.slots.items()}


def stack_spec(recipe: MultiplaneRecipe) -> StackSpec:
    own = recipe.prepare
    return StackSpec(own.field_mm, own.pixels, own.slices, own.depth_mm, own.mirror, own.regular)


def fit_multiplane(recipe: MultiplaneRecipe, cohort: Cohort, work: Path, prepared: Path | None = None) -> Fitted:
    """Fit every part on patients that are not set apart.

    Parameters
    ----------
    work : folder of this run; prepared : of prepared studies, localisers and features, which runs may share; None is within ``work``

    Raises
    ------
    InputError - no patients, or findings of one class in a fold's training patients
    TableError - studies that cannot be used
    """
    return fit_prepared(recipe, cohort, prepare_studies(recipe, cohort, prepared or work / "store"), work)


def prepare_studies(recipe: MultiplaneRecipe, cohort: Cohort, folder: Path) -> Prepared:
    """Localiser, stacks and kept features of all studies that are not set apart. Raises as ``fit_multiplane``."""
    studies = development(cohort).studies
    found = fit_localiser(recipe.locate, studies, slot_specs(recipe), folder) if recipe.locate.use else None
    return cut_studies(recipe, studies, found, folder, lesions=lesions_of(recipe, cohort))


def lesions_of(recipe: MultiplaneRecipe, cohort: Cohort) -> dict[str, list[Lesion]]:
    """study_id -> marked lesions of what the recipe learns, where it teaches places. Raises TableError for wrong rows of lesions.csv."""
    found: dict[str, list[Lesion]] = {}
    table, learnt = cohort.folder / "lesions.csv", {name.partition(">=")[0] for name in recipe.columns}
    if recipe.loss.places and not table.is_file():
        logger.warning("The cohort has no lesions.csv: where findings lie is learnt from the labels of whole studies alone.")
    elif recipe.loss.places:
        here = set(cohort.studies)
        for one in read_lesions(table, here | cohort.left_out):
            if one.finding in learnt and one.study_id in here:
                found.setdefault(one.study_id, []).append(one)
    return found


def cut_studies(
    recipe: MultiplaneRecipe, studies: Mapping[str, Sequence[ManifestRow]], localiser: FittedLocaliser | None, folder: Path,
    draws: int | None = None, lesions: Mapping[str, Sequence[Lesion]] | None = None,
) -> Prepared:  # fmt: skip
    """Stacks and kept features of any studies, cut by a localiser that is there; ``draws`` and ``lesions`` as of ``open_features``."""
    required = [name for name, slot in recipe.data.slots.items() if slot.required]
    store = open_store(
        studies, slot_specs(recipe), stack_spec(recipe), folder, locate=localiser.locate if localiser else None,
        locator=localiser.identity if localiser else "", required=required,
    )  # fmt: skip
    if not recipe.optimiser.draws:
        return Prepared(store, localiser)
    network = MultiplaneNetwork(shape_of(recipe, len(recipe.columns)))
    load_initial(network, recipe.network.init)
    return Prepared(store, localiser, open_features(store, network, recipe, folder, draws, lesions))


def fit_prepared(recipe: MultiplaneRecipe, cohort: Cohort, prepared: Prepared, work: Path) -> Fitted:
    """Fit networks, calibration and thresholds on prepared studies."""
    store = prepared.store
    targets, weights = targets_of(cohort.labels, store.studies, recipe.columns, recipe.loss.ordinal)
    weights *= np.array([recipe.loss.weights.get(step_of(name)[0], 1.0) for name in recipe.columns], np.float32)
    if recipe.size != "smoke":  # which measures nothing, and runs on a handful of studies
        demand_both_classes(targets, recipe.columns, "the cohort")
    rows = list(development(cohort).rows)
    splits = splits_of(recipe, cohort, rows, targets)
    work.mkdir(parents=True, exist_ok=True)
    save_splits(work / "splits.json", splits)
    patients = np.array([cohort.patients[study] for study in store.studies])
    folds = np.array([splits.folds[patient] for patient in patients.tolist()])
    members: list[Trained] = []
    out_of_fold = np.full(targets.shape, np.nan, np.float32)
    for fold in range(recipe.split.run if recipe.split.by != "manifest" else 1):
        own, held_out = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        if recipe.size != "smoke":
            demand_both_classes(targets[own], recipe.columns, f"the training patients of fold {fold + 1}")
        with stage(f"fold {fold + 1} of {recipe.split.run}"):
            found = _fold(recipe, prepared, targets, weights, own, held_out, work / f"fold{fold}", fold)
        members += found
        out_of_fold[held_out] = (
            _crossfitted(found, recipe, prepared, held_out, targets, patients) if recipe.network.fuse == "logistic"
            else ensemble_logits(found, recipe, prepared, held_out)
        )  # fmt: skip
        logger.info("fold %d: mean AUROC of held-out studies %.3f", fold + 1, mean_auroc(targets[held_out], out_of_fold[held_out]))
    calibration = fit_calibrations(out_of_fold, targets, recipe.columns, recipe.calibrate.method)
    scores = scores_of(out_of_fold, calibration, recipe.columns)
    rule = recipe.threshold
    thresholds = {}
    for column, name in enumerate(recipe.columns):
        if step_of(name)[1] is not None:
            continue  # a grade is the median step
        known = ~np.isnan(targets[:, column]) & ~np.isnan(scores[:, column])
        truth = (targets[known, column] > 0.5).astype(np.float64)
        thresholds[name] = threshold_of(truth, scores[known, column], rule.rule, rule.value, rule.undecided)
    return Fitted(recipe, tuple(members), store, targets, out_of_fold, calibration, thresholds, splits, prepared.localiser)


def _crossfitted(
    members: Sequence[Trained], recipe: MultiplaneRecipe, prepared: Prepared, rows: NDArray[np.intp], targets: NDArray[np.float32],
    patients: NDArray[np.str_],
) -> NDArray[np.float64]:  # fmt: skip
    """As ``ensemble_logits``, each study fused by weights fitted on other patients."""
    total, counts = np.zeros((len(rows), len(recipe.columns))), np.zeros(len(recipe.columns))
    for one in members:
        columns = list(one.columns)
        _, single = prepared.logits(one.network, recipe, rows)
        total[:, columns] += crossfitted(plane_logits(one.network, single), targets[rows][:, columns], patients[rows])
        counts[columns] += 1
    return total / counts


def splits_of(recipe: MultiplaneRecipe, cohort: Cohort, rows: list[Any], targets: NDArray[np.float32]) -> Splits:
    """Folds of the patients that train: dealt, or as the manifest says."""
    if recipe.split.by == "manifest":
        folds = {row.patient_id: int(row.split != "validation") for row in rows}
        if set(folds.values()) != {0, 1}:
            raise InputError(
                "split-without-validation", "The manifest marks no patient as validation, or all of them.",
                what_to_do="Fill in the column split, or use split.by: patient.",
            )  # fmt: skip
        return Splits(folds, 2, recipe.seed, "patient")
    balanced = {step_of(name)[0].partition("/")[0] for name, own in zip(recipe.columns, targets.T, strict=True) if (own > 0.5).any()}
    labels = [label for label in cohort.labels if label.finding in balanced and label.known]
    balanced &= {label.finding for label in labels}  # what is only concluded from other findings is balanced by these
    return make_splits(rows, labels, n_folds=recipe.split.folds, seed=recipe.seed, group=recipe.split.by, stratify=sorted(balanced))


def _fold(
    recipe: MultiplaneRecipe, prepared: Prepared, targets: NDArray[np.float32], weights: NDArray[np.float32], own: NDArray[np.intp],
    held_out: NDArray[np.intp], folder: Path, fold: int,
) -> list[Trained]:  # fmt: skip
    """The networks of one fold: one a seed, or one a finding and seed."""
    every = tuple(range(len(recipe.columns)))
    groups = [(column,) for column in every] if recipe.network.per_finding else [every]
    found = []
    for columns in groups:
        name = recipe.columns[columns[0]].replace("/", "-").replace(">=", "-") if recipe.network.per_finding else "all"
        for number in range(recipe.ensemble.seeds):
            seed = recipe.seed + 1000 * fold + number
            part = partial(build, recipe, prepared, targets[:, columns], weights[:, columns], own, held_out, seed)
            settings = recipe.optimiser
            network = fit(
                part, folder / f"{name}-seed{number}", seed=seed, epochs=settings.epochs, patience=recipe.select.patience,
                precision="bf16-mixed" if settings.precision == "bf16" else "32-true", accelerator="auto",
                number_of_devices=devices.chosen(),
            )  # fmt: skip
            assert isinstance(network, MultiplaneNetwork)
            network.cpu()
            if recipe.network.fuse == "logistic":
                _, single = prepared.logits(network, recipe, held_out)
                fit_logistic(network, plane_logits(network, single), targets[held_out][:, list(columns)])
            found.append(Trained(network, columns, fold))
    return found


def build(
    recipe: MultiplaneRecipe, prepared: Prepared, targets: NDArray[np.float32], weights: NDArray[np.float32], own: NDArray[np.intp],
    held_out: NDArray[np.intp], seed: int,
) -> tuple[MultiplaneLearner, Batches]:  # fmt: skip
    network = MultiplaneNetwork(shape_of(recipe, targets.shape[1]))
    initialise(network, recipe, targets[own])
    store, batches = prepared.store, _batches(recipe, prepared, targets, weights, own, seed)
    kind = MultiplaneLearner if prepared.features is None else FeatureLearner
    learner = kind(network, recipe, store, targets, own, held_out, len(batches) * recipe.optimiser.epochs)
    if isinstance(learner, FeatureLearner) and prepared.features is not None:
        learner.kept = prepared.features
    return learner, batches


def _batches(
    recipe: MultiplaneRecipe, prepared: Prepared, targets: NDArray[np.float32], weights: NDArray[np.float32], own: NDArray[np.intp],
    seed: int,
) -> Batches:  # fmt: skip
    if prepared.features is not None:
        return FeatureBatches(prepared.features, targets, weights, own, recipe, seed)
    return StudyBatches(prepared.store, targets, weights, own, recipe, seed)


def initialise(network: MultiplaneNetwork, recipe: MultiplaneRecipe, targets: NDArray[np.float32]) -> None:
    """First weights: the backbone's as the recipe says, the heads' bias at the share of positives in training."""
    import torch

    load_initial(network, recipe.network.init)
    known = np.maximum((~np.isnan(targets)).sum(axis=0), 1)
    shares = np.clip(np.nansum(targets, axis=0) / known, 0.02, 0.98)
    with torch.no_grad():
        network.fuse.bias.copy_(torch.logit(torch.from_numpy(shares.astype(np.float32))).expand_as(network.fuse.bias))


def ensemble_logits(
    members: Sequence[Trained], recipe: MultiplaneRecipe, prepared: Prepared, rows: NDArray[np.intp]
) -> NDArray[np.float32]:
    """[row, finding] mean logits of the networks that speak of each finding."""
    total = np.zeros((len(rows), len(recipe.columns)), np.float32)
    counts = np.zeros(total.shape[1], np.float32)
    for one in members:
        total[:, list(one.columns)] += prepared.logits(one.network, recipe, rows)[0]
        counts[list(one.columns)] += 1
    return total / counts

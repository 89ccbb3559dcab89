"""The whole pipeline fitted on some patients: segmenter, crops, heads, calibration, thresholds.

Heads of inner folds give every patient scores from heads that did not see them; calibration and thresholds come from
these. The heads that read are then trained in the same way on all of the pipeline's patients.

Cross-validation and the shipped package call the same function with other patients. Every finished piece stays in its
folder, so a killed run goes on with the next piece.
"""

from __future__ import annotations

import dataclasses
import hashlib
import logging
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from condyle.anatomy.lumbar import LEVELS
from condyle.cohorts.cohort import Cohort
from condyle.errors import InputError
from condyle.readers.lumbar.crops import CropSpec
from condyle.readers.lumbar.grade import calibrated, level_codes
from condyle.readers.lumbar.segment import Network
from condyle.readers.onnx import open_graph
from condyle.readers.package import open_package
from condyle.readers.shelf import find_package
from condyle.readers.spec import SlotSpec
from condyle.train.calibrate import Calibration, assessable, fit_calibration, fit_thresholds, level_shares
from condyle.train.features import table_features
from condyle.train.folds import cohort_folds
from condyle.train.grading import Head, Inputs, targets_of
from condyle.train.heads import ensemble_logits, fit_head, head_shares
from condyle.train.level_table import LevelTable, level_table
from condyle.train.lumbar_recipe import LumbarRecipe
from condyle.train.segmentation import SegmentationSettings, fit_segmenter
from condyle.train.segmentation_network import SegmentationNetwork
from condyle.train.stages import tell

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """A pipeline fitted on some patients.

    Parameters
    ----------
    patients : that any part of it saw
    segmenter : trained here, or the graph of the package that the recipe names
    table : all graded levels of the cohort as this segmenter found them, unseen patients included
    heads : of the ensemble, kind by kind, trained on all patients of the pipeline
    inner : [row, output] logits of the training patients, each from heads that did not see the patient; NaN elsewhere
    """

    recipe: LumbarRecipe
    patients: frozenset[str]
    segmenter: SegmentationNetwork | bytes
    table: LevelTable
    inputs: Inputs
    targets: NDArray[np.float32]
    heads: tuple[Head, ...]
    inner: NDArray[np.float64]
    calibration: Calibration
    thresholds: dict[str, dict[str, Any]]
    shares: dict[str, Any]

    def scores(self, rows: NDArray[np.intp]) -> NDArray[np.float64]:
        """[row, output] calibrated scores of the whole ensemble. For honest figures: rows of unseen patients only."""
        logits = ensemble_logits(self.heads, head_shares(self.recipe), self.inputs, rows)
        return calibrated(logits, self.calibration, self.recipe.data.findings)


def crop_spec(recipe: LumbarRecipe) -> CropSpec:
    own = recipe.prepare
    return CropSpec(own.rows, own.columns, own.pixels_per_width, own.forward)


def slot_specs(recipe: LumbarRecipe) -> dict[str, SlotSpec]:
    """The recipe's slots as a package describes them."""
    return {name: SlotSpec(**slot.model_dump()) for name, slot in recipe.data.slots.items()}


def torch_network(segmenter: SegmentationNetwork) -> Network:
    """The segmenter as ``segment`` wants it, on one core in bf16."""

    def run(grey: NDArray[np.float32]) -> NDArray[np.float32]:
        with torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16):
            picture = torch.from_numpy(grey).to(memory_format=torch.channels_last)
            return segmenter(picture).float().numpy()  # type: ignore[no-any-return]

    return run


def of_patients(cohort: Cohort, patients: Collection[str]) -> Cohort:
    """The part of a cohort that belongs to some patients."""
    return dataclasses.replace(
        cohort,
        rows=tuple(row for row in cohort.rows if row.patient_id in patients),
        slices=tuple(row for row in cohort.slices if row.patient_id in patients),
        labels=tuple(label for label in cohort.labels if label.patient_id in patients),
        boxes=(),
    )


def fit_pipeline(
    recipe: LumbarRecipe, cohort: Cohort, patients: Collection[str], folder: Path, segmenter_folder: Path, cache: Path
) -> Fitted:
    """Fit every part on the given patients and nobody else.

    Parameters
    ----------
    patients : to train, calibrate and choose thresholds on
    folder : of this pipeline; finished heads are taken from it
    segmenter_folder : of its segmenter, which is trained on the same patients
    cache : of tables and features
    """
    own = frozenset(patients)
    findings, slots = recipe.data.findings, tuple(recipe.data.slots)
    segmenter, network, identity = _segmenter(recipe, cohort, own, segmenter_folder)
    spec, margin = crop_spec(recipe), recipe.prepare.margin
    table = level_table(cohort, network, identity, findings, slot_specs(recipe), spec, margin, cache)
    if not table.found.any():
        raise InputError(
            "no-levels-found", "No graded level was found on any picture.", why="The segmenter saw no column of discs.",
            what_to_do="Look at the pictures with `condyle view`, or train the segmenter for longer.",
        )  # fmt: skip
    features = table_features(table, spec, margin, recipe.augment, recipe.seed, cache)
    inputs = Inputs(features, table.present, table.measured, level_codes(table.levels.tolist(), LEVELS))
    targets = targets_of(table.grades, findings)
    heads, inner = _heads(recipe, of_patients(cohort, own), table, inputs, targets, folder)
    usable = assessable(table.present, slots, findings)
    rows = table.rows_of(own)
    calibration = fit_calibration(inner[rows], targets[rows], usable[rows], findings)
    scores = calibrated(np.nan_to_num(inner[rows]), calibration, findings)
    scores[np.isnan(inner[rows])] = np.nan
    thresholds = fit_thresholds(scores, targets[rows], usable[rows], findings, recipe.threshold.undecided)
    shares = level_shares(table.levels[rows].tolist(), targets[rows], findings)
    return Fitted(recipe, own, segmenter, table, inputs, targets, heads, inner, calibration, thresholds, shares)


def _segmenter(
    recipe: LumbarRecipe, cohort: Cohort, patients: frozenset[str], folder: Path
) -> tuple[SegmentationNetwork | bytes, Network, str]:
    """The segmenter to ship, the function that runs it, and the hash of its weights."""
    if not recipe.segment.package:
        settings = SegmentationSettings(steps=recipe.segment.steps, batch=recipe.segment.batch)
        trained = fit_segmenter(cohort, patients, folder, settings=settings, seed=recipe.seed)
        return trained, torch_network(trained), weights_id(trained)
    graph = open_package(find_package(recipe.segment.package)).graph("segmenter")
    run = open_graph(graph, "segmenter")
    return graph, lambda grey: np.asarray(run({"picture": grey})["logits"], np.float32), hashlib.sha256(graph).hexdigest()[:20]


def weights_id(network: torch.nn.Module) -> str:
    """Hash of a network's weights."""
    digest = hashlib.sha256()
    for name, value in sorted(network.state_dict().items()):
        digest.update(name.encode())
        digest.update(value.contiguous().numpy().tobytes())
    return digest.hexdigest()[:20]


def _heads(
    recipe: LumbarRecipe, cohort: Cohort, table: LevelTable, inputs: Inputs, targets: NDArray[np.float32], folder: Path
) -> tuple[tuple[Head, ...], NDArray[np.float64]]:
    """(heads trained on all patients of the cohort, logits of each patient from heads that did not see it)."""
    folds = cohort_folds(cohort, recipe.split.inner, recipe.seed + 1)
    found = np.flatnonzero(table.found)
    nobody = np.zeros(0, np.intp)

    def rows_of(patients: set[str]) -> NDArray[np.intp]:
        return np.intersect1d(table.rows_of(patients), found)

    def ensemble(rows: NDArray[np.intp], name: str, seed: int) -> tuple[Head, ...]:
        heads = []
        for kind, own in kinds.items():
            for number in range(recipe.ensemble.seeds):
                heads.append(fit_head(own, inputs, targets, rows, nobody, folder / f"{name}-{kind}{number}", seed + number))
                done.append(name)
                tell("heads", len(done), len(kinds) * recipe.ensemble.seeds * (recipe.split.inner + 1))
        return tuple(heads)

    kinds, shares = recipe.kinds(), head_shares(recipe)
    done: list[str] = []
    inner = np.full(targets.shape, np.nan)
    for fold in range(recipe.split.inner):
        held_out = rows_of({patient for patient, own in folds.items() if own == fold})
        own = ensemble(rows_of({patient for patient, own in folds.items() if own != fold}), f"inner{fold}", recipe.seed + 100 * (fold + 1))
        inner[held_out] = ensemble_logits(own, shares, inputs, held_out)
        logger.info("inner fold %d of %d done", fold + 1, recipe.split.inner)
    return ensemble(rows_of(set(folds)), "whole", recipe.seed), inner

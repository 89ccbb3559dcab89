"""Nested cross-validation: the figures of a package are those of its pipeline on patients that no part of it saw.

Each outer fold fits a whole pipeline - segmenter, heads, calibration, thresholds - on the other folds and reads the
patients left out. Finished folds stay on disk, so a killed run goes on with the next.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from condyle.anatomy.lumbar import LUMBAR
from condyle.cohorts.cohort import Cohort, development
from condyle.cohorts.table import write_table
from condyle.readers.grades import grade_of
from condyle.readers.lumbar.grade import outputs_of, score_column
from condyle.readers.package import Package
from condyle.train.calibrate import assessable
from condyle.train.figures import Judged, figures_of
from condyle.train.folds import cohort_folds
from condyle.train.grading import targets_of
from condyle.train.keep import keep_arrays, keep_json
from condyle.train.lumbar_recipe import LumbarRecipe
from condyle.train.package import package_of
from condyle.train.pipeline import Fitted, fit_pipeline, torch_network
from condyle.train.segmentation_network import SegmentationNetwork
from condyle.train.segmentation_score import SegmentationScore, score_segmenter
from condyle.train.stages import stage

logger = logging.getLogger(__name__)

_COLUMNS = ("study_id", "patient_id", "finding", "level", "score", "fold")
_NO_BAND = {"pfirrmann": (0.5, 0.5, 0.5)}  # runs before 0.4.1 chose none for the grade
_PLAIN = ("studies", "patients", "levels", "present", "offered", "grades")


def train_lumbar(recipe: LumbarRecipe, cohort: Cohort, out: Path, work: Path) -> Package:
    """Cross-validate (but in the size ``smoke``, which measures nothing), fit the pipeline on everybody who is not set apart, write the
    package."""
    cohort = development(cohort)
    figures: dict[str, Any] = {}
    record: dict[str, Any] = {}
    if recipe.size != "smoke":
        judged, record = cross_validate(recipe, cohort, work)
        figures = figures_of(judged, seed=recipe.seed)
    with stage("all patients"):
        fitted = fit_pipeline(recipe, cohort, set(cohort.patients.values()), work / "all", work / "segmenter" / "all", work / "cache")
    return package_of(fitted, cohort, out, figures, record)


def cross_validate(recipe: LumbarRecipe, cohort: Cohort, work: Path) -> tuple[dict[str, Judged], dict[str, Any]]:
    """Fit and read every outer fold.

    Parameters
    ----------
    work : folder of finished pieces

    Returns
    -------
    (finding -> what was said against what is true, over all patients; facts about the folds for the record).
    Every score also stands in ``predictions.csv`` of the work folder.
    """
    folds = cohort_folds(cohort, recipe.split.outer, recipe.seed)
    pieces, outlines = [], []
    for fold in range(recipe.split.outer):
        path = work / f"outer{fold}.npz"
        if not path.is_file():
            own = {patient for patient, number in folds.items() if number != fold}
            with stage(f"fold {fold + 1} of {recipe.split.outer}"):
                fitted = fit_pipeline(recipe, cohort, own, work / f"outer{fold}", work / "segmenter" / f"fold{fold}", work / "cache")
            held_out = fitted.table.rows_of({patient for patient, number in folds.items() if number == fold})
            save_piece(path, fitted, held_out)
        pieces.append(_piece(path))
        outlines.append(_segmenter_score(work, fold, cohort, {patient for patient, number in folds.items() if number == fold}))
        logger.info("outer fold %d of %d done", fold + 1, recipe.split.outer)
    # The package holds their numbers alone: ids of patients stay in the work folder.
    keep_json(work / "folds.json", folds)
    facts: dict[str, Any] = {"folds": [list(folds.values()).count(fold) for fold in range(recipe.split.outer)]}
    facts["segmenter"] = sum(outlines[1:], outlines[0]).figures()
    write_table(work / "predictions.csv", _COLUMNS, predictions(pieces, recipe))
    return judge(pieces, recipe), facts


def _segmenter_score(work: Path, fold: int, cohort: Cohort, held_out: set[str]) -> SegmentationScore:
    """How well the fold's segmenter outlines and names on the patients left out; kept once counted."""
    path = work / f"outer{fold}.segmenter.json"
    if not path.is_file():
        segmenter = SegmentationNetwork()
        segmenter.load_state_dict(torch.load(work / "segmenter" / f"fold{fold}" / "segmenter.pt", weights_only=True))
        score = score_segmenter(cohort, held_out, torch_network(segmenter.eval()))
        counts = {one.name: np.asarray(getattr(score, one.name)).tolist() for one in fields(score)}
        keep_json(path, counts)
    counts = json.loads(path.read_text())
    values: dict[str, Any] = {name: np.array(value) if isinstance(value, list) else value for name, value in counts.items()}
    return SegmentationScore(**values)


def save_piece(path: Path, fitted: Fitted, rows: NDArray[np.intp]) -> None:
    """What a pipeline says about rows of patients it did not see.

    Raises
    ------
    ValueError - a row belongs to a patient that a part of the pipeline saw
    """
    table = fitted.table
    if fitted.patients & set(table.patients[rows].tolist()):
        raise ValueError("a pipeline may only be judged on patients that it did not see")
    thresholds = {finding: [own["value"], *own["band"]] for finding, own in fitted.thresholds.items()}
    arrays = {name: getattr(table, name)[rows] for name in _PLAIN}
    keep_arrays(path, scores=fitted.scores(rows), thresholds=json.dumps(thresholds), shares=json.dumps(fitted.shares), **arrays)


def read_pieces(work: Path, recipe: LumbarRecipe) -> list[dict[str, NDArray[Any]]]:
    """What the finished outer folds of a run left in its work folder."""
    return [_piece(work / f"outer{fold}.npz") for fold in range(recipe.split.outer)]


def _piece(path: Path) -> dict[str, NDArray[Any]]:
    with np.load(path, allow_pickle=False) as stored:
        return {name: stored[name] for name in stored.files}


def judge(pieces: Sequence[dict[str, NDArray[Any]]], recipe: LumbarRecipe) -> dict[str, Judged]:
    """Put the folds together, one finding at a time. Every graded level of every patient is in, found or not."""
    return {finding: _judged([_judge_piece(piece, recipe, finding) for piece in pieces]) for finding in recipe.data.findings}


def _judge_piece(piece: dict[str, NDArray[Any]], recipe: LumbarRecipe, finding: str) -> Judged:
    findings, slots = recipe.data.findings, tuple(recipe.data.slots)
    column, at = findings.index(finding), score_column(findings, finding)
    could = assessable(piece["offered"], slots, findings)[:, column]
    known = ~np.isnan(piece["grades"][:, column])
    rows = np.flatnonzero(could & known)
    missed = ~assessable(piece["present"], slots, findings)[rows, column]
    truth = targets_of(piece["grades"], findings)[rows, at].astype(np.float64)
    shares = json.loads(str(piece["shares"]))[finding]
    levels = piece["levels"][rows]
    prior = np.array([shares.get(str(level), shares[""]) for level in levels])
    score = np.where(missed, prior, piece["scores"][rows, at])
    grade = np.full(len(rows), np.nan)
    scale = LUMBAR.finding(finding).scale
    if scale is not None:
        own = [number for number, (name, _) in enumerate(outputs_of(findings)) if name == finding]
        grade = np.where(missed, np.nan, grade_of(piece["scores"][rows][:, own], scale.steps[0]))
    value, low, high = (_NO_BAND | json.loads(str(piece["thresholds"])))[finding]
    band = (score >= low) & (score < high)
    forced = np.where(missed, np.nan, (score >= value).astype(np.float64))
    called = np.where(band, np.nan, forced)
    return Judged(
        piece["patients"][rows], levels, truth, score, prior, missed, grade, piece["grades"][rows, column].astype(np.float64), forced,
        called, int((known & ~could).sum()),
    )  # fmt: skip


def _judged(parts: Sequence[Judged]) -> Judged:
    def joined(name: str) -> NDArray[Any]:
        return np.concatenate([getattr(part, name) for part in parts])

    names = ("patients", "levels", "truth", "score", "prior", "missed", "grade", "true_grade", "forced", "called")
    arrays: dict[str, Any] = {name: joined(name) for name in names}
    return Judged(**arrays, left_out=sum(part.left_out for part in parts))


def predictions(pieces: Sequence[dict[str, NDArray[Any]]], recipe: LumbarRecipe) -> list[dict[str, object]]:
    """Rows of predictions.csv of the cross-validation: every finding of every level by the fold that did not see it."""
    rows: list[dict[str, object]] = []
    for fold, piece in enumerate(pieces):
        for finding in recipe.data.findings:
            at = score_column(recipe.data.findings, finding)
            usable = assessable(piece["present"], tuple(recipe.data.slots), recipe.data.findings)
            for row in np.flatnonzero(usable[:, recipe.data.findings.index(finding)]):
                rows.append(
                    {"study_id": piece["studies"][row], "patient_id": piece["patients"][row], "finding": finding,
                     "level": piece["levels"][row], "score": f"{piece['scores'][row, at]:.5f}", "fold": fold}
                )  # fmt: skip
    return rows

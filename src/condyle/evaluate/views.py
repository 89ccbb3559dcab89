"""An ensemble of folds and views judged set by set: validation folds, test, external cohort, readers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace

import numpy as np

from condyle.evaluate.clustered_auc import clustered_auroc
from condyle.evaluate.delong import delong
from condyle.evaluate.ensemble import Case, EnsembleScore, FoldValue
from condyle.evaluate.estimate import Estimate
from condyle.evaluate.figures import Boxes, Figure
from condyle.evaluate.finding_figures import roc_figure
from condyle.evaluate.finding_table import Floats, Texts
from condyle.evaluate.mrmc.evidence import model_evidence
from condyle.evaluate.mrmc.model_study import ModelStudy
from condyle.evaluate.proportion import share_of
from condyle.evaluate.standalone import Line, Settings
from condyle.evaluate.study_evidence import Cell, Claim, Sheet, StudyEvidence


@dataclass(frozen=True, slots=True)
class Views:
    """One set of studies: every fold's own value, the ensemble's scores, the truth, and how many cases lack a view.

    ``unread`` : patient and truth of each case with known truth and without a score, by finding; ``failures`` of the settings says what
    becomes of them
    """

    name: str
    folds: tuple[FoldValue, ...]
    scores: tuple[EnsembleScore, ...]
    truth: Mapping[tuple[str, Case], float | None]
    missing: Mapping[str, int]
    unread: Mapping[str, tuple[tuple[str, float], ...]] = field(default_factory=dict)


def views_evidence(
    sets: Sequence[Views],
    thresholds: Mapping[str, float],
    readers: ModelStudy | None,
    *,
    claims: Sequence[Claim] = (),
    alpha: float = 0.05,
    rule: str = "holm",
    settings: Settings,
) -> StudyEvidence:
    """Evidence of an ensemble. External sets stand apart; nothing is pooled."""
    lines: list[Line] = []
    for one in sets:
        for finding in dict.fromkeys(score.finding for score in one.scores):
            lines += [Line(finding, one.name, "", found) for found in _of_set(one, finding, thresholds.get(finding), settings)]
    folds = Sheet(
        "folds",
        "Folds of each view, AUROC",
        ("Set", "Finding", "View", "Folds", "Median", "Least", "Most", "Mean cases a fold"),
        tuple(row for one in sets for row in _fold_rows(one)),
        "Folds share training studies: their spread says how stable training is, and is no interval.",
        how={
            name: f"{words} of the AUROC of the folds of the view, each on its own cases; no interval: folds share training studies"
            for name, words in (("Median", "median"), ("Least", "smallest"), ("Most", "largest"))
        } | {"Mean cases a fold": "mean number of cases that a fold has scored"},
    )
    whole = Sheet(
        "ensemble",
        "Ensemble",
        ("Set", "Finding", "Measure", "Value", "Cases", "Events", "Patients"),
        tuple(
            (line.site, line.finding, line.estimate.measure, line.estimate, line.estimate.n, line.estimate.events, line.estimate.clusters)
            for line in lines
        ),
        "Mean over folds within a view, then over the views that a case has.",
    )
    figures = tuple(figure for one in sets for figure in _figures(one, settings, has_readers=readers is not None))
    said = tuple(
        f"{one.name}: {count} cases have no {view} view; they keep the others." for one in sets for view, count in one.missing.items()
    )
    methods = (
        "Scores were averaged over folds within a view and then over views; the validation set ranks cases together that different folds "
        "have scored. Areas under the ROC curve have DeLong intervals, on the logit scale above 0.9 or with fewer than 50 of a class, or "
        "Obuchowski's over patients with t on the logit scale where a patient has several cases; shares at the frozen threshold have "
        "Wilson's, or the ratio estimator's over patients. Cases without a score were "
        + ("left out and counted." if settings.failures == "exclude" else "counted as wrong answers.")
    )
    if readers is None:
        return StudyEvidence("Ensemble of views", (), tuple(lines), (whole, folds), (), methods, said, figures, asdict(settings))
    beside = model_evidence(readers, "unaided", settings, claims=claims, alpha=alpha, rule=rule)
    return StudyEvidence(
        "Ensemble of views",
        beside.summary,
        (*lines, *beside.lines),
        (whole, folds, *beside.sheets),
        beside.endpoints,
        f"{methods} {beside.methods}",
        (*said, *beside.warnings),
        (*figures, *beside.figures),
        asdict(settings),
    )


def _figures(one: Views, settings: Settings, *, has_readers: bool) -> list[Figure]:
    """Box plot of the folds of each view, and the ensemble's ROC curve (the test set's stands with the readers, when there are any)."""
    found: list[Figure] = []
    for finding in dict.fromkeys(fold.finding for fold in one.folds):
        views = dict.fromkeys(fold.view for fold in one.folds if fold.finding == finding)
        groups = tuple(
            (view, np.array([fold.auroc for fold in one.folds if (fold.finding, fold.view) == (finding, view)])) for view in views
        )
        words = f"{one.name}: AUROC of every fold of each view. Folds share training studies: their spread is no interval."
        found.append(Boxes(f"folds_{one.name}_{finding}", finding, f"Folds of each view, {one.name}", "AUROC", groups, words))
        truth, score, patients = _rows(one, finding, "exclude")
        if 0 < truth.sum() < len(truth) and not (has_readers and one.name == "test"):
            chart = roc_figure(finding, (truth, score, patients), settings)
            found.append(replace(chart, name=f"roc_{one.name}_{finding}", title=f"ROC curve, {one.name}"))
    return found


def _rows(one: Views, finding: str, failures: str) -> tuple[Floats, Floats, Texts]:
    """Truth, score and patient; failures counted as wrong rank beyond every score, on the wrong side, as ``FindingTable.answered``."""
    own = [score for score in one.scores if score.finding == finding and one.truth.get((finding, score.case)) is not None]
    truth = np.array([one.truth[finding, score.case] for score in own], np.float64)
    values, patients = np.array([score.score for score in own]), np.array([score.patient for score in own])
    failed = one.unread.get(finding, ()) if failures == "wrong" and len(own) else ()
    if not failed:
        return truth, values, patients
    missed = np.array([value for _, value in failed])
    worst = np.where(missed == 1, values.min() - 1, values.max() + 1)
    return np.r_[truth, missed], np.r_[values, worst], np.r_[patients, [patient for patient, _ in failed]]


def _of_set(one: Views, finding: str, threshold: float | None, settings: Settings) -> list[Estimate]:
    truth, values, patients = _rows(one, finding, settings.failures)
    level = settings.level
    several = len(set(patients)) < len(patients)
    found = [clustered_auroc(truth, values, patients, level=level) if several else delong(truth, values, level=level)]
    if threshold is not None:
        called = values >= threshold
        ill = truth == 1
        for name, among, right in (("sensitivity", ill, called), ("specificity", ~ill, ~called)):
            if among.any():
                found.append(share_of(name, right[among], patients[among], level=level, interval=settings.proportions))
    return found


def _fold_rows(one: Views) -> list[tuple[Cell, ...]]:
    rows: list[tuple[Cell, ...]] = []
    for finding, view in dict.fromkeys((fold.finding, fold.view) for fold in one.folds):
        own = [fold for fold in one.folds if (fold.finding, fold.view) == (finding, view)]
        values = np.array([fold.auroc for fold in own if np.isfinite(fold.auroc)])
        ends = (np.median(values), values.min(), values.max()) if len(values) else (np.nan,) * 3
        rows.append((one.name, finding, view, len(own), *map(float, ends), float(np.mean([fold.n for fold in own]))))
    return rows

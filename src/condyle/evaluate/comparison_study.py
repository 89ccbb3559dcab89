"""Two or more models on the same rows, and beside readers, as evidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from itertools import combinations

import numpy as np

from condyle.evaluate.comparison import differences, with_holm
from condyle.evaluate.delong import equal_areas
from condyle.evaluate.estimate import Estimate
from condyle.evaluate.evidence import of
from condyle.evaluate.figures import Chart, Figure, Series, finding_words, forest_of, thinned
from condyle.evaluate.finding_table import FindingTable
from condyle.evaluate.mrmc.evidence import model_evidence
from condyle.evaluate.mrmc.model_study import ModelStudy
from condyle.evaluate.roc import roc_curve
from condyle.evaluate.standalone import Line, Settings, standalone
from condyle.evaluate.study_evidence import Cell, Claim, P, Sheet, StudyEvidence, judge_claims
from condyle.evaluate.unpaired import unpaired_differences

LEADING = ("AUROC", "sensitivity", "specificity", "quadratic kappa", "mean absolute error")
DRAWN = ("difference of AUROC", "difference of sensitivity", "difference of specificity", "difference of quadratic kappa")


def comparison_study(
    models: Mapping[str, Sequence[FindingTable]],
    settings: Settings,
    *,
    margin: float | None = None,
    claims: Sequence[Claim] = (),
    rule: tuple[float, str] = (0.05, "none"),
    readers: Mapping[str, ModelStudy] | None = None,
    arm: str = "",
) -> StudyEvidence:
    """Compare models pair by pair, later less earlier, and each with the readers.

    Parameters
    ----------
    models : name -> tables over the same rows of truth, in the order of comparison
    margin : of non-inferiority of the later model; the verdict stands beside each difference
    claims : of the plan; ``comparison`` is 'second - first', or the names of two models
    readers : model -> its comparison with readers of ``arm``
    """
    names = list(models)
    lines: list[Line] = []
    for one, other in combinations(names, 2):
        group = f"{other} - {one}" if len(names) > 2 else ""
        lines += [replace(line, group=group) for line in differences(models[one], models[other], settings, margin=margin)]
    lines = with_holm(lines)
    found: dict[tuple[str, ...], Estimate] = {}
    for line in lines:
        key = (line.finding, line.estimate.measure.removeprefix("difference of ").lower())
        found[*key, line.group or "second - first"] = line.estimate
        if not line.group:
            found[*key, f"{names[1]} - {names[0]}"] = line.estimate
    beside = {name: model_evidence(study, arm, settings) for name, study in (readers or {}).items()}
    more = [replace(line, group=f"{name}{', ' if line.group else ''}{line.group}") for name, one in beside.items() for line in one.lines]
    equal = _global(models, settings.level)
    note = "Each model on the rows that it answered itself; differences are on the rows that both answered."
    values = Sheet("models", "Each model", ("Finding", "Measure", *models), _values(models, settings), note)
    sheets = [_differences(lines), values, *_equal_areas(equal)]
    sheets += [
        replace(sheet, name=f"{sheet.name}_{name}", title=f"{sheet.title}: {name}") for name, one in beside.items() for sheet in one.sheets
    ]
    summary = (
        f"Models: {', '.join(names)}. Every difference is later less earlier, on the rows that both answered.",
        *((f"Each is compared with readers, {arm}; readers and cases are random, the model is fixed.",) if beside else ()),
    )
    return StudyEvidence(
        "Comparison of models", summary, (*lines, *equal, *more), tuple(sheets),
        judge_claims(claims, found, alpha=rule[0], rule=rule[1]), _methods(settings, len(names), beside), (),
        (*_forests(lines), *_curves(models, readers or {})), {**asdict(settings), "margin": margin, "models": names},
    )  # fmt: skip


def unpaired_study(
    sets: Mapping[str, Sequence[FindingTable]],
    settings: Settings,
    *,
    margin: float | None = None,
    claims: Sequence[Claim] = (),
    rule: tuple[float, str] = (0.05, "none"),
) -> StudyEvidence:
    """Compare predictions in two sets of different patients, such as the hospital of training and another; second less first.

    Parameters
    ----------
    sets : name -> tables of each set, each joined with its own truth
    claims : of the plan; ``comparison`` is 'second - first', or the names of the sets
    """
    (one, first), (other, second) = sets.items()
    lines = unpaired_differences(first, second, settings, margin=margin)
    contrasts = ("second - first", f"{other} - {one}")
    found: dict[tuple[str, ...], Estimate] = {
        (line.finding, line.estimate.measure.removeprefix("difference of ").lower(), contrast): line.estimate
        for line in lines for contrast in contrasts
    }  # fmt: skip
    values = Sheet("sets", "Each set", ("Finding", "Measure", *sets), _values(sets, settings))
    summary = (f"Sets: {one}, {other}. Different patients; every difference is {other} less {one}.",)
    methods = (
        f"Intervals are {settings.level:.0%}, two-sided. The two sets hold different patients and are independent. Areas: DeLong's "
        "unpaired comparison with Welch's degrees of freedom. Shares: Miettinen and Nurminen's score interval and test, Newcombe's "
        "interval beside it. Where a patient has several rows: Obuchowski's variances and ratio estimators over patients, t with "
        f"Satterthwaite's degrees of freedom. Grades and numbers: bootstrap of patients in each set ({settings.resamples} resamples, seeds "
        f"{settings.seed} and {settings.seed + 1}). p of area differences were adjusted by Holm over findings."
    )
    return StudyEvidence(
        "Comparison of two sets of patients", summary, tuple(lines), (_differences(lines), values),
        judge_claims(claims, found, alpha=rule[0], rule=rule[1]), methods, (), (*_forests(lines), *_curves(sets, {})),
        {**asdict(settings), "margin": margin, "sets": list(sets)},
    )  # fmt: skip


def _values(models: Mapping[str, Sequence[FindingTable]], settings: Settings) -> list[tuple[Cell, ...]]:
    """Each model's leading measures of each finding."""
    lines = {name: standalone([table for table in tables if len(table)], settings) for name, tables in models.items()}
    rows: list[tuple[Cell, ...]] = []
    for finding in dict.fromkeys(line.finding for own in lines.values() for line in own):
        for measure in LEADING:
            values = [of(own, finding, measure) for own in lines.values()]
            if any(value is not None and np.isfinite(value.estimate) for value in values):
                rows.append((finding, measure, *values))
    return rows


def _differences(lines: Sequence[Line]) -> Sheet:
    rows = [
        (line.finding, line.group or "second - first", line.estimate.measure, line.estimate, line.estimate.n, P(line.estimate.p),
         " ".join(line.estimate.warnings))
        for line in lines
    ]  # fmt: skip
    columns = ("Finding", "Contrast", "Measure", "Difference", "n", "p", "Note")
    note = "p of AUROC differences after Holm, over all findings and pairs, stand in the note."
    return Sheet("differences", "Differences", columns, rows, note, how={"p": "of the difference in its row"})


def _global(models: Mapping[str, Sequence[FindingTable]], level: float) -> list[Line]:
    """One test of equal areas of three models or more, where every patient has one row."""
    if len(models) < 3:
        return []
    lines: list[Line] = []
    first = next(iter(models.values()))
    for table in first:
        own = [next((one for one in tables if one.finding == table.finding), None) for tables in models.values()]
        if table.kind != "binary" or any(one is None for one in own):
            continue
        scores = np.stack([one.score for one in own if one is not None])
        kept = np.isfinite(scores).all(axis=0)
        truth = table.truth[kept]
        if not 0 < truth.sum() < len(truth) or len(np.unique(table.patients[kept])) < len(truth):
            continue
        statistic, df, p = equal_areas(truth, scores[:, kept])
        made = Estimate(
            "equality of AUROC", statistic, method="DeLong's chi-square; no interval: a test", n=len(truth), events=int(truth.sum()),
            clusters=len(truth), level=level, statistic=statistic, df=df, p=p, null="the areas are equal",
        )  # fmt: skip
        lines.append(Line(table.finding, "all", "all models", made))
    return lines


def _equal_areas(tests: Sequence[Line]) -> tuple[Sheet, ...]:
    rows = [
        (line.finding, one.n, one.events, one, int(one.df), P(one.p)) for line in tests for one in [line.estimate]
    ]  # fmt: skip
    columns = ("Finding", "n", "Positive", "Chi-square", "df", "p")
    note, how = "DeLong's chi-square; patients with one row each only.", {"p": "of the chi-square in its row"}
    return (Sheet("equal_areas", "Are all areas equal?", columns, rows, note, how=how),) if rows else ()


def _forests(lines: Sequence[Line]) -> tuple[Figure, ...]:
    found: list[Figure] = []
    for measure in DRAWN:
        own = [line for line in lines if line.estimate.measure == measure]
        named = [" ".join(filter(None, (finding_words(line.finding), line.group))) for line in own]
        rows = [(title, f"n = {line.estimate.n}", line.estimate) for title, line in zip(named, own, strict=True)]
        title = measure[:1].upper() + measure[1:]
        words = f"{title}, with its interval; to the right of the dashed line the later model leads."
        found += forest_of(measure.replace(" ", "_").lower(), title, title, rows, words, reference=0.0)
    return tuple(found)


def _curves(models: Mapping[str, Sequence[FindingTable]], readers: Mapping[str, ModelStudy]) -> tuple[Figure, ...]:
    """ROC curves of all models of a finding in one chart, readers as points."""
    by_finding: dict[str, dict[str, FindingTable]] = {}
    for name, tables in models.items():
        for table in tables:
            own = table.answered("exclude")
            if own.kind == "binary" and 0 < own.truth.sum() < len(own):
                by_finding.setdefault(own.finding, {})[name] = own
    found: list[Figure] = []
    for finding, own_by_model in by_finding.items():
        series = []
        for name, own in own_by_model.items():
            curve = roc_curve(own.truth, own.score)
            series.append(Series(name, *thinned(1 - curve.specificity, curve.sensitivity)))
        points = next((study.points[finding] for study in readers.values() if finding in study.points), ())
        for group in dict.fromkeys(one.seniority for one in points):
            here = [one for one in points if one.seniority == group]
            x, y = np.array([1 - one.specificity.estimate for one in here]), np.array([one.sensitivity.estimate for one in here])
            series.append(Series(f"{group or 'all'} readers", x, y, kind="points"))
        words = "ROC curve of each model on the rows that it answered. How far apart they are is told by the differences, not by the eye."
        found.append(
            Chart(
                f"roc_{finding}", finding, "ROC curves", "1 \u2212 specificity", "Sensitivity", tuple(series), words, square=True,
                diagonal="chance",
            )
        )  # fmt: skip
    return tuple(found)


def _methods(settings: Settings, models: int, beside: Mapping[str, StudyEvidence]) -> str:
    said = [
        f"Intervals are {settings.level:.0%}, two-sided; the patient is the independent unit, and models are compared on the same rows.",
        "Areas: DeLong's paired comparison, or Obuchowski's over patients where a patient has several rows, t with one less degree of "
        "freedom than the fewer of patients with a positive and with a negative row. Sensitivity and specificity: "
        "Tango's interval and McNemar's mid-p, or a ratio estimator over patients. Predictive values: weighted generalised score. Grades "
        f"and numbers: bootstrap of patients, both models from one draw ({settings.resamples} resamples, seed {settings.seed}).",
        "p of area differences were adjusted by Holm over findings" + (" and pairs of models." if models > 2 else "."),
    ]
    return " ".join([*said, *(one.methods for one in list(beside.values())[:1])])

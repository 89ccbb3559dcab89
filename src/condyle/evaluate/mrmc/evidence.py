"""A reader study, or a model beside readers, as evidence: lines, sheets, methods."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

import numpy as np

from condyle.evaluate.estimate import Estimate
from condyle.evaluate.figures import Figure, Heat, finding_words, forest_of
from condyle.evaluate.finding_figures import roc_figure
from condyle.evaluate.mrmc.analysis import Approach
from condyle.evaluate.mrmc.model_study import ModelStudy
from condyle.evaluate.mrmc.study import ReaderStudy
from condyle.evaluate.mrmc.washout import ShortGap
from condyle.evaluate.standalone import Line, Settings
from condyle.evaluate.study_evidence import Cell, Claim, P, Sheet, StudyEvidence, judge_claims, number, p_cell


def reader_evidence(study: ReaderStudy, *, claims: Sequence[Claim] = (), alpha: float = 0.05, rule: str = "holm") -> StudyEvidence:
    """A reader study of two arms."""
    contrast = f"{study.arm} - {study.base}"
    lines: list[Line] = []
    for one in study.comparisons:
        lines += [
            Line(one.finding, study.base, "", one.base_value),
            Line(one.finding, study.arm, "", one.arm_value),
            Line(one.finding, contrast, "", one.difference),
        ]
        lines += [Line(one.finding, contrast, f"seniority: {rank}", value) for rank, value in one.groups.items()]
        lines += [Line(one.finding, contrast, f"reader: {gain.reader}", gain.gain) for gain in one.readers]
        lines += [] if one.between is None else [Line(one.finding, contrast, "seniority by arm", one.between)]
    if study.time is not None:
        lines.append(Line("reading time", f"{study.arm} / {study.base}", "", study.time.ratio))
        lines += [
            Line("reading time", f"{study.arm} / {study.base}", f"seniority: {rank}", one.ratio)
            for rank, one in study.time_by_group.items()
        ]
    differences = {(one.finding, one.metric): one.difference for one in study.comparisons}
    differences |= {
        (one.finding.removeprefix("macro "), one.metric): one.difference for one in study.comparisons if one.finding.startswith("macro ")
    }
    designs = dict.fromkeys(str(one.design) for one in study.comparisons)
    summary = (
        f"Inference is {study.approach.inference}." if study.n_readers > 1 else "One reader: inference is to this reader only.",
        f"{study.n_readers} readers read {study.n_studies} studies of {study.n_patients} patients, {study.base} and {study.arm}.",
        *(f"Design: {words}." for words in designs),
    )
    return StudyEvidence(
        "Reader study",
        summary,
        tuple(lines),
        (*(table(study) for table in (_main, _readers, _groups, _components, _variance, _designs)), *_time(study), _washout(study)),
        judge_claims(claims, differences, alpha=alpha, rule=rule),
        reader_methods(study),
        study.warnings,
        reader_figures(study),
        {"level": study.comparisons[0].difference.level, **asdict(study.approach), "least_days": study.washout.least_days},
    )


SAYS = {
    "Obuchowski-Rockette-Hillis, jackknife": "by Obuchowski and Rockette's analysis of variance of figures of merit with jackknife "
    "covariances over patients and Hillis' degrees of freedom",
    "Obuchowski-Rockette, jackknife": "by Obuchowski and Rockette's chi-square test with jackknife covariances over patients",
    "Dorfman-Berbaum-Metz": "by Dorfman, Berbaum and Metz' analysis of variance of jackknife pseudovalues, no component dropped, Hillis' "
    "degrees of freedom",
    "U-statistics": "by U-statistics (Gallas) with BDG degrees of freedom, which use every read that was made",
    "Obuchowski-Rockette-Hillis on readers' means": "by the mean of the readers' own differences, its variance from their spread and their "
    "covariances over patients (structural components), Hillis' degrees of freedom",
    "readers' means": "by the mean of the readers' own differences and its variance over patients (structural components)",
}


def reader_methods(study: ReaderStudy) -> str:
    """What was run, in words for a paper."""
    used = dict.fromkeys(one.difference.method for one in study.comparisons if one.difference.method)
    ways = [words for start, words in SAYS.items() if any(one.startswith((f"{start},", f"{start} ")) for one in used)]
    factors = f"readers {study.approach.readers} and cases {study.approach.cases}: inference is {study.approach.inference}"
    said = [
        f"Figures of merit of {study.n_readers} readers in the arms {study.base} and {study.arm} were compared, {factors}.",
        f"The analysis was {'; or, as the design of each finding allowed, '.join(ways)}." if ways else "",
        "Ties count one half. The patient is the unit throughout. p over the findings of a metric are adjusted by Holm.",
        "Whether these readers gain alike was tested by the chi-square of their gains about the mean gain, over patients.",
    ]
    if any(one.finding.startswith("macro ") for one in study.comparisons):
        said.append("Macro averages weigh findings alike; leaving out a patient changes all findings at once.")
    if study.time is not None:
        said.append(
            "Reading times were analysed on the logarithm by REML with random readers (intercept, arm slope) and studies, Kenward-Roger."
        )
    said.append(f"Reads of one study by one reader under {study.washout.least_days:g} days apart are listed.")
    return " ".join(one for one in said if one)


def model_evidence(
    study: ModelStudy,
    arm: str,
    settings: Settings,
    *,
    claims: Sequence[Claim] = (),
    alpha: float = 0.05,
    rule: str = "holm",
) -> StudyEvidence:
    """A model beside readers of one arm; ``settings`` are those of its bootstraps."""
    contrast = "model - readers"
    lines = [
        Line(one.finding, contrast, "" if one.group == "all" else f"seniority: {one.group}", one.difference) for one in study.comparisons
    ]
    for finding, (sensitivity, gap) in study.at_specificity.items():
        lines += [Line(finding, "model at the readers' specificity", "", sensitivity), Line(finding, contrast, "", gap)]
    main = Sheet(
        "model_readers",
        "Model and readers",
        ("Finding", "Metric", "Readers", "Model", "Mean of readers", "Model - readers", "p", "p, Holm"),
        tuple(
            (
                one.finding,
                one.metric,
                one.group,
                one.model_value,
                one.readers_mean,
                one.difference,
                P(one.difference.p),
                P(one.p_adjusted),
            )
            for one in study.comparisons
        ),
        f"The model is fixed, {study.approach.factors}. p over findings within metric and group of readers by Holm.",
    )
    points = Sheet(
        "reader_points",
        "Readers on the ROC plane",
        ("Finding", "Reader", "Group", "Sensitivity", "Specificity"),
        tuple(
            (
                finding,
                one.reader,
                one.seniority,
                _limits(one.sensitivity, one.sensitivity_limits),
                _limits(one.specificity, one.specificity_limits),
            )
            for finding, readers in study.points.items()
            for one in readers
        ),
        "Wilson limits; a point below the model's curve is no test.",
    )
    at = Sheet(
        "at_readers_specificity",
        "The model at the readers' specificity",
        ("Finding", "Sensitivity of the model", "Less the readers' mean"),
        tuple((finding, *pair) for finding, pair in study.at_specificity.items()),
        "The threshold is found anew in every resample of patients; these readers only.",
    )
    differences = {(one.finding.removeprefix("macro "), one.metric): one.difference for one in study.comparisons if one.group == "all"}
    lost = [f"{finding}: {count} {reason}." for finding, reasons in study.excluded.items() for reason, count in reasons.items()]
    sheets = (main, *((points, at) if study.points else ()))
    return StudyEvidence(
        "Model beside readers",
        (
            f"Inference is {study.approach.inference}; the model is fixed.",
            f"The model is compared with readers {arm}, on the cases that all of them have read.",
        ),
        tuple(lines),
        sheets,
        judge_claims(claims, differences, alpha=alpha, rule=rule),
        "The mean of the readers was compared with the model by Obuchowski, Rockette and Hillis' single-treatment analysis, "
        f"{study.approach.factors}: {_terms(study.approach)}. Cases that the model or a reader lacks are left out and counted. "
        "p over findings are adjusted by Holm within metric and group of readers."
        + (" Macro averages weigh findings alike." if any(one.finding.startswith("macro ") for one in study.comparisons) else "")
        + (
            " The model's sensitivity at the readers' specificity: the lowest threshold whose specificity reaches their mean, found "
            f"anew in each of {settings.resamples} resamples of patients (seed {settings.seed}), percentile limits. Readers' points have "
            "Wilson limits."
            if study.points
            else ""
        ),
        tuple(lost),
        model_figures(study, settings),
        {**asdict(settings), "readers": study.approach.readers, "cases": study.approach.cases},
    )


def _terms(approach: Approach) -> str:
    if approach.readers == "fixed":
        return "the differences reader - model and their covariance over patients by the jackknife, normal"
    if approach.cases == "fixed":
        return "the t test of the readers' values against the model's as a constant"
    return "the differences reader - model, their mean square over readers and their covariance over patients by the jackknife"


def model_figures(study: ModelStudy, settings: Settings) -> tuple[Figure, ...]:
    """The model's ROC curves with the readers as points, and the differences below each other."""
    found: list[Figure] = []
    for finding, rows in study.curves.items():
        if 0 < rows[0].sum() < len(rows[0]):
            points = [(one.reader, 1 - one.specificity, one.sensitivity, one.seniority) for one in study.points[finding]]
            found.append(roc_figure(finding, rows, settings, readers=points))
    for metric in dict.fromkeys(one.metric for one in study.comparisons):
        own = [one for one in study.comparisons if (one.metric, one.group) == (metric, "all")]
        listed = [(finding_words(one.finding), "", one.difference) for one in own]
        words = f"Model less the mean of the readers; {study.approach.factors}, the model fixed. Right of the dashed line the model leads."
        title, across = f"Model and readers, {_metric(metric)}", f"Difference of {_metric(metric)}"
        found += forest_of(f"difference_{metric}", title, across, listed, words, reference=0.0)
    return tuple(found)


def reader_figures(study: ReaderStudy) -> tuple[Figure, ...]:
    """Differences of each metric over findings and groups of readers, readers by finding as a heat map, and reading times."""
    contrast = f"{study.arm} \u2212 {study.base}"
    found: list[Figure] = []
    for metric in dict.fromkeys(one.metric for one in study.comparisons):
        own = [one for one in study.comparisons if one.metric == metric]
        rows: list[tuple[str, str, Estimate | None]] = []
        for one in own:
            rows.append((finding_words(one.finding), "", one.difference))
            rows += [(f"    {rank}", "", value) for rank, value in one.groups.items()]
        words = f"{contrast}, {study.approach.factors}; below each finding its groups of readers. Right of the dashed line is better."
        title, across = f"Gain in {_metric(metric)}", f"Difference of {_metric(metric)}"
        found += forest_of(f"difference_{metric}", title, across, rows, words, reference=0.0)
        gains = [one for one in own if one.readers]
        names = tuple(dict.fromkeys(gain.reader for one in gains for gain in one.readers))
        if len(gains) > 1 and len(names) > 1:
            by = {(one.finding, gain.reader): gain.gain.estimate for one in gains for gain in one.readers}
            values = np.array([[by.get((one.finding, name), np.nan) for name in names] for one in gains])
            words = f"{contrast} of each reader and finding. For the pattern, not for ranking readers: intervals stand in the tables."
            title = f"Gain of each reader, {_metric(metric)}"
            down = tuple(finding_words(one.finding) for one in gains)
            found.append(Heat(f"readers_{metric}", "", title, "", "", down, names, values, words))
    if study.time is not None:
        times = [("all readers", "", study.time.ratio)] + [(rank, "", one.ratio) for rank, one in study.time_by_group.items()]
        words = "Ratio of geometric mean reading times; left of the dashed line is faster."
        found += forest_of("reading_time", "Reading time", f"{study.arm} / {study.base}", times, words, reference=1.0, logarithmic=True)
    return tuple(found)


def _metric(name: str) -> str:
    return "AUROC" if name == "auroc" else name


def _main(study: ReaderStudy) -> Sheet:
    rows = tuple(
        (one.finding, one.metric, one.base_value, one.arm_value, one.difference, P(one.difference.p), P(one.p_adjusted))
        for one in study.comparisons
    )
    columns = ("Finding", "Metric", study.base, study.arm, "Difference", "p", "p, Holm")
    note = f"Readers {study.approach.readers}, cases {study.approach.cases}; Holm over the findings of a metric."
    return Sheet("comparison", "Arms compared", columns, rows, note)


def _readers(study: ReaderStudy) -> Sheet:
    rows = tuple(
        (one.finding, one.metric, gain.reader, gain.group, gain.base, gain.arm, gain.gain)
        for one in study.comparisons
        for gain in one.readers
    )
    columns = ("Finding", "Metric", "Reader", "Group", study.base, study.arm, "Difference")
    return Sheet("readers", "Each reader", columns, rows, "Intervals over cases, for this reader only; they are not for ranking readers.")


def _groups(study: ReaderStudy) -> Sheet:
    ranks = tuple(study.seniority)
    rows = tuple(
        (
            one.finding,
            one.metric,
            *(one.groups.get(rank) for rank in ranks),
            one.between,
            P("nan") if one.between is None else P(one.between.p),
        )
        for one in study.comparisons
        if one.groups
    )
    between = f"{ranks[0]} - {ranks[1]}" if len(ranks) == 2 else "Between groups"
    note = "Gains within groups of readers; the last columns ask whether the groups gain alike."
    return Sheet("seniority", "Groups of readers", ("Finding", "Metric", *ranks, between, "p"), rows, note)


def _components(study: ReaderStudy) -> Sheet:
    rows = tuple(
        (
            one.finding,
            one.metric,
            *(c.reader, c.arm_reader, c.error, c.cov1, c.cov2, c.cov3),
            P(one.spread.p),
        )
        for one in study.comparisons
        if (c := one.components) is not None
    )
    columns = ("Finding", "Metric", "Reader", "Arm by reader", "Error", "Cov1", "Cov2", "Cov3", "p, readers gain alike")
    return Sheet(
        "components",
        "Variance components",
        columns,
        rows,
        "Negative components are given as estimated. The next study is planned from these. The last column asks whether these readers "
        "gain alike (reader by arm, over patients); that it is large is no evidence that they do.",
    )


def _variance(study: ReaderStudy) -> Sheet:
    rows = tuple(
        (
            one.finding,
            one.metric,
            one.difference.method,
            *(t.ms_arm, t.ms_arm_reader, t.denominator, t.statistic, t.df1),
            t.df2 if np.isfinite(t.df2) else None,
            P(t.p),
        )
        for one in study.comparisons
        if (t := one.test) is not None
    )
    columns = ("Finding", "Metric", "Method", "MS arm", "MS arm by reader", "Denominator", "F", "df1", "df2", "p")
    note = "F = MS arm / denominator; with fixed readers and Obuchowski-Rockette a chi-square, and no df2."
    return Sheet("analysis_of_variance", "Analysis of variance", columns, rows, note)


def _designs(study: ReaderStudy) -> Sheet:
    """What was read and what was left out, finding by finding: nothing vanishes."""
    rows = tuple(
        (
            one.finding,
            one.metric,
            one.design.name,
            len(one.readers),
            one.difference.n,
            one.design.missing,
            "; ".join(f"{count} {reason}" for reason, count in one.excluded.items()),
        )
        for one in study.comparisons
    )
    columns = ("Finding", "Metric", "Design", "Readers with both arms", "Patients", "Reads not made", "Left out")
    note = "Reads not made: those that a crossed study of the same readers and cases would have."
    return Sheet("designs", "What was read", columns, rows, note)


def _time(study: ReaderStudy) -> tuple[Sheet, ...]:
    if study.time is None:
        return ()
    rows: list[tuple[Cell, ...]] = [
        (
            "all",
            *(number(study.time.geometric_mean[arm], 1) for arm in (study.base, study.arm)),
            study.time.ratio,
            P(study.time.ratio.p),
        )
    ]
    rows += [
        (rank, *(number(one.geometric_mean[arm], 1) for arm in (study.base, study.arm)), one.ratio, P(one.ratio.p))
        for rank, one in study.time_by_group.items()
    ]
    columns = ("Readers", f"{study.base}, seconds", f"{study.arm}, seconds", "Time ratio", "p")
    return (Sheet("reading_time", "Reading time", columns, tuple(rows), "Geometric means; a ratio below 1 is faster."),)


def _washout(study: ReaderStudy) -> Sheet:
    gaps = study.washout
    rows: tuple[tuple[str, str], ...] = (
        ("repeated reads", str(gaps.gaps)),
        ("with time stamps", str(gaps.with_stamp)),
        ("shortest gap, days", number(gaps.shortest, 1)),
        ("median gap, days", number(gaps.median, 1)),
        (f"gaps under {gaps.least_days:g} days", f"{len(gaps.short)}" + _rows_of(gaps.short)),
        *((f"{arm} read first", f"{share:.0%}") for arm, share in gaps.first_arm.items() if share == share),
        ("p, both arms first equally often", p_cell(gaps.order_p)),
    )
    return Sheet("washout", "Wash-out and order", ("", ""), rows)


def _rows_of(short: Sequence[ShortGap]) -> str:
    shown = [f"{one.rows[0]} and {one.rows[1]}" for one in short[:5]]
    return f" (rows {', '.join(shown)}{' ...' if len(short) > 5 else ''})" if shown else ""


def _limits(value: float, ends: tuple[float, float]) -> str:
    return f"{number(value)} ({number(ends[0])} to {number(ends[1])})" if value == value else ""

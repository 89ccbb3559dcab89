"""A reader study, or a model beside readers, as evidence: lines, sheets, methods."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from condyle.evaluate.estimate import Estimate
from condyle.evaluate.figures import Figure, Heat, finding_words, forest_of
from condyle.evaluate.finding_figures import roc_figure
from condyle.evaluate.mrmc.analysis import Approach
from condyle.evaluate.mrmc.model_study import ModelStudy
from condyle.evaluate.mrmc.obuchowski_rockette import COMPONENTS
from condyle.evaluate.mrmc.study import Comparison, ReaderStudy
from condyle.evaluate.mrmc.washout import ShortGap
from condyle.evaluate.standalone import Line, Settings
from condyle.evaluate.study_evidence import Cell, Claim, P, Sheet, StudyEvidence, judge_claims


def reader_evidence(study: ReaderStudy, *, claims: Sequence[Claim] = (), alpha: float = 0.05, rule: str = "holm") -> StudyEvidence:
    """A reader study of two arms or more."""
    lines: list[Line] = []
    said: set[tuple[str, str, str]] = set()
    for one in study.comparisons:
        contrast = _contrast(one)
        for arm, value in ((one.base, one.base_value), (one.arm, one.arm_value)):
            if (one.finding, one.metric, arm) not in said:
                said.add((one.finding, one.metric, arm))
                lines.append(Line(one.finding, arm, "", value))
        lines.append(Line(one.finding, contrast, "", one.difference))
        lines += [Line(one.finding, contrast, f"seniority: {rank}", value) for rank, value in one.groups.items()]
        lines += [Line(one.finding, contrast, f"reader: {gain.reader}", gain.gain) for gain in one.readers]
        lines += [] if one.between is None else [Line(one.finding, contrast, "seniority by arm", one.between)]
    lines += [
        Line("reading time", f"{one.arm} / {one.base}", f"seniority: {one.group}" if one.group else "", one.ratio) for one in study.times
    ]
    differences: dict[Any, Estimate] = {}
    for one in study.comparisons:
        for name in {one.finding, one.finding.removeprefix("macro ")}:
            differences.setdefault((name, one.metric), one.difference)
            differences[name, one.metric, _contrast(one)] = one.difference
    for time in study.times:
        if not time.group:
            differences.setdefault(("seconds", "time ratio"), time.ratio)
            differences["seconds", "time ratio", f"{time.arm} - {time.base}"] = time.ratio
    designs = dict.fromkeys(str(one.design) for one in study.comparisons)
    named = " and ".join((", ".join(study.arms[:-1]), study.arms[-1]))
    summary = (
        f"Inference is {study.approach.inference}." if study.n_readers > 1 else "One reader: inference is to this reader only.",
        f"{_counted(study)} read {study.n_studies} studies of {study.n_patients} patients, {named}.",
        *(f"Design: {words}." for words in designs),
    )
    return StudyEvidence(
        "Reader study",
        summary,
        tuple(lines),
        (
            *(table(study) for table in (_main, _all, _readers, _groups, _components, _variance, _designs)),
            _time(study),
            _washout(study),
            _notes(study),
        ),
        judge_claims(claims, differences, alpha=alpha, rule=rule),
        reader_methods(study),
        study.warnings,
        reader_figures(study),
        {"level": study.comparisons[0].difference.level, **asdict(study.approach), "least_days": study.washout.least_days},
    )


def _contrast(one: Comparison) -> str:
    return f"{one.arm} - {one.base}"


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


def _counted(study: ReaderStudy) -> str:
    return f"{study.n_readers} reader{'s' if study.n_readers != 1 else ''}"


def reader_methods(study: ReaderStudy) -> str:
    """What was run, in words for a paper."""
    used = dict.fromkeys(one.difference.method for one in study.comparisons if one.difference.method)
    ways = [words for start, words in SAYS.items() if any(one.startswith((f"{start},", f"{start} ")) for one in used)]
    factors = f"readers {study.approach.readers} and cases {study.approach.cases}: inference is {study.approach.inference}"
    said = [
        f"Figures of merit of {_counted(study)} in the arms {', '.join(study.arms)} were compared, {factors}.",
        f"The analysis was {'; or, as the design of each finding allowed, '.join(ways)}." if ways else "",
        "Ties count one half. The patient is the unit throughout; n counts cases, events the positive ones among them.",
        "p over the findings of a metric are adjusted by Holm."
        if len(study.arms) == 2
        else "Equality of all arms was tested first, p over findings by Holm; then every pair, p over findings and pairs by Holm. With "
        "Obuchowski and Rockette's or Dorfman, Berbaum and Metz' analysis the error is that of all arms together.",
        "A reader's own areas have DeLong limits (Obuchowski's where patients have several cases), shares Wilson's (ratio estimator), "
        "gains in shares Tango's with McNemar's mid-p, other gains normal limits over patients.",
        "Whether these readers gain alike was tested by the chi-square of their gains about the mean gain, over patients.",
        "Limits of differences are cut at -1 and 1, of means at 0 and 1.",
    ]
    if any(one.finding.startswith("macro ") for one in study.comparisons):
        said.append("Macro averages weigh findings alike; leaving out a patient changes all findings at once.")
    if study.times:
        said.append(
            "Reading times were analysed on the logarithm by REML with random readers (intercept, arm slope) and studies, Kenward-Roger"
            + ("." if len(study.arms) == 2 else "; p over the pairs of arms by Holm.")
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
        how={
            "Model": "value on the cases that every reader has read, as a constant of the comparison",
            "Mean of readers": "mean of the readers' own values on the same cases",
            "p": "of the difference, two-sided",
            "p, Holm": "Holm over findings within metric and group of readers",
        },
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
                one.sensitivity,
                one.specificity,
            )
            for finding, readers in study.points.items()
            for one in readers
        ),
        "Wilson limits, over patients where one has several cases; a point below the model's curve is no test.",
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
    said = [(one.finding, one.metric, one.group, sentence) for one in study.comparisons for sentence in one.difference.warnings]
    notes = Sheet("notes", "Beside the numbers", ("Finding", "Metric", "Readers", "Note"), said)
    sheets = (main, *((points, at) if study.points else ()), notes)
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
            points = [(one.reader, 1 - one.specificity.estimate, one.sensitivity.estimate, one.seniority) for one in study.points[finding]]
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
    found: list[Figure] = []
    pairs = list(dict.fromkeys((one.base, one.arm) for one in study.comparisons))
    for metric, (base, arm) in itertools.product(dict.fromkeys(one.metric for one in study.comparisons), pairs):
        contrast = f"{arm} \u2212 {base}"
        ending = metric if len(pairs) == 1 else f"{metric}_{pairs.index((base, arm)) + 1}"
        of = "" if len(pairs) == 1 else f", {contrast}"
        own = [one for one in study.comparisons if (one.metric, one.base, one.arm) == (metric, base, arm)]
        rows: list[tuple[str, str, Estimate | None]] = []
        for one in own:
            rows.append((finding_words(one.finding), "", one.difference))
            rows += [(f"    {rank}", "", value) for rank, value in one.groups.items()]
        words = f"{contrast}, {study.approach.factors}; below each finding its groups of readers. Right of the dashed line is better."
        title, across = f"Gain in {_metric(metric)}{of}", f"Difference of {_metric(metric)}"
        found += forest_of(f"difference_{ending}", title, across, rows, words, reference=0.0)
        gains = [one for one in own if one.readers]
        names = tuple(dict.fromkeys(gain.reader for one in gains for gain in one.readers))
        if len(gains) > 1 and len(names) > 1:
            by = {(one.finding, gain.reader): gain.gain.estimate for one in gains for gain in one.readers}
            values = np.array([[by.get((one.finding, name), np.nan) for name in names] for one in gains])
            words = f"{contrast} of each reader and finding. For the pattern, not for ranking readers: intervals stand in the tables."
            title = f"Gain of each reader, {_metric(metric)}{of}"
            down = tuple(finding_words(one.finding) for one in gains)
            found.append(Heat(f"readers_{ending}", "", title, "", "", down, names, values, words))
    for place, (base, arm) in enumerate(dict.fromkeys((one.base, one.arm) for one in study.times)):
        times = [(one.group or "all readers", "", one.ratio) for one in study.times if (one.base, one.arm) == (base, arm)]
        words = "Ratio of geometric mean reading times; left of the dashed line is faster."
        name = "reading_time" if len(pairs) == 1 else f"reading_time_{place + 1}"
        found += forest_of(name, "Reading time", f"{arm} / {base}", times, words, reference=1.0, logarithmic=True)
    return tuple(found)


def _metric(name: str) -> str:
    return "AUROC" if name == "auroc" else name


def _main(study: ReaderStudy) -> Sheet:
    """Two arms have a column each; more have a row for each pair."""
    note = f"Readers {study.approach.readers}, cases {study.approach.cases}; Holm over the findings of a metric."
    how = {"p": "of the difference, two-sided", "p, Holm": "Holm over the findings of a metric; macro averages are not in it"}
    named, columns = ("Finding", "Metric"), ("Difference", "p", "p, Holm")
    tail = [(one, (one.difference, P(one.difference.p), P(one.p_adjusted))) for one in study.comparisons]
    if len(study.arms) == 2:
        rows = tuple((one.finding, one.metric, one.base_value, one.arm_value, *cells) for one, cells in tail)
        return Sheet("comparison", "Arms compared", (*named, *study.arms, *columns), rows, note, how=how)
    how["p, Holm"] = "Holm over the findings and pairs of arms of a metric; macro averages are not in it"
    wide = tuple((one.finding, one.metric, _contrast(one), one.arm_value, one.base_value, *cells) for one, cells in tail)
    note = f"Readers {study.approach.readers}, cases {study.approach.cases}; Holm over findings and pairs. All arms at once: below."
    return Sheet("comparison", "Arms compared", (*named, "Pair", "First of the pair", "Second", *columns), wide, note, how=how)


def _all(study: ReaderStudy) -> Sheet:
    rows = tuple(
        (
            one.finding, one.metric, one.method, one.n, one.events, one.patients,
            *((None,) * 3 if (t := one.test) is None else (t.statistic, t.df1, t.df2 if np.isfinite(t.df2) else None)),
            P("nan" if t is None else t.p), P(one.p_adjusted),
        )
        for one in study.all_arms
    )  # fmt: skip
    columns = ("Finding", "Metric", "Method", "n", "Positive", "Patients", "F or chi-square", "df1", "df2", "p", "p, Holm")
    how = {
        "F or chi-square": "mean square of arms by its error, as Method; with fixed readers and Obuchowski-Rockette a chi-square",
        "df1": "arms - 1", "df2": "Hillis 2007; none of a chi-square", "p": "that all arms are equal",
        "p, Holm": "Holm over the findings of a metric; macro averages are not in it",
    }  # fmt: skip
    note = f"Are {', '.join(study.arms)} equal? Pairs are looked at after this test."
    return Sheet("all_arms", "All arms at once", columns, rows, note, how=how)


def _readers(study: ReaderStudy) -> Sheet:
    two = len(study.arms) == 2
    rows = tuple(
        (one.finding, one.metric, *(() if two else (_contrast(one),)), gain.reader, gain.group,
         *((gain.base, gain.arm) if two else (gain.arm, gain.base)), gain.gain)
        for one in study.comparisons
        for gain in one.readers
    )  # fmt: skip
    middle = ("Reader", "Group", *study.arms) if two else ("Pair", "Reader", "Group", "First of the pair", "Second")
    note = "Intervals over cases, for this reader only; they are not for ranking readers."
    return Sheet("readers", "Each reader", ("Finding", "Metric", *middle, "Difference"), rows, note)


def _groups(study: ReaderStudy) -> Sheet:
    ranks, two = tuple(study.seniority), len(study.arms) == 2
    rows = tuple(
        (
            one.finding,
            one.metric,
            *(() if two else (_contrast(one),)),
            *(one.groups.get(rank) for rank in ranks),
            one.between,
            P("nan") if one.between is None else P(one.between.p),
        )
        for one in study.comparisons
        if one.groups
    )
    between = f"{ranks[0]} - {ranks[1]}" if len(ranks) == 2 else "Between groups"
    note = "Gains within groups of readers; the last columns ask whether the groups gain alike."
    columns = ("Finding", "Metric", *(() if two else ("Pair",)), *ranks, between, "p")
    return Sheet("seniority", "Groups of readers", columns, rows, note, how={"p": "that the groups gain alike, two-sided"})


def _components(study: ReaderStudy) -> Sheet:
    rows = tuple(
        (
            one.finding,
            one.metric,
            _contrast(one),
            *(c.reader, c.arm_reader, c.error, c.cov1, c.cov2, c.cov3),
            P(one.spread.p),
        )
        for one in study.comparisons
        if (c := one.components) is not None
    )
    columns = ("Finding", "Metric", "Pair", *COMPONENTS, "p, readers gain alike")
    return Sheet(
        "components",
        "Variance components",
        columns,
        rows,
        "Negative components are given as estimated. The next study is planned from these. The last column asks whether these readers "
        "gain alike (reader by arm, over patients); that it is large is no evidence that they do."
        + ("" if len(study.arms) == 2 else " Components of a complete design are those of all arms together."),
        how={**COMPONENTS, "p, readers gain alike": "chi-square of the readers' gains about their mean, covariance over patients"},
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
        for one in {(row.finding, row.metric): row for row in reversed(study.comparisons)}.values()
        if (t := one.test) is not None
    )[::-1]
    columns = ("Finding", "Metric", "Method", "MS arm", "MS arm by reader", "Denominator", "F", "df1", "df2", "p")
    note = "F = MS arm / denominator; with fixed readers and Obuchowski-Rockette a chi-square, and no df2."
    how = {
        "MS arm": "analysis of variance of the figures (or pseudovalues) over arms and readers", "MS arm by reader": "the same",
        "Denominator": "MS arm by reader + readers x max(Cov2 - Cov3, 0), or as the fixed factor wants", "F": "MS arm / denominator",
        "df1": "arms - 1", "df2": "Hillis 2007", "p": "that all arms are equal",
    }  # fmt: skip
    return Sheet("analysis_of_variance", "Analysis of variance", columns, rows, note, how=how)


def _designs(study: ReaderStudy) -> Sheet:
    """What was read and what was left out, finding by finding: nothing vanishes."""
    rows = tuple(
        (
            one.finding,
            one.metric,
            _contrast(one),
            one.design.name,
            len(one.readers),
            one.difference.n,
            one.difference.events,
            one.difference.clusters,
            one.design.missing,
            "; ".join(f"{count} {reason}" for reason, count in one.excluded.items()),
        )
        for one in study.comparisons
    )
    columns = ("Finding", "Metric", "Pair", "Design", "Readers with both arms", "n", "Positive", "Patients", "Reads not made", "Left out")
    note = "n: cases. Reads not made: those that a crossed study of the same readers and cases would have."
    return Sheet("designs", "What was read", columns, rows, note)


def _time(study: ReaderStudy) -> Sheet:
    two = len(study.arms) == 2
    rows: list[tuple[Cell, ...]] = [
        (one.group or "all", *(() if two else (f"{one.arm} / {one.base}",)), one.geometric_mean[one.base], one.geometric_mean[one.arm],
         one.ratio, P(one.ratio.p), *(() if two else (P(one.p_adjusted),)))
        for one in study.times
    ]  # fmt: skip
    means = tuple(f"{arm}, seconds" for arm in study.arms) if two else ("Second of the pair, seconds", "First, seconds")
    how = dict.fromkeys(means, "geometric mean of the seconds of all reads") | {"p": "that the ratio is 1, two-sided"}
    how |= {} if two else {"p, Holm": "Holm over the pairs of arms, each group of readers for itself"}
    columns = ("Readers", *(() if two else ("Pair",)), *means, "Time ratio", "p", *(() if two else ("p, Holm",)))
    note = "Geometric means; a ratio below 1 is faster."
    return Sheet("reading_time", "Reading time", columns, rows, note, how=how)


def _washout(study: ReaderStudy) -> Sheet:
    gaps = study.washout
    rows: tuple[tuple[Cell, ...], ...] = (
        ("repeated reads", gaps.gaps, ""),
        ("with time stamps", gaps.with_stamp, ""),
        ("shortest gap, days", gaps.shortest, ""),
        ("median gap, days", gaps.median, ""),
        (f"gaps under {gaps.least_days:g} days", len(gaps.short), _rows_of(gaps.short)),
        *((f"share of studies read first in {arm}", share, "") for arm, share in gaps.first_arm.items() if share == share),
        ("p, both arms first equally often", P(gaps.order_p), ""),
    )
    how = {"Value": "of the pairs of reads of one study by one reader; p by the exact binomial test of 0.5"}
    return Sheet("washout", "Wash-out and order", ("Reads", "Value", "Rows"), rows, how=how)


def _notes(study: ReaderStudy) -> Sheet:
    """What must be known beside a difference: few readers, negative components, limits that were cut."""
    rows = [
        (one.finding, one.metric, _contrast(one), sentence)
        for one in study.comparisons
        for sentence in dict.fromkeys((*one.difference.warnings, *(() if one.between is None else one.between.warnings)))
    ]
    rows += [
        (one.finding, one.metric, f"{_contrast(one)}, {rank}", sentence)
        for one in study.comparisons
        for rank, value in one.groups.items()
        for sentence in dict.fromkeys(value.warnings)
        if sentence not in one.difference.warnings
    ]
    rows += [
        ("reading time", one.group or "all readers", f"{one.arm} / {one.base}", sentence)
        for one in study.times
        for sentence in one.ratio.warnings
    ]
    return Sheet("notes", "Beside the numbers", ("Finding", "Metric", "Pair", "Note"), rows)


def _rows_of(short: Sequence[ShortGap]) -> str:
    shown = [f"{one.rows[0]} and {one.rows[1]}" for one in short[:5]]
    return f"rows {', '.join(shown)}{' ...' if len(short) > 5 else ''}" if shown else ""

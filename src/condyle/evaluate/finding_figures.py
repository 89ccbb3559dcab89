"""The figures of one finding's table: ROC with band, precision against recall, reliability, decision curve, and those of grades."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec

import numpy as np

from condyle.errors import InputError
from condyle.evaluate.agreement import confusion
from condyle.evaluate.bland_altman import limits_of_agreement
from condyle.evaluate.curve_bands import Band, BenefitBand, benefit_band, roc_band, smooth_band
from condyle.evaluate.estimate import Estimate
from condyle.evaluate.figures import Chart, Figure, Heat, Series, thinned
from condyle.evaluate.finding_table import FindingTable, Floats, Texts
from condyle.evaluate.froc import FrocCurve
from condyle.evaluate.precision import precision_recall
from condyle.evaluate.reliability import Bin, reliability
from condyle.evaluate.roc import roc_curve
from condyle.evaluate.smooth_calibration import smooth_calibration
from condyle.evaluate.standalone import Settings

BAND_RESAMPLES = 500
SMOOTH_RESAMPLES = 200
THRESHOLDS = np.round(np.linspace(0.01, 0.99, 99), 2)


def binary_figures(table: FindingTable, settings: Settings, area: Estimate | None, precision: Estimate | None) -> tuple[Figure, ...]:
    """Figures of a binary finding that has both classes; none without.

    Parameters
    ----------
    table : rows with an answer; area, precision : AUROC and average precision, for the captions
    """
    if not 0 < table.truth.sum() < len(table):
        return ()
    rows = (table.truth, table.score, table.patients)
    found: list[Figure] = [roc_figure(table.finding, rows, settings, area), precision_figure(table, precision)]
    if ((table.score >= 0) & (table.score <= 1)).all():  # failures counted as wrong lie outside and have no calibration
        found += [reliability_figure(table, settings), decision_figure(table.finding, benefit(table, settings), len(table))]
    return tuple(found)


def roc_figure(
    finding: str,
    rows: tuple[Floats, Floats, Texts],
    settings: Settings,
    area: Estimate | None = None,
    readers: Sequence[tuple[str, float, float, str]] = (),
) -> Chart:
    """ROC curve with a pointwise band over patients.

    Parameters
    ----------
    rows : truth, score, patient of each, (n,)
    readers : (name, 1 - specificity, sensitivity, group) of each, drawn as points
    """
    truth, score, patients = rows
    curve = roc_curve(truth, score)
    n = min(settings.resamples, BAND_RESAMPLES)
    band = roc_band(truth, score, patients, n=n, seed=settings.seed, level=settings.level)
    x, y = thinned(1 - curve.specificity, curve.sensitivity)
    words = f"ROC curve{'' if area is None else f', area {area}'}, {int(truth.sum())} positives and {int((truth == 0).sum())} negatives."
    series = [Series("model" if readers else "", x, y)]
    if np.isfinite(band.low).any():
        series.append(Series("", band.along, band.along, band.low, band.high, "band"))
        words += f" Band: pointwise {settings.level:.0%} limits over {band.resamples} resamples of patients (seed {settings.seed})."
    for group in dict.fromkeys(one[3] for one in readers):
        own = [one for one in readers if one[3] == group]
        name = f"{group or 'all'} readers"
        series.append(Series(name, np.array([one[1] for one in own]), np.array([one[2] for one in own]), kind="points"))
    if readers:
        words += " A reader's point below the curve is no test."
    return Chart(
        f"roc_{finding}", finding, "ROC curve", "1 \u2212 specificity", "Sensitivity", tuple(series), words, square=True, diagonal="chance"
    )


def precision_figure(table: FindingTable, average: Estimate | None) -> Chart:
    """Precision against recall, stepwise, with the prevalence as what a random score gives."""
    precision, recall, _ = precision_recall(table.truth, table.score)
    # From the recall of the step before to its own, each step at its own precision.
    x, y = thinned(np.r_[0.0, np.repeat(recall, 2)[:-1]], np.repeat(precision, 2))
    share = float(table.truth.mean())
    words = f"Precision against recall{'' if average is None else f', average precision {average}'}. Dashed: the prevalence {share:.3f}."
    base = Series("", np.array([0.0, 1.0]), np.array([share, share]), kind="reference")
    return Chart(
        f"precision_recall_{table.finding}", table.finding, "Precision and recall", "Recall (sensitivity)", "Precision (PPV)",
        (Series("", x, y), base), words, square=True,
    )  # fmt: skip


def reliability_figure(table: FindingTable, settings: Settings, *, name: str = "reliability") -> Chart:
    """Observed share against score: ten bins of equal size with limits, and the smooth curve where its package is there."""
    bins: tuple[Bin, ...] = reliability(table.truth, table.score, table.patients, level=settings.level)
    points = Series(
        "bins", np.array([one.mean_score for one in bins]), np.array([one.observed.estimate for one in bins]),
        np.array([one.observed.low for one in bins]), np.array([one.observed.high for one in bins]), "points",
    )  # fmt: skip
    series = [points]
    words = f"Observed share in {len(bins)} bins of equal size, each with its {settings.level:.0%} interval; on the diagonal scores mean "
    words += "what they say."
    if find_spec("skmisc") is not None:
        try:
            curve = smooth_calibration(table.truth, table.score)
        except (InputError, ValueError) as error:
            words += f" No smooth curve: {str(error).splitlines()[0]}"
        else:
            order = np.argsort(table.score, kind="stable")
            x, y = thinned(table.score[order], np.clip(curve.observed[order], 0, 1))
            series.append(Series("loess", x, y))
            words += f" Line: {curve.smoother}, ICI {curve.ici:.3f}"
            band = smooth_band_of(table, settings)
            if np.isfinite(band.low).any():
                series.append(Series("", band.along, band.along, np.clip(band.low, 0, 1), np.clip(band.high, 0, 1), "band"))
                words += f", with pointwise {settings.level:.0%} limits over {band.resamples} resamples of patients"
            words += "."
    return Chart(
        f"{name}_{table.finding}", table.finding, "Reliability", "Score", "Observed share", tuple(series), words, square=True,
        diagonal="perfect",
    )  # fmt: skip


def smooth_band_of(table: FindingTable, settings: Settings) -> Band:
    """Band of the loess curve, from few resamples: each fits a curve anew."""
    n = min(settings.resamples, SMOOTH_RESAMPLES)
    return smooth_band(table.truth, table.score, table.patients, n=n, seed=settings.seed, level=settings.level)


def benefit(table: FindingTable, settings: Settings) -> BenefitBand:
    """Decision curve at thresholds from 0.01 to 0.99."""
    n, seed = settings.resamples, settings.seed
    return benefit_band(table.truth, table.score, table.patients, THRESHOLDS, n=n, seed=seed, level=settings.level)


def decision_figure(finding: str, one: BenefitBand, n: int) -> Chart:
    """Net benefit with its band beside treating all and none."""
    floor = -0.05
    shown = one.treat_all >= floor
    series = (
        Series("score", one.thresholds, one.net_benefit, one.band.low, one.band.high),
        Series("treat all", one.thresholds[shown], one.treat_all[shown], kind="reference"),
        Series("treat none", np.array([0.0, 1.0]), np.zeros(2), kind="reference"),
    )
    words = (
        f"Net benefit of acting on a score at or above the threshold, {n} rows. Band: pointwise limits over {one.band.resamples} "
        "resamples of patients; whether the score beats the defaults is told by the difference in decision_curve.csv, not by the band."
    )
    name = f"decision_curve_{finding}"
    return Chart(name, finding, "Decision curve", "Threshold probability", "Net benefit", series, words, up_from=floor)


def grade_figures(table: FindingTable, level: float = 0.95) -> tuple[Figure, ...]:
    """Confusion of grades as a heat map of counts, or Bland and Altman's plot of a measurement."""
    if not len(table):
        return ()
    if table.kind == "ordinal":
        counts = confusion(table.truth, table.given, table.scale)
        names = tuple(map(str, table.scale))
        words = f"How often each true grade (down) was given each grade (across), {len(table)} rows."
        return (
            Heat(f"confusion_{table.finding}", table.finding, "Grades", "True grade", "Grade given", names, names, counts, words, digits=0),
        )
    if len(table) < 3:
        return ()
    rows = (table.given, table.truth, table.patients)
    return (bland_altman_figure(f"bland_altman_{table.finding}", table.finding, *rows, table.unit, level=level),)


def bland_altman_figure(
    name: str, finding: str, first: Floats, second: Floats, patients: Texts, unit: str, *, level: float = 0.95
) -> Chart:
    """Difference against mean with bias and limits of agreement."""
    limits = limits_of_agreement(first, second, patients, level=level)
    mean, gap = (first + second) / 2, first - second
    ends = np.array([mean.min(), mean.max()])
    bias = limits.bias
    lines = [Series("bias", ends, np.full(2, bias.estimate), np.full(2, bias.low), np.full(2, bias.high))]
    lines += [Series("", ends, np.full(2, one.estimate), kind="reference") for one in (limits.lower, limits.upper)]
    inside = f", {unit}" if unit else ""
    ends_in_words = f"{limits.lower.estimate:.3f} and {limits.upper.estimate:.3f}"
    words = f"Difference against mean. Bias {bias}; dashed: limits of agreement {ends_in_words}."
    return Chart(
        name, finding, "Bland and Altman", f"Mean{inside}", f"Difference{inside}",
        (Series("", mean, gap, kind="points"), *lines), words,
    )  # fmt: skip


def froc_figure(finding: str, curve: FrocCurve, mean: Estimate | None) -> Chart:
    """Sensitivity against false marks a study, as far as there are marks and at most to 8; dashed and flat beyond."""
    kept = curve.false_per_scan <= 8.0
    along, up = curve.false_per_scan[kept], curve.sensitivity[kept]
    last = float(along[-1])
    end = min(8.0, max(1.0, 1.5 * last))
    series = [Series("", along, up)]
    words = f"Free-response curve{'' if mean is None else f', mean sensitivity at 1/8 to 8 false marks {mean}'}"
    if end > last:
        series.append(Series("", np.array([last, end]), np.array([up[-1]] * 2), kind="reference"))
        words += "; held flat (dashed) beyond the last mark"
    return Chart(
        f"froc_{finding or 'lesions'}", finding or "lesions", "FROC curve", "False marks a study", "Sensitivity",
        tuple(series), f"{words}.", up_from=-0.01, up_to=1.01,
    )  # fmt: skip

"""Calibration of a finding's scores as lines of evidence."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import numpy as np

from condyle.errors import InputError
from condyle.evaluate.bootstrap import sums_bootstrap
from condyle.evaluate.estimate import Estimate
from condyle.evaluate.finding_table import FindingTable
from condyle.evaluate.recalibration import recalibration, spiegelhalter
from condyle.evaluate.reliability import calibration_errors
from condyle.evaluate.smooth_calibration import smooth_calibration
from condyle.evaluate.standalone import Line, Settings, from_interval


def calibration_lines(table: FindingTable, settings: Settings) -> tuple[Line, ...]:
    """Brier score and skill, slope, intercepts, observed / expected, binned and smooth errors of a binary finding.

    Rows without a score are left out here whatever the rule for failures: a missing probability has no calibration.
    """
    own = table.answered("exclude")
    events = int(own.truth.sum()) if len(own) else 0
    if not 0 < events < len(own):
        sentence = "Calibration needs positives and negatives with scores."
        return (Line(table.finding, "all", "", Estimate("Brier score", float("nan"), n=len(own), events=events, warnings=(sentence,))),)
    found = _briers(own, events, settings)
    record: dict[str, Any] = {"n": len(own), "events": events, "clusters": len(np.unique(own.patients)), "level": settings.level}
    repeated = record["clusters"] < len(own)
    try:
        fit = recalibration(own.truth, own.score, own.patients if repeated else None, level=settings.level)
        found += [fit.slope, fit.intercept, fit.in_the_large, fit.observed_to_expected]
    except InputError as error:
        found.append(Estimate("calibration slope", float("nan"), warnings=(f"{error.what} {error.why}".strip(),), **record))
    found += [one for binning in ("width", "mass") for one in _binned(own, binning, settings, record)]
    z, p = spiegelhalter(own.truth, own.score, own.patients if repeated else None)
    words = "no interval; the test sums over patients" if repeated else "no interval: a test"
    found.append(Estimate("Spiegelhalter z", z, method=words, statistic=z, p=p, null="outcomes follow the scores", **record))
    return tuple(Line(table.finding, "all", "", one) for one in [*found, *_smooth(own, record)])


def _binned(own: FindingTable, binning: str, settings: Settings, record: dict[str, Any]) -> list[Estimate]:
    """Calibration errors over bins of equal width or mass, beside what a perfect model shows."""
    errors = calibration_errors(own.truth, own.score, binning=binning, seed=settings.seed)
    what = f"no interval: resampling biases it upward; {errors.binning}"
    null = f"a perfect model shows {errors.expected_if_perfect:.3f} on average, below {errors.upper_if_perfect:.3f} in 95 of 100 samples"
    less = f"less {errors.expected_if_perfect:.3g}, the mean of {errors.draws} simulated outcomes that follow the scores"
    rooted = "each bin's sampling variance taken off its squared gap (Kumar 2019)"
    end = "" if binning == "width" else ", equal mass"
    return [
        Estimate(f"expected calibration error{end}", errors.raw, method=f"{what}; {null}", seed=settings.seed, **record),
        Estimate(f"excess calibration error{end}", errors.excess, method=f"{what}; {less}", seed=settings.seed, **record),
        Estimate(f"root mean square calibration error{end}", errors.root_mean_square, method=f"{what}; {rooted}", **record),
        Estimate(f"maximum calibration error{end}", errors.maximum, method=what, **record),
    ]


def _briers(own: FindingTable, events: int, settings: Settings) -> list[Estimate]:
    prevalence = events / len(own)

    columns = np.stack([np.ones(len(own)), own.truth, (own.score - own.truth) ** 2], axis=1)
    found = sums_bootstrap(columns, _skill, own.patients, n=settings.resamples, seed=settings.seed, confidence=settings.level)
    sentence = f"Always forecasting the prevalence {prevalence:.3f} scores {prevalence * (1 - prevalence):.3f}."
    made = [from_interval(name, one, events, settings) for name, one in found.items()]
    return [made[0].warned(sentence), made[1]]


def _skill(sums: np.ndarray) -> dict[str, np.ndarray]:
    """Brier score, and its skill against a forecast of the sample's prevalence, refitted in each resample."""
    rows, events, squared = np.moveaxis(sums, -1, 0)
    share, score = events / rows, squared / rows
    with np.errstate(invalid="ignore", divide="ignore"):
        return {"Brier score": score, "Brier skill": np.where((share > 0) & (share < 1), 1 - score / (share * (1 - share)), np.nan)}


def _smooth(own: FindingTable, record: dict[str, Any]) -> list[Estimate]:
    """ICI and its quantiles by loess, when the extra ``evaluate`` is installed; else the line says what is missing."""
    names = ("ICI", "E50", "E90")
    if find_spec("skmisc") is None:
        return [Estimate("ICI", float("nan"), warnings=("Needs scikit-misc: pip install 'condyle[evaluate]'.",), **record)]
    try:
        curve = smooth_calibration(own.truth, own.score)
    except (InputError, ValueError) as error:
        return [Estimate("ICI", float("nan"), warnings=(f"No smooth curve: {str(error).splitlines()[0]}",), **record)]
    return [
        Estimate(name, value, method=f"{curve.smoother}; no interval: resampling biases it upward", **record)
        for name, value in zip(names, (curve.ici, curve.e50, curve.e90), strict=True)
    ]

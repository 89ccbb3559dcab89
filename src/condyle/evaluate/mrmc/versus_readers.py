"""One stand-alone model against a sample of readers on the same cases.

The model is one fixed column, readers and cases are random. That the model beats the readers' mean, or that a reader's point
lies below the model's curve, is no test; treating the cases as fixed is one, but a far too easy one.

Source: Hillis, Stat Med 2007;26:596, section 5.3; Hupse et al., Eur Radiol 2013;23:93.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from condyle.errors import InputError
from condyle.evaluate.mrmc.covariance import covariance as covariance_of
from condyle.evaluate.mrmc.figure import Figures
from condyle.evaluate.mrmc.obuchowski_rockette import INFERENCE


@dataclass(frozen=True, slots=True)
class VersusReaders:
    """Mean of the readers less the model.

    Parameters
    ----------
    model_value, readers_mean, difference : figure of merit; difference = readers_mean - model_value
    se, df, low, high, statistic, p : of the difference; df is inf with a normal interval
    reader_low, reader_high : the same interval moved to the readers' mean, as if the model's value were exact
    reader_variance : of the differences over readers (mean square)
    error, cov2 : variance over cases of one difference, and mean covariance of two
    readers : (name, value, value - model)
    """

    figure: str
    model: str
    inference: str
    model_value: float
    readers_mean: float
    difference: float
    se: float
    df: float
    low: float
    high: float
    statistic: float
    p: float
    reader_low: float
    reader_high: float
    reader_variance: float
    error: float
    cov2: float
    readers: tuple[tuple[str, float, float], ...]
    level: float
    warnings: tuple[str, ...]


def versus_readers(
    figures: Figures, model: str, *, readers: str = "random", cases: str = "random", covariance: str = "jackknife", level: float = 0.95
) -> VersusReaders:
    """Compare a model with the mean of readers.

    Parameters
    ----------
    figures : of one arm, the model among the readers
    model : its name among ``figures.readers``
    readers, cases : ``random`` or ``fixed``, not both fixed. With fixed cases it is a t test of the readers' values
        against the model's as a constant
    covariance : of the figures over cases: jackknife, delong, unbiased or bootstrap

    Returns
    -------
    VersusReaders; t = mean difference / sqrt((MS + r max(Cov2, 0)) / r) with (MS + r max(Cov2, 0))^2 / (MS^2 / (r - 1)) df

    Raises
    ------
    InputError - several arms, unknown model, fewer than two random readers, somebody who did not read every case
    """
    if (readers, cases) not in INFERENCE:
        raise InputError(
            "mrmc-factors", "Readers and cases must be 'random' or 'fixed', and not both fixed.", what_to_do="Fix one of them at most."
        )
    if len(figures.arms) != 1 or model not in figures.readers:
        raise InputError(
            "mrmc-model", f"There must be one arm in which {model!r} is among the readers.",
            what_to_do="Add the model's scores as one more reader of that arm.",
        )  # fmt: skip
    if not figures.used.all():
        raise InputError(
            "mrmc-incomplete", "The model and every reader must have read the same cases.",
            what_to_do="Compare on the cases that all have read, and report how many that leaves out.",
        )  # fmt: skip
    at = figures.readers.index(model)
    others = [j for j in range(len(figures.readers)) if j != at]
    r = len(others)
    if r < (2 if readers == "random" else 1):
        raise InputError(
            "mrmc-one-reader", "Random readers need two readers besides the model.",
            what_to_do="Take readers as fixed, and speak of these readers only.",
        )  # fmt: skip
    apart = figures.value[0, others] - figures.value[0, at]
    contrast = np.eye(len(figures.readers))[others] - np.eye(len(figures.readers))[at]
    over_cases = contrast @ covariance_of(figures, covariance) @ contrast.T
    off = ~np.eye(r, dtype=bool)
    error, cov2 = float(np.diag(over_cases).mean()), float(over_cases[off].mean()) if r > 1 else 0.0
    ms = float(apart.var(ddof=1)) if r > 1 else float("nan")
    if readers == "fixed":
        variance, df = (error + (r - 1) * cov2) / r, float("inf")
    else:
        correlated = r * max(cov2, 0.0) if cases == "random" else 0.0
        variance = (ms + correlated) / r
        df = (ms + correlated) ** 2 / (ms**2 / (r - 1)) if ms > 0 else float("inf")
    difference, se = float(apart.mean()), float(np.sqrt(variance))
    spread = stats.t(df) if np.isfinite(df) else stats.norm
    reach = float(spread.ppf((1 + level) / 2)) * se
    statistic = difference / se if se > 0 else float("nan")
    own = float(figures.value[0, at])
    said = []
    if readers == "random" and r < 5:
        said.append(f"Only {r} readers: a population of readers is judged from few.")
    if cases == "fixed":
        said.append("Cases are fixed: this says nothing of other patients.")
    if readers == "random" and cases == "random" and cov2 < 0:
        said.append("Cov2 is negative and was taken as 0.")
    return VersusReaders(
        figures.name, model, INFERENCE[readers, cases], own, own + difference, difference, se, df, difference - reach, difference + reach,
        statistic, 2 * float(spread.sf(abs(statistic))), own + difference - reach, own + difference + reach, ms, error, cov2,
        tuple((figures.readers[j], float(figures.value[0, j]), float(gap)) for j, gap in zip(others, apart, strict=True)),
        level, tuple(said),
    )  # fmt: skip

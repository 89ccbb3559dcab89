"""Power and size of a reading study from the variance components of a pilot.

Source: Hillis, Obuchowski & Berbaum, Acad Radiol 2011;18:129.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import stats

from condyle.errors import InputError
from condyle.evaluate.mrmc.obuchowski_rockette import Analysis, Components

MAX_CASES = 100_000


@dataclass(frozen=True, slots=True)
class Pilot:
    """What a pilot study says about variance: its components and the number of patients they rest on."""

    components: Components
    n_patients: int

    @classmethod
    def of(cls, analysis: Analysis) -> Pilot:
        """From an Obuchowski-Rockette analysis of two or more arms."""
        if analysis.components is None:
            raise InputError(
                "power-pilot", "A pilot of one arm says nothing about a difference of arms.", what_to_do="Use a pilot with both arms."
            )
        return cls(analysis.components, analysis.n_patients)


@dataclass(frozen=True, slots=True)
class Power:
    """Power of a planned study.

    Parameters
    ----------
    n_readers, n_patients : planned
    effect : difference of the figure of merit between two arms that shall be found
    power : chance to find it at ``alpha``, two-sided
    ncp : non-centrality; df2 : inf when readers are fixed; critical : value of F or chi-square
    """

    n_readers: int
    n_patients: int
    effect: float
    alpha: float
    power: float
    ncp: float
    df2: float
    critical: float


def power(
    pilot: Pilot, *, n_readers: int, n_patients: int, effect: float, readers: str = "random", cases: str = "random", alpha: float = 0.05
) -> Power:
    """Power to find a difference between two arms in a crossed study.

    Covariances shrink as 1 / patients; ``n_patients`` counts what the figure is made of, in the same mix of positives and
    negatives as the pilot. A negative arm-by-reader variance is taken as 0. The effect is a choice, never the pilot's own.

    Raises
    ------
    InputError - fewer than two random readers, an effect of 0, both factors fixed
    """
    if effect == 0 or n_patients < 2 or n_readers < (1 if readers == "fixed" else 2) or "fixed" == readers == cases:
        raise InputError(
            "power-settings", "Power needs an effect, two patients or more, and two random readers or more.",
            what_to_do="Plan two readers or more and an effect other than 0; take at most one of readers and cases as fixed.",
        )  # fmt: skip
    parts, shrink = pilot.components, pilot.n_patients / n_patients
    spread = max(parts.arm_reader, 0.0)
    own, shared = shrink * (parts.error - parts.cov1), shrink * max(parts.cov2 - parts.cov3, 0.0)
    half = 0.5 * n_readers * effect**2
    if readers == "fixed":
        ncp = half / (own + (n_readers - 1) * shared)
        critical = float(stats.chi2.ppf(1 - alpha, 1))
        return Power(n_readers, n_patients, effect, alpha, float(stats.ncx2.sf(critical, 1, ncp)), ncp, float("inf"), critical)
    if cases == "fixed":
        ncp, df2 = half / (spread + own - shared), float(n_readers - 1)
    else:
        whole = spread + own + (n_readers - 1) * shared
        ncp, df2 = half / whole, whole**2 / ((spread + own - shared) ** 2 / (n_readers - 1))
    critical = float(stats.f.ppf(1 - alpha, 1, df2))
    return Power(n_readers, n_patients, effect, alpha, float(stats.ncf.sf(critical, 1, df2, ncp)), ncp, df2, critical)


def patients_needed(
    pilot: Pilot, *, n_readers: int, effect: float, wanted: float = 0.8, readers: str = "random", cases: str = "random", alpha: float = 0.05
) -> Power | None:
    """The smallest number of patients that gives the wanted power; None when no number up to 100,000 does.

    With few readers more patients stop helping: what is left is that readers differ in what they gain.
    """

    def at(patients: int) -> Power:
        return power(pilot, n_readers=n_readers, n_patients=patients, effect=effect, readers=readers, cases=cases, alpha=alpha)

    low, high = 1, 2
    while not at(high).power >= wanted:
        low, high = high, high * 2
        if high > MAX_CASES:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if at(middle).power >= wanted else (middle, high)
    return at(high)


def most_power(pilot: Pilot, *, n_readers: int, effect: float, alpha: float = 0.05) -> float:
    """Power with patients without end, readers and cases random: what the readers' own differences leave. 1 when they do not differ."""
    spread = max(pilot.components.arm_reader, 0.0)
    if spread == 0:
        return 1.0
    df2 = float(n_readers - 1)
    return float(stats.ncf.sf(stats.f.ppf(1 - alpha, 1, df2), 1, df2, 0.5 * n_readers * effect**2 / spread))


def power_table(
    pilot: Pilot, *, n_readers: Sequence[int], n_patients: Sequence[int], effect: float, alpha: float = 0.05
) -> tuple[Power, ...]:
    """Power for every number of readers with every number of patients, both random."""
    return tuple(power(pilot, n_readers=j, n_patients=k, effect=effect, alpha=alpha) for j in n_readers for k in n_patients)


def sensitivity_to_pilot(pilot: Pilot, planned: Power, factors: Sequence[float] = (0.5, 1.0, 2.0)) -> tuple[tuple[float, Power], ...]:
    """The same plan with the pilot's arm-by-reader variance times each factor: few readers estimate it badly."""
    found = []
    for factor in factors:
        parts = replace(pilot.components, arm_reader=factor * max(pilot.components.arm_reader, 0.0))
        found.append((
            float(factor),
            power(
                Pilot(parts, pilot.n_patients), n_readers=planned.n_readers, n_patients=planned.n_patients, effect=planned.effect,
                alpha=planned.alpha,
            ),
        ))  # fmt: skip
    return tuple(found)


def detectable_effect(pilot: Pilot, *, n_readers: int, n_patients: int, wanted: float = 0.8, alpha: float = 0.05) -> float:
    """The smallest difference that a study of this size finds with the wanted power; NaN when none below 1 does."""
    effects = (1e-6, 1.0)
    if power(pilot, n_readers=n_readers, n_patients=n_patients, effect=effects[1], alpha=alpha).power < wanted:
        return float("nan")
    low, high = effects
    while high - low > 1e-7:
        middle = (low + high) / 2
        enough = power(pilot, n_readers=n_readers, n_patients=n_patients, effect=middle, alpha=alpha).power >= wanted
        low, high = (low, middle) if enough else (middle, high)
    return float(np.round(high, 6))

"""Agreement of several raters with missing ratings: Fleiss, Conger, Gwet's AC1 and AC2, Krippendorff, Brennan-Prediger.

Every coefficient is (observed - chance) / (1 - chance) and differs in what it calls chance. Errors come from the
linearised contribution of each unit, as in Gwet, Handbook of Inter-Rater Reliability, 4th ed. 2014, chapters 5 and 6.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import t

from condyle.errors import InputError
from condyle.evaluate.agreement import distances
from condyle.evaluate.estimate import Estimate, two_sided

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class _Ratings:
    """counts [unit, step] of ratings, agreement weights [step, step], and who gave what [rater, unit, step]."""

    counts: Floats
    agree: Floats
    given: Floats

    @property
    def pairs(self) -> Floats:
        """(units,) share of agreeing pairs of raters in units with two or more ratings, 0 in the others."""
        total = self.counts.sum(1)
        won = (self.counts * (self.counts @ self.agree - 1)).sum(1)
        return np.asarray(np.divide(won, total * (total - 1), out=np.zeros_like(won), where=total > 1))

    @property
    def shares(self) -> Floats:
        """[unit, step] ratings of a unit as shares."""
        return np.asarray(self.counts / self.counts.sum(1, keepdims=True))


COEFFICIENTS = ("Gwet AC", "Fleiss kappa", "Conger kappa", "Brennan-Prediger", "Krippendorff alpha")


def rater_agreement(
    ratings: ArrayLike, scale: Sequence[int], coefficient: str, *, weighting: str = "none", level: float = 0.95
) -> Estimate:
    """One coefficient of agreement.

    Parameters
    ----------
    ratings : (units, raters) steps of the scale, NaN where a rater gave none. Units without any rating are left out
    scale : all steps
    coefficient : one of ``COEFFICIENTS``. 'Gwet AC' is AC1 without weights and AC2 with them
    weighting : 'none', 'linear', 'quadratic', or 'ordinal' (Krippendorff's, from how often each step was given)

    Returns
    -------
    Estimate with t limits of n - 1 degrees of freedom, the upper one at most 1; p of no agreement beyond chance
    """
    seen = _read(ratings, scale, weighting)
    if coefficient not in COEFFICIENTS:
        raise InputError("statistics-coefficient", f"There is no coefficient {coefficient!r}.", what_to_do="Use " + ", ".join(COEFFICIENTS))
    alone = seen.counts.sum(1) < 2
    if alone.all():
        return Estimate(coefficient, float("nan"), n=len(alone), level=level, warnings=("No unit has two ratings.",))
    if coefficient == "Krippendorff alpha":
        value, parts, centre = _krippendorff(seen)
    else:
        chance, chance_parts = {"Gwet AC": _gwet, "Fleiss kappa": _fleiss, "Conger kappa": _conger, "Brennan-Prediger": _flat}[coefficient](
            seen
        )
        n, used = len(seen.counts), int((~alone).sum())
        observed = seen.pairs.sum() / used
        value = (observed - chance) / (1 - chance)
        own = np.where(alone, 0.0, (n / used) * (seen.pairs - chance) / (1 - chance))
        parts = own - (1 - value) * (chance_parts - chance_parts.mean()) / (1 - chance)
        centre = value
    n = len(parts)
    se = float(np.sqrt(((parts - centre) ** 2).sum() / (n * (n - 1)))) if n > 1 else float("nan")
    half = float(t.ppf(0.5 + level / 2, n - 1)) * se
    words = coefficient if coefficient != "Gwet AC" else "Gwet AC1" if weighting == "none" else "Gwet AC2"
    z = float(value) / se if se > 0 else float("nan")
    return Estimate(
        words, float(value), float(value) - half, min(float(value) + half, 1.0), "Gwet 2014, linearised, t", n, clusters=n, level=level,
        se=se, statistic=z, df=n - 1, p=float(2 * t.sf(abs(z), n - 1)), null="no agreement beyond chance",
    )  # fmt: skip


def observed_and_chance(ratings: ArrayLike, scale: Sequence[int], coefficient: str, *, weighting: str = "none") -> tuple[float, float]:
    """The two shares a coefficient is made of."""
    seen = _read(ratings, scale, weighting)
    if coefficient == "Krippendorff alpha":
        return _krippendorff_shares(seen)[:2]
    chance, _ = {"Gwet AC": _gwet, "Fleiss kappa": _fleiss, "Conger kappa": _conger, "Brennan-Prediger": _flat}[coefficient](seen)
    return float(seen.pairs.sum() / (seen.counts.sum(1) > 1).sum()), chance


def _gwet(seen: _Ratings) -> tuple[float, Floats]:
    steps = len(seen.agree)
    factor = seen.agree.sum() / (steps * (steps - 1))
    mean = seen.shares.mean(0)
    return float(factor * (mean * (1 - mean)).sum()), 2 * factor * (seen.shares * (1 - mean)).sum(1)


def _fleiss(seen: _Ratings) -> tuple[float, Floats]:
    mean = seen.shares.mean(0)
    return float(mean @ seen.agree @ mean), 2 * seen.shares @ (seen.agree @ mean)


def _flat(seen: _Ratings) -> tuple[float, Floats]:
    return float(seen.agree.mean()), np.zeros(len(seen.counts))


def _conger(seen: _Ratings) -> tuple[float, Floats]:
    """Chance from each rater's own marginals: mean over ordered pairs of different raters of p_g W p_h."""
    rated = seen.given.sum(2)  # [rater, unit]
    raters, units = rated.shape
    marginal = seen.given.sum(1) / rated.sum(1)[:, None]
    others = marginal.sum(0) - marginal  # [rater, step] marginals of all the others
    chance = float((marginal * (others @ seen.agree)).sum() / (raters * (raters - 1)))
    moved = units / rated.sum(1)[:, None, None] * (seen.given - rated[:, :, None] * marginal[:, None, :])
    return chance, 2 * np.einsum("gik,gk->i", moved, others @ seen.agree) / (raters * (raters - 1))


def _krippendorff_shares(seen: _Ratings) -> tuple[float, float, Floats, Floats, float]:
    counts = seen.counts[seen.counts.sum(1) > 1]
    total = counts.sum(1)
    mean = total.mean()
    won = (counts * (counts @ seen.agree - 1)).sum(1) / (mean * (total - 1))
    plain = float(won.mean())
    small = 1 / total.sum()
    share = (counts / mean).mean(0)
    return (1 - small) * plain + small, float(share @ seen.agree @ share), counts, won, plain


def _krippendorff(seen: _Ratings) -> tuple[float, Floats, float]:
    observed, chance, counts, won, plain = _krippendorff_shares(seen)
    total = counts.sum(1)
    mean = total.mean()
    away = (total - mean) / mean
    share = (counts / mean).mean(0)
    centre = (plain - chance) / (1 - chance)
    own = (won - observed * away - chance) / (1 - chance)
    by_chance = counts @ (seen.agree @ share) / mean - chance * away
    return (observed - chance) / (1 - chance), own - 2 * (1 - centre) * (by_chance - chance) / (1 - chance), centre


def _read(ratings: ArrayLike, scale: Sequence[int], weighting: str) -> _Ratings:
    table = np.asarray(ratings, np.float64)
    if table.ndim != 2 or table.shape[1] < 2:
        raise InputError(
            "statistics-shape", "Ratings are a table of units by two or more raters.",
            what_to_do="Give a row a unit and a column a rater, NaN where a rating is missing.",
        )  # fmt: skip
    if not (np.isnan(table) | np.isin(table, np.asarray(scale, np.float64))).all():
        raise InputError(
            "statistics-scale",
            "A rating is not on the scale.",
            what_to_do="Give every step of the scale, and NaN where a rating is missing.",
        )
    given = np.stack([step == table.T for step in scale], axis=2).astype(np.float64)
    used = given.sum((0, 2)) > 0
    distance = _ordinal(given[:, used].sum(0)) if weighting == "ordinal" else distances(len(scale), weighting)
    return _Ratings(given.sum(0)[used], 1 - distance / distance.max(), given[:, used])


def _ordinal(counts: Floats) -> Floats:
    """Squared number of ratings between two steps, half of each end's. Source: Krippendorff, Computing Alpha, 2011."""
    often = counts[counts.sum(1) > 1].sum(0)
    middle = np.cumsum(often) - often / 2
    return np.asarray((middle[:, None] - middle[None, :]) ** 2)


def fleiss_test(ratings: ArrayLike, scale: Sequence[int]) -> tuple[float, float]:
    """z and its two-sided p of Fleiss' kappa against chance, unweighted, every unit rated by all raters.

    Source: Fleiss, Nee & Landis, Psychol Bull 1979;86:974-977.
    """
    seen = _read(ratings, scale, "none")
    n, raters = len(seen.counts), float(seen.counts[0].sum())
    if not (seen.counts.sum(1) == raters).all():
        raise InputError("statistics-missing", "The test needs every unit rated by every rater.", what_to_do="Leave out incomplete units.")
    chance, _ = _fleiss(seen)
    kappa = (float(seen.pairs.mean()) - chance) / (1 - chance)
    share = seen.shares.mean(0)
    rest = share * (1 - share)
    variance = 2 / (rest.sum() ** 2 * n * raters * (raters - 1)) * (rest.sum() ** 2 - (rest * (1 - 2 * share)).sum())
    z = kappa / float(np.sqrt(variance))
    return z, two_sided(z)

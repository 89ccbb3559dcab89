"""Two tests on the same units: is one right, or positive, more often than the other?

Cells of a pair: a both, b only the first, c only the second, d neither. Every difference is first minus second, (b - c) / n.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import binom, chi2, norm, t

from condyle.errors import InputError
from condyle.evaluate.estimate import Estimate, binary, cut, z_of
from condyle.evaluate.proportion import clopper_pearson, wilson
from condyle.evaluate.score_limits import falling_root


@dataclass(frozen=True, slots=True)
class Pairs:
    """Counts of pairs of answers."""

    a: int
    b: int
    c: int
    d: int

    @property
    def n(self) -> int:
        return self.a + self.b + self.c + self.d

    @property
    def difference(self) -> float:
        return (self.b - self.c) / self.n


def pair(first: ArrayLike, second: ArrayLike) -> Pairs:
    """Count pairs of (n,) answers 0 or 1."""
    one, other = binary(first, "Answers"), binary(second, "Answers")
    if one.shape != other.shape or not len(one):
        raise InputError(
            "statistics-shape", "Two lists of answers of one length are needed.",
            what_to_do="Give both answers of every unit; leave out, and count, units with one.",
        )  # fmt: skip
    return Pairs(*(int(cell.sum()) for cell in (one & other, one & ~other, ~one & other, ~one & ~other)))


@dataclass(frozen=True, slots=True)
class McNemar:
    """p of equal shares by four rules. ``midp`` is the one to print: exact is conservative, the corrected chi-square more so."""

    exact: float
    midp: float
    chi_square: float
    corrected: float


def mcnemar(pairs: Pairs) -> McNemar:
    """McNemar's test, two-sided; without discordant pairs every p is 1.

    Source: McNemar, Psychometrika 1947;12:153-157; mid-p: Fagerland, Lydersen & Laake, BMC Med Res Methodol 2013;13:91.
    """
    b, c = pairs.b, pairs.c
    if b + c == 0:
        return McNemar(1.0, 1.0, 1.0, 1.0)
    fewer = min(b, c)
    exact = min(1.0, 2 * float(binom.cdf(fewer, b + c, 0.5)))
    midp = 1.0 if b == c else float(2 * binom.cdf(fewer, b + c, 0.5) - binom.pmf(fewer, b + c, 0.5))
    statistic = (b - c) ** 2 / (b + c)
    corrected = max(abs(b - c) - 1, 0) ** 2 / (b + c)
    return McNemar(exact, midp, float(chi2.sf(statistic, 1)), float(chi2.sf(corrected, 1)))


def conditional_odds_ratio(pairs: Pairs, *, level: float = 0.95) -> tuple[float, float]:
    """Exact limits of b / c, from Clopper-Pearson's on b of b + c; 0 to infinity without discordant pairs."""
    if pairs.b + pairs.c == 0:
        return 0.0, float("inf")
    low, high = clopper_pearson(pairs.b, pairs.b + pairs.c, level=level)
    return low / (1 - low), high / (1 - high) if high < 1 else float("inf")


def tango_score(pairs: Pairs, difference: float) -> float:
    """z of the hypothesis that the difference of shares is ``difference``, with the restricted maximum likelihood estimate.

    Source: Tango, Stat Med 1998;17:891-908.
    """
    n, b, c = pairs.n, pairs.b, pairs.c
    mid = -b - c + (2 * n - b + c) * difference
    last = -c * difference * (1 - difference)
    q = (np.sqrt(max(mid**2 - 8 * n * last, 0.0)) - mid) / (4 * n)  # restricted share of "only the second"
    variance = n * (2 * q + difference * (1 - difference))
    gap = b - c - n * difference
    if variance <= 1e-15:
        return 0.0 if abs(gap) < 1e-12 else float(np.copysign(np.inf, gap))
    return float(gap / np.sqrt(variance))


def tango(pairs: Pairs, *, level: float = 0.95) -> tuple[float, float]:
    """Score limits of the difference: the default, good with empty cells."""
    z = z_of(level)
    return _score_limits(lambda at: tango_score(pairs, at), pairs.difference, z)


def newcombe(pairs: Pairs, *, level: float = 0.95, corrected: bool = True) -> tuple[float, float]:
    """Limits from Wilson's of both shares and the correlation phi.

    Parameters
    ----------
    corrected : method 10: phi's numerator is max(ad - bc - n / 2, 0) when ad > bc; without it, method 8

    Source: Newcombe, Stat Med 1998;17:2635-2650.
    """
    a, b, c, d, n = pairs.a, pairs.b, pairs.c, pairs.d, pairs.n
    p1, p2 = (a + b) / n, (a + c) / n
    (l1, u1), (l2, u2) = wilson(a + b, n, level=level), wilson(a + c, n, level=level)
    margins = (a + b) * (c + d) * (a + c) * (b + d)
    top = float(a * d - b * c)
    if corrected and top > 0:
        top = max(top - n / 2, 0.0)
    phi = top / np.sqrt(margins) if margins else 0.0
    down = (p1 - l1) ** 2 - 2 * phi * (p1 - l1) * (u2 - p2) + (u2 - p2) ** 2
    up = (u1 - p1) ** 2 - 2 * phi * (u1 - p1) * (p2 - l2) + (p2 - l2) ** 2
    return float(p1 - p2 - np.sqrt(max(down, 0))), float(p1 - p2 + np.sqrt(max(up, 0)))


def adjusted_wald(pairs: Pairs, added: float, *, level: float = 0.95, to: str = "cells") -> tuple[float, float, float]:
    """Difference, standard error and half-width after adding to the counts.

    Parameters
    ----------
    added : 0 Wald (zero width on empty cells), 0.5 to all four cells Agresti & Min 2005, 1 to the discordant cells
        Bonett & Price 2012
    to : 'cells' or 'discordant'
    """
    n = pairs.n + (4 if to == "cells" else 2) * added
    b, c = (pairs.b + added) / n, (pairs.c + added) / n
    se = float(np.sqrt((b + c - (b - c) ** 2) / n))
    return b - c, se, z_of(level) * se


def paired_difference(
    measure: str, first: ArrayLike, second: ArrayLike, clusters: ArrayLike | None = None, *, level: float = 0.95
) -> Estimate:
    """Difference of two shares on the same units, first minus second: Tango's limits, McNemar's mid-p.

    Parameters
    ----------
    first, second : (n,) 0 or 1, such as "called right"
    clusters : (n,) patients; when one occurs twice, the ratio estimator over patients with t replaces both, since
        McNemar's test on knees finds too much (Obuchowski, Stat Med 1998;17:1495-1507); its limits are cut at -1 and 1
    """
    pairs = pair(first, second)
    patients = None if clusters is None else np.unique(np.asarray(clusters), return_inverse=True)[1]
    if patients is not None and patients.max() + 1 < len(patients):
        return _clustered(measure, np.asarray(first, np.float64) - np.asarray(second, np.float64), patients, level, _cells(pairs))
    low, high = tango(pairs, level=level)
    warnings = ("No pair is discordant.",) if pairs.b + pairs.c == 0 else ()
    return Estimate(
        measure, pairs.difference, low, high, "Tango score; p McNemar mid-p", pairs.n, None, pairs.n, level,
        adjusted_wald(pairs, 0)[1], p=mcnemar(pairs).midp, null="the shares are equal", warnings=warnings, counts=_cells(pairs),
    )  # fmt: skip


def newcombe_difference(measure: str, first: ArrayLike, second: ArrayLike, *, level: float = 0.95) -> Estimate:
    """As ``paired_difference`` for independent units, with Newcombe's limits (method 10) and McNemar's exact p."""
    pairs = pair(first, second)
    return cut(Estimate(
        measure, pairs.difference, *newcombe(pairs, level=level), "Newcombe method 10; p McNemar exact", pairs.n, None,
        pairs.n, level, p=mcnemar(pairs).exact, null="the shares are equal", counts=_cells(pairs),
    ))  # fmt: skip


def _cells(pairs: Pairs) -> tuple[int, int, int, int]:
    return pairs.a, pairs.b, pairs.c, pairs.d


def noninferior_p(pairs: Pairs, margin: float) -> float:
    """One-sided p of "first minus second is at most -margin", by Tango's score. Source: Tango 1998, section 4."""
    return float(norm.sf(tango_score(pairs, -margin)))


def _clustered(measure: str, gap: np.ndarray, patients: np.ndarray, level: float, counts: tuple[int, int, int, int]) -> Estimate:
    count = int(patients.max()) + 1
    share = float(gap.mean())
    record: dict[str, Any] = {"n": len(gap), "clusters": count, "level": level, "counts": counts}
    residual = np.bincount(patients, gap) - share * np.bincount(patients)
    se = float(np.sqrt(count / (count - 1) * (residual**2).sum()) / len(gap)) if count > 1 else 0.0
    if not se > 0:
        return Estimate(measure, share, p=1.0 if share == 0 else float("nan"), warnings=("The difference has no variance.",), **record)
    half, z = float(t.ppf(0.5 + level / 2, count - 1)) * se, share / se
    return cut(Estimate(
        measure, share, share - half, share + half, "ratio estimator over patients, t", se=se, statistic=z, df=count - 1,
        p=float(2 * t.sf(abs(z), count - 1)), null="the shares are equal", **record,
    ))  # fmt: skip


def _score_limits(score: Callable[[float], float], estimate: float, z: float) -> tuple[float, float]:
    """Where a score that falls with the hypothesis meets z and -z, within [-1, 1]."""
    edge = 1e-12
    low = -1.0 if estimate <= -1 + edge else falling_root(lambda at: score(at) - z, -1 + edge, estimate)
    high = 1.0 if estimate >= 1 - edge else falling_root(lambda at: score(at) + z, estimate, 1 - edge)
    return low, high

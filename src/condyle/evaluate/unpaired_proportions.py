"""Two shares of different units: difference and ratio with score limits."""

from __future__ import annotations

import numpy as np
from scipy.stats import norm

from condyle.errors import InputError
from condyle.evaluate.estimate import Estimate, two_sided, z_of
from condyle.evaluate.proportion import wilson
from condyle.evaluate.score_limits import falling_root


def difference_score(x1: int, n1: int, x2: int, n2: int, difference: float, *, inflate: bool = True) -> float:
    """z of the hypothesis p1 - p2 = ``difference`` with the restricted maximum likelihood estimates.

    Parameters
    ----------
    inflate : variance times N / (N - 1): Miettinen & Nurminen; without it Mee

    Source: Miettinen & Nurminen, Stat Med 1985;4:213-226; closed form of the estimates: Farrington & Manning 1990.
    """
    n, x = n1 + n2, x1 + x2
    cube, square = float(n), (n1 + 2 * n2) * difference - n - x
    line, rest = (n2 * difference - n - 2 * x2) * difference + x, x2 * difference * (1 - difference)
    q = square**3 / (3 * cube) ** 3 - square * line / (6 * cube**2) + rest / (2 * cube)
    p = np.copysign(np.sqrt(max(square**2 / (3 * cube) ** 2 - line / (3 * cube), 0.0)), q)
    angle = (np.pi + np.arccos(np.clip(q / p**3, -1, 1) if p else 0.0)) / 3
    p2 = float(np.clip(2 * p * np.cos(angle) - square / (3 * cube), 0, 1))
    p1 = float(np.clip(p2 + difference, 0, 1))
    variance = (p1 * (1 - p1) / n1 + p2 * (1 - p2) / n2) * (n / (n - 1) if inflate else 1)
    return _z(x1 / n1 - x2 / n2 - difference, variance)


def ratio_score(x1: int, n1: int, x2: int, n2: int, ratio: float, *, inflate: bool = True) -> float:
    """z of the hypothesis p1 / p2 = ``ratio``. Source: as ``difference_score``; without inflation Koopman 1984."""
    n = n1 + n2
    square, line = n * ratio, -(n1 * ratio + x1 + n2 + x2 * ratio)
    p2 = (-line - np.sqrt(max(line**2 - 4 * square * (x1 + x2), 0.0))) / (2 * square)
    p1 = ratio * p2
    variance = (p1 * (1 - p1) / n1 + ratio**2 * p2 * (1 - p2) / n2) * (n / (n - 1) if inflate else 1)
    return _z(x1 / n1 - ratio * x2 / n2, variance)


def miettinen_nurminen(x1: int, n1: int, x2: int, n2: int, *, level: float = 0.95, inflate: bool = True) -> tuple[float, float]:
    """Score limits of p1 - p2."""
    _check(x1, n1, x2, n2)
    z, gap, edge = z_of(level), x1 / n1 - x2 / n2, 1e-12

    def score(at: float) -> float:
        return difference_score(x1, n1, x2, n2, at, inflate=inflate)

    low = -1.0 if gap <= -1 + edge else falling_root(lambda at: score(at) - z, -1 + edge, gap)
    return low, 1.0 if gap >= 1 - edge else falling_root(lambda at: score(at) + z, gap, 1 - edge)


def ratio_limits(x1: int, n1: int, x2: int, n2: int, *, level: float = 0.95, inflate: bool = True) -> tuple[float, float]:
    """Score limits of p1 / p2; 0 when the first never occurs, infinite when the second never does."""
    _check(x1, n1, x2, n2)
    z = z_of(level)
    centre = np.log(max(x1, 0.5) / n1) - np.log(max(x2, 0.5) / n2)

    def score(at: float) -> float:
        return ratio_score(x1, n1, x2, n2, float(np.exp(at)), inflate=inflate)

    low = 0.0 if x1 == 0 else float(np.exp(falling_root(lambda at: score(at) - z, centre - 30, centre)))
    high = float("inf") if x2 == 0 else float(np.exp(falling_root(lambda at: score(at) + z, centre - (30 if x1 == 0 else 0), centre + 30)))
    return low, high


def newcombe_unpaired(x1: int, n1: int, x2: int, n2: int, *, level: float = 0.95) -> tuple[float, float]:
    """Limits of p1 - p2 from Wilson's of both. Source: Newcombe, Stat Med 1998;17:873-890, method 10."""
    _check(x1, n1, x2, n2)
    p1, p2 = x1 / n1, x2 / n2
    (l1, u1), (l2, u2) = wilson(x1, n1, level=level), wilson(x2, n2, level=level)
    return float(p1 - p2 - np.hypot(p1 - l1, u2 - p2)), float(p1 - p2 + np.hypot(u1 - p1, p2 - l2))


def unpaired_difference(measure: str, x1: int, n1: int, x2: int, n2: int, *, level: float = 0.95) -> Estimate:
    """p1 - p2 of different, independent units: Miettinen and Nurminen's limits and score test."""
    low, high = miettinen_nurminen(x1, n1, x2, n2, level=level)
    z = difference_score(x1, n1, x2, n2, 0.0)
    return Estimate(
        measure, x1 / n1 - x2 / n2, low, high, "Miettinen-Nurminen score", n1 + n2, None, n1 + n2, level, statistic=z, p=two_sided(z),
        null="the shares are equal", counts=(x1, n1, x2, n2),
    )  # fmt: skip


def newcombe_unpaired_difference(measure: str, x1: int, n1: int, x2: int, n2: int, *, level: float = 0.95) -> Estimate:
    """As ``unpaired_difference`` with Newcombe's limits from Wilson's of both shares."""
    low, high = newcombe_unpaired(x1, n1, x2, n2, level=level)
    return Estimate(
        measure, x1 / n1 - x2 / n2, low, high, "Newcombe hybrid of Wilson limits", n1 + n2, None, n1 + n2, level, counts=(x1, n1, x2, n2)
    )


def noninferior_p(x1: int, n1: int, x2: int, n2: int, margin: float) -> float:
    """One-sided p of "p1 - p2 is at most -margin"; the restricted estimate is taken at -margin."""
    return float(norm.sf(difference_score(x1, n1, x2, n2, -margin)))


def _z(gap: float, variance: float) -> float:
    if variance <= 1e-15:
        return 0.0 if abs(gap) < 1e-12 else float(np.copysign(np.inf, gap))
    return float(gap / np.sqrt(variance))


def _check(x1: int, n1: int, x2: int, n2: int) -> None:
    if not (0 <= x1 <= n1 and 0 <= x2 <= n2 and n1 > 0 and n2 > 0):
        raise InputError(
            "statistics-counts", "Counts must be 0 <= events <= units, with units in both groups.",
            what_to_do="Give events and units of each group; a group without units is not compared.",
        )  # fmt: skip

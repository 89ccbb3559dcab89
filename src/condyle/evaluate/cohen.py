"""Cohen's kappa of two raters with its interval, and what must be printed beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from condyle.errors import InputError
from condyle.evaluate.agreement import confusion, distances, kappa_of
from condyle.evaluate.estimate import Estimate, two_sided, z_of


@dataclass(frozen=True, slots=True)
class Beside:
    """What explains a kappa.

    Parameters
    ----------
    exact, within_one : shares of ratings that are equal, and at most one step apart
    prevalence_index, bias_index : of two categories only, else NaN (Byrt, Bishop & Carlin 1993)
    """

    exact: float
    within_one: float
    prevalence_index: float
    bias_index: float


def cohen_kappa(
    first: ArrayLike, second: ArrayLike, scale: Sequence[int], *, weighting: str = "quadratic", level: float = 0.95
) -> Estimate:
    """Kappa of two raters over independent units.

    Parameters
    ----------
    first, second : (n,) steps of ``scale``
    scale : every step, also those nobody used
    weighting : 'none', 'linear' or 'quadratic'

    Returns
    -------
    Estimate: interval from the non-null error, p from the null error (kappa = 0); NaN when chance agreement is complete

    Source: Fleiss, Cohen & Everitt, Psychol Bull 1969;72:323-327.
    """
    table = _square(first, second, scale)
    n = int(table.sum())
    kappa = kappa_of(table, weighting)
    measure = "kappa" if weighting == "none" else f"{weighting} kappa"
    if np.isnan(kappa):
        return Estimate(measure, kappa, n=n, clusters=n, level=level, warnings=("All ratings are of one step: kappa is 0 / 0.",))
    se, null_se = _errors(table / n, kappa, weighting, n)
    half = z_of(level) * se
    z = kappa / null_se if null_se > 0 else float("nan")
    return Estimate(
        measure, kappa, max(kappa - half, -1.0), min(kappa + half, 1.0), "Fleiss, Cohen & Everitt 1969, non-null error", n, clusters=n,
        level=level, se=se, statistic=z, p=two_sided(z), null="kappa is 0",
    )  # fmt: skip


def beside(first: ArrayLike, second: ArrayLike, scale: Sequence[int]) -> Beside:
    """Shares of agreement, and the indices of prevalence and bias."""
    share = _square(first, second, scale)
    share = share / share.sum()
    apart = distances(len(share), "linear")
    two = len(share) == 2
    return Beside(
        float(np.trace(share)), float(share[apart <= 1].sum()),
        float(share[1, 1] - share[0, 0]) if two else float("nan"), float(share[0, 1] - share[1, 0]) if two else float("nan"),
    )  # fmt: skip


def light_kappa(ratings: ArrayLike, scale: Sequence[int], *, weighting: str = "none") -> float:
    """Mean of Cohen's kappa over all pairs of fixed raters, (units, raters) complete. Source: Light, Psychol Bull 1971;76:365-377."""
    table = np.asarray(ratings)
    pairs = [(i, j) for i in range(table.shape[1]) for j in range(i)]
    return float(np.mean([kappa_of(_square(table[:, i], table[:, j], scale), weighting) for i, j in pairs]))


def _square(first: ArrayLike, second: ArrayLike, scale: Sequence[int]) -> NDArray[np.float64]:
    if not np.isin(np.asarray(second), np.asarray(scale)).all():
        raise InputError(
            "statistics-scale", "A rating is not on the scale.", what_to_do="Leave out, and count, units with a missing rating."
        )
    return confusion(first, second, scale)


def _errors(share: NDArray[np.float64], kappa: float, weighting: str, n: int) -> tuple[float, float]:
    """Standard errors of kappa: as it is, and when the truth is chance agreement."""
    distance = distances(len(share), weighting)
    agree = 1 - distance / distance.max()
    rows, columns = share.sum(1), share.sum(0)
    chance = np.outer(rows, columns)
    expected = float((agree * chance).sum())
    mean = (agree @ columns)[:, None] + (rows @ agree)[None, :]
    own = (share * (agree - mean * (1 - kappa)) ** 2).sum() - (kappa - expected * (1 - kappa)) ** 2
    null = (chance * (agree - mean) ** 2).sum() - expected**2
    scale = np.sqrt(n) * (1 - expected)
    return float(np.sqrt(max(own, 0.0)) / scale), float(np.sqrt(max(null, 0.0)) / scale)

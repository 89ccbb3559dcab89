"""Covariance of the figures of merit of all arms and readers, over patients.

Every function gives a [t * r, t * r] matrix, cells in the order arm by arm, reader by reader.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from condyle.errors import InputError
from condyle.evaluate.mrmc.figure import Figures, Pairs

Floats = NDArray[np.float64]
METHODS = ("jackknife", "delong", "unbiased", "bootstrap")


def jackknife(figures: Figures) -> Floats:
    """(K - 1) / K * sum over patients of (value without it - their mean)(...)'.

    K is the number of patients that enter the figure at all: for a sensitivity those with a positive case.

    Raises
    ------
    InputError - leaving out one patient empties a class, so that the figure is not defined

    Source: Quenouille 1956, Tukey 1958; its use for reader studies Dorfman, Berbaum & Metz, Invest Radiol 1992;27:723.
    """
    cells = _cells(figures.without)
    if np.isnan(cells[:, _cells(figures.value[None])[0] == _cells(figures.value[None])[0]]).any():
        raise InputError(
            "covariance-jackknife",
            "The jackknife is not defined here.",
            why="Without one of the patients a reader has no positive or no negative case left.",
            what_to_do="Use more cases, or covariance='delong'.",
        )
    count = len(cells)
    apart = cells - cells.mean(0)
    return _own_cases(figures, (count - 1) / count * apart.T @ apart)


def delong(figures: Figures) -> Floats:
    """Structural components by patient: DeLong's covariance when each patient has one case, Obuchowski's when more.

    S10 with divisor I10 - 1, S01 with I01 - 1 and, for patients in both classes, S11 with I - 1.

    Source: DeLong et al., Biometrics 1988;44:837; Obuchowski, Biometrics 1997;53:567.
    """
    ten, one = _cells(figures.positive), _cells(figures.negative)
    is_ten, is_one = np.nan_to_num(ten) != 0, np.nan_to_num(one) != 0
    if figures.pairs is not None:
        is_ten, is_one = _roles(figures)
    else:
        is_ten, is_one = _cells(figures.used.astype(np.float64)) > 0, np.zeros_like(is_one)
    ten, one = np.nan_to_num(ten), np.nan_to_num(one)
    both = (is_ten | is_one).astype(np.float64)
    mixed = ten.T @ one
    return _own_cases(
        figures,
        _corrected(is_ten) * (ten.T @ ten) + _corrected(is_one) * (one.T @ one) + _factor(both.T @ both) * (mixed + mixed.T),
    )


def unbiased(figures: Figures) -> Floats:
    """Unbiased covariance of pair statistics: product of the values minus the mean over pairs that share nothing.

    Raises
    ------
    InputError - the figure is no pair statistic, or a patient has both positive and negative cases

    Source: Gallas, Acad Radiol 2006;13:353; Gallas, Pennello & Myers, JOSA A 2007;24:B70.
    """
    if figures.pairs is None:
        raise InputError(
            "covariance-unbiased", "The unbiased covariance is for areas under curves only.", what_to_do="Use the jackknife."
        )
    wins, counts = success_by_patient(figures.pairs)
    flat_wins, flat_counts = (grid.reshape(-1, *grid.shape[2:]) for grid in (wins, counts))
    apart_sum, apart_count = (_apart(grid) for grid in (flat_wins, flat_counts))
    total = flat_wins.sum((1, 2)) / flat_counts.sum((1, 2))
    with np.errstate(invalid="ignore", divide="ignore"):
        return _own_cases(figures, np.outer(total, total) - apart_sum / apart_count)


def bootstrap(figures: Figures, *, n: int = 2000, seed: int = 0) -> Floats:
    """Covariance of the figures over resamples of patients; resamples that empty a class are left out.

    Raises
    ------
    InputError - more than a tenth of the resamples are without a class
    """
    rng = np.random.default_rng(seed)
    count = len(figures.patients)
    draws = (np.bincount(rng.integers(count, size=count), minlength=count).astype(np.float64) for _ in range(n))
    values = np.array([_cells(figures.weighted(times)[None])[0] for times in draws])
    defined = ~np.isnan(_cells(figures.value[None])[0])
    whole = ~np.isnan(values[:, defined]).any(1)
    if whole.sum() < 0.9 * n:
        raise InputError(
            "covariance-bootstrap", "More than a tenth of the resamples have no positive or no negative case.",
            what_to_do="Use the jackknife, or more cases.",
        )  # fmt: skip
    matrix = np.asarray(np.cov(values[whole], rowvar=False), np.float64)
    return _own_cases(figures, matrix.reshape(values.shape[1], values.shape[1]))


def covariance(figures: Figures, method: str = "jackknife", *, n: int = 2000, seed: int = 0) -> Floats:
    """Covariance by the name of the method: jackknife, delong, unbiased, bootstrap."""
    if method == "bootstrap":
        return bootstrap(figures, n=n, seed=seed)
    methods = {"jackknife": jackknife, "delong": delong, "unbiased": unbiased}
    if method not in methods:
        raise InputError(
            "covariance-method", f"There is no covariance {method!r}.", why=f"Known are {', '.join(METHODS)}.",
            what_to_do="Choose one of these.",
        )  # fmt: skip
    return methods[method](figures)


def success_by_patient(pairs: Pairs) -> tuple[Floats, Floats]:
    """(t, r, I, J) success summed over pairs of a positive patient and a negative patient, and the weight of those pairs.

    Raises
    ------
    InputError - a patient has both positive and negative cases: then pairs within a patient are not independent
    """
    if np.isin(pairs.positive_patient, pairs.negative_patient).any():
        raise InputError(
            "covariance-mixed-patients",
            "A patient has both positive and negative cases.",
            why="U-statistics of reader studies assume that positives and negatives are different patients.",
            what_to_do="Use Obuchowski-Rockette with the jackknife over patients.",
        )
    rise, fall = (np.unique(owner, return_inverse=True)[1] for owner in (pairs.positive_patient, pairs.negative_patient))
    shape = (*pairs.positive.shape[:2], int(rise.max()) + 1 if len(rise) else 0, int(fall.max()) + 1 if len(fall) else 0)
    wins, counts = np.zeros(shape), np.zeros(shape)
    alone = len(rise) == shape[2] and len(fall) == shape[3]
    for arm, reader in np.ndindex(*shape[:2]):
        high, low = pairs.positive[arm, reader][:, None], pairs.negative[arm, reader][None, :]
        read = (~np.isnan(high) & ~np.isnan(low)) * pairs.weight[:, None]
        success = ((high > low) + 0.5 * (high == low)) * read
        if alone:
            wins[arm, reader][rise[:, None], fall[None, :]] = success
            counts[arm, reader][rise[:, None], fall[None, :]] = read
        else:
            np.add.at(wins[arm, reader], (rise[:, None], fall[None, :]), success)
            np.add.at(counts[arm, reader], (rise[:, None], fall[None, :]), read)
    return wins, counts


def _apart(grid: Floats) -> Floats:
    """(c, I, J) -> (c, c) sum of products over two pairs that share neither the positive nor the negative."""
    rows, columns, flat = grid.sum(2), grid.sum(1), grid.reshape(len(grid), -1)
    total = rows.sum(1)
    return np.asarray(np.outer(total, total) - rows @ rows.T - columns @ columns.T + flat @ flat.T)


def _roles(figures: Figures) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """(k, c) has the patient a positive, a negative unit in this cell."""
    pairs = figures.pairs
    assert pairs is not None
    everyone = int(max(pairs.positive_patient.max(initial=-1), pairs.negative_patient.max(initial=-1))) + 1
    roles = []
    for values, owner in ((pairs.positive, pairs.positive_patient), (pairs.negative, pairs.negative_patient)):
        read = np.zeros((everyone, *values.shape[:2]))
        np.add.at(read, owner, np.moveaxis(~np.isnan(values) * 1.0, 2, 0))
        roles.append(read > 0)
    units = (roles[0] | roles[1]).any((1, 2))
    return tuple(_cells(role[units].astype(np.float64)) > 0 for role in roles)  # type: ignore[return-value]


def _corrected(present: NDArray[np.bool_]) -> Floats:
    shared = present.T.astype(np.float64) @ present.astype(np.float64)
    return _factor(shared)


def _factor(shared: Floats) -> Floats:
    """n / (n - 1), and 0 where fewer than two units are shared."""
    return np.where(shared > 1, shared / np.maximum(shared - 1, 1), 0.0)


def _own_cases(figures: Figures, matrix: Floats) -> Floats:
    """Exactly 0 between two cells that share no patient: they are independent by design."""
    used = _cells(figures.used.astype(np.float64))
    return np.asarray(np.where(used.T @ used > 0, matrix, 0.0))


def _cells(grid: Floats) -> Floats:
    return np.asarray(grid.reshape(len(grid), -1))

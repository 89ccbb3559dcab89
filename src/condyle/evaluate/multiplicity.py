"""Several tests at once: adjusted p-values and tests in a fixed order."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from condyle.errors import InputError

Floats = NDArray[np.float64]


def bonferroni(p: ArrayLike) -> Floats:
    """p times their number, at most 1."""
    given = _checked(p)
    return np.asarray(np.minimum(given * len(given), 1.0))


def holm(p: ArrayLike) -> Floats:
    """Step-down adjusted p, valid under any dependence. Source: Holm, Scand J Stat 1979;6:65-70."""
    given = _checked(p)
    order = np.argsort(given, kind="stable")
    factors = len(given) - np.arange(len(given))
    return _back(np.minimum(np.maximum.accumulate(given[order] * factors), 1.0), order)


def hochberg(p: ArrayLike) -> Floats:
    """Step-up adjusted p, valid for independent or positively dependent tests. Source: Hochberg, Biometrika 1988;75:800-802."""
    return _step_up(p, lambda n: n - np.arange(n, dtype=np.float64))


def benjamini_hochberg(p: ArrayLike) -> Floats:
    """Adjusted p that keeps the false discovery rate: for screens, not for claims. Source: J R Stat Soc B 1995;57:289-300."""
    return _step_up(p, lambda n: n / np.arange(1.0, n + 1))


def benjamini_yekutieli(p: ArrayLike) -> Floats:
    """The same under any dependence. Source: Ann Stat 2001;29:1165-1188."""
    return _step_up(p, lambda n: n / np.arange(1.0, n + 1) * (1 / np.arange(1.0, n + 1)).sum())


METHODS = {"bonferroni": bonferroni, "holm": holm, "hochberg": hochberg, "benjamini-hochberg": benjamini_hochberg}


def fixed_sequence(p: Sequence[float], *, alpha: float = 0.05) -> tuple[bool, ...]:
    """Which hypotheses are rejected when tested in the given order at full alpha, stopping at the first that is not."""
    rejected, still = [], True
    for one in _checked(p):
        still = still and bool(one <= alpha)
        rejected.append(still)
    return tuple(rejected)


def gatekeeper(families: Sequence[Mapping[str, float]], *, alpha: float = 0.05) -> dict[str, bool]:
    """Serial gatekeeping: a family is tested (Holm, full alpha) only when every hypothesis of the ones before was rejected.

    Source: Westfall & Krishen, J Stat Plan Inference 2001;99:25-40.
    """
    rejected: dict[str, bool] = {}
    still = True
    for family in families:
        adjusted = holm(list(family.values()))
        own = {name: still and bool(one <= alpha) for name, one in zip(family, adjusted, strict=True)}
        rejected |= own
        still = still and all(own.values())
    return rejected


def _step_up(p: ArrayLike, factors: Callable[[int], Floats]) -> Floats:
    given = _checked(p)
    order = np.argsort(given, kind="stable")
    scaled = given[order] * factors(len(given))
    return _back(np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0), order)


def _back(values: Floats, order: NDArray[np.intp]) -> Floats:
    found = np.empty_like(values)
    found[order] = values
    return found


def _checked(p: ArrayLike) -> Floats:
    given = np.asarray(p, np.float64)
    if given.ndim != 1 or not ((given >= 0) & (given <= 1)).all():
        raise InputError("statistics-p", "A list of p-values from 0 to 1 is needed.", what_to_do="Leave out tests that gave no p.")
    return given

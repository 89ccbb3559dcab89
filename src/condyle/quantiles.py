"""Percentiles as NumPy gives them, sooner: a reading asks for a thousand of a few hundred numbers each, and for those of whole pictures.
NumPy's own load ``numpy.ma`` as well."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def percentiles(values: NDArray[np.generic], *percents: float) -> tuple[float, ...]:
    """Percentiles of a 1-D array, NaN where it holds one, by linear interpolation (method 7 of Hyndman and Fan, Am Stat 1996;50:361), as
    ``numpy.percentile`` gives them. Raises IndexError - no value."""
    ranked = np.sort(values)
    last = len(ranked) - 1
    if ranked[last] != ranked[last]:
        return (float("nan"),) * len(percents)
    found = []
    for percent in percents:
        place = last * percent / 100
        below = int(place)
        low, high = float(ranked[below]), float(ranked[min(below + 1, last)])
        found.append(low + (high - low) * (place - below))
    return tuple(found)


def median(values: NDArray[np.generic]) -> float:
    """The median of a 1-D array, NaN where it holds one. Raises IndexError - no value."""
    return percentiles(values, 50)[0]

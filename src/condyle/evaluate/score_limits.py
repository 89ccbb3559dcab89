"""Limits by turning a score test round: where a score that falls with the hypothesis crosses a critical value."""

from __future__ import annotations

from collections.abc import Callable

from scipy.optimize import brentq


def falling_root(function: Callable[[float], float], left: float, right: float) -> float:
    """Crossing of a falling function in [left, right]; the end of the range where it has none."""
    if function(left) <= 0:
        return left
    if function(right) >= 0:
        return right
    return float(brentq(function, left, right, xtol=1e-14, rtol=1e-14))

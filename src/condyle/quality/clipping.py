"""Clipping: tissue so bright that its grey values were cut off at a ceiling."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from condyle.quality.series import named, with_pixels
from condyle.registry import Plugin
from condyle.study import Check, Study, Volume

PLUGIN = Plugin("clipping", "Share of pixels cut off at the brightest grey value", "condyle.quality.clipping:check")

THRESHOLD = 1.0
_NOTHING = "it holds one grey value or values that are not numbers"
_ADVICE = (
    "Reconstruct or export again without windowing, or repeat with a lower receiver gain and the intensity correction of the coil."
)
# An unclipped histogram thins out toward its maximum; a clipped one ends in a wall of this relative width.
_WALL = 0.004


def check(study: Study, volumes: Mapping[str, Volume], joint: str) -> tuple[Check, ...]:
    """One Check a series: the worst slice's percentage of pixels at the ceiling of the series."""
    return tuple(_of_series(named(one), one.series_id, volume) for one, volume in with_pixels(study, volumes))


def _of_series(name: str, series_id: str, volume: Volume) -> Check:
    measured = clipped_percent(volume)
    if measured is None:
        return Check("clipping", None, None, THRESHOLD, "%", f"Clipping cannot be measured in {name}: {_NOTHING}.",
                     series_id=series_id)  # fmt: skip
    passed = measured <= THRESHOLD
    return Check(
        "clipping", passed, round(measured, 2), THRESHOLD, "%",
        f"In {name}, {measured:.1f} % of the pixels of the brightest slice lie at the ceiling of the grey scale.",
        "" if passed else _ADVICE,
        series_id,
    )  # fmt: skip


def clipped_percent(volume: Volume) -> float | None:
    """Largest percentage over slices of pixels within 0.4 % of the volume's maximum; None for a constant or non-finite volume."""
    pixels = volume.pixels
    low, high = float(pixels.min()), float(pixels.max())
    if not (np.isfinite(low) and np.isfinite(high)) or high <= low:
        return None
    wall = high - _WALL * (high - low)
    return max(100.0 * float(np.mean(one >= wall)) for one in pixels)

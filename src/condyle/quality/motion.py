"""Motion during the scan, from the unevenness of neighbouring lines of k-space."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from condyle.quality.picture import LEAST_PIXELS, Picture, middle_slices, power_spectrum
from condyle.quality.series import named, with_pixels
from condyle.quantiles import median
from condyle.registry import Plugin
from condyle.study import Check, Study, Volume

PLUGIN = Plugin(
    "motion", "Ghosts and smearing from movement during a series", "condyle.quality.motion:check",
    source="derived here; see docs/explanation/quality-checks.md",
)  # fmt: skip

THRESHOLD = 0.30
_ADVICE = (
    "Repeat the series; support the limb or the legs, shorten the series or use a motion-robust read-out, and ask the patient to lie still."
)
# The band of spatial frequencies looked at, as fractions of the sampling frequency: above the coarse
# anatomy, which is uneven by itself, and below the edge of zero-filled or interpolated pictures.
_LOW, _HIGH = 0.05, 0.30
_ACROSS = 0.30
_REFERENCE_PIXELS = 400.0
# A step larger than this many medians is one line of the anatomy's own, not the spread of all.
_OUTLIER = 5.0


def check(study: Study, volumes: Mapping[str, Volume], joint: str) -> tuple[Check, ...]:
    """One Check a series: the median unevenness over its middle slices."""
    return tuple(_of_series(named(one), one.series_id, volume) for one, volume in with_pixels(study, volumes))


def _of_series(name: str, series_id: str, volume: Volume) -> Check:
    found = [unevenness(picture) for picture in middle_slices(volume) if min(picture.shape) >= LEAST_PIXELS]
    if not found:
        sentence = f"Motion cannot be measured in {name}: its pictures are too small or hold one grey value."
        return Check("motion", None, None, THRESHOLD, "", sentence, series_id=series_id)
    measured = median(np.array(found))
    passed = measured <= THRESHOLD
    return Check(
        "motion", passed, round(measured, 3), THRESHOLD, "",
        f"{name[0].upper()}{name[1:]} shows {'no sign' if passed else 'signs'} of motion (unevenness of k-space lines {measured:.2f}).",
        "" if passed else _ADVICE,
        series_id,
    )  # fmt: skip


def unevenness(picture: Picture) -> float:
    """How much the power of neighbouring k-space lines differs, along the worse of the two axes.

    Parameters
    ----------
    picture : [row, column] magnitude, not constant

    Returns
    -------
    float - root mean square second difference of the mean log power of lines, scaled to a picture of 400
        pixels across; about 0.2 for a still object, whatever its noise and contrast

    Notes
    -----
    Each line of k-space in the phase-encoding direction is measured at another moment. Within a line
    the power of a still object scatters about a smooth trend like that of noise, so the mean of its
    logarithm over M independent places has a standard deviation of pi / sqrt(6 M): a floor that does not
    depend on the object, and the reason for the scaling by the root of the width. An object that moved
    between lines adds jumps from line to line. The logarithm lets the fine detail, which a small
    movement disturbs most, count as much as the coarse. The magnitude operation weakens the effect but
    leaves it. Few large jerks within a series change few lines and are seen poorly.
    """
    power = np.fft.fftshift(power_spectrum(picture))
    return max(_along(power), _along(power.T))


def _along(power: Picture) -> float:
    """``power`` [line, read-out], centre at the middle."""
    lines, across = power.shape
    width = int(_ACROSS * across)
    detail = power[:, across // 2 - width : across // 2 + width + 1]
    # Zero-filled parts of k-space hold rounding errors only; the floor keeps their logarithm finite.
    level = np.log(detail + np.finfo(np.float32).eps * float(detail.mean())).mean(axis=1)
    start = lines // 2 + max(3, int(_LOW * lines))
    steps = np.diff(level[start : lines // 2 + int(_HIGH * lines)], 2)
    bound = _OUTLIER * median(np.abs(steps))
    return float(np.sqrt(np.mean(np.clip(steps, -bound, bound) ** 2)) * np.sqrt(across / _REFERENCE_PIXELS))

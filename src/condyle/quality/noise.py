"""Signal-to-noise ratio, measured in tissue at the true resolution of the picture."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from condyle.quality.picture import LEAST_PIXELS, Picture, middle_slices, power_spectrum, tissue
from condyle.quality.series import named, with_pixels
from condyle.quantiles import median, percentiles
from condyle.registry import Plugin
from condyle.study import Check, Study, Volume

PLUGIN = Plugin(
    "noise", "Signal-to-noise ratio in tissue", "condyle.quality.noise:check",
    source="after Donoho, IEEE Trans Inf Theory 1995;41:613 (noise from the finest wavelet scale)",
)  # fmt: skip

THRESHOLD = 7.0
_ADVICE = (
    "Check that the coil is plugged in, selected and close to the joint; then repeat with more averages, thicker slices or larger pixels."
)
_LEAST_BLOCKS = 50
# The quietest fifth of the tissue holds noise and little structure.
_QUIET_PERCENT = 20.0
# Where the finest quarter of the spectrum lies this far (natural logarithm) below the middle, it was interpolated.
_FALL = -3.0


def check(study: Study, volumes: Mapping[str, Volume], joint: str) -> tuple[Check, ...]:
    """One Check a series: the median over its middle slices."""
    return tuple(_of_series(named(one), one.series_id, volume) for one, volume in with_pixels(study, volumes))


def _of_series(name: str, series_id: str, volume: Volume) -> Check:
    ratios = (signal_to_noise(picture) for picture in middle_slices(volume) if min(picture.shape) >= LEAST_PIXELS)
    found = [ratio for ratio in ratios if ratio is not None]
    if not found:
        sentence = f"Noise cannot be measured in {name}: its pictures are too small or hold too little tissue."
        return Check("noise", None, None, THRESHOLD, "", sentence, series_id=series_id)
    measured = median(np.array(found))
    passed = measured >= THRESHOLD
    return Check(
        "noise", passed, round(measured, 1), THRESHOLD, "",
        f"The signal-to-noise ratio of {name} is {measured:.0f}{'' if passed else f', below {THRESHOLD:.0f}'}.",
        "" if passed else _ADVICE,
        series_id,
    )  # fmt: skip


def signal_to_noise(picture: Picture) -> float | None:
    """Median tissue signal over the standard deviation of the noise; None when there is too little tissue.

    Parameters
    ----------
    picture : [row, column] magnitude, not constant

    Notes
    -----
    Noise is the root mean square of the finest diagonal Haar coefficients in the quietest fifth of the
    tissue: edges and texture raise it, so the ratio is a lower bound on clean pictures (down to about
    10) and near the truth on noisy ones. Interpolated pictures hide noise, so they are first reduced
    to the resolution that their spectrum holds. Air is not used: many scanners blank it.
    """
    import cv2

    reduced = _at_true_resolution(picture)
    rows, columns = (n // 2 * 2 for n in reduced.shape)
    a, b = reduced[:rows:2, :columns:2], reduced[:rows:2, 1:columns:2]
    c, d = reduced[1:rows:2, :columns:2], reduced[1:rows:2, 1:columns:2]
    diagonal, mean = (a - b - c + d) / 2, (a + b + c + d) / 4
    local = np.sqrt(np.maximum(cv2.blur(diagonal * diagonal, (5, 5)), 0))
    inside = cv2.erode(tissue(np.asarray(mean, dtype=np.float32)).astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    if int(inside.sum()) < _LEAST_BLOCKS:
        return None
    noise = percentiles(local[inside], _QUIET_PERCENT)[0]
    signal = median(mean[inside])
    if signal <= 0:
        return None  # values about zero, as in real-part and phase pictures, have no such ratio
    return signal / noise if noise > 1e-4 * signal else 1e4  # a drawn picture without any noise


def _at_true_resolution(picture: Picture) -> Picture:
    """The picture, halved by area averaging along each axis whose spectrum is empty beyond half of Nyquist, at most twice."""
    import cv2

    for _ in range(2):
        falls = _spectral_fall(picture)
        rows, columns = (
            n // 2 if fall < _FALL and n >= 2 * LEAST_PIXELS else n for n, fall in zip(picture.shape, falls, strict=True)
        )
        if (rows, columns) == picture.shape:
            break
        picture = np.asarray(cv2.resize(picture, (columns, rows), interpolation=cv2.INTER_AREA), dtype=np.float32)
    return picture


def _spectral_fall(picture: Picture) -> tuple[float, float]:
    """Log power near Nyquist over that at a middle frequency, along rows and along columns."""
    power = power_spectrum(picture)
    return _fall_along(power), _fall_along(power.T)


def _fall_along(power: Picture) -> float:
    n, across = power.shape
    profile = power[:, : max(1, int(0.1 * across))].sum(axis=1)
    profile = np.log(profile + np.finfo(np.float32).eps * float(profile.max()))
    fine, middle = profile[int(0.36 * n) : int(0.48 * n)], profile[int(0.16 * n) : int(0.22 * n)]
    return median(fine) - median(middle)

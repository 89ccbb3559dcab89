"""Standardise: clip at percentiles, then mean 0 and standard deviation 1, in one pass."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from condyle.errors import InputError, UsageError
from condyle.prepare.step import Parameters, Step
from condyle.registry import Plugin
from condyle.study import Volume

_MANY = 2**20  # above this number of voxels every other row and column is enough for percentiles and moments
_BINS = 2**17  # widest range of integers that is counted in a histogram


def standardise(volume: Volume, *, lower: float = 1.0, upper: float = 99.0) -> Volume:
    """Clip grey values at two percentiles of the volume and z-normalise what remains.

    Parameters
    ----------
    volume : modality values; rescale applied, padding already masked
    lower, upper : percentiles in [0, 100], lower < upper

    Returns
    -------
    Volume of float32: (clip(x) - mean) / sd, with mean and sd of the clipped values. A constant volume becomes 0.
    Multiplying the input by a positive number or adding one changes nothing.

    Raises
    ------
    InputError - values that are not finite
    UsageError - percentiles out of order or range

    Notes
    -----
    Percentiles are those of numpy's 'linear' method. Volumes of more than 2**20 voxels are measured on every other row
    and column. Integers are counted in one histogram, which also gives the clipped moments, so that no float pass is
    needed to measure. Reference: MONAI ``ScaleIntensityRangePercentiles(1, 99, 0, 1, clip=True)`` followed by
    ``NormalizeIntensity()``, within 0.02 standard deviations (exactly, up to rounding, when all voxels are measured).
    """
    return _apply(volume, **_settle(volume, lower=lower, upper=upper))


def _settle(
    volume: Volume,
    *,
    lower: float = 1.0,
    upper: float = 99.0,
    low: float | None = None,
    high: float | None = None,
    mean: float | None = None,
    sd: float | None = None,
) -> Parameters:
    given = [value is not None for value in (low, high, mean, sd)]
    if any(given) and not all(given):
        raise UsageError("standardise-settings", "'low', 'high', 'mean' and 'sd' belong together.", what_to_do="Give all four or none.")
    if low is None or high is None or mean is None or sd is None:
        if not 0 <= lower < upper <= 100:
            raise UsageError("percentiles-invalid", "The percentiles must fulfil 0 <= lower < upper <= 100.")
        low, high, mean, sd = _measure(volume.pixels, lower, upper)
    return {"low": float(low), "high": float(high), "mean": float(mean), "sd": float(sd)}


def _apply(volume: Volume, *, low: float, high: float, mean: float, sd: float, labels: bool = False) -> Volume:
    if labels:
        return volume
    scale = 1.0 / sd if sd > 0 else 0.0
    offset, floor, ceiling = np.float32(mean * scale), np.float32((low - mean) * scale), np.float32((high - mean) * scale)
    out = np.empty_like(volume.pixels, dtype=np.float32)
    for source, target in zip(volume.pixels, out, strict=True):  # a slice at a time stays in the processor's cache
        if source.dtype.itemsize > 2:  # float32 would round large values before the mean is taken off
            target[...] = (np.clip(source, low, high) - mean) * scale
            continue
        np.copyto(target, source)
        np.multiply(target, np.float32(scale), out=target)
        np.subtract(target, offset, out=target)
        np.clip(target, floor, ceiling, out=target)
    return Volume(out, volume.geometry, volume.series_id)


def _measure(pixels: NDArray[Any], lower: float, upper: float) -> tuple[float, float, float, float]:
    """(low, high, mean, sd): the two percentiles, and the moments of the values clipped there."""
    measured = np.ascontiguousarray(pixels[:, ::2, ::2] if pixels.size > _MANY else pixels)
    if measured.dtype.kind in "biu":
        first, last = int(measured.min()), int(measured.max())
        if last - first < _BINS:
            return _from_histogram(measured, first, lower, upper)
    values = np.asarray(measured, dtype=np.float64)
    if not np.isfinite(values).all():
        raise InputError(
            "pixels-not-finite",
            "The volume holds values that are not finite.",
            why="A percentile of them has no meaning.",
            what_to_do="Look at the source file; NaN often marks voxels outside of the field of view.",
        )
    low, high = np.percentile(values, (lower, upper))
    clipped = np.clip(values, low, high)
    return float(low), float(high), float(clipped.mean()), float(clipped.std())


def _from_histogram(measured: NDArray[Any], first: int, lower: float, upper: float) -> tuple[float, float, float, float]:
    counts = np.bincount(measured.astype(np.intp).ravel() - first)
    below = np.cumsum(counts)
    n = int(below[-1])
    ends = []
    for percent in (lower, upper):
        rank = (n - 1) * percent / 100
        whole = int(rank)
        left, right = np.searchsorted(below, (whole, min(whole + 1, n - 1)), side="right")
        ends.append(first + left + (right - left) * (rank - whole))
    low, high = float(ends[0]), float(ends[1])
    values = np.clip(first + np.arange(counts.size, dtype=np.float64), low, high)
    mean = float(counts @ values / n)
    return low, high, mean, float(np.sqrt(counts @ (values - mean) ** 2 / n))


def _identity(volume: Volume) -> Parameters:
    return {"low": float(volume.pixels.min()), "high": float(volume.pixels.max()), "mean": 0.0, "sd": 1.0}


STEP = Step(
    name="standardise",
    settle=_settle,
    apply=_apply,
    spatial=False,
    identity=_identity,
    examples=({}, {"lower": 0.5, "upper": 99.5}),
)
PLUGIN = Plugin("standardise", "Clip at percentiles and z-normalise", "condyle.prepare.standardise:STEP")

"""Bias field: the slow shading that coils leave, estimated from the picture alone and divided out.

Two looks at the logarithm of the grey values, in which shading is a smooth sum:

1. *Slopes.* Within one tissue neighbours differ by the field's slope; at borders of tissues they differ by anything. A robust fit of the
   field's slope to the differences of neighbours therefore follows the shading and ignores anatomy (Zheng et al., IEEE Trans Med
   Imaging 2009;28:1139-1152, use the same fact).
2. *Sharpening.* What is left blurs the histogram: it is deconvolved, every grey value is moved towards the value expected of it, and
   the smooth part of that move joins the field (N3: Sled et al., IEEE Trans Med Imaging 1998;17:87-97; N4 adds it up in the same way).

N4 begins with the second look, which moves a strong field by a little at a time: that is where its time goes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from condyle.errors import InputError, UsageError
from condyle.prepare.smooth_field import Basis, Floats, basis, evaluate, gram, moments, roughness
from condyle.prepare.step import Parameters, Step, same_shape
from condyle.registry import Plugin
from condyle.study import Volume

NOMINAL_MM = 300.0
_MOST = 10  # spans along an axis
_SHRINK = 4  # the field is fitted on every fourth row and column, averaged
_SMALLEST = 48  # rows and columns are not averaged to fewer than this
_SLOPES, _SHARPENINGS = 6, 12
_STIFF = 1e-4  # weight of the field's roughness, per voxel
_WIDTH, _NOISE, _BINS = 0.15, 0.01, 200  # of the sharpening: width of the blur in log units, Wiener constant, histogram (as N4)
_STEP = 1.7  # over-relaxation: the fixed point stays, fewer rounds reach it


def correct_bias(volume: Volume, *, span_mm: float = 45.0) -> Volume:
    """Divide the shading out.

    Parameters
    ----------
    volume : magnitude values, not negative
    span_mm : length of a span of the spline, 20 to 500; the field bends about once in it. 40 to 50 mm follow a coil and leave anatomy
        alone. A volume without millimetres counts as ``NOMINAL_MM`` long, and its slices get one common field

    Returns
    -------
    Volume of float32. The mean of the log field over tissue is 0, so grey values keep their scale. Multiplying the input by a positive
    number multiplies the output by it.

    Raises
    ------
    InputError - values that are negative or not finite
    """
    return _apply(volume, **_settle(volume, span_mm=span_mm))


def bias_field(volume: Volume, *, span_mm: float = 45.0) -> NDArray[np.float32]:
    """The estimated field itself, [slice, row, column], about 1: the input is ``corrected * field``."""
    return _field(_settle(volume, span_mm=span_mm)["coefficients"], volume.shape)


def _settle(
    volume: Volume, *, span_mm: float = 45.0, coefficients: Sequence[Any] | None = None, from_shape: Sequence[int] | None = None
) -> Parameters:
    if not 20 <= span_mm <= 500:
        raise UsageError("bias-span", "'span_mm' must lie between 20 and 500 mm.")
    if coefficients is None:
        coefficients = np.round(_estimate(volume, span_mm), 6).tolist()
    return {"span_mm": float(span_mm), "coefficients": coefficients, "from_shape": list(from_shape or volume.shape)}


def _apply(
    volume: Volume, *, coefficients: Sequence[Any], span_mm: float = 45.0, from_shape: Sequence[int] | None = None, labels: bool = False
) -> Volume:
    del span_mm
    if labels:
        return volume
    same_shape(volume, from_shape, "bias_field")
    return Volume(np.asarray(volume.pixels / _field(coefficients, volume.shape), np.float32), volume.geometry, volume.series_id)


def _field(coefficients: Sequence[Any], shape: Sequence[int]) -> NDArray[np.float32]:
    knots = np.asarray(coefficients, np.float32)
    if knots.ndim != 3 or any(count in (2, 3) for count in knots.shape):
        raise UsageError("bias-coefficients", "'coefficients' must be three-dimensional, with one, four or more along each axis.")
    log_field = evaluate(knots, basis(shape, knots.shape))
    return np.exp(log_field, out=log_field)


def _estimate(volume: Volume, span_mm: float) -> NDArray[np.float64]:
    """[knot slice, knot row, knot column] coefficients of the log field."""
    grey = _shrunk(volume.pixels)
    tissue = grey > _background(grey)
    counts = _knots(volume, span_mm)
    if tissue.sum() < 4 * np.prod(counts):
        return np.zeros(counts)
    log_grey = np.log(np.maximum(grey, np.float32(1e-6) * grey.max()))
    at = basis(grey.shape, counts)
    stiff = _STIFF * int(tissue.sum()) * roughness(counts)
    coefficients = _sharpen(log_grey, tissue, at, stiff, _follow_slopes(log_grey, tissue, at, counts))
    # Cubic B-splines add up to 1, so a constant field has constant coefficients.
    middle = float(evaluate(coefficients.reshape(counts), at)[tissue].mean())
    return np.asarray((coefficients - middle).reshape(counts))


def _knots(volume: Volume, span_mm: float) -> tuple[int, int, int]:
    """Coefficients along each axis: spans of about the length asked for, one constant along an axis shorter than half of it."""
    if volume.geometry.calibrated:
        lengths = [n * step for n, step in zip(volume.shape, volume.geometry.spacing, strict=True)]
    else:
        longest = max(volume.shape[1:])
        lengths = [0.0, *(n / longest * NOMINAL_MM for n in volume.shape[1:])]
    spans = [min(round(length / span_mm), n // 3, _MOST) for n, length in zip(volume.shape, lengths, strict=True)]
    z, y, x = (span + 3 if span >= 1 else 1 for span in spans)
    return z, y, x


def _shrunk(pixels: NDArray[Any]) -> Floats:
    import cv2

    if not np.isfinite(pixels).all() or pixels.min() < 0:
        raise InputError(
            "bias-not-magnitude", "Shading can be taken out of magnitude values only.",
            why="The volume holds values that are negative or not finite.", what_to_do="Put the step before those that change grey values.",
        )  # fmt: skip
    size = [max(n // _SHRINK, min(n, _SMALLEST)) for n in pixels.shape[1:]]
    planes = (np.ascontiguousarray(plane, np.float32) for plane in pixels)
    return np.stack([cv2.resize(plane, (size[1], size[0]), interpolation=cv2.INTER_AREA) for plane in planes])


def _background(grey: Floats) -> float:
    """Threshold between air and tissue: Otsu's on the square root, so that bright fat does not push it into muscle."""
    root = np.sqrt(grey)
    counts, edges = np.histogram(root, 128)
    middles = (edges[1:] + edges[:-1]) / 2
    below = np.cumsum(counts)[:-1]
    mass = np.cumsum(counts * middles)
    total, above = counts.sum(), counts.sum() - below
    apart = np.where((below > 0) & (above > 0), (mass[-1] * below / total - mass[:-1]) ** 2 / np.maximum(below * above, 1), 0.0)
    return float(min(edges[1 + int(np.argmax(apart))], 0.5 * np.percentile(root, 99)) ** 2)


def _follow_slopes(log_grey: Floats, tissue: NDArray[np.bool_], at: Basis, counts: tuple[int, int, int]) -> NDArray[np.float64]:
    """The first look: iteratively reweighted least squares (weights of Geman and McClure) on differences of neighbours in the plane.

    Slices are not compared: they are few, far apart, and differ by anatomy.
    """
    from scipy.linalg import solve

    terms: list[tuple[Floats, NDArray[np.bool_], Basis]] = []
    for axis in (1, 2):
        both = np.take(tissue, range(1, tissue.shape[axis]), axis) & np.take(tissue, range(tissue.shape[axis] - 1), axis)
        slopes = [np.diff(one, axis=0) if number == axis else one for number, one in enumerate(at)]
        terms.append((np.diff(log_grey, axis=axis), both, (slopes[0], slopes[1], slopes[2])))
    if not any(both.any() for _, both, _ in terms):
        return np.zeros(int(np.prod(counts)))
    # Just enough stiffness for what no slope tells: the constant, and slices against each other.
    stiff = 1e-6 * int(tissue.sum()) * roughness(counts)
    coefficients = np.zeros(len(stiff))
    for turn in range(_SLOPES):
        rest = [difference - evaluate(coefficients.reshape(counts), slope) for difference, _, slope in terms]
        spread = 1.0 * float(np.median(np.abs(np.concatenate([one[both] for one, (_, both, _) in zip(rest, terms, strict=True)]))))
        normal, side = stiff, np.zeros(len(stiff))
        for one, (difference, both, slope) in zip(rest, terms, strict=True):
            near = 1 / (1 + (one / max(spread, 1e-6)) ** 2) ** 2 if turn else np.float32(1)
            weights = np.asarray(both * near, np.float32)
            normal = normal + gram(weights, slope)
            side = side + moments(weights * difference, slope)
        coefficients = solve(normal, side, assume_a="pos")
    return np.asarray(coefficients)


def _sharpen(
    log_grey: Floats, tissue: NDArray[np.bool_], at: Basis, stiff: NDArray[np.float64], coefficients: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The second look."""
    from scipy.linalg import cho_factor, cho_solve

    counts = tuple(one.shape[1] for one in at)
    factor = cho_factor(gram(tissue.astype(np.float32), at) + stiff)
    for _ in range(_SHARPENINGS):
        values = (log_grey - evaluate(coefficients.reshape(counts), at))[tissue]
        move = np.zeros_like(log_grey)
        move[tissue] = values - _expected(values)
        coefficients = coefficients + _STEP * cho_solve(factor, moments(move, at))
    return coefficients


def _expected(values: Floats) -> Floats:
    """What each value is expected to be once the histogram's blur is undone. Source: Sled 1998, equations 9 to 12."""
    low, high = float(values.min()), float(values.max())
    if high - low < 1e-3:
        return values
    step = (high - low) / (_BINS - 1)
    place = (values - np.float32(low)) / np.float32(step)
    size = 512
    first = (size - _BINS) // 2
    counts = np.zeros(size)
    counts[first : first + _BINS] = np.bincount((place + 0.5).astype(np.intp), minlength=_BINS)[:_BINS]
    away = np.minimum(np.arange(size), size - np.arange(size)) * step
    blur = np.exp(-4 * np.log(2) * (away / _WIDTH) ** 2)
    response = np.fft.rfft(blur / blur.sum()).real
    sharp = np.maximum(np.fft.irfft(np.fft.rfft(counts) * response / (response**2 + _NOISE), size), 0)
    centres = low + (np.arange(size) - first) * step
    weight = np.fft.irfft(np.fft.rfft(sharp) * response, size)
    mean = np.fft.irfft(np.fft.rfft(sharp * centres) * response, size)
    known = weight > 1e-9 * weight.max()
    expected = np.where(known, mean / np.where(known, weight, 1.0), centres)[first : first + _BINS]
    return np.asarray(np.interp(place, np.arange(_BINS), expected), np.float32)


STEP = Step(
    name="bias_field",
    settle=_settle,
    apply=_apply,
    spatial=False,
    identity=lambda volume: {"coefficients": [[[0.0]]]},
    examples=({}, {"span_mm": 90.0}),
)
PLUGIN = Plugin("bias_field", "Divide out the shading that coils leave", "condyle.prepare.bias_field:STEP")

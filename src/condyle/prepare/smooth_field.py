"""Smooth fields over a volume: tensor products of cubic B-splines, and their weighted least-squares fit.

A field is [knot slice, knot row, knot column] coefficients. Nothing of the size voxels x coefficients is ever formed: sums over
voxels are taken axis by axis, so a fit costs about as much as looking at the volume a few dozen times.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Basis = tuple[Floats, Floats, Floats]
"""For the axes slice, row, column: [voxel, coefficient]."""


def spline(voxels: int, coefficients: int) -> Floats:
    """[voxel, coefficient] uniform cubic B-splines over the whole axis; one coefficient is a constant.

    Source: Lee, Wolberg, Shin, IEEE Trans Vis Comput Graph 1997;3:228-244, section 3.
    """
    if coefficients == 1:
        return np.ones((voxels, 1), np.float32)
    spans = coefficients - 3
    place = np.linspace(0, spans, voxels)
    first = np.minimum(place.astype(int), spans - 1)
    t = place - first
    weights = (1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, -3 * t**3 + 3 * t**2 + 3 * t + 1, t**3
    out = np.zeros((voxels, coefficients), np.float32)
    for number, weight in enumerate(weights):
        out[np.arange(voxels), first + number] = weight / 6
    return out


def basis(shape: Sequence[int], coefficients: Sequence[int]) -> Basis:
    one, two, three = (spline(n, k) for n, k in zip(shape, coefficients, strict=True))
    return one, two, three


def evaluate(coefficients: NDArray[np.floating], at: Basis) -> Floats:
    """The field at every voxel of a basis, [slice, row, column] float32."""
    stacked = np.tensordot(at[0], np.asarray(coefficients, np.float32), 1)
    return np.asarray(at[1][None] @ stacked @ at[2].T, np.float32)


def moments(values: Floats, at: Basis) -> NDArray[np.float64]:
    """Sums over all voxels of the values times each function, flat."""
    rows = (values.reshape(-1, values.shape[2]) @ at[2]).reshape(*values.shape[:2], -1)
    slices = np.matmul(at[1].T[None], rows)
    return np.asarray((at[0].T @ slices.reshape(len(slices), -1)).ravel(), np.float64)


def gram(weights: Floats, at: Basis) -> NDArray[np.float64]:
    """Sums over all voxels of the weights times each pair of functions, [flat, flat]: the normal matrix of a weighted fit."""
    z, y, x = (axis.shape[1] for axis in at)
    pairs = [(axis[:, :, None] * axis[:, None, :]).reshape(len(axis), -1) for axis in at]
    rows = (weights.reshape(-1, weights.shape[2]) @ pairs[2]).reshape(*weights.shape[:2], -1)
    slices = np.matmul(pairs[1].T[None], rows)
    total = (pairs[0].T @ slices.reshape(len(slices), -1)).reshape(z, z, y, y, x, x)
    return np.asarray(total.transpose(0, 2, 4, 1, 3, 5).reshape(z * y * x, -1), np.float64)


def roughness(coefficients: Sequence[int]) -> NDArray[np.float64]:
    """[flat, flat] quadratic form: the squared second differences along each axis, and a trace of ridge for what no voxel sees."""
    total = 1e-3 * np.eye(int(np.prod(coefficients)))
    for axis, count in enumerate(coefficients):
        if count < 3:
            continue
        second = np.diff(np.eye(count), 2, axis=0)
        parts = [second.T @ second if n == axis else np.eye(k) for n, k in enumerate(coefficients)]
        total += np.kron(np.kron(parts[0], parts[1]), parts[2])
    return total

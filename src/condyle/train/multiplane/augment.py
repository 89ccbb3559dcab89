"""Augmentation of one stack: every slice under the same draw, in eight bits.

Turn, scale, shift and elastic deformation are one map, made once a stack and applied to each slice; gamma is a table, the bias
field a coarse grid enlarged, noise a pool at a random place. Every draw is made before the work, from the generator that is
handed in. Nothing is flipped: medial and lateral are different findings (fault G11).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from condyle.train.multiplane.recipe import Augment

Bytes = NDArray[np.uint8]
_GRID = 8  # control points of the elastic grid along an axis
_POOL = 1 << 21


@dataclass(frozen=True, slots=True, eq=False)
class Draw:
    """What is done to one stack.

    Parameters
    ----------
    matrix : (2, 3) from pixels of the result (column, row, 1) to pixels of the stack
    elastic : [2, grid, grid] further shift in pixels; None is none
    gamma : exponent; bias : [4, 4] factor; noise : standard deviation in grey values
    ghost : (shift in rows, strength) of motion; blur : factor by which resolution is lost, 1 is none
    """

    matrix: NDArray[np.float64]
    elastic: NDArray[np.float32] | None
    gamma: float
    bias: NDArray[np.float32]
    noise: float
    ghost: tuple[int, float]
    blur: float
    offset: int


def draw(settings: Augment, pixels: int, spacing_mm: float, rng: np.random.Generator) -> Draw:
    """Draw once for a stack of ``pixels`` rows and columns of ``spacing_mm``."""
    turn = np.deg2rad(rng.uniform(-1, 1) * settings.turn_degrees)
    zoom = 1 + rng.uniform(-1, 1, 2) * settings.scale  # column, row; each within 1 - scale .. 1 + scale (fault G10)
    shift = rng.uniform(-1, 1, 2) * settings.shift_mm / spacing_mm
    turned = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]) / zoom
    middle = np.full(2, (pixels - 1) / 2)
    matrix = np.column_stack([turned, middle + shift - turned @ middle])
    elastic = rng.normal(0, settings.elastic_mm / spacing_mm, (2, _GRID, _GRID)).astype(np.float32) if settings.elastic_mm else None
    bias = np.exp(rng.uniform(-1, 1, (4, 4)) * settings.bias).astype(np.float32)
    moved, coarse, strength, factor = rng.random(4)
    return Draw(
        matrix, elastic, float(np.exp(rng.uniform(-1, 1) * settings.gamma)), bias, float(rng.random() * settings.noise * 255),
        (int(rng.integers(pixels // 8, pixels // 2)), float(strength * 0.25) if moved < settings.motion else 0.0),
        float(1 + factor) if coarse < settings.blur else 1.0, int(rng.integers(0, _POOL // 2)),
    )  # fmt: skip


def vary(stack: Bytes, shown: NDArray[np.bool_], own: Draw) -> Bytes:
    """The stack under a draw.

    Parameters
    ----------
    stack : [slice, row, column]; shown : [slice]; slices that are not shown stay black
    """
    size = stack.shape[-1]
    columns, rows = _maps(own, size)
    turned = _turned(stack, np.flatnonzero(shown).tolist(), own, columns, rows)
    table = np.rint((np.arange(256) / 255.0) ** own.gamma * 255).astype(np.uint8)
    scaled = np.clip(np.rint(_smooth(own.bias, size) * 128), 0, 255).astype(np.uint8)
    plus, minus = _noise(own, size)
    out = np.zeros_like(stack)
    for number, grey in turned:
        grey = cv2.multiply(cv2.LUT(grey, table), scaled, scale=1 / 128)
        if own.noise > 0:
            first = (number * 40503) % (2 * size * size)
            grey = cv2.add(grey, plus[first : first + size * size].reshape(size, size))
            grey = cv2.subtract(grey, minus[first : first + size * size].reshape(size, size))
        out[number] = grey
    return out


def move(marks: Bytes, own: Draw) -> Bytes:
    """[..., row, column] marks of 0 and 255 where a draw moves them to; what else it does leaves them as they are."""
    columns, rows = _maps(own, marks.shape[-1])
    out = np.zeros_like(marks)
    for at in np.argwhere(marks.any((-1, -2))):
        out[tuple(at)] = cv2.remap(marks[tuple(at)], columns, rows, cv2.INTER_NEAREST, borderMode=cv2.BORDER_CONSTANT)
    return out


def _turned(
    stack: Bytes, places: list[int], own: Draw, columns: NDArray[np.float32], rows: NDArray[np.float32]
) -> Iterator[tuple[int, Bytes]]:
    """(place, slice) after loss of resolution, motion and the map; four slices at a time, because the map is read once for all four."""
    for first in range(0, len(places), 4):
        four = places[first : first + 4]
        # Always four: other counts take another path, which rounds otherwise.
        together = cv2.merge([_worse(np.ascontiguousarray(stack[number]), own) for number in (*four, *[four[-1]] * (4 - len(four)))])
        moved = cv2.remap(together, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
        yield from zip(four, cv2.split(moved), strict=False)


def _worse(grey: Bytes, own: Draw) -> Bytes:
    """With resolution lost and a ghost of motion, where the draw has them."""
    size = grey.shape[0]
    if own.blur > 1:
        small = max(8, round(size / own.blur))
        grey = cv2.resize(cv2.resize(grey, (small, small), interpolation=cv2.INTER_AREA), (size, size), interpolation=cv2.INTER_LINEAR)
    if own.ghost[1] > 0:
        grey = cv2.addWeighted(grey, 1 - own.ghost[1], np.roll(grey, own.ghost[0], 0), own.ghost[1], 0)
    return grey


def _maps(own: Draw, size: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """One map for all slices of the stack."""
    places = np.arange(size, dtype=np.float32)
    column = (own.matrix[0, 0] * places[None] + (own.matrix[0, 1] * places[:, None] + own.matrix[0, 2])).astype(np.float32)
    row = (own.matrix[1, 0] * places[None] + (own.matrix[1, 1] * places[:, None] + own.matrix[1, 2])).astype(np.float32)
    if own.elastic is not None:
        column += _smooth(own.elastic[0], size)
        row += _smooth(own.elastic[1], size)
    return column, row


def _smooth(grid: NDArray[np.float32], size: int) -> NDArray[np.float32]:
    """A coarse grid enlarged: cubic to 64, then linear, a fifth of the time of cubic all the way."""
    fine = cv2.resize(grid, (64, 64), interpolation=cv2.INTER_CUBIC)
    return np.asarray(cv2.resize(fine, (size, size), interpolation=cv2.INTER_LINEAR), np.float32)


@cache
def _pool() -> tuple[Bytes, Bytes]:
    """Positive and negative parts of normal noise, 32 grey values a standard deviation."""
    cv2.setNumThreads(1)
    values = np.rint(np.random.default_rng(0).normal(0, 32, _POOL))
    return np.clip(values, 0, 255).astype(np.uint8), np.clip(-values, 0, 255).astype(np.uint8)


def _noise(own: Draw, size: int) -> tuple[Bytes, Bytes]:
    """A piece of the pool, of three slices, at the draw's strength; each slice takes its own place in it."""
    louder = np.rint(np.arange(256) * (own.noise / 32)).clip(0, 255).astype(np.uint8)
    first = own.offset % max(1, _POOL - 3 * size * size)
    plus, minus = (cv2.LUT(part[first : first + 3 * size * size][None], louder)[0] for part in _pool())
    return np.asarray(plus, np.uint8), np.asarray(minus, np.uint8)

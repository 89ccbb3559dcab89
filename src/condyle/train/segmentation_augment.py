"""Random pictures for the segmenter: masks exist for T2 SPACE only, so contrast itself is randomised.

The network must find discs on T1 and T2 spin echoes of any maker. What makes a T1 look different from a
T2 SPACE is the grey value *inside* each structure, and the masks say where each structure is: half of the
pictures get a T1-like contrast (dark canal, disc near the vertebra's grey), the others random shifts a structure.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from condyle.readers.lumbar.segment import scale_grey

Grey = NDArray[np.float32]
VERTEBRA, CANAL, DISC = 1, 2, 3


def augment(
    picture: NDArray[np.uint8],
    mask: NDArray[np.uint8],
    shape: tuple[int, int],
    rng: np.random.Generator,
    fronts: Sequence[NDArray[np.uint8]] = (),
) -> tuple[Grey, NDArray[np.uint8]]:
    """One random view of a picture and its mask.

    Parameters
    ----------
    picture : [row, column] grey values on the network's grid
    mask : [row, column] classes 0 background, 1 vertebra, 2 canal, 3 disc
    shape : (rows, columns) of the result
    rng : every random draw comes from here
    fronts : [row, column] bellies of other pictures; half of the views get one pasted in front of the spine, because
        T2 SPACE is black there and a network that never saw bowel takes it for a second spine

    Returns
    -------
    (grey in [-1, 1], classes), both of ``shape``. One draw of position and form serves both.
    """
    grey, classes, inside = _deform(picture, mask, shape, rng)
    if rng.random() < 0.75:
        grey = _recolour(grey, classes, rng)
    if fronts and rng.random() < 0.5:
        grey = _paste_front(grey, classes, fronts[int(rng.integers(len(fronts)))], rng)
    if rng.random() < 0.2:
        grey = _remap(grey, rng)
    grey = np.clip(grey, 0.0, None) ** np.float32(np.exp(rng.normal(0, 0.35)))
    grey = _shade(grey, rng)
    grey = _degrade(grey, rng)
    grey = np.where(inside, grey, 0).astype(np.float32)
    grey = np.minimum(grey, np.float32(np.percentile(grey, rng.uniform(94, 99.8))))
    return scale_grey(grey), classes


def _deform(
    picture: NDArray[np.uint8], mask: NDArray[np.uint8], shape: tuple[int, int], rng: np.random.Generator
) -> tuple[Grey, NDArray[np.uint8], NDArray[np.bool_]]:
    """Size, aspect, turn, shift and a smooth elastic field, as one map. Never mirrored: front stays left."""
    rows, columns = picture.shape
    height, width = shape
    size, aspect, turn = np.exp(rng.normal(0, 0.16)), np.exp(rng.normal(0, 0.10)), np.deg2rad(rng.normal(0, 9))
    cos, sin = np.cos(turn), np.sin(turn)
    linear = np.array([[cos * size * aspect, -sin * size / aspect], [sin * size * aspect, cos * size / aspect]])
    shift = np.array([width / 2 + rng.normal(0, 14), height / 2 + rng.normal(0, 16)]) - linear @ np.array([columns / 2, rows / 2])
    back = cv2.invertAffineTransform(np.c_[linear, shift].astype(np.float32))
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    x = x + 2.5 * _smooth(rng, 6, shape)
    y = y + 2.5 * _smooth(rng, 6, shape)
    from_x = (back[0, 0] * x + back[0, 1] * y + back[0, 2]).astype(np.float32)
    from_y = (back[1, 0] * x + back[1, 1] * y + back[1, 2]).astype(np.float32)
    grey = cv2.remap(picture, from_x, from_y, cv2.INTER_LINEAR).astype(np.float32) / 255
    classes = cv2.remap(mask, from_x, from_y, cv2.INTER_NEAREST)
    inside = (from_x >= 0) & (from_x < columns) & (from_y >= 0) & (from_y < rows)
    return grey, classes, inside


def _recolour(grey: Grey, classes: NDArray[np.uint8], rng: np.random.Generator) -> Grey:
    """Another contrast inside the structures, with soft borders."""
    soft = {
        kind: cv2.GaussianBlur((classes == kind).astype(np.float32), (0, 0), rng.uniform(0.5, 1.5))
        for kind in (VERTEBRA, CANAL, DISC)
    }
    if rng.random() < 0.5:  # like T1
        strength = rng.uniform(0.5, 1.0)
        bone = float(np.median(grey[classes == VERTEBRA])) if (classes == VERTEBRA).any() else 0.4
        grey = grey + soft[CANAL] * (bone * rng.uniform(0.1, 0.7) - grey) * strength * rng.uniform(0.6, 1.0)
        grey = grey + soft[DISC] * (bone * rng.uniform(0.3, 1.1) - grey) * strength * rng.uniform(0.4, 1.0)
        return np.asarray(grey + soft[VERTEBRA] * rng.uniform(-0.1, 0.25), np.float32)
    for layer in soft.values():
        grey = grey * (1 + layer * rng.normal(0, 0.3)) + layer * rng.normal(0, 0.08)
    return np.asarray(grey, np.float32)


def _paste_front(grey: Grey, classes: NDArray[np.uint8], front: NDArray[np.uint8], rng: np.random.Generator) -> Grey:
    """Another patient's belly in front of the vertebrae, with a soft edge at least 12 pixels from any structure."""
    rows, columns = classes.shape
    structures = classes > 0
    first = np.where(structures.any(axis=1), structures.argmax(axis=1), columns)
    if int(first.min()) == columns:
        return grey
    first = np.minimum.accumulate(first)  # the belly never reaches under a vertebra further up ...
    first = np.minimum(first, np.minimum.accumulate(first[::-1])[::-1] + 40)  # ... nor far behind one further down
    edge = first[:, None] - 18.0 - np.arange(columns)[None]
    share = np.clip(edge / 6.0, 0.0, 1.0).astype(np.float32)
    width = int(max(first.max() if first.max() < columns else columns // 2, 32))
    belly = np.zeros((rows, columns), np.float32)
    belly[:, :width] = cv2.resize(front, (width, rows), interpolation=cv2.INTER_LINEAR).astype(np.float32) / 255
    return np.asarray(grey * (1 - share) + belly * share * np.float32(rng.uniform(0.4, 1.3)), np.float32)


def _remap(grey: Grey, rng: np.random.Generator) -> Grey:
    """A random monotone grey-scale curve, rising or falling."""
    knots = np.sort(rng.random(5))
    if rng.random() < 0.5:
        knots = knots[::-1]
    return np.interp(grey, np.linspace(0, 1, 5), knots).astype(np.float32)


def _shade(grey: Grey, rng: np.random.Generator) -> Grey:
    """The surface coil lies at the back: bright behind (right), dark in front; and a smooth bias field."""
    height, width = grey.shape
    if rng.random() < 0.7:
        place = np.linspace(0, 1, width, dtype=np.float32)[None]
        coil = np.exp(-((place - rng.uniform(0.5, 1.1)) ** 2) / rng.uniform(0.1, 1.0))
        grey = grey * (coil + rng.uniform(0.0, 0.5)).astype(np.float32)
    return np.asarray(grey * np.exp(0.25 * _smooth(rng, 3, (height, width))), np.float32)


def _degrade(grey: Grey, rng: np.random.Generator) -> Grey:
    """Coarser resolution, blur, noise."""
    height, width = grey.shape
    if rng.random() < 0.4:
        factor = rng.uniform(1.2, 2.6)
        small = cv2.resize(grey, (int(width / factor), int(height / factor)), interpolation=cv2.INTER_AREA)
        grey = np.asarray(cv2.resize(small, (width, height)), np.float32)
    if rng.random() < 0.2:
        grey = np.asarray(cv2.GaussianBlur(grey, (0, 0), rng.uniform(0.5, 1.2)), np.float32)
    noise = rng.standard_normal(grey.shape, dtype=np.float32) * np.float32(rng.uniform(0, 0.06) * max(2 * float(grey.mean()), 0.1))
    return np.asarray(grey + noise, np.float32)


def _smooth(rng: np.random.Generator, knots: int, shape: tuple[int, int]) -> Any:
    coarse = rng.standard_normal((knots, knots), dtype=np.float32)
    return cv2.resize(coarse, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC)

"""Slices of one kind -> stacks of even steps, in the order of their position along the normal of the image plane.

Never by file name or instance number (methods D.2, G7, G40, G43), unless the files do not say where
the slices lie: then by instance number, if that is unique and complete, and with a warning.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from condyle.intake import stack as say
from condyle.intake.frame import Frame
from condyle.intake.stack import Stack
from condyle.study import Geometry
from condyle.study.geometry import from_dicom, unit_normal

SAME_PLACE_MM = 1e-2
UNEVEN = 0.10  # a step that differs by more than this share of the usual step breaks a stack
SHEAR_DEGREES = 1.0
IN_PLANE_DEGREES = 75.0  # slices that lie beside each other rather than behind each other


def places(frames: Sequence[Frame]) -> list[list[Frame]]:
    """Frames grouped by place, places in rising order along the normal. A place is a point: parallel
    stacks that lie side by side in one plane are not the same place."""
    x, y, z = _normal(frames[0]).tolist()
    points = [frame.position or () for frame in frames]
    heights = [x * a + y * b + z * c for a, b, c in points]
    found: list[list[int]] = []
    for number in sorted(range(len(frames)), key=heights.__getitem__):
        if found and all(abs(a - b) < SAME_PLACE_MM for a, b in zip(points[found[-1][0]], points[number], strict=True)):
            found[-1].append(number)
        else:
            found.append([number])
    return [[frames[number] for number in place] for place in found]


def even_runs(frames: Sequence[Frame]) -> list[Stack]:
    """Cut sorted slices where the step changes: a missing slice must not bend the geometry."""
    if len(frames) == 1:
        return [_single(frames[0])]
    positions = np.array([frame.position for frame in frames])
    steps = positions[1:] - positions[:-1]
    lengths = np.sqrt((steps * steps).sum(axis=1))
    starts = _breaks(steps, lengths)
    if not starts:
        return [_run(frames, positions)]
    runs = list(pairwise([0, *starts, len(frames)]))
    if len(runs) > 3 and sum(stop - start == 1 for start, stop in runs) > len(runs) / 2:
        return [Stack(tuple(frames), None).adding(say.uneven(frames, lengths))]
    problem = say.missing(frames, lengths, starts)
    parts = [_single(frames[start]) if stop - start == 1 else _run(frames[start:stop], positions[start:stop]) for start, stop in runs]
    return [part.adding(problem) for part in parts]


def by_number(frames: Sequence[Frame]) -> Stack:
    """Slices without a place in the patient: by instance number if unique and complete, else refused."""
    absent = ", ".join(
        name
        for name, gone in (
            ("ImagePositionPatient", any(frame.position is None for frame in frames)),
            ("ImageOrientationPatient", any(frame.orientation is None for frame in frames)),
            ("PixelSpacing", any(frame.spacing is None for frame in frames)),
        )
        if gone
    )
    orders = sorted(frame.order for frame in frames if frame.order is not None)
    complete = len(orders) == len(frames) and orders[-1] - orders[0] == len(orders) - 1 == len(set(orders)) - 1
    if len(frames) > 1 and not complete:
        return Stack(tuple(frames), None).adding(say.without_order(frames, absent))
    ordered = sorted(frames, key=lambda frame: frame.order or 0)
    return Stack(tuple(ordered), None).adding(say.without_place(ordered, absent))


def _breaks(steps: NDArray[np.float64], lengths: NDArray[np.float64]) -> list[int]:
    """Where stretches with even steps begin, the first left out. The usual step is the median one, of two the shorter."""
    usual = steps[np.argsort(lengths)[len(steps) // 2 if len(steps) != 2 else 0]]
    tolerance = max(UNEVEN * math.sqrt(usual @ usual), 2 * SAME_PLACE_MM)
    off = steps - usual
    return [int(place) + 1 for place in np.flatnonzero((off * off).sum(axis=1) > tolerance * tolerance)]


def _run(frames: Sequence[Frame], positions: NDArray[np.float64]) -> Stack:
    """A stack of evenly spaced slices; the step is the mean one, so that both ends are true."""
    step = (positions[-1] - positions[0]) / (len(frames) - 1)
    cosine = abs(float(step @ _normal(frames[0]))) / math.sqrt(step @ step)
    angle = math.degrees(math.acos(min(cosine, 1.0)))
    if angle > IN_PLANE_DEGREES:
        return Stack(tuple(frames), None).adding(say.in_one_plane(frames, angle))
    stack = Stack(tuple(frames), _geometry(frames[0], step, len(frames), "positions"))
    return stack.adding(say.leaning(frames[0], angle)) if angle > SHEAR_DEGREES else stack


def _single(frame: Frame) -> Stack:
    """A stack of one slice; its step is what the header says of gap or thickness."""
    size = next((value for value in (frame.gap, frame.thickness) if value and value > 0), None)
    return Stack((frame,), _geometry(frame, _normal(frame) * (size or 1.0), 1, "tags" if size else "nominal"))


def _geometry(frame: Frame, step: NDArray[np.float64], count: int, source: str) -> Geometry:
    assert frame.orientation is not None
    assert frame.position is not None
    assert frame.spacing is not None
    return from_dicom(frame.orientation, frame.position, frame.spacing, step, (count, frame.rows, frame.columns), source)


def _normal(frame: Frame) -> NDArray[np.float64]:
    """Unit normal towards the left, the back or the head, whichever axis is nearest."""
    assert frame.orientation is not None
    normal = unit_normal(frame.orientation[:3], frame.orientation[3:])
    return normal if normal[np.argmax(np.abs(normal))] > 0 else -normal

"""Frames of one series -> stacks of parallel, evenly spaced slices in the order of their position.

Never by file name or instance number (methods D.2, G7, G40, G43): slices are sorted along the normal
of the image plane. What cannot form one stack is split into several, with a sentence that says why;
no slice is lost in silence.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from condyle.intake.frame import KINDS, Frame
from condyle.study import Geometry, Problem
from condyle.study.geometry import from_dicom

SAME_DIRECTION = 2e-3  # largest difference of a direction cosine between slices called parallel
SAME_PLACE_MM = 1e-2
UNEVEN = 0.10  # a step that differs by more than this share of the median step breaks a stack
SHEAR_DEGREES = 1.0
SAME_TIMING = 0.05  # echo times closer than this share belong to one echo
MAX_STACKS = 24


@dataclass(frozen=True, slots=True)
class Stack:
    """Parallel slices in order of position.

    Parameters
    ----------
    frames : in the order of rising position along the normal
    geometry : Geometry, or None when the files do not say where the slices lie
    problems : what is noteworthy about it
    used : False when an error keeps it from being used
    """

    frames: tuple[Frame, ...]
    geometry: Geometry | None
    problems: tuple[Problem, ...] = ()
    used: bool = True

    def adding(self, *problems: Problem) -> Stack:
        """The same with more problems; an error marks it unused."""
        used = self.used and all(problem.severity != "error" for problem in problems)
        return replace(self, problems=self.problems + problems, used=used)


@dataclass(frozen=True, slots=True)
class Stacked:
    """All stacks of one series and the frames that joined none, each with the reason."""

    stacks: tuple[Stack, ...]
    left_out: tuple[tuple[Frame, str], ...] = ()


def form_stacks(frames: Sequence[Frame]) -> Stacked:
    """Form stacks from the frames of one series, in any order of the input."""
    frames, left_out = _without_copies(frames)
    groups = _split_by([frames], "matrix size", lambda frame: (frame.rows, frame.columns, frame.file.bits_allocated, frame.file.signed))
    groups = _split_by(groups, "frame of reference", lambda frame: frame.file.header.text("FrameOfReferenceUID"))
    groups = _split_by(groups, "pixel spacing", lambda frame: _rounded(frame.spacing))
    groups = [(part, why) for group, why in groups for part, why in _split_by_orientation(group, why)]
    groups = _split_by(groups, "image type", lambda frame: frame.kinds.get("image type"))
    groups = [(part, why) for group, why in groups for part, why in _split_by_echo(group, why)]
    stacks: list[Stack] = []
    for group, why in groups:
        found, dropped = _stack_group(group)
        left_out += dropped
        stacks += [stack.adding(*_split_note(group, why)) for stack in found] if why else found
    if len(stacks) > MAX_STACKS:
        stacks = [_refused_whole(frames, len(stacks))]
    return Stacked(tuple(stacks), tuple(left_out))


Group = tuple[list[Frame], tuple[str, ...]]


def _without_copies(frames: Sequence[Frame]) -> tuple[list[Frame], list[tuple[Frame, str]]]:
    """Drop second copies of one object: same SOPInstanceUID, frame number and position (careless anonymisers repeat the UID)."""
    seen: set[Hashable] = set()
    kept: list[Frame] = []
    dropped: list[tuple[Frame, str]] = []
    for frame in frames:
        uid = frame.file.header.text("SOPInstanceUID")
        key = (uid, frame.index, frame.tile, frame.position)
        if uid and key in seen:
            dropped.append((frame, "a copy of an object that is already in the series (same SOPInstanceUID)"))
        else:
            seen.add(key)
            kept.append(frame)
    return kept, dropped


def _split_by(groups: Sequence[Any], name: str, key: Callable[[Frame], Hashable]) -> list[Group]:
    result: list[Group] = []
    for group in groups:
        frames, why = group if isinstance(group, tuple) else (group, ())
        parts: dict[Hashable, list[Frame]] = defaultdict(list)
        for frame in frames:
            parts[key(frame)].append(frame)
        more = (*why, name) if len(parts) > 1 else why
        result += [(part, more) for part in parts.values()]
    return result


@lru_cache(maxsize=256)
def _rounded(spacing: tuple[float, ...] | None) -> tuple[float, ...]:
    return tuple(round(value, 4) for value in spacing or ())


def _split_by_orientation(frames: list[Frame], why: tuple[str, ...]) -> list[Group]:
    """Parallel slices together; rounding noise in the cosines does not part them."""
    parts: list[tuple[NDArray[np.float64] | None, list[Frame]]] = []
    exact: dict[Hashable, list[Frame]] = {}
    for frame in frames:
        home = exact.get(frame.orientation)
        if home is None:
            cosines = None if frame.orientation is None else np.array(frame.orientation)
            home = next((part for known, part in parts if _parallel(known, cosines)), None)
            if home is None:
                home = []
                parts.append((cosines, home))
            exact[frame.orientation] = home
        home.append(frame)
    more = (*why, "orientation") if len(parts) > 1 else why
    return [(part, more) for _, part in parts]


def _parallel(a: NDArray[np.float64] | None, b: NDArray[np.float64] | None) -> bool:
    if a is None or b is None:
        return a is b
    return bool(np.abs(a - b).max() <= SAME_DIRECTION)


def _split_by_echo(frames: list[Frame], why: tuple[str, ...]) -> list[Group]:
    """Echoes that share a series, parted at jumps of the echo time of more than SAME_TIMING."""
    times = sorted({frame.kinds["echo time"] for frame in frames if "echo time" in frame.kinds})
    jumps = [high for low, high in pairwise(times) if high - low > SAME_TIMING * max(high, 1.0)]
    return _split_by([(frames, why)], "echo time", lambda frame: int(np.searchsorted(jumps, frame.kinds.get("echo time", -1.0), "right")))


def _stack_group(frames: list[Frame]) -> tuple[list[Stack], list[tuple[Frame, str]]]:
    """Stacks of frames that are alike but for their position."""
    if any(frame.orientation is None or frame.position is None or frame.spacing is None for frame in frames):
        return [_without_geometry(frames)], []
    if not _regular(frames[0].orientation):
        return [Stack(tuple(frames), None).adding(_orientation_invalid(frames))], []
    ranked = _by_position(frames)
    repeated = max(len(place) for place in ranked)
    if repeated == 1:
        return _even_runs([place[0] for place in ranked]), []
    return _split_repeats(frames, ranked)


def _regular(orientation: tuple[float, ...] | None) -> bool:
    row, column = np.array(orientation[:3] if orientation else ()), np.array(orientation[3:] if orientation else ())
    return bool(abs(row @ row - 1) < 0.02 and abs(column @ column - 1) < 0.02 and abs(row @ column) < 0.02)


def _normal(frame: Frame) -> NDArray[np.float64]:
    """Unit normal towards the left, the back or the head, whichever axis is nearest."""
    orientation = np.array(frame.orientation)
    normal = np.cross(orientation[:3], orientation[3:])
    normal /= np.linalg.norm(normal)
    return normal if normal[np.argmax(np.abs(normal))] > 0 else -normal


def _by_position(frames: list[Frame]) -> list[list[Frame]]:
    """Frames grouped by place, places in rising order along the normal. A place is a point: parallel
    stacks that lie side by side in one plane are not the same place."""
    heights = np.array([frame.position for frame in frames]) @ _normal(frames[0])
    order = np.argsort(heights, kind="stable")
    places: list[list[Frame]] = []
    for number in order:
        frame = frames[number]
        if places and _same_place(places[-1][0], frame):
            places[-1].append(frame)
        else:
            places.append([frame])
    return places


def _same_place(one: Frame, other: Frame) -> bool:
    return all(abs(a - b) < SAME_PLACE_MM for a, b in zip(one.position or (), other.position or (), strict=True))


def _split_repeats(frames: list[Frame], places: list[list[Frame]]) -> tuple[list[Stack], list[tuple[Frame, str]]]:
    """Several images at one position: other time points, diffusion weights, ... or plain duplicates."""
    for name in KINDS:
        if len({frame.kinds.get(name) for frame in frames}) < 2:
            continue
        parts = [part for part, _ in _split_by([frames], name, lambda frame, name=name: frame.kinds.get(name))]  # type: ignore[misc]
        if all(max(map(len, _by_position(part))) == 1 for part in parts):
            stacks = [stack for part in parts for stack in _even_runs([place[0] for place in _by_position(part)])]
            return [stack.adding(*_split_note(list(stack.frames), (name,))) for stack in stacks], []
    count = len(places[0])
    orders = [frame.order for frame in frames]
    if all(len(place) == count for place in places) and None not in orders and len(set(orders)) == len(orders):
        ranked = [sorted(place, key=lambda frame: frame.order or 0) for place in places]
        stacks = [stack for repeat in range(count) for stack in _even_runs([place[repeat] for place in ranked])]
        return [stack.adding(*_split_note(list(stack.frames), ("repetition",))) for stack in stacks], []
    kept = [min(place, key=lambda frame: (frame.order is None, frame.order or 0, frame.where)) for place in places]
    dropped = [
        (frame, "a second image at the position of another, with nothing in the header to tell them apart")
        for place, one in zip(places, kept, strict=True)
        for frame in place
        if frame is not one
    ]
    return [stack.adding(_duplicates(len(dropped), kept[0])) for stack in _even_runs(kept)], dropped


def _even_runs(frames: list[Frame]) -> list[Stack]:
    """Cut sorted slices where the step changes: a missing slice must not bend the geometry."""
    if len(frames) == 1:
        return [_single(frames[0])]
    positions = np.array([frame.position for frame in frames])
    runs = _cut(positions)
    if len(runs) == 1:
        return [_run(frames, positions)]
    if len(runs) > 3 and sum(stop - start == 1 for start, stop in runs) > len(runs) / 2:
        return [Stack(tuple(frames), None).adding(_uneven(frames, positions))]
    problem = _gaps(frames, positions, runs)
    parts = [
        _single(frames[start], hint=frames) if stop - start == 1 else _run(frames[start:stop], positions[start:stop])
        for start, stop in runs
    ]
    return [part.adding(problem) for part in parts]


def _cut(positions: NDArray[np.float64]) -> list[tuple[int, int]]:
    """(start, stop) of the longest stretches with even steps, from the usual step on."""
    steps = np.diff(positions, axis=0)
    usual = (
        steps[np.argsort(np.linalg.norm(steps, axis=1))[len(steps) // 2]]
        if len(steps) != 2
        else steps[np.argmin(np.linalg.norm(steps, axis=1))]
    )
    tolerance = max(UNEVEN * float(np.linalg.norm(usual)), 2 * SAME_PLACE_MM)
    broken = np.flatnonzero(np.linalg.norm(steps - usual, axis=1) > tolerance) + 1
    edges = [0, *broken.tolist(), len(positions)]
    return list(pairwise(edges))


def _run(frames: list[Frame], positions: NDArray[np.float64]) -> Stack:
    """A stack of evenly spaced slices; the step is the mean one, so that both ends are true."""
    first = frames[0]
    step = (positions[-1] - positions[0]) / (len(frames) - 1)
    geometry = _geometry(first, step, len(frames), "positions")
    stack = Stack(tuple(frames), geometry)
    cosine = abs(float(step @ geometry.normal)) / float(np.linalg.norm(step))
    angle = float(np.degrees(np.arccos(min(cosine, 1.0))))
    return stack.adding(_sheared(first, angle)) if angle > SHEAR_DEGREES else stack


def _single(frame: Frame, hint: list[Frame] | None = None) -> Stack:
    """A stack of one slice; its step is what the header says of gap or thickness."""
    size = next((value for value in (frame.gap, frame.thickness) if value and value > 0), None)
    source = "tags" if size else "nominal"
    return Stack((frame,), _geometry(frame, _normal(frame) * (size or 1.0), 1, source))


def _geometry(frame: Frame, step: NDArray[np.float64], count: int, source: str) -> Geometry:
    assert frame.orientation is not None
    assert frame.position is not None
    assert frame.spacing is not None
    found = from_dicom(frame.orientation, frame.position, frame.spacing, step, (count, frame.rows, frame.columns))
    return Geometry(found.affine, found.shape, True, source)


def _without_geometry(frames: list[Frame]) -> Stack:
    """Slices without a place in the patient: by instance number if unique and complete, else refused."""
    missing = ", ".join(
        name
        for name, absent in (
            ("ImagePositionPatient", any(frame.position is None for frame in frames)),
            ("ImageOrientationPatient", any(frame.orientation is None for frame in frames)),
            ("PixelSpacing", any(frame.spacing is None for frame in frames)),
        )
        if absent
    )
    orders = sorted(frame.order for frame in frames if frame.order is not None)
    complete = len(orders) == len(frames) and orders == list(range(orders[0], orders[0] + len(orders))) if orders else False
    if len(frames) > 1 and not complete:
        return Stack(tuple(frames), None).adding(
            Problem(
                "geometry-missing",
                "error",
                f"A series of {len(frames)} images does not say where its slices lie.",
                frames[0].where,
                f"{missing} is absent or empty, and the instance numbers are not unique and complete.",
                "Export the series again with its geometry.",
            )
        )
    ordered = sorted(frames, key=lambda frame: frame.order or 0)
    return Stack(tuple(ordered), None).adding(
        Problem(
            "geometry-missing",
            "warning",
            "A series does not say where its slices lie, so nothing is measured in millimetres.",
            ordered[0].where,
            f"{missing} is absent or empty" + ("; the slices stand in the order of their instance numbers." if len(frames) > 1 else "."),
            "Export the series again with its geometry, or say its plane in a manifest.",
        )
    )


def _split_note(frames: list[Frame], why: tuple[str, ...]) -> tuple[Problem, ...]:
    return (
        Problem(
            "series-split",
            "note",
            f"The files of one series form several stacks that differ in {' and '.join(dict.fromkeys(why))}.",
            frames[0].where,
            "A stack is one set of parallel slices of one kind.",
            "Nothing: each stack is a series of its own.",
        ),
    )


def _refused_whole(frames: list[Frame], count: int) -> Stack:
    return Stack(tuple(frames), None).adding(
        Problem(
            "series-mixed",
            "error",
            f"The {len(frames)} images of one series form {count} stacks and are not used.",
            frames[0].where,
            f"More than {MAX_STACKS} stacks in a series are a time course, a diffusion set or a rotation, which no reader takes.",
            "Send the anatomical series.",
        )
    )


def _orientation_invalid(frames: list[Frame]) -> Problem:
    return Problem(
        "orientation-invalid",
        "error",
        "The direction cosines of a series are not those of a rectangular image.",
        frames[0].where,
        "ImageOrientationPatient must hold two perpendicular unit vectors (DICOM PS3.3 C.7.6.2.1.1).",
        "Export the series again.",
    )


def _duplicates(count: int, frame: Frame) -> Problem:
    return Problem(
        "slices-duplicated",
        "warning",
        f"{count} images lie at the position of another of the same kind and were left out.",
        frame.where,
        "Nothing in the headers tells them apart.",
        "Check the export; the images left out are listed as unused.",
    )


def _gaps(frames: list[Frame], positions: NDArray[np.float64], runs: list[tuple[int, int]]) -> Problem:
    steps = np.linalg.norm(np.diff(positions, axis=0), axis=1)
    gap = max(float(steps[start - 1]) for start, _ in runs[1:])
    return Problem(
        "slices-missing",
        "warning",
        f"The {len(frames)} slices of a series do not follow each other evenly and form {len(runs)} stacks.",
        frames[runs[0][1] - 1].where,
        f"The usual step is {np.median(steps):.2f} mm, the largest {gap:.2f} mm, beginning at this file.",
        "Check whether slices were lost on the way and send the series again.",
    )


def _uneven(frames: list[Frame], positions: NDArray[np.float64]) -> Problem:
    steps = np.linalg.norm(np.diff(positions, axis=0), axis=1)
    return Problem(
        "slices-uneven",
        "error",
        f"The {len(frames)} slices of a series are spaced too unevenly to form a volume.",
        frames[0].where,
        f"Steps run from {steps.min():.2f} to {steps.max():.2f} mm.",
        "Send the whole series, or one with even spacing.",
    )


def _sheared(frame: Frame, angle: float) -> Problem:
    return Problem(
        "stack-tilted",
        "warning",
        f"The slices of a series are shifted against each other: the stack leans by {angle:.1f} degrees.",
        frame.where,
        "The step from slice to slice is not perpendicular to the image plane; the affine keeps the lean.",
        "Nothing, if the acquisition was meant so.",
    )

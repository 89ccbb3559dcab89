"""Frames of one series -> stacks of parallel, evenly spaced slices of one kind.

What cannot form one stack is split into several, with a sentence that says why; no slice is lost in
silence.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from condyle.intake import stack as say
from condyle.intake.frame import KINDS, Frame
from condyle.intake.spacing import by_number, even_runs, places
from condyle.intake.stack import Stack
from condyle.intake.tags import TAG

SAME_DIRECTION = 2e-3  # largest difference of a direction cosine between slices called parallel
SAME_TIMING = 0.05  # echo times closer than this share belong to one echo
MAX_STACKS = 24


@dataclass(frozen=True, slots=True)
class Stacked:
    """All stacks of one series and the frames that joined none, each with the reason."""

    stacks: tuple[Stack, ...]
    left_out: tuple[tuple[Frame, str], ...] = ()


def form_stacks(frames: Sequence[Frame]) -> Stacked:
    """Form stacks from the frames of one series, in any order of the input."""
    frames, left_out = _without_copies(frames)
    groups = _split([(frames, ())], "matrix size", _matrix)
    groups = _split(groups, "frame of reference", lambda frame: frame.file.header.raw.get(_FRAME_OF_REFERENCE))
    groups = _split(groups, "pixel spacing", lambda frame: _rounded(frame.spacing))
    groups = [part for group, why in groups for part in _split([(group, why)], "orientation", _direction(group))]
    groups = _split(groups, "image type", lambda frame: frame.kinds.get("image type"))
    groups = [part for group, why in groups for part in _split([(group, why)], "echo time", _echo(group))]
    stacks: list[Stack] = []
    for group, why in groups:
        found, dropped = _stack_group(group)
        left_out += dropped
        stacks += [stack.adding(say.split_by(why, group[0])) for stack in found] if why else found
    if len(stacks) > MAX_STACKS:
        stacks = [Stack(tuple(frames), None).adding(say.too_many_stacks(frames, len(stacks), MAX_STACKS))]
    return Stacked(tuple(stacks), tuple(left_out))


Group = tuple[list[Frame], tuple[str, ...]]  # frames, and in what they differ from others of the series
Key = Callable[[Frame], Hashable]
_SOP_INSTANCE, _FRAME_OF_REFERENCE = TAG["SOPInstanceUID"], TAG["FrameOfReferenceUID"]


def _without_copies(frames: Sequence[Frame]) -> tuple[list[Frame], list[tuple[Frame, str]]]:
    """Drop second copies of one object: same SOPInstanceUID, frame number and position (careless anonymisers repeat the UID)."""
    seen: set[Hashable] = set()
    kept: list[Frame] = []
    dropped: list[tuple[Frame, str]] = []
    for frame in frames:
        uid = frame.file.header.raw.get(_SOP_INSTANCE)
        key = (uid, frame.number, frame.tile, frame.position)
        if uid and key in seen:
            dropped.append((frame, "a copy of an object that is already in the series (same SOPInstanceUID)"))
        else:
            seen.add(key)
            kept.append(frame)
    return kept, dropped


def _split(groups: Iterable[Group], name: str, key: Key) -> list[Group]:
    """Each group by a key; where it parts a group, ``name`` joins the reasons."""
    result: list[Group] = []
    for frames, why in groups:
        keys = list(map(key, frames))
        if keys.count(keys[0]) == len(keys):
            result.append((frames, why))
            continue
        parts: dict[Hashable, list[Frame]] = defaultdict(list)
        for one, frame in zip(keys, frames, strict=True):
            parts[one].append(frame)
        result += [(part, (*why, name)) for part in parts.values()]
    return result


def _matrix(frame: Frame) -> Hashable:
    layout = frame.file.layout
    return frame.rows, frame.columns, layout.bits_allocated, layout.signed


@lru_cache(maxsize=256)
def _rounded(spacing: tuple[float, ...] | None) -> tuple[float, ...]:
    return tuple(round(value, 4) for value in spacing or ())


def _direction(frames: Iterable[Frame]) -> Key:
    """Parallel slices have one key; rounding noise in the cosines does not part them."""
    homes: dict[tuple[float, ...] | None, tuple[float, ...] | None] = {}
    for orientation in dict.fromkeys(frame.orientation for frame in frames):
        homes[orientation] = next((home for home in homes.values() if _parallel(home, orientation)), orientation)
    return lambda frame: homes[frame.orientation]


def _parallel(a: tuple[float, ...] | None, b: tuple[float, ...] | None) -> bool:
    if a is None or b is None:
        return a is b
    return all(abs(one - other) <= SAME_DIRECTION for one, other in zip(a, b, strict=True))


def _echo(frames: Iterable[Frame]) -> Key:
    """Echoes that share a series are parted at jumps of the echo time of more than SAME_TIMING."""
    times = sorted({frame.kinds["echo time"] for frame in frames if "echo time" in frame.kinds})
    jumps = [high for low, high in pairwise(times) if high - low > SAME_TIMING * max(high, 1.0)]
    return lambda frame: bisect_right(jumps, frame.kinds.get("echo time", -1.0))


def _stack_group(frames: list[Frame]) -> tuple[list[Stack], list[tuple[Frame, str]]]:
    """Stacks of frames that are alike but for their position."""
    if any(frame.orientation is None or frame.position is None or frame.spacing is None for frame in frames):
        return [by_number(frames)], []
    if not _rectangular(frames[0].orientation or ()):
        return [Stack(tuple(frames), None).adding(say.orientation_invalid(frames[0]))], []
    found = places(frames)
    if len(found) == len(frames):
        return even_runs([place[0] for place in found]), []
    return _split_repeats(frames, found)


def _rectangular(orientation: tuple[float, ...]) -> bool:
    """Whether the six cosines are two perpendicular unit vectors."""
    a, b, c, d, e, f = orientation
    return abs(a * a + b * b + c * c - 1) < 0.02 and abs(d * d + e * e + f * f - 1) < 0.02 and abs(a * d + b * e + c * f) < 0.02


def _split_repeats(frames: list[Frame], found: list[list[Frame]]) -> tuple[list[Stack], list[tuple[Frame, str]]]:
    """Several images at one position: other time points, diffusion weights, ... or plain duplicates."""
    for name in KINDS:
        parts = [part for part, why in _split([(frames, ())], name, lambda frame, name=name: frame.kinds.get(name)) if why]  # type: ignore[misc]
        ranked = [places(part) for part in parts]
        if ranked and all(len(place) == 1 for part in ranked for place in part):
            return [
                stack.adding(say.split_by((name,), stack.frames[0])) for part in ranked for stack in even_runs([place[0] for place in part])
            ], []
    if len(found) == 1 and len(frames) > 2:  # two images at one place may be two repetitions of one slice
        return [Stack(tuple(frames), None).adding(say.at_one_place(frames))], []
    count = len(found[0])
    orders = [frame.order for frame in frames]
    if all(len(place) == count for place in found) and None not in orders and len(set(orders)) == len(orders):
        in_turn = [sorted(place, key=lambda frame: frame.order or 0) for place in found]
        stacks = [stack for repeat in range(count) for stack in even_runs([place[repeat] for place in in_turn])]
        return [stack.adding(say.split_by(("repetition",), stack.frames[0])) for stack in stacks], []
    kept = [min(place, key=lambda frame: (frame.order is None, frame.order or 0, frame.where)) for place in found]
    dropped = [
        (frame, "a second image at the position of another, with nothing in the header to tell them apart")
        for place, one in zip(found, kept, strict=True)
        for frame in place
        if frame is not one
    ]
    return [stack.adding(say.duplicated(len(dropped), kept[0])) for stack in even_runs(kept)], dropped

"""From a study to stacks: series chosen for the inputs, decoded, and cut. Training and reading both come this way."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from condyle.errors import InputError
from condyle.intake import load_volume
from condyle.readers.multiplane.choose import choose
from condyle.readers.multiplane.locate import Place, only_near
from condyle.readers.multiplane.stack import Stack, StackSpec, cut_stack
from condyle.readers.spec import SlotSpec
from condyle.study import Problem, Series, Study, Volume

Locate = Callable[[Mapping[str, Volume], str], Place]


@dataclass(slots=True)
class Seen:
    """What was seen of a study.

    Parameters
    ----------
    stacks, series : by slot; volumes : by series_id
    left : series_id -> why it fills no input
    """

    stacks: dict[str, Stack] = field(default_factory=dict)
    series: dict[str, Series] = field(default_factory=dict)
    volumes: dict[str, Volume] = field(default_factory=dict)
    left: dict[str, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    side: str = ""
    place: Place = field(default_factory=Place)


def see(study: Study, slots: Mapping[str, SlotSpec], spec: StackSpec, locate: Locate | None = None) -> Seen:
    """Choose, decode and cut the series of a study.

    Parameters
    ----------
    locate : finds the joint in the decoded volumes (by slot) of one side; None takes the middle of each series

    Returns
    -------
    Seen. Inputs for which nothing can be decoded are missing from it, each with its reason.
    """
    seen = decode(study, slots)
    cut(seen, slots, spec, locate)
    return seen


def decode(study: Study, slots: Mapping[str, SlotSpec]) -> Seen:
    """Choose and decode the series of a study; nothing is cut yet."""
    candidates, left = choose(study, slots)
    seen = Seen(left=left)
    for slot, found in candidates.items():
        for one in found:
            if one.series_id in {own.series_id for own in seen.series.values()}:
                continue
            if slot in seen.series:
                left.setdefault(one.series_id, f"Another series was preferred as {slot}.")
            elif (volume := _decoded(one, seen)) is not None:
                seen.series[slot], seen.volumes[one.series_id] = one, volume
    for own in seen.series.values():
        left.pop(own.series_id, None)
    seen.side = side_of(tuple(seen.series.values()))
    return seen


def cut(seen: Seen, slots: Mapping[str, SlotSpec], spec: StackSpec, locate: Locate | None = None) -> None:
    """Find the joint in what was decoded, and cut a stack for every slot."""
    volumes = {slot: seen.volumes[one.series_id] for slot, one in seen.series.items()}
    if locate is not None and volumes:
        seen.place = locate(volumes, seen.side)
    for slot, volume in volumes.items():
        centre = _inside(seen.place, volume)
        stack = cut_stack(volume, slots[slot].plane, spec, centre_mm=centre, side=seen.side, whole=seen.place.whole)
        seen.stacks[slot] = only_near(stack, seen.place.near) if seen.place.near and volume.geometry.calibrated else stack


def side_of(series: tuple[Series, ...]) -> str:
    """'left', 'right', or '' when the series do not tell or contradict each other."""
    told = {str(one.role.side.value) for one in series if one.role.side.value is not None and one.role.side.confidence >= 0.5}
    return told.pop() if len(told) == 1 and told <= {"left", "right"} else ""


def arrays(seen: Seen, slots: Mapping[str, SlotSpec], spec: StackSpec) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """([slot, slice, row, column], [slot, slice] shown) of all inputs, black where there is none."""
    pixels = np.zeros((len(slots), spec.slices, spec.pixels, spec.pixels), np.uint8)
    shown = np.zeros((len(slots), spec.slices), bool)
    for number, slot in enumerate(slots):
        if slot in seen.stacks:
            pixels[number], shown[number] = seen.stacks[slot].pixels, seen.stacks[slot].shown
    return pixels, shown


def _decoded(one: Series, seen: Seen) -> Volume | None:
    try:
        volume = load_volume(one)
    except InputError as error:
        seen.left[one.series_id] = " ".join(part for part in (error.what, error.why) if part)
        place = error.where or f"series {one.series_id}"
        seen.problems.append(Problem(error.code, "error", error.what, place, error.why, error.what_to_do))
        return None
    return volume


def _inside(place: Place, volume: Volume) -> tuple[float, float, float] | None:
    """The place, unless the series does not hold it: then its own middle."""
    if place.centre_mm is None:
        return None
    index = volume.geometry.to_index(place.centre_mm)
    inside = bool((index > -0.5).all() and (index < np.array(volume.shape) - 0.5).all())
    return place.centre_mm if inside else None

"""From stacks to logits and class maps: one pass over the stacks, one over the places that drew attention.

The network comes in two parts, so that slices that are not there cost nothing: an *encoder* of slices, and a *reader* of
the features of all slices of all inputs. Whether torch or an ONNX engine runs them makes no difference here: training
checks its package through this same function.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from condyle.readers.multiplane.aolm import Attended, Span, attend, pixel_spans

Floats = NDArray[np.float32]
MAP_CELL = 4  # pixels of the stack in one cell of a class map


class Member(Protocol):
    """One network of an ensemble; ``columns`` are the findings of the package that it speaks of."""

    @property
    def columns(self) -> tuple[int, ...]: ...

    @property
    def grid(self) -> tuple[int, int] | None:
        """Rows and columns of the features that ``read`` takes; None takes any."""

    @property
    def stacks(self) -> bool:
        """Whether ``encode`` takes the whole stack of an input, zeros where no slice is shown, as the network was trained on it."""

    def encode(self, slot: str, grey: Floats) -> tuple[Floats, Floats]:
        """[slice, row, column] -> (features [slice', channel, h, w] of the last block, the sum over channels of the block before,
        [slice', h, w])."""

    def read(self, features: Floats, shown: Floats) -> Mapping[str, Floats]:
        """[slot, slice', channel, h, w], [slot, slice'] 0 or 1 -> 'logits' [finding], 'planes' [slot, finding], and
        'maps' [finding, slot, slice', h, w], what each cell adds to the logit; a network that tells none has no class maps."""


@dataclass(frozen=True, slots=True)
class Attention:
    """How attention object localisation is used.

    Parameters
    ----------
    dimensions : 2, a box on each slice; 3, one box through the slices of an input
    smallest, margin : of ``aolm.attend``
    answer : 'mean' of the logits of the whole and of the object, or the 'object' alone
    """

    use: bool = True
    dimensions: Literal[2, 3] = 2
    smallest: int = 3
    margin: int = 0
    answer: Literal["mean", "object"] = "mean"


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """What an ensemble says about one study.

    Parameters
    ----------
    logits : [finding] float64, before calibration; planes : [slot, finding], NaN where the input is not there
    maps : [finding, slot, slice, row, column], cells of ``MAP_CELL`` pixels; None when a network tells none
    curve : [finding, slot, slice] share of each slice in the positive evidence of its input; None without maps
    boxes : slot -> boxes of the first member, one a shown slice (or one in all); empty without attention
    stride : pixels a cell of the boxes' grid
    """

    logits: NDArray[np.float64]
    planes: NDArray[np.float64]
    maps: Floats | None
    curve: Floats | None
    boxes: Mapping[str, tuple[Attended, ...]]
    stride: int


def answer(
    members: Sequence[Member], slots: Sequence[str], grey: Floats, shown: NDArray[np.bool_], attention: Attention, findings: int
) -> Answer:
    """Read one study.

    Parameters
    ----------
    slots : inputs in the order of training; findings : how many the package has, each spoken of by at least one member
    grey : [slot, slice, row, column] of ``as_input``; shown : [slot, slice]

    Raises
    ------
    ValueError - no slice of any input is shown
    """
    if not shown.any():
        raise ValueError("there is nothing to read")
    parts = [_member(member, slots, grey, shown, attention) for member in members]
    columns = [member.columns for member in members]
    logits, planes = _averaged([part.logits for part in parts], columns, findings), [part.planes.T for part in parts]
    maps = None
    if all(part.maps is not None for part in parts):
        maps = np.asarray(_averaged([part.maps for part in parts], columns, findings), np.float32)  # type: ignore[misc]
    curve = None if maps is None else slice_curve(maps)
    return Answer(logits, _averaged(planes, columns, findings).T, maps, curve, parts[0].boxes, parts[0].stride)


def _averaged(parts: Sequence[NDArray[Any]], columns: Sequence[tuple[int, ...]], findings: int) -> NDArray[np.float64]:
    """[finding, ...] mean over the members that speak of each finding; their rows stand in the order of their columns."""
    if len(parts) == 1 and len(columns[0]) == findings:  # its maps need no adding up
        return np.asarray(parts[0])[np.argsort(columns[0])]
    total = np.zeros((findings, *parts[0].shape[1:]))
    counts = np.zeros(findings)
    for part, own in zip(parts, columns, strict=True):
        total[list(own)] += part
        counts[list(own)] += 1
    return total / counts.reshape(-1, *(1 for _ in parts[0].shape[1:]))


def slice_curve(maps: Floats) -> Floats:
    """[finding, slot, slice] share of each slice in the positive part of the map of its input; 0 where there is none."""
    positive = maps.clip(0).sum(axis=(3, 4))
    return np.asarray(positive / np.maximum(positive.sum(axis=2, keepdims=True), 1e-12), np.float32)


def _member(member: Member, slots: Sequence[str], grey: Floats, shown: NDArray[np.bool_], attention: Attention) -> Answer:
    whole, features = _pass(member, slots, grey, shown)
    size = grey.shape[-1]
    maps = _enlarged(_on_slices(member, slots, whole, features, shown), size, None)
    if not attention.use:
        return _answer(whole, shown, maps, {}, features.stride(size))
    boxes = find_objects(slots, features, shown, attention)
    crops, kept, spans = cut_objects(slots, grey, shown, boxes, attention, features.stride(size))
    objects, inside = _pass(member, slots, crops, kept)
    inner = _enlarged(_on_slices(member, slots, objects, inside, kept), size, spans)
    share = 1.0 if attention.answer == "object" else 0.5
    mixed = {name: (1 - share) * whole[name] + share * objects[name] for name in ("logits", "planes")}
    both = None if maps is None or inner is None else (1 - share) * maps + share * inner
    return _answer(mixed, shown, both, boxes, features.stride(size))


def _answer(
    found: Mapping[str, Floats], shown: NDArray[np.bool_], maps: Floats | None, boxes: Mapping[str, Any], stride: int
) -> Answer:
    there = np.asarray(shown.any(axis=1))
    planes = np.where(there[:, None], found["planes"], np.nan)
    return Answer(found["logits"].astype(np.float64), planes.astype(np.float64), maps, None, boxes, stride)


@dataclass(frozen=True, slots=True, eq=False)
class Features:
    """Features of every slot that has slices: ``late`` summed over channels and ``before``, [slice', h, w]."""

    late: Mapping[str, Floats]
    before: Mapping[str, Floats]

    def stride(self, size: int) -> int:
        """Pixels a cell of the grid."""
        return int(size // next(iter(self.late.values())).shape[-1])


def _pass(member: Member, slots: Sequence[str], grey: Floats, shown: NDArray[np.bool_]) -> tuple[Mapping[str, Floats], Features]:
    late: dict[str, Floats] = {}
    before: dict[str, Floats] = {}
    stacked: dict[str, Floats] = {}
    for number, slot in enumerate(slots):
        there = np.flatnonzero(shown[number])
        if len(there):
            features, earlier = member.encode(slot, np.ascontiguousarray(grey[number] if member.stacks else grey[number, there]))
            stacked[slot], late[slot], before[slot] = features, np.abs(features).sum(axis=1), earlier
    whole, mask = scattered(slots, stacked, shown, member.grid, stacks=member.stacks)
    return member.read(whole, mask), Features(late, before)


def scattered(
    slots: Sequence[str], stacked: Mapping[str, Floats], shown: NDArray[np.bool_], grid: tuple[int, ...] | None = None, *,
    stacks: bool = False,
) -> tuple[Floats, Floats]:  # fmt: skip
    """Features of the shown slices on the grid of all slices: ([slot, slice', channel, h, w], [slot, slice'] 0 or 1).

    An encoder of single slices gives one row of features a slice; one of whole ``stacks`` gives fewer, which fill the first places.
    """
    grid = grid or max(one.shape[-2:] for one in stacked.values())
    channels = next(iter(stacked.values())).shape[1]
    out = np.zeros((len(slots), shown.shape[1], channels, *grid), np.float32)
    mask = np.zeros(shown.shape, np.float32)
    for number, slot in enumerate(slots):
        if slot in stacked:
            own = _on_grid(stacked[slot], grid)
            places = np.arange(len(own)) if stacks else np.flatnonzero(shown[number])
            out[number, places] = own
            mask[number, places] = 1
    return out, mask


def _on_grid(features: Floats, grid: tuple[int, ...]) -> Floats:
    """Features of a coarser backbone on the grid of the finest one; the mean of each channel, by which they are read, stays."""
    import cv2

    if features.shape[-2:] == grid:
        return features
    planes = np.ascontiguousarray(features).reshape(-1, *features.shape[-2:])
    resized = [cv2.resize(one, (grid[1], grid[0]), interpolation=cv2.INTER_LINEAR) for one in planes]
    fine = np.stack(resized).reshape(*features.shape[:2], *grid)
    return np.asarray(fine + features.mean(axis=(2, 3), keepdims=True) - fine.mean(axis=(2, 3), keepdims=True), np.float32)


def find_objects(
    slots: Sequence[str], features: Features, shown: NDArray[np.bool_], attention: Attention
) -> dict[str, tuple[Attended, ...]]:
    """Boxes of every slot that has slices: one a shown slice, or one in all."""
    boxes: dict[str, tuple[Attended, ...]] = {}
    for slot in slots:
        if slot not in features.late:
            continue
        late, before = features.late[slot], features.before[slot]
        if attention.dimensions == 3:
            boxes[slot] = (attend(late, before, smallest=attention.smallest, margin=attention.margin),)
        else:
            boxes[slot] = tuple(
                attend(one, other, smallest=attention.smallest, margin=attention.margin) for one, other in zip(late, before, strict=True)
            )
    return boxes


def cut_objects(
    slots: Sequence[str], grey: Floats, shown: NDArray[np.bool_], boxes: Mapping[str, tuple[Attended, ...]], attention: Attention,
    stride: int,
) -> tuple[Floats, NDArray[np.bool_], dict[tuple[int, int], tuple[Span, Span]]]:  # fmt: skip
    """The boxes at the size of the whole.

    Returns
    -------
    (grey, shown - a box through the slices leaves out those beyond it, (slot, slice) -> rows and columns of the box in pixels)
    """
    crops, kept = np.zeros_like(grey), np.zeros_like(shown)
    spans: dict[tuple[int, int], tuple[Span, Span]] = {}
    for number, slot in enumerate(slots):
        places = np.flatnonzero(shown[number]).tolist()
        for at, place in enumerate(places):
            box = boxes[slot][0 if attention.dimensions == 3 else at]
            if attention.dimensions == 3 and not box.spans[0][0] <= at < box.spans[0][1]:
                continue
            rows, columns = pixel_spans(box, (stride,) * len(box.spans))[-2:]
            spans[number, place] = rows, columns
            crops[number, place] = enlarge(grey[number, place], rows, columns)
            kept[number, place] = True
    return crops, kept, spans


def enlarge(grey: Floats, rows: Span, columns: Span) -> Floats:
    """A box of a slice at the slice's own size, bilinear, the outermost pixel centres on each other."""
    import cv2

    height, width = grey.shape
    if rows == (0, height) and columns == (0, width):
        return grey
    down, across = (rows[1] - 1 - rows[0]) / (height - 1), (columns[1] - 1 - columns[0]) / (width - 1)
    matrix = np.array([[across, 0.0, columns[0]], [0.0, down, rows[0]]])
    return np.asarray(cv2.warpAffine(grey, matrix, (width, height), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP))


def _on_slices(
    member: Member, slots: Sequence[str], told: Mapping[str, Floats], features: Features, shown: NDArray[np.bool_]
) -> Floats | None:
    """Class maps by slice. Where an encoder of whole stacks has one row of features for several slices, each of them that is shown gets an
    even part; what a row adds none of whose slices is shown is left out."""
    maps = told.get("maps")
    if maps is None or not member.stacks:
        return maps
    out = np.zeros_like(maps)
    slices = np.arange(shown.shape[1])
    for number, slot in enumerate(slots):
        depth = len(features.late.get(slot, ()))
        row = slices * depth // len(slices)
        for place in range(depth):
            own = np.flatnonzero(shown[number] & (row == place))
            if len(own):
                out[:, number, own] = maps[:, number, place, None] / len(own)
    return out


def _enlarged(maps: Floats | None, size: int, spans: Mapping[tuple[int, int], tuple[Span, Span]] | None) -> Floats | None:
    """Class maps on cells of ``MAP_CELL`` pixels of the whole; each keeps its sum, up to interpolation at the border. With ``spans``
    they lie in their boxes."""
    import cv2

    if maps is None:
        return None
    cells = size // MAP_CELL
    findings, slots, slices = maps.shape[:3]
    out = np.zeros((findings, slots, slices, cells, cells), np.float32)
    for slot in range(slots):
        for place in range(slices):
            if spans is not None and (slot, place) not in spans:
                continue
            rows, columns = ((0, size), (0, size)) if spans is None else spans[slot, place]
            r, c = ((first // MAP_CELL, -(-end // MAP_CELL)) for first, end in (rows, columns))
            planes = np.ascontiguousarray(maps[:, slot, place].transpose(1, 2, 0))
            if planes.any():
                shape = (r[1] - r[0], c[1] - c[0], findings)
                fine = cv2.resize(planes, (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR).reshape(shape)
                out[:, slot, place, r[0] : r[1], c[0] : c[1]] = fine.transpose(2, 0, 1) * (planes[..., 0].size / fine[..., 0].size)
    return out

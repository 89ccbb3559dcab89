"""From what the ensemble says to the findings, evidence and key images of a reading."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from condyle.anatomy import joint as catalogue
from condyle.readers.decide import MARKED, decide
from condyle.readers.grades import findings_of, grade_of, step_of, steps_of
from condyle.readers.multiplane.aolm import Attended, pixel_spans
from condyle.readers.multiplane.network import MAP_CELL, Answer
from condyle.readers.multiplane.stack import Stack
from condyle.readers.spec import ThresholdSpec
from condyle.study import Evidence, Finding, Geometry, KeyImage, Series, Site


def site_of(name: str) -> tuple[str, Site]:
    """'meniscal_tear' or 'meniscal_tear/medial' -> (finding, site)."""
    finding, _, place = name.partition("/")
    return finding, Site(compartment=place)


def marked(names: Sequence[str], scores: NDArray[np.float64], thresholds: Mapping[str, ThresholdSpec], joint: str) -> list[str]:
    """Outputs that evidence is shown for: findings that are present or uncertain, and the step from which a grade is abnormal where
    the grade reaches it."""
    found = []
    for name, own in findings_of(names).items():
        scale = catalogue(joint).finding(site_of(name)[0]).scale
        if scale is None:
            found += [name] if decide(float(scores[own[0]]), thresholds[name]) in MARKED else []
        elif scale.marked_from is not None and grade_of(scores[own][None], scale.steps[0])[0] >= scale.marked_from:
            found.append(names[own[scale.steps.index(scale.marked_from) - 1]])
    return found


def state(
    names: Sequence[str], scores: NDArray[np.float64], thresholds: Mapping[str, ThresholdSpec], joint: str,
    evidence: Mapping[str, Sequence[str]],
) -> list[Finding]:  # fmt: skip
    """Every finding with its score and decision, or its grade.

    Parameters
    ----------
    names, scores : outputs of the package, in one order
    evidence : name -> ids
    """
    found = []
    for name, own in findings_of(names).items():
        finding, site = site_of(name)
        scale, ids = catalogue(joint).finding(finding).scale, tuple(evidence.get(name, ()))
        if scale is None:
            score, threshold = float(scores[own[0]]), thresholds[name]
            decision = decide(score, threshold)
            found.append(Finding(finding, site, "binary", decision, score, threshold=threshold.value, evidence=ids))  # type: ignore[arg-type]
            continue
        at_least = scores[own]
        score = float(at_least[scale.steps.index(scale.marked_from or scale.steps[1]) - 1])
        grade, shares = int(grade_of(at_least[None], scale.steps[0])[0]), tuple(map(float, steps_of(at_least[None])[0]))
        found.append(Finding(finding, site, "ordinal", "present", score, grade, shares, evidence=ids))
    return found


def evidence_of(
    names: Sequence[str], marked: Sequence[str], told: Answer, slots: Sequence[str], stacks: Mapping[str, Stack],
    series: Mapping[str, Series], joint: str,
) -> tuple[list[Evidence], dict[str, list[str]], dict[str, list[int]]]:  # fmt: skip
    """Class maps, boxes of attention and slice curves of the marked findings, in every plane.

    Parameters
    ----------
    marked : outputs of findings that are present or uncertain; a map of what is absent would show nothing and look like something

    Returns
    -------
    (evidence, name -> ids, slot -> places in the stack that a key image should show)
    """
    evidence: list[Evidence] = []
    ids: dict[str, list[str]] = {}
    shown: dict[str, list[int]] = {slot: [] for slot in stacks}
    if told.maps is None or told.curve is None:
        return evidence, ids, shown
    slices = {slot: _own_slices(stack, series[slot]) for slot, stack in stacks.items()}
    middles = {slot: np.array([_middle(stack, one) for one in np.flatnonzero(stack.shown).tolist()]) for slot, stack in stacks.items()}
    for column in marked:
        at, name = list(names).index(column), step_of(column)[0]
        title = catalogue(joint).finding(site_of(name)[0]).title
        for number, slot in enumerate(slots):
            if slot not in stacks:
                continue
            curve, stack = told.curve[at, number], stacks[slot]
            if not curve.any():
                continue
            # The slice of the strongest cell: a map of it is on the scale of all slices of its series (fault G23).
            key, ident = int(told.maps[at, number].max(axis=(1, 2)).argmax()), f"{slot}-{name.replace('/', '-')}"
            own, places = slices[slot], np.flatnonzero(stack.shown)
            image = np.asarray(told.maps[at, number, key].clip(0), np.float32)
            name_of = series[slot].series_id
            evidence += [
                Evidence(f"{ident}-map", "class_map", name_of, own[key], _patch(stack, key, image.shape), image, title),
                Evidence(f"{ident}-slices", "slice_curve", name_of, own[key], middles[slot], np.asarray(curve[places][None]), title),
            ]
            ids.setdefault(name, []).extend((f"{ident}-map", f"{ident}-slices"))
            if key not in shown[slot]:
                shown[slot].append(key)
    for slot, keys in shown.items():
        for key in keys:
            if (box := _box(told.boxes.get(slot, ()), stacks[slot], key)) is not None:
                where, own = _corners(stacks[slot], key, box, told.stride), slices[slot]
                ident = f"{slot}-{key}-attention"
                evidence.append(Evidence(ident, "box", series[slot].series_id, own[key], where, label="area of attention"))
    return evidence, ids, shown


def key_images(
    slots: Sequence[str], stacks: Mapping[str, Stack], series: Mapping[str, Series], shown: Mapping[str, Sequence[int]]
) -> list[KeyImage]:
    """A picture of every slice that holds marked evidence, and the middle slice of a plane without any."""
    images = []
    for slot in slots:
        if slot not in stacks:
            continue
        stack = stacks[slot]
        places = np.flatnonzero(stack.shown)
        own = _own_slices(stack, series[slot])
        for key in sorted(shown.get(slot, ())) or [int(places[len(places) // 2])]:
            count = series[slot].geometry.shape[0] if series[slot].geometry is not None else len(places)  # type: ignore[union-attr]
            title = f"{slot.replace('_', ' ').capitalize()}, slice {own[key] + 1} of {count}"
            images.append(KeyImage(series[slot].series_id, own[key], *_upright(stack, key), title))
    return images


def _upright(stack: Stack, key: int) -> tuple[NDArray[np.uint8], Geometry]:
    """The slice as a radiologist hangs it: what was mirrored for the network is turned back."""
    pixels, affine = stack.picture[key], np.array(stack.geometry.affine)
    affine[:3, 3] = stack.to_world(key, [[0, 0]])[0]
    if affine[0, 2] < 0 and abs(affine[0, 2]) == np.abs(affine[:3, 2]).max():  # columns run to the patient's right
        affine[:3, 3] += affine[:3, 2] * (pixels.shape[1] - 1)
        affine[:3, 2] *= -1
        pixels = np.ascontiguousarray(pixels[:, ::-1])
    own = stack.geometry
    return pixels, Geometry(affine, (1, *pixels.shape), own.calibrated, own.spacing_source)


def _own_slices(stack: Stack, series: Series) -> dict[int, int]:
    """Place in the stack -> slice of the series' own array."""
    out = {}
    for place in np.flatnonzero(stack.shown).tolist():
        if series.geometry is None or not series.geometry.calibrated:
            out[place] = int(stack.index[place])
        else:
            index = float(series.geometry.to_index(_middle(stack, place))[0])
            out[place] = int(np.clip(round(index), 0, series.geometry.shape[0] - 1))
    return out


def _middle(stack: Stack, place: int) -> NDArray[np.float64]:
    """(3,) LPS mm of the middle of a shown slice."""
    return np.asarray(stack.to_world(place, [[(n - 1) / 2 for n in stack.geometry.shape[1:]]])[0], np.float64)


def _patch(stack: Stack, key: int, shape: tuple[int, ...]) -> NDArray[np.float64]:
    rows, columns = (n * MAP_CELL - 0.5 for n in shape)
    return stack.to_world(key, [[-0.5, -0.5], [-0.5, columns], [rows, columns], [rows, -0.5]])


def _box(boxes: Sequence[Attended], stack: Stack, key: int) -> Attended | None:
    """The box on one shown slice; None where it is the whole map or leaves the slice out."""
    if not boxes:
        return None
    at = int(stack.shown[:key].sum())
    box = boxes[0] if len(boxes[0].spans) == 3 else boxes[at]
    inside = len(box.spans) == 2 or box.spans[0][0] <= at < box.spans[0][1]
    return box if inside and not box.fallback else None


def _corners(stack: Stack, key: int, box: Attended, stride: int) -> NDArray[np.float64]:
    (top, bottom), (left, right) = pixel_spans(box, (stride,) * len(box.spans))[-2:]
    a, b, c, d = top - 0.5, bottom - 0.5, left - 0.5, right - 0.5
    return stack.to_world(key, [[a, c], [a, d], [b, d], [b, c]])

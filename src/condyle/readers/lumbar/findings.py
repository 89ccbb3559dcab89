"""From what was seen, graded and measured to the findings, evidence and key images of a reading."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial

import cv2
import numpy as np
from numpy.typing import NDArray

from condyle.anatomy.lumbar import LEVELS, LUMBAR
from condyle.readers.decide import MARKED, decide
from condyle.readers.lumbar.crops import CropSpec, picture_to_crop
from condyle.readers.lumbar.discs import CANAL, VERTEBRA, Disc
from condyle.readers.lumbar.graded import Graded
from condyle.readers.lumbar.measure import LEVEL_MEASURES, SPINE_MEASURES, Measured
from condyle.readers.lumbar.view import View
from condyle.readers.spec import ThresholdSpec
from condyle.study import Evidence, Finding, KeyImage, Site

LUMBAR_LEVELS = LEVELS[:5]  # spoken of even when they were not found
NOT_FOUND = "The level was not found on the pictures."
MODIC_TYPE = "The package tells whether there is a Modic change, not its type: types 1 and 3 are too rare in its training data."


def graded_findings(
    graded: Iterable[Graded], thresholds: Mapping[str, ThresholdSpec], evidence: Mapping[tuple[str, str], Sequence[str]]
) -> list[Finding]:
    """Findings of the grader.

    Parameters
    ----------
    evidence : (level, finding) -> ids; under (level, '') those that support every finding of the level
    """
    findings = []
    for one in graded:
        kind = LUMBAR.finding(one.finding).kind
        threshold = thresholds.get(one.finding)
        ids = (*evidence.get((one.level, ""), ()), *evidence.get((one.level, one.finding), ()))
        if one.reason:
            findings.append(Finding(one.finding, Site(one.level), kind, "not_assessed", reason=one.reason))  # type: ignore[arg-type]
            continue
        if kind == "ordinal":  # given whatever it is; a package without a band for it doubts none
            decision = "uncertain" if _in_doubt(one, thresholds) else "present"
        else:
            decision = "present" if one.score is None else decide(one.score, thresholds[one.finding])
        value = None if threshold is None else threshold.value
        findings.append(
            Finding(one.finding, Site(one.level), kind, decision, one.score, one.grade, one.probabilities, threshold=value, evidence=ids)  # type: ignore[arg-type]
        )
    return findings


def measured_findings(views: Mapping[str, View], names: Sequence[str]) -> tuple[list[Finding], list[Evidence]]:
    """Measurements of every level and of the whole spine, each from the first view that gives it, and the lines that were measured."""
    findings: list[Finding] = []
    lines: list[Evidence] = []
    for name in names:
        for finding, measure in LEVEL_MEASURES.items():
            seen = {slot: partial(measure, view, name) for slot, view in views.items() if name in view.levels.by_name}
            _add_measured(finding, Site(name), seen, views, findings, lines)
    for finding, of_spine in SPINE_MEASURES.items():
        _add_measured(finding, Site(), {slot: partial(of_spine, view) for slot, view in views.items()}, views, findings, lines)
    return findings, lines


def _add_measured(
    finding: str, site: Site, measures: Mapping[str, Callable[[], Measured]], views: Mapping[str, View],
    findings: list[Finding], lines: list[Evidence],
) -> None:  # fmt: skip
    slot, found = _first(measures)
    if found.value is None:
        findings.append(Finding(finding, site, "measurement", "not_assessed", reason=found.reason))
        return
    ids: tuple[str, ...] = ()
    if found.line:
        picture = views[slot].picture
        ids = (f"{slot}-{site.level}-{finding}",)
        points = picture.to_world(np.array(found.line))
        lines.append(Evidence(ids[0], "line", picture.series_id, picture.slice_index, points, label=LUMBAR.finding(finding).title))
    value = round(found.value, 2 if not found.unit else 1)
    findings.append(Finding(finding, site, "measurement", "present", value=value, unit=found.unit, evidence=ids, note=found.note))


def _first(measures: Mapping[str, Callable[[], Measured]]) -> tuple[str, Measured]:
    reasons = []
    for slot, measure in measures.items():
        found = measure()
        if found.value is not None:
            return slot, found
        reasons.append(found.reason)
    return "", Measured(None, reasons[0] if reasons else NOT_FOUND)


def unread_findings(names: Sequence[str], findings: Sequence[str]) -> list[Finding]:
    """Not assessed: lumbar levels that were not found, and the type of Modic changes."""
    missing = [name for name in LUMBAR_LEVELS if name not in names]
    every = [*findings, *(name for name in LEVEL_MEASURES if name not in findings)]
    absent = [_unread(finding, name, NOT_FOUND) for name in missing for finding in every]
    return absent + [_unread("modic_type", name, MODIC_TYPE) for name in names]


def _unread(finding: str, level: str, reason: str) -> Finding:
    return Finding(finding, Site(level), LUMBAR.finding(finding).kind, "not_assessed", reason=reason)  # type: ignore[arg-type]


def outlines(slot: str, view: View) -> tuple[list[Evidence], dict[tuple[str, str], list[str]]]:
    """Outlines of discs, vertebrae and canal on one picture, in patient space; and the ids of the discs' by level."""
    picture = view.picture
    evidence: list[Evidence] = []
    by_level: dict[tuple[str, str], list[str]] = {}

    def add(ident: str, points: NDArray[np.float64], label: str) -> None:
        evidence.append(Evidence(ident, "outline", picture.series_id, picture.slice_index, picture.to_world(points), label=label))

    for name, disc in view.levels.by_name.items():
        ident = f"{slot}-{name}-disc"
        add(ident, _simplified(disc.outline), f"disc {name}" if disc.probability > 0 else f"place of the disc {name}")
        by_level[name, ""] = [ident]
    for number, points in enumerate(_contours(view, VERTEBRA, near=view.levels.discs)):
        add(f"{slot}-vertebra-{number}", points, "vertebra")
    for number, points in enumerate(_contours(view, CANAL, near=())[:1]):
        add(f"{slot}-canal-{number}", points, "spinal canal")
    return evidence, by_level


def marked(graded: Graded, thresholds: Mapping[str, ThresholdSpec]) -> bool:
    """Whether a finding is there or in doubt: what is absent has no map, for a map of nothing looks like something."""
    if graded.reason:
        return False
    scale = LUMBAR.finding(graded.finding).scale
    if scale is not None:
        high = scale.marked_from is not None and graded.grade is not None and graded.grade >= scale.marked_from
        return high or _in_doubt(graded, thresholds)
    return graded.score is not None and decide(graded.score, thresholds[graded.finding]) in MARKED


def _in_doubt(graded: Graded, thresholds: Mapping[str, ThresholdSpec]) -> bool:
    threshold = thresholds.get(graded.finding)
    return threshold is not None and graded.score is not None and decide(graded.score, threshold) == "uncertain"


def class_map(
    level: str, finding: str, maps: NDArray[np.float32], slots: Sequence[str], views: Mapping[str, View], spec: CropSpec
) -> Evidence | None:
    """The map of a finding on the picture on which it is strongest, as a patch of that picture's plane; None when none is above 0.

    Parameters
    ----------
    maps : [slot, row, column] of the crop's grid, in logits; what is below 0 speaks against the finding and is not drawn
    """
    slot = int(np.argmax(maps.max(axis=(1, 2))))
    if maps[slot].max() <= 0:
        return None
    view = views[slots[slot]]
    corners = np.array([[-0.5, -0.5], [spec.columns - 0.5, -0.5], [spec.columns - 0.5, spec.rows - 0.5], [-0.5, spec.rows - 0.5]])
    back = cv2.invertAffineTransform(picture_to_crop(view.frames[level], spec))
    patch = view.picture.to_world((corners @ back[:, :2].T + back[:, 2])[:, ::-1])
    ident, label = f"{slots[slot]}-{level}-{finding}-map", f"{LUMBAR.finding(finding).title} {level}"
    image = np.asarray(maps[slot].clip(0), np.float32)
    return Evidence(ident, "class_map", view.picture.series_id, view.picture.slice_index, patch, image, label)


def key_image(view: View, title: str) -> KeyImage:
    """The picture in 8 bits: black and white at the 1st percentile and just above the spine's brightest parts."""
    picture = view.picture
    spine = view.tissue.max(axis=0) > 0.5
    top = float(np.percentile(picture.pixels[spine], 99.5)) if spine.any() else 1.0
    grey = np.clip(picture.pixels / max(top, 1e-3), 0, 1) * 255
    return KeyImage(picture.series_id, picture.slice_index, np.rint(grey).astype(np.uint8), picture.geometry, title)


def _contours(view: View, kind: int, near: Sequence[Disc]) -> list[NDArray[np.float64]]:
    """Outer contours of a structure, the largest first; specks, and islands far from all discs, are left out."""
    mask = (view.tissue[kind] > 0.5).astype(np.uint8)
    found, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    smallest = (0.25 * view.levels.width) ** 2
    large = [contour for contour in sorted(found, key=cv2.contourArea, reverse=True) if cv2.contourArea(contour) > smallest]
    kept = [contour[:, 0, ::-1].astype(np.float64) for contour in large]
    if not near:
        return [_simplified(points) for points in kept]
    centres = np.array([disc.centre for disc in near])
    return [_simplified(points) for points in kept if np.hypot(*(centres[:, None] - points[None]).T).min() < 1.0 * view.levels.width]


def _simplified(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Fewer vertices, nowhere further than half a pixel from the contour."""
    if len(points) < 8:
        return points
    return np.asarray(cv2.approxPolyDP(points.astype(np.float32)[:, None], 0.6, True)[:, 0], np.float64)

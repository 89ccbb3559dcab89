"""Key images with what was found on them, as SVG: outlines, names, class maps, a window for each site.

Everything is projected from patient space (LPS mm) onto the picture it belongs to, so that an outline
made on one grid lies right on another.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from condyle.anatomy import Joint
from condyle.report.inline_png import data_uri
from condyle.report.sites import site_title
from condyle.report.statements import MARKED, WEIGHTS, Weight, weight
from condyle.study import Evidence, Finding, KeyImage, Reading

_VISIBLE_FROM = 0.15  # of the scale; below this a map is clear, so that the picture stays readable


@dataclass(frozen=True, slots=True)
class Shape:
    """An outline, box or line in picture units."""

    path: str
    kind: str  # 'outline', 'box' or 'line'
    weight: str  # a Weight, or '' when no finding speaks of it
    title: str
    site: str


@dataclass(frozen=True, slots=True)
class Name:
    """The name of a site beside its outline."""

    text: str
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Map:
    """A class map: its coloured picture and the matrix that lays the unit square on the key image.

    ``strength`` is the highest value of the finding in this series beside that of the series where it is highest.
    """

    finding: str
    site: str
    href: str
    matrix: str
    strength: float


@dataclass(frozen=True, slots=True)
class Window:
    """The part of a picture that shows one site: x, y, width, height."""

    site: str
    box: tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Picture:
    """A key image with everything that can be drawn on it. Units are pixels of its finer axis."""

    ident: str
    title: str
    href: str
    width: float
    height: float
    shapes: tuple[Shape, ...]
    names: tuple[Name, ...]
    maps: tuple[Map, ...]
    windows: tuple[Window, ...]
    bar: float  # length of 50 mm, 0 when millimetres are unknown


def pictures(reading: Reading, joint: Joint) -> tuple[Picture, ...]:
    """Every key image of the reading, ready to draw."""
    spoken = _findings_by_evidence(reading)
    tops = _map_scales(reading, spoken)
    return tuple(_picture(number, image, reading, joint, spoken, tops) for number, image in enumerate(reading.key_images))


def mapped_findings(all_pictures: Sequence[Picture]) -> tuple[str, ...]:
    """Names of the findings that have a map somewhere."""
    return tuple(dict.fromkeys(one.finding for picture in all_pictures for one in picture.maps))


def colour_map(values: NDArray[np.float32], top: float) -> NDArray[np.uint8]:
    """[row, column, BGRA]: colour-blind-safe plasma, clear at 0 and three quarters opaque at ``top``."""
    import cv2

    share = np.clip(np.asarray(values, np.float64) / top, 0, 1)
    colours = cv2.applyColorMap(np.rint(share * 255).astype(np.uint8), cv2.COLORMAP_PLASMA).reshape(*share.shape, 3)
    alpha = np.clip((share - _VISIBLE_FROM) / (1 - _VISIBLE_FROM), 0, 1) ** 0.6 * 0.75
    return np.dstack([colours, np.rint(alpha * 255).astype(np.uint8)])


def legend() -> str:
    """The colours of the maps from 0 to the top of the scale, as a data URI."""
    return data_uri(colour_map(np.linspace(0, 1, 128, dtype=np.float32)[None], 1.0))


def _picture(
    number: int, image: KeyImage, reading: Reading, joint: Joint, spoken: Mapping[str, list[Finding]], tops: Mapping[tuple[str, str], float]
) -> Picture:
    rows, columns = image.pixels.shape
    _, row_mm, column_mm = image.geometry.spacing
    unit = min(row_mm, column_mm)
    scale = np.array([column_mm, row_mm]) / unit
    width, height = columns * float(scale[0]), rows * float(scale[1])
    shapes: list[Shape] = []
    maps: list[Map] = []
    boxes: dict[str, list[NDArray[np.float64]]] = {}
    for evidence in reading.evidence:
        if not _belongs(evidence, image):
            continue
        xy = (image.geometry.to_index(evidence.points)[:, [2, 1]] + 0.5) * scale
        findings = spoken.get(evidence.evidence_id, [])
        if evidence.kind == "class_map":
            maps += _maps(evidence, xy, findings, joint, tops)
        elif evidence.kind in ("outline", "box", "line"):
            site = site_title(findings[0].site, joint) if findings else ""
            path = _path(xy, closed=evidence.kind != "line")
            shapes.append(Shape(path, evidence.kind, _worst(findings, joint), _label(evidence, site), site))
            if site and evidence.kind != "line":
                boxes.setdefault(site, []).append(xy)
    extents = {site: (np.concatenate(parts).min(0), np.concatenate(parts).max(0)) for site, parts in boxes.items()}
    return Picture(
        ident=f"picture-{number}",
        title=image.title,
        href=data_uri(image.pixels),
        width=round(width, 1),
        height=round(height, 1),
        shapes=tuple(shapes),
        names=tuple(_name(site, low, high, width) for site, (low, high) in extents.items()),
        maps=tuple(maps),
        windows=tuple(Window(site, _window(low, high, width, height)) for site, (low, high) in extents.items()),
        bar=round(50 / unit, 1) if image.geometry.calibrated else 0.0,
    )


def _name(site: str, low: NDArray[np.float64], high: NDArray[np.float64], width: float) -> Name:
    """Left of the outline: in front of the spine there is nothing that a name would hide."""
    return Name(site, round(float(low[0]) - 0.012 * width, 1), round(float(low[1] + high[1]) / 2, 1))


def _belongs(evidence: Evidence, image: KeyImage) -> bool:
    """Of the same series and in the plane of the picture, to half a slice."""
    if evidence.series_id != image.series_id or len(evidence.points) == 0:
        return False
    if evidence.slice_index == image.slice_index:
        return True
    off_plane = np.abs(image.geometry.to_index(evidence.points)[:, 0])
    return bool(off_plane.max() <= 0.5)


def _findings_by_evidence(reading: Reading) -> dict[str, list[Finding]]:
    spoken: dict[str, list[Finding]] = {}
    for finding in reading.findings:
        for evidence_id in finding.evidence:
            spoken.setdefault(evidence_id, []).append(finding)
    return spoken


def _map_scales(reading: Reading, spoken: Mapping[str, list[Finding]]) -> dict[tuple[str, str], float]:
    """One scale a series and finding: what is shown at two sites can be compared, and a plane that says little shows where, too."""
    tops: dict[tuple[str, str], float] = {}
    for evidence in reading.evidence:
        if evidence.kind == "class_map" and evidence.image is not None:
            for finding in spoken.get(evidence.evidence_id, []):
                own = evidence.series_id, finding.finding
                tops[own] = max(tops.get(own, 0.0), float(evidence.image.max()))
    return tops


def _maps(
    evidence: Evidence, xy: NDArray[np.float64], findings: Sequence[Finding], joint: Joint, tops: Mapping[tuple[str, str], float]
) -> list[Map]:
    if evidence.image is None or len(xy) != 4:
        return []
    corner, right, down = xy[0], xy[1] - xy[0], xy[3] - xy[0]
    matrix = " ".join(f"{value:.3f}" for value in (*right, *down, *corner))
    maps = []
    for finding in findings:
        top = tops[evidence.series_id, finding.finding]
        # Only where the finding is there or in doubt: a normalised map of nothing looks like something.
        if weight(finding, joint) in MARKED and top > 0:
            href = data_uri(colour_map(evidence.image, top))
            strongest = max(own for (_, name), own in tops.items() if name == finding.finding)
            maps.append(Map(finding.finding, site_title(finding.site, joint), href, f"matrix({matrix})", top / strongest))
    return maps


def _worst(findings: Sequence[Finding], joint: Joint) -> str:
    weights: list[Weight] = [weight(finding, joint) for finding in findings]
    return min(weights, key=WEIGHTS.index, default="")


def _label(evidence: Evidence, site: str) -> str:
    return evidence.label if site in evidence.label else f"{site} {evidence.label}".strip()


def _path(xy: NDArray[np.float64], *, closed: bool) -> str:
    points = "L".join(f"{x:.1f} {y:.1f}" for x, y in xy)
    return f"M{points}{'Z' if closed else ''}"


def _window(low: NDArray[np.float64], high: NDArray[np.float64], width: float, height: float) -> tuple[float, float, float, float]:
    """A 4 : 3 window around a site, 2.2 times its size, kept inside the picture where it fits."""
    wide = min(max(2.2 * float(high[0] - low[0]), 4 / 3 * 2.2 * float(high[1] - low[1])), width, height * 4 / 3)
    tall = wide * 3 / 4
    x = min(max(float(low[0] + high[0] - wide) / 2, 0.0), width - wide)
    y = min(max(float(low[1] + high[1] - tall) / 2, 0.0), height - tall)
    return round(x, 1), round(y, 1), round(wide, 1), round(tall, 1)

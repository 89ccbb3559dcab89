"""Vertebral bodies, sacral bodies and discs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from condyle.simulate.canvas import Canvas, Window
from condyle.simulate.lumbar.findings import LevelFindings
from condyle.simulate.lumbar.parts import Body, Disc, Plate, Spine, along
from condyle.simulate.study import stream
from condyle.simulate.surfaces import Floats, NoiseField, blend, coverage, superellipse
from condyle.simulate.tissues import TISSUES, Tissue

_CORTEX, _WALL = 0.80, 0.45  # mm: end plate with its cartilage, side walls


@dataclass(frozen=True, slots=True)
class Textures:
    """Random fields shared by all slices and series of a study."""

    coarse: NoiseField
    fine: NoiseField
    disc: NoiseField
    edge: NoiseField


def textures(seed: int) -> Textures:
    rng = stream(seed, "textures")
    return Textures(
        NoiseField(rng, (11, 9, 8), 2), NoiseField(rng, (4.5, 2.0, 2.6)), NoiseField(rng, (8, 2.6, 1.5)), NoiseField(rng, (8, 7, 7))
    )  # fmt: skip


def corners(body: Body, margin: float = 5.0) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Eight corners of a box around the body."""
    return np.array(
        [
            plate.world(side * (plate.half_width + margin), back * (plate.half_depth + margin), head * margin)
            for plate, head in ((body.lower, -1), (body.upper, 1))
            for side in (-1, 1)
            for back in (-1, 1)
        ]
    )


def draw_body(canvas: Canvas, body: Body, spine: Spine, texture: Textures, modic: tuple[int, int]) -> None:
    """One body with shell, marrow, vein and marrow changes beside the discs below and above (``modic``)."""
    window = canvas.window(corners(body))
    if window is None:
        return
    points = canvas.at(window)
    rough = 0.25 * canvas.field(texture.edge, window)
    inside, ends = body_distance(body, points)
    inside = inside + rough
    canvas.paint(window, coverage(inside, canvas.pixel), "bone", label=body.code or None)
    # The walls are thinner than the end plates.
    marrow = coverage(np.maximum(inside + np.float32(_WALL), ends + rough + np.float32(_CORTEX)), canvas.pixel)
    fat, gain = _marrow(canvas, window, spine, texture)
    if not body.lumbar and body.code == 0:
        fat = np.clip(fat + 0.05, 0, 0.95)
    canvas.paint(window, marrow, "marrow", fat=fat, gain=gain)
    for plate, kind, sign in ((body.lower, modic[0], 1.0), (body.upper, modic[1], -1.0)):
        if kind:
            _marrow_change(canvas, window, plate, kind, sign, marrow, texture)
    if body.code:
        _basivertebral_vein(canvas, body, marrow, window)


def body_distance(body: Body, points: Floats) -> tuple[Floats, Floats]:
    """Signed distances (mm, roughly) to the surface of a body, and to its end plates alone."""
    _, _, v_low = (low := body.lower.local(points))
    _, _, v_up = (up := body.upper.local(points))
    w, u = (low[0] + up[0]) / 2, (low[1] + up[1]) / 2
    bottom = body.lower.recess(low[0], low[1]) - v_low
    top = v_up + body.upper.recess(up[0], up[1])
    # 0 at the lower, 1 at the upper plate: the waist of the body, and its half axes in between.
    part = np.clip(v_low / np.maximum(v_low - v_up, np.float32(1.0)), 0, 1)
    waist = np.float32(0.075 if body.code else 0.03) * body.half_depth * 4 * part * (1 - part)
    deep = body.lower.half_depth + part * np.float32(body.upper.half_depth - body.lower.half_depth) - waist
    wide = body.lower.half_width + part * np.float32(body.upper.half_width - body.lower.half_width) - waist
    hollow_back = np.float32(0.06 * body.half_depth) * (1 - (w / wide) ** 2).clip(0)  # kidney shape: the back wall is concave
    side = superellipse(u + 0.5 * hollow_back, w, deep - 0.5 * hollow_back, wide, 2.6)
    # A rounded intersection: minus the union of the complements.
    return -blend(blend(-side, -top, 2.0), -bottom, 2.0), np.maximum(top, bottom)


def _marrow(canvas: Canvas, window: Window, spine: Spine, texture: Textures) -> tuple[Floats, Floats]:
    coarse, fine = canvas.field(texture.coarse, window), canvas.field(texture.fine, window)
    fat = np.clip(spine.person.marrow_fat + 0.05 * coarse + 0.032 * fine + 0.006 * np.maximum(fine, 0) ** 2, 0.02, 0.95)
    return fat, 1 + 0.03 * fine


def _marrow_change(
    canvas: Canvas, window: Window, plate: Plate, kind: int, sign: float, marrow: Floats, texture: Textures
) -> None:
    """Modic type 1 (oedema), 2 (fat) or 3 (sclerosis), a band with an uneven front."""
    _, u, v = plate.local(canvas.at(window))
    deep = 7.0 + 1.6 * canvas.field(texture.edge, window) + 2.0 * np.cos(u / np.float32(plate.half_depth) * 2.2)
    band = coverage(np.float32(sign) * v - deep, 4.5) * marrow
    if kind == 1:
        canvas.paint(window, 0.85 * band, "oedema", fat=0.08)
    elif kind == 2:
        canvas.paint(window, 0.80 * band, "marrow", fat=0.85)
    else:
        canvas.paint(window, 0.75 * band, "bone", fat=0.08)


def _basivertebral_vein(canvas: Canvas, body: Body, marrow: Floats, window: Window) -> None:
    """The cleft in the middle of the back wall, wide behind and narrow in front."""
    points = canvas.at(window)
    w, u, v = body.local(points)
    depth = (u - np.float32(0.30 * body.half_depth)) / np.float32(0.70 * body.half_depth)
    thick = 0.4 + 1.9 * np.clip(depth, 0, 1.2) ** 1.5
    cleft = np.maximum(np.maximum(np.abs(v) - thick, np.float32(0.25 * body.half_depth) - u), np.abs(w) - 5.0)
    cover = coverage(cleft, 1.4) * np.clip(depth * 2.5 + 0.2, 0, 1)
    canvas.paint(window, 0.9 * cover * (marrow > 0.02), "oedema", fat=0.25)


def draw_disc(canvas: Canvas, disc: Disc, spine: Spine, texture: Textures) -> None:
    """One disc: outer annulus, annulus, nucleus with cleft, by grade; bulge."""
    reach = 6.0 + disc.findings.bulge
    below, above = disc.below, disc.above
    signs = [(side, back) for side in (-1, 1) for back in (-1, 1)]
    box = np.array(
        [p.world(s * (p.half_width + reach), b * (p.half_depth + reach), h) for p, h in ((below, -3), (above, 3)) for s, b in signs]
    )
    window = canvas.window(box)
    if window is None:
        return
    points = canvas.at(window)
    grain = canvas.field(texture.disc, window)
    inside, rim, height, (w, u) = _disc_distance(disc, points)
    inside = inside + 0.15 * grain
    cover = coverage(inside, canvas.pixel)
    canvas.paint(window, cover, "annulus_outer", label=disc.code or None)
    tissue, look = disc_tissue(disc.findings), disc.findings.pfirrmann
    # Annulus: from the outer fibres inwards it brightens.
    inner = np.clip((-rim - 0.8) / 4.5, 0, 1)
    canvas.paint(window, cover * inner, "annulus_outer", other="annulus", mix=inner, gain=np.clip(1 + 0.16 * grain, 0.4, 1.6))
    deep, wide = (below.half_depth + above.half_depth) / 2, (below.half_width + above.half_width) / 2
    radius = superellipse(u - np.float32(0.06 * deep), w, 0.70 * deep, 0.72 * wide, 2.6) / np.float32(0.70 * deep) + 1
    shape = (np.abs(radius) ** 2.6 + np.abs(height) ** 5) ** np.float32(1 / 2.6)
    soft = (0.16, 0.20, 0.36, 0.5, 0.5)[look - 1]
    nucleus = np.clip((1.0 - shape) / soft + 0.35, 0, 1)
    band = (0.06, 0.45, 0.38, 0.25, 0.1)[look - 1] * np.exp(-((height / 0.22) ** 2)) * np.clip(1.15 - np.abs(radius), 0, 1)
    mix = np.clip((band * (1 + 0.35 * grain)) + (0.02, 0.04, 0.10, 0.12, 0.12)[look - 1] * grain, 0, 1)
    canvas.paint(window, cover * nucleus, tissue, other="annulus", mix=mix, gain=np.clip(1 + 0.05 * grain, 0.5, 1.5))
    if look >= 5:
        # Gas or calcium in a collapsed disc.
        vacuum = coverage(np.abs(height) - 0.35 + 0.35 * grain, 0.3) * np.clip(1.3 - np.abs(radius), 0, 1)
        canvas.paint(window, 0.5 * cover * vacuum, "gas")


def disc_tissue(findings: LevelFindings) -> Tissue:
    """Nucleus by Pfirrmann grade: water is lost evenly over grades 1 to 4; grade 5 is no darker than 4."""
    wear = (0.0, 0.30, 0.68, 0.93, 1.0)[findings.pfirrmann - 1]
    return TISSUES["nucleus"].mixed(TISSUES["nucleus_degenerated"], wear)


def _disc_distance(disc: Disc, points: Floats) -> tuple[Floats, Floats, Floats, tuple[Floats, Floats]]:
    """(distance to the disc, distance to its rim alone, place between the plates -1 to 1, (left, back) in the disc)."""
    below, above = disc.below, disc.above
    wb, ub, vb = below.local(points)
    wa, ua, va = above.local(points)
    lower = vb + below.recess(wb, ub)  # mm above the surface of the body below
    upper = above.recess(wa, ua) - va
    height = (lower - upper) / np.maximum(lower + upper, np.float32(0.5))
    # With a slip the disc shears: its outline moves from that of the lower plate to that of the upper one.
    part = np.clip(0.5 + 0.5 * height, 0, 1)
    u, w = ub + part * (ua - ub), wb + part * (wa - wb)
    deep = np.float32(below.half_depth) + part * np.float32(above.half_depth - below.half_depth)
    wide = np.float32(below.half_width) + part * np.float32(above.half_width - below.half_width)
    # The free edge is convex; a bulge makes it more so.
    swell = np.float32(disc.findings.bulge + (0.5 if disc.code else -1.5)) * (1 - height**2).clip(0) - np.float32(0.3)
    kidney = np.float32(0.05 * below.half_depth * (0.3 if disc.findings.bulge > 1.5 else 1.0)) * (1 - (w / wide) ** 2).clip(0)
    rim = superellipse(u + 0.5 * kidney, w, deep + swell - 0.5 * kidney, wide + swell, 2.6)
    return np.maximum(np.maximum(-lower, -upper), rim), rim, height, (w, u)


def draw_herniation(canvas: Canvas, disc: Disc) -> None:
    """Disc material beyond the back edge: a broad dome (protrusion) or a drop on a neck, sunk behind the body below (extrusion)."""
    planted = disc.findings
    if not planted.herniation:
        return
    found = herniation(canvas, disc)
    if found is None:
        return
    window, distance, behind = found
    # The dark line of outer annulus, ligament and dura goes around it on the side of the canal only.
    canvas.paint(window, coverage(np.maximum(distance - 0.7, 0.8 - behind), canvas.pixel), "ligament", label=0)
    canvas.paint(window, coverage(distance, canvas.pixel), disc_tissue(planted).mixed(TISSUES["annulus"], 0.45), label=disc.code)


def herniation(canvas: Canvas, disc: Disc) -> tuple[Window, Floats, Floats] | None:
    """Window, distance to the displaced disc material, and mm behind the back edge; None when out of the slice."""
    planted = disc.findings
    size, left = planted.herniation_size, planted.herniation_side
    axes = disc.axes
    lower, upper = disc.corners()
    edge = (lower + upper) / 2 + left * axes[0]
    window = canvas.window(edge + np.array([[a, b, c] for a in (-9, 9) for b in (-8, size + 3) for c in (-16, 16)]) @ axes)
    if window is None:
        return None
    points = canvas.at(window)
    w, u, v = along(axes, [points[n] - np.float32(edge[n]) for n in range(3)])
    gap = max(float(np.linalg.norm(upper - lower)), 3.0)
    if planted.herniation == "protrusion":
        dome = _drop(w, u + 1.5, v, 7.5, size + 1.5, gap * 0.55 + 0.5)
        return window, dome, u
    neck = _drop(w, u + 2.0, v, 5.0, size * 0.75 + 2.0, gap * 0.42)
    drop = _drop(w, u - size * 0.42, v + size * 0.75, 5.5, size * 0.55, size * 0.95)
    return window, blend(neck, drop, 2.0), u


def _drop(w: Floats, u: Floats, v: Floats, wide: float, deep: float, tall: float) -> Floats:
    return np.asarray((np.sqrt((w / wide) ** 2 + (u / deep) ** 2 + (v / tall) ** 2) - 1) * np.float32(min(wide, deep, tall)))

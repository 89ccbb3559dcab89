"""Where everything of one lumbar spine lies: end plates, vertebrae, discs, sacrum, canal, skin.

The spine is stacked from the sacrum upwards in the sagittal plane (LPS: +y to the back, +z to the head), each disc and each
body turning it by its own wedge angle: that makes the lordosis. A lateral curve bends it sideways afterwards. Numbering counts
from the sacrum, as the level names do everywhere in Condyle.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from condyle.anatomy.lumbar import LEVELS
from condyle.simulate.lumbar.findings import LevelFindings
from condyle.simulate.lumbar.parts import Body, Disc, Plate, Spine
from condyle.simulate.lumbar.person import Person
from condyle.simulate.study import stream

# Mean adult dimensions in mm and degrees from the bottom up (L5 ... T8), rounded from anatomy texts and matched by eye to pictures.
_DEPTH = (35.0, 35.0, 34.5, 33.5, 32.0, 30.5, 29.5, 28.5, 28.0, 27.5)
_WIDTH = (52.0, 49.0, 46.5, 44.5, 42.5, 40.0, 37.0, 34.0, 32.0, 31.0)
_HEIGHT = (27.0, 28.0, 28.5, 28.0, 27.0, 25.5, 24.0, 23.0, 22.5, 22.0)
_WEDGE = (8.0, 2.5, 0.0, -1.5, -2.5, -3.5, -4.0, -4.0, -4.0, -4.0)  # positive: taller in front
_DISC_HEIGHT = (9.5, 11.2, 10.6, 9.6, 8.2, 6.8, 5.6, 5.0, 4.6, 4.4, 4.4)
_DISC_WEDGE = (14.0, 11.0, 8.5, 7.0, 5.0, 2.0, 0.5, 0.0, 0.0, 0.0, 0.0)
VERTEBRAE = ("L5", "L4", "L3", "L2", "L1", "T12", "T11", "T10", "T9", "T8")
# Sacral bodies S1 ... S5: height, depth at the top, turn to the next (degrees), gap below.
_SACRAL = ((29.0, 33.0, 1.0, 2.6), (25.0, 23.0, 4.0, 1.6), (21.0, 17.5, 12.0, 1.0), (18.0, 14.0, 20.0, 0.8), (16.0, 11.5, 18.0, 0.8))
# A lumbarised S1 is square, with a whole disc below it (types 3 and 4 of O'Driscoll et al., Skeletal Radiol 1996;25:225-230).
_LUMBARISED = ((28.5, 33.0, -2.0, 7.5), (26.0, 31.0, 6.0, 2.0), *_SACRAL[2:])
# A sacralised L5: its lower plate and disc in parts of the usual.
_TAPER, _REMNANT = 0.78, 0.33


def _axes(angle: float) -> NDArray[np.float64]:
    """Axes of a plate whose front is tilted down by ``angle`` degrees."""
    a = np.radians(angle)
    return np.array([[1.0, 0.0, 0.0], [0.0, np.cos(a), np.sin(a)], [0.0, -np.sin(a), np.cos(a)]])


def lay_out(seed: int, who: Person, findings: Mapping[str, LevelFindings]) -> Spine:
    """Stack one spine. The upper plate of S1 lies at the origin."""
    rng = stream(seed, "layout")
    k = who.size
    spread = {"height": 0.03, "depth": 0.02, "wedge": 1.3, "disc": 0.06, "disc_wedge": 1.5, "hollow": 0.3}
    jitter = {name: rng.normal(0, sd, 12) for name, sd in spread.items()}
    spots = rng.uniform(-1, 1, (12, 4))
    sacralised = who.transition == "sacralised"
    top = Plate(np.zeros(3), _axes(who.sacral_slope), 17.0 * k * (_TAPER if sacralised else 1.0), 26.0 * k, 1.0 * k)
    sacrum, sacral_discs = _sacrum(top, k, jitter["wedge"], _LUMBARISED if who.transition == "lumbarised" else _SACRAL)
    lowest = findings.get(LEVELS[0], LevelFindings())
    sacrum[0] = replace(sacrum[0], upper=_dented(top, lowest.lower_endplate, spots[0, :2]))
    bodies: list[Body] = []
    discs: list[Disc] = []
    angle = who.sacral_slope
    # A sixth lumbar vertebra repeats L5's neighbour in shape, four leave one out: shapes are counted from the anatomical top.
    shapes = _shapes(who.lumbar_count)
    turns, wedges = _turns(who, findings, shapes, jitter)
    for n, name in enumerate(VERTEBRAE):
        shape = shapes[n]
        level = LEVELS[n]
        planted = findings.get(level, LevelFindings())
        half_depth = _DEPTH[shape] * k * (1 + jitter["depth"][n]) / 2
        half_width = _WIDTH[shape] * k / 2
        wear = np.clip(planted.height, 0.25, 1.1)
        taper = 1.0
        if sacralised and n == 0:
            wear, taper = _REMNANT, _TAPER
        below = _dented(top, planted.lower_endplate, spots[n, :2])
        hollow = (1.9 + jitter["hollow"][n]) * k * (0.35 + 0.65 * wear)
        height = _DISC_HEIGHT[n] * k * (1 + jitter["disc"][n]) * wear
        rim = max(height - 0.62 * (hollow + top.hollow), 1.6)
        # The back edges must not cross.
        turn = min(turns[n], float(np.degrees(2 * np.arcsin(min((rim - 0.9) / (2 * half_depth), 0.9)))))
        if sacralised and n == 0:
            turns[1] += turns[0] - turn  # the promontory is then that of L5
        middle, angle = _axes(angle - turn / 2), angle - turn
        axes = _axes(angle)
        behind = rim - half_depth * 2 * np.sin(np.radians(turn) / 2)
        corner = below.world(0, below.half_depth, 0) + behind * middle[2] - planted.slip * middle[1]
        lower = Plate(corner - taper * half_depth * axes[1], axes, taper * half_depth, half_width, hollow * taper, 0.18)
        lower = _dented(lower, planted.upper_endplate, spots[n, 2:])
        discs.append(Disc(level, 201 + n, below, lower, planted))
        tall = _HEIGHT[shape] * k * (1 + jitter["height"][n])
        wedge = wedges[n]
        middle, angle = _axes(angle - wedge / 2), angle - wedge
        axes = _axes(angle)
        upper_depth = half_depth * 0.985
        corner = lower.world(0, lower.half_depth, 0) + (tall - half_depth * 2 * np.sin(np.radians(wedge) / 2)) * middle[2]
        next_level = findings.get(LEVELS[n + 1], LevelFindings())
        shallow = (1.2 + 0.5 * jitter["hollow"][n + 1]) * k * (0.4 + 0.6 * np.clip(next_level.height, 0.25, 1))
        top = Plate(corner - upper_depth * axes[1], axes, upper_depth, half_width * 0.97, shallow)
        bodies.append(Body(name, 1 + n, lower, _dented(top, next_level.lower_endplate, spots[n + 1, :2]), name.startswith("L")))
    return _bend(_finish(who, bodies, sacrum, discs, sacral_discs), who)


def _turns(
    who: Person, findings: Mapping[str, LevelFindings], shapes: list[int], jitter: Mapping[str, NDArray[np.float64]]
) -> tuple[list[float], list[float]]:
    """Wedge angles of discs and of bodies in degrees, bottom up, so that the lumbar ones add up to the lordosis."""
    n = who.lumbar_count
    wear = [0.3 + 0.7 * float(np.clip(findings.get(level, LevelFindings()).height, 0.25, 1.1)) for level in LEVELS]
    discs = [(_DISC_WEDGE[m] + jitter["disc_wedge"][m]) * wear[m] for m in range(len(VERTEBRAE))]
    wedges = [_WEDGE[shape] + 0.6 * jitter["wedge"][m] for m, shape in enumerate(shapes)]
    lacking = (who.lordosis - sum(discs[:n]) - sum(wedges[:n])) / (2 * n)
    return [one + lacking * (m < n) for m, one in enumerate(discs)], [one + lacking * (m < n) for m, one in enumerate(wedges)]


def _shapes(lumbar_count: int) -> list[int]:
    """Which row of the tables each vertebra takes, counted from the sacrum."""
    order = {4: [0, 2, 3, 4, 5, 6, 7, 8, 9, 9], 5: list(range(10)), 6: [0, 1, 1, 2, 3, 4, 5, 6, 7, 8]}
    return order[lumbar_count]


def _dented(plate: Plate, depth: float, spot: NDArray[np.float64]) -> Plate:
    """The plate with a Schmorl node of that depth near the middle slices."""
    if depth <= 0:
        return plate
    dent = (4.0 * float(spot[0]), (0.1 + 0.35 * float(spot[1])) * plate.half_depth, depth, 3.6 + 0.45 * depth)
    return Plate(plate.origin, plate.axes, plate.half_depth, plate.half_width, plate.hollow, plate.apex, (*plate.defects, dent))


def _sacrum(
    top: Plate, k: float, jitter: NDArray[np.float64], shape: tuple[tuple[float, float, float, float], ...]
) -> tuple[list[Body], list[Disc]]:
    """S1 to S5 downwards from the upper plate of S1."""
    bodies: list[Body] = []
    discs: list[Disc] = []
    upper = top
    angle = float(np.degrees(np.arctan2(top.axes[1, 2], top.axes[1, 1])))
    for n, (height, _, turn, gap) in enumerate(shape):
        next_depth = shape[n + 1][1] if n + 1 < len(shape) else 8.0
        bend = turn + 0.8 * jitter[-1 - n]
        middle, angle = _axes(angle - bend / 2), angle - bend
        # Sacral bodies taper towards the front: the back wall stays a line, the front recedes.
        half = next_depth * k / 2 * 1.05
        corner = upper.world(0, upper.half_depth, 0) - height * k * middle[2]
        lower = Plate(corner - half * _axes(angle)[1], _axes(angle), half, upper.half_width * 0.82, 0.0)
        bodies.append(Body(f"S{n + 1}", 0, lower, upper, False))
        upper = Plate(lower.origin - gap * k * lower.axes[2], lower.axes, half, lower.half_width, 0.0)
        discs.append(Disc(f"S{n + 1}-S{n + 2}", 0, upper, lower, LevelFindings(pfirrmann=3)))
    return bodies, discs


def _finish(who: Person, bodies: list[Body], sacrum: list[Body], discs: list[Disc], sacral_discs: list[Disc]) -> Spine:
    """Thread the dural sac behind the bodies, from head to foot."""
    k = who.size
    half = dict(zip(VERTEBRAE, (5.4, 5.7, 6.0, 6.3, 6.7, 7.0, 6.6, 6.2, 6.0, 6.0), strict=True))
    fat = dict(zip(VERTEBRAE, (3.2, 2.0, 1.6, 1.4, 1.2, 1.0, 1.0, 1.0, 1.0, 1.0), strict=True))
    rows: list[tuple[float, float, float]] = []  # y, z, half depth
    for body in reversed(bodies):
        for plate, at_lower in ((body.upper, False), (body.lower, True)):
            r = half[body.name] * k * who.canal
            gap = (fat[body.name] + (1.2 if at_lower and body.name == "L5" else 0.0)) * k
            y, z = plate.world(0, plate.half_depth + gap + r, 0)[1:]
            rows.append((y, z, r))
    for n, (body, r, gap) in enumerate(zip(sacrum, (5.2, 4.0, 0.9, 0.6, 0.5), (5.0, 4.4, 4.2, 3.5, 3.0), strict=True)):
        for plate in (body.upper, body.lower):
            width = (r if plate is body.upper else (4.0, 0.9, 0.6, 0.5, 0.4)[n]) * k * who.canal
            y, z = plate.world(0, plate.half_depth + gap * k + r * k, 0)[1:]
            rows.append((y, z, width))
    course = np.array(rows)
    course = course[np.argsort(-course[:, 1])]
    steps = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(course[:, :2], axis=0).T))])
    fine = np.arange(0, steps[-1], 1.0)
    from scipy.ndimage import gaussian_filter1d

    smooth = np.stack([gaussian_filter1d(np.interp(fine, steps, course[:, n]), 6.0, mode="nearest") for n in range(3)], 1)
    first = smooth[0, :2] + (smooth[0, :2] - smooth[5, :2]) / 5 * np.arange(60, 0, -1)[:, None]  # straight on above the top
    canal = np.vstack([first, smooth[:, :2]])
    sac = np.concatenate([np.full(60, smooth[0, 2]), smooth[:, 2]])
    # Anatomical L1-L2 holds the conus, whatever the count of lumbar vertebrae.
    tip = bodies[who.lumbar_count - 1]
    conus = float(tip.lower.origin[2]) + 10.0 * np.sin(7.3 * who.age)
    straight = np.array([[0.0, 1.0], [0.0, 0.0]])
    return Spine(who, tuple(bodies), tuple(sacrum), tuple(discs), tuple(sacral_discs), canal, sac, straight, conus)


def _bend(spine: Spine, who: Person) -> Spine:
    """Bend sideways: every plate moves along the lateral curve and tilts with it."""
    z = np.arange(-140.0, 420.0, 4.0)
    # A thoracolumbar curve: its end-to-end turn is the angle given, its height about 190 mm.
    span = 190.0
    amplitude = np.radians(who.scoliosis) / (2 * 2 * np.pi / span)
    grow = np.clip((z + 20) / 60, 0, 1)
    x = amplitude * np.sin(2 * np.pi * (z - 10) / (2 * span)) * grow * 1.6
    lateral = np.array([z, x])
    lateral_slope = np.gradient(x, z)

    def plate(one: Plate) -> Plate:
        height = one.origin[2]
        slope = float(np.interp(height, z, lateral_slope))
        origin = one.origin + np.array([float(np.interp(height, z, x)), 0, 0])
        head = one.axes[2] + np.array([slope * one.axes[2][2], 0, 0])
        head /= np.linalg.norm(head)
        back = one.axes[1] - (one.axes[1] @ head) * head
        back /= np.linalg.norm(back)
        return replace(one, origin=origin, axes=np.array([np.cross(back, head), back, head]))

    done: dict[int, Plate] = {}

    def once(one: Plate) -> Plate:
        return done.setdefault(id(one), plate(one))

    bodies = tuple(Body(b.name, b.code, once(b.lower), once(b.upper), b.lumbar) for b in spine.bodies)
    sacrum = tuple(Body(b.name, b.code, once(b.lower), once(b.upper), b.lumbar) for b in spine.sacrum)
    discs = tuple(Disc(d.level, d.code, once(d.below), once(d.above), d.findings) for d in spine.discs)
    sacral = tuple(Disc(d.level, d.code, once(d.below), once(d.above), d.findings) for d in spine.sacral_discs)
    return Spine(who, bodies, sacrum, discs, sacral, spine.canal, spine.sac, lateral, spine.conus, spine.notes)

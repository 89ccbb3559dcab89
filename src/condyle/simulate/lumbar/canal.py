"""The spinal canal: epidural fat, dural sac with CSF, cord and cauda equina, ligaments along it."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from condyle.simulate.canvas import Canvas, Window
from condyle.simulate.lumbar.coordinates import CanalCoordinates, per_step
from condyle.simulate.lumbar.parts import Spine
from condyle.simulate.study import stream
from condyle.simulate.surfaces import Floats, capsule, coverage, superellipse

CODE = 100


def draw_canal(canvas: Canvas, spine: Spine, coordinates: CanalCoordinates, seed: int) -> None:
    """Epidural fat, sac, cord and roots. Bodies and arches are drawn over it later."""
    y, z = spine.canal.T
    x = spine.sideways(z.astype(np.float32))
    box = np.array([[x.min() - 20, y.min() - 14, z.min()], [x.max() + 20, y.max() + 20, z.max()]])
    window = canvas.window(np.array([[a, b, c] for a in box[:, 0] for b in box[:, 1] for c in box[:, 2]]))
    if window is None:
        return
    points = canvas.at(window)
    along, behind, left = coordinates(points)
    r = per_step(spine.sac, along)
    wide = r * 1.35 + 1.0
    # The canal's own room: fat all around the sac, more of it low down.
    low = np.clip((along - (len(spine.sac) - 150)) / 60, 0, 1)
    # Behind the sac, between the laminae, lies a pad of fat: a triangle on a sagittal slice.
    middles = [coordinates.at_height(float(disc.centre[2]) - 2) for disc in spine.discs[:6]]
    steps = np.arange(len(spine.sac))[:, None]
    pads = per_step(np.clip(1 - np.abs(steps - np.array(middles)) / 10, 0, 1).max(1), along)
    room = superellipse(behind - 0.8 - 2.2 * pads, left, r + 2.4 + 2.5 * low + 2.6 * pads, wide + 3.0)
    canvas.paint(window, coverage(room, canvas.pixel), "skin", fat=0.88)
    sac = superellipse(behind, left, r, wide)
    sac = np.where(r < 1.4, np.float32(5.0), sac)  # below S2 only the filum goes on
    canvas.paint(window, 0.8 * coverage(sac - 0.4, canvas.pixel), "ligament")
    cover = coverage(sac, canvas.pixel)
    canvas.paint(window, cover, "csf", label=CODE)
    _cord(canvas, spine, coordinates, seed, window, (along, behind, left, r), cover)


def _cord(
    canvas: Canvas, spine: Spine, coordinates: CanalCoordinates, seed: int, window: Window,
    place: tuple[Floats, Floats, Floats, Floats], cover: Floats,
) -> None:  # fmt: skip
    """Cord down to the conus, then roots that sink to the back of the sac as a lying person's do."""
    along, behind, left, r = place
    rng = stream(seed, "roots")
    tip = coordinates.at_height(spine.conus)
    steps = np.arange(len(spine.sac))
    shape = per_step(np.interp(steps, [tip - 200, tip - 45, tip - 25, tip - 6, tip], [3.4, 3.6, 4.3, 2.2, 0.2]), along)
    sunk = per_step(np.interp(steps, [tip - 80, tip - 30, tip], [0.3, 0.8, 2.4]), along)
    cord = superellipse(behind - sunk, left, shape, shape * 1.25)
    canvas.paint(window, coverage(cord, canvas.pixel) * cover * (along < tip + 1), "cord")
    # Only the pixels of the sac are looked at: there are many roots and few such pixels.
    inside = np.nonzero((cover > 0.01) & (along > tip - 50))
    if not len(inside[0]):
        return
    along, behind, left, r = along[inside], behind[inside], left[inside], r[inside]
    end = float(len(spine.sac) - 45)
    # Most roots are too close together to be told apart: they grey the back of the sac, in streaks.
    bundle = np.clip(behind / r * 1.8 - 0.05, 0, 1) * np.clip((along - tip) / 25, 0, 1) * np.clip((end - along) / 70, 0, 1)
    streaks = np.sin(behind * 2.6 + 2.0 * np.sin(along / 23 + left)) * np.sin(left * 1.7 + along / 31)
    bare = 1 - bundle * (0.42 + 0.2 * streaks)
    for _ in range(26):
        start, side = tip - rng.uniform(5, 45), rng.uniform(-1, 1)
        leaves, wave, phase = rng.uniform(tip + 60, end), rng.uniform(20, 55), rng.uniform(0, 6.28)
        share = np.clip((along - start) / max(leaves - start, 1.0), 0, 1)
        sway = np.float32(rng.uniform(0.1, 0.5)) * np.sin(np.float32(2 * np.pi / wave) * along + np.float32(phase))
        back = np.clip((along - start) / 40, 0, 1) * r * np.float32(rng.uniform(0.30, 0.78)) * (1 - 0.9 * share**4) + sway
        aside = np.float32(side) * r * (0.35 + 0.75 * share) + sway
        strand = np.sqrt((behind - back) ** 2 + (left - aside) ** 2) - np.float32(rng.uniform(0.55, 1.0))
        bare *= 1 - 0.9 * coverage(strand, canvas.pixel * 1.1) * (along > start)
    roots = np.zeros(cover.shape, np.float32)
    roots[inside] = 1 - bare
    canvas.paint(window, roots * cover, "root")


def draw_exiting_roots(canvas: Canvas, spine: Spine) -> None:
    """Spinal nerves in the upper part of the foramina, below the pedicles: grey dots in fat on the outer slices."""
    for body in spine.bodies:
        k = spine.person.size
        for side in (-1.0, 1.0):
            start = body.world(side * 7 * k, body.half_depth + 7, -0.05 * body.height)
            end = body.world(side * 30 * k, body.half_depth + 3, -0.62 * body.height)
            window = canvas.window(np.array([start, end]), 4.0)
            if window is not None:
                nerve = capsule(canvas.at(window), start, end, (1.6, 2.9))
                canvas.paint(window, coverage(nerve, canvas.pixel), "root")


def draw_ligaments(canvas: Canvas, spine: Spine) -> None:
    """Anterior and posterior longitudinal ligaments: dark lines along the bodies, tight over the discs."""
    chain = [(body.lower, body.upper) for body in spine.bodies]
    for back, sign, thick in ((1.0, 1.0, 0.55), (-1.0, -1.0, 0.7)):
        line = []
        for lower, upper in chain:
            for plate in (lower, upper):
                line.append(plate.world(0, back * plate.half_depth + sign * 0.5, 0))
        line.insert(0, spine.sacrum[0].upper.world(0, back * spine.sacrum[0].upper.half_depth + sign * 0.5, 0))
        for first, last in pairwise(line):
            across = np.array([12.0, 0, 0])
            window = canvas.window(np.array([first - across, first + across, last - across, last + across]), 3.0)
            if window is None:
                continue
            points = canvas.at(window)
            d = last - first
            length2 = float(d[1:] @ d[1:])
            oy, oz = points[1] - np.float32(first[1]), points[2] - np.float32(first[2])
            t = np.clip((oy * np.float32(d[1]) + oz * np.float32(d[2])) / np.float32(length2), 0, 1)
            gap = np.sqrt((oy - t * np.float32(d[1])) ** 2 + (oz - t * np.float32(d[2])) ** 2)
            aside = np.abs(points[0] - np.float32((first[0] + last[0]) / 2)) - 8.0
            cover = coverage(gap - np.float32(thick), canvas.pixel) * coverage(aside, 3.0)
            canvas.paint(window, 0.9 * cover, "ligament")

"""Posterior elements: pedicles, laminae, facets, spinous processes, flava, and what lies between them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from condyle.simulate.canvas import Canvas, Window
from condyle.simulate.lumbar.bodies import Textures
from condyle.simulate.lumbar.parts import Body, Spine
from condyle.simulate.study import stream
from condyle.simulate.surfaces import Floats, blend, box, capsule, coverage, ellipsoid

# Length, height (mm) and droop (degrees) of the spinous processes from L5 up; L5's is small, thoracic ones are slender and steep.
_SPINOUS = (
    (19, 14, 20), (27, 19, 14), (30, 21, 12), (29, 20, 14), (27, 18, 18), (25, 15, 24), (25, 12, 34),
    (27, 10, 44), (28, 9, 50), (28, 9, 54),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Arch:
    """Sizes of one posterior arch, mm and degrees, in the directions of its body.

    Parameters
    ----------
    back : from the body's centre to the back wall of the canal
    length, height, droop : of the spinous process
    """

    body: Body
    back: float
    length: float
    height: float
    droop: float
    thickness: float


def arches(spine: Spine, seed: int) -> tuple[Arch, ...]:
    rng = stream(seed, "arches")
    found = []
    k = spine.person.size
    for body, (length, height, droop) in zip(spine.bodies, _SPINOUS, strict=True):
        canal = 15.5 * spine.person.canal + (2.0 if body.name in ("L4", "L5") else 1.0)
        found.append(
            Arch(
                body,
                back=body.half_depth + canal * k,
                length=length * k * float(rng.uniform(0.88, 1.12)),
                height=height * k * float(rng.uniform(0.85, 1.12)),
                droop=droop + float(rng.normal(0, 5)),
                thickness=3.6 * k * float(rng.uniform(0.85, 1.15)),
            )
        )
    return tuple(found)


def spinous_centre(arch: Arch) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """(3,) LPS mm of the middle of the spinous process."""
    a = np.radians(arch.droop)
    half = arch.length / 2 + 2
    return arch.body.world(0, arch.back + half * np.cos(a), -0.28 * arch.body.height - half * np.sin(a))


def tip(arch: Arch) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    a = np.radians(arch.droop)
    return arch.body.world(0, arch.back + (arch.length + 4) * np.cos(a), -0.28 * arch.body.height - (arch.length + 4) * np.sin(a))


def draw_arch(canvas: Canvas, arch: Arch, spine: Spine, texture: Textures) -> None:
    """Marrow in a dark shell, one blended shape, labelled with its body's code."""
    body, k = arch.body, spine.person.size
    low = -1.15 * body.height - (arch.length * np.sin(np.radians(arch.droop)) if arch.droop > 25 else 0)
    front, behind, high = body.half_depth - 6, arch.back + arch.length + 5, 0.75 * body.height
    room = np.array([[a, b, c] for a in (-24 * k, 24 * k) for b in (front, behind) for c in (low, high)])
    window = canvas.window(body.centre + room @ body.axes)
    if window is None:
        return
    points = canvas.at(window)
    local = np.stack(body.local(points))
    shape = arch_distance(arch, local, k) + 0.6 * canvas.field(texture.edge, window)
    canvas.paint(window, coverage(shape, canvas.pixel), "bone", label=body.code)
    mottle = 0.08 * canvas.field(texture.coarse, window) + 0.05 * canvas.field(texture.fine, window)
    fat = np.clip(spine.person.marrow_fat + mottle, 0.05, 0.95)
    canvas.paint(window, coverage(shape + 0.6, canvas.pixel), "marrow", fat=fat)
    _facet_joint(canvas, window, local, arch, k)


def arch_distance(arch: Arch, local: Floats, k: float) -> Floats:
    """Distance to pedicles, laminae, articular and spinous processes; local (3, ...) in the body's directions."""
    w, u, v = local
    body, back = arch.body, arch.back
    side = np.abs(w)
    mirrored = np.stack([side, u, v])
    low = -0.28 * body.height
    a = np.radians(arch.droop)
    # Spinous process: a plate in the midline, thicker at its tip.
    us, vs = u - np.float32(back + 2), v - np.float32(low)
    ahead = us * np.float32(np.cos(a)) - vs * np.float32(np.sin(a))
    up = us * np.float32(np.sin(a)) + vs * np.float32(np.cos(a))
    part = np.clip(ahead / np.float32(arch.length), 0, 1)
    rounding = min(5.0, arch.height * 0.42)
    plate = box(ahead - np.float32(arch.length / 2), up + part * 1.5, arch.length / 2, arch.height / 2 * 0.92, rounding)
    half = np.float32(arch.thickness) * (0.75 + 0.55 * part**3)
    spinous = np.maximum(plate, side - half)
    pillar = 15.5 * k
    # Lamina: a slanted plate, seen beside the midline as a shingle; it comes forward towards the articular processes.
    sheet = np.stack([np.zeros_like(u), u + np.float32(0.22) * side, v - np.float32(low)])
    lamina = np.maximum(capsule(sheet, (0, back + 2.2, 9 * k), (0, back + 6.5, -9 * k), (2.4 * k, 3.2 * k)), side - np.float32(pillar))
    stalk = (14.0 * k, (back + body.half_depth) / 2 - 1.5, 0.2 * body.height)
    pedicle = ellipsoid(mirrored, stalk, (4.3 * k, back - body.half_depth, 7.6 * k))
    upper = capsule(mirrored, (pillar + 1.5, back - 4, low + 4), (pillar + 3.5, back - 6.5, 0.62 * body.height), (4.4 * k, 3.8 * k))
    lower = capsule(mirrored, (pillar - 1.5, back, low - 2), (pillar - 2.5, back + 2.0, -0.98 * body.height), (4.4 * k, 4.2 * k))
    shape = blend(lamina, spinous, 3.0)
    return blend(blend(shape, blend(pedicle, upper, 3.0), 3.0), lower, 3.0)


def _facet_joint(canvas: Canvas, window: Window, local: Floats, arch: Arch, k: float) -> None:
    """A thin bright line of joint fluid between cartilage, in front of the lower articular process."""
    side = np.abs(local[0])
    place = np.stack([side, local[1], local[2]])
    height = arch.body.height
    sheet = capsule(place, (14.5 * k, arch.back - 3.0, -0.62 * height), (15.5 * k, arch.back - 2.2, -0.92 * height), 1.6)
    canvas.paint(window, 0.8 * coverage(sheet, canvas.pixel), "cartilage")


def draw_flava(canvas: Canvas, spine: Spine, found: tuple[Arch, ...], thick: dict[str, float]) -> None:
    """Ligamenta flava from lamina to lamina, dark, with a cleft of fat in the midline."""
    k = spine.person.size
    for below, above in zip((None, *found[:-1]), found, strict=True):
        for side in (-1.0, 1.0):
            top = above.body.world(side * 5.0 * k, above.back + 0.5, -0.45 * above.body.height)
            if below is None:
                first = spine.sacrum[0]
                bottom = first.world(side * 5.0 * k, first.half_depth + 15 * k, 0.35 * first.height)
            else:
                bottom = below.body.world(side * 5.0 * k, below.back + 2.0, -0.12 * below.body.height)
            window = canvas.window(np.array([top, bottom]), 8.0)
            if window is None:
                continue
            shape = capsule(canvas.at(window), bottom, top, thick.get(above.body.name, 1.9))
            canvas.paint(window, coverage(shape, canvas.pixel), "ligament")

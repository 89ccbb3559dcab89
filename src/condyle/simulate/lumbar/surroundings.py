"""What lies around the spine: skin, fat, muscle, vessels, bowel. Painted first, from the outside in."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from condyle.simulate.canvas import Canvas
from condyle.simulate.lumbar.coordinates import CanalCoordinates
from condyle.simulate.lumbar.parts import Spine
from condyle.simulate.lumbar.posterior import Arch, tip
from condyle.simulate.study import stream
from condyle.simulate.surfaces import Floats, NoiseField, capsule, coverage, ellipsoid, lookup


@dataclass(frozen=True, slots=True, eq=False)
class Contours:
    """Outlines in the sagittal plane as y over z, mm.

    Parameters
    ----------
    z : (n,) rising in equal steps
    skin_back, fascia, skin_front, wall_front : (n,) y; fascia covers the muscles of the back, wall_front those of the belly
    """

    z: NDArray[np.float64]
    skin_back: NDArray[np.float64]
    fascia: NDArray[np.float64]
    skin_front: NDArray[np.float64]
    wall_front: NDArray[np.float64]

    def at(self, name: str, z: Floats) -> Floats:
        return lookup(getattr(self, name), (z - np.float32(self.z[0])) / np.float32(self.z[1] - self.z[0]))


def contours(spine: Spine, found: tuple[Arch, ...], seed: int) -> Contours:
    from scipy.ndimage import gaussian_filter1d

    rng = stream(seed, "contours")
    k, fat = spine.person.size, spine.person.body_fat
    z = np.arange(-200.0, 460.0, 2.0)
    tips = np.array([tip(arch)[1:] for arch in found])
    sacral = np.array([body.world(0, body.half_depth + 20 * k - 4 * n, 0)[1:] for n, body in enumerate(spine.sacrum)])
    knots = np.vstack([tips, sacral])
    knots = knots[np.argsort(knots[:, 1])]
    fascia = gaussian_filter1d(np.interp(z, knots[:, 1], knots[:, 0]), 7) + 2.0
    # Fat is thickest over the sacrum and thins upwards; the skin bridges the hollow of the back.
    depth = fat * np.interp(z, [-150, -40, 40, 120, 220, 330], [1.5, 1.35, 1.1, 0.9, 0.62, 0.5]) + 3.0
    skin = gaussian_filter1d(np.maximum(fascia + depth, gaussian_filter1d(fascia + depth, 35) - 2), 8)
    front = float(spine.bodies[2].centre[1]) - spine.bodies[2].half_depth - (75 + 1.6 * fat + rng.normal(0, 8)) * k
    belly = front + 14 * np.cos((z - 60) / 120) + 0.05 * (z - 60)
    wall = belly + 6 + 0.7 * fat
    return Contours(z, skin, np.minimum(fascia, skin - 3), belly, np.minimum(wall, belly + 55))


@dataclass(frozen=True, slots=True)
class Fields:
    """Random fields of the soft tissues, evaluated coarsely: they have no fine detail that would matter."""

    muscle: NoiseField
    septa: NoiseField
    gut: NoiseField
    strands: NoiseField
    grain: NoiseField


def fields(seed: int) -> Fields:
    rng = stream(seed, "soft tissue")
    return Fields(
        muscle=NoiseField(rng, (6, 3.4, 12), 2, shear=0.45),
        septa=NoiseField(rng, (24, 26, 13)),
        gut=NoiseField(rng, (26, 17, 26), 3),
        strands=NoiseField(rng, (16, 5, 30), 3, shear=0.5),
        grain=NoiseField(rng, (9, 6, 6), 2),
    )


def draw_surroundings(canvas: Canvas, spine: Spine, coordinates: CanalCoordinates, outline: Contours, noise: Fields, seed: int) -> None:
    everywhere = canvas.everywhere
    _, y, z = canvas.points
    along, behind, left = coordinates(canvas.points)
    muscle, septa, gut = canvas.field(noise.muscle), canvas.field(noise.septa), canvas.field(noise.gut)
    back, front = outline.at("skin_back", z), outline.at("skin_front", z)
    in_body = coverage(np.maximum(y - back, front - y), canvas.pixel)
    # Skin, then fat with septa: thin sheets where the field crosses zero.
    canvas.paint(everywhere, in_body, "skin")
    sheet = _sheets(septa, canvas.pixel, 0.45)
    fat_layer = coverage(np.maximum(y - back, front - y) + 1.6, canvas.pixel)
    canvas.paint(everywhere, fat_layer, "skin", fat=0.97 - 0.22 * sheet, gain=1 + 0.025 * septa)
    fascia, wall = outline.at("fascia", z), outline.at("wall_front", z)
    inner = coverage(np.maximum(y - fascia, wall - y), canvas.pixel)
    canvas.paint(everywhere, inner, "ligament")
    inner = coverage(np.maximum(y - fascia, wall - y) + 1.0, canvas.pixel)
    _belly(canvas, outline, inner, noise, spine, seed)
    _retroperitoneum(canvas, along, behind, left, inner, gut, canvas.field(noise.strands), spine)
    _back_muscles(canvas, behind, left, inner, muscle, spine)
    _vessels(canvas, spine, seed)


def _sheets(field: Floats, pixel: float, thickness: float) -> Floats:
    """1 on the surfaces where a field crosses zero, falling off within ``thickness`` mm."""
    slope = np.hypot(*np.gradient(field[0]))[None] / np.float32(pixel)  # per mm: keeps the sheets equally thin everywhere
    return np.asarray(np.exp(-((field / (thickness * slope + 0.004)) ** 2)))


def _back_muscles(canvas: Canvas, behind: Floats, left: Floats, inner: Floats, muscle: Floats, spine: Spine) -> None:
    """Behind the canal: muscle with streaks of fat, in the midline ligaments and fat between the spinous processes."""
    share = spine.person.muscle_fat
    aside = np.abs(left)
    midline = np.exp(-((aside / 5.5) ** 2))
    fat = np.clip(share + 0.14 * muscle + midline * (0.10 + 0.07 * muscle), 0.0, 0.95)
    here = inner * coverage(4.0 - behind, 2.0)
    canvas.paint(canvas.everywhere, here, "muscle", other="ligament", mix=0.25 * midline * np.clip(0.4 - muscle, 0, 1), fat=fat)


def _retroperitoneum(
    canvas: Canvas, along: Floats, behind: Floats, left: Floats, inner: Floats, gut: Floats, strands: Floats, spine: Spine
) -> None:
    """Fat in front of and beside the bodies, psoas at the sides, crura of the diaphragm in front of the upper bodies."""
    k = spine.person.size
    aside = np.abs(left)
    zone = inner * coverage(np.maximum(-behind - 75 * k, behind - 6.0), 6.0)
    canvas.paint(canvas.everywhere, zone, "skin", fat=np.clip(0.86 + 0.04 * gut + 0.06 * strands, 0, 0.97))
    width = np.float32(24 * k)
    psoas = np.sqrt(((aside - width - 13 * k) / (15 * k)) ** 2 + ((behind + 26 * k) / (20 * k)) ** 2) - 1
    fade = np.clip((along - 110) / 60, 0, 1)
    canvas.paint(canvas.everywhere, coverage(psoas * np.float32(15 * k), canvas.pixel) * fade * inner, "muscle", fat=0.05)
    beside = coverage(np.maximum(np.maximum(np.float32(19 * k) - aside, -behind - 40 * k), behind - 2), 3.0)
    canvas.paint(canvas.everywhere, 0.9 * beside * inner * (1 - fade), "muscle", fat=0.1)
    top = float(along.min())
    crus = np.sqrt(((behind + 51 * k) / (3.2 * k)) ** 2 + ((along - top - 40) / 95) ** 2) - 1
    canvas.paint(canvas.everywhere, coverage(crus * 3, canvas.pixel) * inner * coverage(aside - 14, 4), "muscle")


def _vessels(canvas: Canvas, spine: Spine, seed: int) -> None:
    """Aorta left, vena cava right, dividing before L4: no signal, because the blood moves on."""
    rng = stream(seed, "vessels")
    k = spine.person.size
    wave = rng.uniform(0, 6.28)
    shift = rng.normal(0, 5)
    tubes: list[tuple[NDArray[np.float64], NDArray[np.float64], float]] = []
    for side, radius, gap in ((13.0, 7.8, 3.5), (-16.0, 9.0, 2.5)):
        centres = [
            body.world((side + shift + 2.5 * np.sin(wave + n + part)) * k, -(body.half_depth + gap + radius), part * body.height)
            for n, body in enumerate(spine.bodies[1:])
            for part in (0.5, 0.0, -0.5)
        ]
        centres.sort(key=lambda place: float(place[2]))
        tubes += [(first, last, radius * k) for first, last in pairwise(centres)]
    split = spine.bodies[1].world(0, -(spine.bodies[1].half_depth + 11), 0)
    for side in (-1.0, 1.0):
        end = spine.sacrum[0].world(side * 38 * k, -(spine.sacrum[0].half_depth + 12), -5)
        tubes.append((split + np.array([side * 5 * k, 0, 0]), end, 5.5 * k))
    # All walls first: a wall drawn later would cross the lumen of its neighbour.
    for wall in (1.2, 0.0):
        for first, last, radius in tubes:
            window = canvas.window(np.array([first - radius, first + radius, last - radius, last + radius]), 2.0)
            if window is not None:
                shape = capsule(canvas.at(window), first, last, radius) - np.float32(wall)
                canvas.paint(window, coverage(shape, canvas.pixel), "muscle" if wall else "flow", gain=0.6)


def _belly(canvas: Canvas, outline: Contours, inner: Floats, noise: Fields, spine: Spine, seed: int) -> None:
    """Fat with loops of bowel, an organ high up, and the pelvic organs low down."""
    gut = canvas.field(noise.gut)
    # Mesentery: fat and bowel in each other's folds, blurred by breathing.
    folds = np.clip(0.5 + 0.55 * gut, 0, 1)
    fat = np.clip(0.90 - 0.75 * folds**2 + 0.07 * canvas.field(noise.strands), 0, 0.97)
    canvas.paint(canvas.everywhere, inner, "organ", other="bowel", mix=folds, fat=fat, gain=0.95)
    wall = coverage(np.abs(canvas.points[1] - outline.at("wall_front", canvas.points[2]) - 6.0) - 5.0, 1.5)
    canvas.paint(canvas.everywhere, wall * inner, "muscle", fat=0.1)
    rng = stream(seed, "belly")
    body = spine.bodies[2]
    front = float(body.centre[1]) - body.half_depth
    organ = np.array([rng.uniform(-10, 10), front - 55, float(spine.bodies[5].centre[2]) + 25])
    _blob(canvas, organ, rng.uniform([35, 26, 45], [50, 34, 70]), inner, "liver", 0.06, "liver", noise.grain)
    for _ in range(60):
        place = np.array([rng.uniform(-45, 45), front - rng.uniform(28, 125), rng.uniform(-115, 170)])
        radii = rng.uniform([9, 7, 7], [26, 19, 22])
        filling = str(rng.choice(["bowel", "gas", "fluid", "organ"], p=[0.48, 0.14, 0.08, 0.30]))
        _blob(canvas, place, radii, inner, "organ", 0.05, filling, noise.grain)
    # Rectosigmoid, bladder or uterus in front of the sacrum.
    low = spine.sacrum[2].world(rng.uniform(-8, 8), -(spine.sacrum[2].half_depth + rng.uniform(22, 32)), -8)
    _blob(canvas, low, rng.uniform([16, 11, 22], [24, 16, 36]), inner, "muscle", 0.05, "bowel", noise.grain)
    bladder = low + np.array([0, -48, -20])
    size, content = rng.uniform([30, 22, 24], [44, 32, 34]), str(rng.choice(["fluid", "organ"]))
    _blob(canvas, bladder, size, inner, "muscle", 0.0, content, noise.grain)


def _blob(
    canvas: Canvas, place: NDArray[np.float64], radii: NDArray[np.float64], inner: Floats, wall: str, fat: float,
    filling: str, grain: NoiseField,
) -> None:  # fmt: skip
    """One bent ellipsoid with a wall of 2 mm."""
    window = canvas.window(np.array([place - radii, place + radii]), 3.0)
    if window is None:
        return
    points = canvas.at(window)
    bent = points.copy()
    bent[1] += 4.0 * np.sin(points[2] / 9.0 + np.float32(place[0]))
    bent[2] += 3.0 * np.sin(points[1] / 8.0 + np.float32(place[1]))
    shape = ellipsoid(bent, list(place), list(radii))
    here = inner[:, window[0], window[1]]
    texture = canvas.field(grain, window)
    canvas.paint(window, coverage(shape + 0.6 * texture, 2.0) * here, wall, fat=fat)
    canvas.paint(window, coverage(shape + 2.0 + 0.8 * texture, 3.0) * here, filling, gain=np.clip(1 + 0.12 * texture, 0.3, 1.7))

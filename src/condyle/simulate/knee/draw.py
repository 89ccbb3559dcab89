"""One slice of a knee, painted back to front."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from condyle.simulate.canvas import Canvas, Window
from condyle.simulate.knee.courses import MUSCLES, NERVES, TENDONS, VESSELS
from condyle.simulate.knee.fields import Grid, View, common, inside
from condyle.simulate.knee.joint import CODES, Knee, meniscus
from condyle.simulate.knee.lesions import Lesions
from condyle.simulate.study import stream
from condyle.simulate.surfaces import Floats, NoiseField, coverage

CORTEX = 0.9
"""mm of cortical bone at the joint; thicker along the shafts."""


@dataclass(frozen=True, slots=True)
class Textures:
    """Random fields of the tissues."""

    marrow: NoiseField
    grain: NoiseField
    muscle: NoiseField
    septa: NoiseField
    strands: NoiseField
    cartilage: NoiseField


def textures(seed: int) -> Textures:
    rng = stream(seed, "textures")
    return Textures(
        NoiseField(rng, 14.0, 2), NoiseField(rng, 1.8), NoiseField(rng, (4.0, 4.0, 22.0), 2), NoiseField(rng, (11.0, 11.0, 16.0)),
        NoiseField(rng, (7.0, 5.0, 5.0), 2), NoiseField(rng, 3.5),
    )  # fmt: skip


def draw(canvas: Canvas, background: Canvas, to_knee: NDArray[np.float64], knee: Knee, lesions: Lesions, noise: Textures) -> None:
    """Paint a slice: ``background`` (one sub-slice) first, then the joint over it."""
    _surroundings(View(background, to_knee), knee, noise)
    canvas.take(background)
    view = View(canvas, to_knee)
    _joint(view, knee, lesions, noise)


def _surroundings(view: View, knee: Knee, noise: Textures) -> None:
    canvas, who = view.canvas, knee.person
    everywhere = (slice(0, canvas.labels.shape[0]), slice(0, canvas.labels.shape[1]))
    pixel = canvas.pixel / view.scale
    skin = view.look(knee.skin, everywhere)
    canvas.paint(everywhere, coverage(skin, pixel), "skin", gain=0.9)
    septa, strands = canvas.field(noise.septa), canvas.field(noise.strands)
    sheet = np.exp(-((septa / 0.09) ** 2))
    fat = np.clip(0.95 - 0.07 * sheet * np.clip(0.5 + strands, 0, 1.5), 0, 0.97)
    canvas.paint(everywhere, coverage(skin + 1.5, pixel), "synovium", fat=fat, gain=1 + 0.03 * strands, label=CODES["fat"])
    muscle = canvas.field(noise.muscle)
    streak = np.clip(who.muscle_fat * (1.0 + 0.9 * muscle) + 0.5 * np.exp(-((muscle / 0.10) ** 2)) * (0.12 + who.muscle_fat), 0, 0.9)
    within = coverage(skin + 3.0, 1.5)
    for name in MUSCLES:
        found = _windowed(view, knee.soft[name])
        if found is None:
            continue
        window, distance = found
        inner = np.s_[:, window[0], window[1]]
        rim = coverage(distance + 0.3 * strands[inner], pixel) * within[inner]
        canvas.paint(window, rim, "ligament", other="muscle", mix=0.55, fat=0.15)
        body = coverage(distance + 0.7 + 0.3 * strands[inner], pixel) * within[inner]
        canvas.paint(window, body, "muscle", fat=streak[inner], gain=0.78 + 0.04 * muscle[inner], label=CODES["muscle"])
    for names, tissue, gain, code in ((NERVES, "muscle", 1.1, "nerve"), (TENDONS, "ligament", 1.0, "tendon")):
        for name in names:
            found = _windowed(view, knee.soft[name])
            if found is not None:
                canvas.paint(
                    found[0], coverage(found[1], pixel) * within[:, found[0][0], found[0][1]], tissue, gain=gain, label=CODES[code]
                )
    for name in VESSELS:
        found = _windowed(view, knee.soft[name])
        if found is None:
            continue
        window, distance = found
        limb = within[:, window[0], window[1]]
        canvas.paint(window, coverage(distance - 0.7, pixel) * limb, "muscle", gain=0.6)
        # Blood that runs slowly is bright, fast blood has left the slice: arteries dark, veins in between.
        filling, mix = ("flow", 0.15) if name.endswith("artery") else ("blood", 0.0)
        canvas.paint(window, coverage(distance, pixel) * limb, filling, other="blood", mix=mix, gain=0.42, label=CODES["vessel"])


def _windowed(view: View, grid: Grid, margin: float = 2.5) -> tuple[Window, Floats] | None:
    """Window of a shape and its distance there; None when the slice misses it."""
    window = view.around(grid, margin)
    return None if window is None else (window, view.look(grid, window))


def _joint(view: View, knee: Knee, lesions: Lesions, noise: Textures) -> None:
    canvas = view.canvas
    pixel = canvas.pixel / view.scale
    strands = noise.strands
    found = _windowed(view, knee.fat_pad)
    if found is not None:
        window, distance = found
        texture = canvas.field(strands, window)
        fat = np.clip(0.94 - 0.09 * np.exp(-((texture / 0.2) ** 2)) + 0.02 * texture, 0, 0.97)
        canvas.paint(window, coverage(distance, pixel), "synovium", fat=fat, label=CODES["fat_pad"])
        lesions.fat_pad(view, window, distance)
    joint = np.array([[-52.0, -72.0, -90.0], [52.0, 38.0, 125.0]])
    whole = view.window(joint)
    if whole is None:
        return
    window = whole
    coats = {name: _coat(view, window, bone.coat()) for name, bone in knee.bones.items()}
    points = view.points(window)
    lesions.deep(view, window, points)
    lesions.cavity(view, window, points, coats, view.look(knee.skin, window))
    _film(view, window, coats, lesions)
    _menisci(view, window, points, coats, knee, lesions, noise)
    for name in knee.soft:
        found = _windowed(view, knee.soft[name]) if name.startswith("meniscal") else None
        if found is not None:
            canvas.paint(found[0], coverage(found[1] - 0.5, pixel) * 0.4, "synovium", fat=0.4)
            canvas.paint(found[0], coverage(found[1], pixel), "meniscus")
    for name in ("popliteus_tendon", "pcl", "acl"):
        _ligament(view, knee, name, lesions, noise)
    _bones(view, window, points, coats, knee, lesions, noise)
    for name in ("lcl", "mcl", "patellar_tendon", "quadriceps_tendon"):
        _ligament(view, knee, name, lesions, noise)


def _coat(view: View, window: Window, grid: Grid) -> Floats:
    """Signed distance over a window, looked up near the shape alone; farther than 6 mm it is 9."""
    box = grid.bounds(6.0)
    small = None if box is None else view.window(box)
    near = None if small is None else common(window, small)
    full = np.full((view.canvas.water.shape[1], window[0].stop - window[0].start, window[1].stop - window[1].start), 9.0, np.float32)
    if near is not None:
        full[inside(window, near)] = view.look(grid, near)
    return full


def _film(view: View, window: Window, coats: dict[str, Floats], lesions: Lesions) -> None:
    """Fluid in the narrow space between cartilages."""
    gap = np.minimum(np.maximum(coats["femur"], coats["tibia"]), np.maximum(coats["femur"], coats["patella"]))
    cover = coverage(gap - np.float32(1.3 + 0.25 * lesions.effusion), 0.8)
    view.canvas.paint(window, 0.85 * cover, "fluid", gain=0.9, label=CODES["fluid"])


def _menisci(view: View, window: Window, points: Floats, coats: dict[str, Floats], knee: Knee, lesions: Lesions, noise: Textures) -> None:
    canvas, pixel = view.canvas, view.canvas.pixel / view.scale
    low, high = np.array([-46.0, -32.0, -12.0]), np.array([46.0, 28.0, 16.0])
    small = view.window(np.array([low, high]))
    if small is None:
        return
    inner = inside(window, small)
    for side, plan in knee.menisci.items():
        distance = meniscus(view.look(plan, small), coats["femur"][inner], coats["tibia"][inner])
        cover = coverage(distance, pixel) * (points[2][inner] < 20) * (points[2][inner] > -14)
        if not cover.any():
            continue
        grain = canvas.field(noise.cartilage, small)
        canvas.paint(small, cover, "meniscus", gain=1 + 0.08 * grain, label=CODES[f"{side}_meniscus"])
        lesions.meniscus(view, small, points[np.s_[:, *inner]], cover, side)


_TISSUE = {"acl": ("cruciate", 1.0), "pcl": ("cruciate", 0.7), "popliteus_tendon": ("ligament", 1.0)}


def _ligament(view: View, knee: Knee, name: str, lesions: Lesions, noise: Textures) -> None:
    band = knee.ligaments[name]
    found = _windowed(view, band.surface, 4.5)
    if found is None:
        return
    window, distance = found
    canvas, pixel = view.canvas, view.canvas.pixel / view.scale
    share = view.look(band.share, window)
    tissue, gain = _TISSUE.get(name, ("ligament", 1.0))
    texture = canvas.field(noise.cartilage, window)
    cover = coverage(distance, pixel)
    if name == "acl":  # bundles with fat and synovium between them, more so towards the tibia
        fibres = np.clip(0.14 * (1 - share) + 0.09 * texture, 0, 0.35)
        canvas.paint(window, cover, tissue, other="synovium", mix=fibres, label=CODES[name])
    else:
        canvas.paint(window, cover, tissue, gain=gain * (1 + 0.12 * texture), label=CODES[name])
    lesions.ligament(view, window, name, distance, share, cover)


_CARTILAGE = {"femur": "femoral_cartilage", "patella": "patellar_cartilage"}


def _bones(view: View, window: Window, points: Floats, coats: dict[str, Floats], knee: Knee, lesions: Lesions, noise: Textures) -> None:
    canvas = view.canvas
    marrow, grain = canvas.field(noise.marrow, window), canvas.field(noise.grain, window)
    for name in ("fibula", "tibia", "femur", "patella"):
        bone = knee.bones[name]
        box = bone.coat().bounds(2.5)
        near = None if box is None else view.window(box)
        near = None if near is None else common(window, near)
        if near is None:
            continue
        inner = inside(window, near)
        _bone(view, near, points[np.s_[:, *inner]], name, coats[name][inner], knee, lesions, (marrow[inner], grain[inner]), noise)


def _bone(
    view: View, window: Window, points: Floats, name: str, coat: Floats, knee: Knee, lesions: Lesions, fields: tuple[Floats, Floats],
    noise: Textures,
) -> None:  # fmt: skip
    canvas, bone, (marrow, grain) = view.canvas, knee.bones[name], fields
    pixel = canvas.pixel / view.scale
    surface = coat
    if bone.thickness is not None:
        thick = view.look(bone.thickness, window)
        surface = coat + thick
        _cartilage(view, window, points, name, coat, surface, thick, lesions, noise)
    z = points[2] if canvas.geometry.plane == "axial" else points[2][canvas.middle][None]  # across other slices it hardly varies
    thicker = np.float32(2.2 if name in ("femur", "tibia") else 0.4)
    cortex = np.float32(CORTEX) + np.clip((np.abs(z - 8) - 32) / 30, 0, 1) * thicker
    canvas.paint(window, coverage(surface, pixel), "bone", label=CODES[name])
    red = np.clip(0.10 + 0.10 * marrow, 0, 0.3) * np.clip((np.abs(z - 8) - 22) / 25, 0, 1)  # red marrow stays in the shaft
    fat = np.clip(knee.person.marrow_fat - red + 0.015 * marrow + 0.03 * grain, 0.3, 0.96)
    texture = 1 + 0.045 * grain + 0.03 * marrow
    growth = {"femur": 37.0, "tibia": -17.0}.get(name)
    if growth is not None:  # the scar of the growth plate
        line = (z - np.float32(growth) - 2.0 * marrow - 0.004 * points[0][canvas.middle] ** 2) / np.float32(0.8)
        texture = texture * (1 - 0.35 * np.exp(-(line**2)))
    inner = coverage(surface + cortex + 0.15 * grain, pixel)
    canvas.paint(window, inner, "marrow", fat=fat, gain=texture, label=CODES[name])
    lesions.marrow(view, window, points, name, surface, inner, fat, texture)


def _cartilage(
    view: View, window: Window, points: Floats, name: str, coat: Floats, surface: Floats, thick: Floats, lesions: Lesions, noise: Textures
) -> None:
    """Dark next to the bone, brighter towards the surface, brighter again where fibres stand at 55 degrees to the field."""
    canvas, pixel = view.canvas, view.canvas.pixel / view.scale
    cover = coverage(coat, pixel) * np.clip((thick - 0.25) / 0.3, 0, 1)
    if not cover.any():
        return
    depth = np.clip(surface / np.maximum(thick, 0.5), 0, 1)  # 0 at the bone, 1 at the surface
    texture = canvas.field(noise.cartilage, window)
    slope = np.gradient(coat.mean(0)) if coat.shape[1] > 2 and coat.shape[2] > 2 else [np.zeros(coat.shape[1:], np.float32)] * 2
    magic = _magic_angle(view, slope) * lesions.magic
    mix = np.clip(0.75 * (1 - depth) - 0.15 * texture - 0.5 * magic, 0, 1)
    canvas.paint(window, cover, "hyaline", other="hyaline_deep", mix=mix, gain=1 + 0.04 * texture)
    full = cover[canvas.middle] > 0.5
    labels = canvas.labels[window]
    if name == "tibia":
        medial = points[0][canvas.middle] < 0
        labels[full & medial] = CODES["medial_tibial_cartilage"]
        labels[full & ~medial] = CODES["lateral_tibial_cartilage"]
    else:
        labels[full] = CODES[_CARTILAGE[name]]
    lesions.cartilage(view, window, points, name, cover, depth)


def _magic_angle(view: View, slope: list[Floats]) -> Floats:
    """0 to 1: how near the surface's normal, as seen in the slice, lies to 55 degrees from the field (the z axis).

    Source: dipolar coupling goes as 3 cos^2 - 1 (Erickson et al., Radiology 1991;181:389-392)."""
    directions = view.canvas.geometry.directions
    along = slope[0] * np.float32(directions[2, 1]) + slope[1] * np.float32(directions[2, 2])
    length2 = slope[0] ** 2 + slope[1] ** 2 + 1e-6
    coupling = np.abs(3 * along**2 / length2 - 1) / 2
    return np.asarray(np.clip(1 - 1.6 * coupling, 0, 1))[None]

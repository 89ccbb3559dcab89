"""The anatomy of one knee: bones, cartilage, menisci, ligaments and what lies around, as fields in knee coordinates.

Bones are mixed from real ones and bent; the femur is then lowered and tilted until its cartilage touches the tibia's in both
compartments, the patella pushed back until it touches the trochlea. Menisci are what their outline leaves between femur and
tibia, so they fit whatever was mixed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from condyle.simulate.knee.courses import LIGAMENTS, MUSCLES, NERVES, TENDONS, VESSELS, Course
from condyle.simulate.knee.fields import Grid, empty
from condyle.simulate.knee.person import Person
from condyle.simulate.knee.shapes import Bend, Bone, mixed, placed, planform
from condyle.simulate.study import stream
from condyle.simulate.surfaces import Floats, NoiseField, blend, ellipsoid, superellipse

CODES: dict[str, int] = {
    "femoral_cartilage": 1, "medial_tibial_cartilage": 2, "lateral_tibial_cartilage": 3, "patellar_cartilage": 4,
    "femur": 5, "tibia": 6, "patella": 7, "fibula": 8, "lateral_meniscus": 9, "medial_meniscus": 10,
    "acl": 11, "pcl": 12, "mcl": 13, "lcl": 14, "patellar_tendon": 15, "quadriceps_tendon": 16, "fat_pad": 17,
    "popliteus_tendon": 18, "fluid": 19, "muscle": 20, "tendon": 21, "vessel": 22, "nerve": 23, "fat": 24,
}  # fmt: skip
"""Values of the label map; 1 to 10 as in the maps of pymskt."""

VOLUMES = {"medial": 2200.0, "lateral": 2040.0}
"""mm3 of the menisci on the lattice where they are fitted, which come out as the mean of the real ones.
They grow with the width of the knee, not with its cube."""

MENISCUS_HEIGHT = 6.5
"""mm above the tibial cartilage at which a meniscus ends, wherever the femur is."""

TOUCH = 0.08
"""mm left between cartilages that bear on each other: a film of fluid."""


@dataclass(frozen=True, slots=True, eq=False)
class Band:
    """A ligament: signed distance, and the share of its course at each place (0 at its first end)."""

    name: str
    course: Course
    surface: Grid
    share: Grid


@dataclass(frozen=True, slots=True, eq=False)
class Knee:
    """Everything of one knee that is drawn, before findings.

    Parameters
    ----------
    bones : 'femur', 'tibia', 'patella', 'fibula'
    menisci : outline from above, 'medial' and 'lateral'
    ligaments : by the names of ``courses.LIGAMENTS``
    soft : muscles, tendons, vessels, nerves by name
    skin, fat_pad, cavity : signed distances; the cavity is the suprapatellar recess and the gutters when empty
    marks : places by name, mm
    """

    person: Person
    bend: Bend
    bones: Mapping[str, Bone]
    menisci: Mapping[str, Grid]
    ligaments: Mapping[str, Band]
    soft: Mapping[str, Grid]
    skin: Grid
    fat_pad: Grid
    marks: Mapping[str, NDArray[np.float64]]


@dataclass(frozen=True, slots=True)
class Wear:
    """Osteoarthritis of one compartment.

    Parameters
    ----------
    compartment : 'medial', 'lateral' or 'patellofemoral'
    loss : 0 to 1, share of cartilage thickness that is gone
    spur : mm, height of the osteophytes
    """

    compartment: str
    loss: float
    spur: float


# Margins at which osteophytes grow: bone, place in mm, and how far along the margin.
_SPURS: dict[str, tuple[tuple[str, tuple[float, float, float]], ...]] = {
    "medial": (("tibia", (-35.0, -2.0, -4.5)), ("femur", (-38.0, -6.0, 9.0)), ("tibia", (-24.0, -22.0, -5.0))),
    "lateral": (("tibia", (36.0, 0.0, -4.0)), ("femur", (34.0, -6.0, 10.0)), ("tibia", (24.0, -20.0, -5.0))),
    "patellofemoral": (("patella", (3.0, -46.0, 61.0)), ("patella", (2.0, -49.0, 26.0)),
                       ("femur", (26.0, -32.0, 30.0)), ("femur", (-26.0, -30.0, 30.0))),
}  # fmt: skip


def _worn(raw: dict[str, Bone], wear: tuple[Wear, ...]) -> dict[str, Bone]:
    """Bones with thinned cartilage and osteophytes, in their own coordinates."""
    done = dict(raw)
    for one in wear:
        sign = {"medial": -1.0, "lateral": 1.0}.get(one.compartment)
        for name in ("femur", "tibia", "patella"):
            bone = done[name]
            assert bone.thickness is not None
            x, y, _ = bone.surface.points()
            if sign is None:
                part = (y < -20) if name == "femur" else np.full(x.shape, name == "patella")
            else:
                part = (sign * x > 6) & (y > -24) if name != "patella" else np.zeros(x.shape, bool)
            share = np.clip(1 - np.float32(one.loss) * part, 0, 1)
            surface = bone.surface.values
            for where, place in _SPURS[one.compartment]:
                if where == name and one.spur > 0:
                    lump = ellipsoid(bone.surface.points(), place, (one.spur, 2.2 * one.spur, 0.8 * one.spur))
                    surface = blend(surface, lump, 2.5)
            done[name] = Bone(bone.surface.like(surface), bone.thickness.like(bone.thickness.values * share))
    return done


def build(seed: int, who: Person, wear: tuple[Wear, ...] = ()) -> Knee:
    """The knee of a person."""
    rng = stream(seed, "joint")
    bend = Bend((NoiseField(rng, 60.0), NoiseField(rng, 60.0), NoiseField(rng, 60.0)), 1.1)
    bones = _bones(who, bend, rng, wear)
    menisci = {side: _filled(_bent(planform(side), bend), bones, volume * who.meniscus / who.size**2) for side, volume in VOLUMES.items()}
    tip = _tip(bones["patella"])
    ligaments = {}
    for name, course in LIGAMENTS.items():
        if name in ("patellar_tendon", "quadriceps_tendon"):
            course = _follow(name, course, tip)
        ligaments[name] = _band(name, course, bend)
    soft = {}
    for name, course in {**MUSCLES, **TENDONS, **VESSELS, **NERVES}.items():
        grid = _drawn(course, bend, 3.0 if name in MUSCLES else 2.0)
        soft[name] = grid.like(grid.values - (who.muscle - 1) * 9.0) if name in MUSCLES else grid
    for course in _meniscal(stream(seed, "meniscal ligaments"), menisci, bones["tibia"].coat()):
        soft[f"meniscal_{len(soft)}"] = _drawn(course, bend, 1.2)
    skin = _skin(who, bend)
    fat_pad = _fat_pad(ligaments["patellar_tendon"].course, bend)
    return Knee(who, bend, bones, menisci, ligaments, soft, skin, fat_pad, _marks(bones, menisci, ligaments, tip))


def _bones(who: Person, bend: Bend, rng: np.random.Generator, wear: tuple[Wear, ...]) -> dict[str, Bone]:
    raw = {name: mixed(name, who.weights[n]) for n, name in enumerate(("femur", "tibia", "patella"))}
    raw["fibula"] = mixed("fibula", np.ones(3))
    # Mixing blurs the edge of cartilage and thins it by about a tenth; large knees have hardly thicker cartilage than small ones.
    raw = {name: _thicker(bone, 1.12 * who.cartilage / who.size) for name, bone in raw.items()}
    raw = _worn(raw, wear)
    still = np.eye(4)
    tibia, fibula = placed(raw["tibia"], bend, still), placed(raw["fibula"], bend, still)
    surface = _cartilage_surface(tibia)
    sides = [surface[:, surface[0] < -6], surface[:, surface[0] > 6]]
    drop, tilt = 0.0, 0.0
    own = raw["femur"].coat()
    for _ in range(8):
        pose = _femur_pose(who.flexion, tilt, drop)
        gaps = [float(np.quantile(own.at(bend(_moved(np.asarray(np.linalg.inv(pose), np.float64), one))), 0.004)) - TOUCH for one in sides]
        drop -= 0.5 * (gaps[0] + gaps[1])
        tilt += 0.8 * float(np.degrees(np.arctan2(gaps[1] - gaps[0], 46.0)))
    femur = placed(raw["femur"], bend, _femur_pose(who.flexion, tilt, drop), 6.0)
    high = rng.normal(0, 0.8)
    back = 0.0
    kneecap = raw["patella"]
    points = _cartilage_surface(kneecap)
    inverse = _inverse_bend(bend, points)
    for _ in range(6):
        moved = inverse + np.array([0, back, high], np.float32)[:, None]
        back += float(np.quantile(femur.coat().at(moved), 0.004)) - 2 * TOUCH
    pose = np.eye(4)
    pose[:3, 3] = [0, back, high]
    patella = placed(kneecap, bend, pose, 9.0)
    return {"femur": femur, "tibia": tibia, "patella": patella, "fibula": fibula}


def meniscus(plan: Floats, femur: Floats, tibia: Floats) -> Floats:
    """Signed distance to a meniscus: within its outline, between femur and tibia, not higher than a rim."""
    between = np.maximum(np.float32(0.12) - femur, np.float32(0.12) - tibia)
    return np.asarray(np.maximum(np.maximum(plan, between), tibia - np.float32(MENISCUS_HEIGHT)))


def _filled(plan: Grid, bones: Mapping[str, Bone], volume: float) -> Grid:
    """The outline, widened or narrowed until the meniscus has its volume (mm3 of the reference knee)."""
    box = plan.bounds(4.0)
    assert box is not None
    box[:, 2] = [-12.0, 14.0]
    grid = empty(box[0], box[1], 0.8)
    femur, tibia = bones["femur"].coat().on(grid), bones["tibia"].coat().on(grid)
    flat = plan.on(Grid(grid.low, grid.step, np.zeros((1, *grid.values.shape[1:]), np.float32)))
    low, high = -3.5, 3.0
    for _ in range(7):
        middle = (low + high) / 2
        found = float((meniscus(flat - np.float32(middle), femur, tibia) < 0).sum()) * grid.step**3
        low, high = (middle, high) if found < volume else (low, middle)
    return plan.like(plan.values - (low + high) / 2)


def _thicker(bone: Bone, factor: float) -> Bone:
    if bone.thickness is None:
        return bone
    return Bone(bone.surface, bone.thickness.like(bone.thickness.values * factor))


def _femur_pose(flexion: float, tilt: float, drop: float) -> NDArray[np.float64]:
    """Flexion and tilt (degrees) about the middle of the condyles, then ``drop`` mm upwards."""
    centre = np.array([0.0, 3.0, 20.0])
    turn = Rotation.from_euler("xy", [flexion, tilt], degrees=True).as_matrix()
    pose = np.eye(4)
    pose[:3, :3] = turn
    pose[:3, 3] = centre - turn @ centre + np.array([0, 0, drop])
    return pose


def _cartilage_surface(bone: Bone) -> NDArray[np.float32]:
    """(3, n) places on the free surface of the cartilage, finer than the lattice."""
    assert bone.thickness is not None
    fine = empty(bone.surface.low, bone.surface.high, 0.75)
    coat, thick = bone.coat().on(fine), bone.thickness.on(fine)
    # Where disease has taken the cartilage, bone bears on bone.
    return np.asarray(fine.points()[:, (np.abs(coat) < 0.35) & (thick > 0.25)])


def _moved(m: NDArray[np.float64], points: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(m[:3, :3] @ points + m[:3, 3:], np.float32)


def _inverse_bend(bend: Bend, points: NDArray[np.float32]) -> NDArray[np.float32]:
    """Where places of a bone's own coordinates come to lie (fixed-point iteration: the bend is small and smooth)."""
    found = points.copy()
    for _ in range(4):
        found = found + points - bend(found)
    return found


def _bent(grid: Grid, bend: Bend) -> Grid:
    """An outline seen from above, bent; one layer high."""
    return grid.like(grid.at(bend.lattice(grid)))


def _drawn(course: Course, bend: Bend, step: float) -> Grid:
    grid = empty(*course.box(), step)
    return grid.like(course.along(grid.low, grid.step, bend.lattice(grid))[0])


def _band(name: str, course: Course, bend: Bend) -> Band:
    grid = empty(*course.box(), 1.2)
    distance, share = course.along(grid.low, grid.step, bend.lattice(grid))
    return Band(name, course, grid.like(distance), grid.like(share))


def _meniscal(rng: np.random.Generator, menisci: Mapping[str, Grid], tibia: Grid) -> list[Course]:
    """Ligaments of the menisci, where a person has them: between the front horns, and from the back of the lateral meniscus to the
    inner condyle. Where they leave the meniscus there is a line that looks like a tear."""
    has = rng.uniform(size=2) < (0.6, 0.5)
    horns = {}
    for side, sign in (("medial", 1.0), ("lateral", -1.0)):
        grid = menisci[side]
        x, y = grid.points()[:2, 0][:, grid.values[0] < 0.35 * float(grid.values.min())].astype(np.float64)
        for end, rank in (("front", np.argsort(y + 0.6 * -sign * x)[:8]), ("back", np.argsort(-y - 0.6 * sign * x)[:8])):
            column = np.array([np.full(60, x[rank].mean()), np.full(60, y[rank].mean()), np.linspace(-10, 8, 60)], np.float32)
            outside = np.flatnonzero(tibia.at(column) > 1.0)
            horns[side, end] = np.array([x[rank].mean(), y[rank].mean(), float(column[2][outside[0]]) + 1.5 if len(outside) else 3.0])
    found = []
    if has[0]:
        middle = (horns["medial", "front"] + horns["lateral", "front"]) / 2 + (0, -3.0, 0.5)
        found.append((horns["medial", "front"], middle, horns["lateral", "front"]))
    if has[1]:
        found.append((horns["lateral", "back"], np.array([1.0, 18.0, 7.0]), np.array([-8.0, 9.0, 13.0])))
    paths = [tuple((float(x), float(y), float(z)) for x, y, z in path) for path in found]
    return [Course(path, ((1.5, 1.1),) * 3, (0.0, 0.3, 1.0)) for path in paths]


def _tip(patella: Bone) -> NDArray[np.float64]:
    """Lowest and highest place of the patella in front, (2, 3)."""
    inside = patella.surface.values < 0
    points = patella.surface.points()[:, inside]
    ends = []
    for sign in (1, -1):
        height = sign * points[2]
        part = points[:, height < np.quantile(height, 0.03)]
        ends.append(part.mean(1))
    return np.array(ends, np.float64)


def _follow(name: str, course: Course, tip: NDArray[np.float64]) -> Course:
    """The tendon with its end on the patella of this knee."""
    places = np.array(course.path)
    if name == "patellar_tendon":
        shift = tip[0] + np.array([0.8, -0.6, 4.6]) - places[-1]
        share = np.linspace(0, 1, len(places)) ** 1.3
    else:
        shift = tip[1] + np.array([0.0, -2.0, -2.0]) - places[0]
        share = np.linspace(1, 0, len(places))
    moved = places + share[:, None] * shift
    return Course(tuple((float(x), float(y), float(z)) for x, y, z in moved), course.halves, course.wide)


# Half widths of the limb without its subcutaneous fat and its middle, by height, mm: muscles and bones of the atlas and a rim.
_HEIGHTS = (-110.0, -60.0, -30.0, 0.0, 25.0, 45.0, 75.0, 120.0)
_WIDE = (47.0, 45.0, 45.0, 47.0, 49.0, 49.0, 52.0, 60.0)
_DEEP = (42.0, 40.0, 40.0, 45.5, 50.0, 51.0, 51.0, 57.0)
_MIDDLE_X = (2.0, 2.0, 3.0, -0.5, -2.0, -2.5, -3.0, -3.0)
_MIDDLE_Y = (9.0, 9.0, 7.0, 0.5, -6.0, -9.0, -5.0, -1.0)


def _skin(who: Person, bend: Bend) -> Grid:
    grid = empty(np.array([-100.0, -100.0, -115.0]), np.array([100.0, 100.0, 125.0]), 3.0)
    points = grid.points()
    z = points[2]
    wide, deep, x, y = (np.interp(z, _HEIGHTS, one).astype(np.float32) for one in (_WIDE, _DEEP, _MIDDLE_X, _MIDDLE_Y))
    grown = np.float32(9.0 * (who.muscle - 1))
    limb = superellipse(points[0] - x, points[1] - y, wide + grown, deep + grown, 2.25)
    # Fat is thin over the patella and the tibial crest and thick at the inner side and behind.
    round_it = np.arctan2(points[1] - y, points[0] - x)
    share = np.float32(0.75) + np.float32(0.35) * np.sin(round_it) - np.float32(0.2) * np.cos(round_it)
    return grid.like(limb - np.float32(who.body_fat) * share + 0.5 * (bend.lattice(grid)[0] - points[0]))


def _fat_pad(tendon: Course, bend: Bend) -> Grid:
    """Behind the patellar tendon, in front of the notch; bones and menisci are drawn over its rest."""
    grid = empty(np.array([-34.0, -62.0, -24.0]), np.array([44.0, 4.0, 44.0]), 1.5)
    points = bend.lattice(grid)
    body = ellipsoid(points, (5.5, -30.0, 6.5), (27.2, 19.0, 20.0))
    top = ellipsoid(points, (3.0, -43.0, 24.0), (22.0, 9.0, 15.0))
    places = np.array(tendon.path)
    behind = np.interp(points[2], places[:, 2], places[:, 1]).astype(np.float32) + 1.8
    front = behind + 0.004 * (points[0] - 6) ** 2 - points[1]
    return grid.like(np.maximum(blend(body, top, 6.0), front))


def cavity(excess: float) -> Grid:
    """Signed distance to the suprapatellar recess and the gutters, filled by ``excess`` mm more than a film."""
    e = excess
    grid = empty(np.array([-52.0, -62.0, -10.0]), np.array([52.0, 32.0, 92.0]), 1.25)
    points = grid.points()
    recess = ellipsoid(points, (3.0, -40.5 - 0.35 * excess, 60.0), (17 + 0.8 * e, 1.3 + 0.85 * e, 15 + 1.6 * e))
    found = recess
    for sign, y, z in ((-1.0, -22.0, 30.0), (1.0, -22.0, 31.0)):
        gutter = ellipsoid(points, (sign * (38.5 + 0.35 * excess), y, z), (1.0 + 0.7 * e, 9 + 0.8 * e, 14 + 0.8 * e))
        found = blend(found, gutter, 3.0)
    for x, z in ((-20.0, 13.0), (20.0, 12.0)):
        found = np.minimum(found, ellipsoid(points, (x, 21.5, z), (8 + 0.6 * e, 0.9 + 0.45 * e, 9 + 0.6 * e)))
    return grid.like(found)


def _marks(
    bones: Mapping[str, Bone], menisci: Mapping[str, Grid], ligaments: Mapping[str, Band], tip: NDArray[np.float64]
) -> dict[str, NDArray[np.float64]]:
    marks = {"patella": tip.mean(0), "patella_apex": tip[0], "patella_base": tip[1]}
    for name, band in ligaments.items():
        places = np.array(band.course.path)
        marks[name] = places[len(places) // 2]
    tibia = bones["tibia"].coat()
    for side, grid in menisci.items():
        inside = grid.values[0] < max(-1.0, float(grid.values.min()) / 2)
        points = grid.points()[:, 0][:, inside]
        x, y = points[:2].mean(1)
        column = np.array([np.full(80, x), np.full(80, y), np.linspace(-10, 10, 80)], np.float32)
        height = column[2][np.flatnonzero(tibia.at(column) > 0)[0]]
        marks[f"{side}_plateau"] = np.array([x, y, float(height)])
    return marks

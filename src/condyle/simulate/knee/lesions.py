"""Planted findings as physical changes: of the anatomy before it is drawn, and of the tissue while it is."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from condyle.simulate.canvas import Window
from condyle.simulate.knee.fields import Grid, View, common, inside
from condyle.simulate.knee.findings import Planted
from condyle.simulate.knee.joint import CODES, Knee
from condyle.simulate.knee.shapes import Bone
from condyle.simulate.surfaces import Floats, NoiseField, coverage, ellipsoid

LIGAMENT = {"acl_injury": "acl", "pcl_injury": "pcl", "mcl_injury": "mcl", "lcl_injury": "lcl"}


@dataclass(frozen=True, slots=True, eq=False)
class Lesion:
    """A planted finding at its place.

    Parameters
    ----------
    centre : (3,) mm of knee coordinates
    spin : (4,) numbers in -1 to 1 that decide kind, direction and shape
    """

    planted: Planted
    centre: NDArray[np.float64]
    spin: NDArray[np.float64]

    @property
    def radius(self) -> float:
        return self.planted.size / 2

    @property
    def severity(self) -> float:
        return self.planted.severity

    @property
    def displaced(self) -> bool:
        """A severe longitudinal tear whose inner part has turned over into the notch (a bucket handle)."""
        severe = self.planted.finding == "meniscal_tear" and self.planted.present and self.severity > 0.8
        return severe and bool(self.spin[0] > 0.55)


@dataclass(frozen=True, slots=True, eq=False)
class Lesions:
    """All of one knee, asked by ``draw`` at each step of painting.

    Parameters
    ----------
    effusion : mm of fluid beyond a film
    magic : 0 to 1, strength of the magic angle effect
    room : signed distance to the fluid in the recesses
    rough, cloud : fields that fray edges, finely and coarsely
    """

    found: tuple[Lesion, ...]
    effusion: float
    magic: float
    room: Grid
    rough: NoiseField
    cloud: NoiseField

    def of(self, *names: str, present: bool | None = None) -> list[Lesion]:
        return [one for one in self.found if one.planted.finding in names and present in (None, one.planted.present) and one.severity > 0]

    def fat_pad(self, view: View, window: Window, pad: Floats) -> None:
        """Oedema of the fat pad; its look-alike is the recess of fluid that clefts every second fat pad."""
        hurt = self.of("fat_pad_injury")
        points = view.points(window) if hurt else np.zeros(0, np.float32)
        for one in hurt:
            if one.planted.present:
                shape = ellipsoid(points, one.centre, (one.radius * 1.1, one.radius * 0.8, one.radius)) + 1.6 * view.canvas.field(
                    self.cloud, window
                )
                cover: Floats = np.clip(0.5 - shape / np.float32(0.8 * one.radius), 0, 1)
            else:
                cleft = ellipsoid(points, one.centre + np.array([0, 2, -2]), (one.radius * 0.9, 0.9, 0.35 * one.radius))
                cover = np.asarray(coverage(cleft, view.canvas.pixel))
            inside = coverage(pad, view.canvas.pixel)
            view.canvas.paint(window, cover * inside * np.float32(0.9 * one.severity), "oedema")

    def deep(self, view: View, window: Window, points: Floats) -> None:
        """Cysts, before anything of the joint; vessels and muscles lie under them."""
        pixel = view.canvas.pixel / view.scale
        everywhere, all_points = window, points
        for one in self.of("cyst"):
            part = _near(view, everywhere, one.centre, 1.5 * one.radius + 11)
            if part is None:
                continue
            window, points = part[0], all_points[:, *part[1]]
            r, s = one.radius, one.severity
            if not one.planted.present:  # fluid in the recess about the popliteus tendon, or a little in the bursa behind
                r, s = min(r, 4.0), s
                shape = ellipsoid(points, one.centre, (0.35 * r, 0.3 * r, 1.2 * r))
            elif one.planted.place == "popliteal":
                shape = ellipsoid(points, one.centre, (0.62 * r, 0.5 * r, 1.15 * r))
                lobe = ellipsoid(points, one.centre + np.array([0.3 * r, -0.15 * r, 0.75 * r]), (0.4 * r, 0.38 * r, 0.6 * r))
                neck = ellipsoid(points, one.centre + np.array([0.5 * r, -5, 4]), (2.2, 6.0, 2.0))
                shape = np.minimum(np.minimum(shape, lobe), neck)
            else:
                shape = ellipsoid(points, one.centre, (0.55 * r, 0.55 * r, 0.5 * r))
                lobe = ellipsoid(points, one.centre + np.array([0.2 * r, 0.5 * r, 0.1 * r]), (0.38 * r, 0.4 * r, 0.36 * r))
                shape = np.minimum(shape, lobe)
            shape = shape + 0.35 * self._frayed(view, window)
            view.canvas.paint(window, np.float32(s) * coverage(shape - 0.6, pixel), "muscle", gain=0.8)
            view.canvas.paint(window, np.float32(s) * coverage(shape, pixel), "fluid", gain=0.95, label=CODES["fluid"])

    def cavity(self, view: View, window: Window, points: Floats, coats: dict[str, Floats], skin: Floats) -> None:
        """Joint fluid in the recesses, and what fills a defect."""
        pixel = view.canvas.pixel / view.scale
        box = self.room.bounds(2.0)
        part = None if box is None else view.window(box)
        part = None if part is None else common(window, part)
        if part is not None:
            distance = view.look(self.room, part) + 0.25 * self._frayed(view, part)
            distance = np.maximum(distance, skin[inside(window, part)] + 5.0)
            view.canvas.paint(part, coverage(distance - 0.8, pixel) * 0.7, "synovium", fat=0.1, gain=0.6)
            view.canvas.paint(part, coverage(distance, pixel), "fluid", gain=0.95, label=CODES["fluid"])
        for one in self.of("cartilage_defect", present=True):
            found = _near(view, window, one.centre, one.radius + 2)
            if found is None:
                continue
            small, inner = found
            shape = ellipsoid(points[:, *inner], one.centre, (one.radius + 0.5,) * 3)
            coat = np.minimum(np.minimum(coats["femur"][inner], coats["tibia"][inner]), coats["patella"][inner])
            view.canvas.paint(small, coverage(shape, pixel) * coverage(coat - 3.2, 1.0), "fluid", gain=0.95, label=CODES["fluid"])
        for one in self.of("plica"):
            found = _near(view, window, one.centre, 1.3 * one.radius + 5)
            if found is not None:
                self._plica(view, found[0], points[:, *found[1]], one)

    def _plica(self, view: View, window: Window, points: Floats, one: Lesion) -> None:
        """A dark fold in the medial recess, with a film of fluid on both sides. A normal one is short and thin."""
        pixel = view.canvas.pixel / view.scale
        thin = 0.35 + 0.95 * one.severity if one.planted.present else 0.25 + 0.2 * one.severity
        length = one.radius if one.planted.present else 0.5 * one.radius
        tilt = np.radians(28 + 12 * one.spin[0])
        axes = np.array([[np.cos(tilt), -np.sin(tilt), 0], [np.sin(tilt), np.cos(tilt), 0], [0, 0, 1]])
        fold = ellipsoid(points, one.centre, (length, thin, 1.3 * length), axes)
        bed = ellipsoid(points, one.centre, (length + 2.5, thin + 1.6, 1.3 * length + 2), axes)
        view.canvas.paint(window, coverage(bed, pixel), "fluid", gain=0.9, label=CODES["fluid"])
        view.canvas.paint(window, coverage(fold, pixel), "ligament")

    def meniscus(self, view: View, window: Window, points: Floats, cover: Floats, side: str) -> None:
        """A cleft that reaches a surface; its look-alike is signal within the substance."""
        pixel = view.canvas.pixel / view.scale
        outwards = -1.0 if side == "medial" else 1.0
        for one in self.of("meniscal_tear"):
            if one.planted.place != side:
                continue
            x, y, z = (points[n] - np.float32(one.centre[n]) for n in range(3))
            # The lesion's centre lies in the substance; ``out`` points to the rim, ``round`` along the horn.
            turn = np.float32(one.spin[3] * np.pi)
            out = np.float32(outwards) * np.cos(turn) * x + np.sin(turn) * y
            around = -np.float32(outwards) * np.sin(turn) * x + np.cos(turn) * y
            within = coverage(np.abs(around) - np.float32(one.radius), 1.5)
            if not one.planted.present:
                blob = np.sqrt((around / one.radius) ** 2 + (out / 2.2) ** 2 + (z / 1.0) ** 2)
                view.canvas.paint(window, cover * np.clip(1.3 - blob, 0, 1) * np.float32(0.75 * one.severity), "hyaline_soft")
                continue
            width = np.float32(0.35 + 2.15 * one.severity)
            kind = one.spin[0]
            if kind < 0.1:  # oblique to horizontal, from the inner edge below to the rim
                gap = np.abs(z - np.float32(0.18 + 0.15 * one.spin[1]) * out)
            elif kind < 0.55:  # radial: across the horn
                gap, within = np.abs(around), np.ones_like(within)
                within = coverage(np.abs(out) - np.float32(one.radius), 1.5)
            else:  # longitudinal, upright
                gap = np.abs(out - 0.4 * z)
            if one.displaced:
                self._handle(view, window, points, cover, one, (out, around))
                continue
            cleft = coverage(gap + 0.12 * self._frayed(view, window) - width / 2, max(pixel, 0.3))
            view.canvas.paint(window, cover * cleft * within * np.float32(min(0.35 + 0.75 * one.severity, 1)), "fluid")

    def _handle(self, view: View, window: Window, points: Floats, cover: Floats, one: Lesion, frame: tuple[Floats, Floats]) -> None:
        """Fluid where the inner part of the meniscus was, and that part as a dark bar in the notch."""
        pixel, (out, around) = view.canvas.pixel / view.scale, frame
        slope = out + 1.5 + 0.5 * (points[2] - np.float32(one.centre[2])) + 0.4 * self._frayed(view, window)
        there = coverage(slope, 0.8) * coverage(np.abs(around) - np.float32(one.radius + 1), 3.0)
        view.canvas.paint(window, cover * there, "fluid", gain=0.9, label=CODES["fluid"])
        side = np.sign(one.centre[0])
        shape = ellipsoid(points, (side * 7.0, one.centre[1] - 8.0, one.centre[2] + 1.5), (2.4, 12.0, 2.2))
        view.canvas.paint(window, coverage(shape, pixel), "meniscus", label=CODES[f"{one.planted.place}_meniscus"])

    def _hurt(self, name: str) -> list[Lesion]:
        return [one for one in self.of(*LIGAMENT) if LIGAMENT[one.planted.finding] == name]

    def ligament(self, view: View, window: Window, name: str, distance: Floats, share: Floats, cover: Floats) -> None:
        """Oedema in and about the fibres; from half severity on a gap."""
        pixel = view.canvas.pixel / view.scale
        for one in self._hurt(name):
            bump = _bump(share, one)
            rough = self._frayed(view, window)
            bright = np.clip(bump * (one.severity + 0.25 * rough * one.severity), 0, 1)
            view.canvas.paint(window, cover * bright * np.float32(0.8), "oedema", gain=0.8)
            if name in ("mcl", "lcl") and one.planted.present:
                around = coverage(distance - np.float32(0.8 + 2.2 * one.severity), 2.0) * (1 - cover)
                view.canvas.paint(window, around * bump * np.float32(0.65 * one.severity), "oedema", gain=0.8)
            if one.planted.present and one.severity > 0.5:
                half = 0.025 + 0.10 * (one.severity - 0.5)
                gap = np.clip((half - np.abs(share - np.float32(0.5 + 0.22 * one.spin[0])) + 0.015 * rough) / 0.03, 0, 1)
                view.canvas.paint(window, cover * gap * coverage(distance, pixel), "fluid", gain=0.9)

    def cartilage(self, view: View, window: Window, points: Floats, name: str, cover: Floats, depth: Floats) -> None:
        """Softened cartilage without loss: the look-alike of a defect."""
        for one in self.of("cartilage_defect", present=False):
            found = _near(view, window, one.centre, 1.5 * one.radius + 1)
            if found is None:
                continue
            small, inner = found
            shape = ellipsoid(points[:, *inner], one.centre, (one.radius,) * 3)
            soft = np.clip(0.5 - shape / np.float32(one.radius), 0, 1) * depth[inner]
            view.canvas.paint(small, cover[inner] * soft * np.float32(0.7 * one.severity), "hyaline_soft")

    def marrow(
        self, view: View, window: Window, points: Floats, name: str, surface: Floats, inner: Floats, fat: Floats, texture: Floats
    ) -> None:
        rough, cloud = self._frayed(view, window), view.canvas.field(self.cloud, window)
        for one in self.of("bone_contusion"):
            if one.planted.place.rpartition("_")[2] != name:
                continue
            shape = ellipsoid(points, one.centre, (one.radius * 1.2, one.radius, one.radius * 0.9)) + 2.0 * cloud
            soft = np.clip(0.5 - shape / np.float32(1.2 * one.radius), 0, 1)
            # A look-alike is red marrow: less bright, with most of its fat.
            strength, rest = (0.8 * one.severity, 0.25) if one.planted.present else (0.6 * one.severity, 0.5)
            tissue = "oedema" if one.planted.present else "marrow"
            view.canvas.paint(window, inner * soft * np.float32(strength), tissue, fat=rest * fat)
        for one in self.of("cartilage_defect", present=True):  # marrow reacts under the deep half of defects
            found = _near(view, window, one.centre, one.radius + 5) if one.severity > 0.5 else None
            if found is not None:
                small, part = found
                shape = ellipsoid(points[:, *part], one.centre, (one.radius * 0.9 + 2,) * 3) + cloud[part]
                soft = np.clip(0.5 - shape / np.float32(6.0), 0, 1)
                under = fat[part if fat.shape[0] > 1 else (slice(None), *part[1:])]
                view.canvas.paint(small, inner[part] * soft * np.float32(1.2 * (one.severity - 0.5)), "oedema", fat=0.35 * under)
        for one in self.of("osteoarthritis", present=True):
            shape = ellipsoid(points, one.centre, (one.radius * 0.8, one.radius * 0.9, 5.0)) + 1.5 * cloud
            soft = np.clip(0.5 - shape / np.float32(6.0), 0, 1)
            view.canvas.paint(window, inner * soft * np.float32(0.5 * one.severity * (0.6 + 0.4 * one.spin[2])), "oedema", fat=0.35 * fat)
        for one in self.of("fracture", present=True):
            if one.planted.place.rpartition("_")[2] != name:
                continue
            normal = np.array([0.75 * np.sign(one.spin[0] + 0.01), 0.35 * one.spin[1], 0.6])
            normal /= np.linalg.norm(normal)
            off = [points[n] - np.float32(one.centre[n]) for n in range(3)]
            across = np.abs(sum(np.float32(normal[n]) * off[n] for n in range(3)) + 0.5 * rough + cloud)
            near = coverage(np.sqrt(sum(d * d for d in off)) - np.float32(one.planted.size), 6.0)
            halo = np.exp(-((across / np.float32(4.0 + 4.0 * one.severity)) ** 2)) * near
            view.canvas.paint(window, inner * halo * np.float32(0.65 * one.severity), "oedema", fat=0.3 * fat)
            line = coverage(across - np.float32(0.3 + 0.6 * one.severity), 0.8) * near
            view.canvas.paint(window, coverage(surface, 0.6) * line * np.float32(0.9 * one.severity), "bone")

    def _frayed(self, view: View, window: Window) -> Floats:
        return view.canvas.field(self.rough, window)


def _near(view: View, window: Window, centre: NDArray[np.float64], reach: float) -> tuple[Window, tuple[slice, slice, slice]] | None:
    """The part of a window within ``reach`` mm of a place, also in indices of the window; None when the slice misses it."""
    small = view.window(np.array([centre - reach, centre + reach]))
    part = None if small is None else common(window, small)
    return None if part is None else (part, inside(window, part))


def _bump(share: Floats, one: Lesion) -> Floats:
    """1 at the middle of the injury, falling off over its size along the ligament (of about 40 mm)."""
    width = max(one.planted.size / 80.0, 0.06)
    return np.asarray(np.exp(-(((share - np.float32(0.5 + 0.22 * one.spin[0])) / width) ** 2)))


def place(rng: np.random.Generator, knee: Knee, planted: tuple[Planted, ...]) -> tuple[Lesion, ...]:
    """Where each finding lies in this knee."""
    return tuple(_one(rng, knee, one) for one in planted)


def _one(rng: np.random.Generator, knee: Knee, planted: Planted) -> Lesion:
    spin, jitter = rng.uniform(-1, 1, 4), rng.uniform(-1, 1, 3)
    centre = _centre(knee, planted, spin, jitter)
    return Lesion(planted, np.asarray(centre, np.float64), spin)


def _centre(knee: Knee, planted: Planted, spin: NDArray[np.float64], jitter: NDArray[np.float64]) -> NDArray[np.float64]:
    name, where = planted.finding, planted.place
    if name in LIGAMENT:
        places = np.array(knee.ligaments[LIGAMENT[name]].course.path)
        steps = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(places, axis=0), axis=1))])
        at = steps[-1] * (0.5 + 0.22 * spin[0])
        return np.array([np.interp(at, steps, places[:, n]) for n in range(3)])
    if name == "meniscal_tear":
        return _in_meniscus(knee, where, spin)
    if name == "cartilage_defect":
        region = {
            "patella": ("patella", (-12, -70, -60), (12, 0, 90)), "trochlea": ("femur", (-14, -60, 12), (14, -22, 45)),
            "medial": ("femur", (-32, -20, -10), (-14, 14, 12)), "lateral": ("femur", (14, -20, -10), (30, 14, 12)),
        }[where]  # fmt: skip
        return _on_cartilage(knee.bones[region[0]], np.array(region[1]), np.array(region[2]), spin)
    if name == "fat_pad_injury":
        return np.array([5.0, -36.0, 10.0]) + jitter * (10, 4, 9)
    if name == "plica":
        return _medial_recess(knee, 4 * spin[1])
    if name == "cyst":
        if not planted.present:
            return np.array([24.0, 22.0, -9.0]) + jitter * (2, 1, 3)
        if where == "popliteal":
            return np.array([-24.0, 30.0, 8.0]) + jitter * (2, 2, 5) + (0, 0.15 * planted.size, 0)
        if where == "cruciate":
            return np.array([1.0, 6.0, 14.0]) + jitter * (3, 3, 5)
        side = "medial" if spin[0] < 0 else "lateral"
        edge = _in_meniscus(knee, side, spin)
        plateau = knee.marks[f"{side}_plateau"]
        out = (edge - plateau) * (1, 1, 0)
        return edge + out / max(float(np.linalg.norm(out)), 1e-6) * (6.0 + 0.3 * planted.size)
    if name == "effusion":
        return np.array([3.0, -40.0, 60.0])
    if name == "osteoarthritis":
        base = {
            "medial": knee.marks["medial_plateau"],
            "lateral": knee.marks["lateral_plateau"],
            "patellofemoral": np.array([0, -38.0, 32.0]),
        }
        return base[where] + jitter * (3, 5, 0)
    spots = {
        "lateral_femur": (20, -12, 14), "medial_femur": (-22, -6, 14), "lateral_tibia": (22, 8, -10), "medial_tibia": (-22, 2, -12),
        "patella": tuple(knee.marks["patella"]),
    }  # fmt: skip
    return np.array(spots[where], np.float64) + jitter * ((3, 2, 5) if where == "patella" else (6, 10, 5))


def _in_meniscus(knee: Knee, side: str, spin: NDArray[np.float64]) -> NDArray[np.float64]:
    """A place in the middle of the substance, most often in the posterior horn; turns ``spin[3]`` to point to the rim there."""
    grid = knee.menisci[side]
    depth = -grid.values[0]
    points = grid.points()[:, 0]
    middle = points[:2][:, depth > min(1.0, float(depth.max()) / 2)].mean(1)
    sign = -1.0 if side == "medial" else 1.0
    angle = np.radians(45 + 60 * spin[2])  # 0 is the rim at the side, 90 the back
    spin[3] = angle / np.pi
    direction = np.array([sign * np.cos(angle), np.sin(angle)])
    steps = np.arange(4, 30, 0.5)
    line = (middle[:, None] + direction[:, None] * steps).astype(np.float32)
    here = grid.at(np.vstack([line, np.full((1, len(steps)), grid.low[2], np.float32)]))
    best = int(np.argmin(here))
    x, y = line[:, best]
    z = np.linspace(-12, 14, 131, dtype=np.float32)
    column = np.stack([np.full_like(z, x), np.full_like(z, y), z])
    tibia, femur = knee.bones["tibia"].coat().at(column), knee.bones["femur"].coat().at(column)
    free = z[(tibia > 0) & (femur > 0) & (tibia < 7)]
    return np.array([x, y, float(free.mean()) if len(free) else float(knee.marks[f"{side}_plateau"][2]) + 3])


def _on_cartilage(bone: Bone, low: NDArray[np.float64], high: NDArray[np.float64], spin: NDArray[np.float64]) -> NDArray[np.float64]:
    assert bone.thickness is not None
    points = bone.surface.points()
    near = (np.abs(bone.coat().values) < 0.8) & (bone.thickness.values > 1.0)
    near &= np.all([(points[n] > low[n]) & (points[n] < high[n]) for n in range(3)], axis=0)
    chosen = points[:, near]
    if not chosen.shape[1]:
        thick = np.where(np.abs(bone.coat().values) < 0.8, bone.thickness.values, -np.inf)
        chosen = points[:, thick > min(0.5, float(thick.max()) - 1e-6)]  # a worn patella has no more than that anywhere
    return np.asarray(chosen[:, int((spin[1] + 1) / 2 * (chosen.shape[1] - 1))], np.float64)


def _medial_recess(knee: Knee, up: float) -> NDArray[np.float64]:
    """Between the medial facet of the patella and the condyle, where there is most room."""
    middle = knee.marks["patella"]
    y = np.linspace(-62, -25, 75, dtype=np.float32)
    column = np.stack([np.full_like(y, middle[0] - 21), y, np.full_like(y, middle[2] - 4 + up)])
    room = np.minimum(knee.bones["patella"].surface.at(column), knee.bones["femur"].coat().at(column))
    return np.array([middle[0] - 21, float(y[int(np.argmax(room * (y > middle[1] - 2)))]), middle[2] - 4 + up])


def changed(knee: Knee, found: tuple[Lesion, ...]) -> Knee:
    """The knee with cartilage taken away at its defects and its hurt ligaments swollen."""
    bones, ligaments = dict(knee.bones), dict(knee.ligaments)
    for one in found:
        if one.planted.finding in LIGAMENT:
            band = ligaments[LIGAMENT[one.planted.finding]]
            swell = (1.6 if band.name in ("acl", "pcl") else 0.8) * one.severity * _bump(band.share.values, one)
            ligaments[band.name] = replace(band, surface=band.surface.like(band.surface.values - swell))
        if one.planted.finding != "cartilage_defect" or not one.planted.present:
            continue
        name = "patella" if one.planted.place == "patella" else "femur"
        bone = bones[name]
        assert bone.thickness is not None
        points = bone.surface.points()
        far = np.sqrt(sum((points[n] - np.float32(one.centre[n])) ** 2 for n in range(3)))
        lost = np.float32(one.severity) * np.clip((one.radius - far) / 1.2 + 0.5, 0, 1)
        bones[name] = Bone(bone.surface, bone.thickness.like(bone.thickness.values * (1 - lost)))
    return replace(knee, bones=bones, ligaments=ligaments)

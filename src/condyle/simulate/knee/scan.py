"""``simulate_knee``: one knee study from one seed."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from condyle.errors import UsageError
from condyle.simulate.acquisition import Receiver, acquire
from condyle.simulate.canvas import Canvas, Palette, Window
from condyle.simulate.faults import NO_FAULTS, Faults, clip, mirror, spoil_receiver
from condyle.simulate.knee.draw import Textures, draw, textures
from condyle.simulate.knee.fields import View, stretched
from condyle.simulate.knee.findings import Planted, plant, random_findings
from condyle.simulate.knee.findings import difficulty as difficulty_table
from condyle.simulate.knee.joint import Knee, Wear, build, cavity
from condyle.simulate.knee.lesions import Lesions, changed, place
from condyle.simulate.knee.person import Person, Variation, person
from condyle.simulate.knee.protocols import SERIES, Site, plane_of, protocol_of, site_of
from condyle.simulate.knee.sampling import coarser, cut, interpolated, nearest
from condyle.simulate.knee.truth import truth
from condyle.simulate.signal import fat_signal
from condyle.simulate.study import Protocol, SimulatedSeries, SimulatedStudy, stream
from condyle.simulate.surfaces import Floats, NoiseField
from condyle.simulate.tissues import TISSUES
from condyle.simulate.vendors import vendor_of
from condyle.study import Geometry, Volume

Findings = Iterable[Planted] | Iterable[str] | str | None


def simulate_knee(
    seed: int,
    *,
    findings: Findings = None,
    difficulty: str = "study",
    vendor: str = "",
    variation: Variation | None = None,
    series: tuple[str, ...] | None = None,
    faults: Faults = NO_FAULTS,
    tesla: float | None = None,
    matrix: int | None = None,
    slices: int | None = None,
    headers: Mapping[str, Any] | None = None,
    extra: bool = True,
    complete: bool = False,
) -> SimulatedStudy:
    """Draw one knee study.

    Parameters
    ----------
    seed : same seed and arguments, same study to the last bit
    findings : what is planted: ``Planted`` or words as in ``findings.plant`` ('acl_injury', 'meniscal_tear=0.4@medial', 'normal'),
        or None: findings and distractors drawn by ``difficulty``
    difficulty : a table of difficulty.toml
    vendor : 'siemens', 'ge', 'philips'; '' takes any site
    variation : fixes what otherwise differs from person to person
    series : of ``protocols.SERIES``; None: what the site does, planes missing now and then
    faults : what goes wrong in the scanner
    tesla, matrix, slices : None: as the site has them
    headers : DICOM keyword -> value, replaces what the writer would say
    extra : also the site's series without fat suppression
    complete : no plane is missing

    Returns
    -------
    SimulatedStudy; volumes [slice, row, column] in radiological convention: sagittal front left, coronal and axial patient's left on
    the right of the picture; slices from right to left, front to back, feet to head

    Raises
    ------
    UsageError - an unknown vendor, series, finding or difficulty, or a value out of range
    """
    rng = stream(seed, "study")
    site = site_of(rng, vendor_of(vendor).name if vendor else "")
    names = _series(rng, site, series, extra, complete)
    planted = _plan(seed, findings, difficulty)
    who = person(seed, variation or Variation())
    knee = build(seed, who, _wear(planted))
    found = place(stream(seed, "places"), knee, planted)
    knee = changed(knee, found)
    fluid = max([one.size * one.severity for one in planted if one.finding == "effusion"], default=0.0)
    fluid = min(fluid, 1.6) if not any(one.present for one in planted if one.finding == "effusion") else fluid
    lesions = Lesions(
        found,
        float(fluid),
        float(stream(seed, "magic").uniform(0.2, 1.0)),
        cavity(float(fluid)),
        NoiseField(stream(seed, "rough"), 2.6),
        NoiseField(stream(seed, "cloud"), 7.0, 2),
    )
    strength = site.tesla if tesla is None else tesla
    origin, to_knee = _pose(seed, who)
    noise = textures(seed)
    done: dict[str, SimulatedSeries] = {}
    for plane in ("sagittal", "coronal", "axial"):
        group = [_protocol(seed, site, name, strength, matrix, slices) for name in names if plane_of(name) == plane]
        if not group:
            continue
        geometry = _grid(seed, plane, group[0], origin, who)
        scan = _Scan(seed, site, knee, lesions, noise, to_knee, strength, faults)
        for protocol, one in zip(group, scan.render(group, geometry), strict=True):
            done[protocol.name] = one
    ordered = {name: done[name] for name in names}
    given = {"PatientPosition": "FFS"} | _laterality(seed, site, who.side) | dict(headers or {}) | faults.headers()
    told = truth(knee, found, np.asarray(np.linalg.inv(to_knee), np.float64), ordered, site, seed)
    return SimulatedStudy("knee", seed, site.vendor, strength, ordered, told, "KNEE", given)


def _series(rng: np.random.Generator, site: Site, asked: tuple[str, ...] | None, extra: bool, complete: bool) -> tuple[str, ...]:
    draws = rng.uniform(size=16)
    if asked is not None:
        if unknown := [name for name in asked if name not in SERIES]:
            raise UsageError(
                "unknown-series", f"There is no simulated series {unknown[0]!r}.", what_to_do=f"Use some of: {', '.join(SERIES)}."
            )
        return asked
    fluid = {"sagittal": "sag", "coronal": "cor", "axial": "tra"}
    kept = [f"{site.fluid}_fs_{short}" for n, (plane, short) in enumerate(fluid.items()) if complete or draws[n] >= site.missing[plane]]
    kept = kept or [f"{site.fluid}_fs_sag"]
    more = [name for n, (name, share) in enumerate(site.extra.items()) if extra and draws[8 + n] < share]
    return (*kept, *more)


def _plan(seed: int, findings: Findings, table: str) -> tuple[Planted, ...]:
    if findings is None:
        return random_findings(stream(seed, "findings"), difficulty_table(table))
    listed = [findings] if isinstance(findings, str) else list(findings)
    words = [one for one in listed if isinstance(one, str)]
    return (*(one for one in listed if isinstance(one, Planted)), *plant(words, stream(seed, "planted")))


def _wear(planted: tuple[Planted, ...]) -> tuple[Wear, ...]:
    return tuple(
        Wear(one.place, 0.9 * one.severity if one.present else 0.5 * one.severity, (1.0 + 3.0 * one.severity) * one.present)
        for one in planted
        if one.finding == "osteoarthritis" and one.severity > 0
    )


def _laterality(seed: int, site: Site, side: str) -> dict[str, Any]:
    """The tag as the site fills it: not at all, blank, right, and once in a hundred wrong."""
    rng = stream(seed, "laterality")
    draw = rng.uniform(size=3)
    if draw[0] >= site.tagged:
        return {"Laterality": ""} if draw[1] < 0.6 else {}
    right = draw[2] >= 0.01
    return {"Laterality": "L" if (side == "left") == right else "R"}


def _pose(seed: int, who: Person) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Where the knee lies in the scanner (LPS mm), and the matrix from there to knee coordinates."""
    rng = stream(seed, "pose")
    sign = 1.0 if who.side == "left" else -1.0
    origin = np.array([sign * np.clip(rng.normal(81, 14), 28, 125), rng.normal(0, 18), rng.normal(0, 12)])
    # Turned outwards: the front of a left knee goes to +x.
    turn = Rotation.from_euler("zyx", [sign * who.rotation, rng.normal(0, 2.0), rng.normal(0, 2.0)], degrees=True).as_matrix()
    from_knee = np.eye(4)
    from_knee[:3, :3] = turn @ np.diag([sign, 1.0, 1.0]) * who.size
    from_knee[:3, 3] = origin
    return np.asarray(origin, np.float64), np.asarray(np.linalg.inv(from_knee), np.float64)


DRAWN = 320
"""Rows and columns that are sampled at most, which is 0.4 to 0.6 mm; larger pictures are filled with zeros in k-space."""

_COUNT = {"sagittal": 100.0, "coronal": 96.0, "axial": 108.0}
"""mm from the first to the last slice, about."""

_FEW = {"sagittal": 84.0, "coronal": 88.0, "axial": 96.0}
"""mm that slices of a given number span: the joint alone, with wider gaps between slices that are as thick as ever."""


def _protocol(seed: int, site: Site, name: str, tesla: float, matrix: int | None, slices: int | None) -> Protocol:
    rng = stream(seed, f"protocol {plane_of(name)}")
    field = float(np.clip(site.field_of_view * rng.uniform(0.94, 1.06), 130, 205))
    spacing = round(site.spacing * float(rng.uniform(0.95, 1.1)), 1)
    count = int(np.clip(_COUNT[plane_of(name)] / spacing, 20, 40)) if slices is None else slices
    apart = spacing if slices is None else round(_FEW[plane_of(name)] / slices, 2)
    thickness = round(0.9 * min(spacing, apart), 2)
    return protocol_of(name, tesla, site.matrix if matrix is None else matrix, field, thickness, apart, count)


def _grid(seed: int, plane: str, protocol: Protocol, origin: NDArray[np.float64], who: Person) -> Geometry:
    """Where a technologist puts the stack: on the joint, along the femur, sagittal slices turned a little to follow the ACL."""
    rng = stream(seed, f"grid {plane}")
    sign = 1.0 if who.side == "left" else -1.0
    lean = rng.normal(0, 2.0, 2)
    turn = sign * who.rotation * rng.uniform(0.6, 1.0) + rng.normal(0, 2.0)
    if plane == "sagittal":
        turn -= sign * rng.uniform(0, 10)
    spin = Rotation.from_euler("zyx", [turn, lean[0], lean[1]], degrees=True).as_matrix()
    x, y, z = spin.T
    pixel = protocol.field_of_view / protocol.matrix
    columns = {"sagittal": (x, -z, y), "coronal": (y, -z, x), "axial": (z, y, x)}[plane]
    steps = (protocol.spacing, pixel, pixel)
    place = {"sagittal": (0, -4, 8), "coronal": (0, -4, 8), "axial": (0, -4, 14)}[plane]
    middle = origin + spin @ (np.array(place, float) * who.size + rng.normal(0, (2, 3, 4)))
    affine = np.eye(4)
    affine[:3, :3] = np.array([c * s for c, s in zip(columns, steps, strict=True)]).T
    shape = (protocol.slices, protocol.matrix, protocol.matrix)
    affine[:3, 3] = middle - affine[:3, :3] @ ((np.array(shape) - 1) / 2)
    return Geometry(affine, shape)


class _Scan:
    """One knee in one scanner."""

    def __init__(
        self,
        seed: int,
        site: Site,
        knee: Knee,
        lesions: Lesions,
        noise: Textures,
        to_knee: NDArray[np.float64],
        tesla: float,
        faults: Faults,
    ) -> None:
        self.seed, self.site, self.knee, self.lesions, self.noise = seed, site, knee, lesions, noise
        self.to_knee, self.tesla, self.faults = to_knee, tesla, faults
        rng = stream(seed, "coil")
        self.homogenised = float(rng.choice([rng.uniform(0.1, 0.5), rng.uniform(0.5, 0.95)]))
        self.shift = rng.normal(0, 12, 3)
        self.length = rng.uniform(72, 95)
        # Fat suppression fails where the field is off: at the curved skin in front and at the ends of the coil.
        self.failure = float(np.clip(rng.gamma(2.0, site.suppression / 2), 0, 0.9))
        self.field = NoiseField(stream(seed, "field"), 75.0)

    def coil(self, points: Floats) -> Floats:
        x, y, z = (points[n] - np.float32(self.shift[n] * 0.4) for n in range(3))
        radius2 = (x * x + (y + 4) ** 2) / np.float32(75.0**2)
        ends = np.exp(-((np.abs(z - 8) / np.float32(self.length)) ** 4))
        near = (0.55 + 0.6 * radius2 + 0.004 * x * np.float32(np.sign(self.shift[0]))) * (0.12 + 0.88 * ends)
        return np.asarray(np.clip(near, 0.04, 1.6) ** np.float32(1 - self.homogenised) * (0.15 + 0.85 * ends), np.float32)

    def unsuppressed(self, points: Floats) -> Floats:
        """Share of fat that survives, (rows, columns)."""
        import cv2

        rows, columns = points.shape[1:]
        field = cv2.resize(self.field(points[:, None, ::8, ::8])[0], (columns, rows), interpolation=cv2.INTER_LINEAR)
        far = np.clip((np.abs(points[2] - 8) - 45) / 40, 0, 1)
        return np.asarray(np.clip(0.35 * self.failure * (field - 0.6) + 0.45 * self.failure * far, 0, 0.6), np.float32)

    def render(self, group: list[Protocol], geometry: Geometry) -> list[SimulatedSeries]:
        """The series of one plane, all on one grid. What is finer than ``DRAWN`` pixels is interpolated, as scanners do it."""
        palette = Palette(tuple(one.sequence for one in group), self.tesla)
        fat = [fat_signal(TISSUES["fat"], one.sequence, self.tesla) for one in group]
        whole = [fat_signal(TISSUES["fat"], replace(one.sequence, fat_suppression="none"), self.tesla) for one in group]
        receivers = [spoil_receiver(self._receiver(one), self.faults, one.name) for one in group]
        sampled = coarser(geometry, DRAWN)
        pixel = float(np.mean(sampled.spacing[1:]))
        everywhere = np.ones(1, np.float32)  # the coil's sensitivity is within the signal already
        pixels = np.zeros((len(group), *geometry.shape), np.float32)
        labels = np.zeros(geometry.shape, np.uint8)

        def one_slice(k: int) -> None:
            signal = np.zeros((2, len(group), *sampled.shape[1:]), np.float32)
            found = np.zeros(sampled.shape[1:], np.uint8)
            window = self._limb(sampled, k, group[0].thickness, palette)
            if window is not None:  # all else is air
                part = cut(sampled, *window)
                canvas = Canvas(part, k, group[0].thickness, palette, 3)
                background = Canvas(part, k, group[0].thickness, palette, 1)
                draw(canvas, background, self.to_knee, self.knee, self.lesions, self.noise)
                water, fatty = canvas.collapse()
                m = self.to_knee.astype(np.float32)
                points = np.einsum("ab,bij->aij", m[:3, :3], canvas.points[:, canvas.middle]) + m[:3, 3][:, None, None]
                sensitivity, left = self.coil(points), self.unsuppressed(points)
                for n in range(len(group)):
                    rest = np.float32(fat[n]) + np.float32(whole[n] - fat[n]) * left
                    signal[:, n, *window] = water[n] * sensitivity, fatty * rest * sensitivity
                found[window] = canvas.labels
            labels[k] = nearest(found, geometry.shape[1])
            for n, one in enumerate(group):
                rng = stream(self.seed, f"receiver {one.name} {k}")
                picture = acquire(signal[0, n], signal[1, n], everywhere, receivers[n], pixel, rng)
                pixels[n, k] = interpolated(picture, geometry.shape[1])

        with ThreadPoolExecutor(min(2, os.cpu_count() or 1)) as pool:
            list(pool.map(one_slice, range(geometry.shape[0])))
        done = []
        for n, one in enumerate(group):
            volume = Volume(mirror(clip(pixels[n], self.faults, one.name), self.faults, one.name), geometry, one.name)
            shown = Volume(mirror(labels, self.faults, one.name), geometry)
            done.append(SimulatedSeries(one, volume, shown, self.faults.missing_of(one.name, geometry.shape[0])))
        return done

    def _limb(self, geometry: Geometry, k: int, thickness: float, palette: Palette) -> Window | None:
        """Rows and columns of a slice that hold the limb and 3 mm around; None when it lies beside the limb."""
        every = 4
        affine = geometry.affine.copy()
        affine[:3, 1:] *= np.array([every, every, 1.0])
        _, rows, columns = geometry.shape
        few = Geometry(affine, (geometry.shape[0], -(-rows // every) + 1, -(-columns // every) + 1))
        view = View(Canvas(few, k, thickness, palette, 3), self.to_knee)
        inside = np.asarray(view.look(self.knee.skin, (slice(0, few.shape[1]), slice(0, few.shape[2]))).min(0) < 3.0)
        if not inside.any():
            return None
        return stretched(inside, every, (slice(0, rows), slice(0, columns)))

    def _receiver(self, protocol: Protocol) -> Receiver:
        rng = stream(self.seed, f"scanner {protocol.name}")
        shift = 3.4e-6 * 42.58e6 * self.tesla / rng.uniform(190, 380)
        sampled = float(rng.uniform(0.85, 0.98))
        motion = float(rng.uniform(0.0, 0.10)) if rng.uniform() > 0.08 else float(rng.uniform(0.2, 0.6))
        return Receiver(
            resolution=(sampled * rng.uniform(0.75, 0.95), sampled),
            noise=float(rng.uniform(0.006, 0.016)) * self.site.noise * (1.5 / self.tesla) ** 0.7,
            fat_shift=shift,
            phase_axis=0,
            motion=motion,
        )

"""``simulate_lumbar``: one lumbar study from one seed."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np

from condyle.anatomy.lumbar import LEVELS
from condyle.errors import UsageError
from condyle.simulate.acquisition import Receiver, acquire, surface_coil
from condyle.simulate.canvas import Canvas, Palette
from condyle.simulate.faults import NO_FAULTS, Faults, clip, mirror, spoil_receiver
from condyle.simulate.lumbar import bodies, canal, posterior, surroundings
from condyle.simulate.lumbar.coordinates import CanalCoordinates
from condyle.simulate.lumbar.findings import SPINE_WORDS, LevelFindings, check_findings, plant, random_findings
from condyle.simulate.lumbar.layout import lay_out
from condyle.simulate.lumbar.parts import Spine
from condyle.simulate.lumbar.person import Variation, person
from condyle.simulate.lumbar.protocols import SERIES, protocols
from condyle.simulate.lumbar.truth import truth
from condyle.simulate.metal import Metal, displacement, spoil
from condyle.simulate.signal import fat_signal
from condyle.simulate.study import Protocol, SimulatedSeries, SimulatedStudy, Truth, stream
from condyle.simulate.surfaces import Floats
from condyle.simulate.tissues import TISSUES
from condyle.simulate.vendors import VENDORS, vendor_of
from condyle.study import Geometry, Volume

Planted = Mapping[str, LevelFindings] | Iterable[str] | str | None


def simulate_lumbar(
    seed: int,
    *,
    findings: Planted = None,
    vendor: str = "",
    variation: Variation | None = None,
    series: tuple[str, ...] = ("t1_sag", "t2_sag"),
    faults: Faults = NO_FAULTS,
    tesla: float | None = None,
    matrix: int | None = None,
    slices: int | None = None,
    headers: Mapping[str, Any] | None = None,
    even_coil: bool = False,
) -> SimulatedStudy:
    """Draw one lumbar study.

    Parameters
    ----------
    seed : same seed and arguments, same study to the last bit
    findings : what is planted: LevelFindings by level (levels left out are healthy, Pfirrmann 2), or words as in
        ``findings.plant`` ('herniation', 'pfirrmann=5@L4-L5', 'normal'; the other levels are then drawn at random), or None: all
        drawn at random for the person's age
    vendor : 'siemens', 'ge', 'philips'; '' draws one
    variation : fixes what otherwise differs from person to person
    series : of 't1_sag', 't2_sag', 'stir_sag', 't2_space_sag'
    faults : what goes wrong in the scanner
    tesla, matrix, slices : field strength, rows and columns, slices; None draws them (1.5 or 3; 320 to 512; 13 to 17)
    headers : DICOM keyword -> value, replaces what the writer would say (planted names, wrong tags)
    even_coil : the coil receives alike everywhere: pictures without shading, to which a known one can be added

    Returns
    -------
    SimulatedStudy; volumes [slice, row, column], sagittal, head up, front to the left, slices from the patient's right to the left

    Raises
    ------
    UsageError - an unknown vendor, series or finding, or a value out of range
    """
    rng = stream(seed, "study")
    drawn = str(rng.choice(sorted(VENDORS)))
    scanner = vendor_of(vendor or drawn)
    strength = float(rng.choice([1.5, 1.5, 3.0]))
    size, count = int(rng.choice([320, 384, 448])), int(rng.choice([13, 15, 15, 17]))
    field = float(rng.uniform(265, 300))
    if unknown := [name for name in series if name not in SERIES]:
        raise UsageError("unknown-series", f"There is no simulated series {unknown[0]!r}.", what_to_do=f"Use some of: {', '.join(SERIES)}.")
    planted, varied = _plan(seed, findings, variation or Variation())
    who = person(seed, varied)
    if planted is None:
        planted = random_findings(stream(seed, "findings"), who.age)
    spine = lay_out(seed, who, planted)
    strength = strength if tesla is None else tesla
    chosen = protocols(series, strength, size if matrix is None else matrix, field, count if slices is None else slices)
    done: dict[str, SimulatedSeries] = {}
    first: Truth | None = None
    for group in _by_grid(chosen):
        geometry = _grid(seed, spine, group[0], varied)
        found = posterior.arches(spine, seed)
        first = first or truth(spine, found, geometry, seed)
        for protocol, one in zip(group, _render(seed, spine, found, group, geometry, strength, faults, even_coil), strict=True):
            done[protocol.name] = one
    assert first is not None
    ordered = {name: done[name] for name in series}
    return SimulatedStudy("lumbar", seed, scanner.name, strength, ordered, first, headers=dict(headers or {}) | faults.headers())


def _plan(seed: int, findings: Planted, variation: Variation) -> tuple[dict[str, LevelFindings] | None, Variation]:
    if findings is None:
        return None, variation
    if isinstance(findings, Mapping):
        check_findings(findings)
        return dict(findings), variation
    words = [findings] if isinstance(findings, str) else list(findings)
    spine = {SPINE_WORDS[word][0]: SPINE_WORDS[word][1] for word in words if word in SPINE_WORDS}
    variation = replace(variation, **spine)  # type: ignore[arg-type]
    base = random_findings(stream(seed, "findings"), person(seed, variation).age)
    return plant(words, base, stream(seed, "planted"))[0], variation


def _by_grid(chosen: tuple[Protocol, ...]) -> list[list[Protocol]]:
    groups: dict[tuple[object, ...], list[Protocol]] = {}
    for one in chosen:
        groups.setdefault((one.matrix, one.field_of_view, one.thickness, one.spacing, one.slices), []).append(one)
    return list(groups.values())


def _grid(seed: int, spine: Spine, protocol: Protocol, variation: Variation) -> Geometry:
    """Where a technologist puts the stack: along the middle of the spine, S1 a little above the lower edge, tilted a little."""
    rng = stream(seed, "grid")
    turn, lean = rng.normal(0, 1.5) + variation.stack_turn, rng.normal(0, 1.2) + variation.stack_lean
    along_x = float(np.degrees(np.arctan2(spine.bodies[4].centre[0] - spine.sacrum[0].centre[0], spine.bodies[4].centre[2])))
    field, matrix = protocol.field_of_view, protocol.matrix
    low = rng.uniform(0.22, 0.34) * field
    if variation.sacrum_cut:
        low = rng.uniform(0.02, 0.06) * field
    if variation.high_stack:
        low = -rng.uniform(0.10, 0.16) * field
    front = rng.uniform(0.50, 0.60) * field  # the spine lies behind the middle of the picture
    middle_z = field / 2 - low
    middle_x = float(np.interp(middle_z, *spine.lateral)) + rng.normal(0, 1.5)
    spine_y = float(np.interp(middle_z, spine.canal[::-1, 1], spine.canal[::-1, 0]))
    a, b = np.radians(turn), np.radians(lean + along_x)
    normal = np.array([np.cos(a) * np.cos(b), np.sin(a), -np.sin(b)])
    normal /= np.linalg.norm(normal)
    down = np.array([0, 0, -1.0])
    down -= (down @ normal) * normal
    down /= np.linalg.norm(down)
    across = np.cross(normal, down)  # to the back: left x feet
    across = across if across[1] > 0 else -across
    pixel = field / matrix
    middle = np.array([middle_x, spine_y - front + field / 2, middle_z])
    affine = np.eye(4)
    affine[:3, 0], affine[:3, 1], affine[:3, 2] = normal * protocol.spacing, down * pixel, across * pixel
    half = (np.array([protocol.slices, matrix, matrix]) - 1) / 2
    affine[:3, 3] = middle - affine[:3, :3] @ half
    return Geometry(affine, (protocol.slices, matrix, matrix))


def _render(
    seed: int, spine: Spine, arches: tuple[posterior.Arch, ...], group: list[Protocol], geometry: Geometry, tesla: float, faults: Faults,
    even_coil: bool,
) -> list[SimulatedSeries]:
    palette = Palette(tuple(one.sequence for one in group), tesla)
    fat = [fat_signal(TISSUES["fat"], one.sequence, tesla) for one in group]
    coordinates, textures = CanalCoordinates(spine), bodies.textures(seed)
    outline, noise = surroundings.contours(spine, arches, seed), surroundings.fields(seed)
    coil = _Coil(seed, spine, outline)
    pixels = np.zeros((len(group), *geometry.shape), np.float32)
    labels = np.zeros(geometry.shape, np.uint8)
    screws = _screws(spine, faults)
    receivers = [spoil_receiver(_receiver(seed, one, tesla), faults, one.name) for one in group]

    def one_slice(k: int) -> None:
        canvas = Canvas(geometry, k, group[0].thickness, palette, 1 if group[0].three_d else 3)
        _draw(canvas, seed, spine, arches, coordinates, textures, outline, noise)
        water, fatty = canvas.collapse()
        labels[k] = canvas.labels
        if screws:
            moved = displacement(canvas.points[:, canvas.middle], screws)
            water = np.stack([spoil(one, *moved, canvas.pixel, group[0].thickness) for one in water])
            fatty = spoil(fatty, *moved, canvas.pixel, group[0].thickness)
        sensitivity = np.ones_like(fatty) if even_coil else coil(canvas.points[:, canvas.middle])
        for n, one in enumerate(group):
            noise_rng = stream(seed, f"receiver {one.name} {k}")
            pixels[n, k] = acquire(water[n], fatty * np.float32(fat[n]), sensitivity, receivers[n], canvas.pixel, noise_rng)
    # Slices do not know of each other, and numpy lets go of the interpreter while it works.
    with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:
        list(pool.map(one_slice, range(geometry.shape[0])))
    done = []
    for n, one in enumerate(group):
        volume = Volume(mirror(clip(pixels[n], faults, one.name), faults, one.name), geometry, one.name)
        shown = Volume(mirror(labels, faults, one.name), geometry)
        done.append(SimulatedSeries(one, volume, shown, faults.missing_of(one.name, geometry.shape[0])))
    return done


def _draw(
    canvas: Canvas, seed: int, spine: Spine, arches: tuple[posterior.Arch, ...], coordinates: CanalCoordinates,
    textures: bodies.Textures, outline: surroundings.Contours, noise: surroundings.Fields,
) -> None:  # fmt: skip
    """Back to front: what is painted later lies over what was painted before."""
    background = Canvas(canvas.geometry, canvas.k, canvas.thickness, canvas.palette, 1)
    surroundings.draw_surroundings(background, spine, coordinates, outline, noise, seed)
    canvas.take(background)
    canal.draw_exiting_roots(canvas, spine)
    canal.draw_canal(canvas, spine, coordinates, seed)
    posterior.draw_flava(canvas, spine, arches, {})
    for disc in (*spine.sacral_discs, *spine.discs):
        bodies.draw_disc(canvas, disc, spine, textures)
    modic = [disc.findings.modic for disc in spine.discs]
    for body in reversed(spine.sacrum):
        bodies.draw_body(canvas, body, spine, textures, (0, modic[0] if body is spine.sacrum[0] else 0))
    for n, body in enumerate(spine.bodies):
        bodies.draw_body(canvas, body, spine, textures, (modic[n], modic[n + 1] if n + 1 < len(modic) else 0))
    for arch in arches:
        posterior.draw_arch(canvas, arch, spine, textures)
    canal.draw_ligaments(canvas, spine)
    for disc in spine.discs:
        bodies.draw_herniation(canvas, disc)


def _screws(spine: Spine, faults: Faults) -> tuple[Metal, ...]:
    """Pedicle screws of the two vertebrae beside a disc, and the rods between their heads, as chains of spheres."""
    if not faults.metal:
        return ()
    if faults.metal not in LEVELS[1:9]:
        raise UsageError("unknown-level", f"There are no screws at {faults.metal!r}.", what_to_do=f"Use one of: {', '.join(LEVELS[1:9])}.")
    below = LEVELS.index(faults.metal) - 1
    k = spine.person.size
    return tuple(
        Metal(
            body.world(side * (13 + 4 * step) * k, (-0.2 + 0.75 * step) * body.half_depth, 0.12 * body.height), 3.2 * k, faults.metal_shift
        )
        for body in spine.bodies[below : below + 2]
        for side in (-1, 1)
        for step in (0, 1, 2)
    )


class _Coil:
    """Sensitivity of the spine coil and, often, a saturation band over the belly."""

    def __init__(self, seed: int, spine: Spine, outline: surroundings.Contours) -> None:
        rng = stream(seed, "coil")
        self.reach = rng.uniform(70, 130)
        self.homogenised = float(rng.choice([0.0, rng.uniform(0.2, 0.7), rng.uniform(0.7, 0.95)]))
        self.length = rng.uniform(150, 190)
        self.middle = float(spine.bodies[2].centre[2])
        self.outline = outline
        self.band = rng.random() < 0.35
        low, high = spine.bodies[0], spine.bodies[4]
        margin = rng.uniform(12, 40)
        self.line = [(one.centre[1] - one.half_depth - margin, one.centre[2]) for one in (low, high)]

    def __call__(self, points: Floats) -> Floats:
        _, y, z = points
        depth, along = self.outline.at("skin_back", z) - y, z - np.float32(self.middle)
        found = surface_coil(depth, along, reach=self.reach, length=self.length, homogenised=self.homogenised)
        if self.band:
            (y0, z0), (y1, z1) = self.line
            edge = np.float32(y0) + (z - np.float32(z0)) * np.float32(0.6 * (y1 - y0) / max(z1 - z0, 1.0))
            found = found * (0.06 + 0.94 / (1 + np.exp(-(y - edge) / np.float32(2.5)))).astype(np.float32)
        return found


def _receiver(seed: int, protocol: Protocol, tesla: float) -> Receiver:
    rng = stream(seed, f"scanner {protocol.name}")
    # Fat lies 3.4 ppm off; divided by the bandwidth of a pixel that is its shift.
    shift = 3.4e-6 * 42.58e6 * tesla / rng.uniform(190, 360)
    return Receiver(
        resolution=(rng.uniform(0.62, 0.85), rng.uniform(0.8, 0.98)),
        noise=float(rng.uniform(0.006, 0.014)) * (1.5 / tesla) ** 0.7 * (0.55 if protocol.weighting == "t2" else 1.0),
        fat_shift=shift,
        phase_axis=0,
        motion=float(rng.uniform(0.0, 0.12)),
    )

"""Truth of a drawn spine: which levels are in view, their labels, measurements and positions."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from condyle.simulate.lumbar.canal import CODE as CANAL
from condyle.simulate.lumbar.parts import Disc, Spine, turn
from condyle.simulate.lumbar.posterior import Arch, spinous_centre
from condyle.simulate.study import Truth
from condyle.study import Geometry


def truth(spine: Spine, arches: tuple[Arch, ...], geometry: Geometry, seed: int) -> Truth:
    """Truth of what lies in the picture. A disc counts when it is wholly within the rows and columns and its middle within the slices."""
    levels: dict[str, dict[str, Any]] = {}
    positions: dict[str, NDArray[np.float64]] = {}
    codes: dict[str, int] = {"canal": CANAL}
    for disc in spine.discs:
        if not in_view(disc, geometry):
            continue
        levels[disc.level] = {**disc.findings.labels(), **disc.measurements()}
        positions[f"disc {disc.level}"] = middle_of(disc)
        codes[f"disc {disc.level}"] = disc.code
    for body, arch in zip(spine.bodies, arches, strict=True):
        codes[f"vertebra {body.name}"] = body.code
        for name, place in ((f"vertebra {body.name}", body.centre), (f"spinous process {body.name}", spinous_centre(arch))):
            if _inside(place, geometry):
                positions[name] = place
    positions["s1"] = spine.sacrum[0].centre
    notes = {
        "simulated": True,
        "seed": seed,
        "lumbar_count": spine.person.lumbar_count,
        "transition": spine.person.transition,
        "lordosis_l1_s1": round(turn(spine.sacrum[0].upper, spine.bodies[4].upper), 1),
        "lordosis_l1_l5": round(turn(spine.bodies[0].lower, spine.bodies[4].upper), 1),
        "anatomical_levels": {
            disc.level: anatomical_level(n, spine.person.lumbar_count) for n, disc in enumerate(spine.discs) if disc.level in levels
        },
        "scoliosis_degrees": round(spine.person.scoliosis, 1),
        "planted": {disc.level: _planted(disc) for disc in spine.discs if disc.level in levels},
    }
    return Truth(levels, {name: place for name, place in positions.items() if _inside(place, geometry)}, codes, notes)


def middle_of(disc: Disc) -> NDArray[np.float64]:
    """Middle of the disc substance: halfway between the two end plates where they are hollowest."""
    axes, centre = disc.axes, disc.centre
    start = centre[:, None].astype(np.float32)
    (wb, ub, vb), (wa, ua, va) = disc.below.local(start), disc.above.local(start)
    low = float(vb[0] + disc.below.recess(wb, ub)[0])  # mm from the lower surface up to the centre
    high = float(disc.above.recess(wa, ua)[0] - va[0])
    return np.asarray(centre + (high - low) / 2 * axes[2])


def in_view(disc: Disc, geometry: Geometry) -> bool:
    ends = np.array([disc.centre + b * disc.below.half_depth * disc.axes[1] for b in (-1, 0, 1)])
    index = geometry.to_index(ends)
    _, rows, columns = geometry.shape
    high, low = np.array([rows - 3, columns - 3]), np.array([2, 2])
    return bool(((index[:, 1:] > low) & (index[:, 1:] < high)).all()) and _inside(disc.centre, geometry)


def anatomical_level(n: int, lumbar_count: int) -> str:
    """Name of the n-th disc from the bottom when the lumbar vertebrae are counted from the ribs: L6-S1, L4-S1, ..."""
    names = ["S1", *(f"L{m}" for m in range(lumbar_count, 0, -1)), *(f"T{m}" for m in range(12, 0, -1))]
    return f"{names[n + 1]}-{names[n]}"


def _inside(place: NDArray[np.float64], geometry: Geometry) -> bool:
    index = geometry.to_index(place)
    return bool((index > -0.5).all() and (index < np.array(geometry.shape) - 0.5).all())


def _planted(disc: Disc) -> dict[str, Any]:
    found = disc.findings
    return {
        "modic_type": found.modic, "herniation_kind": found.herniation, "herniation_mm": round(found.herniation_size, 2),
        "herniation_left_mm": round(found.herniation_side, 2), "bulge_mm": round(found.bulge, 2), "height_factor": round(found.height, 3),
        "upper_endplate_mm": round(found.upper_endplate, 2), "lower_endplate_mm": round(found.lower_endplate, 2),
    }  # fmt: skip

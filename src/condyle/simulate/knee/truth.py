"""Truth of a drawn knee: which findings it has, where they lie, and where its structures lie."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from condyle.simulate.knee.findings import FINDINGS, PLACES
from condyle.simulate.knee.joint import CODES, Knee
from condyle.simulate.knee.lesions import Lesion
from condyle.simulate.knee.protocols import Site, plane_of
from condyle.simulate.study import SimulatedSeries, Truth

# Findings that are told by compartment too, and the compartment of each of their places.
_COMPARTMENTS = {"medial": "medial", "lateral": "lateral", "patellofemoral": "patellofemoral", "patella": "patellofemoral",
                 "trochlea": "patellofemoral"}  # fmt: skip
_BY_COMPARTMENT = ("meniscal_tear", "cartilage_defect", "osteoarthritis")


def truth(
    knee: Knee, found: tuple[Lesion, ...], from_knee: NDArray[np.float64], series: Mapping[str, SimulatedSeries], site: Site, seed: int
) -> Truth:
    """Labels of the whole joint (level '') and by compartment, positions in LPS mm, and every planted lesion with its place."""

    def world(place: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(from_knee[:3, :3] @ place + from_knee[:3, 3])

    planted = [one.planted for one in found if one.planted.present and one.severity > 0]
    present = {one.finding for one in planted}
    places = {(one.finding, _COMPARTMENTS.get(one.place)) for one in planted}
    levels: dict[str, dict[str, int]] = {"": {name: int(name in present) for name in FINDINGS}}
    levels[""]["osteoarthritis_grade"] = max(map(_grade, found), default=0)
    for name in _BY_COMPARTMENT:
        for compartment in dict.fromkeys(_COMPARTMENTS[place] for place in PLACES[name]):
            levels.setdefault(compartment, {})[name] = int((name, compartment) in places)
    scale = float(np.cbrt(abs(np.linalg.det(from_knee[:3, :3]))))
    notes: dict[str, Any] = {
        "simulated": True, "seed": seed, "side": knee.person.side, "site": site.name, "age": round(knee.person.age, 1),
        "tibial_width_mm": round(75.0 * knee.person.size, 1), "planes": sorted({plane_of(name) for name in series}),
        "lesions": [_told(one, world(one.centre), scale) for one in found],
    }  # fmt: skip
    return Truth(
        levels,
        {name: world(place) for name, place in knee.marks.items()},
        CODES,
        notes,
    )


def _grade(one: Lesion) -> int:
    """Step of the scale of osteoarthritis; a look-alike is the doubtful step, which does not count as present."""
    if one.planted.finding != "osteoarthritis" or one.severity <= 0:
        return 0
    return 1 + sum(one.severity > above for above in (0.0, 0.55, 0.8)) if one.planted.present else 1


def _told(one: Lesion, place: NDArray[np.float64], scale: float) -> dict[str, Any]:
    planted = one.planted
    return {
        "finding": planted.finding, "present": planted.present, "place": planted.place, "displaced": one.displaced,
        "size_mm": round(planted.size * scale, 2),
        "severity": round(planted.severity, 3), "centre": np.round(place, 2).tolist(), "radius_mm": round(one.radius * scale, 2),
    }  # fmt: skip

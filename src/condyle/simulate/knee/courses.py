"""Courses of ligaments, tendons, muscles, vessels and nerves of the reference knee.

Places in mm of knee coordinates, half widths across the two axes of the section. Read off the SPL Knee Atlas slice by slice
(centroids and second moments of each label, scaled to the reference's tibial width) and rounded; beyond its field of view
continued straight on. Thigh structures follow the reference knee's femoral shaft.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from condyle.simulate.surfaces import Floats

Path = tuple[tuple[float, float, float], ...]


FAR = 7.5
"""mm about a course that a lattice holds."""


@dataclass(frozen=True, slots=True)
class Course:
    """A band or belly along a path.

    Parameters
    ----------
    path : places, mm
    halves : half widths (along ``wide``, across it) at each place, mm
    wide : direction of the greater width
    """

    path: Path
    halves: tuple[tuple[float, float], ...]
    wide: tuple[float, float, float] = (1.0, 0.0, 0.0)

    def box(self, margin: float = FAR) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        places, reach = np.array(self.path), np.array(self.halves).max(1, keepdims=True)
        return (places - reach).min(0) - margin, (places + reach).max(0) + margin

    def along(self, low: NDArray[np.float64], step: float, points: Floats) -> tuple[Floats, Floats]:
        """(approximate signed distance in mm, share of the way from the first place to the last) on a lattice.

        ``points`` (3, z, y, x) are the lattice's places, bent by 4 mm at most; farther than about 4 mm the distance is ``FAR``.
        """
        start = self._starts()
        best, share = np.full(points.shape[1:], np.float32(FAR)), np.zeros(points.shape[1:], np.float32)
        for n in range(len(self.path) - 1):
            ends, reach = np.array(self.path[n : n + 2]), np.max(self.halves[n : n + 2])
            first = np.maximum(np.floor((ends.min(0) - reach - FAR - low) / step), 0).astype(int)
            last = np.ceil((ends.max(0) + reach + FAR - low) / step).astype(int) + 1
            part = tuple(slice(first[m], last[m]) for m in (2, 1, 0))
            one, t = self._segment(n, points[:, *part])
            nearer = one < best[part]
            np.copyto(best[part], one, where=nearer)
            np.copyto(share[part], np.float32(start[n]) + t * np.float32(start[n + 1] - start[n]), where=nearer)
        return best, share

    def _starts(self) -> NDArray[np.float64]:
        """Share of the way at which each place lies."""
        lengths = np.linalg.norm(np.diff(np.array(self.path), axis=0), axis=1)
        return np.asarray(np.concatenate([[0], np.cumsum(lengths)]) / lengths.sum())

    def _segment(self, n: int, points: Floats) -> tuple[Floats, Floats]:
        """(distance, share of the way) of one piece between two places."""
        first, last = np.array(self.path[n]), np.array(self.path[n + 1])
        length = float(np.linalg.norm(last - first))
        axis = (last - first) / length
        wide = np.asarray(self.wide) - np.dot(self.wide, axis) * axis
        wide /= np.linalg.norm(wide)
        thin = np.cross(axis, wide)
        s, u, v = (
            np.float32(d[0]) * points[0] + np.float32(d[1]) * points[1] + (np.float32(d[2]) * points[2] - np.float32(d @ first))
            for d in (axis, wide, thin)
        )
        t = np.clip(s * np.float32(1 / length), 0, 1)
        over = s - t * np.float32(length)
        (a0, b0), (a1, b1) = self.halves[n], self.halves[n + 1]
        a, b = np.float32(a0) + t * np.float32(a1 - a0), np.float32(b0) + t * np.float32(b1 - b0)
        u, v, over = u / a, v / b, over / b
        other2 = v * v + over * over
        rho = np.sqrt(u * u + other2)
        # Outside, the first-order distance to an ellipsoid: its function over the length of its gradient (Quilez).
        outside = rho * (rho - 1) / np.sqrt((u / a) ** 2 + other2 / (b * b) + np.float32(1e-6))
        return np.where(rho < 1, (rho - 1) * np.minimum(a, b), outside), t


def _same(count: int, wide: float, thin: float) -> tuple[tuple[float, float], ...]:
    return ((wide, thin),) * count


LIGAMENTS: dict[str, Course] = {
    "acl": Course(
        ((-1.8, -7.9, 3.4), (0.9, -3.1, 10.4), (3.3, 1.3, 15.0), (4.3, 3.4, 20.0), (4.3, 4.8, 24.9), (5.2, 6.4, 30.0)),
        ((5.2, 3.4), (4.8, 3.6), (4.6, 3.2), (4.6, 3.0), (4.6, 3.0), (4.8, 3.2)), (0.5, 0.85, 0.0),
    ),
    "pcl": Course(
        ((-0.6, 18.5, -14.1), (0.0, 14.8, -7.2), (-1.0, 12.2, -1.5), (-4.0, 8.2, 4.7), (-6.4, 1.1, 10.6), (-6.2, -3.8, 14.7)),
        ((5.3, 2.9), (6.0, 3.5), (5.8, 3.8), (5.8, 4.6), (6.2, 5.0), (6.4, 4.0)), (-0.9, -0.4, 0.0),
    ),
    "mcl": Course(
        ((-29.8, -10.4, -16.0), (-31.6, -10.9, -2.4), (-35.9, -7.3, 7.1), (-38.1, -6.1, 15.8), (-39.0, -4.8, 23.7), (-38.6, -8.0, 33.0)),
        ((7.0, 1.6), (9.0, 1.8), (9.5, 1.9), (11.0, 2.2), (11.0, 2.0), (6.0, 1.8)), (-0.1, 1.0, 0.0),
    ),
    "lcl": Course(
        ((41.3, 12.4, -19.4), (40.5, 11.9, -6.8), (38.7, 9.7, 3.5), (37.8, 6.8, 13.8), (35.8, 6.1, 24.9), (35.2, 4.0, 35.6)),
        ((3.8, 2.4), (3.6, 2.2), (3.8, 2.2), (3.6, 2.2), (5.0, 2.8), (7.0, 2.6)), (-0.3, 0.95, 0.0),
    ),
    "patellar_tendon": Course(
        ((21.3, -27.3, -26.2), (19.3, -30.8, -14.2), (16.8, -35.8, -2.7), (14.3, -40.8, 8.8), (11.3, -45.3, 20.8), (7.8, -50.3, 33.8)),
        ((10.0, 2.4), (12.5, 2.2), (13.5, 2.2), (14.0, 2.2), (14.0, 2.0), (14.0, 2.2)), (1.0, 0.16, 0.0),
    ),
    "quadriceps_tendon": Course(
        ((3.0, -55.0, 50.0), (3.0, -51.0, 60.0), (3.0, -46.0, 77.0), (3.0, -41.0, 110.0)),
        ((15.0, 2.6), (15.0, 3.4), (14.0, 3.4), (14.0, 3.0)),
    ),
    "popliteus_tendon": Course(
        ((19.1, 18.5, -10.7), (25.1, 18.5, -3.0), (31.4, 15.5, 1.9), (35.3, 10.6, 7.9), (37.3, 4.6, 13.8), (37.3, 0.0, 18.4)),
        ((4.8, 2.2), (5.4, 2.1), (5.2, 2.3), (4.8, 2.4), (5.0, 2.4), (5.0, 2.2)), (0.0, 0.6, 0.8),
    ),
}  # fmt: skip

TENDONS: dict[str, Course] = {
    "biceps_tendon": Course(
        ((43.9, 15.0, -21.4), (43.6, 16.0, -8.1), (43.7, 15.9, 9.5), (41.0, 18.5, 26.3), (38.5, 19.5, 42.6)),
        ((8.0, 3.6), (7.0, 2.6), (5.5, 2.0), (5.0, 1.6), (4.5, 1.4)), (-0.3, 0.95, 0.0),
    ),
    "semitendinosus": Course(
        ((-28.2, 6.8, -22.7), (-30.0, 20.8, -3.6), (-26.0, 27.5, 13.6), (-20.7, 30.8, 31.7), (-18.8, 33.0, 49.6), (-15.0, 34.0, 65.8),
         (-9.0, 34.0, 110.0)),
        ((4.5, 1.5), (3.4, 2.0), (2.8, 2.2), (2.6, 2.2), (3.6, 2.6), (8.0, 5.0), (17.0, 11.0)), (1.0, 0.2, 0.0),
    ),
    "gracilis": Course(
        ((-32.8, -3.9, -9.3), (-37.7, 4.5, 6.6), (-38.7, 10.7, 23.3), (-37.9, 14.0, 37.9), (-37.0, 17.0, 53.9), (-37.0, 20.0, 70.6),
         (-35.0, 22.0, 114.7)),
        ((3.0, 1.5), (2.6, 1.6), (2.2, 1.6), (1.8, 1.6), (1.8, 1.6), (3.5, 2.2), (11.0, 6.0)), (0.0, 1.0, 0.0),
    ),
    "iliotibial_tract": Course(
        ((34.5, -21.0, -12.1), (38.5, -17.0, 14.1), (38.5, -13.0, 42.1), (38.0, -9.0, 59.7), (42.0, 0.0, 103.1)),
        ((4.5, 1.6), (9.0, 1.3), (13.0, 1.1), (14.0, 1.0), (14.0, 0.9)), (0.25, 0.95, 0.0),
    ),
}  # fmt: skip

MUSCLES: dict[str, Course] = {
    "popliteus": Course(
        ((-9.7, 8.0, -59.2), (0.6, 12.0, -33.7), (3.6, 14.5, -28.5), (5.8, 17.5, -22.9), (9.0, 19.6, -18.3), (12.4, 22.0, -11.1)),
        ((14.0, 5.0), (17.0, 6.0), (17.0, 6.0), (15.5, 5.6), (12.5, 4.6), (6.0, 2.6)),
    ),
    "gastrocnemius_medial": Course(
        ((-26.0, 24.0, -86.6), (-21.0, 26.0, -57.1), (-16.7, 28.4, -28.4), (-12.5, 31.0, -17.0), (-9.6, 31.5, -5.4), (-8.2, 29.8, 6.0),
         (-8.1, 27.1, 17.7), (-10.5, 18.0, 33.0)),
        ((25.0, 16.0), (24.0, 15.0), (21.0, 14.0), (19.0, 12.5), (17.0, 11.5), (14.5, 11.0), (12.0, 9.0), (9.0, 5.0)),
    ),
    "gastrocnemius_lateral": Course(
        ((7.2, 31.0, -92.0), (11.5, 33.0, -62.5), (17.2, 34.3, -33.0), (19.3, 34.2, -21.2), (21.4, 32.5, -9.8), (22.0, 30.4, 1.7),
         (22.0, 28.6, 13.2), (22.0, 21.0, 30.0)),
        ((22.0, 12.0), (21.0, 11.0), (20.0, 9.5), (18.0, 9.0), (15.5, 7.8), (14.0, 7.2), (10.5, 6.6), (7.0, 4.0)),
    ),
    "soleus": Course(
        ((8.0, 24.0, -95.0), (14.0, 22.0, -70.0), (22.0, 23.0, -48.0), (30.0, 23.0, -34.0)),
        ((30.0, 10.0), (26.0, 7.0), (14.0, 4.5), (6.0, 2.0)),
    ),
    "tibialis_anterior": Course(
        ((24.0, -2.0, -95.0), (27.0, -4.0, -60.0), (31.0, -6.0, -38.0), (33.0, -8.0, -26.0)),
        ((12.0, 20.0), (11.0, 17.0), (7.0, 12.0), (3.0, 4.0)), (1.0, -0.3, 0.0),
    ),
    "peroneus": Course(
        ((36.0, 12.0, -95.0), (39.0, 12.0, -60.0), (42.0, 12.0, -40.0), (43.0, 13.0, -30.0)),
        ((14.0, 9.0), (13.0, 8.0), (10.0, 6.0), (4.0, 3.0)), (0.0, 1.0, 0.0),
    ),
    "semimembranosus": Course(
        ((-28.2, 16.0, -4.5), (-25.1, 25.0, 15.2), (-20.7, 27.1, 28.3), (-18.0, 25.8, 40.5), (-16.0, 25.6, 53.5), (-14.9, 24.8, 67.2),
         (-12.0, 24.0, 110.3)),
        ((5.8, 3.6), (8.0, 2.6), (12.0, 5.0), (16.0, 8.4), (19.0, 11.0), (20.0, 12.0), (20.0, 12.0)),
    ),
    "sartorius": Course(
        ((-33.4, -8.4, -10.7), (-41.5, 1.7, 9.2), (-44.3, 6.3, 25.6), (-45.5, 7.6, 41.6), (-45.0, 9.0, 56.7), (-44.0, 9.0, 71.8),
         (-38.0, 4.0, 114.7)),
        ((8.0, 2.0), (11.0, 3.4), (10.4, 3.4), (11.0, 4.0), (11.0, 5.6), (11.0, 6.6), (13.0, 9.0)), (0.2, 1.0, 0.0),
    ),
    "biceps_femoris": Course(
        ((42.8, 17.0, -8.1), (40.5, 18.4, -2.6), (39.8, 17.8, 9.4), (39.0, 17.6, 22.6), (36.7, 17.1, 35.8), (33.4, 17.6, 49.1),
         (29.0, 18.8, 62.2), (22.0, 20.0, 105.6)),
        ((4.0, 2.4), (5.0, 3.0), (8.8, 3.6), (11.0, 4.8), (12.0, 6.4), (13.0, 8.2), (14.0, 10.0), (17.0, 13.0)), (-0.35, 0.93, 0.0),
    ),
    "vastus_medialis": Course(
        ((-30.5, -25.0, 38.0), (-29.0, -24.5, 49.2), (-28.5, -23.5, 54.7), (-27.5, -22.5, 61.2), (-26.5, -21.5, 66.9), (-25.0, -21.0, 73.4),
         (-20.0, -18.0, 111.8)),
        ((9.0, 4.0), (17.0, 7.0), (20.0, 9.0), (22.0, 10.8), (24.0, 12.0), (25.0, 13.5), (27.0, 17.0)), (-0.45, 0.9, 0.0),
    ),
    "vastus_lateralis": Course(
        ((32.0, -22.0, 46.0), (31.0, -19.0, 56.0), (30.0, -16.0, 67.0), (26.0, -14.0, 106.0)),
        ((8.0, 3.0), (15.0, 5.5), (19.0, 8.5), (26.0, 14.0)), (0.2, 1.0, 0.0),
    ),
    "vastus_intermedius": Course(
        ((3.0, -36.0, 66.0), (3.0, -35.0, 80.0), (3.0, -31.0, 112.0)),
        ((13.0, 2.0), (19.0, 5.0), (24.0, 9.0)),
    ),
}  # fmt: skip

VESSELS: dict[str, Course] = {
    "popliteal_artery": Course(
        ((8.1, 17.0, -62.1), (10.6, 21.3, -29.4), (9.8, 24.5, -10.2), (7.4, 24.7, 7.9), (5.1, 22.2, 26.4),
         (4.0, 16.0, 44.4), (-2.0, 10.0, 62.9),
         (-14.0, 4.0, 109.8)), _same(8, 3.0, 2.7),
    ),
    "popliteal_vein": Course(
        ((12.1, 15.0, -62.1), (14.9, 20.3, -30.5), (13.9, 27.0, -9.8), (9.7, 29.8, 8.6), (8.2, 28.1, 25.5),
         (9.5, 22.2, 44.2), (6.5, 15.3, 61.4),
         (-6.0, 10.0, 108.6)), _same(8, 3.8, 3.0),
    ),
    "great_saphenous_vein": Course(
        ((-41.0, 0.0, -54.4), (-41.5, 1.5, -21.2), (-46.6, 5.2, -1.7), (-52.5, 7.1, 16.9), (-56.0, 8.6, 36.2),
         (-57.0, 9.3, 54.3), (-57.0, 9.0, 71.9),
         (-52.0, 4.0, 116.6)), _same(8, 1.9, 1.5),
    ),
}  # fmt: skip

NERVES: dict[str, Course] = {
    "tibial_nerve": Course(
        ((6.3, 24.7, -28.1), (8.5, 32.0, -10.5), (12.3, 33.2, 8.1), (14.6, 31.1, 26.6), (16.4, 27.5, 42.7),
         (13.2, 24.2, 60.9), (8.0, 20.0, 107.3)),
        _same(7, 2.6, 2.0),
    ),
    "peroneal_nerve": Course(
        ((42.0, 21.5, -35.2), (39.7, 28.7, -15.3), (34.8, 30.8, 3.8), (30.0, 30.3, 22.6), (24.4, 27.8, 41.1), (17.3, 25.5, 60.7)),
        _same(6, 2.4, 1.4),
    ),
}  # fmt: skip

"""The parts of a spine as plain data: end plates, bodies, discs, and the whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from condyle.simulate.lumbar.findings import LevelFindings
from condyle.simulate.lumbar.person import Person
from condyle.simulate.surfaces import Floats, lookup


def along(axes: NDArray[np.float64], offset: Sequence[Floats]) -> tuple[Floats, Floats, Floats]:
    """Three arrays of offsets in x, y, z -> the same in three directions (rows of ``axes``)."""
    x, y, z = offset
    first, second, third = (np.float32(row[0]) * x + np.float32(row[1]) * y + np.float32(row[2]) * z for row in axes)
    return first, second, third


@dataclass(frozen=True, slots=True, eq=False)
class Plate:
    """One end plate.

    Parameters
    ----------
    origin : (3,) LPS mm, middle of the plane through its rim
    axes : (3, 3) unit vectors as rows: to the left, to the back, to the head
    half_depth, half_width : mm
    hollow : mm, how far the middle recedes into its vertebra
    defects : (left mm, back mm, depth mm, radius mm) of each dent
    """

    origin: NDArray[np.float64]
    axes: NDArray[np.float64]
    half_depth: float
    half_width: float
    hollow: float
    apex: float = 0.0
    defects: tuple[tuple[float, float, float, float], ...] = ()

    def __post_init__(self) -> None:
        # Plain floats keep float32 arrays narrow; numpy's own float64 numbers would widen them.
        for name in ("half_depth", "half_width", "hollow", "apex"):
            object.__setattr__(self, name, float(getattr(self, name)))

    def local(self, points: Floats) -> tuple[Floats, Floats, Floats]:
        """(left, back, head) mm from the origin, for points (3, ...)."""
        offset = [points[n] - np.float32(self.origin[n]) for n in range(3)]
        return along(self.axes, offset)

    def recess(self, w: Floats, u: Floats) -> Floats:
        """How far the surface lies inside its vertebra, mm, not negative."""
        ru = u / np.float32(self.half_depth) - np.float32(self.apex)
        rw = w / np.float32(self.half_width)
        bowl = np.clip(1 - ru**2 / 0.92 - rw**2 / 0.95, 0, None)
        depth = np.float32(self.hollow) * np.minimum(bowl * 1.6, 1.0 + 0 * bowl) ** np.float32(0.9)
        for left, back, deep, radius in self.defects:
            r2 = ((w - left) ** 2 + (u - back) ** 2) / np.float32(radius**2)
            depth = depth + np.float32(deep) * np.exp(-(r2**2))
        return np.asarray(depth)

    def world(self, left: float, back: float, head: float) -> NDArray[np.float64]:
        return self.origin + np.array([left, back, head]) @ self.axes


@dataclass(frozen=True, slots=True, eq=False)
class Body:
    """A vertebral or sacral body between two end plates. ``code`` is its value in the label map (0: not in it)."""

    name: str
    code: int
    lower: Plate
    upper: Plate
    lumbar: bool = True
    axes: NDArray[np.float64] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "axes", middle_axes(self.lower.axes, self.upper.axes))

    @property
    def centre(self) -> NDArray[np.float64]:
        return (self.lower.origin + self.upper.origin) / 2

    @property
    def half_depth(self) -> float:
        return (self.lower.half_depth + self.upper.half_depth) / 2

    @property
    def half_width(self) -> float:
        return (self.lower.half_width + self.upper.half_width) / 2

    @property
    def height(self) -> float:
        return float(np.linalg.norm(self.upper.origin - self.lower.origin))

    def local(self, points: Floats) -> tuple[Floats, Floats, Floats]:
        """(left, back, head) mm from the centre, for points (3, ...)."""
        return along(self.axes, [points[n] - np.float32(self.centre[n]) for n in range(3)])

    def world(self, left: float, back: float, head: float) -> NDArray[np.float64]:
        """(3,) LPS mm of a place given in the body's own directions, from its centre."""
        return self.centre + np.array([left, back, head]) @ self.axes


@dataclass(frozen=True, slots=True, eq=False)
class Disc:
    """A disc between the upper plate of the body below and the lower plate of the body above."""

    level: str
    code: int
    below: Plate
    above: Plate
    findings: LevelFindings
    axes: NDArray[np.float64] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "axes", middle_axes(self.below.axes, self.above.axes))

    @property
    def centre(self) -> NDArray[np.float64]:
        return (self.below.origin + self.above.origin) / 2

    def corners(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Posterior corners: of the body below, of the body above, (3,) LPS mm."""
        return self.below.world(0, self.below.half_depth, 0), self.above.world(0, self.above.half_depth, 0)

    def slip(self) -> float:
        """mm along the disc by which the upper posterior corner lies in front of the lower one."""
        lower, upper = self.corners()
        return float((lower - upper) @ self.axes[1])

    def height(self, part: str = "") -> float:
        """Mean height in mm on the mid-sagittal plane over the middle four fifths of the depth both plates share, or over the
        'anterior', 'middle' or 'posterior' third of these."""
        low, high = {"": (-0.8, 0.8), "anterior": (-0.8, -0.27), "middle": (-0.27, 0.27), "posterior": (0.27, 0.8)}[part]
        u = np.linspace(low, high, 81, dtype=np.float32) * min(self.below.half_depth, self.above.half_depth)
        start = np.array([self.centre + back * self.axes[1] for back in u]).T.astype(np.float32)
        total = 0.0
        for plate, sign in ((self.below, 1.0), (self.above, -1.0)):
            w, back, v = plate.local(start)
            total += float(np.mean(sign * v + plate.recess(w, back)))
        return total

    def measurements(self) -> dict[str, float]:
        """Lengths and ratios by the names of the anatomy catalogue."""
        heights = {f"disc_height_{part}": round(self.height(part), 2) for part in ("anterior", "middle", "posterior")}
        index = self.height() / (self.below.half_depth + self.above.half_depth)
        percent = 50 * self.slip() / self.below.half_depth
        return {
            "disc_height": round(self.height(), 2), **heights, "disc_height_index": round(index, 3),
            "slip": round(self.slip(), 2), "slip_percent": round(percent, 1),
        }  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Spine:
    """The whole layout, bottom up.

    Parameters
    ----------
    bodies : L5, L4, ... ; sacrum : S1 ... S5 ; discs : L5-S1, L4-L5, ... ; sacral_discs : S1-S2, ...
    canal : (n, 2) y, z mm of the middle of the dural sac from head to foot, about 1 mm apart
    sac : (n,) mm, half its depth; gap : (n,) mm of fat behind the bodies
    lateral : (2, n) z and x mm of the sideways curve
    conus : z mm of its tip
    """

    person: Person
    bodies: tuple[Body, ...]
    sacrum: tuple[Body, ...]
    discs: tuple[Disc, ...]
    sacral_discs: tuple[Disc, ...]
    canal: NDArray[np.float64]
    sac: NDArray[np.float64]
    lateral: NDArray[np.float64]
    conus: float
    notes: Mapping[str, object] = field(default_factory=dict)

    def sideways(self, z: Floats) -> Floats:
        """x mm of the spine's middle at heights z (n or more dimensions)."""
        first, step = self.lateral[0, 0], self.lateral[0, 1] - self.lateral[0, 0]
        return lookup(self.lateral[1], (z - np.float32(first)) / np.float32(step))


def turn(lower: Plate, upper: Plate) -> float:
    """Degrees in the sagittal plane by which the upper plate leans back against the lower one: lordosis between the two."""
    leans = [np.degrees(np.arctan2(plate.axes[2][1], plate.axes[2][2])) for plate in (lower, upper)]
    return float(leans[1] - leans[0])


def middle_axes(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    head = first[2] + second[2]
    head /= np.linalg.norm(head)
    back = first[1] + second[1]
    back -= (back @ head) * head
    back /= np.linalg.norm(back)
    return np.array([np.cross(back, head), back, head])

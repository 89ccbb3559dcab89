"""What goes wrong in a scanner, for tests of the quality checks."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from condyle.simulate.acquisition import Receiver
from condyle.simulate.surfaces import Floats


@dataclass(frozen=True, slots=True)
class Faults:
    """Faults of one study.

    Parameters
    ----------
    motion : mm of breathing and restlessness between echo trains; 3 ruins a series
    noise : factor on the noise; 1 none
    clipped : 0 to 1, share of the brightest pixels (of those above the noise) that saturate
    missing : indices of slices that are not written; negative ones count from the end
    laterality : value of the tag Laterality, right or wrong; '' leaves it out
    metal : disc at which screws hold the vertebrae above and below ('L4-L5'); '' none
    metal_shift : mm by which signal at a screw's surface is displaced; 12 for titanium, 60 for steel
    mirrored : pictures are mirrored front to back while their headers still say otherwise
    series : names of the series with the faults; empty: all
    """

    motion: float = 0.0
    noise: float = 1.0
    clipped: float = 0.0
    missing: tuple[int, ...] = ()
    laterality: str = ""
    metal: str = ""
    metal_shift: float = 12.0
    mirrored: bool = False
    series: tuple[str, ...] = field(default=())

    def hit(self, name: str) -> bool:
        return not self.series or name in self.series

    def missing_of(self, name: str, slices: int) -> tuple[int, ...]:
        return tuple(sorted({k % slices for k in self.missing})) if self.hit(name) else ()

    def headers(self) -> dict[str, Any]:
        return {"Laterality": self.laterality} if self.laterality else {}


NO_FAULTS = Faults()


def spoil_receiver(receiver: Receiver, faults: Faults, name: str) -> Receiver:
    if not faults.hit(name):
        return receiver
    return replace(receiver, motion=receiver.motion + faults.motion, noise=receiver.noise * faults.noise)


def mirror(pixels: NDArray[Any], faults: Faults, name: str) -> NDArray[Any]:
    """The volume with its columns in the wrong order."""
    return np.ascontiguousarray(pixels[:, :, ::-1]) if faults.mirrored and faults.hit(name) else pixels


def clip(pixels: Floats, faults: Faults, name: str) -> Floats:
    """The volume with its brightest pixels cut off at one value, as an overflowing receiver leaves it."""
    if not faults.hit(name) or faults.clipped <= 0:
        return pixels
    seen = pixels[pixels > 0.15 * float(pixels.max())]
    return np.minimum(pixels, np.quantile(seen, 1 - faults.clipped)).astype(np.float32)

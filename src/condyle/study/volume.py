"""Volume: pixels and geometry, always together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from condyle.errors import InputError
from condyle.study.geometry import Geometry


@dataclass(frozen=True, slots=True, eq=False)
class Volume:
    """Modality values (rescale applied, MONOCHROME1 inverted) on a grid.

    Parameters
    ----------
    pixels : [slice, row, column], any real number type. Integers stay integers when the rescale is
        the identity, so that an ordinary study is never copied to floats.
    geometry : Geometry with the same shape
    series_id : str - pseudonymous id of the series it came from

    Raises
    ------
    InputError - pixels that are not three-dimensional or do not fit the geometry
    """

    pixels: NDArray[Any]
    geometry: Geometry
    series_id: str = ""

    def __post_init__(self) -> None:
        if self.pixels.ndim != 3 or self.pixels.shape != self.geometry.shape:
            raise InputError(
                "volume-shape", f"Pixels of shape {self.pixels.shape} do not fit a geometry of shape {self.geometry.shape}."
            )
        if not np.issubdtype(self.pixels.dtype, np.number) or np.iscomplexobj(self.pixels):
            raise InputError("volume-type", f"Pixels of type {self.pixels.dtype} are not real numbers.")

    @property
    def shape(self) -> tuple[int, int, int]:
        return self.geometry.shape

"""SimulatedStudy: volumes, label map and truth of one simulated study, before anything is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from condyle.simulate.signal import Sequence
from condyle.study import Volume


def stream(seed: int, name: str) -> np.random.Generator:
    """A generator for one purpose of one study: adding a purpose never changes what another draws."""
    return np.random.default_rng([seed, crc32(name.encode())])


@dataclass(frozen=True, slots=True)
class Protocol:
    """What a technologist chooses for one series.

    Parameters
    ----------
    name : str - key in the study and stem of folder names ('t2_sag')
    weighting : one of the roles' weightings
    sequence : pulse sequence
    matrix : rows and columns of the picture
    field_of_view, thickness, spacing, slices : mm, mm, mm between slice centres, count
    three_d : bool
    region : what the vendor's protocol is named after
    """

    name: str
    weighting: str
    sequence: Sequence
    matrix: int = 384
    field_of_view: float = 280.0
    thickness: float = 4.0
    spacing: float = 4.4
    slices: int = 15
    three_d: bool = False
    region: str = "Lumbar Spine"


@dataclass(frozen=True, slots=True, eq=False)
class SimulatedSeries:
    """One series: pixels as the scanner would store them, still in scanner units.

    Parameters
    ----------
    volume : magnitude, float32, about 0 to 1
    labels : label map on the same grid
    missing : indices k of slices that are left out when it is written
    """

    protocol: Protocol
    volume: Volume
    labels: Volume
    missing: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """What was planted and measured on the drawing.

    Parameters
    ----------
    levels : level -> finding -> value, findings and measurements of the anatomy catalogue
    positions : structure ('disc L4-L5', 'vertebra L4', 'spinous process L4') -> (3,) LPS mm
    codes : structure -> value in the label map
    notes : further facts about the drawing, plain data for truth.json
    """

    levels: Mapping[str, Mapping[str, Any]]
    positions: Mapping[str, NDArray[np.float64]]
    codes: Mapping[str, int]
    notes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class SimulatedStudy:
    """One simulated study.

    Parameters
    ----------
    series : by protocol name
    headers : tags that replace what the writer would say (faults such as a wrong side; planted names in tests)
    """

    joint: str
    seed: int
    vendor: str
    tesla: float
    series: Mapping[str, SimulatedSeries]
    truth: Truth
    body_part: str = "LSPINE"
    headers: Mapping[str, Any] = field(default_factory=dict)

    @property
    def volumes(self) -> dict[str, Volume]:
        return {name: one.volume for name, one in self.series.items()}

    @property
    def labels(self) -> Volume:
        """Label map on the grid of the first series."""
        return next(iter(self.series.values())).labels

"""From a seed to DICOM: anatomy drawn procedurally, with planted findings and truth. Never evidence of accuracy on patients."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from condyle.simulate.cohort import write_cohort as write_cohort
    from condyle.simulate.dicom_writer import write_dicom as write_dicom
    from condyle.simulate.faults import Faults as Faults
    from condyle.simulate.foreign import simulate_head as simulate_head
    from condyle.simulate.foreign import simulate_knee_phantom as simulate_knee_phantom
    from condyle.simulate.knee import KneeVariation as KneeVariation
    from condyle.simulate.knee import Planted as Planted
    from condyle.simulate.knee import simulate_knee as simulate_knee
    from condyle.simulate.lumbar import LevelFindings as LevelFindings
    from condyle.simulate.lumbar import Variation as Variation
    from condyle.simulate.lumbar import simulate_lumbar as simulate_lumbar
    from condyle.simulate.study import SimulatedStudy as SimulatedStudy

_HOMES = {
    "Faults": "condyle.simulate.faults",
    "KneeVariation": "condyle.simulate.knee",
    "LevelFindings": "condyle.simulate.lumbar",
    "Planted": "condyle.simulate.knee",
    "SimulatedStudy": "condyle.simulate.study",
    "Variation": "condyle.simulate.lumbar",
    "simulate_head": "condyle.simulate.foreign",
    "simulate_knee": "condyle.simulate.knee",
    "simulate_knee_phantom": "condyle.simulate.foreign",
    "simulate_lumbar": "condyle.simulate.lumbar",
    "write_cohort": "condyle.simulate.cohort",
    "write_dicom": "condyle.simulate.dicom_writer",
}

__all__ = [
    "Faults", "KneeVariation", "LevelFindings", "Planted", "SimulatedStudy", "Variation", "simulate_head", "simulate_knee",
    "simulate_knee_phantom", "simulate_lumbar", "write_cohort", "write_dicom",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'condyle.simulate' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)

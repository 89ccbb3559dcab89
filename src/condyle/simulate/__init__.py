"""From a seed to DICOM: anatomy drawn procedurally, with planted findings and truth. Never evidence of accuracy on patients."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from condyle.simulate.cohort import write_cohort as write_cohort
    from condyle.simulate.dicom_writer import write_dicom as write_dicom
    from condyle.simulate.faults import Faults as Faults
    from condyle.simulate.lumbar import LevelFindings as LevelFindings
    from condyle.simulate.lumbar import Variation as Variation
    from condyle.simulate.lumbar import simulate_lumbar as simulate_lumbar
    from condyle.simulate.study import SimulatedStudy as SimulatedStudy

_HOMES = {
    "Faults": "condyle.simulate.faults", "LevelFindings": "condyle.simulate.lumbar", "SimulatedStudy": "condyle.simulate.study",
    "Variation": "condyle.simulate.lumbar", "simulate_lumbar": "condyle.simulate.lumbar", "write_cohort": "condyle.simulate.cohort",
    "write_dicom": "condyle.simulate.dicom_writer",
}  # fmt: skip

__all__ = ["Faults", "LevelFindings", "SimulatedStudy", "Variation", "simulate_lumbar", "write_cohort", "write_dicom"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'condyle.simulate' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)

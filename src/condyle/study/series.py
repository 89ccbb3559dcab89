"""Study and Series: what was sent, before any pixel is decoded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from condyle.study.geometry import Geometry
from condyle.study.problem import Problem
from condyle.study.role import Role


@dataclass(frozen=True, slots=True)
class Series:
    """One stack of parallel slices. It holds sources only; ``intake.load_volume`` decodes them.

    Parameters
    ----------
    series_id : str - pseudonymous, unique in the study, safe as a file name
    format : str - 'dicom', 'nifti', 'metaimage', 'npy', 'picture'
    source : Any - what the format's loader needs (files and frames in slice order); opaque elsewhere
    geometry : Geometry or None when the files say nothing and nothing may be assumed
    role : Role
    number : int or None - SeriesNumber, for people
    headers : technical tags (echo time, vendor, ...), never any that identify a person
    problems : what is wrong with this series
    used : bool - False when an error keeps it from being loaded; the problems say why
    """

    series_id: str
    format: str
    source: Any = field(repr=False, compare=False)
    geometry: Geometry | None
    role: Role = field(default_factory=Role)
    number: int | None = None
    headers: Mapping[str, Any] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    used: bool = True

    def with_role(self, role: Role) -> Series:
        return replace(self, role=role)


@dataclass(frozen=True, slots=True)
class Study:
    """One study of one patient.

    Parameters
    ----------
    study_key, patient_key : str - HMACs of StudyInstanceUID and PatientID with a local key
    series : in the order of SeriesNumber, then of series_id
    problems : everything wrong with the study as a whole, and with files that joined no series
    unused : (where, reason) of every file that no series uses
    path : str - what was opened; kept out of documents
    """

    study_key: str
    patient_key: str
    series: tuple[Series, ...]
    problems: tuple[Problem, ...] = ()
    unused: tuple[tuple[str, str], ...] = ()
    path: str = field(default="", repr=False)

    def all_problems(self) -> tuple[Problem, ...]:
        """Problems of the study and of its series, in that order; what stacks of one series share is said once."""
        return tuple(dict.fromkeys((*self.problems, *(problem for one in self.series for problem in one.problems))))

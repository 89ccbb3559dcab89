"""Reading: everything that one package says about one study."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from condyle.study.check import Check
from condyle.study.geometry import Geometry
from condyle.study.problem import Problem
from condyle.study.series import Series

Decision = Literal["absent", "present", "uncertain", "not_assessed"]
FindingKind = Literal["binary", "ordinal", "measurement", "category"]
EvidenceKind = Literal["outline", "box", "class_map", "slice_curve", "key_image", "line"]
ReviewAction = Literal["accepted", "changed", "rejected"]
Verdict = Literal["changed", "unchanged", "not_comparable"]


@dataclass(frozen=True, slots=True)
class Site:
    """Where a finding holds. Empty fields mean the whole joint."""

    level: str = ""
    side: str = ""
    compartment: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """One statement about one site.

    Parameters
    ----------
    finding : str - name in the anatomy catalogue
    kind : 'binary' (score), 'ordinal' (grade), 'measurement' (value, unit), 'category' (value as text)
    decision : 'not_assessed' demands a ``reason``; measurements and ordinals use 'present' for "given"; an ordinal is
        'uncertain' when its grade lies near the border of the abnormal ones
    score : calibrated probability in [0, 1] that the finding is present
    grade : value on the named scale; ``probabilities`` has one entry for each step of that scale
    threshold : the frozen score threshold that made the decision
    evidence : ids of Evidence in the same reading
    note : a remark that belongs beside the value, such as how it was validated
    """

    finding: str
    site: Site
    kind: FindingKind
    decision: Decision
    score: float | None = None
    grade: int | None = None
    probabilities: tuple[float, ...] = ()
    value: float | str | None = None
    unit: str = ""
    threshold: float | None = None
    evidence: tuple[str, ...] = ()
    reason: str = ""
    note: str = ""

    def __post_init__(self) -> None:
        if self.decision == "not_assessed" and not self.reason:
            raise ValueError(f"{self.finding} at {self.site} is not assessed without a reason")
        if self.score is not None and not 0.0 <= self.score <= 1.0:
            raise ValueError(f"score {self.score} of {self.finding} is not in [0, 1]")


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """What supports a finding, tied to a series and a place in patient space.

    Parameters
    ----------
    evidence_id : str - unique in the reading
    kind : EvidenceKind
    series_id : str
    slice_index : int - k in the series' own array
    points : (n, 3) LPS mm - outline or line vertices, or the corners of the plane patch of a class map
        or key image in the order top-left, top-right, bottom-right, bottom-left
    image : 2-D array or None - class map (float32, one scale per study) or key image (uint8)
    label : str - structure or finding in plain words
    """

    evidence_id: str
    kind: EvidenceKind
    series_id: str
    slice_index: int
    points: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 3)))
    image: NDArray[Any] | None = None
    label: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class KeyImage:
    """A grey picture for documents: one slice of a series as it was read, upright.

    Parameters
    ----------
    series_id, slice_index : where it comes from
    pixels : [row, column] uint8, head up, anterior to the left on sagittal pictures
    geometry : Geometry with shape (1, rows, columns) of exactly these pixels
    title : str - such as 'Sagittal T2, slice 9 of 18'
    """

    series_id: str
    slice_index: int
    pixels: NDArray[np.uint8]
    geometry: Geometry
    title: str = ""


@dataclass(frozen=True, slots=True)
class Review:
    """What a person made of one finding. ``Reading.findings`` holds what is said now, this what the package had said.

    Parameters
    ----------
    action : 'accepted'; 'changed' to another value; 'rejected', withdrawn with nothing put in its place
    original : the finding as the package gave it
    by : str - initials or an id, never a name; may be empty
    at : str - when, ISO 8601
    """

    action: ReviewAction
    original: Finding
    by: str = ""
    at: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """One finding at one site, in an earlier reading and now.

    Parameters
    ----------
    before, now : the two findings; None where a reading does not speak of it
    difference : float or None - now minus before, on the scale of ``limit``
    limit : float or None - what repeated readings of an unchanged spine stay within, 95 times in 100
    unit : str - scale of both: 'mm', 'grade', 'logit'
    verdict : 'changed' beyond ``limit``; 'unchanged' within it; 'not_comparable' for ``reason``
    """

    before: Finding | None
    now: Finding | None
    difference: float | None
    limit: float | None
    unit: str
    verdict: Verdict
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Comparison:
    """A reading against an earlier one of the same patient.

    Parameters
    ----------
    study_key, package, package_version : of the earlier reading
    changes : one for each finding and site that either reading speaks of
    source : str - where the limits come from
    remark : str - what they do not cover
    """

    study_key: str
    package: str
    package_version: str
    changes: tuple[Change, ...]
    source: str
    remark: str


@dataclass(frozen=True, slots=True)
class PackageInfo:
    """Which package spoke."""

    name: str
    version: str
    sha256: str
    intended_use: str
    trained_on: str
    limits: tuple[str, ...] = ()
    licence: str = ""
    credit: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """Everything said about one study by one package.

    Parameters
    ----------
    study_key, patient_key : str - pseudonymous
    joint : str
    series : every series of the study, used or not, with role and reason
    used_series : mapping from an input slot of the package to the series_id that filled it
    flags : such as 'numbering_uncertain'
    timing : seconds by stage
    reviews : what a person made of findings; empty for a reading that nobody corrected
    comparison : with an earlier reading of the same patient, or None
    """

    study_key: str
    patient_key: str
    joint: str
    series: tuple[Series, ...]
    used_series: Mapping[str, str]
    checks: tuple[Check, ...]
    problems: tuple[Problem, ...]
    findings: tuple[Finding, ...]
    evidence: tuple[Evidence, ...]
    key_images: tuple[KeyImage, ...]
    package: PackageInfo
    flags: tuple[str, ...] = ()
    unused: tuple[tuple[str, str], ...] = ()
    timing: Mapping[str, float] = field(default_factory=dict)
    seed: int = 0
    condyle_version: str = ""
    reviews: tuple[Review, ...] = ()
    comparison: Comparison | None = None

"""The words of the field as plain data: what goes in and what comes out."""

from condyle.study.check import Check
from condyle.study.geometry import Geometry
from condyle.study.problem import Problem
from condyle.study.reading import Change, Comparison, Evidence, Finding, KeyImage, PackageInfo, Reading, Review, Site
from condyle.study.role import Role, Trait
from condyle.study.series import Series, Study
from condyle.study.volume import Volume

__all__ = [
    "Change",
    "Check",
    "Comparison",
    "Evidence",
    "Finding",
    "Geometry",
    "KeyImage",
    "PackageInfo",
    "Problem",
    "Reading",
    "Review",
    "Role",
    "Series",
    "Site",
    "Study",
    "Trait",
    "Volume",
]

"""Knee protocols and the sites that run them.

Proportions follow what was reported for RSNA 2026 (methods D.1 to D.3): pixel spacing 0.14 to 0.70 mm, field of view 130 to
205 mm with a median of 160, slice distance mostly 3 to 4 mm, 2 to 6 % of studies without a fluid-sensitive series of a plane,
half of the series without a usable laterality tag.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from condyle.simulate.signal import Sequence
from condyle.simulate.study import Protocol

PLANES = ("sagittal", "coronal", "axial")
SERIES = ("pd_fs_sag", "pd_fs_cor", "pd_fs_tra", "pd_sag", "t1_cor", "t2_fs_sag", "t2_fs_cor", "t2_fs_tra", "t1_sag")
DEFAULT = ("pd_fs_sag", "pd_fs_cor", "pd_fs_tra")


@dataclass(frozen=True, slots=True)
class Site:
    """One hospital.

    Parameters
    ----------
    vendor, tesla : scanner
    field_of_view, matrix, spacing : mm, rows, mm between slices
    fluid : weighting of its fat-suppressed series, 'pd' or 't2'
    extra : further series, with the share of studies that have them
    tagged : share of studies with the tag Laterality
    missing : share of studies that lack a plane, by plane
    noise, suppression : factor on the noise; mean failure of fat suppression, 0 to 1
    """

    name: str
    vendor: str
    tesla: float
    field_of_view: float
    matrix: int
    spacing: float
    fluid: str = "pd"
    extra: Mapping[str, float] = field(default_factory=dict)
    tagged: float = 0.9
    missing: Mapping[str, float] = field(default_factory=lambda: {"sagittal": 0.03, "coronal": 0.03, "axial": 0.01})
    noise: float = 1.0
    suppression: float = 0.1


SITES: tuple[Site, ...] = (
    Site("A", "siemens", 3.0, 150.0, 384, 3.3, extra={"t1_cor": 0.85, "pd_sag": 0.6}, tagged=0.95),
    Site("B", "siemens", 1.5, 160.0, 320, 3.6, extra={"t1_sag": 0.7}, tagged=0.9, noise=1.2),
    Site("C", "philips", 3.0, 160.0, 512, 3.3, extra={"t1_cor": 0.8}, tagged=0.8),
    Site("D", "philips", 1.5, 165.0, 400, 3.85, fluid="t2", extra={"t1_cor": 0.6, "pd_sag": 0.8}, tagged=0.5, noise=1.25),
    Site("E", "ge", 1.5, 170.0, 512, 4.5, fluid="t2", extra={"pd_sag": 0.9}, tagged=0.0, noise=1.3, suppression=0.25),
    Site("F", "ge", 3.0, 140.0, 1024, 3.5, extra={"t1_cor": 0.7}, tagged=0.0),
    Site("G", "siemens", 1.5, 200.0, 288, 4.4, fluid="t2", tagged=0.6, noise=1.4, suppression=0.3,
         missing={"sagittal": 0.05, "coronal": 0.10, "axial": 0.02}),
    Site("H", "philips", 3.0, 132.0, 448, 3.0, extra={"pd_sag": 0.5}, tagged=0.0, noise=0.9),
)  # fmt: skip


def site_of(rng: np.random.Generator, vendor: str = "") -> Site:
    """A site drawn at random, of one vendor if one is given."""
    chosen = [site for site in SITES if not vendor or site.vendor == vendor]
    return chosen[int(rng.integers(len(chosen)))]


def sequence_of(name: str, tesla: float) -> tuple[str, Sequence]:
    """Weighting and pulse sequence of a series name."""
    strong = tesla > 2
    kind = name.rsplit("_", 1)[0]
    return {
        "pd_fs": ("pd", Sequence("tse", 3200 if strong else 2800, 34, echo_train=7, flip=150, fat_suppression="spectral")),
        "t2_fs": ("t2", Sequence("tse", 4000, 60, echo_train=9, flip=150, fat_suppression="spectral")),
        "pd": ("pd", Sequence("tse", 2900, 28, echo_train=6, flip=150)),
        "t1": ("t1", Sequence("tse", 680 if strong else 560, 12, echo_train=3, flip=150)),
    }[kind]


def plane_of(name: str) -> str:
    return {"sag": "sagittal", "cor": "coronal", "tra": "axial"}[name.rsplit("_", 1)[1]]


def protocol_of(name: str, tesla: float, matrix: int, field_of_view: float, thickness: float, spacing: float, slices: int) -> Protocol:
    weighting, sequence = sequence_of(name, tesla)
    return Protocol(name, weighting, sequence, matrix, field_of_view, thickness, spacing, slices, region="Knee")

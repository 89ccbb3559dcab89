"""Checks on simulated studies of three vendors, through DICOM and intake: clean ones pass, each fault fires its check."""

from __future__ import annotations

from pathlib import Path

import pytest

from condyle.intake import load_volume, open_study
from condyle.quality import check
from condyle.simulate import Faults, simulate_lumbar, write_dicom
from condyle.study import Check

VENDORS = ("siemens", "ge", "philips")
SMALL = {"matrix": 320, "slices": 11}


def checked(folder: Path, seed: int, vendor: str, **options: object) -> tuple[Check, ...]:
    write_dicom(simulate_lumbar(seed, vendor=vendor, **SMALL, **options), folder / "dicom")
    study = open_study(folder / "dicom")
    return check(study, {one.series_id: load_volume(one) for one in study.series if one.used})


def failed(found: tuple[Check, ...]) -> set[str]:
    return {one.name for one in found if one.passed is False}


@pytest.mark.parametrize(("seed", "vendor"), list(enumerate(VENDORS)))
def test_a_clean_study_passes(tmp_path: Path, seed: int, vendor: str) -> None:
    found = checked(tmp_path, seed, vendor)
    assert not failed(found), [one.sentence for one in found if one.passed is False]
    assert all(one.passed for one in found)


@pytest.mark.parametrize(
    ("vendor", "faults", "fires"),
    [
        ("siemens", Faults(motion=3.0), "motion"),
        ("ge", Faults(motion=2.0), "motion"),
        ("philips", Faults(motion=2.0), "motion"),
        ("ge", Faults(noise=40.0), "noise"),
        ("philips", Faults(clipped=0.05), "clipping"),
        ("siemens", Faults(missing=(4,)), "spacing"),
    ],
)
def test_a_fault_of_the_scanner_fires_its_check(tmp_path: Path, vendor: str, faults: Faults, fires: str) -> None:
    found = failed(checked(tmp_path, 1, vendor, faults=faults, series=("t2_sag",)))
    # Only the T2 is drawn, so the T1 is missing; a lost slice also cuts the stack in two.
    assert fires in found
    assert found <= {fires, "missing_series", "coverage"}


@pytest.mark.parametrize("part", ["HEAD", "KNEE"])
def test_another_part_in_the_tag_fires(tmp_path: Path, part: str) -> None:
    headers = {"BodyPartExamined": part, "StudyDescription": "", "SeriesDescription": "", "ProtocolName": ""}
    assert "wrong_body_part" in failed(checked(tmp_path, 2, "siemens", series=("t2_sag",), headers=headers))

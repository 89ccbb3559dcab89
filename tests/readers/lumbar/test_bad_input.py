"""Studies that nobody should trust blindly, simulated as DICOM and read by the shipped package: read with what can be said, or refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import cv2
import numpy as np
import pytest

from condyle.errors import InputError, PackageError
from condyle.intake import open_study
from condyle.readers import find_package, load_package
from condyle.simulate import Variation, simulate_head, simulate_lumbar, write_dicom
from condyle.simulate.faults import Faults
from condyle.simulate.study import SimulatedStudy
from condyle.study import Reading

Read = Callable[..., Reading]


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory) -> Read:
    try:
        find_package("lumbar")
    except PackageError:
        pytest.skip("the package 'lumbar' is not in this tree")
    reader = load_package("lumbar")

    def run(study: SimulatedStudy) -> Reading:
        folder = tmp_path_factory.mktemp("study") / "dicom"
        write_dicom(study, folder)
        return reader.read(open_study(folder))  # type: ignore[no-any-return]

    return run


def simulate(seed: int = 41, *, series: tuple[str, ...] = ("t2_sag",), slices: int = 5, **options: Any) -> SimulatedStudy:
    options = {"variation": Variation(age=45), "matrix": 256, "vendor": "siemens", **options}
    return simulate_lumbar(seed, series=series, slices=slices, **options)


def values(reading: Reading, finding: str) -> Mapping[str, Any]:
    return {one.site.level: one for one in reading.findings if one.finding == finding}


def codes(reading: Reading) -> set[str]:
    return {problem.code for problem in reading.problems}


def test_one_contrast_only(read: Read) -> None:
    """Pfirrmann is graded on T2 alone; Modic changes need both, and say so."""
    reading = read(simulate())
    assert len(values(reading, "pfirrmann")) >= 5
    assert all(one.decision == "not_assessed" and one.reason for one in values(reading, "modic").values())
    other = read(simulate(series=("t1_sag",)))
    assert all(one.decision == "not_assessed" and one.reason for one in values(other, "pfirrmann").values())


def test_a_dicom_series_without_pixel_spacing_is_refused_with_the_reason(read: Read) -> None:
    """Its shape is unknown. (Pictures, of which the shape can be said, are read without millimetres: test_family.)"""
    with pytest.raises(InputError, match="spacing"):
        read(simulate(headers={"PixelSpacing": None}))


@pytest.mark.parametrize("factor", [0.35, 2.6])
def test_a_spacing_that_lies_is_not_believed(read: Read, factor: float) -> None:
    true = simulate().series["t2_sag"].volume.geometry.spacing[1]
    try:
        reading = read(simulate(headers={"PixelSpacing": [f"{factor * true:.6f}"] * 2}))
    except InputError as refusal:
        assert refusal.what and refusal.why  # noqa: PT017, PT018 - a refusal with its reason is as good as a mark
        return
    assert "spacing-implausible" in codes(reading)
    assert all(one.decision == "not_assessed" for one in values(reading, "disc_height").values())


def test_three_slices_are_read(read: Read) -> None:
    reading = read(simulate(slices=3))
    assert set(values(reading, "pfirrmann")) >= {"L5-S1", "L4-L5", "L3-L4", "L2-L3", "L1-L2"}


def test_a_spine_of_cervical_size_is_refused(read: Read) -> None:
    """Lumbar anatomy drawn at the size of cervical discs, under headers that do not tell the body part."""
    small = simulate(variation=Variation(age=40, size=0.45), headers={"BodyPartExamined": None, "StudyDescription": None})
    with pytest.raises(InputError) as refusal:
        read(small)
    assert refusal.value.why


def test_another_body_part_in_the_headers_is_refused(read: Read) -> None:
    with pytest.raises(InputError) as refusal:
        read(simulate(headers={"BodyPartExamined": "CSPINE", "StudyDescription": "MRT HWS", "SeriesDescription": "t2 sag hws"}))
    assert refusal.value.what


def test_a_head_without_its_name_is_refused(read: Read) -> None:
    with pytest.raises(InputError) as refusal:
        read(simulate_head(3, slices=5, headers={"BodyPartExamined": None, "StudyDescription": None}))
    assert refusal.value.why


@pytest.mark.parametrize("degrees", [-38.0, 40.0])
def test_a_strong_scoliosis_is_right_or_flagged(read: Read, degrees: float) -> None:
    study = simulate(variation=Variation(age=60, scoliosis=degrees), slices=11)
    reading = read(study)
    assert "numbering_uncertain" in reading.flags or _named_right(reading, study)


def test_screws_leave_the_other_levels_readable(read: Read) -> None:
    study = simulate(faults=Faults(metal="L4-L5", metal_shift=40.0))
    reading = read(study)
    assert "numbering_uncertain" in reading.flags or _named_right(reading, study)
    assert values(reading, "pfirrmann")["L1-L2"].decision == "present"


def test_burnt_in_text_changes_no_name(read: Read) -> None:
    study = simulate()
    plain = read(study)
    pixels = study.series["t2_sag"].volume.pixels
    top = float(np.quantile(pixels, 0.999))
    text = np.zeros(pixels.shape[1:], np.uint8)
    for row, words in ((20, "W 512 L 240"), (40, "SE 4 IM 7"), (245, "10 cm")):
        cv2.putText(text, words, (4, row), cv2.FONT_HERSHEY_SIMPLEX, 0.45, 255, 1)
    pixels[:, text > 127] = top
    written = read(study)
    assert set(values(written, "pfirrmann")) == set(values(plain, "pfirrmann"))
    for level, one in values(plain, "disc_height").items():
        other = values(written, "disc_height")[level]
        assert other.value is None or one.value is None or abs(other.value - one.value) < 1.0


def test_a_mirrored_stack_is_flagged_or_refused(read: Read) -> None:
    try:
        reading = read(simulate(faults=Faults(mirrored=True)))
    except InputError as refusal:
        assert refusal.why  # noqa: PT017 - a refusal with its reason is as good as a flag
        return
    assert "numbering_uncertain" in reading.flags


def _named_right(reading: Reading, study: SimulatedStudy) -> bool:
    """Every outlined disc lies nearest to the true disc of its name, in the plane of the slices."""
    truth = {name[5:]: place for name, place in study.truth.positions.items() if name.startswith("disc ")}
    normal = study.labels.geometry.normal
    for one in reading.evidence:
        if one.kind == "outline" and one.label.startswith("disc "):
            middle = (one.points.min(axis=0) + one.points.max(axis=0)) / 2
            away = {name: np.linalg.norm((place - middle) - ((place - middle) @ normal) * normal) for name, place in truth.items()}
            if one.label[5:] in truth and min(away, key=lambda name: away[name]) != one.label[5:]:
                return False
    return True

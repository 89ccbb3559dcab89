"""From a study to a reading, with a package whose networks read drawn spines exactly."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from condyle.anatomy.lumbar import LUMBAR
from condyle.errors import InputError
from condyle.intake import open_parts
from condyle.intake.opening import Part
from condyle.readers import load_package
from condyle.readers.lumbar.family import LumbarReader
from condyle.study import Reading, Study
from condyle.testing.families import CHECKS, Contract
from tests.readers.spine import Drawn, draw_spine, grey, toy_package

SPACING = (4.0, 0.46875, 0.46875)


@pytest.fixture(scope="module")
def drawn() -> Drawn:
    return draw_spine(slip={2: 12.0})


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> LumbarReader:
    out = tmp_path_factory.mktemp("packages") / "toy"
    toy_package(out)
    return load_package(out)  # type: ignore[return-value]


@pytest.fixture(scope="module")
def study(drawn: Drawn, tmp_path_factory: pytest.TempPathFactory) -> Study:
    return _study(drawn, tmp_path_factory.mktemp("study"), t2=SPACING, t1=SPACING)


@pytest.fixture(scope="module")
def reading(reader: LumbarReader, study: Study) -> Reading:
    return reader.read(study)


def _study(drawn: Drawn, folder: Path, **spacings: tuple[float, float, float] | None) -> Study:
    """The drawing as one picture a weighting."""
    parts = []
    for name, spacing in spacings.items():
        cv2.imwrite(str(folder / f"{name}.png"), grey(drawn.labels))
        told = {"plane": "sagittal", "weighting": name.partition("_")[0]}
        parts.append(Part(folder / f"{name}.png", told if spacing is None else {**told, "spacing": spacing}))
    return open_parts(parts)


@pytest.mark.parametrize("contract", CHECKS, ids=lambda contract: contract.__name__)
def test_contract(contract: Contract, reader: LumbarReader, study: Study) -> None:
    contract(reader, study)


def test_only_what_is_there_or_in_doubt_has_a_class_map(reading: Reading) -> None:
    maps = {one.evidence_id for one in reading.evidence if one.kind == "class_map"}
    decisions = {finding.decision for finding in reading.findings for one in finding.evidence if one in maps}
    assert maps
    assert decisions <= {"present", "uncertain"}


def test_outlines_lie_on_the_discs_in_patient_space(reading: Reading, study: Study, drawn: Drawn) -> None:
    geometry = study.series[0].geometry
    assert geometry is not None
    for number, level in enumerate(("L5-S1", "L4-L5", "L3-L4")):
        outline = next(one for one in reading.evidence if one.evidence_id == f"t2-{level}-disc")
        places = geometry.to_index(outline.points)
        _, row, column = (places.min(axis=0) + places.max(axis=0)) / 2
        assert (row, column) == pytest.approx(tuple(drawn.centres[number]), abs=4)


def test_heights_and_slip_are_those_drawn(reading: Reading, drawn: Drawn) -> None:
    values = {(one.finding, one.site.level): one for one in reading.findings}
    assert values["disc_height", "L4-L5"].value == pytest.approx((drawn.height + 1) * SPACING[1], rel=0.1)
    assert values["slip", "L3-L4"].value == pytest.approx(12 * SPACING[1], abs=1.5)
    assert values["slip", "L2-L3"].value == pytest.approx(0.0, abs=1.5)
    assert values["slip", "L5-S1"].value == pytest.approx(0.0, abs=1.5)
    assert values["slip", "L5-S1"].note == values["lordosis_l1_s1", ""].note == "Validated on simulation only."
    assert values["slip", "L4-L5"].note == values["lordosis_l1_l5", ""].note == ""


def test_nothing_is_in_millimetres_without_a_spacing(reader: LumbarReader, drawn: Drawn, tmp_path: Path) -> None:
    reading = reader.read(_with_aspect(_study(drawn, tmp_path, t2=None)))
    lengths = [one for one in reading.findings if one.kind == "measurement" and LUMBAR.finding(one.finding).unit == "mm"]
    assert lengths
    assert {one.decision for one in lengths} == {"not_assessed"}
    assert "L5-S1" in {one.site.level for one in reading.findings if one.finding == "pfirrmann" and one.decision == "present"}


def test_what_needs_a_series_that_is_not_there_is_not_assessed(reader: LumbarReader, drawn: Drawn, tmp_path: Path) -> None:
    reading = reader.read(_study(drawn, tmp_path, t2=SPACING))
    modic = [one for one in reading.findings if one.finding == "modic"]
    assert {one.decision for one in modic} == {"not_assessed"}
    assert "T1" in modic[0].reason


def test_decisions_follow_the_thresholds(reading: Reading) -> None:
    for one in reading.findings:
        if one.finding == "disc_narrowing" and one.score is not None:
            expected = "uncertain" if 0.45 <= one.score < 0.55 else "present" if one.score >= 0.5 else "absent"
            assert one.decision == expected


def test_a_second_series_of_a_weighting_is_left_with_a_reason(reader: LumbarReader, drawn: Drawn, tmp_path: Path) -> None:
    reading = reader.read(_study(drawn, tmp_path, t2=SPACING, t2_again=SPACING))
    assert list(reading.used_series) == ["t2"]
    assert any("preferred" in reason for _, reason in reading.unused)


def test_a_picture_without_a_spine_is_refused(reader: LumbarReader, drawn: Drawn, tmp_path: Path) -> None:
    noise = replace(drawn, labels=np.random.default_rng(0).integers(0, 4, drawn.labels.shape).astype(np.uint8))
    with pytest.raises(InputError) as refused:
        reader.read(_study(noise, tmp_path, t2=SPACING))
    assert refused.value.code == "no-lumbar-spine"


def test_another_body_part_is_refused(reader: LumbarReader, study: Study) -> None:
    knee = replace(study, series=tuple(one.with_role(one.role.with_user(body_part="knee")) for one in study.series))
    with pytest.raises(InputError) as refused:
        reader.read(knee)
    assert refused.value.code == "wrong-body-part"


def _with_aspect(study: Study) -> Study:
    return replace(study, series=tuple(replace(one, headers={**one.headers, "pixel_aspect": 1.0}) for one in study.series))

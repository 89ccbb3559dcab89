"""Each check fires on its fault and stays silent on clean studies of three vendors."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from condyle.errors import UsageError
from condyle.quality import PROTOCOLS, check
from condyle.registry import plugins
from condyle.study import Check, Problem, Study

VENDORS = ("SIEMENS", "GE MEDICAL SYSTEMS", "Philips Medical Systems")


def failed(found: tuple[Check, ...]) -> set[str]:
    return {one.name for one in found if one.passed is False}


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_clean_study_passes_everything_that_can_be_measured(vendor, build):
    found = check(*build(vendor))
    assert not failed(found), [one.sentence for one in found if one.passed is False]
    assert {one.name for one in found if one.passed} == set(plugins("checks")) - {"side_conflict"}
    assert all(one.passed is not None for one in found)


def test_movement_between_echo_trains_fires_motion_alone(build, drawn, phantom):
    found = check(*build(pixels=phantom.moved(drawn, np.random.default_rng(1))))
    assert failed(found) == {"motion"}


def test_more_movement_measures_more(build, drawn, phantom):
    def measured(millimetres):
        found = check(*build(pixels=phantom.moved(drawn, np.random.default_rng(1), millimetres=millimetres), keep=(0,)))
        return next(one.measured for one in found if one.name == "motion")

    values = [measured(millimetres) for millimetres in (0.0, 0.8, 1.6, 3.2)]
    assert values == sorted(values)


@pytest.mark.parametrize("share", [0.25, 0.4])
def test_noise_fires_noise_alone(build, drawn, share):
    rng = np.random.default_rng(2)
    level = share * float(np.median(drawn[drawn > 150]))
    noisy = np.hypot(drawn + level * rng.standard_normal(drawn.shape), level * rng.standard_normal(drawn.shape))
    assert failed(check(*build(pixels=noisy.astype(np.float32)))) == {"noise"}


def test_noise_hidden_by_interpolation_is_found(build, drawn):
    rng = np.random.default_rng(2)
    small = drawn[:, ::2, ::2].astype(float)
    level = 0.35 * float(np.median(drawn[drawn > 150]))
    noisy = np.hypot(small + level * rng.standard_normal(small.shape), level * rng.standard_normal(small.shape))
    space = np.fft.fftshift(np.fft.fft2(noisy), axes=(1, 2))
    filled = np.abs(np.fft.ifft2(np.fft.ifftshift(np.pad(space, ((0, 0), (80, 80), (80, 80))), axes=(1, 2)))) * 4
    assert "noise" in failed(check(*build(pixels=filled.astype(np.float32))))


@pytest.mark.parametrize("kind", [np.int16, np.float32])
def test_a_cut_off_grey_scale_fires_clipping_alone(build, drawn, kind):
    ceiling = np.percentile(drawn, 95)
    found = check(*build(pixels=np.minimum(drawn, ceiling).astype(kind)))
    assert failed(found) == {"clipping"}
    measured = next(one.measured for one in found if one.name == "clipping")
    assert measured > 3


def test_a_short_field_of_view_fires_coverage(build, drawn):
    found = check(*build(pixels=drawn[:, 60:260]))  # 180 mm
    assert failed(found) == {"coverage"}
    assert next(one.measured for one in found if one.passed is False) == pytest.approx(180)


def test_too_few_slices_fire_coverage(build, drawn):
    found = check(*build(pixels=drawn[:8]))  # 35 mm from side to side
    assert failed(found) == {"coverage"}


def test_coarse_slices_fire_spacing(build, drawn, phantom):
    found = check(*build(geometry=phantom.sagittal(drawn.shape, (8.0, 0.9, 0.9))))
    assert failed(found) == {"spacing"}


def test_coarse_pixels_fire_spacing(build, drawn, phantom):
    assert failed(check(*build(geometry=phantom.sagittal(drawn.shape, (4.4, 1.5, 1.5))))) == {"spacing"}


@pytest.mark.parametrize("code", ["slices-missing", "slices-uneven"])
def test_a_gap_that_intake_found_fires_spacing(build, code):
    study, volumes = build()
    broken = replace(study.series[0], problems=(Problem(code, "warning", "A slice is missing."),))
    assert failed(check(replace(study, series=(broken, study.series[1])), volumes)) == {"spacing"}


@pytest.mark.parametrize(("keep", "missing"), [((0,), "sagittal T2"), ((1,), "sagittal T1")])
def test_a_series_left_out_fires_missing_series(build, keep, missing):
    found = check(*build(keep=keep))
    assert failed(found) == {"missing_series"}
    assert missing in next(one.sentence for one in found if one.passed is False)


def test_a_series_of_unknown_weighting_leaves_open_what_is_missing(build):
    study, volumes = build(series_description="", echo_time="", scanning_sequence="")
    assert next(one for one in check(study, volumes) if one.name == "missing_series").passed is None


@pytest.mark.parametrize("part", ["HEAD", "KNEE", "SHOULDER", "CSPINE", "Schädel"])
def test_another_part_in_the_tag_fires_wrong_body_part(build, part):
    found = check(*build(body_part_examined=part))
    assert failed(found) == {"wrong_body_part"}


@pytest.mark.parametrize("name", ["t2_tse_sag Knie re", "MPRAGE Kopf", "épaule gauche"])
def test_another_part_in_the_name_fires_wrong_body_part(build, name):
    assert "wrong_body_part" in failed(check(*build(body_part_examined="", series_description=name)))


def test_a_lumbar_spine_given_as_knee_fires_wrong_body_part(build):
    assert "wrong_body_part" in failed(check(*build(), joint="knee"))


def test_a_nameless_limb_off_the_midline_fires_wrong_body_part(build, drawn, phantom):
    found = check(*build(body_part_examined="", geometry=phantom.sagittal(drawn.shape, x=85.0)))
    assert "wrong_body_part" in failed(found)


def test_a_nameless_head_fires_wrong_body_part_by_its_outline(build):
    rng = np.random.default_rng(5)
    rows, columns = np.mgrid[:320, :320] / 320
    inside = (((rows - 0.5) / 0.42) ** 2 + ((columns - 0.5) / 0.4) ** 2 < 1) | ((rows > 0.6) & (np.abs(columns - 0.55) < 0.2))
    head = np.abs(np.where(inside, 500.0, 0.0) + 15 * rng.standard_normal((11, 320, 320))).astype(np.float32)
    assert "wrong_body_part" in failed(check(*build(body_part_examined="", pixels=head)))


def test_a_nameless_lumbar_spine_is_not_called_wrong(build):
    found = next(one for one in check(*build(body_part_examined="")) if one.name == "wrong_body_part")
    assert found.passed is None


def _knee(build, drawn, phantom, **headers):
    geometry = phantom.sagittal(drawn.shape, (4.0, 0.4, 0.4), x=80.0)
    return check(*build(geometry=geometry, body_part_examined="KNEE", **headers), joint="knee")


def test_agreeing_witnesses_of_the_side_pass(build, drawn, phantom):
    found = next(one for one in _knee(build, drawn, phantom, laterality="L") if one.name == "side_conflict")
    assert found.passed is True


@pytest.mark.parametrize("headers", [{"laterality": "R"}, {"protocol_name": "Knie rechts"}])
def test_a_side_against_the_geometry_fires_side_conflict(build, drawn, phantom, headers):
    assert "side_conflict" in failed(_knee(build, drawn, phantom, **headers))


def test_a_knee_without_any_side_is_not_measurable(build, drawn, phantom):
    geometry = phantom.sagittal(drawn.shape, (4.0, 0.4, 0.4))
    found = check(*build(geometry=geometry, body_part_examined="KNEE"), joint="knee")
    assert next(one for one in found if one.name == "side_conflict").passed is None


def test_a_lumbar_spine_has_no_side_to_check(build):
    assert not [one for one in check(*build(laterality="L")) if one.name == "side_conflict"]


def test_volumes_are_not_needed_for_what_headers_tell(build):
    study, _ = build()
    found = check(study, {})
    assert {one.name for one in found} == {"coverage", "missing_series", "spacing", "wrong_body_part"}


def test_a_study_without_series_gives_checks_without_exception():
    found = check(Study("s", "p", ()), {})
    assert failed(found) == {"missing_series"}


def test_an_unknown_joint_is_refused_with_the_known_ones():
    with pytest.raises(UsageError, match="no protocol") as caught:
        check(Study("s", "p", ()), {}, joint="elbow")
    assert all(joint in caught.value.what_to_do for joint in PROTOCOLS)


def test_another_drawing_of_the_same_is_clean_too(build, phantom):
    for seed in (11, 12):
        assert not failed(check(*build(pixels=phantom.spine(np.random.default_rng(seed)).astype(np.int16))))

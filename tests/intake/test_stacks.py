"""Order and geometry: what was written at a place is found at that place, whatever files are called."""

from __future__ import annotations

import hashlib
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from condyle.intake import load_volume, open_studies, open_study
from condyle.study import Series, Study
from tests.intake.writing import AXIAL, CORONAL, SAGITTAL, write_series


def digest(folder: Path) -> str:
    """Hash of all volumes of a folder with their geometry."""
    total = hashlib.sha256()
    for series in open_study(folder).series:
        volume = load_volume(series)
        total.update(volume.pixels.tobytes() + volume.geometry.affine.round(6).tobytes())
    return total.hexdigest()


def codes(item: Study | Series) -> set[str]:
    return {problem.code for problem in item.problems}


def rotation(angles: tuple[float, float, float]) -> NDArray[np.float64]:
    matrix = np.eye(3)
    for axis, angle in enumerate(angles):
        c, s = np.cos(angle), np.sin(angle)
        turn = np.eye(3)
        a, b = [(1, 2), (2, 0), (0, 1)][axis]
        turn[a, a], turn[a, b], turn[b, a], turn[b, b] = c, -s, s, c
        matrix = turn @ matrix
    return matrix


ANGLE = st.floats(-3.1, 3.1)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    angles=st.tuples(ANGLE, ANGLE, ANGLE),
    spacing=st.tuples(st.floats(0.2, 2.0), st.floats(0.2, 2.0)),
    gap=st.floats(0.4, 9.0),
    origin=st.tuples(*[st.floats(-300, 300)] * 3),
    count=st.integers(2, 7),
    seed=st.integers(0, 999),
)
def test_oblique_stacks_come_back_where_they_were(
    tmp_path_factory: pytest.TempPathFactory, angles: Any, spacing: Any, gap: float, origin: Any, count: int, seed: int
) -> None:
    """Every voxel of a random oblique stack, shuffled on disk, lies within 0.01 mm of where it was written."""
    turned = rotation(angles)
    row, column, normal = turned[:, 0], turned[:, 1], turned[:, 2]
    volume = np.random.default_rng(seed).integers(0, 999, (count, 5, 7)).astype(np.uint16)
    order = random.Random(seed).sample(range(count), count)

    def change(one: Dataset, k: int) -> None:
        one.PixelSpacing = [float(f"{value:.10g}") for value in spacing]
        one.InstanceNumber = count - k

    folder = tmp_path_factory.mktemp("oblique")
    write_series(
        folder, volume, orientation=[*row, *column], origin=origin, step=gap * normal, names=[f"{n}.dcm" for n in order], change=change
    )
    (series,) = open_study(folder).series
    read = load_volume(series)
    for k, j, i in ((0, 0, 0), (count - 1, 4, 6), (count // 2, 2, 3)):
        world = np.array(origin) + k * gap * normal + j * spacing[0] * column + i * spacing[1] * row
        index = read.geometry.to_index(world)
        assert np.allclose(index, index.round(), atol=1e-3)
        assert read.pixels[tuple(index.round().astype(int))] == volume[k, j, i]
    assert read.geometry.spacing == pytest.approx((gap, *spacing), rel=1e-4)
    along = read.geometry.affine[:3, 0]
    assert along[np.argmax(np.abs(read.geometry.normal))] > 0, "slices rise to the left, the back or the head"


def test_g07_file_names_carry_no_order(tmp_path: Path, noise: NDArray[np.int16]) -> None:
    write_series(tmp_path / "a", noise)
    write_series(tmp_path / "b", noise, names=[f"{name}.dcm" for name in ("z", "10", "9", "x", "b", "1")])
    assert digest(tmp_path / "a") == digest(tmp_path / "b")


def test_g07_a_mixed_size_series_is_split_with_a_reason(tmp_path: Path, noise: NDArray[np.int16]) -> None:
    write_series(tmp_path, noise[:4])
    write_series(tmp_path, noise[4:, :6], names=["s1", "s2"], origin=(-100, 0, 0), numbers=[11, 12])
    study = open_study(tmp_path)
    assert sorted(len(one.source.frames) for one in study.series) == [2, 4]
    assert all("series-split" in codes(one) for one in study.series)


def test_g40_reversed_instance_numbers_and_anisotropic_pixels(tmp_path: Path, noise: NDArray[np.int16]) -> None:
    def change(one: Dataset, _k: int) -> None:
        one.PixelSpacing, one.SliceThickness = [0.4, 0.9], 2.0

    write_series(tmp_path / "a", noise, change=change)
    write_series(tmp_path / "b", noise, change=change, numbers=[6, 5, 4, 3, 2, 1])
    assert digest(tmp_path / "a") == digest(tmp_path / "b")
    (series,) = open_study(tmp_path / "b").series
    assert load_volume(series).geometry.spacing == pytest.approx((4.0, 0.4, 0.9)), "the gap is measured, not the thickness"


def test_g40_rescale_of_every_slice(tmp_path: Path, noise: NDArray[np.int16]) -> None:
    def change(one: Dataset, k: int) -> None:
        one.RescaleSlope, one.RescaleIntercept = 0.5 + k, -3.0 * k

    write_series(tmp_path, noise, change=change)
    (series,) = open_study(tmp_path).series
    k = np.arange(6)[:, None, None]
    expected = noise * (0.5 + k) - 3.0 * k
    assert np.allclose(load_volume(series).pixels[::-1], expected, atol=1e-3), "written towards the right, read towards the left"


def test_g43_two_interleaved_axial_stacks_come_apart(tmp_path: Path, noise: NDArray[np.int16]) -> None:
    """Discs are scanned parallel to each: one series, two tilts, positions and instance numbers interleaved."""
    tilt = np.deg2rad(12)
    leaning = [1.0, 0.0, 0.0, 0.0, float(np.cos(tilt)), float(np.sin(tilt))]
    write_series(tmp_path, noise[:3], orientation=AXIAL, numbers=[1, 3, 5], names=["1", "3", "5"])
    write_series(tmp_path, noise[3:], orientation=leaning, origin=(0, 0, 2), numbers=[2, 4, 6], names=["2", "4", "6"])
    study = open_study(tmp_path)
    volumes = [load_volume(one) for one in study.series]
    assert sorted(volume.pixels.tobytes() for volume in volumes) == sorted(part.tobytes() for part in (noise[:3], noise[3:]))
    assert sorted(round(volume.geometry.tilt_degrees) for volume in volumes) == [0, 12]


def test_parallel_blocks_with_a_gap_are_separate_stacks(tmp_path: Path, noise: NDArray[np.int16]) -> None:
    write_series(tmp_path, noise[:3], orientation=AXIAL)
    write_series(tmp_path, noise[3:], orientation=AXIAL, origin=(0, 0, 40), names=["a", "b", "c"], numbers=[7, 8, 9])
    study = open_study(tmp_path)
    assert [one.geometry.shape[0] for one in study.series if one.geometry] == [3, 3]
    assert all("slices-missing" in codes(one) for one in study.series)


def test_a_missing_slice_does_not_bend_the_geometry(tmp_path: Path, noise: NDArray[np.int16]) -> None:
    paths = write_series(tmp_path, noise, orientation=AXIAL)
    paths[2].unlink()
    study = open_study(tmp_path)
    problems = [problem for one in study.series for problem in one.problems if problem.code == "slices-missing"]
    assert problems
    assert all(problem.where.endswith(".dcm") and "8.00 mm" in problem.why for problem in problems)
    found = {}
    for one in study.series:
        volume = load_volume(one)
        for k in range(volume.shape[0]):
            found[round(float(volume.geometry.to_world((k, 0, 0))[2]), 3)] = volume.pixels[k].tobytes()
    assert found == {4.0 * k: noise[k].tobytes() for k in (0, 1, 3, 4, 5)}


def test_wildly_uneven_slices_are_refused(tmp_path: Path) -> None:
    volume = np.zeros((8, 4, 4), np.int16)

    def change(one: Dataset, k: int) -> None:
        one.ImagePositionPatient = [0, 0, float(k**2.5)]

    write_series(tmp_path, volume, orientation=AXIAL, change=change)
    (study,) = open_studies(tmp_path).studies
    assert [one.used for one in study.series] == [False]
    assert codes(study.series[0]) == {"slices-uneven"}


def test_small_jitter_of_positions_is_no_gap(tmp_path: Path, noise: NDArray[np.int16]) -> None:
    def change(one: Dataset, k: int) -> None:
        one.ImagePositionPatient = [0.0, 0.0, 4.0 * k + 0.05 * (-1) ** k]

    write_series(tmp_path, noise, orientation=AXIAL, change=change)
    (series,) = open_study(tmp_path).series
    assert not series.problems


def test_a_leaning_stack_keeps_its_lean_and_says_so(tmp_path: Path, noise: NDArray[np.int16]) -> None:
    write_series(tmp_path, noise, orientation=AXIAL, step=(0, 1.0, 4.0))
    (series,) = open_study(tmp_path).series
    assert codes(series) == {"stack-tilted"}
    assert np.allclose(load_volume(series).geometry.to_world((3, 0, 0)), (0, 3, 12))


def test_echoes_that_share_a_series_are_split(tmp_path: Path, noise: NDArray[np.int16]) -> None:
    def second(one: Dataset, _k: int) -> None:
        one.EchoTime = 31.5

    write_series(tmp_path, noise[:3])
    write_series(tmp_path, noise[3:], names=["a", "b", "c"], numbers=[4, 5, 6], change=second)
    study = open_study(tmp_path)
    assert sorted(one.headers["echo_time"] for one in study.series) == [31.5, 100.0]


def test_time_points_are_split_and_identical_copies_dropped(tmp_path: Path, noise: NDArray[np.int16]) -> None:
    def later(one: Dataset, _k: int) -> None:
        one.TemporalPositionIdentifier = 2

    def earlier(one: Dataset, _k: int) -> None:
        one.TemporalPositionIdentifier = 1

    paths = write_series(tmp_path, noise[:3], change=earlier)
    write_series(tmp_path, noise[3:], names=["a", "b", "c"], numbers=[4, 5, 6], change=later)
    (tmp_path / "copy.dcm").write_bytes(paths[0].read_bytes())
    study = open_study(tmp_path)
    assert [one.geometry.shape[0] for one in study.series if one.geometry] == [3, 3]
    assert [reason for _, reason in study.unused] == ["a copy of an object that is already in the series (same SOPInstanceUID)"]


def test_duplicates_that_nothing_tells_apart_are_listed(tmp_path: Path, noise: NDArray[np.int16]) -> None:
    write_series(tmp_path, noise[:3])
    write_series(tmp_path, noise[3:4], names=["again.dcm"], numbers=[1], study="1", change=lambda one, _k: _new_object(one))
    study = open_study(tmp_path)
    assert codes(study.series[0]) == {"slices-duplicated"}
    assert len(study.unused) == 1
    assert study.series[0].used


def test_slices_that_share_a_uid_are_not_copies(tmp_path: Path, noise: NDArray[np.int16]) -> None:
    """A careless anonymiser gives every slice the same SOPInstanceUID."""
    write_series(tmp_path, noise, change=lambda one, _k: _new_object(one))
    study = open_study(tmp_path)
    assert study.unused == ()
    assert load_volume(study.series[0]).shape[0] == 6


def test_slices_of_two_frames_of_reference_are_not_one_stack(tmp_path: Path, noise: NDArray[np.int16]) -> None:
    """The patient was moved in between: positions do not compare."""

    def change(one: Dataset, k: int) -> None:
        one.FrameOfReferenceUID = f"1.2.{k // 3}"

    write_series(tmp_path, noise, change=change)
    assert [one.geometry.shape[0] for one in open_study(tmp_path).series if one.geometry] == [3, 3]


def _new_object(one: Dataset) -> None:
    one.SOPInstanceUID = one.file_meta.MediaStorageSOPInstanceUID = "1.2.3.4.5"


def test_three_planes_in_one_series_are_a_localiser(tmp_path: Path, noise: NDArray[np.int16]) -> None:
    for plane, orientation in (("s", SAGITTAL), ("a", AXIAL), ("c", CORONAL)):
        numbers = {"s": [1, 2], "a": [3, 4], "c": [5, 6]}[plane]
        write_series(tmp_path, noise[:2], orientation=orientation, names=[f"{plane}1", f"{plane}2"], numbers=numbers)
    (study,) = open_studies(tmp_path).studies
    assert len(study.series) == 3
    assert all("localiser" in codes(one) and not one.used for one in study.series)
    assert all(load_volume(one).pixels.size for one in study.series), "it may still be looked at"


def test_without_positions_the_order_is_that_of_complete_instance_numbers(tmp_path: Path, noise: NDArray[np.int16]) -> None:
    def change(one: Dataset, _k: int) -> None:
        del one.ImagePositionPatient

    write_series(tmp_path / "a", noise, names=list("fedcba"), change=change)
    (series,) = open_study(tmp_path / "a").series
    assert series.geometry is None
    assert codes(series) == {"geometry-missing"}
    volume = load_volume(series)
    assert np.array_equal(volume.pixels, noise)
    assert not volume.geometry.calibrated

    write_series(tmp_path / "b", noise, numbers=[1, 2, 3, 4, 6, 7], change=change)
    (study,) = open_studies(tmp_path / "b").studies
    assert not study.series[0].used, "a number is missing, so nothing tells the order"


def test_invalid_direction_cosines_are_refused(tmp_path: Path, noise: NDArray[np.int16]) -> None:
    write_series(tmp_path, noise, orientation=(1, 0, 0, 1, 0, 0), step=(0, 0, 4))
    (study,) = open_studies(tmp_path).studies
    assert codes(study.series[0]) == {"orientation-invalid"}
    assert not study.series[0].used


def test_two_echoes_without_echo_time_are_two_stacks(tmp_path: Path, noise: NDArray[np.int16]) -> None:
    """EchoNumbers alone tells them apart; instance numbers run through places first or are no help at all."""

    def echo(number: int) -> Any:
        def change(one: Dataset, _k: int) -> None:
            del one.EchoTime
            one.EchoNumbers = number
            one.SOPInstanceUID = one.file_meta.MediaStorageSOPInstanceUID = f"1.2.{number}.{one.InstanceNumber}"
            one.InstanceNumber = 1

        return change

    write_series(tmp_path / "1", noise, change=echo(1))
    write_series(tmp_path / "2", noise + 1000, change=echo(2))
    study = open_study(tmp_path)
    assert study.unused == ()
    assert [codes(one) for one in study.series] == [{"series-split"}] * 2
    assert sorted(int(load_volume(one).pixels.max()) > 999 for one in study.series) == [False, True]
    assert all(len(np.unique(load_volume(one).pixels > 999)) == 1 for one in study.series), "no volume holds slices of both"


def test_slices_that_all_lie_at_one_place_are_refused_by_name(tmp_path: Path, noise: NDArray[np.int16]) -> None:
    write_series(tmp_path / "a", noise, step=(0, 0, 0))
    (study,) = open_studies(tmp_path / "a").studies
    (series,) = study.series
    assert not series.used
    (problem,) = series.problems
    assert (problem.code, problem.severity) == ("slices-at-one-place", "error")
    assert "ImagePositionPatient" in problem.why

    def later(one: Dataset, k: int) -> None:
        one.TriggerTime = 40 * k

    write_series(tmp_path / "b", noise, step=(0, 0, 0), change=later)
    assert len(open_study(tmp_path / "b").series) == 6, "one slice at six times is no error"


def test_a_localiser_has_no_errors(tmp_path: Path, noise: NDArray[np.int16]) -> None:
    """Its few slices need form no volume."""

    def scout(one: Dataset, k: int) -> None:
        one.ImageType = ["ORIGINAL", "PRIMARY", "LOCALIZER"]
        one.ImagePositionPatient = [float(-k * k * (k + 3)), 0, 0]

    write_series(tmp_path, noise, change=scout)
    (study,) = open_studies(tmp_path).studies
    assert all("localiser" in codes(one) and not one.used for one in study.series)
    assert not [problem for problem in study.all_problems() if problem.severity == "error"]

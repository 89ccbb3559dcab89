"""Studies, patients, parts and what the user says of them."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.uid import JPEG2000Lossless

from condyle.errors import InputError, UsageError
from condyle.intake import Part, load_volume, load_volumes, open_parts, open_studies, open_study
from tests.intake.writing import mr_object, write_series


def test_several_studies_come_apart_and_one_is_chosen_by_key(tmp_path: Path, noise: NDArray[np.int16]) -> None:
    write_series(tmp_path / "x", noise, study="1")
    write_series(tmp_path / "x" / "y", noise, study="2")
    opened = open_studies(tmp_path)
    assert len({study.study_key for study in opened.studies}) == 2
    with pytest.raises(UsageError) as caught:
        open_study(tmp_path)
    assert all(study.study_key in caught.value.why for study in opened.studies)
    for study in opened.studies:
        assert open_study(tmp_path, study=study.study_key).study_key == study.study_key
    with pytest.raises(UsageError):
        open_study(tmp_path, study="0123456789abcdef")


def test_two_patients_are_never_one_stack(tmp_path: Path, noise: NDArray[np.int16]) -> None:
    """Same study and series UID, as a careless anonymiser leaves them; only PatientID differs."""

    def other(one: Dataset, _k: int) -> None:
        one.PatientID = "another"

    write_series(tmp_path, noise[:3])
    write_series(tmp_path, noise[3:], origin=(-12, 0, 0), names=["a", "b", "c"], numbers=[4, 5, 6], change=other)
    opened = open_studies(tmp_path)
    assert [len(study.series[0].source.frames) for study in opened.studies] == [3, 3]
    assert len({study.study_key for study in opened.studies}) == 2
    assert len({study.patient_key for study in opened.studies}) == 2
    assert all("two-patients" in {problem.code for problem in study.problems} for study in opened.studies)


def test_objects_without_uids_stay_with_their_folder(tmp_path: Path, noise: NDArray[np.int16]) -> None:
    def anonymous(one: Dataset, _k: int) -> None:
        del one.StudyInstanceUID, one.SeriesInstanceUID

    write_series(tmp_path / "a", noise, change=anonymous)
    write_series(tmp_path / "b", noise, change=anonymous)
    opened = open_studies(tmp_path)
    assert [study.series[0].geometry.shape[0] for study in opened.studies if study.series[0].geometry] == [6, 6]


def test_series_ids_follow_the_numbers_and_are_unique(tmp_path: Path, noise: NDArray[np.int16]) -> None:
    for series in ("12", "3", "7"):
        write_series(tmp_path / series, noise, series=series)

    def same_number(one: Dataset, _k: int) -> None:
        one.SeriesNumber = 3

    write_series(tmp_path / "again", noise, series="8", change=same_number)
    assert [one.series_id for one in open_study(tmp_path).series] == ["003", "003b", "007", "012"]


def test_the_same_study_has_the_same_keys_in_any_folder(tmp_path: Path, noise: NDArray[np.int16]) -> None:
    write_series(tmp_path / "a", noise)
    write_series(tmp_path / "b" / "c", noise, names=list("zyxwvu"))
    a, b = open_study(tmp_path / "a"), open_study(tmp_path / "b")
    assert (a.study_key, a.patient_key) == (b.study_key, b.patient_key)
    assert a.study_key != a.patient_key


def test_what_the_user_says_overrides(tmp_path: Path, noise: NDArray[np.int16]) -> None:
    write_series(tmp_path, noise)
    (series,) = open_study(tmp_path, overrides={"plane": "coronal", "weighting": "pd", "spacing": (2, 0.3, 0.4)}).series
    assert (series.role.plane.value, series.role.plane.source) == ("coronal", "user")
    assert (series.role.weighting.value, series.role.weighting.source) == ("pd", "user")
    assert [problem.code for problem in series.problems] == ["plane-conflict"]
    volume = load_volume(series)
    assert volume.geometry.spacing == pytest.approx((2, 0.3, 0.4))
    assert volume.geometry.plane == "sagittal", "directions are those of the file"
    assert volume.geometry.spacing_source == "user"


def test_parts_of_a_manifest_become_one_study(tmp_path: Path, noise: NDArray[np.int16]) -> None:
    write_series(tmp_path / "d", noise)
    grey = (noise[0] % 256).astype(np.uint8)
    for name in ("t1", "t2"):
        assert cv2.imwrite(str(tmp_path / f"{name}.png"), grey)
    parts = [
        Part(tmp_path / "t1.png", {"plane": "sagittal", "weighting": "t1"}),
        Part(tmp_path / "t2.png", {"plane": "sagittal", "weighting": "t2", "spacing": (4.0, 0.6, 0.6)}),
        Part(tmp_path / "d", {}),
    ]
    study = open_parts(parts, study_id="17", patient_id="4")
    assert len({one.series_id for one in study.series}) == 3
    assert [one.role.weighting.value for one in study.series[:2]] == ["t1", "t2"]
    assert [one.geometry.calibrated for one in study.series if one.geometry] == [False, True, True]
    again = open_parts(parts[:1], study_id="17", patient_id="4")
    assert (again.study_key, again.patient_key) == (study.study_key, study.patient_key)


def test_parts_of_two_patients_are_refused(tmp_path: Path, noise: NDArray[np.int16]) -> None:
    write_series(tmp_path / "a", noise, study="1")
    write_series(tmp_path / "b", noise, study="2")
    with pytest.raises(InputError) as caught:
        open_parts([Part(tmp_path / "a"), Part(tmp_path / "b")])
    assert caught.value.code == "two-patients"


def test_one_series_that_cannot_be_decoded_does_not_stop_the_others(tmp_path: Path, noise: NDArray[np.int16]) -> None:
    write_series(tmp_path / "good", noise, series="1")
    one = mr_object(np.random.default_rng(2).integers(0, 900, (64, 64)).astype(np.uint16), series="2")
    one.compress(JPEG2000Lossless, generate_instance_uid=False)
    one.save_as(tmp_path / "bad.dcm", enforce_file_format=True)
    data = bytearray((tmp_path / "bad.dcm").read_bytes())
    place = data.index(b"\xff\x4f\xff\x51")
    data[place + 60 : place + 90] = bytes(30)
    (tmp_path / "bad.dcm").write_bytes(data)
    study, volumes = load_volumes(open_study(tmp_path))
    assert set(volumes) == {"001"}
    (bad,) = [series for series in study.series if series.series_id == "002"]
    assert not bad.used
    assert [problem.where for problem in bad.problems] == ["bad.dcm"]


def test_pictures_beside_dicom_are_not_studies(tmp_path: Path, noise: NDArray[np.int16]) -> None:
    """A disc from a hospital carries logos and thumbnails."""
    write_series(tmp_path, noise)
    assert cv2.imwrite(str(tmp_path / "logo.png"), np.zeros((9, 9), np.uint8))
    study = open_study(tmp_path)
    assert study.unused == (("logo.png", "a picture beside medical images"),)


def test_objects_that_are_no_mr_images_are_listed(tmp_path: Path, noise: NDArray[np.int16]) -> None:
    def ct(one: Dataset, _k: int) -> None:
        one.SOPClassUID = one.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
        one.Modality = "CT"

    def headers_only(one: Dataset, _k: int) -> None:
        del one.PixelData

    write_series(tmp_path, noise[:1], names=["ct"], change=ct)
    write_series(tmp_path, noise[:1], names=["header"], change=headers_only)
    with pytest.raises(InputError):
        open_study(tmp_path)
    assert dict(open_studies(tmp_path).unused) == {
        "ct": "an image, but no MR image (modality CT)",
        "header": "no pixel data (modality MR)",
    }


def test_reading_ordinary_files_needs_no_pydicom(tmp_path: Path, noise: NDArray[np.int16]) -> None:
    import subprocess
    import sys

    write_series(tmp_path, noise)
    program = (
        "import sys\nfrom condyle.intake import open_study, load_volume\n"
        "volume = load_volume(open_study(sys.argv[1]).series[0])\n"
        "assert volume.shape == (6, 8, 10)\n"
        "assert not {'pydicom', 'nibabel', 'cv2', 'imagecodecs', 'scipy'} & set(sys.modules), sorted(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=True)


def test_nothing_to_read_is_told_with_place_and_reason(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.txt").write_text("no image\n")
    (tmp_path / "two").mkdir()
    for name in ("a.txt", "b.txt"):
        (tmp_path / "two" / name).write_text("no image\n")
    said = {}
    for name in ("empty", "notes.txt", "two"):
        with pytest.raises(InputError) as caught:
            open_study(tmp_path / name)
        said[name] = (caught.value.where, caught.value.why)
    assert said["empty"] == ("empty", "It holds no file.")
    assert said["notes.txt"] == ("notes.txt", "Not a medical image of a known format.")
    assert said["two"] == ("a.txt, b.txt", "None of 2 files can be used: not a medical image of a known format.")

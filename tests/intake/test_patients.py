"""Patients who share an ID, a study and a series are never one stack."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from condyle.intake import open_studies
from condyle.intake.header import Header
from condyle.intake.patients import Patient, apart, patient_of
from condyle.intake.tags import TAG
from tests.intake.writing import write_series

A = {"PatientID": "ANON", "PatientName": "Alpha^A", "PatientBirthDate": "19500101"}


def two(folder: Path, noise: NDArray[np.int16], other: dict[str, str], *, origin: tuple[float, float, float]) -> None:
    """Six slices with the identity ``A``, six with the other one; all UIDs but that of the object are the same."""

    def stamped(identity: dict[str, str], first: int):
        def change(one: Dataset, k: int) -> None:
            one.SOPInstanceUID = one.file_meta.MediaStorageSOPInstanceUID = f"1.2.3.{first + k}"
            for name, value in identity.items():
                setattr(one, name, value)
            one.SpecificCharacterSet = "ISO_IR 192"

        return change

    write_series(folder, noise, names=[f"a{k}" for k in range(6)], change=stamped(A, 1))
    write_series(folder, noise, names=[f"b{k}" for k in range(6)], change=stamped({**A, **other}, 50), origin=origin, numbers=range(7, 13))


@pytest.mark.parametrize("origin", [(-24.0, 0.0, 0.0), (0.0, 0.0, 0.0)], ids=["slices go on", "same places"])
@pytest.mark.parametrize("other", [
    {"PatientName": "Beta^B"},
    {"PatientBirthDate": "19620214"},
    {"PatientID": "other"},
    {"PatientID": "", "PatientName": "Beta^B"},
    {"PatientID": "", "PatientName": "", "PatientBirthDate": "19620214"},
])  # fmt: skip
def test_they_come_apart_by_whatever_tells_them_apart(
    tmp_path: Path, noise: NDArray[np.int16], other: dict[str, str], origin: tuple[float, float, float]
) -> None:
    two(tmp_path, noise, other, origin=origin)
    opened = open_studies(tmp_path)
    assert [len(one.source.frames) for study in opened.studies for one in study.series] == [6, 6], "none is stacked, none is dropped"
    assert len({study.study_key for study in opened.studies}) == len({study.patient_key for study in opened.studies}) == 2
    for study, letter in zip(opened.studies, "ab", strict=True):
        assert "two-patients" in {problem.code for problem in study.problems}
        assert {frame.file.where[0] for frame in study.series[0].source.frames} == {letter}


@pytest.mark.parametrize("other", [
    {"PatientName": ""},
    {"PatientBirthDate": ""},
    {"PatientID": ""},
    {"PatientName": "ALPHA^A^^"},
    {"PatientName": "Alpha^Ä"},
])  # fmt: skip
def test_what_is_left_out_or_written_otherwise_parts_nobody(tmp_path: Path, noise: NDArray[np.int16], other: dict[str, str]) -> None:
    two(tmp_path, noise, other, origin=(-24.0, 0.0, 0.0))
    (study,) = open_studies(tmp_path).studies
    assert not study.problems
    assert [len(one.source.frames) for one in study.series] == [12]


def test_the_keys_of_an_ordinary_study_are_those_of_its_uid_and_id(tmp_path: Path, noise: NDArray[np.int16]) -> None:
    from condyle.intake.identity import patient_key, study_key

    def named(one: Dataset, k: int) -> None:
        if k % 2:
            one.PatientName = ""

    (first, *_) = write_series(tmp_path, noise, change=named)
    (study,) = open_studies(tmp_path).studies
    import pydicom

    header = pydicom.dcmread(first)
    assert study.study_key == study_key(header.StudyInstanceUID)
    assert study.patient_key == patient_key(header.PatientID)


def test_a_damaged_slice_is_listed_with_its_own_patient(tmp_path: Path, noise: NDArray[np.int16]) -> None:
    two(tmp_path, noise, {"PatientName": "Beta^B"}, origin=(-24.0, 0.0, 0.0))
    (tmp_path / "b3").write_bytes((tmp_path / "b3").read_bytes()[:-20])
    first, second = open_studies(tmp_path).studies
    assert not first.unused
    assert [where for where, _ in second.unused] == ["b3"]


def test_names_in_several_scripts_and_with_accents() -> None:
    def name(text: str) -> str:
        return patient_of(Header({TAG["PatientName"]: text.encode(), TAG["SpecificCharacterSet"]: b"ISO_IR 192"})).name

    assert name("Müller^Eva") == name("MULLER^EVA^^^") == "muller eva"
    assert name("Yamada^Tarou=山田^太郎=やまだ^たろう") == name("YAMADA^TAROU")
    assert name("=山田^太郎") == "山田 太郎"


PATIENTS = st.builds(Patient, *[st.sampled_from(["", "x", "y"])] * 3)


@settings(max_examples=60, deadline=None)
@given(st.lists(PATIENTS, min_size=1, max_size=9, unique=True))
def test_nobody_is_lost_and_no_person_contradicts_itself(patients: list[Patient]) -> None:
    persons = apart(patients)
    assert sorted(map(repr, patients)) == sorted(repr(one) for _, own in persons for one in own)
    for _, own in persons:
        assert not any(one.contradicts(other) for one in own for other in own)

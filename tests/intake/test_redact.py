"""Planted names and numbers of patients never come out of intake."""

from __future__ import annotations

import logging
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from condyle.errors import InputError
from condyle.intake import load_volume, open_studies, open_study
from condyle.intake.header import Header
from condyle.intake.redact import Redactor, secret_words
from condyle.intake.tags import TAG
from tests.intake.writing import write_series

NAME, NUMBER = "Mustermann^Erika", "4711-88 X"


def planted(one: Dataset, k: int) -> None:
    one.PatientName, one.PatientID, one.PatientBirthDate = NAME, NUMBER, "19510607"
    one.SeriesDescription = "t2_tse_sag ERIKA MUSTERMANN"


def clean(text: str) -> bool:
    folded = text.lower()
    return not any(word in folded for word in ("mustermann", "erika", "4711", "471188", "19510607"))


def test_names_in_paths_are_masked_everywhere(tmp_path: Path, noise: NDArray[np.int16], caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    folder = tmp_path / "MUSTERMANN_ERIKA_4711-88" / "19510607"
    paths = write_series(folder, noise, names=[f"Erika-Mustermann_{k}.dcm" for k in range(6)], change=planted)
    paths[1].write_bytes(paths[1].read_bytes()[:-5])
    paths[4].unlink()
    (folder / "mustermann.txt").write_text("a letter")
    (folder / "471188.zip").write_bytes(b"PK\x03\x04 broken")
    (folder / "Erika.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
    (folder / "mustermann.nii").write_bytes(b"\x5c\x01\x00\x00" + bytes(340) + b"n+1\0" + bytes(50))
    study = open_study(tmp_path)
    assert study.problems
    for problem in study.all_problems():
        assert clean(" ".join(map(str, (problem.code, problem.what, problem.where, problem.why, problem.what_to_do)))), problem
    assert any("***" in problem.where for problem in study.all_problems())
    assert all(clean(f"{where} {reason}") for where, reason in study.unused)
    assert clean(study.study_key + study.patient_key + "".join(series.series_id for series in study.series))
    assert clean(repr(study)), "not even a printed study names the patient"
    for series in study.series:
        assert clean(" ".join(map(str, (series.role,))))
    remaining = next(path for path in paths if path.exists())
    remaining.write_bytes(remaining.read_bytes()[:-9])
    with pytest.raises(InputError) as caught:
        [load_volume(series) for series in study.series]
    assert clean(str(caught.value))
    assert clean(caplog.text)


def test_warnings_of_the_parsers_do_not_quote_headers(tmp_path: Path, noise: NDArray[np.int16], caplog: pytest.LogCaptureFixture) -> None:
    """Values that pydicom would quote in a warning: a name with an unknown character set, a date that is none."""
    caplog.set_level(logging.DEBUG)

    def odd(one: Dataset, k: int) -> None:
        planted(one, k)
        one.SpecificCharacterSet = "ISO_IR 100"

    for path in write_series(tmp_path, noise[:2], change=odd):
        data = path.read_bytes()
        for old, new in (
            (b"Mustermann^Erika", b"Mustermann^Erik\xe4"),
            (b"\x08\x00\x60\x00CS", b"\x08\x00\x60\x00UN"),
            (b"ISO_IR 100", b"ISO_IR 999"),
        ):
            assert old in data
            data = data.replace(old, new)
        path.write_bytes(data)
    open_studies(tmp_path)
    assert clean(caplog.text)


@pytest.mark.parametrize(
    ("path", "words", "shown"),
    [
        ("Müller/IM1", {"muller"}, "***/IM1"),
        ("li_wei/anatomy/IM1", {"li", "wei", "ana"}, "***_***/anatomy/IM1"),
        ("a/xMEIERx/1", {"meier"}, "a/x***x/1"),
        ("IM0001", {"12"}, "IM0001"),
        ("A/b", set(), "A/b"),
        ("SIM_LUMBAR-07/lumbar/1", {"sim lumbar 07", "sim"}, "***/lumbar/1"),
        ("simlumbar07", {"sim lumbar 07"}, "***"),
    ],
)
def test_masking(path: str, words: set[str], shown: str) -> None:
    assert Redactor(words)(path) == shown


def header(**values: str) -> Header:
    return Header({TAG[name]: value.encode() for name, value in values.items()})


def test_an_id_is_masked_but_not_what_was_scanned() -> None:
    """The words of an ID go, too, but for those that stand in the paths of everybody."""
    redact = Redactor(secret_words([header(PatientName="DOE^JANE", PatientID="KNEE-DOE77-4711")]))
    assert redact("knee/sag_t2/IM1") == "knee/sag_t2/IM1"
    for path in ("knee-doe77-4711", "KNEE_DOE77_4711/1", "kneedoe774711", "a/4711/1", "x-4711b", "doe77.dcm", "jane", "xJANEx"):
        assert not {"doe", "jane", "77", "4711"} & set(re.findall(r"[a-z]+|\d+", redact(path).lower())), path


@pytest.mark.parametrize("name", ["Knee^Peter", "Spine^Peter", "Patient^Peter"])
def test_a_name_that_is_a_common_word_is_masked(name: str) -> None:
    redact = Redactor(secret_words([header(PatientName=name, PatientID="1")]))
    assert redact(f"{name.replace('^', '_')}/1") == "***_***/1"


@given(st.text(max_size=30), st.sets(st.text(alphabet="abcdefgäöüßİ", min_size=4, max_size=8), max_size=3))
def test_masking_leaves_no_long_word(path: str, words: set[str]) -> None:
    from condyle.intake.redact import _fold

    folded = {_fold(word) for word in words}
    assert not any(word in _fold(Redactor(folded)(path)) for word in folded if len(word) >= 4)


@given(
    st.lists(st.text(alphabet="abcxyzß1950/-_. \n", max_size=20), max_size=6),
    st.sets(st.sampled_from(["abc", "xyz", "a b", "ss", "19510509", "95", "c 1"]), max_size=4),
)
def test_masking_paths_together_is_masking_each(paths: list[str], words: set[str]) -> None:
    redact = Redactor(words)
    assert redact.each(paths) == [redact(path) for path in paths]


BIRTH = "19510607"
MONTHS = ("june", "Jun", "JUNE", "06", "6")


@pytest.mark.parametrize("sign", ["-", ".", "_", " ", "/", ". ", ""])
@pytest.mark.parametrize("month", MONTHS)
@pytest.mark.parametrize("day", ["07", "7"])
def test_a_birth_date_is_masked_as_people_write_it(sign: str, month: str, day: str) -> None:
    redact = Redactor(secret_words([header(PatientName="DOE^JANE", PatientID="1", PatientBirthDate=BIRTH)]))
    for parts in (("1951", month, day), (day, month, "1951"), (month, day, "1951")):
        assert redact(f"spine {sign.join(parts)} t2/IM1") == "spine *** t2/IM1", parts


@pytest.mark.parametrize(
    "path", ["1951/IM0607", "1951-06-08/1", "1951-06-17/1", "17.06.1951/1", "1951-6-70/1", "2019510600", "20240607/1", "june/7"]
)
def test_other_dates_are_not(path: str) -> None:
    redact = Redactor(secret_words([header(PatientName="DOE^JANE", PatientID="1", PatientBirthDate=BIRTH)]))
    assert redact(path) == path


@pytest.mark.parametrize("birth", ["", "1951", "195106", "19511300", "unknown", "1951.06.07"])
def test_a_birth_date_that_is_none_is_masked_as_it_stands(birth: str) -> None:
    redact = Redactor(secret_words([header(PatientName="DOE^JANE", PatientID="1", PatientBirthDate=birth)]))
    assert redact(f"a/{birth}/b") == ("a/***/b" if birth else "a//b")


def test_birth_dates_of_thousands_are_all_masked() -> None:
    dates = [f"{1920 + n % 90}{1 + n % 12:02}{1 + n % 28:02}" for n in range(3000)]
    patients = [header(PatientName=f"N{n:05}X", PatientID=str(n), PatientBirthDate=date) for n, date in enumerate(dates)]
    redact = Redactor(secret_words(patients))
    for date in dates[::97]:
        assert redact(f"x/{date[6:]}.{date[4:6]}.{date[:4]}/1") == "x/***/1"


def test_a_birth_date_in_a_folder_of_a_damaged_study_is_not_shown(tmp_path: Path, noise: NDArray[np.int16]) -> None:
    paths = write_series(tmp_path / "spine 1951-06-07" / "7.6.1951", noise, change=planted)
    paths[1].write_bytes(paths[1].read_bytes()[:-5])
    study = open_study(tmp_path)
    assert [where for where, _ in study.unused] == ["spine ***/***/0001.dcm"]

"""The fast walk against its judge: where it answers at all, pydicom gives the same bytes."""

from __future__ import annotations

import io
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from condyle.errors import InputError
from condyle.intake.blob import Blob
from condyle.intake.dicom_file import DicomFile, read_dicom, read_with_pydicom
from condyle.intake.fast_dicom import HEAD_BYTES, Known, TooShort, scan
from condyle.intake.tags import ELEMENTS, TAG
from tests.intake.writing import mr_object, write_series

MR_SMALL = Path(__file__).resolve().parents[1] / "data" / "dicom" / "MR_small.dcm"


def by_scan(data: bytes) -> Any:
    """What the fast walk says of a whole file; None when it leaves it to pydicom."""
    try:
        return scan(data, len(data))
    except TooShort:
        return None


def by_pydicom(path: Path, data: bytes) -> DicomFile | None:
    path.write_bytes(data)
    try:
        return read_with_pydicom(Blob(str(path), "file", len(data)))
    except InputError:
        return None


def agree(data: bytes, path: Path) -> bool:
    """Whether the walk answered; asserts that pydicom then gives the same elements and the same place of the pixels."""
    fast = by_scan(data)
    if fast is None:
        return False
    slow = by_pydicom(path, data)
    assert slow is not None, "the fast walk read a file that pydicom refuses"
    assert _values(fast.raw, slow) == _values(slow.header.raw, slow)
    assert fast.pixel_length == slow.pixel_length
    if fast.pixel_length:
        assert fast.pixel_offset == slow.pixel_offset
    return True


def _values(raw: Any, file: DicomFile) -> dict[int, bytes]:
    """Raw bytes without padding: pydicom strips that of elements which it converts while reading."""
    return {tag: bytes(value).rstrip(b"\0 ") if tag in _CONVERTED else bytes(value) for tag, value in raw.items()}


_CONVERTED = {TAG["TransferSyntaxUID"], TAG["MediaStorageSOPClassUID"], TAG["SpecificCharacterSet"]}


def every_file(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix not in (".md", ".csv", ".txt"))


def test_equal_to_pydicom_on_samples(samples: Path, tmp_path: Path) -> None:
    answered = [path.name for path in every_file(samples) if agree(path.read_bytes(), tmp_path / "x")]
    assert {"MR_small.dcm", "MR_small_RLE.dcm", "MR_small_padded.dcm"} <= set(answered)
    assert "MR_small_implicit.dcm" not in answered
    assert "MR_small_bigendian.dcm" not in answered


def test_equal_to_pydicom_on_all_real_files(shared_data: Path, tmp_path: Path) -> None:
    files = every_file(shared_data / "dicom")
    answered = sum(agree(path.read_bytes(), tmp_path / "x") for path in files)
    assert answered > len(files) / 3, "the fast path is of no use if ordinary files miss it"


def test_values_equal_those_of_pydicom(samples: Path) -> None:
    """The conversion, too: numbers and texts as pydicom gives them."""
    for path in every_file(samples):
        dataset = pydicom.dcmread(path, stop_before_pixels=True)
        file = read_dicom(Blob(str(path), path.name, path.stat().st_size))
        for name, (tag, vr) in ELEMENTS.items():
            if tag not in dataset or dataset[tag].value in (None, ""):
                continue
            value = dataset[tag].value
            many = list(value) if isinstance(value, pydicom.multival.MultiValue) else [value]
            if vr in ("DS", "IS", "US", "FD"):
                assert file.header.floats(name) == tuple(float(one) for one in many), name
            elif vr != "PN":
                assert file.header.texts(name) == tuple(str(one).strip() for one in many), name


@pytest.mark.parametrize(("charset", "name"), [("ISO_IR 192", "Ängström^Zoë"), ("ISO_IR 100", "Müller^Jörg"), ("ISO_IR 13", "ﾔﾏﾀﾞ^ﾀﾛｳ")])
def test_text_in_other_character_sets(tmp_path: Path, charset: str, name: str) -> None:
    one = mr_object(np.zeros((4, 4), np.uint16))
    one.SpecificCharacterSet, one.PatientName = charset, name
    one.save_as(tmp_path / "x.dcm", enforce_file_format=True)
    file = read_dicom(Blob(str(tmp_path / "x.dcm"), "x.dcm", (tmp_path / "x.dcm").stat().st_size))
    assert file.dataset is None
    assert file.header.text("PatientName") == str(pydicom.dcmread(tmp_path / "x.dcm").PatientName)


def test_sequences_of_undefined_length_stay_on_the_fast_path(tmp_path: Path) -> None:
    one = mr_object(np.zeros((4, 4), np.uint16))
    inner, outer = pydicom.Dataset(), pydicom.Dataset()
    inner.CodeValue, inner.CodeMeaning = "T-15460", "x" * 60
    outer.ConceptNameCodeSequence = [inner, inner]
    one.ReferencedImageSequence = [outer]
    for element in (one["ReferencedImageSequence"], outer["ConceptNameCodeSequence"]):
        element.is_undefined_length = True
    for item in (*one.ReferencedImageSequence, *outer.ConceptNameCodeSequence):
        item.is_undefined_length_sequence_item = True
    buffer = io.BytesIO()
    one.save_as(buffer, enforce_file_format=True)
    assert b"\xfe\xff\xdd\xe0" in buffer.getvalue()
    assert agree(buffer.getvalue(), tmp_path / "x")


def test_a_long_header_is_read_further(tmp_path: Path) -> None:
    one = mr_object(np.zeros((4, 4), np.uint16))
    one.add_new(0x00091010, "OB", bytes(100_000))
    one.save_as(tmp_path / "x.dcm", enforce_file_format=True)
    data = (tmp_path / "x.dcm").read_bytes()
    with pytest.raises(TooShort):
        scan(data[: 16 << 10], len(data))
    assert read_dicom(Blob(str(tmp_path / "x.dcm"), "x", len(data))).dataset is None


MUTATION = st.tuples(st.integers(0, 1700), st.binary(min_size=1, max_size=6))


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(MUTATION, min_size=1, max_size=4), st.one_of(st.none(), st.integers(100, 9800)))
@example([(340, b"SQ")], None)
@example([(132, b"\x02\x00\x10\x00")], None)
def test_mutated_bytes_give_the_same_answer_or_none(tmp_path: Path, mutations: list[tuple[int, bytes]], cut: int | None) -> None:
    data = bytearray(MR_SMALL.read_bytes())
    for place, new in mutations:
        data[place : place + len(new)] = new
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        agree(bytes(data[:cut]), tmp_path / "x")


def answer(data: bytes, known: Known | None) -> Any:
    try:
        return scan(data[:HEAD_BYTES], len(data), known)
    except TooShort:
        return "too short"


def test_known_runs_never_change_the_answer_of_real_files(shared_data: Path) -> None:
    """Every file after every other of its folder, and after those of other makers."""
    known: Known = {}
    for path in every_file(shared_data / "dicom"):
        data = path.read_bytes()
        assert answer(data, known) == answer(data, None), path.name


@settings(max_examples=300, deadline=None)
@given(st.lists(st.lists(MUTATION, max_size=3), min_size=2, max_size=4))
def test_known_runs_never_change_the_answer(files: list[list[tuple[int, bytes]]]) -> None:
    """Mutated files one after the other: runs of one must not vouch for another that only looks like it."""
    known: Known = {}
    for mutations in files:
        data = bytearray(MR_SMALL.read_bytes())
        for place, new in mutations:
            data[place : place + len(new)] = new
        assert answer(bytes(data), known) == answer(bytes(data), None)


def test_slices_of_a_series_are_known_from_the_first(tmp_path: Path) -> None:
    """The runs are used: a header whose elements were all seen is not walked element by element."""
    known: Known = {}
    for number in (1, 2):
        write_series(tmp_path / str(number), np.full((1, 4, 4), number, np.int16), numbers=[number])
        data = (tmp_path / str(number) / "0000.dcm").read_bytes()
        before = dict(known)
        assert answer(data, known) == answer(data, None)
        if before:
            assert [tag for tag, run in known.items() if before[tag] is not run] == []


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=600))
def test_arbitrary_bytes_never_crash(data: bytes) -> None:
    by_scan(b"\0" * 128 + b"DICM" + data)

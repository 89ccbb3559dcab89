"""Folders, archives and what lies in them that should not."""

from __future__ import annotations

import os
import stat
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from condyle.errors import InputError
from condyle.intake import Opened, load_volume, open_studies, open_study
from tests.intake.writing import write_series


def pack(folder: Path, target: Path, method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(target, "w", method) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                archive.write(path, path.relative_to(folder))
    return target


def codes(opened: Opened) -> set[str]:
    return {problem.code for problem in opened.problems}


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_zip_is_read_as_its_folder_without_unpacking(
    tmp_path: Path, noise: NDArray[np.int16], method: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_series(tmp_path / "study" / "deep" / "er", noise)
    path = pack(tmp_path / "study", tmp_path / "study.zip", method)

    def no_writing(*_: object, **__: object) -> None:
        raise AssertionError("a zip was unpacked to disk")

    monkeypatch.setattr("zipfile.ZipFile.extract", no_writing)
    monkeypatch.setattr("zipfile.ZipFile.extractall", no_writing)
    monkeypatch.setattr("tempfile.mkdtemp", no_writing)
    monkeypatch.setattr("tempfile.mkstemp", no_writing)
    (a,), (b,) = open_study(path).series, open_study(tmp_path / "study").series
    assert np.array_equal(load_volume(a).pixels, load_volume(b).pixels)
    assert load_volume(a).geometry == load_volume(b).geometry


def test_a_zip_inside_a_folder_is_read(tmp_path: Path, noise: NDArray[np.int16]) -> None:
    write_series(tmp_path / "a", noise)
    (tmp_path / "in").mkdir()
    pack(tmp_path / "a", tmp_path / "in" / "IM_0001")
    assert len(open_studies(tmp_path / "in").studies) == 1


def test_a_damaged_zip(tmp_path: Path, noise: NDArray[np.int16]) -> None:
    write_series(tmp_path / "a", noise)
    path = pack(tmp_path / "a", tmp_path / "a.zip")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert codes(open_studies(path)) == {"zip-damaged"}
    with pytest.raises(InputError, match="No MR study") as caught:
        open_study(path)
    assert "damaged" in caught.value.why


def test_a_damaged_member_is_named(tmp_path: Path, noise: NDArray[np.int16]) -> None:
    write_series(tmp_path / "a", noise)
    path = pack(tmp_path / "a", tmp_path / "a.zip", zipfile.ZIP_STORED)
    data = bytearray(path.read_bytes())
    place = data.index(b"\xe0\x7f\x10\x00OW") + 20
    data[place : place + 4] = b"\xff\xff\xff\xff"  # pixels of the first member: its checksum no longer fits
    path.write_bytes(data)
    study = open_study(path)
    assert [problem.where for problem in study.problems] == ["a.zip/0000.dcm"]
    assert load_volume(study.series[0]).shape[0] == 5, "the rest is read"


def test_a_zip_bomb_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        archive.writestr("IM0001", bytes(64 << 20))
    opened = open_studies(path)
    assert codes(opened) == {"zip-bomb"}
    assert not opened.studies


def test_a_declared_size_that_lies_is_an_error(tmp_path: Path, noise: NDArray[np.int16]) -> None:
    """The directory of the archive claims fewer bytes than come out."""
    write_series(tmp_path / "a", noise[:1])
    path = pack(tmp_path / "a", tmp_path / "a.zip")
    data = path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        size = archive.infolist()[0].file_size
    path.write_bytes(data.replace(struct.pack("<I", size), struct.pack("<I", size - 20)))
    opened = open_studies(path)
    assert opened.problems or opened.unused or any(study.problems for study in opened.studies)
    assert not [one for study in opened.studies for one in study.series if one.used]


@pytest.mark.parametrize("name", ["../../outside.dcm", "/etc/outside.dcm", "C:\\outside.dcm", "a\\..\\..\\outside.dcm"])
def test_path_traversal_is_refused_and_nothing_is_written(tmp_path: Path, noise: NDArray[np.int16], name: str) -> None:
    (source,) = write_series(tmp_path / "a", noise[:1])
    path = tmp_path / "inner" / "a.zip"
    path.parent.mkdir()
    with zipfile.ZipFile(path, "w") as archive:
        info = zipfile.ZipInfo("placeholder")
        info.filename = name
        archive.writestr(info, source.read_bytes())
        archive.writestr("good.dcm", source.read_bytes())
    before = set(tmp_path.rglob("*"))
    opened = open_studies(path)
    assert codes(opened) == {"zip-traversal"}
    assert len(opened.studies) == 1, "the rest is read"
    assert set(tmp_path.rglob("*")) == before


def test_links_in_archives_and_to_folders_are_not_followed(tmp_path: Path, noise: NDArray[np.int16]) -> None:
    write_series(tmp_path / "outside", noise)
    (tmp_path / "in").mkdir()
    os.symlink(tmp_path / "outside", tmp_path / "in" / "link")
    os.symlink(tmp_path / "in", tmp_path / "in" / "loop")
    link = zipfile.ZipInfo("link.dcm")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "in" / "a.zip", "w") as archive:
        archive.writestr(link, "/etc/passwd")
    opened = open_studies(tmp_path / "in")
    assert not opened.studies
    assert dict(opened.unused) == {
        "a.zip/link.dcm": "a link in an archive, not followed",
        "link": "a link to a folder, not followed",
        "loop": "a link to a folder, not followed",
    }


def test_an_encrypted_member_says_so(tmp_path: Path, noise: NDArray[np.int16]) -> None:
    write_series(tmp_path / "a", noise[:1])
    path = pack(tmp_path / "a", tmp_path / "a.zip")
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(data)
    assert codes(open_studies(path)) == {"zip-encrypted"}


@pytest.mark.parametrize("name", ["inner.zip", "IM_0001"])
def test_an_archive_inside_an_archive_is_an_error_of_its_own(tmp_path: Path, noise: NDArray[np.int16], name: str) -> None:
    """It may hold a study: to say nothing of it would lose a patient."""
    write_series(tmp_path / "a", noise)
    write_series(tmp_path / "b", noise, study="2")
    pack(tmp_path / "a", tmp_path / "b" / name)
    opened = open_studies(pack(tmp_path / "b", tmp_path / "outer.zip"))
    assert len(opened.studies) == 1
    assert opened.unused == ((f"outer.zip/{name}", "it lies inside another archive"),)
    (problem,) = opened.problems
    assert (problem.code, problem.severity, problem.where) == ("zip-nested", "error", f"outer.zip/{name}")


def test_documents_packed_as_zip_are_no_archives_of_images(tmp_path: Path, noise: NDArray[np.int16]) -> None:
    write_series(tmp_path / "a", noise)
    pack(tmp_path / "a", tmp_path / "a" / "letter.docx")
    for path in (tmp_path / "a", pack(tmp_path / "a", tmp_path / "outer.zip")):
        opened = open_studies(path)
        assert not opened.problems
        assert [reason for _, reason in opened.unused] == ["not a medical image of a known format"]


@pytest.mark.parametrize("kind", ["file", "folder", "root"])
def test_names_that_are_no_utf8_are_shown_and_told_apart(tmp_path: Path, noise: NDArray[np.int16], kind: str) -> None:
    odd = os.fsdecode(b"pa\xff")
    root = tmp_path / odd if kind == "root" else tmp_path
    folder = root / odd if kind == "folder" else root
    names = [os.fsdecode(name) for name in (b"a\xfe", b"a\xff", b"b\xe4")] if kind == "file" else ["a", "b", "c"]
    paths = write_series(folder, noise[:3], names=names)
    paths[1].write_bytes(paths[1].read_bytes()[:-9])
    (folder / (odd + ".txt")).write_text("no image")
    (folder / (odd + "link")).symlink_to(tmp_path)
    study = open_study(root)
    texts = [where for where, _ in study.unused] + [problem.where for problem in study.all_problems()]
    texts += [frame.where for one in study.series for frame in one.source.frames]
    assert len(study.unused) == 3
    for text in texts:
        text.encode()  # it can be printed and written
    if kind == "file":
        assert {"a\\xfe", "a\\xff", "b\\xe4"} <= set(texts)
    assert sum(load_volume(one).shape[0] for one in study.series) == 2


def test_pipes_and_broken_links_do_not_hang(tmp_path: Path, noise: NDArray[np.int16]) -> None:
    write_series(tmp_path, noise)
    os.mkfifo(tmp_path / "pipe")
    os.symlink("nowhere", tmp_path / "broken")
    study = open_study(tmp_path)
    assert ("pipe", "not a regular file") in study.unused
    assert "broken" in dict(study.unused)


def test_an_unreadable_file_is_named(tmp_path: Path, noise: NDArray[np.int16], monkeypatch: pytest.MonkeyPatch) -> None:
    write_series(tmp_path, noise)
    really = os.open

    def refusing(path: str, *rest: int) -> int:
        if str(path).endswith("0002.dcm"):
            raise PermissionError(13, "Permission denied", path)
        return really(path, *rest)

    monkeypatch.setattr("condyle.intake.blob.os.open", refusing)
    study = open_study(tmp_path)
    assert ("0002.dcm", "Permission denied".lower()[:1] + "ermission denied") in study.unused
    assert str(tmp_path) not in " ".join(f"{problem}" for problem in study.all_problems())


@pytest.mark.parametrize(("name", "content", "reason"), [
    ("notes.txt", b"hello", "not a medical image of a known format"),
    ("empty.dcm", b"", "an empty file"),
    ("a.gz", b"\x1f\x8b\x08\x00" + bytes(20), "a gzip archive; unpack it first"),
])  # fmt: skip
def test_foreign_files_are_listed_with_why(tmp_path: Path, name: str, content: bytes, reason: str) -> None:
    (tmp_path / name).write_bytes(content)
    assert open_studies(tmp_path).unused == ((name, reason),)
    with pytest.raises(InputError) as caught:
        open_study(tmp_path)
    assert reason in caught.value.why.lower()
    assert caught.value.what_to_do


def test_an_empty_folder_and_a_missing_path(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No MR study") as caught:
        open_study(tmp_path)
    assert caught.value.why == "It holds no file."
    with pytest.raises(InputError) as caught:
        open_study(tmp_path / "nothing")
    assert caught.value.code == "path-missing"
    assert str(tmp_path) not in str(caught.value)


def test_a_dicomdir_stands_for_its_folder_and_names_what_is_missing(shared_data: Path, tmp_path: Path) -> None:
    source = shared_data / "dicom" / "pydicom" / "dicomdirtests"
    opened = open_studies(source / "DICOMDIR")
    assert len(opened.studies) >= 1
    assert len(opened.studies) == len(open_studies(source).studies)
    assert codes(opened) == set(), "every file that the index names is there"
    alone = tmp_path / "DICOMDIR"
    alone.write_bytes((source / "DICOMDIR").read_bytes())
    assert codes(open_studies(alone)) == {"dicomdir-missing"}
    with pytest.raises(InputError) as caught:
        open_study(alone)
    assert "files that are not there" in caught.value.why

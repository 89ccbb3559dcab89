"""Bad input: a clear error, the documented exit code, and nothing that looks like a result."""

from __future__ import annotations

import io
import os
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.command import Ran, condyle

ROOT_LOSES_ITS_PRIVILEGE = """
import ctypes, os
if os.geteuid() == 0:  # root may read everything; without capabilities the mode bits count again
    class Header(ctypes.Structure):
        _fields_ = [("version", ctypes.c_uint32), ("pid", ctypes.c_int)]
    header, nothing = Header(0x20080522, 0), (ctypes.c_uint32 * 6)()
    assert ctypes.CDLL(None, use_errno=True).capset(ctypes.byref(header), nothing) == 0
"""


def refused(ran: Ran, code: int, out: Path) -> None:
    """Exit code, four parts (where is optional), no traceback, no output."""
    assert ran.code == code, ran.err
    assert "Error [" in ran.err
    assert "What to do:" in ran.err
    assert "Traceback" not in ran.err
    assert not out.exists()
    left = [path.name for path in out.parent.iterdir() if ".partial" in path.name]
    assert not left


def empty_folder(place: Path, simulated: Path) -> Path:
    (place / "in").mkdir()
    return place / "in"


def text_file(place: Path, simulated: Path) -> Path:
    (place / "notes.txt").write_text("no image here\n")
    return place / "notes.txt"


def text_that_calls_itself_dicom(place: Path, simulated: Path) -> Path:
    (place / "in").mkdir()
    (place / "in" / "IM0001.dcm").write_text("no image here\n" * 50)
    return place / "in"


def no_such_path(place: Path, simulated: Path) -> Path:
    return place / "absent"


def dicom_without_pixels(place: Path, simulated: Path) -> Path:
    from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
    from pydicom.uid import BasicTextSRStorage, ExplicitVRLittleEndian, generate_uid

    meta = FileMetaDataset()
    meta.TransferSyntaxUID, meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = (
        ExplicitVRLittleEndian,
        BasicTextSRStorage,
        generate_uid(),
    )
    report = FileDataset(str(place / "report.dcm"), Dataset(), file_meta=meta, preamble=b"\0" * 128)
    report.SOPClassUID, report.SOPInstanceUID, report.Modality = BasicTextSRStorage, meta.MediaStorageSOPInstanceUID, "SR"
    report.StudyInstanceUID, report.SeriesInstanceUID, report.PatientID = generate_uid(), generate_uid(), "X1"
    report.save_as(place / "report.dcm", enforce_file_format=True)
    return place / "report.dcm"


def damaged_zip(place: Path, simulated: Path) -> Path:
    whole = shutil.make_archive(str(place / "whole"), "zip", simulated)
    data = Path(whole).read_bytes()
    (place / "study.zip").write_bytes(data[: len(data) // 3])
    Path(whole).unlink()
    return place / "study.zip"


def zip_bomb(place: Path, simulated: Path) -> Path:
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("IM0001.dcm", "w", force_zip64=True) as member:
        member.write(b"\0" * 128 + b"DICM")
        block = b"\0" * (1 << 24)
        for _ in range(128):  # 2 GiB of zeros in 2 MB
            member.write(block)
    (place / "bomb.zip").write_bytes(inner.getvalue())
    return place / "bomb.zip"


def traversal_zip(place: Path, simulated: Path) -> Path:
    with zipfile.ZipFile(place / "evil.zip", "w") as archive:
        archive.writestr("../escaped.dcm", b"\0" * 128 + b"DICM" + b"\0" * 100)
        archive.writestr("/escaped.dcm", b"\0" * 128 + b"DICM" + b"\0" * 100)
    return place / "evil.zip"


BAD = [empty_folder, text_file, text_that_calls_itself_dicom, no_such_path, dicom_without_pixels, damaged_zip, zip_bomb, traversal_zip]


@pytest.mark.parametrize("make", BAD, ids=lambda make: make.__name__)
def test_unusable_input_is_refused(make: Callable[[Path, Path], Path], simulated: Path, tmp_path: Path) -> None:
    place = tmp_path / "place"
    place.mkdir()
    path = make(place, simulated)
    before = sorted(tmp_path.rglob("*"))
    refused(
        condyle(
            "read", path, "-o", tmp_path / "report", prelude="import resource; resource.setrlimit(resource.RLIMIT_AS, (6 << 30, 6 << 30))"
        ),
        3,
        tmp_path / "report",
    )
    assert sorted(tmp_path.rglob("*")) == before, "something was written beside the report"


@pytest.mark.parametrize("command", ["view", "check study"])
def test_other_commands_refuse_it_alike(command: str, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    refused(condyle(*command.split(), tmp_path / "in", cwd=tmp_path), 3, tmp_path / "contact-sheet.png")


def test_a_file_that_may_not_be_read_is_named(simulated: Path, tmp_path: Path) -> None:
    locked = tmp_path / "locked.dcm"
    shutil.copy(next(simulated.rglob("*.dcm")), locked)
    locked.chmod(0)
    ran = condyle("read", locked, "-o", tmp_path / "report", prelude=ROOT_LOSES_ITS_PRIVILEGE)
    refused(ran, 3, tmp_path / "report")
    assert "locked.dcm" in ran.err
    assert "ermission" in ran.err


def test_a_picture_of_nothing_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "flat.npy", np.zeros((3, 64, 64), np.float32))
    refused(condyle("read", tmp_path / "flat.npy", "-o", tmp_path / "report"), 3, tmp_path / "report")


def with_headers(simulated: Path, folder: Path, **values: object) -> Path:
    """A copy of the simulated DICOM with other header values."""
    from pydicom import dcmread

    folder.mkdir()
    for number, file in enumerate(sorted(simulated.rglob("*.dcm"))):
        dataset = dcmread(file)
        for name, value in values.items():
            setattr(dataset, name, value)
        dataset.save_as(folder / f"{number:04}.dcm")
    return folder


@pytest.mark.parametrize(
    "headers",
    [
        {"BodyPartExamined": "KNEE", "StudyDescription": "MRI KNEE RIGHT", "ProtocolName": "knee", "SeriesDescription": "t2 sag knee"},
        {"BodyPartExamined": "HEAD", "StudyDescription": "MRI BRAIN", "ProtocolName": "brain", "SeriesDescription": "t2 sag head"},
    ],
    ids=["a knee", "a head"],
)
def test_another_body_part_gets_no_grades(headers: dict[str, str], simulated: Path, tmp_path: Path) -> None:
    path = with_headers(simulated, tmp_path / "in", **headers)
    refused(condyle("read", path, "-o", tmp_path / "report"), 3, tmp_path / "report")


def test_one_slice_is_read_with_a_warning_or_refused(simulated: Path, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    files = sorted(simulated.rglob("*.dcm"))
    shutil.copy(files[0], tmp_path / "in" / "only.dcm")
    ran = condyle("read", tmp_path / "in", "-o", tmp_path / "report", "--json")
    if ran.code == 0:
        import json

        reading = json.loads((tmp_path / "report" / "reading.json").read_text())
        failed = [check["name"] for check in reading["checks"] if check["passed"] is False]
        assert failed or reading["problems"]
    else:
        refused(ran, 3, tmp_path / "report")


def test_an_existing_output_is_never_touched(simulated: Path, tmp_path: Path) -> None:
    (tmp_path / "report").mkdir()
    (tmp_path / "report" / "mine.txt").write_text("mine")
    ran = condyle("read", simulated, "-o", tmp_path / "report")
    assert ran.code == 2
    assert [path.name for path in (tmp_path / "report").iterdir()] == ["mine.txt"]


def test_a_missing_package_is_exit_code_4(simulated: Path, tmp_path: Path) -> None:
    refused(condyle("read", simulated, "-o", tmp_path / "report", "--package", "no-such-package"), 4, tmp_path / "report")
    refused(condyle("check", "package", tmp_path / "absent"), 4, tmp_path / "report")


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the shipped package."""
    import condyle as library

    copy = tmp_path_factory.mktemp("package") / "lumbar"
    shutil.copytree(Path(library.__file__).parent / "packages" / "lumbar", copy)
    return copy


def flip_a_byte(package: Path) -> None:
    graph = max((package / "graphs").iterdir(), key=lambda path: path.stat().st_size)
    data = bytearray(graph.read_bytes())
    data[len(data) // 2] ^= 1
    graph.write_bytes(data)


def lose_a_graph(package: Path) -> None:
    next((package / "graphs").iterdir()).unlink()


def break_the_yaml(package: Path) -> None:
    (package / "package.yaml").write_text("name: [lumbar\n")


def come_from_the_future(package: Path) -> None:
    text = (package / "package.yaml").read_text()
    (package / "package.yaml").write_text(
        "\n".join("schema_version: 999" if line.startswith("schema_version") else line for line in text.splitlines())
    )


def run_code(package: Path) -> None:
    (package / "package.yaml").write_text("!!python/object/apply:os.system ['touch escaped']\n")


def be_cut_short(package: Path) -> None:
    text = (package / "card.md").read_text()
    (package / "card.md").write_text(text[: len(text) // 2])


@pytest.mark.parametrize(
    "damage", [flip_a_byte, lose_a_graph, break_the_yaml, come_from_the_future, run_code, be_cut_short], ids=lambda damage: damage.__name__
)
def test_an_altered_package_is_exit_code_4(damage: Callable[[Path], None], package: Path, tmp_path: Path) -> None:
    copy = tmp_path / "lumbar"
    shutil.copytree(package, copy)
    damage(copy)
    ran = condyle("check", "package", copy, cwd=tmp_path)
    refused(ran, 4, tmp_path / "report")
    assert [path.name for path in tmp_path.iterdir()] == ["lumbar"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "a,b\n1,2\n",
        "study_id,patient_id\n1,1\n",
        "study_id,patient_id,path\n1,1,absent.dcm\n",
        "study_id,patient_id,path,plane\n1,1,.,oblong\n",
        "\x00\x01\x02",
    ],
    ids=["empty", "blank", "other columns", "no path", "absent file", "unknown word", "not text"],
)
def test_a_wrong_manifest_is_refused_before_anything_is_written(text: str, tmp_path: Path) -> None:
    (tmp_path / "manifest.csv").write_text(text)
    for words in (
        ["check", "manifest", tmp_path / "manifest.csv"],
        ["predict", "lumbar", "-m", tmp_path / "manifest.csv", "-o", tmp_path / "out.csv"],
    ):
        refused(condyle(*words), 3, tmp_path / "out.csv")
    assert [path.name for path in tmp_path.iterdir()] == ["manifest.csv"]


def test_links_out_of_the_folder_do_not_break_reading(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    os.symlink(tmp_path / "in", tmp_path / "in" / "loop")
    os.symlink("/proc/self/mem", tmp_path / "in" / "memory.dcm")
    os.symlink(tmp_path / "absent", tmp_path / "in" / "dangling.dcm")
    os.mkfifo(tmp_path / "in" / "pipe.dcm")
    refused(condyle("read", tmp_path / "in", "-o", tmp_path / "report", timeout=60), 3, tmp_path / "report")

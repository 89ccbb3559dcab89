"""No name that was planted in a header comes out anywhere, and nothing leaves the machine."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.command import Ran, condyle

PLANTED = {
    "PatientName": "ZQXWVKJQNAME^JANE",
    "PatientID": "ZQXWVKJQID77",
    "PatientBirthDate": "19510607",
    "PatientAddress": "ZQXWVKJQSTREET 5",
    "OtherPatientIDs": "ZQXWVKJQOTHER",
    "ReferringPhysicianName": "ZQXWVKJQDOCTOR",
    "PerformingPhysicianName": "ZQXWVKJQPERFORMER",
    "OperatorsName": "ZQXWVKJQOPERATOR",
    "InstitutionName": "ZQXWVKJQHOSPITAL",
    "AccessionNumber": "ZQXWVKJQACC9",
    "PatientComments": "ZQXWVKJQCOMMENT",
    "ImageComments": "ZQXWVKJQIMAGE",
    "RequestedProcedureDescription": "ZQXWVKJQREQUEST",
    "StudyID": "ZQXWVKJQSTUDY1",
    "StationName": "ZQXWVKJQSTATION",
    "MilitaryRank": "ZQXWVKJQRANK",
}
IN_FREE_TEXT = {
    "StudyDescription": "MRI lumbar ZQXWVKJQFREE",
    "SeriesDescription": "t2 sag ZQXWVKJQSERIES",
    "ProtocolName": "lumbar ZQXWVKJQPROTO",
}
SIGNS = ("zqxwvkjq", "19510607")

NO_CONNECTIONS = """
import os, sys
def refuse(event, arguments):
    if event in ("socket.connect", "socket.sendto", "socket.getaddrinfo", "socket.gethostbyname", "socket.bind"):
        target = str(arguments)
        if "127.0.0.1" not in target and "::1" not in target and "localhost" not in target:
            os.write(2, f"CONNECTION {event} {target}".encode())
            os._exit(99)
sys.addaudithook(refuse)
"""


def leaks(text: str) -> list[str]:
    return [sign for sign in SIGNS if sign in text.lower()]


def clean(ran: Ran) -> None:
    assert not leaks(ran.out + ran.err), ran.out + ran.err


@pytest.fixture(scope="module")
def planted(simulated: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The simulated cohort with names in every header that may hold one."""
    from pydicom import dcmread

    folder = tmp_path_factory.mktemp("planted") / "cohort"
    shutil.copytree(simulated, folder)
    for file in folder.rglob("*.dcm"):
        dataset = dcmread(file)
        for name, value in (PLANTED | IN_FREE_TEXT).items():
            setattr(dataset, name, value)
        dataset.save_as(file)
    return folder


def test_no_planted_name_in_any_output(planted: Path, tmp_path: Path) -> None:
    ran = condyle("read", planted, "-o", tmp_path / "report", "--debug", "--json", prelude=NO_CONNECTIONS)
    assert ran.code == 0, ran.err
    clean(ran)
    written = [path for path in (tmp_path / "report").rglob("*") if path.is_file()]
    assert written
    for path in written:
        assert not leaks(path.read_bytes().decode("latin-1")), path.name
        assert not leaks(path.name)


@pytest.mark.parametrize(
    "words",
    [
        "check study {cohort}",
        "check study {cohort} --json",
        "view {cohort} -o sheet.png",
        "read {cohort} -o planned --dry-run --json",
        "data scan {cohort} -o scanned.csv --json",
    ],
)
def test_no_planted_name_in_what_commands_say(words: str, planted: Path, tmp_path: Path) -> None:
    ran = condyle(*words.format(cohort=planted).split(), cwd=tmp_path, prelude=NO_CONNECTIONS)
    assert ran.code == 0, ran.err
    clean(ran)
    for path in tmp_path.rglob("*"):
        if path.is_file():
            assert not leaks(path.read_bytes().decode("latin-1")), path.name


def test_no_planted_name_when_a_file_is_broken(planted: Path, tmp_path: Path) -> None:
    """Errors and tracebacks quote no header, even when the file breaks in the middle of one."""
    (tmp_path / "in").mkdir()
    source = sorted(planted.rglob("*.dcm"))[0].read_bytes()
    (tmp_path / "in" / "short.dcm").write_bytes(source[: len(source) // 2])
    (tmp_path / "in" / "header.dcm").write_bytes(source[:900])
    spoilt = source.replace(b"1.2.", b"x.y.", 40)
    (tmp_path / "in" / "uids.dcm").write_bytes(spoilt)
    for words in (["read", tmp_path / "in", "-o", tmp_path / "report"], ["check", "study", tmp_path / "in"]):
        ran = condyle(*words, "--debug")
        clean(ran)
        for path in (tmp_path / "report").rglob("*"):
            if path.is_file():
                assert not leaks(path.read_bytes().decode("latin-1"))


def test_predictions_carry_no_name_and_need_no_connection(planted: Path, tmp_path: Path) -> None:
    ran = condyle("predict", "lumbar", "-m", planted / "manifest.csv", "-o", tmp_path / "predictions.csv", prelude=NO_CONNECTIONS)
    assert ran.code == 0, ran.err
    clean(ran)
    assert not leaks((tmp_path / "predictions.csv").read_text())


@pytest.mark.parametrize("words", ["simulate lumbar out", "list packages", "packages verify", "doctor", "show lumbar"])
def test_no_command_opens_a_connection(words: str, tmp_path: Path) -> None:
    assert condyle(*words.split(), cwd=tmp_path, prelude=NO_CONNECTIONS).code == 0


def test_the_guard_itself_works() -> None:
    ran = condyle("doctor", prelude=NO_CONNECTIONS + "\nimport socket; socket.create_connection(('192.0.2.1', 9), timeout=0.1)")
    assert ran.code == 99

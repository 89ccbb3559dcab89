"""A package is verified before it is used, and nothing in it can do harm."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import pytest
import yaml

from condyle.errors import PackageError
from condyle.readers.package import SPEC, open_package, parse_spec, write_package
from condyle.testing.packages import CHECKS, Contract
from tests.readers.spine import toy_package


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("packages") / "toy"
    toy_package(out)
    return out


@pytest.mark.parametrize("contract", CHECKS, ids=lambda contract: contract.__name__)
def test_contract(contract: Contract, toy: Path, tmp_path: Path) -> None:
    contract(toy, tmp_path)


def test_what_is_written_is_what_is_read(toy: Path) -> None:
    package = open_package(toy)
    assert package.spec.name == "toy"
    assert set(package.spec.files) == {"graphs/segmenter.onnx", "graphs/features.onnx", "graphs/grader.onnx", "card.md", "metrics.json"}
    assert package.info.sha256 == package.sha256
    assert package.graph("grader") == (toy / "graphs" / "grader.onnx").read_bytes()


def test_nothing_is_written_over(toy: Path) -> None:
    with pytest.raises(PackageError) as refused:
        toy_package(toy)
    assert refused.value.code == "package-exists"


def test_what_a_killed_run_left_does_not_get_in(tmp_path: Path) -> None:
    old = tmp_path / "toy.part" / "graphs" / "old.onnx"
    old.parent.mkdir(parents=True)
    old.write_bytes(b"old")
    assert "graphs/old.onnx" not in toy_package(tmp_path / "toy").files
    assert "graphs/old.onnx" not in open_package(tmp_path / "toy").files


def test_all_wrong_keys_are_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(PackageError) as refused:
        toy_package(tmp_path / "toy", version="first", colour="blue", thresholds={"modic": {"value": 3, "rule": ""}})
    assert refused.value.code == "package-damaged"
    for word in ("version", "colour", "thresholds.modic.value"):
        assert word in refused.value.why
    assert not (tmp_path / "toy").exists()


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("joint", None, "joint: must be text"),
        ("name", "Toy\n", "name: must match"),
        ("findings", "modic", "findings: must be a list"),
        ("findings", ["modic", 3], "findings.1: must be text"),
        ("graphs", {"segmenter": "graphs/segmenter.onnx"}, "graphs.segmenter: must be keys with values"),
        ("graphs", {"segmenter": {"file": "graphs/segmenter.onnx", "inputs": [], "outputs": ["x"]}}, "must be a list of at least 1"),
        ("slots", {"t1": {"weightings": ["t1"]}}, "slots.t1.plane: is missing"),
        ("slots", {"t1": {"plane": "oblique", "weightings": ["t1"]}}, "slots.t1.plane: must be one of sagittal, coronal, axial"),
        ("slots", {"t1": {"plane": "axial", "weightings": ["t1"], "required": 1}}, "slots.t1.required: must be one of True, False"),
        ("thresholds", {"modic": {"value": float("nan"), "rule": ""}}, "thresholds.modic.value: must be a number from 0 to 1"),
        ("thresholds", {"modic": {"value": True, "rule": ""}}, "thresholds.modic.value: must be a number from 0 to 1"),
        ("thresholds", {"modic": {"value": 0.5, "rule": "", "band": [0.6, 0.4]}}, "band: must be two rising numbers from 0 to 1"),
        ("thresholds", {"modic": {"value": 0.5, "rule": "", "band": 0.6}}, "band: must be two rising numbers from 0 to 1"),
        ("settings", {3: "three"}, "settings: must be keys with values"),
    ],
)  # fmt: skip
def test_what_a_key_may_not_hold_is_refused(key: str, value: object, told: str) -> None:
    with pytest.raises(PackageError) as refused:
        parse_spec(yaml.safe_dump({"schema_version": 1, key: value}).encode(), "toy")
    assert told in refused.value.why


@pytest.mark.parametrize("name", ["../outside.txt", "/etc/outside", "graphs/../../outside", "C:\\outside", "graphs\\outside"])
def test_a_zip_that_reaches_outside_is_refused(name: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.condyle"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(SPEC, "schema_version: 1")
        archive.writestr(name, "x")
    with pytest.raises(PackageError) as refused:
        open_package(path)
    assert refused.value.code == "package-unsafe"


def test_a_link_out_of_the_folder_is_refused(toy: Path, tmp_path: Path) -> None:
    (tmp_path / "package").mkdir()
    (tmp_path / "secret").write_text("x")
    (tmp_path / "package" / "card.md").symlink_to(tmp_path / "secret")
    with pytest.raises(PackageError) as refused:
        open_package(tmp_path / "package")
    assert refused.value.code == "package-unsafe"


def test_a_zip_bomb_stops(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("condyle.readers.package.MAX_BYTES", 1 << 20)
    path = tmp_path / "bomb.condyle"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(SPEC, b" " * (3 << 20))
    with pytest.raises(PackageError) as refused:
        open_package(path)
    assert refused.value.code == "package-too-large"


def test_damaged_zips_and_yaml_are_refused(toy: Path, tmp_path: Path) -> None:
    (tmp_path / "text.condyle").write_text("no zip")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / SPEC).write_text("- a list")
    (tmp_path / "empty").mkdir()
    for name in ("text.condyle", "folder", "empty"):
        with pytest.raises(PackageError) as refused:
            open_package(tmp_path / name)
        assert refused.value.code == "package-damaged"


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_damaged_member_is_refused_however_it_was_packed(toy: Path, tmp_path: Path, method: int) -> None:
    path = tmp_path / "toy.condyle"
    with zipfile.ZipFile(path, "w", method) as archive:
        for file in sorted(toy.rglob("*")):
            if file.is_file():
                archive.write(file, file.relative_to(toy).as_posix())
        largest = max(archive.infolist(), key=lambda info: info.compress_size)
    data = bytearray(path.read_bytes())
    place = largest.header_offset + 30 + len(largest.filename) + 12
    data[place : place + 40] = bytes(byte ^ 0x5A for byte in data[place : place + 40])
    path.write_bytes(data)
    with pytest.raises(PackageError) as refused:
        open_package(path)
    assert refused.value.code == "package-damaged"


def test_a_pipe_in_the_folder_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(PackageError) as refused:
        open_package(tmp_path)
    assert refused.value.code == "package-unsafe"


@pytest.mark.parametrize("text", ["version: 2026-99-99", "a: " + "[" * 5000, "2026-01-01"])
def test_a_spec_that_no_yaml_reader_takes_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / SPEC).write_text(text)
    with pytest.raises(PackageError) as refused:
        open_package(tmp_path)
    assert refused.value.code == "package-damaged"


def test_yaml_cannot_build_objects(tmp_path: Path) -> None:
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / SPEC).write_text("!!python/object/apply:os.system ['touch /tmp/owned']")
    with pytest.raises(PackageError):
        open_package(tmp_path / "package")


def test_a_graph_whose_file_is_not_listed_is_refused(toy: Path, tmp_path: Path) -> None:
    content = yaml.safe_load((toy / SPEC).read_text())
    content["graphs"]["segmenter"]["file"] = "graphs/other.onnx"
    files = {name: (toy / name).read_bytes() for name in content.pop("files")}
    with pytest.raises(PackageError, match="not listed"):
        write_package(tmp_path / "toy", content, files)

"""Pseudonyms: stable with one key, useless without it."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from condyle.errors import InputError, ResourceError
from condyle.intake import identity, patient_key, study_key


@pytest.fixture
def key_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "deep" / "key"
    monkeypatch.setenv("CONDYLE_KEY_FILE", str(path))
    return path


def test_keys_are_stable_and_differ_by_kind_and_value(key_file: Path) -> None:
    assert study_key("1.2.3") == study_key("1.2.3")
    assert len({study_key("1.2.3"), patient_key("1.2.3"), study_key("1.2.4")}) == 3
    assert len(study_key("x")) == 16
    assert set(study_key("x")) <= set("0123456789abcdef")


def test_the_key_file_is_made_once_for_its_owner_alone(key_file: Path) -> None:
    study_key("1")
    first = key_file.read_bytes()
    assert len(first) == 32
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600
    study_key("2")
    assert key_file.read_bytes() == first
    assert [path.name for path in key_file.parent.iterdir()] == ["key"], "nothing is left behind"


def test_another_key_gives_other_pseudonyms(key_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = study_key("1.2.3")
    monkeypatch.setenv("CONDYLE_KEY_FILE", str(tmp_path / "other"))
    assert study_key("1.2.3") != one


def test_processes_at_once_agree_on_one_key(key_file: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(lambda _: identity._read_or_create(key_file), range(32)))
    assert len(keys) == 1


def test_a_damaged_key_is_not_replaced_in_silence(key_file: Path) -> None:
    key_file.parent.mkdir(parents=True)
    key_file.write_bytes(b"short")
    with pytest.raises(InputError) as caught:
        study_key("1")
    assert caught.value.code == "key-damaged"
    assert key_file.read_bytes() == b"short"


def test_a_key_that_cannot_be_stored_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("CONDYLE_KEY_FILE", str(tmp_path / "file" / "key"))
    with pytest.raises((ResourceError, InputError)):
        study_key("1")

"""Whom a package was fitted on: known again, told to nobody who lacks the key."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from condyle.errors import PackageError
from condyle.readers.fitness import faults_of
from condyle.readers.fitted_on import FILE, FittedOn, fitted_on, patients_file
from condyle.readers.package import Package
from tests.readers.spine import toy_package

FILES = {"graphs/a.onnx": b"weights", "card.md": b"card"}


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Package:
    return toy_package(tmp_path_factory.mktemp("packages") / "toy")


def listed(toy: Package, raw: bytes) -> FittedOn:
    found = fitted_on(Package(toy.spec, {**toy.files, FILE: raw}, toy.sha256, toy.text))
    assert found is not None
    return found


@pytest.mark.parametrize("kind", ["keyed", "salted"])
@given(own=st.frozensets(st.text(min_size=1, max_size=12), max_size=6), other=st.text(min_size=1, max_size=12))
def test_exactly_its_patients_are_known(toy: Package, kind: str, own: frozenset[str], other: str) -> None:
    raw = patients_file(own, kind, FILES)  # type: ignore[arg-type]
    found = listed(toy, raw)
    assert found.askable
    assert all(found.knows(patient) for patient in own)
    assert found.knows(other) == (other in own)
    assert len(found.hashes) == len(own)


def test_no_id_stands_in_the_list(toy: Package) -> None:
    patients = [f"patient-{number}" for number in range(20)]
    for kind in ("keyed", "salted"):
        assert b"patient-" not in patients_file(patients, kind, FILES).partition(b'"patients"')[2]


def test_equal_packages_have_equal_lists_and_others_share_no_hash() -> None:
    first, again = (patients_file(["a", "b"], "keyed", FILES) for _ in range(2))
    other = patients_file(["a", "b"], "keyed", {**FILES, "card.md": b"another"})
    assert first == again
    assert not set(json.loads(first)["patients"]) & set(json.loads(other)["patients"])


def test_another_key_has_no_answer_and_says_so(toy: Package, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keyed, salted = (patients_file(["a"], kind, FILES) for kind in ("keyed", "salted"))  # type: ignore[arg-type]
    monkeypatch.setenv("CONDYLE_KEY_FILE", str(tmp_path / "another"))
    assert not listed(toy, keyed).askable
    assert not listed(toy, keyed).knows("a")
    assert listed(toy, salted).askable
    assert listed(toy, salted).knows("a")


def test_packages_of_before_say_nothing(toy: Package) -> None:
    assert fitted_on(toy) is None


@pytest.mark.parametrize("raw", [
    b"", b"[]", b"\xff", b'{"schema_version": 2}', b"[" * 9999,
    b'{"schema_version": 1, "kind": "plain", "salt": "00000000000000000000000000000000", "key_check": "", "patients": []}',
])  # fmt: skip
def test_a_list_that_is_none_is_a_fault_of_the_package(toy: Package, raw: bytes) -> None:
    with pytest.raises(PackageError) as refused:
        listed(toy, raw)
    assert refused.value.code == "package-damaged"
    faults = faults_of(Package(toy.spec, {**toy.files, FILE: raw}, toy.sha256, toy.text), lambda: None)
    assert any("list of patients" in fault for fault in faults)

"""The contract of a reader package on disk, as checks that anybody's package can be put through.

Use in a test of your own package:

    import pytest
    from condyle.testing.packages import CHECKS

    @pytest.mark.parametrize("contract", CHECKS, ids=lambda contract: contract.__name__)
    def test_my_package(contract, tmp_path):
        contract("path/to/my_package", tmp_path)

Each contract takes the package's path and an empty folder to work in, and raises ``AssertionError`` with a sentence.
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import yaml

from condyle.anatomy import joint
from condyle.errors import PackageError
from condyle.readers.package import SPEC, SUFFIX, Package, open_package, write_package

Contract = Callable[[str | Path, Path], None]


def check_opens(path: str | Path, work: Path) -> None:
    """It is whole, and says what it is for and where its limits lie."""
    spec = open_package(path).spec
    assert spec.intended_use, "the package does not say its intended use"
    assert spec.limits, "the package names no limits"
    assert spec.trained_on, "the package does not say what it was trained on"
    assert spec.licence, "the package has no licence"


def check_speaks_of_its_joint(path: str | Path, work: Path) -> None:
    """Every finding, threshold and calibration is one of the catalogue's findings of its joint."""
    spec = open_package(path).spec
    known = {entry.name for entry in joint(spec.joint).findings}
    assert set(spec.findings) <= known, f"not in the catalogue: {sorted(set(spec.findings) - known)}"
    for title, named in (("threshold", spec.thresholds), ("calibration", spec.calibration)):
        strangers = sorted(set(named) - set(spec.findings))
        assert not strangers, f"a {title} of a finding that the package does not give: {strangers}"


def check_carries_card_and_metrics(path: str | Path, work: Path) -> None:
    """A card for people and the measured figures travel with it."""
    files = open_package(path).files
    assert files.get("card.md", b"").strip(), "there is no card.md"
    assert files.get("metrics.json", b"").strip(), "there is no metrics.json"


def check_holds_no_pickle(path: str | Path, work: Path) -> None:
    """No file can be unpickled: a package is data."""
    for name, data in open_package(path).files.items():
        assert data[:2] != b"PK", f"{name} is a zip within the package"
        if data[:1] == b"\x80":
            try:
                operations = sum(1 for _ in pickletools.genops(data))
            except ValueError:
                continue
            raise AssertionError(f"{name} holds {operations} pickled operations")


def check_folder_and_file_are_the_same(path: str | Path, work: Path) -> None:
    """The same package as one file has the same identity."""
    package = open_package(path)
    folder, single = _copy(package, work / "folder"), _copy(package, work / f"single{SUFFIX}")
    assert folder.sha256 == single.sha256, "the zip and the folder have different identities"
    assert dict(folder.files) == dict(single.files), "the zip and the folder hold different files"


def check_an_altered_byte_is_refused(path: str | Path, work: Path) -> None:
    """One byte changed in any file."""
    package = open_package(path)
    _copy(package, work / "package")
    for name, data in package.files.items():
        file = work / "package" / name
        file.write_bytes(data[:-1] + bytes([data[-1] ^ 1]) if data else b"x")
        _refused(work / "package", f"{name} was altered")
        file.write_bytes(data)


def check_missing_and_stray_files_are_refused(path: str | Path, work: Path) -> None:
    """A file less, or one that package.yaml does not list."""
    package = open_package(path)
    _copy(package, work / "package")
    stray = work / "package" / "stray.txt"
    stray.write_text("not listed")
    _refused(work / "package", "a file was added")
    stray.unlink()
    name, data = next(iter(package.files.items()))
    (work / "package" / name).unlink()
    _refused(work / "package", f"{name} was removed")
    (work / "package" / name).write_bytes(data)


def check_another_schema_is_refused(path: str | Path, work: Path) -> None:
    """A schema version that this Condyle does not know."""
    _copy(open_package(path), work / "package")
    file = work / "package" / SPEC
    file.write_text(yaml.safe_dump({**yaml.safe_load(file.read_bytes()), "schema_version": 99}))
    _refused(work / "package", "the schema version is unknown")


CHECKS: tuple[Contract, ...] = (
    check_opens,
    check_speaks_of_its_joint,
    check_carries_card_and_metrics,
    check_holds_no_pickle,
    check_folder_and_file_are_the_same,
    check_an_altered_byte_is_refused,
    check_missing_and_stray_files_are_refused,
    check_another_schema_is_refused,
)


def _copy(package: Package, out: Path) -> Package:
    return write_package(out, asdict(package.spec), package.files)


def _refused(path: Path, why: str) -> None:
    refusal: PackageError | None = None
    try:
        open_package(path)
    except PackageError as error:
        refusal = error
    assert refusal is not None, f"the package was opened although {why}"
    assert refusal.what, f"refused without a sentence although {why}"
    assert refusal.what_to_do, f"refused without saying what to do although {why}"

"""Packages are found by name, brought in whole, and never replaced in silence."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from condyle.errors import PackageError
from condyle.readers import find_package, import_package, list_packages, load_package, package_for, verify_package
from condyle.readers.package import open_package
from condyle.study import Study
from condyle.testing.readings import lumbar_reading
from tests.readers.spine import toy_package


@pytest.fixture(autouse=True)
def _own_shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("CONDYLE_PACKAGES", str(tmp_path / "named"))


def test_found_by_name_and_by_path(tmp_path: Path) -> None:
    (tmp_path / "named").mkdir()
    toy_package(tmp_path / "named" / "toy.condyle")
    assert find_package("toy") == tmp_path / "named" / "toy.condyle"
    assert find_package(tmp_path / "named" / "toy.condyle") == tmp_path / "named" / "toy.condyle"
    assert load_package("toy").info.name == "toy"


def test_an_unknown_name_lists_the_known_ones(tmp_path: Path) -> None:
    (tmp_path / "named").mkdir()
    toy_package(tmp_path / "named" / "toy")
    with pytest.raises(PackageError) as refused:
        find_package("tyo")
    assert refused.value.code == "package-missing"
    assert "toy" in refused.value.why


def test_import_verifies_copies_and_does_not_replace(tmp_path: Path) -> None:
    made = toy_package(tmp_path / "made.condyle")
    brought = import_package(tmp_path / "made.condyle")
    assert brought.path == tmp_path / "data" / "condyle" / "packages" / "toy.condyle"
    assert open_package(brought.path).sha256 == made.sha256
    with pytest.raises(PackageError) as refused:
        import_package(tmp_path / "made.condyle")
    assert refused.value.code == "package-exists"


def test_nothing_but_the_verified_files_is_imported(tmp_path: Path) -> None:
    """A linked folder is no part of a package: what it points to is not looked at, and not copied."""
    toy_package(tmp_path / "toy")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "secret.txt").write_text("secret")
    (tmp_path / "toy" / "etc").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(PackageError) as refused:
        import_package(tmp_path / "toy")
    assert refused.value.code == "package-unsafe"
    assert not (tmp_path / "data").exists()


def test_an_imported_folder_is_the_same_package(tmp_path: Path) -> None:
    made = toy_package(tmp_path / "toy")
    brought = import_package(tmp_path / "toy")
    assert open_package(brought.path).sha256 == made.sha256
    assert [one.name for one in brought.path.parent.iterdir()] == ["toy"]


def test_what_cannot_read_is_not_imported(tmp_path: Path) -> None:
    toy_package(tmp_path / "toy", family="nose")
    with pytest.raises(PackageError) as refused:
        import_package(tmp_path / "toy")
    assert refused.value.code == "package-unfit"
    assert not (tmp_path / "data").exists()


def test_a_shipped_name_is_not_hidden(tmp_path: Path) -> None:
    toy_package(tmp_path / "other", name="lumbar")
    with pytest.raises(PackageError) as refused:
        import_package(tmp_path / "other")
    assert refused.value.code == "package-name-shipped"
    assert not (tmp_path / "data").exists()


def test_what_a_killed_run_left_is_no_package(tmp_path: Path) -> None:
    (tmp_path / "named").mkdir()
    toy_package(tmp_path / "named" / "toy")
    (tmp_path / "named" / "toy").rename(tmp_path / "named" / "toy.part")
    toy_package(tmp_path / "named" / ".toy.partial-x")
    assert [one.name for one in list_packages() if one.name.strip(".").startswith("toy")] == []


def test_a_damaged_package_is_not_imported_and_is_listed_with_its_problem(tmp_path: Path) -> None:
    (tmp_path / "named").mkdir()
    toy_package(tmp_path / "named" / "toy")
    (tmp_path / "named" / "toy" / "card.md").write_text("changed")
    with pytest.raises(PackageError):
        import_package(tmp_path / "named" / "toy")
    assert not (tmp_path / "data").exists()
    shelved = verify_package("toy")
    assert shelved.info is None
    assert "card.md" in shelved.problem
    assert [one.name for one in list_packages() if one.problem] == ["toy"]


def test_a_package_of_an_unknown_family_says_so(tmp_path: Path) -> None:
    toy_package(tmp_path / "toy", family="elbow")
    with pytest.raises(PackageError) as refused:
        load_package(tmp_path / "toy")
    assert refused.value.code == "family-unknown"


@pytest.mark.parametrize(
    ("parts", "name"), [(("knee",), "knee_nine"), (("lumbar",), "lumbar"), (("knee", "lumbar"), "lumbar"), (("hip",), "lumbar")]
)
def test_a_study_is_read_by_the_shipped_package_for_the_joint_that_its_headers_name(parts: tuple[str, ...], name: str) -> None:
    one = lumbar_reading().series[0]
    series = tuple(replace(one.with_role(one.role.with_user(body_part=part)), series_id=str(number)) for number, part in enumerate(parts))
    assert package_for(Study("0" * 16, "p", series)) == name
    assert verify_package(name).joint == ("knee" if name == "knee_nine" else "lumbar")


def test_no_two_shipped_packages_are_for_one_joint() -> None:
    joints = [one.joint for one in list_packages()]
    assert sorted(joints) == sorted(set(joints))


def test_a_study_whose_headers_name_no_joint_is_left_to_the_lumbar_package() -> None:
    assert package_for(Study("0" * 16, "p", ())) == "lumbar"

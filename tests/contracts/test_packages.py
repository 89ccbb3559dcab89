"""Every package in the tree keeps the contract of packages, and its reader that of families."""

from __future__ import annotations

from pathlib import Path

import pytest

from condyle.intake import open_studies
from condyle.readers import Shelved, list_packages, load_package
from condyle.registry import plugins
from condyle.testing import families, packages

SHIPPED = tuple(one for one in list_packages() if "src" in one.path.parts or "site-packages" in one.path.parts)


def test_no_shipped_package_is_damaged() -> None:
    assert [one.problem for one in SHIPPED if one.problem] == []


def test_every_shipped_package_has_its_family() -> None:
    assert {one.family for one in SHIPPED} <= set(plugins("families"))


@pytest.mark.parametrize("contract", packages.CHECKS, ids=lambda contract: contract.__name__)
@pytest.mark.parametrize("package", SHIPPED, ids=lambda package: package.name)
def test_package(package: Shelved, contract: packages.Contract, tmp_path: Path) -> None:
    contract(package.path, tmp_path)


@pytest.mark.parametrize("contract", families.CHECKS, ids=lambda contract: contract.__name__)
def test_family_on_a_simulated_study(contract: families.Contract, simulated: Path) -> None:
    contract(load_package("lumbar"), open_studies(simulated).studies[0])

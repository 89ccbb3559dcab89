"""The shipped lumbar package: what its card claims, and that it can be checked."""

from __future__ import annotations

import json

import pytest

from condyle.readers.package import Package, open_package
from condyle.readers.shelf import find_package
from condyle.train.card import table


@pytest.fixture(scope="module")
def package() -> Package:
    return open_package(find_package("lumbar"))


def test_it_is_small_and_names_its_data(package: Package) -> None:
    assert sum(map(len, package.files.values())) <= 10e6
    assert any("SPIDER" in one.credit and one.licence == "CC-BY 4.0" for one in package.spec.data)
    limits = " ".join(package.spec.limits)
    assert "No clinical lumbar DICOM" in limits
    assert "stenosis" in limits


def test_every_finding_has_calibration_and_a_threshold_with_its_rule_and_a_band(package: Package) -> None:
    assert set(package.spec.calibration) == set(package.spec.findings)
    assert set(package.spec.thresholds) == set(package.spec.findings)
    for finding, one in package.spec.thresholds.items():
        assert ("median" if finding == "pfirrmann" else "held-out patients of the training set") in one.rule
        assert one.band is not None
        assert one.band[0] < one.value < one.band[1]


def test_the_card_holds_the_figures_of_metrics_json_and_they_reach_what_was_asked(package: Package) -> None:
    figures = json.loads(package.files["metrics.json"])["figures"]
    card = package.files["card.md"].decode()
    for line in table(figures).splitlines()[2:]:
        assert line in card
    asked = {"pfirrmann": 0.90, "disc_narrowing": 0.89, "bulging": 0.88, "herniation": 0.83, "spondylolisthesis": 0.78, "modic": 0.82}
    asked |= {"upper_endplate": 0.75, "lower_endplate": 0.75}
    assert figures["pfirrmann"]["quadratic_kappa"]["estimate"] >= 0.70
    for finding, least in asked.items():
        own = figures[finding]
        assert own["auroc"]["estimate"] >= least
        assert own["auroc"]["low"] < own["auroc"]["estimate"] < own["auroc"]["high"]
        assert own["auroc"]["clusters"] == own["patients"]
        assert own["auroc_minus_level_only"]["low"] > 0, "better than the name of the level"


def test_folds_of_the_record_hold_each_patient_once(package: Package) -> None:
    record = json.loads(package.files["metrics.json"])["record"]
    members = [patient for fold in record["folds"].values() for patient in fold]  # public ids; packages made since tell counts alone
    assert len(members) == len(set(members)) == record["patients"] == 174

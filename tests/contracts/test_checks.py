"""Every quality check that is installed keeps the contract; and the battery notices checks that do not."""

from __future__ import annotations

import itertools

import pytest

from condyle import registry
from condyle.registry import Plugin, plugins
from condyle.study import Check
from condyle.testing import checks as battery

OURS = {"clipping", "coverage", "missing_series", "motion", "noise", "side_conflict", "spacing", "wrong_body_part"}


@pytest.mark.parametrize("contract", battery.CHECKS, ids=lambda contract: contract.__name__)
@pytest.mark.parametrize("name", plugins("checks"))
def test_check(name, contract):
    contract(name)


def test_our_checks_are_installed():
    """A line added to pyproject.toml is invisible until the package is installed again."""
    assert set(plugins("checks")) >= OURS


def _good(study, volumes, joint):
    return tuple(Check("bad", True, 1.0, 2.0, "mm", "All is well.", series_id=one.series_id) for one in study.series)


def _raises(study, volumes, joint):
    return (Check("bad", True, float(volumes["a"].pixels.mean()), 2.0, "mm", "All is well."),)


def _spoils(study, volumes, joint):
    for volume in volumes.values():
        volume.pixels[0, 0, 0] = 99
    return ()


_count = itertools.count()


def _remembers(study, volumes, joint):
    return (Check("bad", True, float(next(_count)), 2.0, "", "All is well."),)


def _no_advice(study, volumes, joint):
    return (Check("bad", False, 1.0, 2.0, "", "All is lost."),)


def _gossips(study, volumes, joint):
    return tuple(Check("bad", True, 1.0, 2.0, "", f"Series {one.headers.get('series_description')} is fine.") for one in study.series)


def _not_a_number(study, volumes, joint):
    return (Check("bad", True, float("nan"), 2.0, "", "All is well."),)


def _no_period(study, volumes, joint):
    return (Check("bad", True, 1.0, 2.0, "", "All is well"),)


def _other_name(study, volumes, joint):
    return (Check("worse", True, 1.0, 2.0, "", "All is well."),)


def _install(monkeypatch, function):
    known = {**plugins("checks"), "bad": Plugin("bad", "", "unused:unused")}
    monkeypatch.setattr(registry, "plugins", lambda kind: known)  # get() looks there
    monkeypatch.setattr(Plugin, "load", lambda self: function)


@pytest.mark.parametrize(
    ("function", "contract"),
    [
        (_raises, battery.check_copes_with_every_study),
        (_spoils, battery.check_leaves_its_input_alone),
        (_remembers, battery.check_is_deterministic),
        (_no_advice, battery.check_speaks_in_sentences),
        (_gossips, battery.check_speaks_in_sentences),
        (_no_period, battery.check_speaks_in_sentences),
        (_not_a_number, battery.check_measures),
        (_other_name, battery.check_gives_checks_under_its_name),
    ],
)
def test_the_battery_notices(function, contract, monkeypatch):
    _install(monkeypatch, function)
    with pytest.raises((AssertionError, KeyError)):
        contract("bad")


@pytest.mark.parametrize("contract", battery.CHECKS, ids=lambda contract: contract.__name__)
def test_the_battery_lets_a_good_check_pass(contract, monkeypatch):
    _install(monkeypatch, _good)
    contract("bad")

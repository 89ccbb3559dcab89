"""Every preparation step that is installed keeps the contract; and the battery notices steps that do not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from condyle import registry
from condyle.prepare import Step
from condyle.registry import Plugin, plugins
from condyle.study import Geometry, Volume
from condyle.testing import steps as battery


@pytest.mark.parametrize("check", battery.CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", plugins("steps"))
def test_step(name, check):
    check(name)


def _shifts(volume, *, labels=False, **parameters):
    affine = np.array(volume.geometry.affine)
    affine[:3, 3] += 7
    return Volume(volume.pixels, Geometry(affine, volume.shape), volume.series_id)


def _spoils(volume, *, labels=False, **parameters):
    volume.pixels[0, 0, 0] += 1
    return volume


_memory = iter(range(10**6))


def _remembers(volume, *, labels=False, **parameters):
    return Volume(volume.pixels + np.asarray(next(_memory), volume.pixels.dtype), volume.geometry, volume.series_id)


def _averages_classes(volume, *, labels=False, **parameters):
    pixels = volume.pixels.astype(np.float32)
    pixels[1:] = (pixels[1:] + pixels[:-1]) / 2
    return Volume(pixels, volume.geometry, volume.series_id)


@pytest.mark.parametrize(
    ("apply", "check"),
    [
        (_shifts, battery.step_keeps_a_landmark_in_place),
        (_spoils, battery.step_is_pure),
        (_remembers, battery.step_replays_from_its_record),
        (_remembers, battery.step_is_pure),
        (_averages_classes, battery.step_takes_a_mask_along),
        (_averages_classes, battery.step_has_an_identity),
    ],
)
def test_the_battery_notices(apply, check, monkeypatch):
    good = registry.get("steps", "orient")
    bad = replace(good, name="bad", settle=lambda volume: {}, apply=apply, identity=lambda volume: {}, examples=({},))
    assert isinstance(bad, Step)
    known = {**plugins("steps"), "bad": Plugin("bad", "", "unused:unused")}
    monkeypatch.setattr(registry, "plugins", lambda kind: known)  # get() looks there
    monkeypatch.setattr(Plugin, "load", lambda self: bad if self.name == "bad" else good)
    with pytest.raises(AssertionError):
        check("bad")

"""The contract of a quality check, as checks that anybody's check can be put through.

A check is a plug-in of the kind ``checks``: a function ``(study, volumes, joint) -> tuple[Check, ...]``.
Use in a test of your own package:

    import pytest
    from condyle.testing.checks import CHECKS

    @pytest.mark.parametrize("contract", CHECKS, ids=lambda contract: contract.__name__)
    def test_my_check(contract):
        contract("my_check")

Each contract takes the plug-in's name and raises ``AssertionError`` with a sentence.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from condyle.quality import PROTOCOLS
from condyle.registry import get
from condyle.study import Check, Geometry, Role, Series, Study, Trait, Volume

Contract = Callable[[str], None]

# Stands where a person's words stand: no sentence may repeat it.
PLANTED_NAME = "Plantedname^Erika"


@dataclass(frozen=True, slots=True)
class Situation:
    """A study that a check must cope with."""

    title: str
    study: Study
    volumes: Mapping[str, Volume]
    joint: str


def check_gives_checks_under_its_name(name: str) -> None:
    """A tuple of ``Check``, each with the plug-in's name, and of a series of the study or of the whole."""
    for one in situations():
        found = _run(name, one)
        assert isinstance(found, tuple), f"{name} returned {type(found).__name__}, not a tuple"
        known = {"", *(series.series_id for series in one.study.series)}
        for check in found:
            assert isinstance(check, Check), f"{name} returned a {type(check).__name__}"
            assert check.name == name, f"{name} calls itself {check.name!r}"
            assert check.series_id in known, f"{name} speaks of a series that is not in the study: {one.title}"


def check_copes_with_every_study(name: str) -> None:
    """No exception and no warning on odd studies: one slice, one grey value, no pixels, no geometry, numbers that are not."""
    with np.errstate(all="raise"):
        for one in situations():
            _run(name, one)


def check_leaves_its_input_alone(name: str) -> None:
    """Pixels and geometry stay as they are, byte for byte."""
    for one in situations():
        before = {key: (volume.pixels.copy(), np.array(volume.geometry.affine)) for key, volume in one.volumes.items()}
        _run(name, one)
        for key, (pixels, affine) in before.items():
            assert np.array_equal(one.volumes[key].pixels, pixels, equal_nan=True), f"{name} changed the pixels: {one.title}"
            assert np.array_equal(one.volumes[key].geometry.affine, affine), f"{name} changed the geometry: {one.title}"


def check_is_deterministic(name: str) -> None:
    """The same study gives the same checks, alone or after others."""
    first = [_run(name, one) for one in situations()]
    again = [_run(name, one) for one in situations()]
    assert first == again, f"{name} gave two results for one study"


def check_speaks_in_sentences(name: str) -> None:
    """One sentence with a capital and a period; advice when it fails; nothing of a person's words."""
    for one in situations():
        for check in _run(name, one):
            said = f"{name} on {one.title}: {check.sentence!r}"
            assert check.sentence.endswith("."), f"no period at the end: {said}"
            assert check.sentence[:1] == check.sentence[:1].upper(), f"no capital at the beginning: {said}"
            assert "\n" not in check.sentence, f"more than one line: {said}"
            assert check.passed is not False or check.advice.endswith("."), f"no advice although it fails: {said}"
            assert "Plantedname" not in check.sentence + check.advice, f"a free-text description was repeated: {said}"


def check_measures(name: str) -> None:
    """A verdict has a finite number and a threshold; without a number there is no verdict."""
    for one in situations():
        for check in _run(name, one):
            said = f"{name} on {one.title}"
            if check.passed is None:
                assert check.measured is None, f"{said}: a number without a verdict"
                continue
            assert check.measured is not None, f"{said}: a verdict without a number"
            assert check.threshold is not None, f"{said}: a verdict without a threshold"
            assert math.isfinite(check.measured), f"{said}: the number is not finite"


CHECKS: tuple[Contract, ...] = (
    check_gives_checks_under_its_name,
    check_copes_with_every_study,
    check_leaves_its_input_alone,
    check_is_deterministic,
    check_speaks_in_sentences,
    check_measures,
)


def situations() -> Iterator[Situation]:
    """Ordinary and odd studies, for every joint with a protocol."""
    for joint in PROTOCOLS:
        for title, shape, pixels in _pictures():
            volume = Volume(pixels, _geometry(shape), "a")
            series = Series("a", "dicom", None, volume.geometry, _role(joint), 3, {"series_description": PLANTED_NAME})
            yield Situation(f"{title}, {joint}", Study("s", "p", (series,)), {"a": volume}, joint)
        picture = np.zeros((1, 80, 80), np.uint8)
        picture[0, 20:60, 20:60] = 200
        nominal = Geometry(np.eye(4), picture.shape, calibrated=False, spacing_source="nominal")
        series = Series("a", "picture", None, nominal)
        yield Situation(f"a picture without millimetres, {joint}", Study("s", "p", (series,)), {"a": Volume(picture, nominal, "a")}, joint)
        yield Situation(f"no series, {joint}", Study("s", "p", ()), {}, joint)
        yield Situation(f"no geometry and no volume, {joint}", Study("s", "p", (Series("a", "npy", None, None, _role(joint)),)), {}, joint)
        unused = Series("a", "dicom", None, _geometry((5, 64, 64)), _role(joint), used=False)
        yield Situation(f"a series that is not used, {joint}", Study("s", "p", (unused,)), {}, joint)


def _pictures() -> Iterator[tuple[str, tuple[int, int, int], NDArray[np.generic]]]:
    rng = np.random.default_rng(7)
    ordinary = (400 * rng.random((9, 96, 80)) + 200).astype(np.int16)
    yield "an ordinary stack", (9, 96, 80), ordinary
    yield "one slice", (1, 96, 80), ordinary[:1]
    yield "two slices of floats", (2, 96, 80), ordinary[:2].astype(np.float32)
    yield "one grey value", (5, 64, 64), np.full((5, 64, 64), 7, np.uint16)
    yield "empty but for one pixel", (3, 64, 64), np.pad(np.full((3, 1, 1), 9, np.int16), ((0, 0), (30, 33), (30, 33)))
    yield "a few pixels", (3, 4, 5), ordinary[:3, :4, :5]
    yield "one row", (2, 1, 70), ordinary[:2, :1, :70]
    holes = ordinary.astype(np.float32)
    holes[4, 10, 10] = np.nan
    yield "a number that is none", (9, 96, 80), holes
    yield "values below zero", (9, 96, 80), (ordinary.astype(np.int32) - 5000)


def _geometry(shape: tuple[int, int, int]) -> Geometry:
    """Sagittal, head up, front to the left."""
    affine = np.eye(4)
    affine[:3, 0], affine[:3, 1], affine[:3, 2] = (4, 0, 0), (0, 0, -0.9), (0, 0.9, 0)
    return Geometry(affine, shape)


def _role(joint: str) -> Role:
    return Role(
        plane=Trait("sagittal", "geometry", 0.98, (("geometry", "sagittal"),)),
        weighting=Trait("t2", "timing", 0.9, (("timing", "t2"),)),
        side=Trait("left", "tag", 0.9, (("tag", "left"),)) if PROTOCOLS[joint].paired else Trait(),
        body_part=Trait(joint, "tag", 0.75, (("tag", joint),)),
    )


def _run(name: str, one: Situation) -> tuple[Check, ...]:
    found: tuple[Check, ...] = get("checks", name)(one.study, one.volumes, one.joint)
    return found

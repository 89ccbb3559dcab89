"""The side from tag, text and geometry."""

from __future__ import annotations

import numpy as np
import pytest

from condyle.intake.roles import infer_role
from condyle.study import Geometry


def at(x: float, *, shape: tuple[int, int, int] = (21, 101, 101)) -> Geometry:
    """A sagittal stack whose image centre lies at x mm; its corner lies elsewhere."""
    affine = np.array([[3.0, 0, 0, 0], [0, 0, 1.5, 0], [0, -1.5, 0, 0], [0, 0, 0, 1]])
    geometry = Geometry(affine, shape)
    affine[:3, 3] = np.array([x, 0, 0]) - geometry.centre
    return Geometry(affine, shape)


KNEE = {"body_part_examined": "KNEE", "manufacturer": "SIEMENS"}


@pytest.mark.parametrize(("x", "expected"), [(83.0, "left"), (-79.0, "right"), (19.0, None), (-19.0, None)])
def test_geometry_reads_the_image_centre_outside_a_dead_zone(x: float, expected: str | None) -> None:
    assert infer_role(KNEE, at(x)).side.value == expected


def test_three_agreeing_witnesses_are_all_kept() -> None:
    found = infer_role(KNEE | {"laterality": "L", "series_description": "PD SAG LT"}, at(80)).side
    assert found.value == "left"
    assert found.witnesses == (("tag", "left"), ("text", "left"), ("geometry", "left"))
    assert not found.conflict
    assert found.confidence > 0.95


@pytest.mark.parametrize("headers", [{"laterality": "L"}, {"series_description": "PD SAG LINKS"}])
def test_a_contradiction_is_flagged(headers: dict[str, str]) -> None:
    found = infer_role(KNEE | headers, at(-80)).side
    assert found.conflict
    assert found.value is None or found.confidence < 0.6


@pytest.mark.parametrize("part", ["LSPINE", "CSPINE", "HEAD", "PELVIS"])
def test_an_unpaired_part_has_no_side(part: str) -> None:
    found = infer_role({"body_part_examined": part, "laterality": "L"}, at(50)).side
    assert found.value is None
    assert not found.conflict


def test_a_vendor_on_which_the_geometry_rule_failed_is_not_believed_alone_much() -> None:
    doubted = infer_role(KNEE | {"manufacturer": "Hitachi Medical Corporation"}, at(80)).side
    assert doubted.confidence < infer_role(KNEE, at(80)).side.confidence


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("KNIE RECHTS", "right"), ("genou gauche", "left"), ("rodilla izquierda", "left"), ("ginocchio dx", "right"),
        ("joelho direito", "right"),
        ("knie links", "left"), ("KNEE L", "left"), ("R SHOULDER", "right"), ("Knie bds", "both"), ("phase R>L", None), ("T1 SAG", None),
        ("LEFT RIGHT KNEE", None),
    ],
)  # fmt: skip
def test_sides_in_several_languages(text: str, expected: str | None) -> None:
    assert infer_role({"series_description": text}, None).side.value == expected

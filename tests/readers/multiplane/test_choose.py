"""Which series fills which input, by the contrast that the input asks for."""

from __future__ import annotations

import pytest

from condyle.readers.lumbar.choose import choose as choose_lumbar
from condyle.readers.multiplane.choose import choose
from condyle.readers.spec import SlotSpec
from condyle.study import Geometry, Series, Study
from condyle.study.role import Role, Trait
from tests.knees import affine

SHAPE = (20, 64, 64)
TOLD = {
    "none": Trait("none", "text", 0.75),
    "arthrogram": Trait("arthrogram", "text", 0.75),
    "intravenous": Trait("intravenous", "tag", 0.85),
    "silent": Trait(),
    "given, nobody says where": Trait(witnesses=(("tag", "given"),)),
    "contradicted": Trait(None, "none", 0.4, (("tag", "arthrogram"), ("text", "none")), conflict=True),
}
TAKES = {
    None: set(TOLD),
    "none": {"none", "silent"},
    "arthrogram": {"arthrogram"},
    "intravenous": {"intravenous"},
}


def series(name: str, contrast: Trait, weighting: str = "t1") -> Series:
    role = Role(contrast=contrast, weighting=Trait(weighting, "timing", 0.9))
    return Series(name, "dicom", None, Geometry(affine("sagittal", SHAPE, (4.0, 0.5, 0.5), (0, 0, 0)), SHAPE), role)


@pytest.mark.parametrize("asked", list(TAKES))
@pytest.mark.parametrize("family", ["lumbar", "multiplane"])
def test_contrast_has_to_be_as_the_slot_asks(asked: str | None, family: str) -> None:
    slots = {"sagittal": SlotSpec(plane="sagittal", weightings=("t1",), contrast=asked)}
    study = Study("s", "p", tuple(series(name, trait) for name, trait in TOLD.items()))
    if family == "lumbar":
        choice = choose_lumbar(study, slots)
        found, left = choice.slots["sagittal"], choice.left
    else:
        chosen, reasons = choose(study, slots)
        found, left = chosen["sagittal"], reasons
    assert {one.series_id for one in found} == TAKES[asked]
    assert set(left) == set(TOLD) - TAKES[asked]


def test_why_a_series_of_another_contrast_is_left() -> None:
    study = Study("s", "p", tuple(series(name, trait) for name, trait in TOLD.items()))
    _, left = choose(study, {"one": SlotSpec(plane="sagittal", weightings=("t1",), contrast="arthrogram")})
    assert left["silent"] == "The package reads arthrograms; nothing says that this series is one."
    assert left["none"] == "The package reads arthrograms; this series was made without contrast."
    _, left = choose(study, {"one": SlotSpec(plane="sagittal", weightings=("t1",), contrast="none")})
    assert left["arthrogram"] == "The package reads series without contrast; this is an arthrogram."
    assert "leave open" in left["given, nobody says where"]


def test_slots_of_one_package_may_ask_for_different_contrast() -> None:
    slots = {
        "before": SlotSpec(plane="sagittal", weightings=("t1",), contrast="none"),
        "after": SlotSpec(plane="sagittal", weightings=("t1",), contrast="intravenous"),
    }
    study = Study("s", "p", (series("native", TOLD["silent"]), series("enhanced", TOLD["intravenous"])))
    chosen, left = choose(study, slots)
    assert {name: [one.series_id for one in own] for name, own in chosen.items()} == {"before": ["native"], "after": ["enhanced"]}
    assert not left


def test_weighting_is_named_before_contrast() -> None:
    slots = {"one": SlotSpec(plane="sagittal", weightings=("t1",), contrast="arthrogram")}
    _, left = choose(Study("s", "p", (series("t2", TOLD["silent"], "t2"),)), slots)
    assert left["t2"] == "The package takes no sagittal T2 series."

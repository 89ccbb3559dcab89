"""Roles as a whole: the table of names, blanks, spellings of several values, hostile headers."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from condyle.intake.roles import infer_role
from condyle.study import Role
from condyle.study.role import Trait

TABLE = Path(__file__).with_name("headers.csv")
TRAITS = ("plane", "weighting", "fat_suppressed", "contrast", "side", "body_part")


def table() -> list[dict[str, str]]:
    with TABLE.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def role_of(row: dict[str, str]) -> Role:
    headers = {key: value for key, value in row.items() if not key.startswith("expect_") and key not in ("vendor", "language")}
    return infer_role(headers | {"manufacturer": row["vendor"]}, None)


def said(role: Role, trait: str) -> str:
    value = getattr(role, trait).value
    return "" if value is None else str(value)


@pytest.mark.parametrize("number", range(len(table())), ids=lambda n: f"{n + 2} {table()[n]['series_description']}")
def test_named_headers_are_right_or_uncertain_never_wrong(number: int) -> None:
    row = table()[number]
    role = role_of(row)
    wrong = {
        trait: (said(role, trait), row[f"expect_{trait}"])
        for trait in TRAITS
        if row[f"expect_{trait}"] and said(role, trait) and said(role, trait) not in row[f"expect_{trait}"].split("|")
    }
    assert not wrong


def test_most_of_the_table_is_answered() -> None:
    """Never wrong is worth nothing when nothing is said."""
    rows = table()
    assert len(rows) >= 80
    asked, answered = Counter[str](), Counter[str]()
    for row in rows:
        role = role_of(row)
        for trait in TRAITS:
            if row[f"expect_{trait}"]:
                asked[trait] += 1
                answered[trait] += said(role, trait) in row[f"expect_{trait}"].split("|")
    for trait in TRAITS:
        assert answered[trait] >= 0.8 * asked[trait], (trait, answered[trait], asked[trait])


@pytest.mark.parametrize("name", ["SAG_T1_contrast", "sag_extra", "COR_TRAUMA", "AX_ABER", "AX_LOC"])
def test_g08_letters_inside_a_word_name_no_plane(name: str) -> None:
    """Public code took all of these for axial series."""
    role = infer_role({"series_description": name}, None)
    expected = {"SAG_T1_contrast": "sagittal", "sag_extra": "sagittal", "COR_TRAUMA": "coronal"}.get(name)
    assert role.plane.value == expected


@pytest.mark.parametrize("blank", ["", " ", "U", None])
def test_blank_is_missing_in_every_tag(blank: str | None) -> None:
    keys = ("laterality", "body_part_examined", "series_description", "contrast_agent", "scan_options", "echo_time", "inversion_time")
    assert infer_role(dict.fromkeys(keys, blank), None) == infer_role({}, None) == Role()


@pytest.mark.parametrize("joined", ["GR\\IR", "GR_IR", ["GR", "IR"], ("GR", "IR")])
def test_several_values_may_be_joined_in_any_way(joined: object) -> None:
    headers = {"scanning_sequence": joined, "echo_time": "3.7", "repetition_time": 2000, "inversion_time": 1000, "flip_angle": 9}
    assert infer_role(headers, None).weighting.value == "t1"


def test_contrast_given_nobody_says_where_is_no_value_and_no_silence() -> None:
    """A filled agent tag at a joint that is injected as well: arthrogram or vein, but surely not plain."""

    def told(**headers: str) -> Trait:
        return infer_role({"body_part_examined": "SHOULDER", **headers}, None).contrast

    assert (told(contrast_agent="GADOVIST").value, told(contrast_agent="GADOVIST").witnesses) == (None, (("tag", "given"),))
    assert told(series_description="t1 fs cor Gd").witnesses == (("text", "given"),)
    assert told(contrast_agent=" ").witnesses == ()
    assert told(study_description="MR arthrogram shoulder").value == "arthrogram"


def test_the_user_has_the_last_word() -> None:
    role = infer_role({"series_description": "COR PD"}, None).with_user(plane="sagittal")
    assert (role.plane.value, role.plane.source, role.plane.confidence) == ("sagittal", "user", 1.0)


_VALUES = st.one_of(st.none(), st.text(max_size=60), st.floats(), st.integers(), st.lists(st.text(max_size=9), max_size=4))
_KEYS = st.sampled_from([
    "echo_time", "repetition_time", "inversion_time", "flip_angle", "scanning_sequence", "sequence_variant", "scan_options",
    "sequence_name", "series_description", "protocol_name", "study_description", "image_type", "body_part_examined", "laterality",
    "contrast_agent", "field_strength", "manufacturer", "echo_train_length", "pixel_bandwidth", "acquisition_type",
])  # fmt: skip


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(_KEYS, _VALUES, max_size=12))
def test_no_header_however_odd_breaks_the_roles(headers: dict[str, object]) -> None:
    role = infer_role(headers, None)
    assert role == infer_role(headers, None)
    for trait in TRAITS:
        found = getattr(role, trait)
        assert 0 <= found.confidence <= 1

"""Labels: long and wide, unknown is never negative, columns by name."""

from __future__ import annotations

import random

import pytest

from condyle.cohorts import read_labels, write_labels
from condyle.cohorts.labels import Label
from condyle.errors import TableError

LONG = "study_id,patient_id,finding,level,side,value"


def _problems(path) -> str:
    with pytest.raises(TableError) as caught:
        read_labels(path)
    return "\n".join(caught.value.problems)


def test_an_empty_value_is_unknown_and_zero_is_absent(table):
    labels = read_labels(table(LONG, "s,p,herniation,L4-L5,,", "s,p,herniation,L5-S1,,0", "s,p,bulging,L5-S1,,1"))
    assert [label.present for label in labels] == [None, False, True]
    assert [label.known for label in labels] == [False, True, True]


def test_wide_becomes_long(table):
    labels = read_labels(table("study_id,patient_id,level,pfirrmann,herniation,note", "007,1,L4-L5,3,,fine", "007,1,L5-S1,5,1,"))
    assert [(label.finding, label.level, label.value) for label in labels] == [
        ("pfirrmann", "L4-L5", 3.0), ("herniation", "L4-L5", None), ("pfirrmann", "L5-S1", 5.0), ("herniation", "L5-S1", 1.0),
    ]  # fmt: skip
    assert {label.study_id for label in labels} == {"007"}


def test_g35_the_order_of_columns_does_not_matter(table):
    columns = ["study_id", "patient_id", "finding", "level", "side", "value"]
    cells = ["s", "p", "pfirrmann", "L4-L5", "", "4"]
    want = read_labels(table(",".join(columns), ",".join(cells)))
    for seed in range(5):
        order = random.Random(seed).sample(range(6), 6)
        path = table(",".join(columns[n] for n in order), ",".join(cells[n] for n in order))
        assert read_labels(path) == want


def test_every_problem_comes_at_once(table):
    text = _problems(
        table(
            f"{LONG},reliability",
            "s,p,herniaton,L4-L5,,1,",
            "s,p,pfirrmann,L4-L5,,6,",
            "s,p,bulging,L4/5,,0.5,",
            "s,p,bulging,L4-L5,up,x,2",
            ",p,bulging,L4-L5,,1,",
        )
    )
    for part in (
        "row 2: unknown finding 'herniaton'. Did you mean 'herniation'?",
        "row 3: pfirrmann is 6; its scale is 1, 2, 3, 4, 5",
        "row 4: unknown level 'L4/5'",
        "row 4: bulging is 0.5; it must be 0, 1 or empty",
        "row 5: side must be",
        "row 5: the value of bulging is no number",
        "row 5: reliability must be",
        "row 6: study_id is empty",
    ):
        assert part in text, part


def test_a_misspelt_finding_in_a_wide_header_is_an_error_not_a_note(table):
    assert "the column 'herniaton' is no finding. Did you mean 'herniation'?" in _problems(
        table("study_id,patient_id,bulging,herniaton", "s,p,1,0")
    )


def test_a_table_without_findings_is_refused(table):
    assert "neither a column 'finding' nor" in _problems(table("study_id,patient_id,colour", "s,p,red"))


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (("s,p,bulging,L4-L5,,1", "s,p,bulging,L4-L5,,0"), "rows 2 and 3: the same finding at the same site"),
        (("s,p,bulging,L4-L5,,1", "s,q,bulging,L5-S1,,0"), "rows 2 and 3: one study_id with two patient_ids"),
    ],
)
def test_contradictions(table, rows, message):
    assert message in _problems(table(LONG, *rows))


def test_two_readers_may_disagree(table):
    rows = ("s,p,bulging,L4-L5,,1,r1", "s,p,bulging,L4-L5,,0,r2")
    assert len(read_labels(table(f"{LONG},reader_id", *rows))) == 2


def test_writing_and_reading_gives_the_same(tmp_path):
    labels = (
        Label("s", "p", "pfirrmann", "L4-L5", "", 3.0, "r", "image readers", 0.8),
        Label("s", "p", "modic_type", "L4-L5", "", "2"),
        Label("s", "p", "herniation", "L5-S1"),
    )
    assert read_labels(write_labels(tmp_path / "labels.csv", labels)) == labels

"""predictions.csv: every mistake at once; predictions beside truth without losing a row."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from condyle.cohorts.labels import Label
from condyle.cohorts.predictions import Prediction, compare_tables, one_model, read_predictions
from condyle.errors import InputError, TableError

HEAD = "study_id,patient_id,finding,level,side,score,grade,value,decision,model\n"


def write(folder: Path, *rows: str) -> Path:
    path = folder / "predictions.csv"
    path.write_text(HEAD + "\n".join(rows) + "\n", "utf-8")
    return path


def test_good_rows(tmp_path: Path) -> None:
    path = write(tmp_path, "s1,p1,modic,L4-L5,,0.7,,,present,", "s1,p1,pfirrmann,L4-L5,,,3,,,", "s1,p1,disc_height,L4-L5,,,,9.5,,")
    one, two, three = read_predictions(path)
    assert (one.score, one.decision, two.grade, three.value) == (0.7, "present", 3, 9.5)
    assert np.isnan(two.score)


def test_a_kind_of_finding_without_a_column_for_its_answers_is_refused(tmp_path: Path) -> None:
    """Else every row would count as unanswered, and the command would end well."""
    path = tmp_path / "p.csv"
    path.write_text("study_id,patient_id,finding,value\ns1,p1,modic,1\ns1,p1,pfirrmann,3\ns1,p1,disc_height,9\ns2,p2,modik,\n", "utf-8")
    with pytest.raises(TableError) as caught:
        read_predictions(path)
    assert caught.value.problems == (
        "row 1: there is no column score or decision, which holds the answers of modic (binary)",
        "row 1: there is no column grade or score, which holds the answers of pfirrmann (ordinal)",
        "row 5: unknown finding 'modik'. Did you mean 'modic'?",
    )


def test_all_problems_at_once_with_rows(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "s1,p1,modik,L4-L5,,0.7,,,,",
        "s1,p1,modic,L4-L5,,1.7,,,,",
        "s1,p1,modic,L4,,0.5,,,,",
        "s1,p1,modic,L3-L4,,nan,,,,",
        "s1,p1,pfirrmann,L4-L5,,,6,,,",
        "s1,p1,modic,L1-L2,up,x,,,perhaps,",
        ",p1,modic,L5-S1,,0.5,,,,",
        "s1,p1,modic,L2-L3,,0.1,,,,",
        "s1,p1,modic,L2-L3,,0.2,,,,",
    )
    with pytest.raises(TableError) as caught:
        read_predictions(path)
    text = "\n".join(caught.value.problems)
    for part in (
        "row 2: unknown finding 'modik'. Did you mean 'modic'?",
        "row 3: the score is 1.7",
        "row 4: unknown level",
        "row 5: the score is not finite",
        "row 6: the grade is 6",
        "row 7: side must be",
        "row 7: the score is no number",
        "row 7: unknown decision",
        "row 8: study_id is empty",
        "rows 9 and 10: the same finding",
    ):
        assert part in text


def test_missing_columns(tmp_path: Path) -> None:
    path = tmp_path / "p.csv"
    path.write_text("study_id,finding\ns1,modic\n", "utf-8")
    with pytest.raises(TableError) as caught:
        read_predictions(path)
    assert any("patient_id" in line for line in caught.value.problems)


def said(
    study: str, score: float = 0.5, *, level: str = "L4-L5", decision: str = "absent", model: str = "", patient: str = ""
) -> Prediction:
    return Prediction(2, study, patient or study, "modic", level, "", score, np.nan, np.nan, decision, model)


def true(study: str, value: float | None, *, level: str = "L4-L5", reader: str = "") -> Label:
    return Label(study, study, "modic", level, "", value, reader)


def test_no_row_of_known_truth_is_lost() -> None:
    found = compare_tables(
        [said("a"), said("b", decision="not_assessed"), said("z")], [true("a", 1), true("b", 0), true("c", 1), true("d", None)]
    )
    (table,) = found.tables
    assert table.studies.tolist() == ["a", "b", "c"]
    assert table.missed.tolist() == [False, True, True]
    assert np.isnan(table.score[1:]).all()
    assert table.left_out == {"unknown truth": 1}
    assert (found.unread, found.unknown) == (("c", "d"), ("z",))


def test_rows_are_joined_by_site_not_by_position() -> None:
    labels = [true("a", 1, level="L5-S1"), true("a", 0, level="L4-L5")]
    rows = [said("a", 0.1), said("a", 0.9, level="L5-S1")]
    for order in (rows, rows[::-1]):
        (table,) = compare_tables(order, labels).tables
        assert table.score.tolist() == [0.9, 0.1]


@pytest.mark.parametrize(
    ("spoken", "judged", "notes"),
    [
        ([""], ["", "", ""], 2),
        (["L4-L5", "L5-S1"], ["L4-L5", "L5-S1", "", "L4-L5"], 1),
        (["", "L4-L5"], ["", "L4-L5", "L5-S1", "", "L4-L5"], 0),
    ],
)
def test_the_whole_and_its_parts_are_judged_where_predictions_speak_of_them(spoken: list[str], judged: list[str], notes: int) -> None:
    """A study that says both counts once; one that says one of them alone is not lost."""
    labels = [true("a", 1, level=level) for level in ("", "L4-L5", "L5-S1")]
    labels += [true("b", 0, level=""), true("c", 0), true("c", None, level="")]
    predictions = [said(study, level=level) for study in "abc" for level in spoken]
    found = compare_tables(predictions, labels)
    (table,) = found.tables
    assert table.levels.tolist() == judged
    assert len(found.not_judged) == notes
    whole = compare_tables([said("a", level="")], labels, beside=predictions)
    assert whole.tables[0].levels.tolist() == compare_tables(predictions, labels, beside=[said("a", level="")]).tables[0].levels.tolist()


def test_truth_of_parts_is_judged_as_a_whole_where_predictions_speak_of_the_whole() -> None:
    sites = {"any": (0, 1), "none": (0, 0), "open": (0, None)}
    labels = [true(study, value, level=level) for study, own in sites.items() for level, value in zip(("L4-L5", "L5-S1"), own, strict=True)]
    found = compare_tables([said(study, 0.3, level="") for study in sites], labels)
    (table,) = found.tables
    assert (table.studies.tolist(), table.truth.tolist(), table.score.tolist()) == (["any", "none"], [1, 0], [0.3, 0.3])
    assert table.left_out == {"unknown truth": 1}
    assert not found.stray
    assert [name for name, _ in found.not_judged] == ["modic"]


def test_two_truths_of_one_site() -> None:
    (table,) = compare_tables([said("a")], [true("a", 1, reader="r1"), true("a", 1, reader="r2")]).tables
    assert len(table) == 1
    with pytest.raises(InputError, match="1 sites have two different truths"):
        compare_tables([said("a")], [true("a", 1, reader="r1"), true("a", 0, reader="r2")])


def test_tables_that_do_not_belong_together() -> None:
    with pytest.raises(InputError, match="No study is in both"):
        compare_tables([said("a")], [true("b", 1)])
    with pytest.raises(InputError, match="another patient"):
        compare_tables([said("a", patient="someone")], [true("a", 1)])


def test_several_models_must_be_named() -> None:
    rows = [said("a", model="one"), said("a", model="two")]
    assert [one.model for one in one_model(rows, "two")] == ["two"]
    for name in ("", "three"):
        with pytest.raises(InputError, match="2 models"):
            one_model(rows, name)

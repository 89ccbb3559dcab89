import numpy as np
import pytest

from condyle.errors import InputError, TableError
from condyle.evaluate.mrmc import assemble, gather, parse_reads, parse_truth

ROW = {"reader_id": "a", "study_id": "s1", "finding": "cyst", "arm": "unaided", "score": "0.4", "decision": "absent", "seconds": "60"}


def rows(*changes: dict[str, str]) -> list[tuple[int, dict[str, str]]]:
    return [(number, {**ROW, **change}) for number, change in enumerate(changes, start=2)]


def test_every_problem_at_once_with_its_row() -> None:
    given = rows(
        {}, {}, {"study_id": "s2", "score": "high"}, {"study_id": "", "decision": "perhaps"}, {"study_id": "s3", "seconds": "-4"},
        {"study_id": "s4", "timestamp": "yesterday", "period": "0"}, {"study_id": "s5", "seniority": "junior"}, {"finding": "cysst"},
        {"finding": "nodule of my own"},
    )  # fmt: skip
    with pytest.raises(TableError) as caught:
        parse_reads(given, where="reads.csv")
    said = "\n".join(caught.value.problems)
    for row, words in [
        (3, "in row 2 already"), (4, "score is no finite number"), (5, "study_id is empty"), (5, "decision must be"), (6, "above 0"),
        (7, "timestamp"), (7, "period"), (8, "another seniority"), (9, "unknown finding 'cysst'. Did you mean 'cyst'?"),
    ]:  # fmt: skip
        assert any(line.startswith(f"row {row}:") and words in line for line in caught.value.problems), (row, words, said)
    assert "row 10" not in said


def test_missing_columns_are_all_named() -> None:
    with pytest.raises(TableError) as caught:
        parse_reads([(2, {"reader_id": "a"})])
    assert len(caught.value.problems) == 4
    with pytest.raises(TableError, match="problem"):
        parse_truth([(2, {"study_id": "a", "value": "2"})])


def test_truth_contradicted_or_stated_twice() -> None:
    base = {"study_id": "s1", "patient_id": "p1", "finding": "cyst", "value": "1"}
    other = {**base, "patient_id": "p2", "finding": "plica"}
    with pytest.raises(TableError) as caught:
        parse_truth([(2, base), (3, base), (4, {**other, "value": "3"}), (5, other)])
    said = " ".join(caught.value.problems)
    assert "row 3: row 2 states" in said
    assert "row 4: value must be" in said
    assert "row 5: this study belongs to another patient" in said


def test_what_is_left_out_is_counted() -> None:
    truth = parse_truth([
        (number, {"study_id": f"s{number}", "patient_id": f"p{number}", "finding": "cyst", "value": value})
        for number, value in enumerate(["1", "0", "", "1"], start=1)
    ])  # fmt: skip
    reads = parse_reads(rows({}, {"study_id": "s2"}, {"study_id": "s3"}, {"study_id": "s9"}, {"study_id": "s4", "decision": "uncertain"}))
    found = assemble(reads, truth, "cyst", value="decision")
    assert found.reads.cases == ("s1", "s2")
    assert sorted(found.excluded.values()) == [1, 1, 1, 1]
    with pytest.raises(InputError, match="no read of plica"):
        assemble(reads, truth, "plica")
    with pytest.raises(InputError, match="reading table, rows 2, 3, 4, 5, 6"):
        assemble(reads, (), "cyst")
    with pytest.raises(InputError, match="of b"):
        assemble(reads, truth, "cyst", readers=("a", "b"))


def test_long_columns_with_two_truths() -> None:
    with pytest.raises(TableError) as caught:
        gather(arm=["x", "x"], reader=["a", "b"], case=["1", "1"], truth=[0, 1], score=[0.1, 0.2])
    assert "another truth" in caught.value.problems[0]
    made = gather(arm=["x", "x"], reader=["a", "b"], case=["1", "2"], truth=[0, 1], score=[0.1, 0.2], patient=["p", "p"])
    assert np.isnan(made.score).sum() == 2
    assert made.patients == ("p",)

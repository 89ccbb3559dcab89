"""A table of labels with any names becomes labels of the studies that a scan found."""

from __future__ import annotations

from pathlib import Path

import pytest

from condyle.cohorts.joining import JoinMap, join_labels, read_join, read_join_map, write_joined
from condyle.cohorts.labels import read_labels
from condyle.errors import InputError, TableError
from condyle.intake import patient_key, study_key


def rows() -> list[dict[str, str]]:
    first = {"study_id": study_key("1.2"), "patient_id": patient_key("007"), "path": "data/A-001/dicom"}
    return [first, first, {"study_id": study_key("1.3"), "patient_id": patient_key("008"), "path": "data/A-002.nii.gz"}]


WIDE = JoinMap(
    study="exam", findings={"acl_injury": "ACL tear", "meniscal_tear/medial": "MM"}, words={"yes": 1, "no": 0, "equivocal": None}
)  # fmt: skip


def table(folder: Path, *lines: str) -> Path:
    path = folder / "table.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def test_a_wide_table_by_folder(tmp_path: Path) -> None:
    joined = join_labels(rows(), table(tmp_path, "exam,ACL tear,MM,note", "A-001,Yes,0,x", "A-002,equivocal,,", "A-009,1,1,"), WIDE)
    assert joined.unmatched == (4,)
    assert joined.silent == 0
    labels = read_labels(write_joined(tmp_path / "labels.csv", joined))
    told = [(one.study_id == study_key("1.2"), one.finding, one.level, one.value) for one in labels]
    assert told == [
        (True, "acl_injury", "", 1), (True, "meniscal_tear", "medial", 0),
        (False, "acl_injury", "", None), (False, "meniscal_tear", "medial", None),
    ]  # fmt: skip


@pytest.mark.parametrize(("names", "first", "second"), [("study_uid", "1.2", "1.3"), ("patient_id", "007", "008")])
def test_a_long_table_by_the_ids_of_the_hospital(names: str, first: str, second: str, tmp_path: Path) -> None:
    own = JoinMap(study="id", names=names, finding="what", value="is", reader="who", findings={"cyst": "Baker", "effusion": "fluid"})  # type: ignore[arg-type]
    path = table(tmp_path, "id,what,is,who", f"{first},Baker,1,r1", f"{first},fluid,0,r1", f"{second},Baker,0,r2")
    joined = join_labels(rows(), path, own)
    assert [(row["finding"], row["value"], row["reader_id"]) for row in joined.rows] == [
        ("cyst", 1, "r1"), ("effusion", 0, "r1"), ("cyst", 0, "r2"),
    ]  # fmt: skip
    assert {row["patient_id"] for row in joined.rows} == {patient_key("007"), patient_key("008")}


def test_g35_ids_are_text_and_columns_have_names(tmp_path: Path) -> None:
    own = WIDE.model_copy(update={"names": "patient_id"})
    with pytest.raises(InputError, match="names none of the studies"):
        join_labels(rows(), table(tmp_path, "exam,ACL tear,MM", "7,1,1"), own)
    one = join_labels(rows(), table(tmp_path, "exam,ACL tear,MM", "007,1,0"), own)
    other = join_labels(rows(), table(tmp_path, "MM,exam,ACL tear", "0,007,1"), own)
    assert one == other


def test_everything_wrong_is_said_at_once(tmp_path: Path) -> None:
    both = [*rows(), {"study_id": "other", "patient_id": "p", "path": "data/A-002/later"}]
    with pytest.raises(TableError) as caught:
        join_labels(both, table(tmp_path, "exam,ACL tear,MM", "A-001,maybe,3", "A-002,1,1"), WIDE)
    told = " ".join(caught.value.problems)
    for words in ("row 2: 'maybe' is no number", "row 2: meniscal_tear is 3", "row 3: exam fits 2 studies"):
        assert words in told
    assert "A-002" not in told  # ids stay out of messages


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("study: a\nfindings: {acl_injry: b}", "did you mean 'acl_injury'"),
        ("study: a\nfindings: {meniscal_tear/middle: b}", "no level or compartment"),
        ("study: a\nfinding: b\nfindings: {cyst: c}", "given together"),
        ("study: a\nfindings: {}", "findings"),
        ("findings: {cyst: c}\nstudies: a", "studies"),
        ("- a", "join-map-invalid"),
    ],
)
def test_a_mapping_that_cannot_be_is_refused(text: str, told: str, tmp_path: Path) -> None:
    (tmp_path / "map.yaml").write_text(text)
    with pytest.raises(InputError) as caught:
        read_join_map(tmp_path / "map.yaml")
    assert told.lower() in f"{caught.value.code} {caught.value}".lower()


def test_mapping_and_table_are_looked_through_together(tmp_path: Path) -> None:
    (tmp_path / "map.yaml").write_text("study: exam\nfindings: {cystt: Baker, acl_injury: ACL, effusion: fluid}\nwrods: {ja: 1}\n")
    path = table(tmp_path, "exam,ACL,Baker", "A-001,nein,0", "A-002,1,1")
    with pytest.raises(TableError) as caught:
        read_join(tmp_path / "map.yaml", path)
    assert [line for line in caught.value.problems if "cystt" in line or "Did you mean 'words'" in line] == list(caught.value.problems)
    (tmp_path / "map.yaml").write_text("study: exam\nfindings: {cystt: Baker, acl_injury: ACL, effusion: fluid}\n")
    with pytest.raises(TableError) as caught:
        read_join(tmp_path / "map.yaml", path)
    told = "\n".join(caught.value.problems)
    for words in ("'cystt' is no finding. Did you mean 'cyst'", "the column 'fluid' is missing", "row 2: 'nein' is no number"):
        assert words in told
    assert len(caught.value.problems) == 3


def test_a_word_is_told_once_with_its_rows_and_may_be_left_out(tmp_path: Path) -> None:
    own = JoinMap(study="id", finding="what", value="is", findings={"cyst": "Baker"})
    path = table(tmp_path, "id;what;is", *(f"A-00{number};{word};1" for number in (1, 2) for word in ("Baker", "Effusion", "Plica")))
    with pytest.raises(TableError) as caught:
        join_labels(rows(), path, own)
    assert len(caught.value.problems) == 2
    assert caught.value.problems[0].startswith("rows 3, 6: what has the word 'Effusion'")
    joined = join_labels(rows(), path, own.model_copy(update={"ignore": ("Effusion", "Plica")}))
    assert [row["finding"] for row in joined.rows] == ["cyst", "cyst"]

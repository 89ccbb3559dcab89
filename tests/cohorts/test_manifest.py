"""Manifests: every problem with its row, no id in a message, unknown columns kept."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from condyle.cohorts import read_manifest, write_manifest
from condyle.cohorts.manifest import by_study, check_manifest
from condyle.errors import TableError

HEADER = "study_id,patient_id,path"


def _problems(path: Path, **options: bool) -> str:
    with pytest.raises(TableError) as caught:
        read_manifest(path, **options)
    return "\n".join(caught.value.problems)


def test_a_full_row_is_understood(table, tmp_path):
    (tmp_path / "a.nii").touch()
    (tmp_path / "m.png").touch()
    row = read_manifest(
        table(
            f"{HEADER},joint,side,series_id,plane,weighting,fat_suppressed,contrast,site_id,vendor,field_strength,age,sex,spacing,mask,split,fold,coil",
            "007,0010,a.nii,knee,Left,3,sagittal,PD,yes,none,s1,GE,1.5,61,female,\"3.5,0.4,0.4\",m.png,train,2,body",
        )
    )[0]
    assert (row.study_id, row.patient_id, row.path, row.mask) == ("007", "0010", tmp_path / "a.nii", tmp_path / "m.png")
    assert (row.side, row.weighting, row.fat_suppressed, row.contrast, row.sex) == ("left", "pd", True, "none", "F")
    assert (row.field_strength, row.age, row.spacing, row.split, row.fold) == (1.5, 61.0, (3.5, 0.4, 0.4), "train", 2)
    assert row.extra == {"coil": "body"}
    assert row.overrides() == {
        "plane": "sagittal", "weighting": "pd", "contrast": "none", "side": "left", "fat_suppressed": True, "body_part": "knee",
        "spacing": (3.5, 0.4, 0.4),
    }  # fmt: skip


@pytest.mark.parametrize("blank", ["", " ", "U", "unknown", "NA", "nan", "None"])
def test_g48_blank_is_missing(table, blank):
    word = "" if blank == "U" else blank  # U is how DICOM writes an unknown sex
    path = table(f"{HEADER},plane,fat_suppressed,age,sex,fold", f"a,b,x,{word},{word},{word},{blank},")
    row = read_manifest(path, files=False)[0]
    assert (row.plane, row.fat_suppressed, row.age, row.sex, row.fold) == ("", None, None, "", None)


def test_every_problem_comes_at_once_with_its_row(table):
    text = _problems(
        table(
            f"{HEADER},plane,weighting,age,spacing,fold,fat_suppressed,sex",
            "Smith^John,p1,a,sagital,t1,40,,,,",
            "s2,,b,axial,t3,400,1;2,x,maybe,Z",
            "../s3,p3,,,,,,,,",
            "s4,p4,http://host/x,,,,,,,",
        )
    )
    for part in (
        "row 2: plane 'sagital' is none of sagittal, coronal, axial. Did you mean 'sagittal'?",
        "row 3: patient_id is empty",
        "row 3: weighting 't3' is none of",
        "row 3: age is 400",
        "row 3: spacing must be",
        "row 3: fold must be",
        "row 3: fat_suppressed 'maybe'",
        "row 3: sex 'Z'",
        "row 4: study_id holds a slash",
        "row 4: path is empty",
        "row 5: path is an address",
    ):
        assert part in text, part
    assert "Smith" not in text


def test_absent_files_are_named_by_row(table, tmp_path):
    (tmp_path / "a").mkdir()
    text = _problems(table(f"{HEADER},mask", "s1,p1,a,m.png", "s2,p2,b,"))
    assert text.splitlines() == ["row 2: the mask does not exist", "row 3: the path does not exist"]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (("s1,p1,a,,,", "s1,p2,b,,,"), "rows 2 and 3: one study_id with two patient_ids"),
        (("s1,p1,a,,train,", "s2,p1,b,,test,"), "rows 2 and 3: one patient in two splits"),
        (("s1,p1,a,,,0", "s2,p1,b,,,1"), "rows 2 and 3: one patient in two folds"),
        (("s1,p1,a,,,", "s2,p2,a,,,"), "rows 2 and 3: one path in two studies"),
        (("s1,p1,a,,,", "s2,p2,x/../a,,,"), "rows 2 and 3: one path in two studies"),
        (("s1,p1,a,,,", "s1,p1,a,,,"), "rows 2 and 3: the same path and series_id"),
        (("s1,p1,a,3,,", "s1,p1,b,3,,"), "rows 2 and 3: the same series_id in one study"),
    ],
)
def test_contradictions_name_both_rows(table, rows, message):
    assert message in _problems(table(f"{HEADER},series_id,split,fold", *rows), files=False)


def test_two_series_of_one_folder_and_two_studies_of_one_dump_are_in_order(table):
    rows = read_manifest(table(f"{HEADER},series_id", "s1,p1,d,3", "s1,p1,d,4", "s2,p2,d,3"), files=False)
    assert [len(own) for own in by_study(rows).values()] == [2, 1]


def test_a_known_column_in_another_spelling_is_an_error(table):
    text = _problems(table("study_id,patient_id,path,Patient ID", "a,b,c,d"), files=False)
    assert "the column 'Patient ID' should be spelt 'patient_id'" in text


def test_a_manifest_without_rows_is_refused(table):
    assert "no row" in _problems(table(HEADER))


def test_ids_that_differ_by_case_or_zeros_are_pointed_out(table):
    rows = read_manifest(table(f"{HEADER},split", "s1,p007,a,train", "s2,P007,b,test", "s3,12,c,", "s4,0012,d,train"), files=False)
    found = check_manifest(rows)
    assert [problem.code for problem in found] == ["patient-spelt-twice", "patient-spelt-twice", "split-incomplete"]
    assert found[0].where == "rows 2, 3"
    assert "007" not in str(found)


def test_a_column_that_is_almost_a_known_one_is_pointed_out(table):
    rows = read_manifest(table(f"{HEADER},palne,weigthing,vendor,vendor2,coil", "s1,p1,a,axial,t2,GE,x,body"), files=False)
    found = check_manifest(rows)
    assert [problem.code for problem in found] == ["column-misspelt", "column-misspelt"]
    assert "'palne'" in found[0].what
    assert "'weighting'" in found[1].what_to_do


_WORD = st.text("abcXYZ019 -_é", min_size=1, max_size=8).map(str.strip).filter(bool)


@given(rows=st.lists(st.tuples(_WORD, _WORD), min_size=1, max_size=6, unique_by=lambda row: row[0]))
def test_a_written_manifest_reads_the_same(rows, tmp_path_factory):
    path = tmp_path_factory.mktemp("m") / "manifest.csv"
    written = [{"study_id": s, "patient_id": f"p{n}", "path": f"{n}.nii", "plane": "axial", "coil": c} for n, (s, c) in enumerate(rows)]
    write_manifest(path, written)
    back = read_manifest(path, files=False)
    assert [(row.study_id, row.extra["coil"], row.plane) for row in back] == [(s, c, "axial") for s, c in rows]


def test_an_absolute_path_stays(table, tmp_path):
    (tmp_path / "a").mkdir()
    assert read_manifest(table(HEADER, f"s,p,{tmp_path / 'a'}"))[0].path == tmp_path / "a"

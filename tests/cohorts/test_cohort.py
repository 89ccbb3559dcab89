"""Cohort folders."""

from __future__ import annotations

import json

import numpy as np
import pytest

from condyle.cohorts import load_cohort
from condyle.cohorts.cohort import BOX_COLUMNS
from condyle.errors import InputError, TableError


@pytest.fixture
def folder(table, tmp_path):
    for name in ("a", "b", "c"):
        (tmp_path / name).touch()
    table("study_id,patient_id,path", "s1,p1,a", "s2,p2,b")
    labels = ("s1,p1,pfirrmann,L4-L5,3", "s1,p1,modic_type,L4-L5,2", "s2,p2,pfirrmann,L4-L5,")
    table("study_id,patient_id,finding,level,value", *labels, name="labels.csv")
    table("study_id,patient_id,path,slice_index", "s1,p1,c,12", name="slices.csv")
    table(",".join(BOX_COLUMNS), "a,s1,L5-S1,1,7,7,10,20,30,40,mask", name="boxes.csv")
    (tmp_path / "cohort.json").write_text(json.dumps({"name": "x", "mask_values": {"1": [[1, 25]], "2": [[100, 100]], "3": [[201, 225]]}}))
    return tmp_path


def test_everything_is_there(folder):
    cohort = load_cohort(folder)
    assert list(cohort.studies) == ["s1", "s2"]
    assert cohort.patients == {"s1": "p1", "s2": "p2"}
    assert cohort.grades("pfirrmann") == {("s1", "L4-L5"): 3.0}
    assert cohort.slices[0].extra == {"slice_index": "12"}
    assert cohort.boxes[0].path == folder / "a"
    assert cohort.about["name"] == "x"


def test_a_manifest_alone_is_a_cohort(table, tmp_path):
    (tmp_path / "a").touch()
    cohort = load_cohort(table("study_id,patient_id,path", "s1,p1,a"))
    assert (len(cohort.rows), cohort.labels, cohort.boxes, cohort.about) == (1, (), (), {})


def test_the_part_of_a_contrast_goes_without_the_rest(folder, table):
    lines = ("s1,p1,a,none", "s2,p2,b,arthrogram", "s2,p2,c,none", "s3,p1,d,", "s4,p4,e,intravenous")
    for name in "de":
        (folder / name).touch()
    table("study_id,patient_id,path,contrast", *lines)
    cohort = load_cohort(folder)
    plain, arthrograms = cohort.of_contrast("none"), cohort.of_contrast("arthrogram")
    assert list(plain.studies) == ["s1", "s3"]  # nothing said is none; the series before the injection belongs to the arthrogram
    assert [row.contrast for row in arthrograms.rows] == ["arthrogram", "none"]
    assert (len(plain.labels), len(plain.boxes), len(plain.slices)) == (2, 1, 1)
    assert (len(arthrograms.labels), arthrograms.boxes, arthrograms.slices) == (1, (), ())
    assert plain.left_out == {"s2", "s4"}
    with pytest.raises(InputError, match="contrast arthrogram"):
        plain.of_contrast("arthrogram")


def test_mask_values_become_classes(folder):
    cohort = load_cohort(folder)
    assert cohort.mask_classes(np.array([[0, 1, 25], [100, 201, 225]])).tolist() == [[0, 1, 1], [2, 3, 3]]
    with pytest.raises(InputError, match="belong to no class"):
        cohort.mask_classes(np.array([0, 50]))


def test_without_a_manifest_there_is_no_cohort(tmp_path):
    with pytest.raises(InputError, match="no cohort here"):
        load_cohort(tmp_path)


def test_labels_that_do_not_fit_are_refused(folder, table):
    table("study_id,patient_id,finding,value", "s1,p2,bulging,1", name="labels.csv")
    with pytest.raises(TableError, match="not that of the study"):
        load_cohort(folder)


def test_slices_of_strangers_are_refused(folder, table):
    table("study_id,patient_id,path", "s1,p2,c", name="slices.csv")
    with pytest.raises(TableError, match="row 2"):
        load_cohort(folder)


@pytest.mark.parametrize("row", ["a,s1,,1,7,7,30,20,10,40,mask", "a,s1,,1,7,7,1,2,3.5,40,mask", "a,s1,,one,7,7,1,2,3,4,mask"])
def test_what_is_no_box_is_refused(folder, table, row):
    table(",".join(BOX_COLUMNS), row, name="boxes.csv")
    with pytest.raises(TableError, match="row 2"):
        load_cohort(folder)


@pytest.mark.parametrize("text", ["", "[1]", "{", "[" * 9999, "9" * 9999])
def test_a_broken_cohort_json_is_refused(folder, text):
    (folder / "cohort.json").write_text(text)
    with pytest.raises(InputError, match=r"cohort\.json"):
        load_cohort(folder)


def test_every_table_is_told_at_once_with_its_folder_in_file_order(table, tmp_path):
    (tmp_path / "a").touch()
    table("study_id,patient_id,path,side", "s1,p1,a,lefft", "s2,p2,absent,", "s3,p3,,", name="manifest.csv")
    table("study_id,patient_id,finding,value", "s9,p1,acl_tear,1", "s1,p1,acl_injury,7", "s2,p7,cyst,1", "s9,p1,cyst,0", name="labels.csv")
    with pytest.raises(TableError) as caught:
        load_cohort(tmp_path)
    folder = tmp_path.name
    told = [line.partition(": ") for line in caught.value.problems]
    assert [(name, text.partition(":")[0]) for name, _, text in told] == [
        (f"{folder}/manifest.csv", "row 2"), (f"{folder}/manifest.csv", "row 3"), (f"{folder}/manifest.csv", "row 4"),
        (f"{folder}/labels.csv", "row 2"), (f"{folder}/labels.csv", "rows 2, 5"), (f"{folder}/labels.csv", "row 3"),
        (f"{folder}/labels.csv", "row 4"),
    ]  # fmt: skip
    assert "Did you mean 'acl_injury'" in caught.value.problems[3]


def test_semicolons_separate_where_the_header_says_so(table, tmp_path):
    (tmp_path / "a").touch()
    table("study_id;patient_id;path", "s1;p1;a")
    table("study_id;patient_id;finding;value", "s1;p1;bulging;1", name="labels.csv")
    assert [label.present for label in load_cohort(tmp_path).labels] == [True]

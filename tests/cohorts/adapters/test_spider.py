"""The SPIDER adapter: both layouts, exact counts, its traps."""

from __future__ import annotations

import os
from collections import Counter

import cv2
import numpy as np
import pytest

from condyle import registry
from condyle.cohorts import load_cohort
from condyle.cohorts.adapters.spider import import_spider
from condyle.errors import InputError, TableError, UsageError

GRADES = "Patient,IVD label,Modic,UP endplate,LOW endplate,Spondylolisthesis,Disc herniation,Disc narrowing,Disc bulging,Pfirrman grade"


@pytest.fixture
def release(tmp_path):
    """The public release in small: two patients, one series absent, one without a mask, one name that is not theirs."""
    folder = tmp_path / "release"
    (folder / "images").mkdir(parents=True)
    (folder / "masks").mkdir()
    for name in ("1_t1", "1_t2", "107_t2_SPACE"):
        (folder / "images" / f"{name}.mha").write_bytes(b"pixels")
    for name in ("1_t1", "1_t2"):
        (folder / "masks" / f"{name}.mha").write_bytes(b"mask")
    (folder / "overview.csv").write_text(
        "new_file_name,subset,num_vertebrae,sex,birth_date,Manufacturer,MagneticFieldStrength\n"
        "1_t1,training,7,F ,59.0,SIEMENS,1.5\n1_t2,training,7,F,59.0,SIEMENS,1.5\n"
        "107_t2_SPACE,validation,7,M,,Philips Healthcare,3.0\n3_t1,training,7,M,,GE MEDICAL SYSTEMS,1.5\nknee,training,7,M,,,\n"
    )
    (folder / "radiological_gradings.csv").write_text(
        f"{GRADES}\n1,1,2,1,0,0,0,1,1,4\n1,2,0,0,0,1,1,0,,\n107,0,0,0,0,0,0,0,0,1\n107,1,0,0,0,0,0,1,0,3\n3,1,0,0,0,0,0,0,0,1\n"
    )
    return folder


def test_the_public_release(release, tmp_path):
    done = import_spider(release, tmp_path / "cohort")
    cohort = load_cohort(tmp_path / "cohort")
    assert (done.patients, done.studies, done.series, done.masks, done.labels) == (2, 2, 3, 2, 4 * 9)
    first, _, space = cohort.rows
    assert (first.study_id, first.vendor, first.field_strength, first.age, first.sex, first.weighting) == (
        "spider-001", "Siemens", 1.5, 59.0, "F", "t1",
    )  # fmt: skip
    assert (space.weighting, space.extra["sequence"], space.mask, space.age) == ("t2", "space", None, None)
    assert first.path == release / "images" / "1_t1.mha"
    values = {(label.study_id, label.level, label.finding): label.value for label in cohort.labels}
    assert values["spider-001", "L5-S1", "modic"] == 1
    assert values["spider-001", "L5-S1", "modic_type"] == "2"
    assert values["spider-001", "L4-L5", "herniation"] == 1
    assert values["spider-001", "L4-L5", "pfirrmann"] is None, "an empty cell is unknown"
    assert dict(done.left_out) == {
        "images/3_t1.mha": "listed in the release's table, but the file is absent",
        "knee": "not named <patient>_t1, _t2 or _t2_SPACE",
        "masks/107_t2_SPACE.mha": "the mask is absent; the series is used without it",
        "spider-003": "has gradings but no pictures",
    }


def test_level_zero_is_s1_s2_and_flagged(release, tmp_path):
    import_spider(release, tmp_path / "cohort")
    cohort = load_cohort(tmp_path / "cohort")
    assert {label.level for label in cohort.labels if label.study_id == "spider-107"} == {"S1-S2", "L5-S1"}
    assert {row.study_id for row in cohort.rows if "numbering_uncertain" in row.extra["flags"].split(";")} == {"spider-107"}


def test_mask_values_of_the_release(release, tmp_path):
    import_spider(release, tmp_path / "cohort")
    values = np.array([0, 1, 9, 100, 101, 201, 209])
    assert load_cohort(tmp_path / "cohort").mask_classes(values).tolist() == [0, 1, 1, 2, 1, 3, 3]


def test_a_copy_stands_alone(release, tmp_path):
    import_spider(release, tmp_path / "cohort", copy=True)
    release.rename(tmp_path / "gone")
    rows = load_cohort(tmp_path / "cohort").rows
    assert {row.path.parent for row in rows} == {tmp_path / "cohort" / "images"}
    assert rows[0].mask.read_bytes() == b"mask"


def test_the_source_is_only_read(release, tmp_path):
    before = {path: path.stat().st_mtime_ns for path in release.rglob("*")}
    import_spider(release, tmp_path / "cohort")
    assert {path: path.stat().st_mtime_ns for path in release.rglob("*")} == before


def test_wrong_gradings_are_refused_with_their_rows(release, tmp_path):
    wrong = ("1,x,0,0,0,0,0,0,0,1", "1,2,7,0,0,0,0,0,0,1", "one,2,0,0,0,0,0,0,0,1", "1,12,0,0,0,0,0,0,0,1")
    (release / "radiological_gradings.csv").write_text("\n".join((GRADES, *wrong)))
    with pytest.raises(TableError) as caught:
        import_spider(release, tmp_path / "cohort")
    assert [line.split(":")[0] for line in caught.value.problems] == ["row 2", "row 3", "row 4", "row 5"]


def test_a_table_cannot_name_files_outside(release, tmp_path):
    (tmp_path / "1_t1.mha").write_bytes(b"secret")
    folder = tmp_path / "pictures"
    for name in ("midsagittal", "masks"):
        (folder / name).mkdir(parents=True)
    (folder / "manifest.csv").write_text("path,series,kind,mask_path,height,width,flags,patient\n../1_t1.mha,1_t1,midsagittal,,10,10,,1\n")
    (folder / "series.csv").write_text("series,Manufacturer,MagneticFieldStrength,sex\n")
    (folder / "gradings.csv").write_text(
        "patient,level,modic,upper_endplate,lower_endplate,spondylolisthesis,herniation,narrowing,bulging,pfirrmann\n"
    )
    (folder / "discs.csv").write_text("path,patient,level,rank_from_bottom,n_found,n_graded,x0,y0,x1,y1,source\n")
    with pytest.raises(InputError, match="outside of its folder"):
        import_spider(folder, tmp_path / "cohort")


def test_something_else_is_refused(tmp_path):
    with pytest.raises(InputError, match="no SPIDER folder"):
        import_spider(tmp_path, tmp_path / "cohort")


def test_a_used_folder_is_refused(release, tmp_path):
    with pytest.raises(UsageError, match="already holds something"):
        import_spider(release, release)


def test_it_is_a_plug_in():
    assert registry.get("adapters", "spider") is import_spider


@pytest.fixture(scope="module")
def spider(shared_data, tmp_path_factory):
    out = tmp_path_factory.mktemp("spider") / "cohort"
    return import_spider(shared_data / "spider", out), load_cohort(out)


@pytest.mark.real_data
def test_the_pictures_give_the_counts_of_their_source(spider):
    done, cohort = spider
    assert (done.patients, done.series, done.masks, done.left_out) == (174, 361, 123, ())
    assert (len(cohort.rows), len(cohort.slices), len(cohort.boxes), len(cohort.labels)) == (361, 102, 1737, 1219 * 9)
    kinds = Counter((row.weighting, row.extra["sequence"]) for row in cohort.rows)
    assert kinds == {("t1", "tse"): 159, ("t2", "tse"): 168, ("t2", "space"): 34}
    assert Counter(cohort.grades("pfirrmann").values()) == {1: 229, 2: 271, 3: 333, 4: 235, 5: 151}
    counts = {name: sum(cohort.grades(name).values()) for name in ("modic", "herniation", "spondylolisthesis", "disc_narrowing", "bulging")}
    assert counts == {"modic": 414, "herniation": 57, "spondylolisthesis": 35, "disc_narrowing": 435, "bulging": 592}
    assert sum(level == "S1-S2" for _, level in cohort.grades("pfirrmann")) == 2


@pytest.mark.real_data
def test_the_pictures_carry_no_spacing_but_an_aspect(spider):
    _, cohort = spider
    assert all(row.spacing is None for row in cohort.rows + cohort.slices)
    by_series = {row.series_id: float(row.extra["pixel_aspect"]) for row in cohort.rows}
    assert by_series["1_t1"] == pytest.approx(448 / 578, abs=1e-4)  # a square field
    assert by_series["5_t2_SPACE"] == pytest.approx(1.0)
    assert by_series["152_t2"] == pytest.approx(1.0), "its header is a copy of T2 SPACE; its field is square"


@pytest.mark.real_data
def test_boxes_and_masks_lie_where_they_should(spider):
    """Every mask fits its picture; the boxes measured from a mask together hold the discs of the mask."""
    _, cohort = spider
    boxes = Counter(box.path for box in cohort.boxes if box.source == "mask")
    rows = [row for row in cohort.rows + cohort.slices if row.mask is not None]
    assert len(rows) == 123
    for row in rows[::8]:
        picture, mask = (cv2.imread(os.fspath(path), cv2.IMREAD_GRAYSCALE) for path in (row.path, row.mask))
        assert picture.shape == mask.shape
        disc = cohort.mask_classes(mask) == 3
        covered = np.zeros_like(disc)
        for box in (box for box in cohort.boxes if box.path == row.path and box.source == "mask"):
            covered[box.y0 : box.y1, box.x0 : box.x1] = True
        assert boxes[row.path] > 0
        assert disc[covered].sum() / disc.sum() > 0.95


@pytest.mark.real_data
def test_flags_of_the_source_survive(spider):
    _, cohort = spider
    flags = {row.series_id: row.extra["flags"].split(";") for row in cohort.rows}
    assert {name for name, own in flags.items() if "not_midline" in own} == {"35_t2", "152_t2_SPACE"}
    assert {name for name, own in flags.items() if "flipped_upright" in own} == {"35_t2_SPACE", "57_t1", "57_t2", "57_t2_SPACE"}
    assert sum("header_copied_from_T2_SPACE" in own for own in flags.values()) == 14
    uncertain = {name.split("_")[0] for name, own in flags.items() if "numbering_uncertain" in own}
    assert uncertain == {"107", "152"}

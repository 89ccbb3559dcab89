"""The MRNet adapter on a made-up tree in the layout of the release."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from condyle import registry
from condyle.cohorts import load_cohort, open_rows
from condyle.cohorts.adapters.mrnet import import_mrnet
from condyle.errors import InputError, TableError, UsageError
from tests.mrnet import write_mrnet


@pytest.fixture
def release(tmp_path: Path) -> Path:
    return write_mrnet(tmp_path / "MRNet-v1.0", train=3, valid=2)


def test_the_release(release: Path, tmp_path: Path) -> None:
    (release / "train/coronal/0001.npy").unlink()
    done = registry.get("adapters", "mrnet")(release, tmp_path / "cohort")
    cohort = load_cohort(tmp_path / "cohort")
    assert (done.patients, done.studies, done.series, done.labels) == (5, 5, 14, 15)
    assert done.left_out == (("train/coronal/0001.npy", "the file is absent"),)
    assert {study: {row.plane for row in rows} for study, rows in cohort.studies.items()}["mrnet-0001"] == {"sagittal", "axial"}
    assert {row.study_id: row.split for row in cohort.rows} == {
        "mrnet-0000": "train", "mrnet-0001": "train", "mrnet-0002": "train", "mrnet-1130": "validation", "mrnet-1131": "validation",
    }  # fmt: skip
    assert (cohort.rows[1].plane, cohort.rows[1].weighting, cohort.rows[1].fat_suppressed) == ("coronal", "t1", False)
    values = {(label.study_id, label.finding): label.value for label in cohort.labels}
    assert values["mrnet-0001", "acl_injury"] == 1
    assert values["mrnet-0001", "abnormality"] == 1
    assert values["mrnet-0000", "acl_injury"] == 0


def test_planes_and_pixels_are_those_of_the_release(release: Path, tmp_path: Path) -> None:
    from condyle.intake.loading import load_volume

    import_mrnet(release, tmp_path / "cohort")
    rows = load_cohort(tmp_path / "cohort").studies["mrnet-1130"]
    study = open_rows(rows)
    assert [one.role.plane.value for one in study.series] == ["sagittal", "coronal", "axial"]
    assert [one.role.weighting.value for one in study.series] == ["t2", "t1", "pd"]
    assert not any(one.geometry is None or one.geometry.calibrated for one in study.series)
    np.testing.assert_array_equal(load_volume(study.series[1]).pixels, np.load(release / "valid/coronal/1130.npy"))


def test_ids_without_their_zeros_and_a_table_that_is_absent(release: Path, tmp_path: Path) -> None:
    (release / "train-acl.csv").write_text("0,1\n1,0\n2,0\n")
    (release / "valid-meniscus.csv").unlink()
    done = import_mrnet(release, tmp_path / "cohort", copy=True)
    values = {(label.study_id, label.finding): label.value for label in load_cohort(tmp_path / "cohort").labels}
    assert values["mrnet-0000", "acl_injury"] == 1
    assert values["mrnet-1130", "meniscal_tear"] is None, "unknown, never negative"
    assert done.left_out == (("valid-meniscus.csv", "the table is absent; its values are unknown"),)
    assert (tmp_path / "cohort/train/axial/0000.npy").is_file()


def test_what_is_not_as_published_is_refused(release: Path, tmp_path: Path) -> None:
    (release / "train-acl.csv").write_text("id,label\n0000,1\n0001,2\n0002,0\n0002,1\n")
    with pytest.raises(TableError) as caught:
        import_mrnet(release, tmp_path / "cohort")
    assert [line.partition(":")[0] for line in caught.value.problems] == ["row 1", "row 3", "row 5"]
    with pytest.raises(InputError, match="no MRNet"):
        import_mrnet(release / "train", tmp_path / "other")
    (tmp_path / "full").mkdir()
    (tmp_path / "full/x").write_text("x")
    (release / "train-acl.csv").write_text("0000,1\n")
    with pytest.raises(UsageError, match="already holds"):
        import_mrnet(release, tmp_path / "full")

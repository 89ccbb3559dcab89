"""Scan, and the way back: a scanned manifest opens the very series that were found."""

from __future__ import annotations

import os
import shutil

import nibabel
import numpy as np
import pytest

from condyle.cohorts import open_rows, read_manifest, scan, write_manifest
from condyle.cohorts.manifest import by_study
from condyle.errors import InputError
from condyle.intake import load_volume, open_studies


def test_lone_files(tmp_path):
    folder = tmp_path / "in" / "deep"
    folder.mkdir(parents=True)
    for name, value in (("a.nii", 3), ("b.nii.gz", 4)):
        nibabel.save(nibabel.Nifti1Image(np.full((5, 6, 7), value, np.int16), np.diag([0.7, 0.7, 4, 1.0])), folder / name)
    (folder / "note.txt").write_text("no image")
    found = scan(tmp_path / "in", tmp_path / "manifest.csv")
    assert found.studies == 2
    assert [row["path"] for row in found.rows] == ["in/deep/a.nii", "in/deep/b.nii.gz"]
    assert [where for where, _ in found.left_out] == ["deep/note.txt"]
    rows = read_manifest(write_manifest(tmp_path / "manifest.csv", found.rows))
    assert [int(load_volume(open_rows((row,)).series[0]).pixels[0, 0, 0]) for row in rows] == [3, 4]


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(InputError, match="no usable study"):
        scan(tmp_path, tmp_path / "m.csv")


@pytest.mark.real_data
def test_dicom_comes_back_series_by_series(shared_data, tmp_path):
    """Studies of three vendors, nested, flat and mixed in one folder."""
    source = shared_data / "dicom"
    for name in ("pymskt_knee", "dcm_qa_ts", "dcm_qa_sr"):
        shutil.copytree(source / name, tmp_path / "in" / name)
    for path in (source / "dcm_qa_ge").rglob("*"):
        if path.is_file():
            shutil.copyfile(path, tmp_path / "in" / "dcm_qa_sr" / f"ge_{path.name}")
    found = scan(tmp_path / "in", tmp_path / "manifest.csv")
    assert found.studies > 1
    rows = read_manifest(write_manifest(tmp_path / "manifest.csv", found.rows))
    direct = {study.study_key: study for study in open_studies(tmp_path / "in").studies}
    for study_id, own in by_study(rows).items():
        study = open_rows(own)
        assert study.study_key == study_id
        want = {one.series_id: one for one in direct[study_id].series if one.used}
        assert {one.series_id for one in study.series} == set(want)
        for one in study.series:
            assert np.array_equal(load_volume(one).pixels, load_volume(want[one.series_id]).pixels)


def test_a_folder_whose_name_is_no_utf8_is_left_out_with_a_sentence(tmp_path):
    odd = tmp_path / os.fsdecode(b"pa\xff")
    for folder in (odd, tmp_path / "plain"):
        folder.mkdir()
        values = np.random.default_rng(len(folder.name)).integers(0, 900, (5, 6, 7)).astype(np.int16)
        nibabel.save(nibabel.Nifti1Image(values, np.diag([0.7, 0.7, 4, 1.0])), folder / "a.nii")
    found = scan(tmp_path, tmp_path / "manifest.csv")
    write_manifest(tmp_path / "manifest.csv", found.rows)
    assert [row["path"] for row in found.rows] == ["plain/a.nii"]
    (problem,) = [problem for problem in found.problems if problem.code == "path-not-utf8"]
    assert problem.where in dict(found.left_out)
    with pytest.raises(InputError, match="no usable study") as caught:
        scan(odd, tmp_path / "other.csv")
    assert "not UTF-8" in caught.value.why

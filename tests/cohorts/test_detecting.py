"""Marks and lesions on disk."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from condyle.cohorts.detecting import evaluate_marks
from condyle.errors import TableError
from condyle.evaluate.standalone import Settings


def tables(folder: Path, *, marks: str = "", lesions: str = "") -> tuple[Path, Path, Path]:
    (folder / "manifest.csv").write_text("study_id,patient_id,path\n" + "".join(f"s{k},p{k // 2},s{k}.dcm\n" for k in range(20)), "utf-8")
    found = "".join(f"s{k},cyst,0,0,0,5,{int(k == 9)}\n" for k in range(10))
    (folder / "lesions.csv").write_text("study_id,finding,x,y,z,radius_mm,irrelevant\n" + found + lesions, "utf-8")
    hits = (
        "".join(f"s{k},cyst,1,0,0,{0.9 - 0.05 * k}\n" for k in range(6))
        + "s9,cyst,0,0,0,0.99\n"
        + "".join(f"s{k},cyst,50,0,0,0.3\n" for k in range(8, 14))
    )
    (folder / "marks.csv").write_text("study_id,finding,x,y,z,score\n" + hits + marks, "utf-8")
    return folder / "marks.csv", folder / "lesions.csv", folder / "manifest.csv"


def test_a_table_of_marks(tmp_path: Path) -> None:
    found = evaluate_marks(*tables(tmp_path, marks="s3,plica,0,0,0,0.5\n"), tmp_path / "out", settings=Settings(resamples=100))
    mean = found.evidence.lines[0].estimate
    assert (mean.measure, mean.estimate) == ("CPM", pytest.approx(6 / 9))  # all hits stand above all false marks
    assert mean.low < mean.estimate < mean.high
    assert mean.clusters == 10
    assert "6 of 9 lesions found, 6 false marks in 20 studies" in mean.warnings[-1]
    assert "1 on irrelevant lesions" in mean.warnings[-1]
    assert "plica: there are marks and no lesion" in found.provenance.warnings[0]
    document = json.loads((tmp_path / "out" / "results.json").read_text("utf-8"))
    assert document["results"][0]["measure"] == "CPM"
    assert (tmp_path / "out" / "froc.csv").read_text("utf-8").startswith("finding,threshold,false_per_study,sensitivity\ncyst,inf,0,0\n")
    assert "Free-response curve" in (tmp_path / "out" / "evaluation.html").read_text("utf-8")


def test_all_problems_with_rows(tmp_path: Path) -> None:
    said, lesions, studies = tables(tmp_path, marks="s99,cyst,0,0,0,0.5\ns1,cyst,a,0,0,inf\n")
    with pytest.raises(TableError) as caught:
        evaluate_marks(said, lesions, studies, tmp_path / "out")
    assert caught.value.problems == (
        "row 15: the study is not in the manifest of studies that were read",
        "row 16: x is no finite number",
        "row 16: score is no finite number",
    )
    assert not (tmp_path / "lesions.csv.openings.jsonl").exists()  # the truth was not opened

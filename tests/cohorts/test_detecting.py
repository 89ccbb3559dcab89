"""Marks and lesions on disk."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from condyle.cohorts.boxes import are_boxes, evaluate_boxes
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
    given = tables(tmp_path, marks="s3,plica,0,0,0,0.5\n")
    found = evaluate_marks(*given, tmp_path / "out", settings=Settings(resamples=100), figures=False)
    mean = found.evidence.lines[0].estimate
    assert (mean.measure, mean.estimate) == ("CPM", pytest.approx(6 / 9))  # all hits stand above all false marks
    assert mean.low < mean.estimate < mean.high
    assert mean.clusters == 10
    assert "6 of 9 lesions found, 6 false marks in 20 studies" in mean.warnings[-1]
    assert "1 on irrelevant lesions" in mean.warnings[-1]
    assert "plica: there are marks and no lesion" in found.provenance.warnings[0]
    document = json.loads((tmp_path / "out" / "results.json").read_text("utf-8"))
    assert document["results"][0]["measure"] == "CPM"
    points = (tmp_path / "out" / "froc.csv").read_text("utf-8")
    assert points.startswith("finding,reader,threshold,false_per_study,sensitivity\ncyst,,inf,0,0\n")
    assert [figure.name for figure in found.evidence.figures] == ["froc_cyst"]


def test_a_finding_whose_lesions_are_all_irrelevant_is_listed_with_its_reason(tmp_path: Path) -> None:
    given = tables(tmp_path, marks="s3,plica,0,0,0,0.5\ns4,plica,9,9,9,0.4\n", lesions="s3,plica,0,0,0,5,1\n")
    (tmp_path / "plan.yaml").write_text("endpoints: [{finding: plica, metric: CPM, at_least: 0.1}]\nbootstrap: {n: 100}\n", "utf-8")
    found = evaluate_marks(*given, tmp_path / "out", plan=tmp_path / "plan.yaml", figures=False).evidence
    none = {line.estimate.measure: line.estimate for line in found.lines if line.finding == "plica"}
    assert np.isnan(none["CPM"].estimate)
    said = "sensitivity is not defined. 1 false marks in 20 studies, 1 marks on irrelevant lesions."
    assert none["CPM"].warnings == (f"No lesion counts (all are irrelevant): {said}",)
    assert next(line.estimate.estimate for line in found.lines if line.finding == "cyst") == pytest.approx(6 / 9)  # the rest is judged
    assert [one.met for one in found.endpoints] == [False]
    page = (tmp_path / "out" / "evaluation.html").read_text("utf-8")
    assert said in page


def test_findings_that_differ_in_case_are_told(tmp_path: Path) -> None:
    given = tables(tmp_path, marks="s3,BML,0,0,0,0.5\n", lesions="s3,bml,0,0,0,5,0\ns4,Cyst,0,0,0,5,0\n")
    warnings = evaluate_marks(*given, tmp_path / "out", settings=Settings(resamples=20), figures=False).provenance.warnings
    assert "BML: there are marks and no lesion; they are judged nowhere. Did you mean 'bml'?" in warnings
    assert "cyst and Cyst: names that differ only in case are two findings." in warnings


def test_all_problems_with_rows(tmp_path: Path) -> None:
    said, lesions, studies = tables(tmp_path, marks="s99,cyst,0,0,0,0.5\ns1,cyst,a,0,0,inf\n")
    with pytest.raises(TableError) as caught:
        evaluate_marks(said, lesions, studies, tmp_path / "out")
    assert caught.value.problems == (
        "row 15: the study is not in the manifest of studies that were read",
        "row 16: x is no finite number",
        "row 16: score is no finite number",
    )
    assert (tmp_path / "lesions.csv.openings.jsonl").exists()  # the truth was looked at for problems too, and that is on record


def test_boxes_as_coco_judges_them(tmp_path: Path) -> None:
    true = [f"s{k},cyst,10,10,30,30" for k in range(10)]
    said = [f"s{k},cyst,10,10,30,{30 if k < 5 else 22},{0.9 - 0.05 * k}" for k in range(10)]  # the second five overlap by 0.6
    (tmp_path / "boxes.csv").write_text("\n".join(["study_id,finding,x0,y0,x1,y1", *true]) + "\n", "utf-8")
    (tmp_path / "said.csv").write_text("\n".join(["study_id,finding,x0,y0,x1,y1,score", *said]) + "\n", "utf-8")
    rows = [f"s{k},p{k},s{k}.dcm" for k in range(10)]
    (tmp_path / "manifest.csv").write_text("\n".join(["study_id,patient_id,path", *rows]) + "\n", "utf-8")
    assert are_boxes(tmp_path / "said.csv")
    paths = [tmp_path / f"{name}.csv" for name in ("said", "boxes", "manifest")]
    done = evaluate_boxes(*paths, tmp_path / "out", settings=Settings(resamples=100), figures=False)
    found = {(line.finding, line.estimate.measure): line.estimate for line in done.evidence.lines}
    assert {finding for finding, _ in found} == {"cyst"}  # one finding alone names all numbers, and AP stands once
    assert found["cyst", "AP50"].estimate == pytest.approx(1.0)
    # At 0.65 and above only the five best remain: 51 of 101 recalls at precision 1.
    assert found["cyst", "AP75"].estimate == pytest.approx(51 / 101)
    assert found["cyst", "AP"].estimate == pytest.approx((3 * 1.0 + 7 * 51 / 101) / 10)
    assert found["cyst", "AP75"].low < 51 / 101 < found["cyst", "AP75"].high
    assert found["cyst", "AP75"].clusters == 10
    (tmp_path / "said.csv").write_text("study_id,x0,y0,x1,y1,score\ns0,10,10,5,30,0.5\ns99,0,0,1,1,nan\n", "utf-8")
    with pytest.raises(TableError) as caught:
        evaluate_boxes(*paths, tmp_path / "other")
    assert caught.value.problems == (
        "row 2: x1 must be above x0",
        "row 3: the study is not in the manifest of studies that were read",
        "row 3: score is no finite number",
    )


def test_boxes_in_three_dimensions_with_their_own_overlaps_and_an_endpoint(tmp_path: Path) -> None:
    corner = "x0,y0,z0,x1,y1,z1"
    true = [f"s{k},cyst,10,10,2,30,30,8" for k in range(10)]
    said = [f"s{k},cyst,10,10,2,30,30,{8 if k < 5 else 4},{0.9 - 0.05 * k}" for k in range(10)]  # the second five hold a third
    (tmp_path / "boxes.csv").write_text("\n".join([f"study_id,finding,{corner}", *true]) + "\n", "utf-8")
    (tmp_path / "said.csv").write_text("\n".join([f"study_id,finding,{corner},score", *said]) + "\n", "utf-8")
    rows = [f"s{k},p{k},s{k}.dcm" for k in range(10)]
    (tmp_path / "manifest.csv").write_text("\n".join(["study_id,patient_id,path", *rows]) + "\n", "utf-8")
    endpoints = "endpoints: [{finding: cyst, metric: AP, at_least: 0.2}, {finding: cyst, metric: AUROC, comparison: a - b}]"
    (tmp_path / "plan.yaml").write_text(f"{endpoints}\nbootstrap: {{n: 100}}\n", "utf-8")
    paths = [tmp_path / f"{name}.csv" for name in ("said", "boxes", "manifest")]
    done = evaluate_boxes(*paths, tmp_path / "out", plan=tmp_path / "plan.yaml", figures=False)
    found = {(line.finding, line.estimate.measure): line.estimate for line in done.evidence.lines}
    assert found["cyst", "AP30"].estimate == pytest.approx(1.0)
    assert found["cyst", "AP50"].estimate == pytest.approx(51 / 101)
    assert [(one.met, one.judged) for one in done.evidence.endpoints] == [(True, True), (False, False)]
    assert any("a - b" in sentence and "judged by another command" in sentence for sentence in done.provenance.warnings)
    strict = evaluate_boxes(*paths, tmp_path / "strict", ious=(0.6,), settings=Settings(resamples=100), figures=False)
    assert {line.estimate.measure for line in strict.evidence.lines} == {"AP", "AP60", "AR_1", "AR_10", "AR_100"}
    assert "intersection over union of 0.60" in strict.provenance.thresholds


def test_marks_of_readers_in_two_arms(tmp_path: Path) -> None:
    """Help finds more lesions: wAFROC rises, readers and studies random; each reader has a curve of his own."""
    rng = np.random.default_rng(1)
    rows = [f"s{k},p{k},s{k}.dcm" for k in range(60)]
    (tmp_path / "manifest.csv").write_text("\n".join(["study_id,patient_id,path", *rows]) + "\n", "utf-8")
    lesions = [f"s{k},cyst,0,0,0,5" for k in range(0, 60, 2)]
    (tmp_path / "lesions.csv").write_text("\n".join(["study_id,finding,x,y,z,radius_mm", *lesions]) + "\n", "utf-8")
    marks = []
    for arm, chance in (("unaided", 0.5), ("aided", 0.85)):
        for reader in ("r1", "r2", "r3"):
            for k in range(60):
                if k % 2 == 0 and rng.random() < chance:
                    marks.append(f"s{k},{reader},{arm},cyst,1,0,0,{rng.uniform(0.4, 1):.3f}")
                if rng.random() < 0.3:
                    marks.append(f"s{k},{reader},{arm},cyst,50,0,0,{rng.uniform(0, 0.7):.3f}")
    (tmp_path / "marks.csv").write_text("\n".join(["study_id,reader_id,arm,finding,x,y,z,score", *marks]) + "\n", "utf-8")
    paths = [tmp_path / f"{name}.csv" for name in ("marks", "lesions", "manifest")]
    done = evaluate_marks(*paths, tmp_path / "out", settings=Settings(resamples=100), figures=False)
    found = {(line.site, line.group, line.estimate.measure): line.estimate for line in done.evidence.lines}
    gain = found["aided - unaided", "", "difference of wAFROC"]
    assert 0 < gain.low < gain.estimate == pytest.approx(found["aided", "", "wAFROC"].estimate - found["unaided", "", "wAFROC"].estimate)
    assert found["aided", "reader: r1", "CPM"].estimate > found["unaided", "reader: r1", "CPM"].estimate
    assert (gain.n, gain.events, gain.clusters) == (60, 30, 60)
    assert len(done.evidence.figures) == 6
    assert len({figure.name for figure in done.evidence.figures}) == 6
    # A fourth reader of one arm: in its mean, in no difference. Without help D was there and marked nothing: that is a reading.
    alone = [row.replace(",r1,", ",r4,") for row in marks if ",r1,unaided" in row]
    for name, more, gains in (("nested", [], gain.estimate), ("silent", ["s0,r4,aided,cyst,,,,"], None)):
        rows = ["study_id,reader_id,arm,finding,x,y,z,score", *marks, *alone, *more]
        (tmp_path / "marks.csv").write_text("\n".join(rows) + "\n", "utf-8")
        done = evaluate_marks(*paths, tmp_path / name, settings=Settings(resamples=100), figures=False)
        again = {(line.site, line.group, line.estimate.measure): line.estimate for line in done.evidence.lines}
        difference = again["aided - unaided", "", "difference of wAFROC"]
        assert again["unaided", "", "wAFROC"].estimate != found["unaided", "", "wAFROC"].estimate
        if gains is None:
            assert difference.estimate < gain.estimate
            assert not done.provenance.warnings
        else:
            assert difference.estimate == pytest.approx(gains)
            assert difference.warnings[0] == "Readers of one arm only are left out: 1."
            assert done.provenance.warnings[0].startswith("Reader r4 has no row in the arm aided and is taken as not having read there.")


def test_a_sensitivity_beyond_the_curve_says_so(tmp_path: Path) -> None:
    done = evaluate_marks(*tables(tmp_path), tmp_path / "out", settings=Settings(resamples=100), figures=False)
    found = {line.estimate.measure: line.estimate.warnings for line in done.evidence.lines}
    assert found["sensitivity at 8"][-1] == "Not observed: the curve ends at 0.30 false marks a study and is held flat."
    assert not any("Not observed" in one for one in found["sensitivity at 0.125"])

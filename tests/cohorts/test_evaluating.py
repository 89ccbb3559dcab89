"""From two tables on disk to a folder of evidence."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from condyle.cohorts.evaluating import evaluate_comparison, evaluate_predictions, evaluate_unpaired
from condyle.cohorts.evaluating_readers import evaluate_readers
from condyle.cohorts.evaluation import checked_bands
from condyle.errors import InputError, TableError, UsageError
from condyle.evaluate.ranking import auroc
from condyle.evaluate.standalone import Settings

QUICK = Settings(resamples=100)
LEVELS = ("L5-S1", "L4-L5", "L3-L4")


def cohort(folder: Path, *, studies: int = 60, unread: int = 2, seed: int = 0) -> tuple[Path, Path, Path]:
    """Predictions, truth and manifest of a cohort whose scores know the truth well."""
    rng = np.random.default_rng(seed)
    said, true, rows = [], [], []
    for number in range(studies):
        own = (f"s{number:03d}", f"p{number // 2:03d}")
        rows.append((*own, f"{own[0]}.dcm", "FM"[number % 2]))
        for level in LEVELS:
            present, grade, height = int(rng.random() < 0.4), int(rng.integers(1, 6)), rng.normal(9, 2)
            score = 1 / (1 + np.exp(-rng.normal(3 * present - 1.5)))
            true += [
                (*own, "modic", level, present),
                (*own, "herniation", level, 0),
                (*own, "pfirrmann", level, grade),
                (*own, "disc_height", level, height),
            ]
            if number >= unread:
                said += [
                    (*own, "modic", level, f"{score:.4f}", "", "", "present" if score > 0.5 else "absent"),
                    (*own, "herniation", level, f"{rng.random():.4f}", "", "", "absent"),
                    (*own, "pfirrmann", level, "", min(5, grade + int(rng.random() < 0.3)), "", "present"),
                    (*own, "disc_height", level, "", "", f"{height + rng.normal(0, 0.4):.3f}", ""),
                ]
    for name, head, table in (
        ("predictions", "study_id,patient_id,finding,level,score,grade,value,decision", said),
        ("truth", "study_id,patient_id,finding,level,value", true),
        ("manifest", "study_id,patient_id,path,sex", rows),
    ):
        (folder / f"{name}.csv").write_text("\n".join([head, *(",".join(map(str, row)) for row in table)]) + "\n", "utf-8")
    return folder / "predictions.csv", folder / "truth.csv", folder / "manifest.csv"


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("evaluation")
    said, true, rows = cohort(folder)
    evaluate_predictions(said, true, folder / "out", manifest=rows, subgroups=("sex", "level"), settings=QUICK)
    return folder / "out", json.loads((folder / "out" / "results.json").read_text("utf-8"))


def pick(document: dict[str, Any], finding: str, measure: str, site: str = "all", group: str = "") -> dict[str, Any]:
    (found,) = [
        row for row in document["results"] if (row["finding"], row["measure"], row["site"], row["group"]) == (finding, measure, site, group)
    ]
    return found


def test_every_file_is_there_and_whole(done: tuple[Path, dict[str, Any]]) -> None:
    names = {path.name for path in done[0].iterdir()}
    assert names == {
        "results.json",
        "evaluation.html",
        "evaluation.pdf",
        "figures",
        "checklists.csv",
        "missed.csv",
        "unmatched.csv",
        "decision_curve.csv",
        "results.csv",
        "roc.csv",
        "precision_recall.csv",
        "reliability.csv",
        "subgroup_tests.csv",
        "SHA256SUMS",
    }


def test_every_number_has_an_interval_or_says_why_not(done: tuple[Path, dict[str, Any]]) -> None:
    for row in done[1]["results"]:
        assert {"n", "events", "clusters", "method", "seed", "level"} <= set(row)
        if row["low"] is None:
            assert row["warnings"] or "no interval" in row["method"] or row["method"] == "none", row
        else:
            assert row["low"] < row["high"]
            if row["estimate"] is not None and "bootstrap" not in row["method"]:
                assert row["low"] <= row["estimate"] <= row["high"], row


def test_the_area_can_be_redone_from_the_tables(done: tuple[Path, dict[str, Any]]) -> None:
    folder = done[0].parent

    def modic(name: str) -> list[dict[str, str]]:
        return [row for row in csv.DictReader((folder / name).read_text("utf-8").splitlines()) if row["finding"] == "modic"]

    truth = {(row["study_id"], row["level"]): int(row["value"]) for row in modic("truth.csv")}
    rows = [(truth[row["study_id"], row["level"]], float(row["score"])) for row in modic("predictions.csv")]
    found = pick(done[1], "modic", "AUROC")
    assert found["estimate"] == pytest.approx(auroc(*zip(*rows, strict=True)), abs=1e-12)
    assert (found["n"], found["clusters"]) == (174, 29)


def test_a_finding_without_positives_is_listed(done: tuple[Path, dict[str, Any]]) -> None:
    found = pick(done[1], "herniation", "AUROC")
    assert (found["estimate"], found["events"], found["n"]) == (None, 0, 174)
    assert found["warnings"] == ["There is no positive unit."]
    macro = pick(done[1], "mean of findings", "macro AUROC")
    assert "herniation" in macro["warnings"][0]


def test_unread_studies_are_counted(done: tuple[Path, dict[str, Any]]) -> None:
    assert done[1]["studies"] == {"with_truth_unread": 2, "read_without_truth": 0}
    assert ["modic", 6, 180, 0] in done[1]["tables"]["missed"]["rows"]
    assert "6 of 180 rows without an answer" in (done[0] / "evaluation.html").read_text("utf-8")


def test_exploratory_is_said_everywhere(done: tuple[Path, dict[str, Any]]) -> None:
    assert done[1]["plan"]["statement"] == "Exploratory: no plan was fixed."
    page = (done[0] / "evaluation.html").read_text("utf-8")
    assert "Exploratory: no plan was fixed." in page
    assert "exploratory" in done[1]["methods"]


def test_the_page_is_self_contained(done: tuple[Path, dict[str, Any]]) -> None:
    page = (done[0] / "evaluation.html").read_text("utf-8")
    assert "<script" not in page
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert page.count('<img src="data:image/svg+xml;base64,') == len(done[1]["figures"])


def test_subgroups(done: tuple[Path, dict[str, Any]]) -> None:
    assert {pick(done[1], "modic", "AUROC", group=f"sex: {sex}")["n"] for sex in "FM"} == {87}
    table = done[1]["tables"]["subgroup_tests"]
    tests = {(row[1], row[2]): dict(zip(table["columns"], row, strict=True)) for row in table["rows"] if row[0] == "modic"}
    # Patients have one study of each sex in this table: the groups are tested over patients.
    assert "several subgroups: F over patients" in tests["sex", "AUROC"]["Note"]
    p = [(row["Interaction p"], row["p, Holm"], row["p, Benjamini-Hochberg"]) for row in tests.values() if row["Interaction p"] is not None]
    assert p
    assert all(plain <= screen <= family for plain, family, screen in p)


def test_same_input_same_bytes(tmp_path: Path, done: tuple[Path, dict[str, Any]]) -> None:
    folder = done[0].parent
    evaluate_predictions(
        folder / "predictions.csv",
        folder / "truth.csv",
        tmp_path / "again",
        manifest=folder / "manifest.csv",
        subgroups=("sex", "level"),
        settings=QUICK,
        figures=False,
    )
    for name in ("results.csv", "roc.csv", "reliability.csv"):
        assert (tmp_path / "again" / name).read_bytes() == (done[0] / name).read_bytes()


def test_failures_as_wrong_answers_lower_the_figures(tmp_path: Path) -> None:
    said, true, _ = cohort(tmp_path, unread=6)
    kept = evaluate_predictions(said, true, tmp_path / "a", settings=QUICK, figures=False)
    wrong = evaluate_predictions(said, true, tmp_path / "b", settings=replace(QUICK, failures="wrong"), figures=False)
    for measure in ("AUROC", "sensitivity", "specificity"):
        one, other = (
            next(line.estimate for line in run.evidence.lines if line.finding == "modic" and line.estimate.measure == measure)
            for run in (kept, wrong)
        )
        assert other.estimate < one.estimate
        assert other.n >= one.n


def test_a_plan_fixes_what_is_done(tmp_path: Path) -> None:
    said, true, _ = cohort(tmp_path)
    (tmp_path / "thresholds.yaml").write_text("modic: {threshold: 0.9, chosen_on: validation}\n", "utf-8")
    plan = tmp_path / "plan.yaml"
    plan.write_text(
        "endpoints:\n  - {finding: modic, at_least: 0.7}\n  - {finding: modic, metric: sensitivity, at_least: 0.99}\n"
        "multiplicity: holm\nbootstrap: {n: 100}\nthresholds: thresholds.yaml\n",
        "utf-8",
    )
    with pytest.raises(UsageError, match="fixed by the plan"):
        evaluate_predictions(said, true, tmp_path / "no", plan=plan, settings=QUICK)
    assert not (tmp_path / "truth.csv.openings.jsonl").exists()  # refused before the truth was opened
    found = evaluate_predictions(said, true, tmp_path / "out", plan=plan, figures=False)
    first, second = found.evidence.endpoints
    assert (first.met, second.met) == (True, False)
    assert first.adjusted == pytest.approx(2 * first.p)
    lines = {line.estimate.measure: line.estimate for line in found.evidence.lines if line.finding == "modic" and line.site == "all"}
    assert lines["specificity"].estimate > 0.95  # the frozen threshold, not the reader's decisions
    document = json.loads((tmp_path / "out" / "results.json").read_text("utf-8"))
    assert document["plan"]["sha256"] == found.provenance.plan
    assert not found.provenance.warnings[0].startswith("This truth was opened")
    plan.write_text(plan.read_text("utf-8").replace("0.7", "0.6"), "utf-8")
    again = evaluate_predictions(said, true, tmp_path / "later", plan=plan, figures=False)
    assert again.provenance.warnings[0].startswith("This truth was opened 1 time before with another plan")


def test_what_another_command_judges_counts_as_not_shown(tmp_path: Path) -> None:
    said, true, _ = cohort(tmp_path, studies=30)
    plan = tmp_path / "plan.yaml"
    ends = (
        "endpoints:\n  - {finding: modic, at_least: 0.7}\n  - {finding: modic, comparison: aided - unaided}\n"
        "  - {finding: modic, metric: calibration slope, at_least: 0.1}\n  - {finding: disc, metric: Dice, at_least: 0.5}\n"
    )
    plan.write_text(f"{ends}multiplicity: holm\nbootstrap: {{n: 100}}\n", "utf-8")
    found = evaluate_predictions(said, true, tmp_path / "holm", plan=plan, figures=False)
    first, second, slope, dice = found.evidence.endpoints
    assert (first.met, slope.met, second.judged, dice.judged) == (True, True, False, False)
    assert min(first.adjusted, slope.adjusted) == pytest.approx(4 * min(first.p, slope.p))  # four tests, though two are judged here
    plan.write_text(f"{ends}multiplicity: fixed-sequence\nbootstrap: {{n: 100}}\n", "utf-8")
    found = evaluate_predictions(said, true, tmp_path / "sequence", plan=plan, figures=False)
    assert [one.met for one in found.evidence.endpoints] == [True, False, False, False]
    assert found.evidence.endpoints[2].why == "an endpoint before it was not met, and the plan tests in order."
    words = "another command judges it; in the rule of multiplicity it counts here as not shown (p = 1)."
    document = json.loads((tmp_path / "sequence" / "results.json").read_text("utf-8"))
    assert (document["endpoints"][1]["judged"], document["endpoints"][1]["why"]) == (False, words)
    assert f"not judged here: {words}" in (tmp_path / "sequence" / "evaluation.html").read_text("utf-8")


def test_intervals_follow_alpha(tmp_path: Path) -> None:
    """The limit of an endpoint and its test say the same, whatever alpha is."""
    said, true, _ = cohort(tmp_path, studies=30)
    plan = tmp_path / "plan.yaml"
    ends = ", ".join(f"{{finding: modic, at_least: {0.5 + 0.01 * step:.2f}}}" for step in range(50))
    plan.write_text(f"alpha: 0.2\nendpoints: [{ends}]\nbootstrap: {{n: 100}}\n", "utf-8")
    done = evaluate_predictions(said, true, tmp_path / "out", plan=plan, figures=False)
    for one in done.evidence.endpoints:
        assert one.estimate is not None
        assert one.estimate.level == 0.8
        assert one.met == (one.estimate.low > one.endpoint.at_least)
    assert len({one.met for one in done.evidence.endpoints}) == 2


def test_a_model_beside_readers_without_a_threshold_says_what_is_left_out(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    truth, said, reads = (["study_id,patient_id,finding,value"], ["study_id,patient_id,finding,score"], [])
    for k in range(24):
        truth.append(f"s{k},p{k},cyst,{k % 2}")
        said.append(f"s{k},p{k},cyst,{np.clip(0.3 * (k % 2) + 0.7 * rng.random(), 0, 1):.3f}")
        for reader in ("r1", "r2"):
            score = np.clip(0.3 * (k % 2) + 0.7 * rng.random(), 0, 1)
            reads.append(f"{reader},s{k},cyst,unaided,{score:.3f},{'present' if score > 0.5 else 'absent'}")
    rows = {"truth": truth, "said": said, "other": said, "reads": ["reader_id,study_id,finding,arm,score,decision", *reads]}
    paths = {name: tmp_path / f"{name}.csv" for name in rows}
    for name, lines in rows.items():
        paths[name].write_text("\n".join(lines) + "\n", "utf-8")
    beside = evaluate_readers(paths["reads"], paths["truth"], tmp_path / "mrmc", predictions=paths["said"], figures=False)
    words = "No threshold was frozen for cyst: sensitivity, specificity and accuracy of the model beside the readers"
    assert any(one.startswith(words) for one in beside.provenance.warnings)
    both = evaluate_comparison(
        [paths["said"], paths["other"]], paths["truth"], tmp_path / "compare", reads=paths["reads"], settings=QUICK, figures=False
    )
    assert any(one.startswith(words) for one in both.evidence.warnings)


def test_a_subgroup_that_is_no_column(tmp_path: Path) -> None:
    said, true, rows = cohort(tmp_path, studies=4, unread=0)
    with pytest.raises(UsageError, match=r"no column 'vendro'.* Did you mean 'vendor'"):
        evaluate_predictions(said, true, tmp_path / "out", manifest=rows, subgroups=("vendro",))
    with pytest.raises(UsageError, match="no column 'sex'"):
        evaluate_predictions(said, true, tmp_path / "out", subgroups=("sex",))


def test_two_readers_on_disk(tmp_path: Path) -> None:
    said, true, _ = cohort(tmp_path)
    (tmp_path / "other").mkdir()
    other, _, _ = cohort(tmp_path / "other", seed=0, unread=5)
    found = evaluate_comparison([said, other], true, tmp_path / "out", settings=QUICK, margin=0.05, figures=False)
    document = json.loads((tmp_path / "out" / "results.json").read_text("utf-8"))
    assert set(document["inputs"]) == {"predictions.csv (1)", "predictions.csv (2)", "truth.csv"}
    measures = {line.estimate.measure for line in found.evidence.lines}
    assert {"difference of AUROC", "difference of quadratic kappa", "difference of mean absolute error"} <= measures
    assert "difference of AUROC" in (tmp_path / "out" / "evaluation.html").read_text("utf-8")


def test_two_sets_of_patients_on_disk(tmp_path: Path) -> None:
    home = cohort(tmp_path, studies=30)
    (tmp_path / "other").mkdir()
    away = cohort(tmp_path / "other", studies=30, seed=4)
    with pytest.raises(InputError, match="patient_ids are in both sets"):
        evaluate_unpaired(home[:2], away[:2], tmp_path / "out", settings=QUICK, figures=False)
    for path in away[:2]:
        path.write_text(path.read_text("utf-8").replace(",p0", ",q0"), "utf-8")
    ends = "{finding: modic, metric: AUROC, comparison: second - first, margin: 0.3}"
    other = "{finding: pfirrmann, metric: quadratic kappa, comparison: second - first, margin: 0.5}"
    (tmp_path / "plan.yaml").write_text(f"endpoints: [{ends}, {other}]\nbootstrap: {{n: 100}}\n", "utf-8")
    found = evaluate_unpaired(home[:2], away[:2], tmp_path / "out", plan=tmp_path / "plan.yaml", figures=False)
    document = json.loads((tmp_path / "out" / "results.json").read_text("utf-8"))
    assert document["kind"] == "Comparison of two sets of patients"
    assert [one["met"] for one in document["endpoints"]] == [True, True]
    assert "Non-inferiority" not in json.dumps(document["results"]), "the margin of one endpoint is not that of another row"
    assert len(document["inputs"]) == 4
    measures = {line.estimate.measure for line in found.evidence.lines}
    assert {"difference of sensitivity", "difference of mean absolute error"} <= measures
    for truth in (home[1], away[1]):
        assert len(truth.with_name("truth.csv.openings.jsonl").read_text("utf-8").splitlines()) >= 1


def test_frozen_thresholds_bands_and_what_a_plan_fixes(tmp_path: Path) -> None:
    said, true, _ = cohort(tmp_path, studies=30)
    (tmp_path / "thresholds.yaml").write_text("modic: {threshold: 0.3, chosen_on: validation}\n", "utf-8")
    settings = replace(QUICK, bands=checked_bands([("specificity", 0.8, 1.0)]), interval="bca")
    evaluate_predictions(said, true, tmp_path / "out", thresholds=tmp_path / "thresholds.yaml", settings=settings, figures=False)
    document = json.loads((tmp_path / "out" / "results.json").read_text("utf-8"))
    assert document["thresholds"]["words"].startswith("frozen thresholds, sha256 ")
    assert document["thresholds"]["values"] == {"modic": 0.3}
    known, rows = (
        [row for row in csv.DictReader(path.read_text("utf-8").splitlines()) if row["finding"] == "modic"] for path in (true, said)
    )
    truth = {(row["study_id"], row["level"]): row["value"] for row in known}
    hits = [float(row["score"]) >= 0.3 for row in rows if truth[row["study_id"], row["level"]] == "1"]
    assert pick(document, "modic", "sensitivity")["estimate"] == pytest.approx(np.mean(hits))
    assert pick(document, "modic", "partial AUROC, specificity 0.8 to 1")["method"].startswith("BCa")
    assert pick(document, "mean of findings", "macro F1")["method"].startswith("joint")
    with pytest.raises(UsageError, match="two rising numbers"):
        checked_bands([("sensitivity", 0.9, 0.1)])
    (tmp_path / "thresholds.yaml").write_text("modic: {threshold: 0.3, chosen_on: test}\n", "utf-8")
    with pytest.raises(TableError, match="thresholds"):
        evaluate_predictions(said, true, tmp_path / "no", thresholds=tmp_path / "thresholds.yaml", figures=False)
    (tmp_path / "plan.yaml").write_text("partial_areas: [{low: 0.9, high: 1.0}]\nbootstrap: {n: 100, interval: bca}\n", "utf-8")
    evaluate_predictions(said, true, tmp_path / "planned", plan=tmp_path / "plan.yaml", figures=False)
    planned = json.loads((tmp_path / "planned" / "results.json").read_text("utf-8"))
    assert pick(planned, "modic", "partial AUROC, specificity 0.9 to 1, McClish")["estimate"] is not None


def test_problems_of_all_tables_come_at_once(tmp_path: Path) -> None:
    """Plan and predictions while the plan is bad; predictions, manifest and truth when it is good."""
    said, true, rows = cohort(tmp_path, studies=6, unread=0)
    said.write_text(said.read_text("utf-8") + "s9,p9,modic,L5-S1,1.5,,,\n", "utf-8")
    true.write_text(true.read_text("utf-8") + "s9,p9,modic,L9-S1,7\n", "utf-8")
    rows.write_text(rows.read_text("utf-8").replace(",F\n", ",Q\n", 1), "utf-8")
    with pytest.raises(TableError) as caught:
        evaluate_predictions(said, true, tmp_path / "out", manifest=rows)
    told = "\n".join(caught.value.problems)
    assert caught.value.where == ", ".join(f"{tmp_path.name}/{name}.csv" for name in ("predictions", "manifest", "truth"))
    parts = ("predictions.csv: row 74: the score is 1.5", "manifest.csv: row 2: sex", "truth.csv: row 74: unknown level", "must be 0, 1")
    assert [part for part in parts if part not in told] == []
    (tmp_path / "plan.yaml").write_text("endpoint: []\n", "utf-8")
    opened = (tmp_path / "truth.csv.openings.jsonl").read_text("utf-8")
    with pytest.raises(TableError) as caught:
        evaluate_predictions(said, true, tmp_path / "out", plan=tmp_path / "plan.yaml", manifest=rows)
    assert caught.value.where == ", ".join(f"{tmp_path.name}/{name}" for name in ("plan.yaml", "predictions.csv", "manifest.csv"))
    assert (tmp_path / "truth.csv.openings.jsonl").read_text("utf-8") == opened  # a bad plan opens no truth


def test_rows_without_a_counterpart_are_named(tmp_path: Path) -> None:
    said, true, _ = cohort(tmp_path, studies=12, unread=2)
    lines = said.read_text("utf-8").replace("s005,p002,modic,L5-S1", "s005,p002,modic,L1-L2")
    said.write_text(lines + "x1,q1,modic,L5-S1,0.5,,,present\n", "utf-8")
    found = evaluate_predictions(said, true, tmp_path / "out", settings=QUICK, figures=False)
    told = " ".join(found.provenance.warnings)
    assert "1 study with predictions and no truth (predictions, rows 122)" in told
    assert "2 studies with truth and no prediction (truth, rows 2 to 25)" in told
    assert "1 study with predictions at sites that the truth does not name (predictions, rows 38)" in told
    assert "1 study with predictions, but not at every site with truth (truth, rows 62)" in told
    with (tmp_path / "out" / "unmatched.csv").open(encoding="utf-8") as table:
        rows = list(csv.DictReader(table))
    assert {row["Study"] for row in rows} == {"x1", "s000", "s001", "s005"}
    document = json.loads((tmp_path / "out" / "results.json").read_text("utf-8"))
    assert set(document["tables"]) == {"missed"}  # a file of its own, so that the numbers keep their place on paper


def test_an_endpoint_that_is_not_met_says_why(tmp_path: Path) -> None:
    said, true, _ = cohort(tmp_path, studies=30)
    ends = ["{finding: modic, at_least: 0.999}", "{finding: herniation, at_least: 0.5}"]
    ends.append("{finding: modic, metric: sensitivty, at_least: 0.5}")
    (tmp_path / "plan.yaml").write_text(f"endpoints: [{', '.join(ends)}]\nbootstrap: {{n: 100}}\n", "utf-8")
    found = evaluate_predictions(said, true, tmp_path / "out", plan=tmp_path / "plan.yaml", figures=False)
    why = [one.why for one in found.evidence.endpoints]
    assert why[0].startswith("its one-sided p is ")
    assert why[1] == "the value is not defined. There is no positive unit."
    assert why[2] == "this run gives no sensitivty of modic. Did you mean 'sensitivity'?"
    assert "not shown: the value is not defined" in (tmp_path / "out" / "evaluation.html").read_text("utf-8")

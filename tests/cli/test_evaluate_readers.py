import json
from pathlib import Path

import pytest

from tests.command import condyle
from tests.conftest import ROOT

EXAMPLES = ROOT / "docs" / "examples"


@pytest.fixture
def tables(tmp_path: Path) -> Path:
    """A small reader study: two findings, four readers of the example, and a trial of its first units."""
    keep = ("junior_1", "junior_2", "senior_1", "senior_2")
    source = EXAMPLES / "knee_2_readers"
    lines = (source / "reads.csv").read_text("utf-8").splitlines()
    own = [line for line in lines if line.split(",")[0] in keep and line.split(",")[3] in ("meniscal_tear", "cyst")]
    (tmp_path / "reads.csv").write_text("\n".join([lines[0], *own]) + "\n", "utf-8")
    (tmp_path / "truth.csv").write_text((source / "truth.csv").read_text("utf-8"), "utf-8")
    trial = (EXAMPLES / "knee_3_trial" / "trial.csv").read_text("utf-8").splitlines()
    (tmp_path / "trial.csv").write_text("\n".join(trial[:300]) + "\n", "utf-8")
    return tmp_path


def test_a_reader_study_becomes_a_folder_of_evidence(tables: Path) -> None:
    plan = tables / "plan.yaml"
    plan.write_text("name: small\nendpoints:\n  - {finding: cyst, metric: auroc, comparison: aided - unaided, margin: 0.3}\n", "utf-8")
    ran = condyle("evaluate", "mrmc", tables / "reads.csv", tables / "truth.csv", "-o", tables / "out", "--plan", plan)
    assert ran.code == 0, ran.err
    assert "endpoint cyst: aided - unaided, AUROC above -0.3: met" in ran.out
    document = json.loads((tables / "out" / "results.json").read_text("utf-8"))
    assert document["plan"]["sha256"]
    assert {line["finding"] for line in document["results"]} >= {"meniscal_tear", "cyst", "reading time"}
    page = (tables / "out" / "evaluation.html").read_text("utf-8")
    assert "Wash-out and order" in page
    assert "<script" not in page
    assert (tables / "truth.csv.openings.jsonl").read_text("utf-8").count("\n") == 1


def test_without_a_plan_it_is_exploratory_and_bad_rows_are_listed(tables: Path) -> None:
    ran = condyle("evaluate", "trial", tables / "trial.csv", "-o", tables / "trial", "--no-figures")
    assert ran.code == 0, ran.err
    assert "Exploratory: no plan was fixed." in (tables / "trial" / "evaluation.html").read_text("utf-8")
    with (tables / "reads.csv").open("a", encoding="utf-8") as file:
        file.write("junior_1,junior,s001,cyst,aided,3,0.5,present,-3,never\n")
    ran = condyle("evaluate", "mrmc", tables / "reads.csv", tables / "truth.csv", "-o", tables / "other")
    assert ran.code == 3
    assert "seconds must be above 0" in ran.err
    assert "timestamp is not of the form" in ran.err
    assert not (tables / "other").exists()


def test_the_next_study(tables: Path) -> None:
    ran = condyle(
        "evaluate", "samplesize", tables / "reads.csv", tables / "truth.csv", "--finding", "meniscal_tear", "--effect", "0.08",
        "--readers", "6", "--readers", "10",
    )  # fmt: skip
    assert ran.code == 0, ran.err
    assert "patients" in ran.out

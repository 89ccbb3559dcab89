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


def test_the_plan_fixes_how_readers_are_analysed(tables: Path) -> None:
    plan = tables / "plan.yaml"
    plan.write_text("mrmc: {method: dbm, readers: fixed}\n", "utf-8")
    command = ("evaluate", "mrmc", tables / "reads.csv", tables / "truth.csv", "-o", tables / "out", "--plan", plan, "--no-figures")
    ran = condyle(*command, "--cases", "fixed")
    assert ran.code == 2
    assert "The plan fixes how readers are analysed." in ran.err
    assert condyle(*command).code == 0
    document = json.loads((tables / "out" / "results.json").read_text("utf-8"))
    assert [document["settings"][name] for name in ("method", "readers", "cases")] == ["dbm", "fixed", "random"]
    assert "Dorfman, Berbaum and Metz" in document["methods"]
    assert "these readers only" in document["summary"][0]
    tests = [row for row in document["results"] if row["measure"] == "difference of auroc" and not row["group"]]
    assert {row["method"] for row in tests} == {"Dorfman-Berbaum-Metz, jackknife pseudovalues, 4 readers fixed, cases random"}
    assert {row[3] for row in document["tables"]["designs"]["rows"]} == {"crossed"}


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
    plan = tables / "plan.yaml"
    plan.write_text("name: next\nalpha: 0.01\ngroups:\n  both: [cyst, meniscal_tear]\n", "utf-8")
    ran = condyle(
        "evaluate", "samplesize", tables / "reads.csv", tables / "truth.csv", "--finding", "both", "--effect", "0.08",
        "--readers", "6", "--readers", "10", "-o", tables / "next", "--plan", plan, "--no-figures",
    )  # fmt: skip
    assert ran.code == 0, ran.err
    assert "patients" in ran.out
    document = json.loads((tables / "next" / "results.json").read_text("utf-8"))
    assert document["settings"] == {"level": 0.95, "effect": 0.08, "power": 0.8, "alpha": 0.01}
    assert [row[0] for row in document["tables"]["needed"]["rows"]] == [6, 10]

"""Calibration, subgroups and agreement from tables on disk."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from condyle.cohorts.evaluating_parts import evaluate_agreement, evaluate_calibration, evaluate_subgroups
from condyle.cohorts.ratings import read_ratings
from condyle.errors import InputError, TableError, UsageError
from tests.evaluation_tables import write_tables


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tables(tmp_path_factory.mktemp("parts"))


def test_nothing_is_fitted_on_the_patients_that_judge(tables: Path, tmp_path: Path) -> None:
    said, true = tables / "predictions.csv", tables / "truth.csv"
    with pytest.raises(InputError, match="60 patients are in the validation data"):
        evaluate_calibration(said, true, tmp_path / "out", validation=(said, true), figures=False)
    assert not (tmp_path / "out").exists()


def test_a_plan_fixes_subgroups_and_names_what_it_does_not_judge(tables: Path, tmp_path: Path) -> None:
    said, true, rows = (tables / f"{name}.csv" for name in ("predictions", "truth", "manifest"))
    with pytest.raises(UsageError, match="No subgroup is named"):
        evaluate_subgroups(said, true, tmp_path / "out")
    plan = tmp_path / "plan.yaml"
    plan.write_text(
        "endpoints:\n  - {finding: acl_injury, at_least: 0.6}\n  - {finding: acl_injury, comparison: aided - unaided}\n"
        "subgroups: [sex]\ncohorts: site_id\nbootstrap: {n: 100}\n",
        "utf-8",
    )
    with pytest.raises(UsageError, match="fixed by the plan"):
        evaluate_subgroups(said, true, tmp_path / "out", plan=plan, manifest=rows, subgroups=("vendor",))
    done = evaluate_subgroups(said, true, tmp_path / "out", plan=plan, manifest=rows, figures=False)
    assert [(one.met, one.judged) for one in done.evidence.endpoints] == [(True, True), (False, False)]
    between = {"between groups of sex", "between groups of site_id"}
    assert {line.group.split(":")[0] for line in done.evidence.lines} == {"", "sex", "site_id", "cohorts", *between}
    assert any("aided - unaided of the plan is judged by another command" in one for one in done.provenance.warnings)


def test_ratings_of_grades_by_patient(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    rows = [
        f"r{reader},s{k},p{k // 2},pfirrmann,L4-L5,{min(5, 1 + k % 5 + int(rng.random() < 0.2))}" for k in range(20) for reader in range(3)
    ]
    path = tmp_path / "labels.csv"
    path.write_text("\n".join(["reader_id,study_id,patient_id,finding,level,value", *rows]) + "\n", "utf-8")
    done = evaluate_agreement(path, tmp_path / "out", figures=False)
    first = done.evidence.lines[0].estimate
    assert (first.n, first.clusters) == (20, 10)
    assert first.low < first.estimate < first.high


def test_every_problem_of_ratings_at_once(tmp_path: Path) -> None:
    path = tmp_path / "reads.csv"
    path.write_text(
        "reader_id,study_id,finding,decision\nr1,s1,cyst,present\nr1,s1,cyst,absent\n,s2,cyst,1\nr2,s1,cist,1\nr2,s1,cyst,7\n", "utf-8"
    )
    with pytest.raises(TableError) as caught:
        read_ratings(path)
    assert caught.value.problems == (
        "rows 2 and 3: the same rating twice",
        "row 4: reader_id is empty",
        "row 5: unknown finding 'cist'. Did you mean 'cyst'?",
        "row 6: cyst is 7; its scale is 0, 1",
    )

"""An ensemble of views on disk: nobody vanishes, and no patient is in two sets."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from condyle.cohorts.evaluating_readers import evaluate_views
from condyle.errors import InputError
from condyle.evaluate.estimate import Estimate
from condyle.evaluate.proportion import proportion


def folder(where: Path, *, unread: int, place: str = "t") -> Path:
    """20 validation and 40 test studies; the first of the test set have truth and no prediction, one has a prediction and no truth."""
    where.mkdir()
    rng = np.random.default_rng(2)
    for name, letter, studies, without in (("validation", "v", 20, 0), ("test", place, 40, unread)):
        truth, said = ["study_id,patient_id,finding,value"], ["study_id,patient_id,finding,view,fold,score"]
        for k in range(studies):
            truth.append(f"{letter}{k},{letter}p{k},cyst,{k % 2}")
            score = round(float(np.clip(0.35 * (k % 2) + 0.65 * rng.random(), 0, 1)), 3)
            said += [f"{letter}{k},{letter}p{k},cyst,{view},1,{score}" for view in ("sagittal", "coronal") if k >= without]
        if name == "test":
            said.append("x1,xp1,cyst,sagittal,1,0.5")
        for kind, rows in (("truth", truth), ("predictions", said)):
            (where / f"{name}_{kind}.csv").write_text("\n".join(rows) + "\n", "utf-8")
    (where / "thresholds.yaml").write_text("cyst: {threshold: 0.5, chosen_on: validation}\n", "utf-8")
    for rule in ("exclude", "wrong"):
        (where / f"{rule}.yaml").write_text(f"thresholds: thresholds.yaml\nfailures: {rule}\nbootstrap: {{n: 100}}\n", "utf-8")
    return where


def test_studies_without_a_prediction_are_told_and_count_as_the_plan_says(tmp_path: Path) -> None:
    where = folder(tmp_path / "tables", unread=3)
    found: dict[str, dict[str, Estimate]] = {}
    for rule, words in (("exclude", "left out"), ("wrong", "counted as wrong")):
        done = evaluate_views(where, tmp_path / rule, plan=where / f"{rule}.yaml", figures=False)
        found[rule] = {line.estimate.measure: line.estimate for line in done.evidence.lines if line.site == "test"}
        told = done.provenance.warnings
        assert f"test: study without prediction, 3 of the truth (rows 2 to 4); they are {words}. Each is named in unmatched.csv." in told
        assert any(one.startswith("test: study without truth, 1 of the predictions (rows 76)") for one in told)
        assert len((tmp_path / rule / "unmatched.csv").read_text("utf-8").splitlines()) == 5
    kept, whole = found["exclude"], found["wrong"]
    assert (kept["AUROC"].n, whole["AUROC"].n) == (37, 40)
    assert whole["AUROC"].estimate < kept["AUROC"].estimate
    assert round(whole["specificity"].estimate * 20) == round(kept["specificity"].estimate * 18)  # two negatives more, called wrong
    one = kept["sensitivity"]  # a case a patient: Wilson's, as everywhere else
    same = proportion("sensitivity", one.events or 0, one.n)
    assert (one.method, one.low, one.high) == ("Wilson", same.low, same.high)


def test_a_patient_of_two_sets_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="20 patients are in the validation and in the test set"):
        evaluate_views(folder(tmp_path / "tables", unread=0, place="v"), tmp_path / "out", figures=False)

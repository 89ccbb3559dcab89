"""The dry run of the lumbar family: counted as training counts, and measured on a few studies."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from condyle.cli.app import run
from condyle.cohorts.cohort import Cohort, development
from condyle.cohorts.labels import Label
from condyle.cohorts.manifest import ManifestRow
from condyle.errors import InputError
from condyle.simulate import write_cohort
from condyle.train import lumbar_trial, pipeline
from condyle.train.grading import targets_of
from condyle.train.lumbar_recipe import LumbarRecipe
from condyle.train.lumbar_trial import Measured, parts_of, reckon
from condyle.train.recipe import load_recipe
from condyle.train.sections import Size

ONE = Measured(3, 2.0, 1.0, 0.5, 0.05, 3.0, {"first": 0.004, "second": 0.008}, 0.2, 1000, 100, 900.0, 2, 1.0)
LEVELS = ("L5-S1", "L4-L5", "L3-L4")


def recipe_of(size: Size = "full") -> LumbarRecipe:
    recipe = load_recipe("lumbar", size=size)
    assert isinstance(recipe, LumbarRecipe)
    return recipe


@pytest.fixture(scope="module")
def cohort() -> Cohort:
    """44 patients of three levels each, four of them set apart; a level of the first has no known grade."""
    rows, labels = [], []
    for number in range(44):
        ids = {"study_id": f"s{number}", "patient_id": f"p{number}"}
        rows.append(ManifestRow(row=number + 2, path=Path(f"{number}.png"), weighting="t2", split="test" if number < 4 else "", **ids))
        for place, level in enumerate(LEVELS):
            known = number != 4 or place
            labels.append(Label(**ids, finding="pfirrmann", level=level, side="", value=float(1 + (number + place) % 5) if known else None))
            labels.append(Label(**ids, finding="bulging", level=level, side="", value=float(number % 2) if known else None))
    return Cohort(Path(), tuple(rows), tuple(labels))


def test_parts_are_the_outer_folds_without_who_is_set_apart(cohort: Cohort) -> None:
    whole, *folds = parts_of(recipe_of(), cohort)
    assert (whole.studies, whole.patients) == (40, 40)
    pfirrmann = [label.value for label in development(cohort).labels if label.finding == "pfirrmann" and label.value is not None]
    high = sum(value >= 4 for value in pfirrmann)
    assert whole.findings["pfirrmann"] == (high, 119 - high, 0)
    assert whole.findings["modic"] == (0, 0, 119)
    assert len(folds) == 2 * 5
    for own, held in zip(folds[::2], folds[1::2], strict=True):
        assert own.patients + held.patients == 40
    assert [part.name for part in parts_of(recipe_of("smoke"), cohort)] == ["all"]


def test_a_cohort_that_is_wholly_set_apart_is_refused(cohort: Cohort) -> None:
    rows = tuple(row.model_copy(update={"split": "external"}) for row in cohort.rows)
    with pytest.raises(InputError, match="set apart"):
        parts_of(recipe_of(), Cohort(Path(), rows, cohort.labels))


def test_heads_and_steps_are_those_that_training_fits(cohort: Cohort, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Counted once more by the pipeline itself, which is given a fit that only counts."""
    recipe = recipe_of("study")
    steps: list[int] = []

    def counted(own: LumbarRecipe, inputs: object, targets: object, rows: np.ndarray, *more: object) -> None:
        steps.append(own.optimiser.epochs * max(1, len(rows) // own.optimiser.batch))

    monkeypatch.setattr(pipeline, "fit_head", counted)
    monkeypatch.setattr(pipeline, "ensemble_logits", lambda heads, shares, inputs, rows: np.zeros((len(rows), 11)))
    trained = development(cohort)
    keys = sorted({(label.study_id, label.level) for label in trained.labels if label.value is not None})
    patients = np.array([trained.patients[study] for study, _ in keys])
    table = SimpleNamespace(found=np.ones(len(keys), bool), rows_of=lambda own: np.flatnonzero(np.isin(patients, sorted(own))))
    targets = targets_of(np.zeros((len(keys), len(recipe.data.findings)), np.float32), recipe.data.findings)
    outer = lumbar_trial._outer(recipe, trained)
    for fold in range(3):
        own = {patient for patient, number in outer.items() if number != fold}
        pipeline._heads(recipe, pipeline.of_patients(trained, own), table, None, targets, tmp_path)  # type: ignore[arg-type]
    pipeline._heads(recipe, trained, table, None, targets, tmp_path)  # type: ignore[arg-type]
    found = reckon(recipe, cohort, ONE)
    assert found.networks == len(steps) + 4
    assert found.steps == sum(steps) + 4 * recipe.segment.steps


def test_the_run_is_counts_times_measurements(cohort: Cohort) -> None:
    full = reckon(recipe_of(), cohort, ONE)
    assert full.networks == 6 + 6 * 5 * 3 * 2
    crops = 119 * ONE.crops
    assert full.prepare_s == pytest.approx(40 * 7 * ONE.look_s + 6 * (ONE.open_s + crops * 3 * ONE.feature_s))
    heads = 6 * 5 * 3 * 2 * ONE.fit_s
    assert full.train_s > 6000 * ONE.segment_s + heads
    assert full.disk_bytes == 6 * 119 * 2 * (1000 + 3 * 100)
    assert full.memory_mib == pytest.approx(900 + 3 * 119 * 2 * 1000 / 2**20)
    smoke = reckon(recipe_of("smoke"), cohort, ONE)
    assert smoke.networks == 3 * 2  # no segmenter, no outer fold
    assert smoke.prepare_s == pytest.approx(40 * ONE.look_s + ONE.open_s + crops * ONE.feature_s)


def _dry(spines: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    assert run(["train", "lumbar", "--data", str(spines), "-o", str(tmp_path / "out"), "--size", "smoke", "--dry-run", "--json"]) == 0
    said: dict[str, object] = json.loads(capsys.readouterr().out)
    assert list(tmp_path.iterdir()) == []
    return said


def test_the_command_says_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(lumbar_trial, "measure", lambda recipe, cohort, folder: ONE)
    spines, elsewhere = tmp_path / "cohort", tmp_path / "elsewhere"
    for folder in (spines, elsewhere):
        folder.mkdir()
    for number in range(6):
        (spines / f"{number}.png").write_bytes(b"12")
    studies = [f"s{number},p{number}" for number in range(6)]
    (spines / "manifest.csv").write_text("\n".join(["study_id,patient_id,path", *(f"{one},{one[1]}.png" for one in studies)]) + "\n")
    labels = [f"{one},bulging,L4-L5,{number % 2}" for number, one in enumerate(studies)]
    (spines / "labels.csv").write_text("\n".join(["study_id,patient_id,finding,level,value", *labels]) + "\n")
    said = _dry(spines, elsewhere, capsys)
    assert said["sources"]["bytes"] == 12  # type: ignore[index]
    assert said["reckoned"]["memory_mib"] > 900  # type: ignore[index]
    assert "0.50 s to find the levels of a study" in said["reckoned"]["how"]  # type: ignore[index]


@pytest.mark.slow("train", "readers", "simulate")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_lumbar_command_measures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "elsewhere").mkdir()
    write_cohort("lumbar", tmp_path / "cohort", studies=2, seed=1)
    one = _dry(tmp_path / "cohort", tmp_path / "elsewhere", capsys)["reckoned"]["measured"]  # type: ignore[index]
    assert one["studies"] == 2
    assert min(one["look_s"], one["feature_s"], one["open_s"], one["crop_bytes"], one["feature_bytes"], *one["head_s"].values()) > 0
    assert one["segment_s"] == 0
    assert one["peak_mib"] > 100

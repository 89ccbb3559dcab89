"""Means over findings, partial areas, values without a patient: against loops that spell them out, scikit-learn and repeats."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, f1_score, roc_auc_score

from condyle.evaluate.bootstrap import draw_patients
from condyle.evaluate.finding_table import FindingTable
from condyle.evaluate.resampling import ranking_without, scored
from condyle.evaluate.roc import partial_areas, partial_auroc, roc_curve
from condyle.evaluate.standalone import Settings, standalone

QUICK = Settings(resamples=100, seed=3)


def table(finding: str, seed: int, n: int = 60, each: int = 2, positives: float = 0.45) -> FindingTable:
    rng = np.random.default_rng(seed)
    people = np.repeat(np.arange(n), each)
    rows = n * each
    truth = (rng.random(rows) < positives).astype(float)
    score = np.round(1 / (1 + np.exp(-(1.5 * (truth - 0.5) + rng.normal(0, 1, rows)))), 2)  # ties
    names, none, text = people.astype(str), np.full(rows, np.nan), np.array([""] * rows)
    return FindingTable(
        finding, "binary", names, names, text, text, truth, score, none, (score >= 0.5).astype(float), np.zeros(rows, bool)
    )  # fmt: skip


def macro(settings: Settings, tables: list[FindingTable]) -> dict[str, object]:
    return {line.estimate.measure: line.estimate for line in standalone(tables, settings) if line.estimate.measure.startswith("macro")}


def test_macro_replicates_are_means_over_findings_of_one_draw() -> None:
    tables = [table("modic", 1), table("herniation", 2)]
    found = macro(QUICK, tables)
    people = np.unique(tables[0].patients)
    rng = np.random.default_rng(QUICK.seed)
    loop: dict[str, list[float]] = {"macro AUROC": [], "macro average precision": [], "macro F1": []}
    for _ in range(QUICK.resamples):
        times = dict(zip(people, draw_patients(rng, len(people)), strict=True))
        values = []
        for one in tables:
            w = np.array([times[person] for person in one.patients])
            values.append(
                (
                    roc_auc_score(one.truth, one.score, sample_weight=w),
                    average_precision_score(one.truth[w > 0], one.score[w > 0], sample_weight=w[w > 0]),
                    f1_score(one.truth, one.called, sample_weight=w),
                )
            )
        for name, value in zip(loop, np.mean(values, axis=0), strict=True):
            loop[name].append(float(value))
    for name, values in loop.items():
        assert np.asarray(found[name].replicates) == pytest.approx(values, abs=1e-12), name
    assert found["macro AUROC"].estimate == pytest.approx(np.mean([roc_auc_score(one.truth, one.score) for one in tables]))
    assert found["macro sensitivity"].n == 240


def test_a_finding_without_calls_or_positives_is_named() -> None:
    tables = [table("modic", 1), table("herniation", 2), replace(table("bulging", 3), truth=np.zeros(120))]
    found = macro(replace(QUICK, interval="bca"), tables)
    assert found["macro AUROC"].method.startswith("joint BCa bootstrap")
    assert "Without bulging" in found["macro AUROC"].warnings[0]
    assert "Without bulging" in found["macro specificity"].warnings[0]
    silent = [tables[0], replace(tables[1], called=np.full(120, np.nan))]
    assert "Without herniation" in macro(QUICK, silent)["macro F1"].warnings[0]


def test_values_without_a_patient_are_those_of_the_shorter_table() -> None:
    one = table("modic", 5, n=25)
    found = ranking_without({"": scored(one.truth, one.score, one.patients)}, with_precision=True)[""]
    for place, person in enumerate(np.unique(one.patients)):
        kept = one.patients != person
        assert found.auroc[place] == pytest.approx(roc_auc_score(one.truth[kept], one.score[kept]), abs=1e-12)
        assert found.average_precision[place] == pytest.approx(average_precision_score(one.truth[kept], one.score[kept]), abs=1e-12)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("most", [0.1, 0.37, 1.0])
def test_partial_areas_are_scikit_learns(seed: int, most: float) -> None:
    one = table("modic", seed, n=30 + 40 * seed, each=1)
    ours = partial_auroc(one.truth, one.score, (1 - most, 1.0), standardised=True)
    assert ours == pytest.approx(roc_auc_score(one.truth, one.score, max_fpr=None if most == 1 else most), abs=1e-12)
    flipped = partial_areas(roc_curve(1 - one.truth, -one.score), (1 - most, 1.0), axis="sensitivity")[0]
    assert flipped == pytest.approx(partial_areas(roc_curve(one.truth, one.score), (1 - most, 1.0))[0], abs=1e-12)


def test_partial_areas_have_lines_with_limits_over_patients() -> None:
    bands = (("specificity", 0.8, 1.0), ("sensitivity", 0.9, 1.0))
    lines = {line.estimate.measure: line.estimate for line in standalone([table("modic", 1)], replace(QUICK, bands=bands))}
    for name in ("partial AUROC, specificity 0.8 to 1", "partial AUROC, sensitivity 0.9 to 1, McClish"):
        assert lines[name].low < lines[name].estimate < lines[name].high
        assert lines[name].clusters == 60
    worse = replace(table("modic", 1), score=1 - table("modic", 1).score)
    lines = {line.estimate.measure: line.estimate for line in standalone([worse], replace(QUICK, bands=bands))}
    assert np.isnan(lines["partial AUROC, specificity 0.8 to 1, McClish"].estimate)
    assert "below chance" in lines["partial AUROC, specificity 0.8 to 1, McClish"].warnings[0]


def test_bca_is_asked_for_and_said() -> None:
    tables = [table("modic", 1)]
    for kind, begins in (("percentile", "percentile"), ("bca", "BCa")):
        lines = {line.estimate.measure: line.estimate for line in standalone(tables, replace(QUICK, interval=kind))}
        for name in ("AUROC, patient bootstrap", "F1", "MCC", "balanced accuracy", "average precision"):
            assert lines[name].method.startswith(begins), name

"""Folders 32 and 33: boot, scikit-learn; and the partial areas, points and Youden thresholds of folder 01 (pROC)."""

from __future__ import annotations

import numpy as np
import pytest

from condyle.evaluate.calibration import brier
from condyle.evaluate.diagnostic import accuracy
from condyle.evaluate.interval_limits import basic, bca, bias_of, normal, percentile
from condyle.evaluate.precision import average_precision
from condyle.evaluate.ranking import auroc
from condyle.evaluate.roc import partial_auroc, roc_curve, youden_threshold
from tests.reference.reading import expected, table

EXACT = {"abs": 1e-9}


def test_32_limits() -> None:
    wanted = expected("32_bootstrap_intervals")
    draws = table("32_bootstrap_intervals", "replicates.csv")["t"]
    influence = table("32_bootstrap_intervals", "influence.csv")["L"]
    estimate = wanted["t0"]
    assert len(draws) == wanted["R"]
    assert [draws.mean() - estimate, draws.std(ddof=1)] == pytest.approx([wanted["bias"], wanted["sd"]], **EXACT)
    assert normal(estimate, draws) == pytest.approx(tuple(wanted["normal"]), **EXACT)
    assert basic(estimate, draws, rule="normal") == pytest.approx(tuple(wanted["basic"]), **EXACT)
    assert percentile(draws, rule="normal") == pytest.approx(tuple(wanted["percentile"]), **EXACT)
    assert percentile(draws) == pytest.approx(tuple(wanted["percentile_type7"]), **EXACT)
    assert percentile(draws) == pytest.approx(tuple(wanted["percentile"]), abs=5e-4)
    bias = bias_of(estimate, draws, influence)
    assert [bias.z0, bias.acceleration] == pytest.approx([wanted["z0"], wanted["acceleration"]], **EXACT)
    assert bca(estimate, draws, influence) == pytest.approx(tuple(wanted["bca"]), **EXACT)


def test_32_estimate_and_influence() -> None:
    wanted, data = expected("32_bootstrap_intervals"), table("32_bootstrap_intervals", "scores.csv")
    truth, score = data["truth"], data["score"]
    assert auroc(truth, score) == pytest.approx(wanted["t0"], **EXACT)
    n = len(truth)
    left = [(n - 1) * (wanted["t0"] - auroc(np.delete(truth, i), np.delete(score, i))) for i in range(n)]
    assert left == pytest.approx(table("32_bootstrap_intervals", "influence.csv")["L"].tolist(), **EXACT)


def test_33_average_precision() -> None:
    wanted, data = expected("33_average_precision"), table("33_average_precision", "scores.csv")
    truth, score = data["truth"], data["score"]
    tight = {"abs": 1e-12}
    assert (len(truth), truth.sum()) == (wanted["n"], wanted["positives"])
    assert average_precision(truth, score) == pytest.approx(wanted["average_precision"], **tight)
    assert average_precision(truth, np.zeros(len(truth))) == pytest.approx(wanted["average_precision_constant_score"], **tight)
    assert auroc(truth, score) == pytest.approx(wanted["auc"], **tight)
    assert brier(truth, score) == pytest.approx(wanted["brier"], **tight)
    for most, value in wanted["partial_auc_mcclish_max_fpr"].items():
        assert partial_auroc(truth, score, (1 - float(most), 1), standardised=True) == pytest.approx(value, **tight)
    p = np.clip(score, 1e-6, 1 - 1e-6)
    assert -np.mean(truth * np.log(p) + (1 - truth) * np.log(1 - p)) == pytest.approx(wanted["log_loss"], **tight)
    assert average_precision(truth, score) != pytest.approx(wanted["trapezoid_pr_area_NOT_to_use"], abs=1e-5)


@pytest.mark.parametrize("name", ["wfns", "s100b", "ndka"])
def test_01_partial_areas_and_youden(name: str) -> None:
    data, wanted = table("01_delong_roc", "scores.csv"), expected("01_delong_roc")
    truth, score = data["truth"], data[name]
    for key, value in wanted["partial"][name].items():
        axis, low, high = key.removesuffix("_mcclish").split("_")
        found = partial_auroc(
            truth, score, (float(low), float(high)), axis={"sp": "specificity", "se": "sensitivity"}[axis], standardised="mcclish" in key
        )
        assert np.isnan(found) if value is None else found == pytest.approx(value, rel=1e-8), key
    curve = roc_curve(truth, score)
    for point in wanted["roc_points"][name] or ():
        place = np.flatnonzero(np.isclose(curve.thresholds, float(point["threshold"])))
        assert [curve.sensitivity[place[0]], curve.specificity[place[0]]] == pytest.approx(
            [point["sensitivity"], point["specificity"]], rel=1e-8
        )
    row = wanted["youden"][name][0]
    threshold = youden_threshold(curve)
    found = accuracy(truth, score >= threshold)
    assert threshold == pytest.approx(row["threshold"], rel=1e-8)
    assert [found[k].estimate for k in ("sensitivity", "specificity", "PPV", "NPV")] == pytest.approx(
        [row[k] for k in ("sensitivity", "specificity", "ppv", "npv")], rel=1e-8
    )

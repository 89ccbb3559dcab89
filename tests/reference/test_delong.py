"""Folders 01, 02, 29, 30: pROC, Obuchowski's program, auRoc."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from condyle.evaluate.binormal import binormal_variance
from condyle.evaluate.clustered_auc import clustered_auroc, clustered_covariance, compare_clustered
from condyle.evaluate.delong import compare_paired, compare_unpaired, components, covariance, delong
from condyle.evaluate.estimate import Estimate, logit_limits, z_of
from condyle.evaluate.near_one import newcombe_limits, newcombe_variance
from condyle.evaluate.ranking import auroc
from tests.reference.reading import expected, table

TIGHT = {"rel": 1e-8}
LOOSE = {"rel": 1e-6}


def meets_single(truth: np.ndarray, score: np.ndarray, wanted: dict[str, Any]) -> None:
    found = delong(truth, score, interval="wald")
    assert found.estimate == pytest.approx(wanted["auc"], **TIGHT)
    assert auroc(truth, score) == pytest.approx(wanted["auc"], **TIGHT)
    assert found.se**2 == pytest.approx(wanted["var_delong"], **TIGHT)
    assert [found.low, found.high] == pytest.approx(wanted["ci_delong"], **LOOSE)
    assert (found.events, found.n) == (wanted["n_pos"], wanted["n_pos"] + wanted["n_neg"])
    assert binormal_variance(truth, score) == pytest.approx(wanted["var_obuchowski"], **TIGHT)


def meets_test(found: Estimate, wanted: dict[str, Any]) -> None:
    assert found.estimate == pytest.approx(wanted["estimate"][0] - wanted["estimate"][1], rel=1e-7)
    assert found.statistic == pytest.approx(wanted["statistic"], **LOOSE)
    assert found.p == pytest.approx(wanted["p"], **LOOSE)
    if wanted["parameter"] is not None:
        assert found.df == pytest.approx(wanted["parameter"], **LOOSE)
    if wanted["ci_diff"] is not None:
        assert [found.low, found.high] == pytest.approx(wanted["ci_diff"], **LOOSE)


@pytest.mark.parametrize("name", ["wfns", "s100b", "ndka"])
def test_01_one_model(name: str) -> None:
    data = table("01_delong_roc", "scores.csv")
    meets_single(data["truth"], data[name], expected("01_delong_roc")["single"][name])


@pytest.mark.parametrize("pair", ["wfns_vs_s100b", "wfns_vs_ndka", "s100b_vs_ndka"])
def test_01_paired(pair: str) -> None:
    data = table("01_delong_roc", "scores.csv")
    first, second = pair.split("_vs_")
    meets_test(compare_paired(data["truth"], data[first], data[second]), expected("01_delong_roc")["paired"][pair])


def test_01_covariance() -> None:
    data = table("01_delong_roc", "scores.csv")
    found = covariance(*components(data["truth"], np.stack([data["wfns"], data["s100b"]])))[0, 1]
    assert found == pytest.approx(expected("01_delong_roc")["covariance"]["wfns_s100b"], **TIGHT)


@pytest.mark.parametrize("name", ["wfns", "s100b"])
def test_01_unpaired(name: str) -> None:
    data = table("01_delong_roc", "scores.csv")
    wanted = expected("01_delong_roc")["unpaired_by_gender"][name]
    one = data["gender"] == wanted["group1"]
    found = compare_unpaired(data["truth"][one], data[name][one], data["truth"][~one], data[name][~one])
    meets_test(found, wanted["test"])
    assert auroc(data["truth"][one], data[name][one]) == pytest.approx(wanted["auc1"], **TIGHT)
    assert auroc(data["truth"][~one], data[name][~one]) == pytest.approx(wanted["auc2"], **TIGHT)


@pytest.mark.parametrize("name", ["model_a", "model_b"])
def test_02_one_model_near_one(name: str) -> None:
    data, wanted = table("02_delong_high_auc", "scores.csv"), expected("02_delong_high_auc")
    meets_single(data["truth"], data[name], wanted["single"][name])
    found = delong(data["truth"], data[name])
    assert found.method == "DeLong, logit"
    assert [found.low, found.high] == pytest.approx(wanted["logit_delong_ci"][name], **LOOSE)


def test_02_comparisons() -> None:
    data, wanted = table("02_delong_high_auc", "scores.csv"), expected("02_delong_high_auc")
    meets_test(compare_paired(data["truth"], data["model_a"], data["model_b"]), wanted["paired"])
    meets_test(compare_unpaired(data["truth"], data["model_a"], data["truth"], data["model_b"]), wanted["unpaired"])
    found = covariance(*components(data["truth"], np.stack([data["model_a"], data["model_b"]])))[0, 1]
    assert found == pytest.approx(wanted["covariance"], **TIGHT)


def test_29_clustered() -> None:
    data, wanted = table("29_clustered_auc", "units.csv"), expected("29_clustered_auc")
    pair = wanted["paired_clustered"]
    for name, letter in (("model_a", "A"), ("model_b", "B")):
        found = clustered_auroc(data["truth"], data[name], data["patient"], interval="wald")
        assert [found.estimate, found.se**2, found.se, found.low, found.high] == pytest.approx(
            [pair[f"{part}.{letter}"] for part in ("auc", "auc.var", "auc.se", "ci.bot", "ci.top")], **TIGHT
        )
    single = wanted["single_clustered"]
    found = clustered_auroc(data["truth"], data["model_a"], data["patient"], interval="wald")
    assert [found.estimate, found.se**2, found.se, found.low, found.high] == pytest.approx(
        [single[part] for part in ("auc", "auc.var", "auc.se", "ci.bot", "ci.top")], **TIGHT
    )
    gap = compare_clustered(data["truth"], data["model_a"], data["model_b"], data["patient"], interval="wald")
    assert [gap.estimate, gap.se**2, gap.se, gap.low, gap.high, gap.p] == pytest.approx(
        [pair[f"{part}.AminusB"] for part in ("auc", "auc.var", "auc.se", "ci.bot", "ci.top")] + [pair["p.value"]], **TIGHT
    )
    naive = covariance(*components(data["truth"], np.stack([data["model_a"], data["model_b"]])))
    wanted_naive = wanted["naive_delong"]
    assert [naive[0, 0], naive[1, 1], naive[0, 1]] == pytest.approx([wanted_naive[key] for key in ("var_a", "var_b", "cov")], **TIGHT)


def test_29_clusters_of_one_are_delong() -> None:
    data = table("29_clustered_auc", "units.csv")
    _, cov = clustered_covariance(data["truth"], data["model_a"], np.arange(len(data["truth"])))
    # Obuchowski centres each class's sums at the area: the same divisors then, and no S11 without shared patients.
    assert cov[0, 0] == pytest.approx(delong(data["truth"], data["model_a"]).se ** 2, rel=1e-12)


@pytest.mark.parametrize("name", ["perfect", "almost", "moderate"])
def test_30_near_one(name: str) -> None:
    data, wanted = table("30_auc_near_one", "scores.csv"), expected("30_auc_near_one")[name]
    own = data["set"] == name
    truth, score = data["truth"][own], data["score"][own]
    area = auroc(truth, score)
    assert area == pytest.approx(wanted["newcombe5"]["auc"], abs=1e-8)
    limits = newcombe_limits(area, wanted["n_pos"], wanted["n_neg"])
    assert limits == pytest.approx((wanted["newcombe5"]["lower"], wanted["newcombe5"]["upper"]), abs=1e-4)
    if name == "perfect":  # the program prints the point 1 to 1; it must never be printed
        assert (delong(truth, score).low, delong(truth, score).high) == limits
        assert np.isnan(delong(truth, score, interval="wald").low)
        return
    # What auRoc calls pepe is the logit interval with Newcombe's variance, not DeLong's.
    logit = logit_limits(area, newcombe_variance(area, wanted["n_pos"], wanted["n_neg"]) ** 0.5, z_of(0.95))
    assert logit == pytest.approx((wanted["pepe_logit"]["lower"], wanted["pepe_logit"]["upper"]), abs=1e-8)
    wald = delong(truth, score, interval="wald")  # auRoc does not clip at 1
    half = z_of(0.95) * wald.se
    assert (area - half, area + half) == pytest.approx((wanted["delong"]["lower"], wanted["delong"]["upper"]), abs=1e-8)
    assert wald.high == min(wanted["delong"]["upper"], 1.0) or wald.high == pytest.approx(wanted["delong"]["upper"], abs=1e-8)

"""geepack 1.3.9 on a cluster-randomised trial; lme4 1.1.31, lmerTest 3.1.3 and pbkrtest 0.5.2 on reading times."""

from typing import Any

import numpy as np
import pytest
from scipy.stats import chi2

from condyle.evaluate.gee import full_jackknife, gee
from condyle.evaluate.mixed_model import intercept, intercept_and_slope, mixed_model
from tests.reference.reading import expected, table

TRIAL, TIMES = "22_gee_risk_difference", "23_mixed_model_reading_time"
MODELS = {
    "risk_difference_identity_indep": ("identity", "independence", ("arm",)),
    "risk_difference_identity_exch": ("identity", "exchangeable", ("arm",)),
    "risk_ratio_log_exch": ("log", "exchangeable", ("arm",)),
    "logit_exch": ("logit", "exchangeable", ("arm", "x")),
    "gaussian_identity_exch": ("gaussian", "exchangeable", ("arm",)),
}
EXACT = {"rtol": 1e-6, "atol": 0}


def columns(names: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    trial = table(TRIAL, "trial.csv")
    return trial["y"], np.column_stack([np.ones(len(trial["y"])), *(trial[name] for name in names)]), trial["cluster"]


@pytest.mark.parametrize("key", MODELS)
def test_geepack(key: str) -> None:
    link, correlation, names = MODELS[key]
    theirs, (outcome, design, clusters) = expected(TRIAL)[key], columns(names)
    ours = gee(outcome, design, clusters, link=link, correlation=correlation, names=("(Intercept)", *names))
    assert (ours.n, ours.clusters) == (expected(TRIAL)["n"], expected(TRIAL)["clusters"])
    np.testing.assert_allclose(ours.coefficient, list(theirs["coef"].values()), **EXACT)
    np.testing.assert_allclose(ours.se("sandwich"), list(theirs["se"].values()), **EXACT)
    np.testing.assert_allclose((ours.coefficient / ours.se("sandwich")) ** 2, list(theirs["wald"].values()), **EXACT)
    np.testing.assert_allclose(chi2.sf((ours.coefficient / ours.se("sandwich")) ** 2, 1), list(theirs["p"].values()), rtol=1e-5, atol=1e-15)
    if theirs["alpha"]:
        np.testing.assert_allclose(ours.alpha, theirs["alpha"], **EXACT)
    else:
        assert ours.alpha == 0


def test_jackknife_standard_errors() -> None:
    outcome, design, clusters = columns(("arm",))
    theirs = expected(TRIAL)
    ours = gee(outcome, design, clusters, correlation="exchangeable")
    np.testing.assert_allclose(ours.se("jackknife"), list(theirs["jackknife_se_identity_exch"].values()), **EXACT)
    full = np.sqrt(np.diag(full_jackknife(outcome, design, clusters, correlation="exchangeable")))
    np.testing.assert_allclose(full, list(theirs["fully_iterated_jackknife"].values()), **EXACT)


@pytest.mark.parametrize("key", ["random_intercepts", "random_slope_reader"])
def test_lme4(key: str) -> None:
    theirs, times = expected(TIMES)[key], table(TIMES, "reading.csv")
    design = np.column_stack([np.ones(len(times["aided"])), times["aided"], times["period"] - 1])
    reader = (
        intercept("reader", times["reader"])
        if key == "random_intercepts"
        else intercept_and_slope("reader", times["reader"], times["aided"], "aided")
    )
    ours = mixed_model(times["log_minutes"], design, [reader, intercept("case", times["case"])], names=["one", "aided", "period"])
    for effect, satterthwaite, kenward_roger in zip(
        ours.fixed, theirs["fixed_satterthwaite"], theirs["fixed_kenward_roger"], strict=True
    ):
        close(effect.estimate, satterthwaite["Estimate"], 1e-6)
        close(effect.se, satterthwaite["Std. Error"], 1e-4)
        close(effect.df_satterthwaite, satterthwaite["df"], 1e-3)
        close(effect.se_kr, kenward_roger["Std. Error"], 1e-4)
        close(effect.df_kr, kenward_roger["df"], 1e-3)
        close(effect.statistic, kenward_roger["t value"], 1e-4)
        assert effect.p == pytest.approx(kenward_roger["Pr(>|t|)"], rel=2e-3, abs=1e-12)
        assert effect.p_satterthwaite == pytest.approx(satterthwaite["Pr(>|t|)"], rel=2e-3, abs=1e-12)
    components = {(one.group, one.column, one.other): one.value for one in ours.random}
    for row in theirs["random"]:
        close(components[_key(row)], row["vcov"], 1e-3)
    assert len(components) == len(theirs["random"])
    close(ours.log_likelihood, theirs["loglik_reml"], 1e-6)
    assert ours.singular == theirs["singular"]


def test_the_closed_form_of_a_balanced_slope() -> None:
    """SOURCE.txt: lme4's own error is larger than ours; balanced, the standard error of the slope is 0.03511967."""
    times = table(TIMES, "reading.csv")
    design = np.column_stack([np.ones(len(times["aided"])), times["aided"], times["period"] - 1])
    random = [intercept_and_slope("reader", times["reader"], times["aided"], "aided"), intercept("case", times["case"])]
    ours = mixed_model(times["log_minutes"], design, random, names=["one", "aided", "period"]).of("aided")
    assert ours.se == pytest.approx(0.03511967, abs=5e-9)
    assert ours.df_kr == pytest.approx(7, abs=1e-6)


def _key(row: dict[str, Any]) -> tuple[str, str, str]:
    if row["grp"] == "Residual":
        return "residual", "", ""
    first, second = ("(intercept)" if name == "(Intercept)" else name or "" for name in (row["var1"], row["var2"]))
    return row["grp"], first, second


def close(ours: float, theirs: float, tolerance: float) -> None:
    assert ours == pytest.approx(theirs, rel=tolerance)

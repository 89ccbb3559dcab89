"""Folders 20, 21: rms, loess, lowess, dcurves."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import chi2

from condyle.evaluate.calibration import brier, logit
from condyle.evaluate.decision_curve import decision_curve
from condyle.evaluate.ranking import auroc
from condyle.evaluate.recalibration import logistic, recalibration, spiegelhalter
from condyle.evaluate.smooth_calibration import smooth_calibration
from tests.reference.reading import expected, table

REL = {"rel": 1e-6}


def test_20_recalibration() -> None:
    data, wanted = table("20_calibration", "predictions.csv"), expected("20_calibration")
    truth, p = data["truth"], data["p"]
    assert (len(truth), truth.sum()) == (wanted["n"], wanted["events"])
    found = recalibration(truth, p)
    assert [found.slope.estimate, found.slope.se] == pytest.approx(list(wanted["slope"].values()), **REL)
    assert [found.in_the_large.estimate, found.in_the_large.se] == pytest.approx(list(wanted["calibration_in_the_large"].values()), **REL)
    assert found.intercept.estimate == pytest.approx(wanted["slope_intercept"], **REL)
    assert found.observed_to_expected.estimate == pytest.approx(wanted["oe_ratio"], **REL)
    assert brier(truth, p) == pytest.approx(wanted["brier"], **REL)


def test_20_val_prob() -> None:
    data, wanted = table("20_calibration", "predictions.csv"), expected("20_calibration")["val_prob"]
    truth, p = data["truth"], data["p"]
    n, z = len(truth), logit(p)
    fit, null = logistic(truth, np.stack([np.ones(n), z], axis=1)), logistic(truth, np.ones((n, 1)))
    given = float(2 * (np.logaddexp(0, z) - truth * z).sum())  # -2 log likelihood of the scores as they are
    gain, unreliable = null.deviance - given, given - fit.deviance  # discrimination of the scores as they are
    discrimination, loss = (gain - 1) / n, (unreliable - 2) / n
    lowess = smooth_calibration(truth, p, smoother="lowess")
    area = auroc(truth, p)
    nagelkerke = (1 - np.exp(-gain / n)) / (1 - np.exp(-null.deviance / n))
    found = {
        "Dxy": 2 * area - 1, "C (ROC)": area, "R2": nagelkerke, "D": discrimination, "D:Chi-sq": gain, "U": loss,
        "U:Chi-sq": unreliable, "U:p": chi2.sf(unreliable, 2), "Q": discrimination - loss, "Brier": brier(truth, p),
        "Intercept": fit.coefficients[0], "Slope": fit.coefficients[1], "Emax": lowess.emax, "E90": lowess.e90, "Eavg": lowess.ici,
        "S:z": spiegelhalter(truth, p)[0], "S:p": spiegelhalter(truth, p)[1],
    }  # fmt: skip
    theirs = {key: value for key, value in wanted.items() if value is not None}
    assert set(theirs) == set(found)
    assert found == pytest.approx(theirs, **REL)


def test_20_smooth() -> None:
    data, wanted = table("20_calibration", "predictions.csv"), expected("20_calibration")
    loess = smooth_calibration(data["truth"], data["p"])
    assert [loess.ici, loess.e50, loess.e90] == pytest.approx([wanted[k] for k in ("ici_loess_degree2", "e50_loess", "e90_loess")], **REL)
    assert smooth_calibration(data["truth"], data["p"], smoother="lowess").ici == pytest.approx(wanted["ici_lowess_iter0"], **REL)


def test_21_decision_curves() -> None:
    data, wanted = table("21_decision_curve", "data.csv"), expected("21_decision_curve")
    truth = data["cancer"]
    names = {row["variable"] for row in wanted["dca"]} - {"all", "none"}
    assert names <= set(data)
    for part, key in (
        ("dca", "net_benefit"),
        ("standardized", "standardized_net_benefit"),
        ("net_intervention_avoided", "net_intervention_avoided"),
    ):
        assert wanted[part]
        for row in wanted[part]:
            score = {"all": np.ones(len(truth)), "none": np.zeros(len(truth))}.get(row["variable"])
            score = data[row["variable"]] if score is None else score
            curve = decision_curve(truth, score, row["threshold"])
            value = {"dca": curve.net_benefit, "standardized": curve.standardised, "net_intervention_avoided": curve.avoided}[part][0]
            if row.get(key) is not None and np.isfinite(row[key]):
                assert value == pytest.approx(row[key], rel=1e-6, abs=1e-12), row

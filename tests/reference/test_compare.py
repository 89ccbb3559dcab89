"""Folders 05, 06, 13: DTComPair, exact2x2, PropCIs, ratesci."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.stats import chi2, norm

from condyle.evaluate import unpaired_proportions
from condyle.evaluate.diagnostic import accuracy, count, likelihood_ratios
from condyle.evaluate.paired_predictive import generalised_score, relative_likelihood_ratios, relative_predictive_values, relative_share
from condyle.evaluate.paired_proportions import (
    Pairs,
    adjusted_wald,
    conditional_odds_ratio,
    mcnemar,
    newcombe,
    noninferior_p,
    pair,
    tango,
    tango_score,
)
from condyle.evaluate.unpaired_proportions import difference_score, miettinen_nurminen, newcombe_unpaired, ratio_limits, ratio_score
from tests.reference.reading import expected, table

CLOSED = {"abs": 1e-8}
SCORE = {"abs": 2e-6}


def cases() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    data = table("05_paired_predictive_values", "cases.csv")
    return data["d"], data["y1"], data["y2"]


def test_05_each_test_alone() -> None:
    truth, first, second = cases()
    for name, called in (("Test1", first), ("Test2", second)):
        wanted = expected("05_paired_predictive_values")["acc"][name]
        found = accuracy(truth, called)
        for theirs, ours in (("sensitivity", "sensitivity"), ("specificity", "specificity"), ("ppv", "PPV"), ("npv", "NPV")):
            assert [found[ours].estimate, found[ours].se] == pytest.approx(wanted[theirs][:2], **CLOSED)
            half = norm.ppf(0.975) * found[ours].se  # their interval is Wald
            assert [found[ours].estimate - half, found[ours].estimate + half] == pytest.approx(wanted[theirs][2:], **CLOSED)
        ratios = likelihood_ratios(count(truth, called))
        for theirs, ours in (("pdlr", "LR+"), ("ndlr", "LR-")):
            one = ratios[ours]
            assert [one.estimate, one.low, one.high] == pytest.approx([wanted[theirs][i] for i in (0, 2, 3)], **CLOSED)
            assert np.log(one.high / one.low) / (2 * norm.ppf(0.975)) == pytest.approx(wanted[theirs][1], **CLOSED)


@pytest.mark.parametrize(("name", "weighted"), [("pv_gs", False), ("pv_wgs", True)])
@pytest.mark.parametrize("value", ["PPV", "NPV"])
def test_05_generalised_scores(name: str, weighted: bool, value: str) -> None:
    wanted = expected("05_paired_predictive_values")[name][value.lower()]
    found = generalised_score(*cases(), value, weighted=weighted)
    assert [found.estimate, found.statistic, found.p] == pytest.approx(wanted[2:], **CLOSED)


def test_05_relative_predictive_values() -> None:
    wanted = expected("05_paired_predictive_values")["pv_rpv"]
    ppv, npv, cov = relative_predictive_values(*cases())
    for one, row, variance in ((ppv, wanted["ppv"], cov[0, 0]), (npv, wanted["npv"], cov[1, 1])):
        assert [one.estimate, variance**0.5, one.low, one.high, one.statistic, one.p] == pytest.approx(row[2:], **CLOSED)
    sigma = [[row["log.rppv"], row["log.rnpv"]] for row in wanted["Sigma"]]
    assert cov.tolist() == [pytest.approx(row, **CLOSED) for row in sigma]


def test_05_likelihood_ratios() -> None:
    wanted = expected("05_paired_predictive_values")["dlr_regtest"]
    for one, row in zip(relative_likelihood_ratios(*cases()), (wanted["pdlr"], wanted["ndlr"]), strict=True):
        assert [one.estimate, one.se / one.estimate, one.statistic, one.p, one.low, one.high] == pytest.approx(
            [row[k] for k in ("ratio", "se.log", "test.statistic", "p.value", "lcl", "ucl")], **CLOSED
        )


def test_05_sensitivity_and_specificity() -> None:
    truth, first, second = cases()
    wanted = expected("05_paired_predictive_values")
    for name, own, right in (("sensitivity", truth == 1, 1), ("specificity", truth == 0, 0)):
        pairs = pair(second[own] == right, first[own] == right)  # the program gives second minus first
        test = wanted["sesp_mcnemar"][name]
        assert [pairs.difference, (pairs.b - pairs.c) ** 2 / (pairs.b + pairs.c), mcnemar(pairs).chi_square] == pytest.approx(
            test[2:], **CLOSED
        )
        assert mcnemar(pairs).exact == pytest.approx(wanted["sesp_exactbinom"][name][3], **CLOSED)
        for method, added, to in (("wald", 0, "cells"), ("agresti_min", 0.5, "cells"), ("bonett_price", 1, "discordant")):
            row = wanted["sesp_diff"][method][name]
            _, se, half = adjusted_wald(pairs, added, to=to)
            assert pairs.difference == pytest.approx(row[2], **CLOSED)
            # DTComPair keeps the plain difference as centre; PropCIs (folder 06) centres at the adjusted one, as published.
            assert [se, pairs.difference - half, pairs.difference + half] == pytest.approx(row[3:], **CLOSED)
        assert tango(pairs) == pytest.approx(tuple(wanted["sesp_diff"]["tango"][name][4:]), **SCORE)
        relative = relative_share(name, first[own] == right, second[own] == right)
        row = wanted["sesp_rel"][name]
        assert [relative.estimate, relative.se / relative.estimate, relative.low, relative.high, relative.p] == pytest.approx(
            row[2:], **CLOSED
        )


@pytest.mark.parametrize("name", list(expected("06_paired_proportions")))
def test_06(name: str) -> None:
    wanted = expected("06_paired_proportions")[name]
    pairs = Pairs(*(wanted[cell] for cell in "abcd"))
    test = mcnemar(pairs)
    if pairs.b + pairs.c:
        assert [test.chi_square, test.corrected] == pytest.approx([wanted["mcnemar_p"], wanted["mcnemar_cc_p"]], **CLOSED)
        assert chi2.isf(test.chi_square, 1) == pytest.approx(wanted["mcnemar_chisq"], **CLOSED)
    else:  # R has no chi-square without discordant pairs; there is no evidence of a difference
        assert (wanted["mcnemar_p"], test.chi_square, test.corrected) == (None, 1.0, 1.0)
    assert [test.exact, test.midp] == pytest.approx([wanted["exact_p"], wanted["midp_p"]], **CLOSED)
    theirs = [np.inf if limit is None else limit for limit in wanted["exact_or_ci"]]  # R's Inf became null
    assert conditional_odds_ratio(pairs) == pytest.approx(tuple(theirs), abs=5e-8)  # exact2x2 iterates
    low, high = tango(pairs)
    row = wanted["ratesci_tango"][0]
    assert [pairs.difference, low, high] == pytest.approx([row[k] for k in ("est", "lower", "upper")], **SCORE)
    assert [-high, -low] == pytest.approx(wanted["propcis_tango_scoreci_mp"], **SCORE)  # their sign is second minus first
    for added, key in ((0, "propcis_wald"), (0.5, "propcis_agresti_min")):
        gap, _, half = adjusted_wald(pairs, added)
        theirs = wanted[key] if isinstance(wanted[key], list) else wanted[key]["ci"]
        assert [-gap - half, -gap + half] == pytest.approx(theirs, **CLOSED)
    for corrected, key in ((True, "ratesci_newcombe_wilson"), (False, "ratesci_mover_wilson")):
        row = wanted[key][0]
        assert newcombe(pairs, corrected=corrected) == pytest.approx((row["lower"], row["upper"]), **SCORE)
    for key, margin in (("m0.05", 0.05), ("m0.10", 0.10)):
        row = wanted["ratesci_noninferiority"][key]
        assert tango_score(pairs, -margin) == pytest.approx(row["scorenull"], **CLOSED)
        assert noninferior_p(pairs, margin) == pytest.approx(row["pval_right"] if row["scorenull"] < 0 else 1 - row["pval_left"], **CLOSED)


def counts(wanted: dict[str, Any]) -> tuple[int, int, int, int]:
    return wanted["x1"], wanted["n1"], wanted["x2"], wanted["n2"]


@pytest.mark.parametrize("name", list(expected("13_miettinen_nurminen")))
def test_13(name: str) -> None:
    wanted = expected("13_miettinen_nurminen")[name]
    four = counts(wanted)
    for key, inflate in (("mn_rd", True), ("mee_rd_no_bias_correction", False)):
        row, test = wanted[key]["est"][0], wanted[key]["p"][0]
        assert miettinen_nurminen(*four, inflate=inflate) == pytest.approx((row["lower"], row["upper"]), **SCORE)
        assert four[0] / four[1] - four[2] / four[3] == pytest.approx(row["est"], **SCORE)
        assert difference_score(*four, 0.0, inflate=inflate) == pytest.approx(test["scorenull"], **SCORE)
        assert difference_score(*four, 0.0, inflate=inflate) ** 2 == pytest.approx(test["chisq"], **SCORE)
    row, test = wanted["mn_rr"]["est"][0], wanted["mn_rr"]["p"][0]
    assert ratio_limits(*four) == pytest.approx((row["lower"], row["upper"]), **SCORE)
    assert ratio_score(*four, 1.0) == pytest.approx(test["scorenull"], **SCORE)
    for key, margin in (("noninferiority_rd_m0.05", 0.05), ("noninferiority_rd_m0.10", 0.10)):
        test = wanted[key]["p"][0]
        assert difference_score(*four, -margin) == pytest.approx(test["scorenull"], **SCORE)
        assert unpaired_proportions.noninferior_p(*four, margin) == pytest.approx(test["pval_right"], **SCORE)
    assert miettinen_nurminen(*four) == pytest.approx(tuple(wanted["propcis_diffscoreci"]), **SCORE)
    row = wanted["newcombe_hybrid_wilson"][0]
    assert newcombe_unpaired(*four) == pytest.approx((row["lower"], row["upper"]), **SCORE)


@pytest.mark.parametrize("name", list(expected("13_miettinen_nurminen")))
def test_13_koopman(name: str) -> None:
    wanted = expected("13_miettinen_nurminen")[name]
    found = ratio_limits(*counts(wanted), inflate=False)
    assert found == pytest.approx(tuple(wanted["propcis_riskscoreci"]), **SCORE)

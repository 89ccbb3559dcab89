"""Folders 17, 18, 19: irr, irrCAC, psych, vcd, epiR."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import f

from condyle.evaluate.agreement import confusion, quadratic_kappa
from condyle.evaluate.bland_altman import limits_of_agreement
from condyle.evaluate.cohen import beside, cohen_kappa, light_kappa
from condyle.evaluate.concordance import concordance
from condyle.evaluate.estimate import z_of
from condyle.evaluate.icc import agreement_limits, icc, mean_squares, satterthwaite_df
from condyle.evaluate.kendall import kendall_w
from condyle.evaluate.many_raters import fleiss_test, observed_and_chance, rater_agreement
from tests.reference.reading import expected, table

TIGHT = {"rel": 1e-7}
ROUNDED = {"abs": 5e-6}
GRADES = (0, 1, 2, 3, 4)
WEIGHTINGS = {"unweighted": "none", "linear": "linear", "quadratic": "quadratic"}


@pytest.mark.parametrize("theirs", WEIGHTINGS)
def test_17_two_raters(theirs: str) -> None:
    data, wanted = table("17_agreement_kappa", "two_raters.csv"), expected("17_agreement_kappa")["two_raters"]
    found = cohen_kappa(data["rater1"], data["rater2"], GRADES, weighting=WEIGHTINGS[theirs])
    assert found.estimate == pytest.approx(wanted["irr"][theirs]["value"], **TIGHT)
    assert found.statistic == pytest.approx(wanted["irr"][theirs]["statistic"], **TIGHT)
    assert found.p == pytest.approx(wanted["irr"][theirs]["p"], abs=1e-12)
    assert [found.estimate, found.se] == pytest.approx([wanted["vcd"][theirs]["value"], wanted["vcd"][theirs]["ASE"]], **TIGHT)


def test_17_psych_and_shares() -> None:
    data, wanted = table("17_agreement_kappa", "two_raters.csv"), expected("17_agreement_kappa")["two_raters"]
    plain = cohen_kappa(data["rater1"], data["rater2"], GRADES, weighting="none")
    row = wanted["psych"]["confid"][0]
    assert [plain.low, plain.estimate, plain.high] == pytest.approx([row[part] for part in ("lower", "estimate", "upper")], **TIGHT)
    assert plain.se**2 == pytest.approx(wanted["psych"]["var_kappa"], **TIGHT)
    # psych 2.2.9 prints a variance of 0 for the weighted kappa, an interval that is a point: its estimate only can be met.
    assert wanted["psych"]["var_weighted"] == 0
    assert quadratic_kappa(data["rater1"], data["rater2"], GRADES) == pytest.approx(wanted["psych"]["confid"][1]["estimate"], **TIGHT)
    assert beside(data["rater1"], data["rater2"], GRADES).exact == pytest.approx(wanted["exact_agreement"], **TIGHT)
    assert np.abs(data["rater1"] - data["rater2"]).mean() == pytest.approx(wanted["mae"], **TIGHT)
    counts = [[row[str(step)] for step in GRADES] for row in wanted["table"]]
    assert confusion(data["rater1"], data["rater2"], GRADES).tolist() == counts


NAMES = {
    "gwet": "Gwet AC",
    "fleiss": "Fleiss kappa",
    "conger": "Conger kappa",
    "krippendorff": "Krippendorff alpha",
    "brennan_prediger": "Brennan-Prediger",
}


def many_raters() -> np.ndarray:
    """Three raters: the programs were given the table without its first column (irr prints 3 raters)."""
    data = table("17_agreement_kappa", "many_raters.csv")
    return np.stack([data[name] for name in ("Rater2", "Rater3", "Rater4")], axis=1)


def test_17_irr_many_raters() -> None:
    wanted, ratings = expected("17_agreement_kappa")["many_raters"], many_raters()
    whole, steps = ratings[~np.isnan(ratings).any(axis=1)], (1, 2, 3, 4, 5)
    fleiss = wanted["irr_fleiss_complete_rows"]
    assert len(whole) == fleiss["subjects"]
    assert rater_agreement(whole, steps, "Fleiss kappa").estimate == pytest.approx(fleiss["value"], **TIGHT)
    assert fleiss_test(whole, steps) == pytest.approx((fleiss["statistic"], fleiss["p"]), **TIGHT)
    assert rater_agreement(whole, steps, "Conger kappa").estimate == pytest.approx(wanted["irr_conger_exact"]["value"], **TIGHT)
    assert light_kappa(whole, steps) == pytest.approx(wanted["irr_light"]["value"], **TIGHT)
    for weighting, value in (
        ("none", wanted["irr_alpha_nominal"]["value"]),
        ("ordinal", wanted["irr_alpha_ordinal"]),
        ("quadratic", wanted["irr_alpha_interval"]),
    ):
        assert rater_agreement(ratings, steps, "Krippendorff alpha", weighting=weighting).estimate == pytest.approx(value, **TIGHT)
    kendall = kendall_w(whole)
    row = wanted["kendall_w"]
    assert [kendall.estimate, kendall.statistic, kendall.p] == pytest.approx([row["value"], row["statistic"], row["p"]], **TIGHT)


@pytest.mark.parametrize("weighting", ["unweighted", "linear", "quadratic"])
@pytest.mark.parametrize("name", NAMES)
def test_17_many_raters(name: str, weighting: str) -> None:
    row = expected("17_agreement_kappa")["many_raters"][f"irrCAC_{weighting}"][name]
    ratings = many_raters()
    observed, chance = observed_and_chance(ratings, (1, 2, 3, 4, 5), NAMES[name], weighting=WEIGHTINGS[weighting])
    assert [observed, chance] == pytest.approx([row["pa"], row["pe"]], **TIGHT)
    found = rater_agreement(ratings, (1, 2, 3, 4, 5), NAMES[name], weighting=WEIGHTINGS[weighting])
    assert [found.estimate, found.se] == pytest.approx([row["coeff.val"], row["coeff.se"]], **ROUNDED)
    low, high = (float(part) for part in row["conf.int"].strip("()").split(","))
    assert [found.low, found.high] == pytest.approx([low, high], abs=5.1e-4)  # printed with three decimals
    assert found.p == pytest.approx(row["p.value"], rel=1e-4)  # from the rounded coefficient and error


FORMS = {"ICC1": "ICC(1)", "ICC2": "ICC(A,1)", "ICC3": "ICC(C,1)", "ICC1k": "ICC(k)", "ICC2k": "ICC(A,k)", "ICC3k": "ICC(C,k)"}


def test_18_psych() -> None:
    ratings = np.stack([column for name, column in table("18_icc", "ratings.csv").items() if name != "subject"], axis=1)
    for row in expected("18_icc")["psych"]:
        found = icc(ratings, FORMS[row["type"]])
        assert [found.estimate, found.statistic, found.df, found.p] == pytest.approx([row["ICC"], row["F"], row["df2"], row["p"]], **TIGHT)
        low, high = row["lower bound"], row["upper bound"]
        if row["type"] == "ICC2k":  # psych steps the limits of the single rating up by Spearman-Brown, irr uses the mean's own
            single = icc(ratings, "ICC(A,1)")
            assert [4 * x / (1 + 3 * x) for x in (single.low, single.high)] == pytest.approx([low, high], **TIGHT)
        else:
            assert [found.low, found.high] == pytest.approx([low, high], **TIGHT)


@pytest.mark.parametrize(
    ("theirs", "form"),
    [
        ("oneway_single", "ICC(1)"),
        ("twoway_consistency_single", "ICC(C,1)"),
        ("twoway_agreement_single", "ICC(A,1)"),
        ("twoway_agreement_average", "ICC(A,k)"),
    ],
)
def test_18_irr(theirs: str, form: str) -> None:
    ratings = np.stack([column for name, column in table("18_icc", "ratings.csv").items() if name != "subject"], axis=1)
    row, found = expected("18_icc")["irr"][theirs], icc(ratings, form)
    ms, df2, limits = mean_squares(ratings), found.df, (found.low, found.high)
    if "(A" in form:
        # irr tests with the degrees of freedom at the estimate (ours, like psych's, are those of the null), and for the mean
        # of k raters it puts the mean's coefficient into the formula of a single rating. Both can be asked for.
        df2 = satterthwaite_df(ms, found.estimate, of_mean=False)
        limits = agreement_limits(ms, df2, of_mean=form == "ICC(A,k)")
    assert [found.estimate, found.statistic, *limits] == pytest.approx([row[k] for k in ("value", "F", "lower", "upper")], **TIGHT)
    assert [df2, f.sf(found.statistic, row["df1"], df2)] == pytest.approx([row["df2"], row["p"]], **TIGHT)


def test_19_bland_altman_and_concordance() -> None:
    data, wanted = table("19_bland_altman_ccc", "pairs.csv"), expected("19_bland_altman_ccc")
    a, b = data["method_a"], data["method_b"]
    assert len(a) == wanted["n"]
    found, plain = concordance(a, b), concordance(a, b, transform=False)
    for one, row in ((found.ccc, wanted["ccc"]), (plain.ccc, wanted["ccc_asymptotic"])):
        assert [one.estimate, one.low, one.high] == pytest.approx([row["est"], row["lower"], row["upper"]], **TIGHT)
    assert [found.scale_shift, found.location_shift, found.accuracy] == pytest.approx(
        [wanted["s_shift"], wanted["l_shift"], wanted["C_b"]], **TIGHT
    )
    limits = limits_of_agreement(a, b)
    row = wanted["bland_altman"]
    assert [limits.bias.estimate, limits.sd] == pytest.approx([row["mean_diff"], row["sd_diff"]], **TIGHT)
    assert [limits.bias.low, limits.bias.high] == pytest.approx(row["ttest_mean_ci"], **TIGHT)
    one = row["sblalt"][0]
    assert [limits.bias.estimate, limits.sd, limits.lower.estimate, limits.upper.estimate] == pytest.approx(
        [one[k] for k in ("est", "delta.sd", "lower", "upper")], **TIGHT
    )
    repeated = limits_of_agreement(a, b, data["subject"])
    one = wanted["repeated_measures_sblalt"][0]
    assert [repeated.bias.estimate, repeated.sd, repeated.lower.estimate, repeated.upper.estimate] == pytest.approx(
        [one[k] for k in ("est", "delta.sd", "lower", "upper")], **TIGHT
    )
    assert z_of(0.95) == pytest.approx(1.959963984540054)

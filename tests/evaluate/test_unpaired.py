"""Two sets of different patients, and shares against statsmodels' own programs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.special import expit, xlogy
from scipy.stats import norm
from statsmodels.stats.proportion import confint_proportions_2indep

from condyle.errors import InputError
from condyle.evaluate.comparison_study import unpaired_study
from condyle.evaluate.delong import compare_unpaired
from condyle.evaluate.finding_table import FindingTable
from condyle.evaluate.standalone import Settings
from condyle.evaluate.study_evidence import Claim
from condyle.evaluate.unpaired import unpaired_differences
from condyle.evaluate.unpaired_proportions import (
    difference_score,
    miettinen_nurminen,
    newcombe_unpaired,
    noninferior_p,
    unpaired_difference,
)

QUICK = Settings(resamples=100)


def cohort(place: str, n: int, gain: float, *, each: int = 1, seed: int = 0) -> FindingTable:
    """n patients with ``each`` rows of a binary finding."""
    rng = np.random.default_rng(seed)
    people = np.repeat(np.arange(n), each)
    truth = (rng.random(n * each) < 0.4).astype(float)
    score = expit(gain * (truth - 0.5) + np.repeat(rng.normal(0, 0.6, n), each) + rng.normal(0, 0.8, n * each))
    names, none = np.array([f"{place}{one}" for one in people]), np.full(n * each, np.nan)
    text = np.array([""] * n * each)
    rows = np.array([f"{name}_{k % each}" for k, name in enumerate(names)])
    return FindingTable(
        "cyst", "binary", rows, names, text, text, truth, score, none, (score >= 0.5).astype(float), np.zeros(n * each, bool)
    )  # fmt: skip


def by_measure(first: FindingTable, second: FindingTable) -> dict[str, object]:
    return {line.estimate.measure: line.estimate for line in unpaired_differences([first], [second], QUICK)}


@pytest.mark.parametrize("four", [(7, 30, 19, 45), (0, 12, 0, 9), (12, 12, 3, 9), (1, 200, 0, 3), (250, 400, 230, 410)])
def test_scores_and_limits_from_the_likelihood_itself(four: tuple[int, int, int, int]) -> None:
    """The restricted estimate by a numerical search in place of the closed form; limits are where the score is 1.96.

    (statsmodels 0.15's score_test_proportions_2indep gives other numbers here: it is no oracle.)
    """
    x1, n1, x2, n2 = four
    for at in (-0.3, -0.1, 0.2):
        low, high = max(0.0, -at), min(1.0, 1 - at)

        def unlikely(p2: float, at: float = at) -> float:
            return -float(xlogy(x1, p2 + at) + xlogy(n1 - x1, 1 - p2 - at) + xlogy(x2, p2) + xlogy(n2 - x2, 1 - p2))

        p2 = minimize_scalar(unlikely, bounds=(low, high), method="bounded", options={"xatol": 1e-12}).x
        spread = ((p2 + at) * (1 - p2 - at) / n1 + p2 * (1 - p2) / n2) * (n1 + n2) / (n1 + n2 - 1)
        assert difference_score(*four, at) == pytest.approx((x1 / n1 - x2 / n2 - at) / spread**0.5, rel=1e-4)
    assert noninferior_p(*four, 0.1) == pytest.approx(norm.sf(difference_score(*four, -0.1)))
    low, high = miettinen_nurminen(*four)
    if low > -0.999 and high < 0.999:
        assert [difference_score(*four, at) for at in (low, high)] == pytest.approx([1.959964, -1.959964], abs=1e-6)
    newcombe = confint_proportions_2indep(*four, method="newcomb", compare="diff", alpha=0.05)
    assert newcombe_unpaired(*four) == pytest.approx(newcombe, abs=1e-8)


def test_second_less_first_and_the_cells_behind_it() -> None:
    one, other = cohort("a", 120, 1.0, seed=1), cohort("b", 90, 4.0, seed=2)
    found = by_measure(one, other)
    area = found["difference of AUROC"]
    plain = compare_unpaired(other.truth, other.score, one.truth, one.score)
    assert (area.estimate, area.low, area.p) == (plain.estimate, plain.low, plain.p)
    assert area.estimate > 0
    ill = [table.truth == 1 for table in (other, one)]
    hits = [int(table.called[own].sum()) for table, own in zip((other, one), ill, strict=True)]
    expected = unpaired_difference("difference of sensitivity", hits[0], int(ill[0].sum()), hits[1], int(ill[1].sum()))
    assert found["difference of sensitivity"] == expected
    assert found["difference of sensitivity"].counts == (hits[0], int(ill[0].sum()), hits[1], int(ill[1].sum()))
    assert found["difference of sensitivity, Newcombe"].estimate == expected.estimate
    assert "prevalence" in found["difference of PPV"].warnings[0]


def test_rows_of_one_patient_are_not_independent() -> None:
    """Every row twice: the interval over patients stays what it was; the one for independent rows would have shrunk."""
    one, other = cohort("a", 80, 1.0, each=2, seed=3), cohort("b", 70, 2.0, each=2, seed=4)
    single = by_measure(one, other)
    twice = by_measure(*(table.where(np.repeat(np.arange(len(table)), 2)) for table in (one, other)))
    for name in ("difference of AUROC", "difference of sensitivity", "difference of accuracy"):
        assert "patients" in twice[name].method or "Obuchowski" in twice[name].method
        assert (twice[name].low, twice[name].high) == pytest.approx((single[name].low, single[name].high), rel=1e-9)
    assert "difference of sensitivity, Newcombe" not in twice


def test_common_patients_are_refused() -> None:
    one = cohort("a", 40, 1.0)
    with pytest.raises(InputError, match="40 patient_ids are in both sets"):
        unpaired_differences([one], [replace(one, score=1 - one.score)], QUICK)


def test_claims_and_margins() -> None:
    sets = {"home": [cohort("a", 300, 2.0, seed=5)], "away": [cohort("b", 300, 2.0, seed=6)]}
    asked = (("AUROC", "second - first", 0.2), ("sensitivity", "away - home", 0.3), ("AUROC", "away - home", 0.0))
    claims = [Claim("cyst", *one) for one in asked]
    study = unpaired_study(sets, QUICK, margin=0.2, claims=claims)
    assert [one.met for one in study.endpoints] == [True, True, False]
    area = next(line.estimate for line in study.lines if line.estimate.measure == "difference of AUROC")
    assert any(sentence.startswith("Non-inferiority is shown") for sentence in area.warnings)


@pytest.mark.parametrize("change", ["no positives", "constant", "perfect", "no calls"])
def test_odd_sets_say_why_there_is_no_number(change: str) -> None:
    one, other = cohort("a", 40, 2.0, seed=7), cohort("b", 40, 2.0, seed=8)
    other = {
        "no positives": replace(other, truth=np.zeros(40)),
        "constant": replace(other, score=np.full(40, 0.3)),
        "perfect": replace(other, score=other.truth * 0.8 + 0.1),
        "no calls": replace(other, called=np.full(40, np.nan)),
    }[change]
    for line in unpaired_differences([one], [other], QUICK):
        assert np.isfinite(line.estimate.low) or line.estimate.warnings
    area = next(line.estimate for line in unpaired_differences([one], [other], QUICK) if line.estimate.measure == "difference of AUROC")
    assert change not in ("constant", "perfect") or "too narrow" in " ".join(area.warnings)

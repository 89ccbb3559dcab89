from dataclasses import replace

import numpy as np
import pytest

from condyle.errors import InputError
from condyle.evaluate.mrmc import ModelStudy, area_under_roc, model_study, parse_reads, parse_truth, versus_readers
from condyle.evaluate.mrmc.analysis import Approach
from condyle.evaluate.mrmc.evidence import model_evidence
from condyle.evaluate.proportion import wilson
from condyle.evaluate.standalone import Settings
from condyle.evaluate.study_evidence import Claim
from tests.evaluate.mrmc.studies import study

QUICK = Settings(resamples=100)

WHOLE = study(3, arms=1, readers=4, cases=60)
TRUTH = parse_truth([
    (number, {"study_id": case, "patient_id": case, "finding": "cyst", "value": str(int(ill))})
    for number, (case, ill) in enumerate(zip(WHOLE.cases, WHOLE.truth, strict=True), start=2)
])  # fmt: skip
READS = parse_reads([
    (
        number,
        {
            "reader_id": f"r{reader}", "study_id": WHOLE.cases[case], "finding": "cyst", "arm": "unaided", "score": str(score),
            "decision": "present" if score >= 0.6 else "absent", "seniority": "junior" if reader < 3 else "senior",
        },
    )
    for number, ((reader, case), score) in enumerate(np.ndenumerate(WHOLE.score[0, 1:]), start=2)
])  # fmt: skip
SCORES = {("cyst", (case, "", "")): float(score) for case, score in zip(WHOLE.cases, WHOLE.score[0, 0], strict=True)}


@pytest.fixture(scope="module")
def found() -> ModelStudy:
    return model_study(SCORES, {"cyst": 0.6}, READS, TRUTH, arm="unaided", n=200)


def test_it_is_the_comparison_with_random_readers_and_cases(found: ModelStudy) -> None:
    theirs = versus_readers(area_under_roc(WHOLE), "r0")
    ours = found.of("cyst", "auroc")
    assert ours.difference.estimate == pytest.approx(-theirs.difference)
    assert (ours.difference.low, ours.difference.high, ours.difference.p) == pytest.approx((-theirs.high, -theirs.low, theirs.p))
    assert {one.group for one in found.comparisons} == {"all", "junior"}  # one senior is no group
    assert {one.metric for one in found.comparisons} == {"auroc", "sensitivity", "specificity", "accuracy"}


def test_readers_lie_where_their_decisions_put_them(found: ModelStudy) -> None:
    calls = WHOLE.score[0, 1:] >= 0.6
    for place, point in enumerate(found.points["cyst"]):
        assert point.sensitivity.estimate == pytest.approx(calls[place, WHOLE.truth].mean())
        assert point.specificity.estimate == pytest.approx((~calls[place, ~WHOLE.truth]).mean())
        assert (point.sensitivity.low, point.sensitivity.high) == wilson(calls[place, WHOLE.truth].sum(), WHOLE.truth.sum())
    chart = model_evidence(found, "unaided", QUICK).figures[0]
    curve, readers = chart.series[0], [one for one in chart.series if one.kind == "points"]
    assert (curve.x[0], curve.y[0], curve.x[-1], curve.y[-1]) == (0, 0, 1, 1)
    assert sum(len(one.x) for one in readers) == len(found.points["cyst"])


def test_macro_averages_over_findings_and_fixed_factors() -> None:
    truth = (*TRUTH, *(replace(one, finding="plica") for one in TRUTH))
    reads = (*READS, *(replace(one, finding="plica") for one in READS))
    scores = SCORES | {("plica", case): score for (_, case), score in SCORES.items()}
    groups = {"both": ("cyst", "plica"), "more": ("cyst", "acl_injury")}
    for approach in (Approach(), Approach(readers="fixed"), Approach(cases="fixed")):
        found = model_study(scores, {}, reads, truth, arm="unaided", groups_of_findings=groups, approach=approach)
        one, mean = found.of("cyst", "auroc").difference, found.of("macro both", "auroc").difference
        # The same finding twice: its mean is itself, patients and all.
        assert (mean.estimate, mean.se, mean.p, mean.n) == pytest.approx((one.estimate, one.se, one.p, one.n))
        assert np.isnan(found.of("macro both", "auroc").p_adjusted)
        assert "macro more" not in {line.finding for line in found.comparisons}
        theirs = versus_readers(area_under_roc(WHOLE), "r0", readers=approach.readers, cases=approach.cases)
        assert one.p == pytest.approx(theirs.p)
    with pytest.raises(InputError, match="Obuchowski-Rockette"):
        model_study(SCORES, {}, READS, TRUTH, arm="unaided", approach=Approach("dbm"))


def test_cases_without_a_prediction_are_counted() -> None:
    some = {key: score for key, score in SCORES.items() if key[1][0] not in ("c3", "c4", "c5")}
    less = model_study(some, {}, READS, TRUTH, arm="unaided")
    assert less.excluded["cyst"]["cases without a prediction"] == 3
    assert {one.metric for one in less.comparisons} == {"auroc"}  # no threshold was fixed
    with pytest.raises(InputError, match="no read"):
        model_study(SCORES, {}, READS, TRUTH, arm="aided")


def test_claims_are_judged_by_the_interval(found: ModelStudy) -> None:
    difference = found.of("cyst", "auroc").difference
    wide, narrow = 0.01 - difference.low, -difference.low - 0.01
    claims = [Claim("cyst", "AUROC", "model - readers", margin) for margin in (wide, max(narrow, 0.0))]
    judged = model_evidence(found, "unaided", QUICK, claims=claims, rule="none").endpoints
    assert [one.met for one in judged] == [True, difference.low > 0]
    assert judged[0].p < 0.025 < judged[1].p or difference.low > 0
    absent = model_evidence(found, "unaided", QUICK, claims=[Claim("plica", "auroc", "model - readers")]).endpoints[0]
    assert not absent.met
    assert np.isnan(absent.p)

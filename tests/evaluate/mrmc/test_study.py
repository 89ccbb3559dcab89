"""A whole reader study from rows: what is counted, what is said of rows without a partner, three arms, and what must not matter."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import t

from condyle.errors import InputError, TableError
from condyle.evaluate.mrmc import (
    Approach,
    ReaderStudy,
    Reads,
    area_under_roc,
    dorfman_berbaum_metz,
    obuchowski_rockette,
    parse_reads,
    parse_truth,
    reader_study,
)
from condyle.evaluate.mrmc.evidence import reader_evidence
from condyle.evaluate.multiplicity import holm
from condyle.evaluate.proportion import wilson
from condyle.evaluate.study_evidence import Claim
from tests.evaluate.mrmc.studies import numbered, study, tables, without

ARMS = ("arm0", "arm1")
SMALL = study(21, readers=4, cases=30, gain=0.5)


def analysed(reads: Reads, rows: list[dict[str, str]] | None = None, **settings: object) -> ReaderStudy:
    own, truth = tables(reads)
    settings = {"arms": ARMS, "metrics": ("auroc",), **settings}
    return reader_study(parse_reads(numbered(rows or own)), parse_truth(numbered(truth)), **settings)  # type: ignore[arg-type]


def scores(reads: Reads, change: np.ndarray) -> Reads:
    return Reads(reads.arms, reads.readers, reads.cases, reads.patients, reads.patient, reads.truth, change)


def test_a_reader_without_a_read_is_no_reader_and_gives_no_times() -> None:
    rows, _ = tables(SMALL)
    rows = [{**row, "seconds": str(50 + place % 7)} for place, row in enumerate(rows)]
    silent = [{**row, "reader_id": "mute", "score": "", "decision": "", "seconds": "9000"} for row in rows if row["reader_id"] == "r0"]
    found, plain = analysed(SMALL, rows + silent), analysed(SMALL, rows)
    assert (found.n_readers, found.seniority) == (plain.n_readers, plain.seniority) == (4, {"junior": 2, "senior": 2})
    assert found.times[0].ratio.n == plain.times[0].ratio.n == 240
    assert any(sentence.startswith("mute: no row holds a score or a decision") for sentence in found.warnings)


def test_rows_without_a_partner_are_named_by_their_number() -> None:
    rows, truth = tables(SMALL)
    rows[4] = {**rows[4], "study_id": "elsewhere"}
    truth = [*truth, {"study_id": "unread", "patient_id": "unread", "finding": "cyst", "value": "0"}]
    found = reader_study(parse_reads(numbered(rows)), parse_truth(numbered(truth)), arms=ARMS)
    said = " ".join(found.warnings)
    assert "1 reads have no row of truth and are left out: row 6 of the reading table." in said
    assert f"1 cases with truth were read by nobody: row {len(truth) + 1} of the truth table." in said
    assert found.n_studies == 30  # neither the stranger nor the unread


def test_nan_among_scores_is_a_problem_and_an_empty_cell_is_not() -> None:
    rows, _ = tables(SMALL)
    rows[0]["score"], rows[1]["score"], rows[2]["seconds"] = "nan", "", "NaN"
    with pytest.raises(TableError) as caught:
        parse_reads(numbered(rows))
    assert [line.split(":")[0] for line in caught.value.problems] == ["row 2", "row 4"]


def test_units_positives_and_patients_are_counted() -> None:
    reads = study(22, readers=3, cases=40, per_patient=1)
    rows, truth = tables(reads)
    parsed = parse_reads(numbered(rows)), parse_truth(numbered(truth))
    positive = int(reads.truth.sum())
    for approach in (Approach(), Approach("u"), Approach("dbm")):
        found = reader_study(*parsed, arms=ARMS, approach=approach)
        counted = {
            "auroc": (40, positive, 40), "sensitivity": (positive, positive, positive), "specificity": (40 - positive, 0, 40 - positive),
            "accuracy": (40, positive, 40),
        }  # fmt: skip
        for metric, expected in counted.items():
            for one in (found.of("cyst", metric).difference, found.of("cyst", metric).base_value):
                assert (one.n, one.events, one.clusters) == expected, (approach, metric)


def test_a_constant_reader_has_no_interval_and_is_named() -> None:
    flat = np.array(SMALL.score)
    flat[0, 3] = 0.7
    found = analysed(scores(SMALL, flat))
    gain = found.of("cyst", "auroc").readers[3]
    assert gain.base.estimate == 0.5
    for one in (gain.base, gain.gain):
        assert np.isnan(one.low)
        assert "one score in arm0" in " ".join(one.warnings)
    assert np.isfinite(gain.arm.low)
    assert "r3 gives every case one score in arm0" in " ".join(found.warnings)


def test_a_perfect_reader_has_an_interval_that_is_no_point() -> None:
    sure = np.array(SMALL.score)
    sure[:, 0] += 99 * SMALL.truth
    found = analysed(scores(SMALL, sure), metrics=("auroc", "sensitivity"))
    one = found.of("cyst", "auroc").readers[0]
    assert (one.arm.estimate, one.arm.high) == (1.0, 1.0)
    assert 0.7 < one.arm.low < 1  # Newcombe 2006
    assert np.isnan(one.gain.low)
    assert "no interval" in " ".join(one.gain.warnings)
    shares = found.of("cyst", "sensitivity").readers[0]
    assert (shares.arm.low, shares.arm.high) == pytest.approx(wilson(15, 15))
    assert shares.gain.method.startswith("Tango")
    assert shares.gain.low < 0 < shares.gain.high


def test_limits_of_differences_stay_between_minus_one_and_one() -> None:
    calls = np.zeros((2, 3, 12))
    calls[1, 0], calls[1, 1, :8] = 1, 1
    reads = Reads(
        ARMS, ("a", "b", "c"), tuple("abcdefghijkl"), tuple("abcdefghijkl"), np.arange(12), np.arange(12) % 2 == 0, calls,
    )  # fmt: skip
    found = analysed(reads, metrics=("sensitivity",)).of("cyst", "sensitivity").difference
    assert found.high == 1.0
    assert "cut at 1" in " ".join(found.warnings)


def test_an_interval_that_is_narrower_than_that_of_fixed_readers_says_so() -> None:
    """Readers who all gain alike to the last digit: no spread between them, so only the cases' shared part is left."""
    for seed in range(40):
        reads = study(seed, readers=5, cases=16)
        random = analysed(reads).of("cyst", "auroc").difference
        fixed = analysed(reads, approach=Approach(readers="fixed")).of("cyst", "auroc").difference
        said = any("a negative component" in sentence for sentence in random.warnings)
        assert said == (random.high - random.low < fixed.high - fixed.low)
        if said:
            return
    pytest.fail("no study with a negative component was drawn")


def test_what_must_be_known_of_a_group_of_readers_stands_on_the_page_too() -> None:
    found = analysed(SMALL)
    one = found.of("cyst", "auroc")
    sheet = next(sheet for sheet in reader_evidence(found).sheets if sheet.name == "notes")
    own = {row[3] for row in sheet.rows if str(row[2]).endswith(", junior")}
    assert own == set(one.groups["junior"].warnings) - set(one.difference.warnings)
    assert any(str(sentence).startswith("Only 2 readers") for sentence in own)


THREE = study(23, arms=3, readers=5, cases=40, gain=0.3)
PAIRS = (("arm0", "arm1"), ("arm0", "arm2"), ("arm1", "arm2"))


@pytest.mark.parametrize("method", ["auto", "dbm"])
def test_three_arms_have_a_test_of_all_then_pairs_with_the_pooled_error(method: str) -> None:
    found = analysed(THREE, arms=THREE.arms, approach=Approach(method))
    theirs = obuchowski_rockette(area_under_roc(THREE))
    assert theirs.test is not None
    (every,) = found.all_arms
    assert every.test is not None
    assert (every.test.statistic, every.test.df1, every.test.p) == pytest.approx((theirs.test.statistic, 2, theirs.test.p))
    assert every.p_adjusted == pytest.approx(every.test.p)  # one finding
    assert [(one.base, one.arm) for one in found.comparisons] == list(PAIRS)
    by_name = {one.name: one for one in theirs.differences}
    for one in found.comparisons:
        pooled = by_name[f"{one.base} - {one.arm}"]
        assert (one.difference.estimate, one.difference.se, one.difference.p) == pytest.approx((-pooled.estimate, pooled.se, pooled.p))
    assert [one.p_adjusted for one in found.comparisons] == pytest.approx(holm([one.difference.p for one in found.comparisons]).tolist())
    assert dorfman_berbaum_metz(area_under_roc(THREE)).p == pytest.approx(every.test.p)


def test_three_arms_with_holes_have_pairs_and_say_that_there_is_no_test_of_all() -> None:
    hole = np.random.default_rng(0).random(THREE.score.shape) < 0.1
    found = analysed(without(THREE, hole), arms=THREE.arms)
    assert found.all_arms[0].test is None
    assert "pairs with Holm's adjustment stand alone" in found.all_arms[0].method
    assert len(found.comparisons) == 3


def test_the_evidence_of_three_arms_names_every_pair_and_judges_its_claim() -> None:
    found = analysed(THREE, arms=THREE.arms)
    claims = [Claim("cyst", "auroc", "arm2 - arm0"), Claim("cyst", "auroc", "arm2 - arm1", 0.5)]
    evidence = reader_evidence(found, claims=claims, rule="none")
    third = found.of("cyst", "auroc", "arm2").difference
    assert evidence.endpoints[0].estimate == third
    assert evidence.endpoints[1].met
    sheets = {sheet.name: sheet for sheet in evidence.sheets}
    assert [row[2] for row in sheets["comparison"].rows] == ["arm1 - arm0", "arm2 - arm0", "arm2 - arm1"]
    assert len(sheets["all_arms"].rows) == len(sheets["analysis_of_variance"].rows) == 1
    assert len({(line.finding, line.site, line.group, line.estimate.measure) for line in evidence.lines}) == len(evidence.lines)


def test_no_third_arm_is_needed_and_one_is_too_few() -> None:
    assert analysed(SMALL).all_arms == ()
    with pytest.raises(InputError, match="Two arms"):
        analysed(SMALL, arms=("arm0",))


@pytest.mark.parametrize("approach", [Approach(), Approach("u"), Approach(readers="fixed")], ids=("random", "u", "fixed"))
def test_the_order_of_rows_and_the_names_of_readers_and_cases_do_not_matter(approach: Approach) -> None:
    rows, truth = tables(SMALL)
    order = np.random.default_rng(3).permutation(len(rows))
    renamed = [{**rows[k], "reader_id": f"z{rows[k]['reader_id'][::-1]}", "study_id": f"q{rows[k]['study_id'][::-1]}"} for k in order]
    others = [{**row, "study_id": f"q{row['study_id'][::-1]}", "patient_id": f"w{row['patient_id'][::-1]}"} for row in reversed(truth)]
    first = reader_study(parse_reads(numbered(rows)), parse_truth(numbered(truth)), arms=ARMS, approach=approach)
    second = reader_study(parse_reads(numbered(renamed)), parse_truth(numbered(others)), arms=ARMS, approach=approach)
    for metric in ("auroc", "sensitivity", "specificity", "accuracy"):
        one, other = first.of("cyst", metric), second.of("cyst", metric)
        for name in ("base_value", "arm_value", "difference"):
            mine, theirs = getattr(one, name), getattr(other, name)
            for number in ("estimate", "low", "high", "se", "p", "df"):
                wanted = pytest.approx(getattr(mine, number), rel=1e-9, abs=1e-12, nan_ok=True)
                assert getattr(theirs, number) == wanted, (metric, name, number)
        assert sorted(gain.gain.estimate for gain in one.readers) == pytest.approx(sorted(gain.gain.estimate for gain in other.readers))


def test_arms_the_other_way_round_turn_the_sign_and_nothing_else() -> None:
    there, back = analysed(SMALL), analysed(SMALL, arms=ARMS[::-1])
    one, other = there.of("cyst", "auroc").difference, back.of("cyst", "auroc").difference
    assert (other.estimate, other.low, other.high) == pytest.approx((-one.estimate, -one.high, -one.low))
    assert (other.p, other.df, other.statistic) == pytest.approx((one.p, one.df, -one.statistic))


def test_a_finding_without_scores_is_left_out_of_the_areas_and_said() -> None:
    rows, truth = tables(SMALL)
    calls = [{**row, "finding": "plica", "score": ""} for row in rows]
    both = [*truth, *({**row, "finding": "plica"} for row in truth)]
    found = reader_study(parse_reads(numbered(rows + calls)), parse_truth(numbered(both)), arms=ARMS)
    assert {(one.finding, one.metric) for one in found.comparisons if one.metric in ("auroc", "accuracy")} == {
        ("cyst", "auroc"), ("cyst", "accuracy"), ("plica", "accuracy"),
    }  # fmt: skip
    assert "auroc: plica has no score and is not analysed." in found.warnings


def test_groups_of_fixed_readers_count_their_own_patients() -> None:
    """Split-plot: each group's difference rests on the patients that its readers have read."""
    grid = np.arange(30)[None, None, :] // 2 % 2 != np.arange(4)[None, :, None] % 2
    found = analysed(without(SMALL, np.broadcast_to(grid, SMALL.score.shape)))
    groups = found.of("cyst", "auroc").groups
    assert {rank: one.clusters for rank, one in groups.items()} == {"junior": 16, "senior": 14}


def test_reading_times_between_three_arms_are_pair_by_pair() -> None:
    rows, truth = tables(THREE)
    rng = np.random.default_rng(4)
    rows = [{**row, "seconds": f"{np.exp(4 + rng.normal(0, 0.2)):.2f}"} for row in rows]
    found = reader_study(parse_reads(numbered(rows)), parse_truth(numbered(truth)), arms=THREE.arms, metrics=("auroc",))
    assert [(one.base, one.arm) for one in found.times if not one.group] == list(PAIRS)


def test_times_of_three_arms_are_adjusted_over_pairs_and_a_time_can_be_an_endpoint() -> None:
    rng = np.random.default_rng(7)
    rows, _ = tables(THREE)
    quick = {"arm0": 0.0, "arm1": -0.2, "arm2": -0.25}
    rows = [{**row, "seconds": f"{np.exp(4 + quick[row['arm']] + rng.normal(0, 0.3)):.2f}"} for row in rows]
    found = analysed(THREE, rows, arms=THREE.arms)
    times = [one for one in found.times if not one.group]
    assert [(one.base, one.arm) for one in times] == list(PAIRS)
    assert [one.p_adjusted for one in times] == pytest.approx(holm([one.ratio.p for one in times]).tolist())
    juniors = [one for one in found.times if one.group == "junior"]
    assert [one.p_adjusted for one in juniors] == pytest.approx(holm([one.ratio.p for one in juniors]).tolist())
    claims = [
        Claim("seconds", "time ratio", "arm1 - arm0"), Claim("seconds", "Time ratio", "arm2 - arm1", 0.1),
        Claim("cyst", "auroc", "arm1 - arm0"),
    ]  # fmt: skip
    evidence = reader_evidence(found, claims=claims)
    first, second, _ = evidence.endpoints
    assert first.estimate == times[0].ratio
    assert first.p == pytest.approx(times[0].ratio.p / 2)
    assert second.endpoint.words == "below 1.1"
    far = np.log(times[2].ratio.estimate / 1.1) * times[2].ratio.estimate / times[2].ratio.se
    assert second.p == pytest.approx(t.cdf(far, times[2].ratio.df))
    assert [one.adjusted for one in evidence.endpoints] == pytest.approx(holm([one.p for one in evidence.endpoints]).tolist())
    sheet = next(one for one in evidence.sheets if one.name == "reading_time")
    assert sheet.columns[-1] == "p, Holm"

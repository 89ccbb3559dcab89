from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import ttest_ind, ttest_rel

from condyle.errors import TableError
from condyle.evaluate.study_evidence import Claim
from condyle.evaluate.trial import INTENTION, PROTOCOL, Trial, TrialStudy, Unit, binary_effect, flow, parse_trial, time_effect, trial_study
from condyle.evaluate.trial.evidence import flow_chart, trial_evidence
from condyle.evaluate.unpaired_proportions import miettinen_nurminen
from condyle.report.checklists import fill
from condyle.report.checklists.facts import facts_of
from condyle.report.figures import draw
from condyle.report.provenance import Provenance
from tests.evaluate.examples import generator, rows

PLANTED = generator().PLANTED
BINARY = tuple(f"correct_{finding}" for finding in generator().FINDINGS)
UNIT = {
    "unit_id": "u1", "cluster_id": "p1", "stratum": "", "arm_assigned": "aided", "arm_received": "aided", "excluded_reason": "",
    "right": "1", "seconds": "60",
}  # fmt: skip


def parsed(*changes: dict[str, str]) -> Trial:
    cells = [{**UNIT, "unit_id": f"u{number}", "cluster_id": f"p{number}", **change} for number, change in enumerate(changes, start=2)]
    return parse_trial(list(enumerate(cells, start=2)), control="unaided", arm="aided", binary=("right",), positive=("seconds",))


@pytest.fixture(scope="module")
def knee() -> TrialStudy:
    trial = parse_trial(rows("knee_3_trial/trial.csv"), control="unaided", arm="aided", binary=BINARY, positive=("seconds",))
    return trial_study(trial, binary=BINARY, times=("seconds",), baseline=("age", "sex", "stratum"))


def test_every_problem_at_once() -> None:
    with pytest.raises(TableError) as caught:
        parsed(
            {}, {"unit_id": "u2"}, {"arm_assigned": "helped"}, {"arm_assigned": "", "arm_received": ""}, {"right": "2"}, {"seconds": "0"},
            {"arm_assigned": "", "arm_received": "aided", "excluded_reason": "age"},
        )  # fmt: skip
    assert [int(line.split()[1].rstrip(":")) for line in caught.value.problems] == [3, 4, 5, 6, 7, 8]
    with pytest.raises(TableError, match="problem"):
        parse_trial([(2, {"unit_id": "a"})], control="x", arm="y")


def test_the_flow_adds_up(knee: TrialStudy) -> None:
    counted = knee.flow
    assert counted.assessed == counted.randomised + sum(counted.excluded_before.values()) == 1320
    for arm in counted.arms:
        assert arm.assigned == arm.received + arm.received_other + arm.received_nothing
        assert arm.per_protocol <= arm.received
    assert counted.input_exclusions["system failed"] == sum(arm.excluded_after["system failed"] for arm in counted.arms)


def test_planted_differences_are_in_their_intervals_and_found(knee: TrialStudy) -> None:
    for finding in generator().MAJOR:
        line = knee.of(f"correct_{finding}")
        assert line.estimate.low < PLANTED["risk_difference"][finding] < line.estimate.high
        assert line.p_adjusted < 0.05
    for finding in ("plica", "cyst"):
        assert knee.of(f"correct_{finding}").p_adjusted > 0.1


def test_the_planted_time_ratio(knee: TrialStudy) -> None:
    found = knee.of("seconds", PROTOCOL).estimate
    assert found.low < PLANTED["trial_time_ratio"] < found.high
    diluted = knee.of("seconds", INTENTION).estimate
    assert found.estimate < diluted.estimate < 1  # crossing over hides a part


def test_strata_and_balance(knee: TrialStudy) -> None:
    assert {line.stratum for line in knee.lines} == {"", "junior", "senior"}
    assert set(knee.interactions) == set(BINARY)
    names = {line.name for line in knee.balance}
    assert names == {"age", "sex", "stratum"}
    assert all(abs(line.difference) < 0.25 for line in knee.balance)


def test_with_one_unit_a_cluster_clustering_costs_nothing() -> None:
    rng = np.random.default_rng(1)
    changes = [
        {"arm_assigned": arm, "arm_received": arm, "right": str(int(rng.random() < (0.6 if arm == "aided" else 0.5)))}
        for arm in ("aided", "unaided") * 100
    ]
    found = binary_effect(parsed(*changes).randomised, "right", "unaided", "aided")
    assert found.design_effect == pytest.approx(1, abs=0.02)
    low, high = miettinen_nurminen(*found.arm, *found.control)
    assert (found.unclustered.low, found.unclustered.high) == (low, high)
    assert (found.difference.low, found.difference.high) == pytest.approx((low, high), abs=0.01)


def test_copies_within_clusters_widen_only_the_independent_interval() -> None:
    def unit(number: int, arm: str, copy: int) -> dict[str, str]:
        right = str(number // 2 % 3 and 1)
        return {"arm_assigned": arm, "arm_received": arm, "right": right, "cluster_id": f"c{number}", "unit_id": f"v{number}-{copy}"}

    changes = [unit(number, arm, copy) for number, arm in enumerate(("aided", "unaided") * 30) for copy in range(4)]
    four = binary_effect(parsed(*changes).randomised, "right", "unaided", "aided")
    one = binary_effect(parsed(*changes[::4]).randomised, "right", "unaided", "aided")
    assert four.difference.se == pytest.approx(one.difference.se)
    assert four.design_effect == pytest.approx(4 * one.design_effect)


def test_missing_outcomes_are_bounded() -> None:
    changes = [{"arm_assigned": arm, "arm_received": arm, "right": right} for arm in ("aided", "unaided") for right in "1" * 6 + "0" * 3]
    trial = parsed(*changes, {"right": ""}, {"arm_assigned": "unaided", "arm_received": "unaided", "right": "na"})
    found = binary_effect(trial.randomised, "right", "unaided", "aided")
    assert found.missing == (1, 1)
    assert found.bounds == pytest.approx((6 / 10 - 7 / 10, 7 / 10 - 6 / 10))
    assert flow(trial, ("right",)).arms[0].without_outcome == {"right": 1}


def test_the_flow_is_drawn_with_every_unit(knee: TrialStudy) -> None:
    drawn = draw(flow_chart(knee))
    text = drawn.svg.decode("utf-8")
    control, arm = knee.flow.arms
    for words in (
        "Assessed for eligibility (n = 1320)", f"Randomised (n = {knee.flow.randomised})", "Excluded before randomisation (n = 120)",
        f"Allocated to unaided (n = {control.assigned}", f"Allocated to aided (n = {arm.assigned}",
        f"System failed (n = {arm.excluded_after['system failed']})", f"Per protocol (n = {control.per_protocol})",
    ):  # fmt: skip
        assert words in text
    assert draw(flow_chart(knee)).svg == drawn.svg
    assert "system failed" in drawn.figure.words


def timed(readers: str, *, clusters: int = 12, size: int = 6, seed: int = 5) -> list[Unit]:
    """Log seconds with a level of each cluster (0.3) and unit (0.2); readers '', 'crossed' or 'of one arm'."""
    rng, units = np.random.default_rng(seed), []
    for k in range(clusters):
        arm, level = ("unaided", "aided")[k % 2], rng.normal(0, 0.3)
        for i in range(size):
            reader = {"": "", "crossed": f"R{(k + i) % 4}", "of one arm": f"R{k % 4}"}[readers]
            seconds = {"seconds": str(float(np.exp(4 + level + rng.normal(0, 0.2))))}
            units.append(Unit(1, f"u{k}-{i}", f"c{k}", "", reader, "", arm, arm, "", seconds))
    return units


def test_times_of_balanced_clusters_are_the_t_test_of_their_means() -> None:
    units = timed("")
    found = time_effect(units, "seconds", "unaided", "aided").ratio
    log = np.log([float(unit.values["seconds"]) for unit in units]).reshape(12, 6).mean(1)
    t = ttest_ind(log[1::2], log[0::2])
    assert (found.p, found.df, found.statistic) == pytest.approx((t.pvalue, 10, t.statistic), rel=1e-3)


@pytest.mark.parametrize("readers", ["crossed", "of one arm"])
def test_the_randomised_cluster_stays_in_the_model_beside_readers(readers: str) -> None:
    """What was randomised limits what is known: knowing the readers gives no more degrees of freedom than the clusters leave."""
    found = time_effect(timed(readers), "seconds", "unaided", "aided")
    assert set(found.model.levels) == {"cluster", "reader"}
    assert found.ratio.df <= (10 if readers == "crossed" else 2) + 1e-6
    alone = time_effect(timed(""), "seconds", "unaided", "aided").ratio
    assert found.ratio.se > 0.9 * alone.se


def test_units_randomised_one_by_one_are_independent_but_for_their_reader() -> None:
    units = timed("", clusters=40, size=1)
    found = time_effect(units, "seconds", "unaided", "aided").ratio
    log = np.log([float(unit.values["seconds"]) for unit in units])
    t = ttest_ind(log[1::2], log[0::2])
    assert (found.p, found.df) == pytest.approx((t.pvalue, 38), rel=1e-3)
    readers = time_effect(timed("crossed", clusters=40, size=1), "seconds", "unaided", "aided")
    assert set(readers.model.levels) == {"reader"}


def test_the_order_of_rows_and_names_do_not_matter_and_swapped_arms_turn_the_ratio() -> None:
    units = timed("crossed")
    order = np.random.default_rng(1).permutation(len(units))
    other = [replace(units[k], cluster=f"z{units[k].cluster}", reader=f"y{units[k].reader[::-1]}") for k in order]
    one, two = (time_effect(each, "seconds", "unaided", "aided").ratio for each in (units, other))
    back = time_effect(units, "seconds", "aided", "unaided").ratio
    assert (two.estimate, two.low, two.high, two.p) == pytest.approx((one.estimate, one.low, one.high, one.p), rel=1e-4)
    assert (1 / back.estimate, 1 / back.high, 1 / back.low, back.p) == pytest.approx((one.estimate, one.low, one.high, one.p), rel=1e-4)


def test_the_checklists_of_a_trial_speak_of_clusters_and_of_no_split_and_no_model(knee: TrialStudy) -> None:
    facts = facts_of(trial_evidence(knee), Provenance({}))
    lists = {one.name: {item.number: item for item in one.items} for one in fill(facts, "Randomised trial")}
    claim = lists["claim_2024"]
    assert claim["37"].status == "missing"  # no splits in these tables
    assert claim["38"].status == "partial"  # arms differ; the model alone is not judged
    assert claim["14"].status == "missing"  # right or wrong, but against what
    assert "clusters" in lists["tripod_ai"]["21"].said
    assert "patient" not in lists["tripod_ai"]["21"].said
    assert lists["consort_ai"]["25"].status == "partial"
    assert "(cluster)" in lists["tripod_ai"]["12"].said


def paired(*, clusters: int = 40, size: int = 1, seed: int = 8, effect: float = -0.1, period: float = 0.0) -> list[Unit]:
    """Clusters with ``size`` units in each arm: a level of their own, and (with several units) an effect of their own; periods by turns."""
    rng, units = np.random.default_rng(seed), []
    for k in range(clusters):
        level, own = rng.normal(0, 0.5), rng.normal(effect, 0.2)
        for i in range(2 * size):
            aided, late = i % 2 == 1, (i % 2 == 1) == (k % 3 == 0)
            log = 4 + level + aided * own + late * period + rng.normal(0, 0.2)
            right = str(int(rng.random() < 1 / (1 + np.exp(-3 * level - 2 * aided * own))))
            arm = ("unaided", "aided")[aided]
            values = {"seconds": str(float(np.exp(log))), "right": right}
            units.append(Unit(1, f"u{k}-{i}", f"c{k}", "", "", "", arm, arm, "", values, str(1 + late) if period else ""))
    return units


def whole(units: list[Unit]) -> TrialStudy:
    return trial_study(Trial(tuple(units), "unaided", "aided"), binary=("right",), times=("seconds",))


def test_clusters_with_both_arms_are_counted_once_and_named() -> None:
    found = whole(paired())
    assert (found.flow.clusters, found.flow.both) == (40, 40)
    assert "over 40 clusters, each with units of both arms" in trial_evidence(found).summary[1]
    assert "40 of 40 clusters have units of both arms." in found.warnings[0]
    some = whole([unit for unit in paired() if not (unit.assigned == "aided" and unit.cluster[-1] in "12345")])
    assert (some.flow.clusters, some.flow.both) == (40, 20)
    assert "20 of 40 clusters have units of both arms." in some.warnings[0]
    assert not any("both arms" in sentence for sentence in whole(timed("")).warnings)


@pytest.mark.parametrize("size", [1, 5])
def test_within_clusters_arms_are_compared_by_the_paired_t_test(size: int) -> None:
    """One unit an arm: the cluster's level falls out. Several: clusters differ in what the arm does, and that is what limits."""
    units = paired(size=size, clusters=24)
    found = time_effect(units, "seconds", "unaided", "aided")
    log = np.log([float(unit.values["seconds"]) for unit in units]).reshape(24, size, 2).mean(1)
    t = ttest_rel(log[:, 1], log[:, 0])
    assert (found.ratio.statistic, found.ratio.df, found.ratio.p) == pytest.approx((t.statistic, 23, t.pvalue), rel=2e-3)
    assert list(found.model.levels) == (["cluster"] if size == 1 else ["cluster", "arm within cluster"])
    right = binary_effect(paired(size=size), "right", "unaided", "aided")
    apart = np.array([float(unit.values["right"]) for unit in paired(size=size)]).reshape(40, size, 2).mean(1)
    apart = apart[:, 1] - apart[:, 0]
    assert right.difference.se == pytest.approx(np.sqrt(((apart - apart.mean()) ** 2).sum()) / 40)
    assert right.design_effect < 1


def test_periods_of_a_crossover_are_taken_out() -> None:
    """Two thirds of the clusters have help first; whoever is second is quicker."""
    units = paired(size=4, clusters=60, effect=-0.1, period=-0.5)
    found, blind = (time_effect(each, "seconds", "unaided", "aided").ratio for each in (units, [replace(u, period="") for u in units]))
    assert found.low < np.exp(-0.1) < found.high
    assert "periods fixed" in found.method
    assert not blind.low < np.exp(-0.1) < blind.high
    shares = [replace(u, values={"right": str(int((u.period == "2") != (u.unit[-1] == "0")))}) for u in units]
    adjusted = binary_effect(shares, "right", "unaided", "aided").difference
    raw = binary_effect([replace(u, period="") for u in shares], "right", "unaided", "aided").difference
    assert "periods fixed" in adjusted.method
    assert abs(adjusted.estimate) < abs(raw.estimate)


@pytest.mark.parametrize("units", [paired(size=3), timed("", clusters=16)], ids=["both arms a cluster", "one arm a cluster"])
def test_differences_of_shares_do_not_depend_on_names_and_order_and_turn_with_the_arms(units: list[Unit]) -> None:
    rng = np.random.default_rng(2)
    strata = {unit.cluster: ("a", "b")[int(unit.cluster[1:]) // 2 % 2] for unit in units}
    units = [replace(unit, values={"right": str(int(rng.random() < 0.6))}, stratum=strata[unit.cluster]) for unit in units]
    order = rng.permutation(len(units))
    names = {name: f"z{rng.integers(10**9)}" for name in {unit.cluster for unit in units}}
    other = [replace(units[k], cluster=names[units[k].cluster], unit=f"n{k}") for k in order]
    one, two = (binary_effect(each, "right", "unaided", "aided") for each in (units, other))
    back = binary_effect(units, "right", "aided", "unaided")
    for first, second, sign in ((one.difference, two.difference, 1), (one.difference, back.difference, -1)):
        ends = sorted((sign * second.low, sign * second.high))
        assert (sign * second.estimate, *ends, second.se, second.p, second.df) == pytest.approx(
            (first.estimate, first.low, first.high, first.se, first.p, first.df), rel=1e-9, abs=1e-12
        )
    assert (1 / back.ratio.estimate, back.ratio.p) == pytest.approx((one.ratio.estimate, one.ratio.p), rel=1e-6)
    flipped = [replace(unit, values={"right": str(1 - int(unit.values["right"]))}) for unit in units]  # wrong in place of right
    wrong = binary_effect(flipped, "right", "unaided", "aided").difference
    assert (wrong.estimate, wrong.se, wrong.p) == pytest.approx((-one.difference.estimate, one.difference.se, one.difference.p))
    study = whole([replace(unit, values={**unit.values, "seconds": ""}) for unit in units]).interactions["right"]
    swapped = trial_study(Trial(tuple(units), "aided", "unaided"), binary=("right",)).interactions["right"]
    assert study is not None
    assert swapped is not None
    assert (swapped.estimate, swapped.se, swapped.p) == pytest.approx((-study.estimate, study.se, study.p))


def test_a_time_can_be_an_endpoint() -> None:
    """One-sided p on the logarithm, the dual of the printed limit: below 1, or with a margin below 1 + margin."""
    found = whole(timed("", clusters=24))
    ratio = found.of("seconds").estimate
    limit = ratio.high - 1  # the upper limit lies just there
    claims = [Claim("seconds", "time ratio", "aided - unaided"), Claim("seconds", "time ratio", "aided - unaided", limit)]
    first, second = trial_evidence(found, claims=claims, rule="none").endpoints
    assert first.endpoint.words == "below 1"
    assert min(first.p, 1 - first.p) == pytest.approx(ratio.p / 2)
    assert (first.p < 0.5) == (ratio.estimate < 1)
    assert second.p == pytest.approx(0.025)

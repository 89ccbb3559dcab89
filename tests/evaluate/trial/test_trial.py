from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import ttest_ind

from condyle.errors import TableError
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

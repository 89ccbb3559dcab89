import numpy as np
import pytest

from condyle.errors import TableError
from condyle.evaluate.trial import INTENTION, PROTOCOL, Trial, TrialStudy, binary_effect, flow, parse_trial, trial_study
from condyle.evaluate.trial.evidence import flow_chart
from condyle.evaluate.unpaired_proportions import miettinen_nurminen
from condyle.report.figures import draw
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

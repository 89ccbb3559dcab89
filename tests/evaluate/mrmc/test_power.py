from dataclasses import replace

import numpy as np
import pytest

from condyle.errors import InputError
from condyle.evaluate.mrmc import (
    Components,
    Pilot,
    area_under_roc,
    design_of,
    detectable_effect,
    obuchowski_rockette,
    patients_needed,
    power,
    power_table,
    sensitivity_to_pilot,
)
from condyle.evaluate.mrmc.planning import Needed, plan_readers, planning_evidence
from condyle.evaluate.mrmc.power import most_power
from tests.evaluate.mrmc.studies import study, without

PILOT = Pilot(Components(0.0015, 0.0002, 0.0008, 0.00035, 0.00034, 0.00024), 114)


def test_more_readers_more_patients_larger_effects_find_more() -> None:
    found = [one.power for one in power_table(PILOT, n_readers=(4, 8), n_patients=(100, 200), effect=0.05)]
    assert found[0] < min(found[1], found[2]) < found[3]
    assert power(PILOT, n_readers=4, n_patients=100, effect=0.08).power > found[0]


def test_what_is_needed_is_just_enough() -> None:
    found = patients_needed(PILOT, n_readers=6, effect=0.05)
    assert found is not None
    assert found.power >= 0.8 > power(PILOT, n_readers=6, n_patients=found.n_patients - 1, effect=0.05).power
    smallest = detectable_effect(PILOT, n_readers=6, n_patients=found.n_patients)
    assert smallest <= 0.05 + 1e-6


def test_too_few_readers_cannot_be_made_up_by_patients() -> None:
    wild = Pilot(Components(0.0, 0.02, 0.0008, 0.00035, 0.00034, 0.00024), 114)
    assert patients_needed(wild, n_readers=3, effect=0.03) is None


def test_the_pilot_is_doubted() -> None:
    planned = power(PILOT, n_readers=6, n_patients=150, effect=0.05)
    found = [one.power for _, one in sensitivity_to_pilot(PILOT, planned)]
    assert found[0] > found[1] == pytest.approx(planned.power)
    assert found[1] > found[2]
    with pytest.raises(InputError, match="effect"):
        power(PILOT, n_readers=6, n_patients=150, effect=0)


def test_a_pilot_becomes_a_plan_and_a_page() -> None:
    reads = study(21, readers=5, cases=60, gain=0.3)
    figures = area_under_roc(reads)
    asked = {"finding": "cyst", "metric": "auroc", "base": "arm0", "arm": "arm1", "effect": 0.06, "readers": (6, 12)}
    planned = plan_readers(figures, design_of(reads), patients=(80, 160), **asked)
    own = Pilot(obuchowski_rockette(figures).components, 60)  # type: ignore[arg-type]
    assert [one.power for one in planned.table] == [
        pytest.approx(power(own, n_readers=j, n_patients=k, effect=0.06).power) for j in (6, 12) for k in (80, 160)
    ]
    for count, found in planned.needed.items():
        least = patients_needed(own, n_readers=count, effect=0.06)
        assert found[1].patients == (None if least is None else least.n_patients)
        assert found[0].patients is None or found[2].patients is None or found[0].patients <= found[2].patients
    page = planning_evidence(planned)
    assert {sheet.name for sheet in page.sheets} == {"needed", "power", "components"}
    assert "The effect was chosen" in page.methods
    assert any("was taken as 0" in sentence for sentence in planned.doubts) == (own.components.arm_reader <= 0)
    hole = np.zeros(reads.score.shape, bool)
    hole[0, 1, 3] = True
    holes = without(reads, hole)
    other = plan_readers(area_under_roc(holes), design_of(holes), **asked)
    assert other.pilot.components.error == pytest.approx(planned.pilot.components.error, rel=0.1)
    apart = np.zeros(reads.score.shape, bool)
    apart[0, :2], apart[1, 2:] = True, True
    nested = without(reads, apart)
    with pytest.raises(InputError, match="says nothing"):
        plan_readers(area_under_roc(nested), design_of(nested), **asked)


def test_where_no_number_of_patients_is_enough_the_plan_says_why() -> None:
    """Readers who differ much in what an arm does: patients without end leave the power of a t test over readers."""
    spread = Components(0.001, 0.004, 0.002, 0.001, 0.0008, 0.0005)
    pilot = Pilot(spread, 100)
    most = most_power(pilot, n_readers=6, effect=0.05)
    assert most == pytest.approx(power(pilot, n_readers=6, n_patients=10**9, effect=0.05).power, abs=1e-4)
    assert patients_needed(pilot, n_readers=6, effect=0.05) is None
    needed = Needed(None, most, 0.8)
    assert needed.words == f"none: power stays below {np.ceil(100 * most):.0f} %"
    assert Needed(None, 0.81, 0.8).words == "more than 100,000"
    assert Needed(120, 0.9, 0.8).words == 120
    assert most_power(Pilot(replace(spread, arm_reader=-0.001), 100), n_readers=6, effect=0.05) == 1

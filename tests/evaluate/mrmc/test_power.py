import pytest

from condyle.errors import InputError
from condyle.evaluate.mrmc import Components, Pilot, detectable_effect, patients_needed, power, power_table, sensitivity_to_pilot

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

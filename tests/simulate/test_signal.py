"""Signal equations and tissues: what every radiologist knows about contrast must come out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from condyle.errors import UsageError
from condyle.simulate.signal import Sequence, fat_signal, water_signal
from condyle.simulate.tissues import TISSUES, Tissue

T1, T2 = Sequence("tse", 600, 10, echo_train=3), Sequence("tse", 3600, 105, echo_train=17)


@pytest.mark.parametrize("tesla", [1.5, 3.0])
def test_on_t1_fat_is_brightest_and_csf_darker_than_disc(tesla: float) -> None:
    fat, csf, disc, muscle = (_signal(name, T1, tesla) for name in ("fat", "csf", "nucleus", "muscle"))
    assert fat > disc > csf
    assert fat > muscle > csf


@pytest.mark.parametrize("tesla", [1.5, 3.0])
def test_on_t2_csf_is_brightest_and_annulus_dark(tesla: float) -> None:
    csf, fat, nucleus, annulus, muscle = (_signal(name, T2, tesla) for name in ("csf", "fat", "nucleus", "annulus", "muscle"))
    assert csf > fat > muscle
    assert csf > nucleus > 3 * annulus


@pytest.mark.parametrize("tesla", [1.5, 3.0])
def test_stir_nulls_fat_and_keeps_oedema(tesla: float) -> None:
    stir = Sequence("ir", 4200, 60, ti=165 if tesla < 2 else 220, echo_train=13)
    assert fat_signal(TISSUES["fat"], stir, tesla) < 0.2 * water_signal(TISSUES["oedema"], stir, tesla)


def test_fat_suppression_takes_fat_and_leaves_water() -> None:
    plain, saturated = Sequence("tse", 3000, 35), Sequence("tse", 3000, 35, fat_suppression="spectral")
    assert fat_signal(TISSUES["fat"], saturated, 1.5) < 0.1 * fat_signal(TISSUES["fat"], plain, 1.5)
    assert water_signal(TISSUES["muscle"], saturated, 1.5) == water_signal(TISSUES["muscle"], plain, 1.5)


def test_spin_echo_agrees_with_its_closed_form() -> None:
    """TR 500, TE 0: the familiar 1 - exp(-TR/T1)."""
    tissue = Tissue(1.0, (500, 500), (1e9, 1e9))
    assert water_signal(tissue, Sequence("se", 500, 0), 1.5) == pytest.approx(1 - np.exp(-1), abs=1e-6)


def test_gradient_echo_is_brightest_at_the_ernst_angle() -> None:
    tissue = Tissue(1.0, (800, 800), (1e9, 1e9))
    signals = [water_signal(tissue, Sequence("gre", 20, 0, flip=flip), 1.5) for flip in range(1, 90)]
    assert 1 + int(np.argmax(signals)) == round(float(np.degrees(np.arccos(np.exp(-20 / 800)))))


@given(
    st.sampled_from(sorted(TISSUES)),
    st.sampled_from(["se", "tse", "gre", "ir"]),
    st.floats(300, 8000),
    st.floats(5, 150),
    st.sampled_from([1.5, 3.0]),
)
def test_signals_lie_between_nothing_and_all_of_the_protons(name: str, kind: str, tr: float, te: float, tesla: float) -> None:
    value = water_signal(TISSUES[name], Sequence(kind, tr, te, ti=min(160, tr / 3)), tesla)  # type: ignore[arg-type]
    assert -1e-9 <= abs(value) <= TISSUES[name].density + 1e-9


def test_no_relaxation_times_at_7_tesla() -> None:
    with pytest.raises(UsageError, match="7 T"):
        TISSUES["fat"].at(7.0)


def _signal(name: str, sequence: Sequence, tesla: float) -> float:
    return (fat_signal if name == "fat" else water_signal)(TISSUES[name], sequence, tesla)

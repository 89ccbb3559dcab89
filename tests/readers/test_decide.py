"""A decision is the package's: its threshold, its band, and nothing where it has none."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from condyle.readers.decide import decide
from condyle.readers.spec import ThresholdSpec

shares = st.floats(0, 1)


@given(shares, shares, shares, shares)
def test_more_evidence_never_decides_for_less(score: float, other: float, value: float, half: float) -> None:
    rank = {"absent": 0, "uncertain": 1, "present": 2}
    band = (max(0.0, value - half), min(1.0, value + half))
    for threshold in (ThresholdSpec(value=value, rule="given"), ThresholdSpec(value=value, rule="given", band=band)):
        low, high = sorted((score, other))
        assert rank[decide(low, threshold)] <= rank[decide(high, threshold)]


def test_the_threshold_itself_is_present() -> None:
    assert decide(0.3, ThresholdSpec(value=0.3, rule="given")) == "present"
    assert decide(0.3, ThresholdSpec(value=0.3, rule="given", band=(0.2, 0.4))) == "uncertain"
    assert decide(0.4, ThresholdSpec(value=0.3, rule="given", band=(0.2, 0.4))) == "present"

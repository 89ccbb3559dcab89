"""Two tests on the same units, and on different ones."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, multinomial

from condyle.evaluate.estimate import Estimate
from condyle.evaluate.noninferiority import noninferior
from condyle.evaluate.paired_proportions import Pairs, mcnemar, newcombe, paired_difference, tango, tango_score
from condyle.evaluate.unpaired_proportions import difference_score, miettinen_nurminen, ratio_limits

cells = st.builds(Pairs, *[st.integers(0, 30)] * 4).filter(lambda pairs: pairs.n > 0)


@given(cells)
@settings(max_examples=80, deadline=None)
def test_limits_hold_the_difference_and_mirror(pairs: Pairs) -> None:
    turned = Pairs(pairs.a, pairs.c, pairs.b, pairs.d)
    for limits in (tango, newcombe):
        low, high = limits(pairs)
        assert -1 <= low <= pairs.difference + 1e-9
        assert pairs.difference - 1e-9 <= high <= 1
        assert limits(turned) == pytest.approx((-high, -low), abs=1e-9)


@given(cells.filter(lambda pairs: pairs.b + pairs.c > 0))
@settings(max_examples=40, deadline=None)
def test_tango_at_0_is_mcnemar(pairs: Pairs) -> None:
    assert tango_score(pairs, 0.0) == pytest.approx((pairs.b - pairs.c) / np.sqrt(pairs.b + pairs.c))


def test_no_discordant_pair_is_no_evidence() -> None:
    assert mcnemar(Pairs(10, 0, 0, 10)).midp == 1.0
    low, high = tango(Pairs(10, 0, 0, 10))
    assert low < 0 < high  # Wald would have zero width


def test_size_of_mcnemar_by_exact_sum() -> None:
    """Statistics, section 11: n 100, 15 % discordant, no difference. More than 45 discordant pairs are rarer than 1e-11."""
    size = dict.fromkeys(("exact", "midp", "corrected"), 0.0)
    for discordant in range(46):
        weight = binom.pmf(discordant, 100, 0.15)
        share = binom.pmf(np.arange(discordant + 1), discordant, 0.5)
        for fewer in range(discordant // 2 + 1):
            found = mcnemar(Pairs(0, fewer, discordant - fewer, 0))
            times = share[fewer] * (1 if 2 * fewer == discordant else 2)
            for rule in size:
                size[rule] += weight * times * (getattr(found, rule) <= 0.05)
    assert size == pytest.approx({"exact": 0.0273, "midp": 0.0458, "corrected": 0.0240}, abs=1e-4)


def test_coverage_of_tango_with_small_cells() -> None:
    """Difference 0.05, n 40, 2 % and 7 % discordant: exact sum over tables of discordant counts."""
    n, b_share, c_share = 40, 0.07, 0.02
    covered = 0.0
    for b in range(14):
        for c in range(9):
            low, high = tango(Pairs(0, b, c, n - b - c))
            covered += multinomial.pmf([b, c, n - b - c], n, [b_share, c_share, 1 - b_share - c_share]) * (low <= 0.05 <= high)
    assert 0.935 <= covered <= 0.99


def test_knees_are_not_independent_pairs() -> None:
    """Statistics, section 9 (15): both knees of a patient repeat one another; McNemar on knees counts them twice."""
    first, second = np.array([1] * 6 + [0] * 2 + [1] * 12), np.array([0] * 6 + [1] * 2 + [1] * 12)
    alone = paired_difference("sensitivity", first, second)
    knees = paired_difference("sensitivity", np.repeat(first, 2), np.repeat(second, 2), np.repeat(np.arange(20), 2))
    doubled = paired_difference("sensitivity", np.repeat(first, 2), np.repeat(second, 2))
    assert doubled.p < alone.p
    assert knees.p > doubled.p
    assert "patients" in knees.method
    assert [(one.events, one.counts) for one in (alone, knees)] == [(None, (12, 6, 2, 0)), (None, (24, 12, 4, 0))]


counts = st.integers(1, 40).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@given(counts, counts)
@settings(max_examples=60, deadline=None)
def test_unpaired_limits_hold_the_difference_and_mirror(one: tuple[int, int], other: tuple[int, int]) -> None:
    low, high = miettinen_nurminen(*one, *other)
    gap = one[0] / one[1] - other[0] / other[1]
    assert -1 <= low <= gap + 1e-9
    assert gap - 1e-9 <= high <= 1
    assert miettinen_nurminen(*other, *one) == pytest.approx((-high, -low), abs=1e-7)
    least, most = ratio_limits(*one, *other)
    assert 0 <= least <= most


def test_score_falls_with_the_hypothesis() -> None:
    at = np.linspace(-0.9, 0.9, 37)
    assert (np.diff([difference_score(3, 20, 9, 25, one) for one in at]) < 0).all()


def test_noninferiority_says_not_shown_never_equivalent() -> None:
    wide = Estimate("difference", -0.01, -0.08, 0.06)
    verdict = noninferior(wide, 0.05)
    assert not verdict.shown
    assert "not shown" in verdict.sentence
    assert noninferior(wide, 0.10).shown
    assert not noninferior(Estimate("difference", 0.0), 0.05).shown  # no limit, no claim
    assert noninferior(Estimate("seconds", -3, -5, 1), 2, higher_is_better=False).shown

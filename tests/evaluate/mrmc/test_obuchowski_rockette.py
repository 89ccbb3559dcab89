import numpy as np
import pytest

from condyle.errors import InputError
from condyle.evaluate.mrmc import Reads, area_under_roc, covariance, dorfman_berbaum_metz, obuchowski_rockette
from tests.evaluate.mrmc.studies import study, without


@pytest.mark.parametrize("seed", range(4))
def test_pseudovalues_say_the_same(seed: int) -> None:
    figures = area_under_roc(study(seed, arms=3, readers=5, cases=40, step=0.5))
    one, other = obuchowski_rockette(figures), dorfman_berbaum_metz(figures)
    assert one.test is not None
    assert (other.statistic, other.df2, other.p) == pytest.approx((one.test.statistic, one.test.df2, one.test.p), rel=1e-9)
    for ours, theirs in zip(one.means, other.means, strict=True):
        assert (theirs.se, theirs.df) == pytest.approx((ours.contrast.se, ours.contrast.df), rel=1e-9)


def test_order_of_arms_turns_the_sign_only() -> None:
    reads = study(1, gain=0.6)
    one = obuchowski_rockette(area_under_roc(reads)).differences[0]
    other = obuchowski_rockette(area_under_roc(reads.of_arms(("arm1", "arm0")))).differences[0]
    assert (other.estimate, other.low, other.high, other.p) == pytest.approx((-one.estimate, -one.high, -one.low, one.p))


def test_order_of_readers_and_cases_changes_nothing() -> None:
    reads = study(2, step=0.5)
    one = obuchowski_rockette(area_under_roc(reads)).test
    turned = reads.of_readers(("r3", "r0", "r2", "r1"))
    order = np.random.default_rng(0).permutation(len(reads.cases))
    mixed = Reads(
        turned.arms, turned.readers, tuple(turned.cases[k] for k in order), turned.patients, turned.patient[order], turned.truth[order],
        turned.score[:, :, order],
    )  # fmt: skip
    assert one is not None
    for same in (turned, mixed):
        other = obuchowski_rockette(area_under_roc(same)).test
        assert other is not None
        assert other.p == pytest.approx(one.p, rel=1e-9)


def test_a_fixed_covariance_is_used_as_given() -> None:
    figures = area_under_roc(study(3))
    matrix = covariance(figures, "delong")
    given, named = obuchowski_rockette(figures, covariance=matrix), obuchowski_rockette(figures, covariance="delong")
    assert given.test == named.test
    assert given.covariance == "given"
    with pytest.raises(InputError, match="8 x 8"):
        obuchowski_rockette(figures, covariance=np.eye(3))


def test_the_error_of_a_split_plot_counts_only_readers_who_share_cases() -> None:
    """Var(difference) = 2/r [MS(T R(G)) + sum r_g^2 / r * (Cov2 - Cov3)], readers - blocks times arms - 1 df."""
    reads = study(4, readers=4, cases=48)
    block = np.arange(48) // 2 % 2
    split = without(reads, np.array([[block != r % 2 for r in range(4)]] * 2))
    ours = obuchowski_rockette(area_under_roc(split))
    assert ours.design.name == "split-plot"
    assert ours.test is not None
    assert ours.components is not None
    shared = max(ours.components.cov2 - ours.components.cov3, 0)
    assert ours.test.denominator == pytest.approx(ours.test.ms_arm_reader + 2 * shared)
    if not shared:
        assert ours.test.df2 == pytest.approx(2)
    assert ours.differences[0].se == pytest.approx(np.sqrt(2 / 4 * ours.test.denominator))


def test_unpaired_readers_are_compared_as_groups() -> None:
    reads = study(5, readers=6, gain=0.5)
    own = without(reads, np.array([np.repeat([[r >= 3] for r in range(6)], 24, 1), np.repeat([[r < 3] for r in range(6)], 24, 1)]))
    ours = obuchowski_rockette(area_under_roc(own))
    assert ours.design.name == "readers nested in arms"
    assert ours.test is not None
    assert ours.differences[0].df == pytest.approx(ours.test.df2)
    assert ours.differences[0].statistic ** 2 == pytest.approx(ours.test.statistic)


def test_missing_reads_are_refused_and_sent_to_the_u_statistics() -> None:
    reads = study(6)
    hole = np.zeros(reads.score.shape, bool)
    hole[0, 1, 3] = True
    with pytest.raises(InputError, match="every reader's cases") as caught:
        obuchowski_rockette(area_under_roc(without(reads, hole)))
    assert "U-statistics (u)" in caught.value.what_to_do


def test_one_reader_can_only_be_fixed() -> None:
    figures = area_under_roc(study(7, readers=1))
    with pytest.raises(InputError, match="only one reader"):
        obuchowski_rockette(figures)
    assert obuchowski_rockette(figures, readers="fixed").inference == "to the population of cases, read by these readers only"
    with pytest.raises(InputError, match="not both fixed"):
        obuchowski_rockette(figures, readers="fixed", cases="fixed")


def test_few_readers_and_negative_components_are_said() -> None:
    said = " ".join(obuchowski_rockette(area_under_roc(study(8, readers=3))).warnings)
    assert "Only 3 readers" in said

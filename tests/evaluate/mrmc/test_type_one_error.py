"""How often nothing is called something: Roe and Metz' model under the null, shared and modality-specific components alike."""

import numpy as np
import pytest
from scipy.special import ndtri

from condyle.evaluate.mrmc import Reads, area_under_roc, covariance, obuchowski_rockette, u_statistics, versus_readers

SETTINGS = [  # readers, cases a class, reader variance, accepted alpha of random readers and cases: statistics of the specification
    (5, 25, 0.0055, (0.020, 0.072)),
    (5, 25, 0.030, (0.020, 0.072)),
    (3, 50, 0.0055, (0.029, 0.087)),
    (10, 50, 0.030, (0.029, 0.071)),
]
MORE = [(5, 100, 0.0055, (0.020, 0.095)), (5, 100, 0.030, (0.020, 0.095)), (3, 50, 0.030, (0.029, 0.087)), (10, 50, 0.0055, (0.029, 0.071))]


def roe_metz(rng: np.random.Generator, readers: int, cases: int, reader_variance: float, arms: int = 2, steady: bool = False) -> Reads:
    """AUC 0.86 (of r0 exactly, when it is ``steady`` as a model is); no difference between arms.

    Variances: case 0.3, reader by case 0.2, in the shared part and in each arm's own.
    """
    both = []
    varies = np.ones((1, readers, 1))
    varies[0, 0] = not steady
    for ill in (0, 1):
        shared = varies * rng.normal(0, np.sqrt(reader_variance), (1, readers, 1)) + rng.normal(0, np.sqrt(0.3), (1, 1, cases))
        shared = shared + rng.normal(0, np.sqrt(0.2), (1, readers, cases))
        own = varies * rng.normal(0, np.sqrt(reader_variance), (arms, readers, 1)) + rng.normal(0, np.sqrt(0.3), (arms, 1, cases))
        own = own + rng.normal(0, np.sqrt(0.2), (arms, readers, cases))
        both.append(shared + own + ill * np.sqrt(2) * ndtri(0.86))
    names = tuple(map(str, range(2 * cases)))
    return Reads(
        tuple(f"a{k}" for k in range(arms)), tuple(f"r{k}" for k in range(readers)), names, names, np.arange(2 * cases),
        np.arange(2 * cases) >= cases, np.concatenate(both, axis=2),
    )  # fmt: skip


@pytest.mark.slow("evaluate")
@pytest.mark.parametrize(("readers", "cases", "variance", "accepted"), SETTINGS)
def test_alpha_of_random_readers_and_cases(readers: int, cases: int, variance: float, accepted: tuple[float, float]) -> None:
    rng = np.random.default_rng(20261122)
    rejected = fixed_cases = bdg = 0
    count = 1000  # Monte Carlo standard error of alpha 5 %: 0.7 points
    for _ in range(count):
        figures = area_under_roc(roe_metz(rng, readers, cases, variance))
        test = obuchowski_rockette(figures, covariance="delong").test
        wrong = obuchowski_rockette(figures, covariance="delong", cases="fixed").test
        assert test is not None
        assert wrong is not None
        rejected += test.p < 0.05
        fixed_cases += wrong.p < 0.05
        bdg += u_statistics(figures).differences[0].unbiased.p < 0.05
    assert accepted[0] <= rejected / count <= accepted[1], rejected / count
    assert fixed_cases / count > rejected / count  # cases as fixed find too much
    assert 0.01 <= bdg / count <= 0.08, bdg / count


@pytest.mark.slow("evaluate")
@pytest.mark.parametrize(("readers", "cases", "variance", "accepted"), MORE)
def test_alpha_in_other_settings(readers: int, cases: int, variance: float, accepted: tuple[float, float]) -> None:
    """With readers who differ much, taking these readers as fixed finds too much."""
    rng = np.random.default_rng(20261122)
    rejected = fixed = 0
    for _ in range(1000):
        figures = area_under_roc(roe_metz(rng, readers, cases, variance))
        matrix = covariance(figures, "delong")
        random, these = (obuchowski_rockette(figures, covariance=matrix, readers=factor).test for factor in ("random", "fixed"))
        assert random is not None
        assert these is not None
        rejected += random.p < 0.05
        fixed += these.p < 0.05
    assert accepted[0] <= rejected / 1000 <= accepted[1], rejected / 1000
    assert variance < 0.01 or fixed / 1000 > 0.085, fixed / 1000


@pytest.mark.slow("evaluate")
def test_alpha_of_a_model_against_readers() -> None:
    rng = np.random.default_rng(7)
    count, rejected, wrong = 1000, 0, 0
    for _ in range(count):
        figures = area_under_roc(roe_metz(rng, 7, 50, 0.0055, arms=1, steady=True))
        rejected += versus_readers(figures, "r0", covariance="delong").p < 0.05
        wrong += versus_readers(figures, "r0", covariance="delong", cases="fixed").p < 0.05
    assert 0.02 <= rejected / count <= 0.08, rejected / count
    assert wrong / count > 0.10, wrong / count


def test_alpha_in_short() -> None:
    """200 studies with wide bounds, so that a broken test statistic is seen at once."""
    rng = np.random.default_rng(1)
    p = [obuchowski_rockette(area_under_roc(roe_metz(rng, 5, 25, 0.0055)), covariance="delong").test for _ in range(200)]
    share = np.mean([one.p < 0.05 for one in p if one is not None])
    assert 0.005 <= share <= 0.10

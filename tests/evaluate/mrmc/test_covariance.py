import numpy as np
import pytest

from condyle.errors import InputError
from condyle.evaluate.clustered_auc import clustered_covariance
from condyle.evaluate.delong import components
from condyle.evaluate.delong import covariance as delong_covariance
from condyle.evaluate.mrmc import Reads, area_under_roc, covariance, sensitivity
from tests.evaluate.mrmc.studies import study, without


def test_delong_is_delong() -> None:
    reads = study(1, step=0.25)
    theirs = delong_covariance(*components(reads.truth, reads.score.reshape(-1, len(reads.cases))))
    np.testing.assert_allclose(covariance(area_under_roc(reads), "delong"), theirs, atol=1e-15)


def test_delong_of_several_cases_a_patient_is_obuchowski() -> None:
    reads = study(2, cases=40, per_patient=2)
    theirs = clustered_covariance(reads.truth, reads.score.reshape(-1, 40), reads.patient)
    matrix = theirs[1] if isinstance(theirs, tuple) else theirs
    np.testing.assert_allclose(covariance(area_under_roc(reads), "delong"), matrix, atol=1e-15)


def test_unbiased_is_the_square_less_the_mean_over_disjoint_pairs() -> None:
    reads = study(3, arms=1, readers=2, cases=8)
    ill, well = np.flatnonzero(reads.truth), np.flatnonzero(~reads.truth)
    psi = [(reads.score[0, r][ill][:, None] > reads.score[0, r][well][None]).astype(float) for r in range(2)]
    disjoint = [
        psi[0][i, j] * psi[1][k, m] for i in range(4) for k in range(4) for j in range(4) for m in range(4) if i != k and j != m
    ]
    ours = covariance(area_under_roc(reads), "unbiased")
    assert ours[0, 1] == pytest.approx(psi[0].mean() * psi[1].mean() - np.mean(disjoint), abs=1e-14)


def test_the_methods_tell_one_story() -> None:
    figures = area_under_roc(study(4, arms=1, readers=3, cases=200))
    jack = covariance(figures, "jackknife")
    for method in ("delong", "unbiased"):
        np.testing.assert_allclose(covariance(figures, method), jack, rtol=0.1, atol=2e-5)
    np.testing.assert_allclose(np.diag(covariance(figures, "bootstrap", n=400, seed=1)), np.diag(jack), rtol=0.25)


def test_a_sensitivity_varies_as_a_share_does() -> None:
    figures = sensitivity(study(5).called(0.8))
    n, p = len(figures.patients), figures.value[0, 0]
    assert covariance(figures, "jackknife")[0, 0] == pytest.approx(p * (1 - p) / (n - 1))
    assert covariance(figures, "delong")[0, 0] == pytest.approx(p * (1 - p) / (n - 1))


def test_readers_without_a_common_case_are_independent() -> None:
    reads = study(6, arms=1, readers=2)
    own = without(reads, np.array([[np.arange(24) >= 12, np.arange(24) < 12]]))
    assert covariance(area_under_roc(own))[0, 1] == 0


def test_a_class_that_empties_stops_the_jackknife() -> None:
    reads = study(7)
    lone = np.zeros_like(reads.truth)
    lone[0] = True
    one = Reads(reads.arms, reads.readers, reads.cases, reads.patients, reads.patient, lone, reads.score)
    with pytest.raises(InputError, match="not defined"):
        covariance(area_under_roc(one))
    with pytest.raises(InputError, match="no covariance"):
        covariance(area_under_roc(reads), "magic")

"""Fusion by logistic regression: what calibrates was fused by weights fitted on other patients."""

from __future__ import annotations

import numpy as np

from condyle.evaluate.ranking import auroc
from condyle.train.multiplane.calibrate import crossfitted, fit_logistic
from condyle.train.networks.multiplane import MultiplaneNetwork, Shape

SLOTS = [f"s{number}" for number in range(6)]


def test_g27_noise_does_not_look_like_signal_because_the_fusion_was_fitted_to_it() -> None:
    rng = np.random.default_rng(0)
    own, apart = [], []
    for _ in range(60):
        planes, targets = rng.normal(size=(80, 6, 1)).astype(np.float32), (rng.random((80, 1)) < 0.4).astype(np.float32)
        patients = np.array([f"p{number // 2}" for number in range(80)])
        apart.append(auroc(targets[:, 0] > 0.5, crossfitted(planes, targets, patients)[:, 0]))
        network = MultiplaneNetwork(
            Shape(dict(zip(SLOTS, SLOTS, strict=True)), 1, dict.fromkeys(SLOTS, "resnet18"), 32, 32, 0.0625, True, "mean", "logistic")
        )
        fit_logistic(network, planes, targets)
        fuse = network.fuse
        fused = ((planes - fuse.centre.numpy()) * fuse.slope.numpy()).sum(1)  # type: ignore[union-attr, operator]
        own.append(auroc(targets[:, 0] > 0.5, fused[:, 0]))
    assert np.mean(own) > 0.53, "fitted and judged on the same studies, noise looks like signal"
    # A little below chance, as whoever is left out lowers the share of its own class among the others.
    assert 0.4 < np.mean(apart) < 0.52


def test_a_patient_never_helps_to_fuse_itself() -> None:
    rng = np.random.default_rng(1)
    planes, targets = rng.normal(size=(40, 3, 2)).astype(np.float32), (rng.random((40, 2)) < 0.5).astype(np.float32)
    planes[3, 1] = np.nan
    patients = np.array([f"p{number // 2}" for number in range(40)])
    before = crossfitted(planes, targets, patients)
    changed = targets.copy()
    changed[6:8] = 1 - changed[6:8]  # both studies of one patient
    after = crossfitted(planes, changed, patients)
    np.testing.assert_array_equal(before[6:8], after[6:8])
    assert not np.array_equal(before, after)

"""What the simulation is measured by: a segmenter that saw real pictures only must find its way in simulated ones."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from condyle.errors import PackageError
from condyle.readers.lumbar.segment import Network
from condyle.readers.lumbar.view import look
from condyle.simulate import simulate_lumbar

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def benchmark() -> ModuleType:
    spec = importlib.util.spec_from_file_location("simulated_discs", ROOT / "benchmarks" / "simulated_discs.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def network(benchmark: ModuleType) -> Network:
    try:
        found: Network = benchmark.package_network("lumbar")
    except PackageError as error:
        pytest.skip(f"the package 'lumbar' is not here: {error.code}")
    return found


@pytest.mark.slow("simulate", "readers", "packages")
def test_the_shipped_package_finds_and_outlines_simulated_discs(benchmark: ModuleType, network: Network) -> None:
    """20 random T2 studies: at least 95 % of the discs found, Dice of the discs at least 0.80."""
    figures, _ = benchmark.measure(network, range(1000, 1020))
    assert figures["discs"] >= 100
    assert figures["share_found"] >= benchmark.SHARE_FOUND, figures
    assert figures["dice_disc"] >= benchmark.DISC_DICE, figures


def test_the_score_of_a_perfect_and_of_a_blind_reader(benchmark: ModuleType) -> None:
    """The measurement itself: a network that gives the truth scores about 1, one that sees background everywhere 0."""
    study = simulate_lumbar(1001, series=("t2_sag",), slices=1, matrix=320)

    def blind(batch: np.ndarray) -> np.ndarray:
        logits = np.zeros((1, 4, *batch.shape[2:]), np.float32)
        logits[:, 0] = 9
        return logits

    def perfect(batch: np.ndarray) -> np.ndarray:
        import cv2

        view = look(study.volumes["t2_sag"], blind)
        truth = benchmark.labels_on(view, study, "t2_sag")
        classes = np.select([truth == 0, truth < 100, truth == 100], [0, 1, 2], 3)
        half = (max(1, round(truth.shape[1] / 2)), max(1, round(truth.shape[0] / 2)))
        logits = np.zeros((1, 4, *batch.shape[2:]), np.float32)
        logits[:, 0] = 9
        for kind in range(4):
            share = cv2.resize((classes == kind).astype(np.float32), half, interpolation=cv2.INTER_AREA)
            logits[0, kind, : share.shape[0], : share.shape[1]] = 18 * share
        return logits

    for network, found, dice in ((blind, 0.0, 0.0), (perfect, 1.0, 1.0)):
        total = benchmark.Score()
        benchmark.score(network, study, "t2_sag", total)
        figures = total.figures()
        assert figures["share_found"] == found
        assert figures["dice_disc"] == pytest.approx(dice, abs=0.08)

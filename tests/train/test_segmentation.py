"""The segmenter's fit: learns, resumes after kill -9 to the same bits, keeps the averaged weights."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from condyle.cohorts.cohort import load_cohort
from condyle.errors import InputError
from condyle.train.segmentation import SegmentationSettings, fit_segmenter, masked_pictures, soft_dice_loss
from condyle.train.segmentation_network import SegmentationNetwork

TINY = SegmentationSettings(steps=6, batch=2, shape=(64, 64), checkpoint_every=2, warm_up=2, precision="32-true")

RUN_AND_DIE = """
import os, signal, sys
import lightning
import condyle.train.segmentation as part
from tests.train.test_segmentation import TINY
from condyle.cohorts.cohort import load_cohort
step = part.SegmentationModule.training_step
def dying(self, batch, index):
    if self.global_step == int(sys.argv[3]):
        os.kill(os.getpid(), signal.SIGKILL)
    return step(self, batch, index)
part.SegmentationModule.training_step = dying
from pathlib import Path
part.fit_segmenter(load_cohort(sys.argv[1]), {"p1", "p2"}, Path(sys.argv[2]), settings=TINY, seed=5)
"""


@pytest.fixture(scope="module")
def cohort_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cohort")
    rng = np.random.default_rng(0)
    lines = ["study_id,patient_id,path,joint,plane,weighting,mask"]
    for name in ("p1", "p2", "p3"):
        mask = np.zeros((160, 128), np.uint8)
        for top in range(10, 130, 24):
            mask[top : top + 16, 40:70] = 1
            mask[top + 16 : top + 24, 40:70] = 3
        mask[10:140, 75:85] = 2
        grey = np.choose(mask, [30, 160, 230, 60]) + rng.integers(0, 20, mask.shape)
        cv2.imwrite(str(folder / f"{name}.png"), grey.astype(np.uint8))
        cv2.imwrite(str(folder / f"{name}_mask.png"), mask)
        lines.append(f"{name},{name},{name}.png,lumbar,sagittal,t2,{name}_mask.png")
    (folder / "manifest.csv").write_text("\n".join(lines) + "\n")
    return folder


def test_only_the_given_patients_are_used(cohort_folder: Path) -> None:
    cohort = load_cohort(cohort_folder)
    assert {one.patient_id for one in masked_pictures(cohort, {"p1", "p3"})} == {"p1", "p3"}
    with pytest.raises(InputError):
        masked_pictures(cohort, {"somebody else"})


def test_network_gives_one_logit_a_class_and_pixel() -> None:
    network = SegmentationNetwork().eval()
    with torch.no_grad():
        assert network(torch.zeros(2, 1, 64, 96)).shape == (2, 4, 64, 96)


def test_every_parameter_gets_a_gradient() -> None:
    network = SegmentationNetwork()
    network(torch.randn(2, 1, 64, 64)).square().mean().backward()
    assert all(weight.grad is not None and weight.grad.abs().sum() > 0 for weight in network.parameters())


def test_soft_dice_is_near_0_for_the_truth_and_near_1_for_its_opposite() -> None:
    classes = torch.arange(4).repeat(1, 8, 8).reshape(1, 16, 16)
    right = 30 * torch.nn.functional.one_hot(classes, 4).permute(0, 3, 1, 2).float()
    assert float(soft_dice_loss(right, classes)) < 0.01
    assert float(soft_dice_loss(right.roll(1, dims=1), classes)) > 0.95
    # MONAI's, and this is what it is: over the whole batch at once, background left out.
    logits = torch.randn(right.shape, generator=torch.Generator().manual_seed(0))
    shares, truth = logits.softmax(1)[:, 1:], torch.stack([(classes == kind).float() for kind in range(1, right.shape[1])], 1)
    both, sums = (shares * truth).sum((0, 2, 3)), (shares + truth).sum((0, 2, 3))
    assert float(soft_dice_loss(logits, classes)) == pytest.approx(float(1 - ((2 * both + 1) / (sums + 1)).mean()), rel=1e-5)


@pytest.mark.parametrize("step", [pytest.param(1, marks=pytest.mark.slow("train")), 3, pytest.param(5, marks=pytest.mark.slow("train"))])
def test_a_killed_fit_goes_on_to_the_same_bits(cohort_folder: Path, tmp_path: Path, step: int) -> None:
    cohort = load_cohort(cohort_folder)
    whole = fit_segmenter(cohort, {"p1", "p2"}, tmp_path / "whole", settings=TINY, seed=5).state_dict()
    root = Path(__file__).resolve().parents[2]
    killed = subprocess.run(
        [sys.executable, "-c", RUN_AND_DIE, str(cohort_folder), str(tmp_path / "killed"), str(step)],
        cwd=root,
        capture_output=True,
        check=False,
    )
    assert killed.returncode == -9, killed.stderr.decode()[-2000:]
    assert not (tmp_path / "killed" / "segmenter.pt").exists()
    resumed = fit_segmenter(cohort, {"p1", "p2"}, tmp_path / "killed", settings=TINY, seed=5).state_dict()
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)


def test_a_finished_fit_is_not_repeated(cohort_folder: Path, tmp_path: Path) -> None:
    cohort = load_cohort(cohort_folder)
    fit_segmenter(cohort, {"p1"}, tmp_path, settings=TINY, seed=5)
    written = (tmp_path / "segmenter.pt").stat().st_mtime_ns
    fit_segmenter(cohort, {"p1"}, tmp_path, settings=TINY, seed=5)
    assert (tmp_path / "segmenter.pt").stat().st_mtime_ns == written

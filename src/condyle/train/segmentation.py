"""Train the segmenter of vertebrae, canal and discs: samples, the Lightning module, the fit.

Only pictures with masks are used, and only those of the given patients.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import lightning
import numpy as np
import torch
from lightning.pytorch.callbacks import ModelCheckpoint
from numpy.typing import NDArray
from torch import nn
from torch.utils.data import DataLoader, IterableDataset

from condyle.cohorts.cohort import Cohort
from condyle.errors import InputError
from condyle.readers.lumbar.segment import GRID_MM
from condyle.train.keep import keep_weights
from condyle.train.segmentation_augment import augment
from condyle.train.segmentation_network import SegmentationNetwork
from condyle.train.stages import tell


@dataclass(frozen=True, slots=True)
class SegmentationSettings:
    """Numbers of one fit. ``shape`` is (rows, columns) of a training view; times in optimiser steps."""

    steps: int = 420
    batch: int = 8
    rate: float = 2e-3
    weight_decay: float = 1e-2
    warm_up: int = 30
    average: float = 0.985
    shape: tuple[int, int] = (320, 256)
    checkpoint_every: int = 60
    precision: str = "bf16-mixed"


@dataclass(frozen=True, slots=True, eq=False)
class Masked:
    """A picture with its mask on the network's grid, both [row, column] uint8, and whose it is."""

    patient_id: str
    picture: NDArray[np.uint8]
    mask: NDArray[np.uint8]


def masked_pictures(cohort: Cohort, patients: Collection[str]) -> list[Masked]:
    """Every picture of the given patients that has a mask, on the network's grid.

    Masked pictures of this cohort are T2 SPACE of 240 x 300 mm (width x height), whatever their pixels.

    Raises
    ------
    InputError - none of these patients has a masked picture, or a picture and its mask differ in shape
    """
    found = []
    for row in (*cohort.rows, *cohort.slices):
        if row.mask is None or row.patient_id not in patients:
            continue
        picture = cv2.imread(str(row.path), cv2.IMREAD_GRAYSCALE)
        stored = cv2.imread(str(row.mask), cv2.IMREAD_GRAYSCALE)
        if picture is None or stored is None or picture.shape != stored.shape:
            raise InputError(
                "mask-unreadable", "A picture and its mask do not fit.", where=f"manifest row {row.row}",
                why="One of them cannot be read, or they differ in size.", what_to_do="Correct the row, or make the mask again.",
            )  # fmt: skip
        size = (round(240 / GRID_MM), round(300 / GRID_MM))
        found.append(
            Masked(
                row.patient_id,
                np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8),
                np.asarray(cv2.resize(cohort.mask_classes(stored), size, interpolation=cv2.INTER_NEAREST), np.uint8),
            )
        )
    if not found:
        raise InputError("no-masks", "None of the training patients has a picture with a mask.", what_to_do="Add masks to the cohort.")
    return found


def bellies(cohort: Cohort, patients: Collection[str]) -> list[NDArray[np.uint8]]:
    """What lies in front of the spine: the front 30 % of the given patients' pictures without masks, at half the grid."""
    found = []
    for row in cohort.rows:
        if row.mask is None and row.patient_id in patients and row.weighting in ("t1", "t2"):
            picture = cv2.imread(str(row.path), cv2.IMREAD_GRAYSCALE)
            if picture is not None:
                front = picture[:, : round(0.3 * picture.shape[1])]
                found.append(np.asarray(cv2.resize(front, (64, 160), interpolation=cv2.INTER_AREA), np.uint8))
    return found


class RandomViews(IterableDataset[tuple[torch.Tensor, torch.Tensor]]):
    """Views without end. View number n depends on (seed, n) only, so a resumed run sees what it would have seen.

    Patients are drawn evenly: the 34 patients with masks have one to four pictures each.
    """

    def __init__(
        self, samples: list[Masked], fronts: list[NDArray[np.uint8]], settings: SegmentationSettings, seed: int, first: int = 0
    ) -> None:
        self.fronts, self.settings, self.seed, self.first = fronts, settings, seed, first
        self.by_patient: dict[str, list[Masked]] = {}
        for sample in samples:
            self.by_patient.setdefault(sample.patient_id, []).append(sample)

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        patients = sorted(self.by_patient)
        for number in range(self.first, self.settings.steps * self.settings.batch):
            rng = np.random.default_rng([self.seed, number])
            own = self.by_patient[patients[int(rng.integers(len(patients)))]]
            sample = own[int(rng.integers(len(own)))]
            grey, classes = augment(sample.picture, sample.mask, self.settings.shape, rng, self.fronts)
            yield torch.from_numpy(grey[None]), torch.from_numpy(classes.astype(np.int64))


class SegmentationModule(lightning.LightningModule):
    """Cross entropy and soft Dice; the kept weights are a running average of the steps."""

    def __init__(self, settings: SegmentationSettings) -> None:
        super().__init__()
        self.settings = settings
        self.network = SegmentationNetwork()
        self.averaged = SegmentationNetwork().requires_grad_(False)
        self.averaged.load_state_dict(self.network.state_dict())

    def training_step(self, batch: Any, index: int) -> torch.Tensor:
        grey, classes = batch
        logits = self.network(grey.to(memory_format=torch.channels_last)).float()
        loss = nn.functional.cross_entropy(logits, classes) + soft_dice_loss(logits, classes)
        self.log("loss", loss.detach(), prog_bar=True)
        return loss

    def configure_optimizers(self) -> Any:
        settings = self.settings
        optimiser = torch.optim.AdamW(self.network.parameters(), settings.rate, weight_decay=settings.weight_decay)

        def rate(step: int) -> float:
            return min(1.0, (step + 1) / settings.warm_up) * 0.5 * (1 + float(np.cos(np.pi * min(1.0, step / settings.steps))))

        return {
            "optimizer": optimiser,
            "lr_scheduler": {"scheduler": torch.optim.lr_scheduler.LambdaLR(optimiser, rate), "interval": "step"},
        }


class RunningAverage(lightning.Callback):
    """Averages the live weights after every step. A callback, because Lightning writes its checkpoint before the module's
    own hook runs: a resumed run would continue from an average that lacks the last step."""

    def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        keep = min(pl_module.settings.average, trainer.global_step / (trainer.global_step + 20))
        with torch.no_grad():
            live_state = pl_module.network.state_dict().values()
            for mean, live in zip(pl_module.averaged.state_dict().values(), live_state, strict=True):
                if mean.dtype.is_floating_point:
                    mean.mul_(keep).add_(live, alpha=1 - keep)
                else:
                    mean.copy_(live)


class ToldSteps(lightning.Callback):
    """Tells whoever started the run how many steps are done."""

    def __init__(self, steps: int) -> None:
        self.steps = steps

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        tell("segmenter", trainer.global_step, self.steps)

    def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        tell("segmenter", trainer.global_step, self.steps)


def soft_dice_loss(logits: torch.Tensor, classes: torch.Tensor) -> torch.Tensor:
    """1 - mean over structures of the batch's soft Dice (Milletari et al. 2016), background left out."""
    from monai.losses import DiceLoss

    dice = DiceLoss(include_background=False, to_onehot_y=True, softmax=True, batch=True, smooth_nr=1, smooth_dr=1)
    loss: torch.Tensor = dice(logits, classes[:, None])
    return loss


def fit_segmenter(
    cohort: Cohort, patients: Collection[str], folder: Path, *, settings: SegmentationSettings | None = None, seed: int = 0
) -> SegmentationNetwork:
    """Train on the masked pictures of the given patients; continue where an earlier run in ``folder`` ended.

    Parameters
    ----------
    folder : holds ``last.ckpt`` while it runs and ``segmenter.pt`` when it is done

    Returns
    -------
    The network with averaged weights, in evaluation mode.
    """
    settings = settings or SegmentationSettings()
    folder.mkdir(parents=True, exist_ok=True)
    done = folder / "segmenter.pt"
    network = SegmentationNetwork()
    if done.is_file():
        network.load_state_dict(torch.load(done, weights_only=True))
        network.eval()
        return network
    lightning.seed_everything(seed, verbose=False)
    last = folder / "last.ckpt"
    first = _steps_done(last) * settings.batch
    module = SegmentationModule(settings).to(memory_format=torch.channels_last)
    views = RandomViews(masked_pictures(cohort, patients), bellies(cohort, patients), settings, seed, first)
    trainer = lightning.Trainer(
        max_steps=settings.steps,
        max_epochs=-1,
        accelerator="cpu",
        precision=settings.precision,
        gradient_clip_val=2.0,
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=folder,
        callbacks=[
            RunningAverage(),
            ToldSteps(settings.steps),
            ModelCheckpoint(
                folder, filename="last", every_n_train_steps=settings.checkpoint_every, save_top_k=1, enable_version_counter=False
            ),
        ],
    )
    trainer.fit(module, DataLoader(views, batch_size=settings.batch), ckpt_path=last if first else None, weights_only=True)
    network.load_state_dict(module.averaged.state_dict())
    keep_weights(done, network.state_dict())
    last.unlink(missing_ok=True)
    network.eval()
    return network


def _steps_done(checkpoint: Path) -> int:
    return int(torch.load(checkpoint, weights_only=True)["global_step"]) if checkpoint.is_file() else 0

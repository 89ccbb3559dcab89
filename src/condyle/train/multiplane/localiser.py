"""Training of the localiser: coarse volumes with the masks of the cohort, a small 3-D U-Net, the function that finds the joint.

It learns from masks alone and never from findings; patients set apart take no part. One localiser serves all folds, so that every
study is cut once: studies that a fold holds out are cut by a localiser that may have seen their masks.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from condyle.cohorts.manifest import ManifestRow
from condyle.cohorts.masks import mask_volume
from condyle.cohorts.opening import RowOpener
from condyle.errors import InputError
from condyle.readers.multiplane.locate import Floats, LocateSpec, as_coarse_input, box_of, centre_of, coarse, find, place_of, sampled
from condyle.readers.multiplane.look import Locate, see
from condyle.readers.multiplane.stack import StackSpec
from condyle.readers.spec import SlotSpec
from condyle.study import Geometry
from condyle.train.keep import keep_arrays
from condyle.train.loop import Batches, Learner, demand_finite, fit
from condyle.train.losses import dice, dice_focal
from condyle.train.multiplane.recipe import Localiser
from condyle.train.networks.unet import UNet, segmenter
from condyle.train.stages import stage, tell

_HELD_OUT = 6  # every n-th study judges the epochs


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """Coarse volumes with masks.

    Parameters
    ----------
    grey : [n, z, y, x] uint8; masks : [n, structure, z, y, x] bool; held_out : [n] bool, of studies that judge
    grids : place of each in the patient
    """

    grey: NDArray[np.uint8]
    masks: NDArray[np.bool_]
    held_out: NDArray[np.bool_]
    grids: tuple[Geometry, ...]


@dataclass(frozen=True, slots=True, eq=False)
class FittedLocaliser:
    """A localiser: its network, how it looks, and how far its centres lay from the masks' on held-out studies."""

    network: UNet
    spec: LocateSpec
    errors_mm: tuple[float, ...]
    missed: int

    @property
    def locate(self) -> Locate:
        return partial(_locate, self)

    @property
    def identity(self) -> str:
        digest = hashlib.sha256(repr(self.spec).encode())
        for value in self.network.state_dict().values():
            digest.update(value.contiguous().numpy().tobytes())
        return digest.hexdigest()[:20]

    def run(self, grey: Floats) -> Floats:
        with torch.inference_mode():
            return np.asarray(self.network(torch.from_numpy(grey)).numpy(), np.float32)


def _locate(own: FittedLocaliser, volumes: Mapping[str, Any], side: str) -> Any:
    return place_of(volumes, side, own.run, own.spec)


def locate_spec(settings: Localiser) -> LocateSpec:
    own = settings
    return LocateSpec(tuple(own.structures), own.cell_mm, own.cells, own.smallest_cm3, own.apart_mm, own.near_mm)


def fit_localiser(
    settings: Localiser, studies: Mapping[str, Sequence[ManifestRow]], slots: Mapping[str, SlotSpec], folder: Path
) -> FittedLocaliser:
    """Train a localiser, or take it from ``folder``, where runs over the same studies and settings find it again.

    Parameters
    ----------
    studies : study_id -> rows of the manifest; those with a mask train

    Raises
    ------
    InputError - fewer than two studies have masks, or none of their masks holds a structure
    """
    spec = locate_spec(settings)
    masked = {study: rows for study, rows in studies.items() if any(row.mask is not None for row in rows)}
    chosen = sorted(masked, key=lambda study: hashlib.sha256(f"{settings.seed} {study}".encode()).digest())[: settings.studies]
    if len(chosen) < 2:
        raise InputError(
            "localiser-without-masks", "The localiser has no masks to learn from.", where="manifest: column mask",
            why=f"{len(chosen)} of {len(studies)} studies have one; at least two are needed.",
            what_to_do="Add masks to the cohort, or set locate.use: false.",
        )  # fmt: skip
    sources = [[str(row.path), str(row.mask)] for study in chosen for row in studies[study]]
    told = [settings.model_dump(mode="json", exclude={"near_mm"}), sources]
    own = folder / f"localiser-{hashlib.sha256(json.dumps(told).encode()).hexdigest()[:16]}"
    with stage("localiser"):
        samples = _samples({study: masked[study] for study in chosen}, slots, spec, settings.structures, own)
        network = fit(partial(_build, settings, samples), own, seed=settings.seed, epochs=settings.epochs, patience=settings.epochs)
    assert isinstance(network, UNet)
    return _judged(network, spec, samples)


def _samples(
    studies: Mapping[str, Sequence[ManifestRow]], slots: Mapping[str, SlotSpec], spec: LocateSpec,
    structures: Mapping[str, Sequence[int]], folder: Path,
) -> Samples:  # fmt: skip
    """Every series of these studies on its coarse grid, kept in ``folder``."""
    kept = folder / "samples.npz"
    if kept.is_file():
        with np.load(kept, allow_pickle=False) as stored:
            grids = tuple(Geometry(affine, spec.cells) for affine in stored["affines"])
            return Samples(stored["grey"], stored["masks"], stored["held_out"], grids)
    opener = RowOpener()
    grey, masks, held, grids_of = [], [], [], []
    for number, rows in enumerate(studies.values()):
        tell("reading masks", number, len(studies))
        seen = see(opener.open(rows), slots, StackSpec(pixels=32, slices=1))
        labels = [mask_volume(row.mask) for row in rows if row.mask is not None]
        for series in seen.series.values():
            volume = seen.volumes[series.series_id]
            if not volume.geometry.calibrated:
                continue
            pixels, where = coarse(volume, spec, seen.side)
            own = np.zeros((len(structures), *spec.cells), bool)
            for label in labels:
                values = np.rint(sampled(label, where, order=0)).astype(np.int64)
                for at, codes in enumerate(structures.values()):
                    own[at] |= np.isin(values, codes)
            grey.append(pixels)
            masks.append(own)
            held.append(number % _HELD_OUT == 0)
            grids_of.append(where)
    found = np.array(masks)
    if not len(found) or not found.any():
        raise InputError(
            "localiser-without-structure", "No mask holds a structure that the localiser should find.", where="locate.structures",
            why="None of its numbers occurs on the series of these studies.", what_to_do="Correct the numbers of the structures.",
        )  # fmt: skip
    whole = Samples(np.array(grey), found, np.array(held), tuple(grids_of))
    affines = np.array([one.affine for one in grids_of])
    keep_arrays(kept, compressed=True, grey=whole.grey, masks=whole.masks, held_out=whole.held_out, affines=affines)
    return whole


class CoarseBatches(Batches):
    """Coarse volumes under a draw: moved, turned and scaled in three dimensions, their contrast and noise changed."""

    def __init__(self, samples: Samples, settings: Localiser) -> None:
        self.samples, self.settings = samples, settings
        self.rows = np.flatnonzero(~samples.held_out) if (~samples.held_out).any() else np.arange(len(samples.grey))

    def __len__(self) -> int:
        return max(1, len(self.rows) // self.settings.batch)

    def of_epoch(self, epoch: int, first: int) -> Iterator[tuple[Tensor, Tensor]]:
        order = np.random.default_rng([self.settings.seed, epoch]).permutation(self.rows)
        size = min(self.settings.batch, len(order))
        for number in range(first, len(self)):
            chosen = order[number * size :][:size]
            rng = np.random.default_rng([self.settings.seed, epoch, number])
            yield varied(
                torch.from_numpy(as_coarse_input(self.samples.grey[chosen])), torch.from_numpy(self.samples.masks[chosen]).float(), rng
            )


def varied(grey: Tensor, masks: Tensor, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """[n, z, y, x] in -1 .. 3, [n, structure, z, y, x] -> the same under one draw a volume. Nothing is flipped."""
    n = len(grey)
    angles, scale = np.deg2rad(rng.uniform(-12, 12, (n, 3))), 1 + rng.uniform(-0.12, 0.12, (n, 1, 1))
    matrices = np.stack([_turned(*one) for one in angles]) * scale
    # The joint is in the middle of most series, and must be found where it is not.
    theta = np.concatenate([matrices, rng.uniform(-0.3, 0.3, (n, 3, 1))], axis=2).astype(np.float32)
    where = nn.functional.affine_grid(torch.from_numpy(theta), [n, 1, *grey.shape[1:]], align_corners=False)
    moved = nn.functional.grid_sample(grey[:, None] + 1, where, align_corners=False)[:, 0]
    truth = nn.functional.grid_sample(masks, where, mode="nearest", align_corners=False)
    gamma = torch.from_numpy(np.exp(rng.uniform(-0.4, 0.4, (n, 1, 1, 1))).astype(np.float32))
    noise = torch.from_numpy(rng.normal(0, 1, moved.shape).astype(np.float32)) * float(rng.uniform(0, 0.15))
    return (moved / 4).clamp_min(1e-6).pow(gamma) * 4 - 1 + noise, truth


def _turned(a: float, b: float, c: float) -> NDArray[np.float64]:
    from scipy.spatial.transform import Rotation

    return np.asarray(Rotation.from_euler("xyz", [a, b, c]).as_matrix(), np.float64)


class LocaliserLearner(Learner):
    """The localiser in training; judged by Dice on held-out studies."""

    def __init__(self, network: UNet, settings: Localiser, samples: Samples, steps: int) -> None:
        super().__init__()
        self.network, self.settings, self.samples, self.steps = network, settings, samples, steps

    def training_step(self, batch: tuple[Tensor, Tensor], index: int) -> Tensor:
        tell(f"localiser, epoch {self.current_epoch + 1} of {self.settings.epochs}", min(self.global_step + 1, self.steps), self.steps)
        loss = (dice if self.settings.loss == "dice" else dice_focal)(self.network(batch[0]), batch[1])
        self.count(loss, len(batch[0]))
        return demand_finite(loss, self.current_epoch, index)

    def configure_optimizers(self) -> Any:
        optimiser = torch.optim.AdamW(self.network.parameters(), self.settings.rate, weight_decay=1e-3)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, self.settings.rate, total_steps=self.steps, pct_start=0.1)
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def judge(self) -> float | None:
        held = np.flatnonzero(self.samples.held_out)
        if not len(held):
            return None
        self.network.eval()
        with torch.inference_mode():
            losses = [float(dice(self.network(torch.from_numpy(as_coarse_input(self.samples.grey[[one]]))),
                                 torch.from_numpy(self.samples.masks[[one]]).float())) for one in held.tolist()]  # fmt: skip
        self.network.train()
        return float(np.mean(losses))


def _build(settings: Localiser, samples: Samples) -> tuple[LocaliserLearner, CoarseBatches]:
    batches = CoarseBatches(samples, settings)
    network = segmenter(settings.network, len(settings.structures), settings.widths)
    # Few cells are marked: a network that begins at even odds spends its epochs on learning that (Lin et al., ICCV 2017, section 4.1).
    shares = samples.masks[batches.rows].mean(axis=(0, 2, 3, 4)).clip(0.01, 0.5)
    with torch.no_grad():
        network.head.bias.copy_(torch.logit(torch.from_numpy(shares.astype(np.float32))))
    return LocaliserLearner(network, settings, samples, len(batches) * settings.epochs), batches


def _judged(network: UNet, spec: LocateSpec, samples: Samples) -> FittedLocaliser:
    """With its errors on the held-out studies' single series: the distance of centres, and how often nothing was found."""
    own = FittedLocaliser(network, spec, (), 0)
    errors, missed = [], 0
    for one in np.flatnonzero(samples.held_out).tolist():
        truth = samples.masks[one]
        if not truth.any():
            continue
        where = samples.grids[one]
        logits = own.run(as_coarse_input(samples.grey[[one]]))[0]
        found = find(np.asarray(1 / (1 + np.exp(-logits)), np.float32), where, spec)
        if not found:
            missed += 1
            continue
        wanted = centre_of([box_of(inside, where, spec.cell_mm) for inside in truth if inside.any()])
        errors.append(float(np.linalg.norm(centre_of([two.box for two in found.values()]) - wanted)))
    return FittedLocaliser(network, spec, tuple(errors), missed)

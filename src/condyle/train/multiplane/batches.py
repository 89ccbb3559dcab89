"""Batches of studies: stacks from the store, varied, made ready for the network, one batch ahead of the step and a study a thread."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from condyle.readers.multiplane.stack import as_input
from condyle.train import devices
from condyle.train.loop import Batches
from condyle.train.multiplane.augment import draw, vary
from condyle.train.multiplane.recipe import MultiplaneRecipe
from condyle.train.multiplane.store import Store


class Batch(NamedTuple):
    """Studies for one step.

    Parameters
    ----------
    grey : [n, slot, slice, row, column] float32; mask : [n, slot, slice] 1 or 0
    targets : [n, finding] 0, 1 or NaN; weights : [n, finding] reliability of each label
    """

    grey: Tensor
    mask: Tensor
    targets: Tensor
    weights: Tensor


class _Made(NamedTuple):
    """A batch in the making: studies, their arrays, and the jobs that fill these."""

    chosen: NDArray[np.intp]
    grey: NDArray[np.float32]
    shown: NDArray[np.bool_]
    jobs: list[Future[None]]


class StudyBatches(Batches):
    """Studies shuffled each epoch; what a batch holds depends on seed, epoch and its number alone."""

    def __init__(
        self, store: Store, targets: NDArray[np.float32], weights: NDArray[np.float32], rows: NDArray[np.intp], recipe: MultiplaneRecipe,
        seed: int,
    ) -> None:  # fmt: skip
        self.store, self.targets, self.weights, self.rows, self.recipe, self.seed = store, targets, weights, rows, recipe, seed

    def __len__(self) -> int:
        return max(1, len(self.rows) // self.recipe.optimiser.batch)

    def of_epoch(self, epoch: int, first: int) -> Iterator[Batch]:
        order = np.random.default_rng([self.seed, epoch]).permutation(self.rows)
        size = min(self.recipe.optimiser.batch, len(order))
        pool = ThreadPoolExecutor(len(os.sched_getaffinity(0)))
        try:
            ahead: list[_Made] = []
            for number in range(first, len(self) + 1):
                if number < len(self):
                    ahead.append(self._begin(pool, epoch, devices.own(order[number * size :][:size])))
                if number > first:
                    yield self._whole(ahead.pop(0))
        finally:
            pool.shutdown(cancel_futures=True)  # who stops does not wait for batches that nobody wants any more

    def _begin(self, pool: ThreadPoolExecutor, epoch: int, chosen: NDArray[np.intp]) -> _Made:
        shown = self.store.shown[chosen].copy()
        grey = np.zeros((*shown.shape, self.recipe.prepare.pixels, self.recipe.prepare.pixels), np.float32)
        jobs = [pool.submit(self._fill, epoch, number, grey[at], shown[at]) for at, number in enumerate(chosen.tolist())]
        return _Made(chosen, grey, shown, jobs)

    def _fill(self, epoch: int, number: int, grey: NDArray[np.float32], shown: NDArray[np.bool_]) -> None:
        """One study under its draw, into its place of the batch."""
        rng = np.random.default_rng([self.seed, epoch, number])
        shown &= ~hidden(np.asarray(shown.any(1)), self.recipe.augment.drop_slot, rng)[:, None]
        pixels = self.store.pixels(number)
        for slot in range(len(pixels)):
            own = draw(self.recipe.augment, pixels.shape[-1], self.store.spacing_mm, rng)
            if shown[slot].any():
                as_input(vary(pixels[slot], shown[slot], own), shown[slot], grey[slot])

    def _whole(self, made: _Made) -> Batch:
        for job in made.jobs:
            job.result()
        chosen, grey, shown = made.chosen, made.grey, made.shown
        return Batch(
            torch.from_numpy(grey), torch.from_numpy(shown.astype(np.float32)), torch.from_numpy(self.targets[chosen]),
            torch.from_numpy(self.weights[chosen]),
        )  # fmt: skip


def hidden(present: NDArray[np.bool_], chance: float, rng: np.random.Generator) -> NDArray[np.bool_]:
    """[slot] which inputs to hide; never the last one at hand."""
    chosen = (rng.random(len(present)) < chance) & present
    return chosen if (present & ~chosen).any() else np.zeros_like(chosen)


def plain(store: Store, number: int) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """One study as reading would see it: ([slot, slice, row, column] input of the network, [slot, slice] shown)."""
    pixels, shown = store.pixels(number), store.shown[number]
    return np.stack([as_input(one, there) for one, there in zip(pixels, shown, strict=True)]), shown

"""Batches of studies: stacks from the store, varied, made ready for the network, one batch ahead of the step."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from condyle.readers.multiplane.stack import as_input
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
        with ThreadPoolExecutor(1) as pool:
            numbers = range(first, len(self))
            ahead = [pool.submit(self._batch, epoch, order[numbers[0] * size :][:size])] if numbers else []
            for number in numbers:
                made = ahead.pop().result()
                if number + 1 < len(self):
                    ahead.append(pool.submit(self._batch, epoch, order[(number + 1) * size :][:size]))
                yield made

    def _batch(self, epoch: int, chosen: NDArray[np.intp]) -> Batch:
        settings = self.recipe.augment
        shown = self.store.shown[chosen].copy()
        grey = np.zeros((*shown.shape, self.recipe.prepare.pixels, self.recipe.prepare.pixels), np.float32)
        for at, number in enumerate(chosen.tolist()):
            rng = np.random.default_rng([self.seed, epoch, number])
            shown[at] &= ~hidden(shown[at].any(1), settings.drop_slot, rng)[:, None]
            pixels = self.store.pixels(number)
            for slot in range(len(pixels)):
                own = draw(settings, pixels.shape[-1], self.store.spacing_mm, rng)
                if shown[at, slot].any():
                    as_input(vary(pixels[slot], shown[at, slot], own), shown[at, slot], grey[at, slot])
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

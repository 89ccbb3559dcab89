"""The lumbar heads in the loop: their batches, and one fit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from condyle.readers.lumbar.grade import outputs_of
from condyle.train.grading import Head, HeadModule, Inputs, logits_of
from condyle.train.loop import Batches, fit
from condyle.train.lumbar_recipe import LumbarRecipe


class LevelBatches(Batches):
    """Rows of levels shuffled, a copy drawn for each, inputs hidden at random."""

    def __init__(self, inputs: Inputs, targets: NDArray[np.float32], rows: NDArray[np.intp], recipe: LumbarRecipe, seed: int) -> None:
        self.inputs, self.targets, self.rows, self.recipe, self.seed = inputs, targets, rows, recipe, seed

    def __len__(self) -> int:
        return max(1, len(self.rows) // self.recipe.optimiser.batch)

    def of_epoch(self, epoch: int, first: int) -> Iterator[tuple[Tensor, ...]]:
        return islice(self._all(epoch), first, None)

    def _all(self, epoch: int) -> Iterator[tuple[Tensor, ...]]:
        rng = np.random.default_rng([self.seed, epoch])
        order = rng.permutation(self.rows)
        size = min(self.recipe.optimiser.batch, len(order))
        for number in range(len(self)):
            chosen = order[number * size : (number + 1) * size]
            copies = rng.integers(0, len(self.inputs.features), len(chosen))
            features, present, measured, level = self.inputs.rows(chosen, copies)
            hidden = torch.from_numpy(hide_slots(self.inputs.present[chosen], self.recipe.augment.drop_slot, rng))
            present = present * ~hidden
            per_slot = measured.shape[1] // present.shape[1]
            measured = measured.masked_fill(hidden.repeat_interleave(per_slot, 1), torch.nan)
            yield features, present, measured, level, torch.from_numpy(self.targets[chosen])


def hide_slots(present: NDArray[np.bool_], chance: float, rng: np.random.Generator) -> NDArray[np.bool_]:
    """[row, slot] which inputs to hide; never the last one that a row has."""
    hidden = (rng.random(present.shape) < chance) & present
    hidden[(present & ~hidden).sum(axis=1) == 0] = False
    return hidden


def fit_head(
    recipe: LumbarRecipe, inputs: Inputs, targets: NDArray[np.float32], rows: NDArray[np.intp], held_out: NDArray[np.intp], folder: Path,
    seed: int, *, checkpoint_every: int = 10,
) -> Head:  # fmt: skip
    """Train one head, or take it from ``folder`` when it is done there; see ``loop.fit``.

    Parameters
    ----------
    rows, held_out : training rows, and the rows on which the best epoch is chosen; no patient is in both. Without any
        held-out rows the last epoch's weights are taken

    Returns
    -------
    The head with the weights that were kept, in evaluation mode.
    """

    def build() -> tuple[HeadModule, LevelBatches]:
        batches = LevelBatches(inputs, targets, rows, recipe, seed)
        head = new_head(recipe, inputs, targets.shape[1])
        return HeadModule(head, recipe, inputs, targets, rows, len(batches) * recipe.optimiser.epochs, held_out), batches

    head = fit(
        build, folder, seed=seed, epochs=recipe.optimiser.epochs, patience=recipe.select.patience, every=checkpoint_every, name="head"
    )
    assert isinstance(head, Head)
    return head


def new_head(recipe: LumbarRecipe, inputs: Inputs, outputs: int) -> Head:
    """An untrained head of the shape that recipe and inputs ask for."""
    _, _, slots, features = inputs.features.shape
    network = recipe.network
    return Head(
        slots, features, inputs.measured.shape[1], inputs.level.shape[1], outputs, network.hidden, network.drop_input, network.drop_hidden
    )


def head_shares(recipe: LumbarRecipe) -> NDArray[np.float64]:
    """[head, output] what each head of the ensemble counts for, summing to 1 for every output; heads in the order of ``recipe.kinds()``."""
    outputs, kinds = outputs_of(recipe.data.findings), recipe.kinds()
    both = np.array([finding in recipe.second.findings for finding, _ in outputs])
    of_kind = {"first": np.where(both, 0.5, 1.0), "second": np.where(both, 0.5, 0.0)}
    return np.concatenate([np.tile(of_kind[kind] / recipe.ensemble.seeds, (recipe.ensemble.seeds, 1)) for kind in kinds])


def ensemble_logits(heads: Sequence[Head], shares: NDArray[np.float64], inputs: Inputs, rows: NDArray[np.intp]) -> NDArray[np.float64]:
    """[row, output] of all heads together."""
    return np.asarray(sum(share * logits_of(head, inputs, rows) for head, share in zip(heads, shares, strict=True)), np.float64)

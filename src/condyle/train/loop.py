"""The training loop: resumable to the bit, keeps the best epoch's weights, stops when waiting is in vain.

What a batch holds depends on (seed, epoch) alone; the generators of torch, numpy and Python travel in the checkpoint.
A run that is killed and started again therefore ends with the weights it would have had.
"""

from __future__ import annotations

import copy
import logging
import random
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import lightning
import numpy as np
import torch
from lightning.pytorch.callbacks import Callback
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset

from condyle.train.grading import Head, HeadModule, Inputs
from condyle.train.recipe import Recipe

logger = logging.getLogger(__name__)


class Batches(IterableDataset[tuple[Tensor, ...]]):
    """Whole batches of one epoch after the other: rows shuffled, a copy drawn for each, inputs hidden at random."""

    def __init__(self, inputs: Inputs, targets: NDArray[np.float32], rows: NDArray[np.intp], recipe: Recipe, seed: int) -> None:
        self.inputs, self.targets, self.rows, self.recipe, self.seed = inputs, targets, rows, recipe, seed
        self.epoch = 0

    def __len__(self) -> int:
        return max(1, len(self.rows) // self.recipe.optimiser.batch)

    def __iter__(self) -> Iterator[tuple[Tensor, ...]]:
        rng = np.random.default_rng([self.seed, self.epoch])
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


class KeepBest(Callback):
    """Judges every epoch on held-out rows and keeps a copy of the best weights.

    The copy is deep: what a module returns as its state are the live tensors, which later steps change. A loss that
    cannot be computed never counts as best, but the first epoch is always kept, so there is always something to restore.
    Without held-out rows the last epoch is kept.
    """

    def __init__(self, inputs: tuple[Tensor, ...], targets: Tensor | None, patience: int) -> None:
        self.inputs, self.targets, self.patience = inputs, targets, patience
        self.best: dict[str, Tensor] | None = None
        self.best_loss, self.best_epoch = float("nan"), -1
        self.history: list[float] = []

    def on_train_epoch_end(self, trainer: Any, module: Any) -> None:
        if self.targets is None:
            self.best, self.best_epoch = _copy(module.head), trainer.current_epoch
            return
        loss = module.judge(self.inputs, self.targets)
        self.history.append(loss)
        if not np.isfinite(loss):
            warnings.warn(f"the held-out loss of epoch {trainer.current_epoch} is not finite", RuntimeWarning, stacklevel=2)
        if self.best is None or (np.isfinite(loss) and not loss >= self.best_loss):
            self.best = _copy(module.head)
            self.best_loss, self.best_epoch = loss, trainer.current_epoch
        if trainer.current_epoch - self.best_epoch >= self.patience:
            trainer.should_stop = True

    def state_dict(self) -> dict[str, Any]:
        return {"best": self.best, "best_loss": self.best_loss, "best_epoch": self.best_epoch, "history": list(self.history)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.best, self.best_loss, self.best_epoch = state["best"], state["best_loss"], state["best_epoch"]
        self.history = list(state["history"])


def _copy(module: torch.nn.Module) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in module.state_dict().items()}


class Resume(Callback):
    """A checkpoint after every n-th epoch, with the states of all generators, replaced only when whole."""

    def __init__(self, path: Path, every: int) -> None:
        self.path, self.every = path, every

    def on_train_epoch_start(self, trainer: Any, module: Any) -> None:
        trainer.train_dataloader.dataset.epoch = trainer.current_epoch

    def on_train_epoch_end(self, trainer: Any, module: Any) -> None:
        if (trainer.current_epoch + 1) % self.every == 0:
            part = self.path.with_suffix(".part")
            trainer.save_checkpoint(part)
            part.replace(self.path)

    def on_save_checkpoint(self, trainer: Any, module: Any, checkpoint: dict[str, Any]) -> None:
        kind, keys, position, has_gauss, gauss = np.random.get_state()  # noqa: NPY002 - the legacy generator is what libraries use
        numbers = torch.from_numpy(np.asarray(keys).astype(np.int64))
        states = {"torch": torch.get_rng_state(), "numpy": (kind, numbers, position, has_gauss, gauss), "python": random.getstate()}
        checkpoint["generators"] = states

    def on_load_checkpoint(self, trainer: Any, module: Any, checkpoint: dict[str, Any]) -> None:
        states = checkpoint["generators"]
        torch.set_rng_state(states["torch"])
        kind, keys, position, has_gauss, gauss = states["numpy"]
        np.random.set_state((kind, keys.numpy().astype(np.uint32), position, has_gauss, gauss))  # noqa: NPY002
        version, internal, following = states["python"]
        random.setstate((version, tuple(internal), following))


def fit_head(
    recipe: Recipe, inputs: Inputs, targets: NDArray[np.float32], rows: NDArray[np.intp], held_out: NDArray[np.intp], folder: Path,
    seed: int, *, checkpoint_every: int = 10,
) -> Head:  # fmt: skip
    """Train one head, or take it from ``folder`` when it is done there, or go on where a killed run stopped.

    Parameters
    ----------
    rows, held_out : training rows, and the rows on which the best epoch is chosen; no patient is in both. Without any
        held-out rows the last epoch's weights are taken
    folder : of this run alone; holds ``last.ckpt`` while it runs and ``head.pt`` when it is done

    Returns
    -------
    The head with the weights that were kept, in evaluation mode.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lightning.seed_everything(seed, verbose=False)
    head = new_head(recipe, inputs, targets.shape[1])
    done, last = folder / "head.pt", folder / "last.ckpt"
    if done.is_file():
        head.load_state_dict(torch.load(done, weights_only=True))
        return head.eval()  # type: ignore[no-any-return]
    batches = Batches(inputs, targets, rows, recipe, seed)
    truth = torch.from_numpy(targets[held_out]) if len(held_out) else None
    keep = KeepBest(inputs.rows(held_out), truth, recipe.select.patience)
    module = HeadModule(head, recipe, inputs, targets, rows, len(batches) * recipe.optimiser.epochs)
    trainer = _trainer(recipe.optimiser.epochs, folder, [keep, Resume(last, checkpoint_every)])
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="lightning")
        warnings.filterwarnings("ignore", module="torch")
        trainer.fit(module, DataLoader(batches, batch_size=None), ckpt_path=last if last.is_file() else None, weights_only=True)
    assert keep.best is not None
    head.load_state_dict(copy.deepcopy(keep.best))
    part = folder / "head.part"
    torch.save(head.state_dict(), part)
    part.replace(done)
    last.unlink(missing_ok=True)
    logger.info("head done: kept epoch %d", keep.best_epoch + 1)
    return head.eval()  # type: ignore[no-any-return]


def new_head(recipe: Recipe, inputs: Inputs, outputs: int) -> Head:
    """An untrained head of the shape that recipe and inputs ask for."""
    _, _, slots, features = inputs.features.shape
    network = recipe.network
    return Head(
        slots, features, inputs.measured.shape[1], inputs.level.shape[1], outputs, network.hidden, network.drop_input, network.drop_hidden
    )


def _trainer(epochs: int, folder: Path, callbacks: list[Callback]) -> Any:
    return lightning.Trainer(
        max_epochs=epochs, accelerator="cpu", logger=False, enable_progress_bar=False, enable_model_summary=False,
        enable_checkpointing=False, gradient_clip_val=2.0, default_root_dir=folder, callbacks=callbacks,
    )  # fmt: skip

"""The training loop: resumable to the bit, keeps the best epoch's weights, stops when waiting is in vain.

What a batch holds depends on (seed, epoch, number) alone; weights, optimiser, the generators of torch, numpy and Python and the
position in the epoch travel in the checkpoint. A run that is killed and started again therefore ends with the weights it would
have had. On several devices (``devices``) each has a state of the generators of its own, and all the same weights.
"""

from __future__ import annotations

import copy
import logging
import random
import resource
import signal
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import lightning
import numpy as np
import torch
from lightning.pytorch.callbacks import Callback
from torch import Tensor, nn
from torch.utils.data import DataLoader, IterableDataset

from condyle.errors import CondyleError
from condyle.outputs import file_aside
from condyle.train import devices
from condyle.train.keep import keep_json, keep_weights
from condyle.train.stages import epoch_ended

logger = logging.getLogger(__name__)

_LAST = "last.ckpt"


class Learner(lightning.LightningModule):
    """A network in training. Families add ``training_step``, ``configure_optimizers`` and ``judge``."""

    network: nn.Module
    loss_sum, loss_weight = 0.0, 0.0  # of the epoch so far; they travel in the checkpoint, so its mean is that of all its batches

    def count(self, loss: Tensor, studies: int) -> None:
        """Count the loss of a batch into the mean that the history tells of this epoch."""
        self.loss_sum += float(devices.mean(loss.detach())) * studies
        self.loss_weight += studies

    def judge(self) -> float | Sequence[float] | None:
        """How bad the network is on held-out studies, lower is better; None when there are none. The same on all devices. Where parts of
        it learn apart, each of them has a number of its own, and its own best epoch."""
        raise NotImplementedError

    def adopt(self, kept: dict[str, Tensor], part: int) -> None:
        """Bring what is kept of a part up to date with the network; a network of one part is kept whole."""
        kept.update(_copy(self.network))


class Batches(IterableDataset[Any]):
    """Whole batches of one epoch after the other. Families add ``__len__`` and ``of_epoch``; those that may be trained on several
    devices give each its own part of every batch (``devices.own``)."""

    epoch, first = 0, 0

    def __len__(self) -> int:
        raise NotImplementedError

    def of_epoch(self, epoch: int, first: int) -> Iterator[Any]:
        """The batches of an epoch from number ``first`` on."""
        raise NotImplementedError

    def __iter__(self) -> Iterator[Any]:
        yield from self.of_epoch(self.epoch, self.first)


class KeepBest(Callback):
    """Judges every epoch on held-out studies and keeps a copy of the best weights, of each part that learns apart those of its own epoch.

    The copy is deep: what a module returns as its state are the live tensors, which later steps change. A loss that
    cannot be computed never counts as best, but the first epoch is always kept, so there is always something to restore.
    Without held-out studies the last epoch is kept.
    """

    def __init__(self, patience: int, record: Path | None = None) -> None:
        self.patience, self.record = patience, record
        self.best: dict[str, Tensor] | None = None
        self.losses: list[float] = []  # of each part, in its best epoch
        self.epochs = [-1]
        self.history: list[dict[str, float]] = []
        self._begun, self._cpu = time.monotonic(), time.process_time()

    def on_train_epoch_start(self, trainer: Any, module: Any) -> None:
        self._begun, self._cpu = time.monotonic(), time.process_time()

    def on_train_epoch_end(self, trainer: Any, module: Any) -> None:
        devices.align(module.network)
        found = module.judge()
        module.train()  # of a network alone, judging cannot know which parts its learner keeps frozen
        losses = [found] if isinstance(found, float) else list(found or ())
        finite = [one for one in losses if np.isfinite(one)]
        self._note(trainer, module, (float(np.mean(finite)) if finite else float("nan")) if losses else None)
        if len(finite) < len(losses):
            warnings.warn(f"the held-out loss of epoch {trainer.current_epoch} is not finite", RuntimeWarning, stacklevel=2)
        if self.best is None or not losses:
            self.best, self.losses, self.epochs = _copy(module.network), losses, [trainer.current_epoch] * max(1, len(losses))
            return
        for part, loss in enumerate(losses):
            if np.isfinite(loss) and not loss >= self.losses[part]:
                module.adopt(self.best, part)
                self.losses[part], self.epochs[part] = loss, trainer.current_epoch
        if trainer.current_epoch - max(self.epochs) >= self.patience:
            trainer.should_stop = True

    def _note(self, trainer: Any, module: Any, loss: float | None) -> None:
        told = {"loss": module.loss_sum / module.loss_weight} if module.loss_weight else {}
        module.loss_sum, module.loss_weight = 0.0, 0.0
        used = resource.getrusage(resource.RUSAGE_SELF)
        own = {"epoch": float(trainer.current_epoch), "seconds": time.monotonic() - self._begun, **told,
               "cpu_seconds": used.ru_utime + used.ru_stime - self._cpu, "peak_mib": used.ru_maxrss / 1024}  # fmt: skip
        if torch.cuda.is_available():
            own["gpu_peak_mib"] = torch.cuda.max_memory_allocated() / 2**20
        self.history.append(own if loss is None else {**own, "held_out": float(loss)})
        if self.record is not None:
            keep_json(self.record, self.history)
            epoch_ended(self.record.parent, self.history[-1])

    def state_dict(self) -> dict[str, Any]:
        return {"best": self.best, "losses": self.losses, "epochs": self.epochs, "history": list(self.history)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.best, self.losses, self.epochs = state["best"], list(state["losses"]), list(state["epochs"])
        self.history = list(state["history"])


def _copy(module: nn.Module) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in module.state_dict().items()}


class Resume(Callback):
    """A checkpoint after every n-th epoch and every so many minutes, with the states of all generators and the position in the
    epoch, replaced only when whole."""

    def __init__(self, path: Path, every: int, minutes: float) -> None:
        self.path, self.every, self.minutes = path, every, minutes
        self.position = 0
        self._states: dict[str, Any] | None = None
        self._last = time.monotonic()

    def on_train_start(self, trainer: Any, module: Any) -> None:
        self._aim(trainer)
        if self.position and self._states is not None:
            # A loader draws a number when an epoch begins; an epoch that goes on must not draw it a second time.
            _restore(self._states)

    def on_train_epoch_start(self, trainer: Any, module: Any) -> None:
        self._aim(trainer)

    def on_train_batch_end(self, trainer: Any, module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        total = trainer.num_training_batches
        if batch_idx + 1 == total:  # the end of an epoch saves by itself
            return
        # All devices take part in a checkpoint; it is the first one's clock that says when.
        if trainer.strategy.broadcast(time.monotonic() - self._last >= 60 * self.minutes):
            self.position = batch_idx + 1
            self._save(trainer)

    def on_train_epoch_end(self, trainer: Any, module: Any) -> None:
        self.position = 0
        if (trainer.current_epoch + 1) % self.every == 0:
            self._save(trainer)

    def on_save_checkpoint(self, trainer: Any, module: Any, checkpoint: dict[str, Any]) -> None:
        states, *others = devices.gathered(_states())
        checkpoint["generators"], checkpoint["other_generators"], checkpoint["position"] = states, others, self.position
        checkpoint["losses"] = [module.loss_sum, module.loss_weight]

    def on_load_checkpoint(self, trainer: Any, module: Any, checkpoint: dict[str, Any]) -> None:
        self.position = int(checkpoint.get("position", 0))
        module.loss_sum, module.loss_weight = checkpoint.get("losses", (0.0, 0.0))
        states = dict(enumerate([checkpoint["generators"], *checkpoint.get("other_generators", ())]))
        self._states = states.get(devices.place()[0])  # a run may go on with more devices than it began with
        if self._states is not None:
            _restore(self._states)

    def _aim(self, trainer: Any) -> None:
        batches = trainer.train_dataloader.dataset
        batches.epoch, batches.first = trainer.current_epoch, self.position

    def _save(self, trainer: Any) -> None:
        if trainer.is_global_zero:
            with file_aside(self.path) as part:
                trainer.save_checkpoint(part, weights_only=False)
        else:  # tells its generators, and writes nothing
            trainer.save_checkpoint(self.path, weights_only=False)
        self._last = time.monotonic()


def _states() -> dict[str, Any]:
    kind, keys, position, has_gauss, gauss = np.random.get_state()  # noqa: NPY002 - the legacy generator is what libraries use
    numbers = torch.from_numpy(np.asarray(keys).astype(np.int64))
    return {"torch": torch.get_rng_state(), "numpy": (kind, numbers, position, has_gauss, gauss), "python": random.getstate()}


def _restore(states: dict[str, Any]) -> None:
    torch.set_rng_state(states["torch"])
    kind, keys, position, has_gauss, gauss = states["numpy"]
    np.random.set_state((kind, keys.numpy().astype(np.uint32), position, has_gauss, gauss))  # noqa: NPY002
    version, internal, following = states["python"]
    random.setstate((version, tuple(internal), following))


@dataclass(frozen=True, slots=True)
class _Settings:
    seed: int
    epochs: int
    patience: int
    every: int
    minutes: float
    precision: str
    accelerator: str
    devices: int


def fit(
    build: Callable[[], tuple[Learner, Batches]], folder: Path, *, seed: int, epochs: int, patience: int = 10, every: int = 1,
    minutes: float = 10.0, precision: str = "32-true", accelerator: str = "cpu", name: str = "network", number_of_devices: int = 1,
) -> nn.Module:  # fmt: skip
    """Train one network, or take it from ``folder`` when it is done there, or go on where a killed run stopped.

    Parameters
    ----------
    build : makes learner and batches; called after the generators are seeded, so that first weights depend on the seed alone.
        For several devices picklable, its batches shared out
    folder : of this run alone; holds ``last.ckpt`` while it runs, ``NAME.pt`` when it is done, and ``history.json``
    patience : epochs to wait for a better one
    every, minutes : epochs and minutes between checkpoints
    number_of_devices : processes that share every batch, see ``devices.together``

    Returns
    -------
    The network with the weights that were kept, in evaluation mode.

    Raises
    ------
    CondyleError - the loss is not a finite number
    ResourceError - the process of another device was lost
    UsageError - a batch is smaller than the number of devices
    """
    settings = _Settings(seed, epochs, patience, every, minutes, precision, accelerator, number_of_devices)
    folder.mkdir(parents=True, exist_ok=True)
    learner, batches = _seeded(build, settings)
    done = folder / f"{name}.pt"
    if done.is_file():
        learner.network.load_state_dict(torch.load(done, weights_only=True))
        return learner.network.eval()
    keep = KeepBest(patience, folder / "history.json")
    with _beside(partial(_follow, build, folder, settings), settings):
        _train(learner, batches, keep, folder, settings)
    assert keep.best is not None
    learner.network.load_state_dict(copy.deepcopy(keep.best))
    keep_weights(done, learner.network.state_dict())
    (folder / _LAST).unlink(missing_ok=True)
    logger.info("%s done: kept epoch %s", name, ", ".join(str(epoch + 1) for epoch in keep.epochs))
    return learner.network.eval()


def _seeded(build: Callable[[], tuple[Learner, Batches]], settings: _Settings) -> tuple[Learner, Batches]:
    lightning.seed_everything(settings.seed, verbose=False)
    return build()


def _beside(follow: Callable[[], None], settings: _Settings) -> AbstractContextManager[None]:
    """The other devices of a fit at work, where it has any."""
    return devices.together(settings.devices, follow, settings.accelerator) if settings.devices > 1 else nullcontext()


def _follow(build: Callable[[], tuple[Learner, Batches]], folder: Path, settings: _Settings) -> None:
    """A fit as another device than the first goes through it: the same steps, nothing written."""
    learner, batches = _seeded(build, settings)
    # With the first one's numbers it would drop out the same of other studies.
    lightning.seed_everything(int(np.random.SeedSequence([settings.seed, devices.place()[0]]).generate_state(1)[0]), verbose=False)
    _train(learner, batches, KeepBest(settings.patience), folder, settings)


def _train(learner: Learner, batches: Batches, keep: KeepBest, folder: Path, settings: _Settings) -> None:
    last = folder / _LAST
    learner.train()  # Lightning leaves modules as they are, and a learner freezes here what it freezes
    trainer = lightning.Trainer(
        max_epochs=settings.epochs, accelerator=settings.accelerator, devices=settings.devices, strategy=devices.strategy(),
        precision=settings.precision, logger=False, enable_progress_bar=False, enable_model_summary=False, enable_checkpointing=False,
        gradient_clip_val=2.0, default_root_dir=folder, callbacks=[keep, Resume(last, settings.every, settings.minutes)],
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="lightning")
        warnings.filterwarnings("ignore", module="torch")
        handler = signal.getsignal(signal.SIGINT)
        try:
            trainer.fit(learner, DataLoader(batches, batch_size=None), ckpt_path=last if last.is_file() else None, weights_only=True)
        except SystemExit as stopped:  # Lightning makes an exit of an interruption, and ignores further ones
            signal.signal(signal.SIGINT, handler)
            raise stopped.__context__ if isinstance(stopped.__context__, KeyboardInterrupt) else KeyboardInterrupt() from None


def demand_finite(loss: Tensor, epoch: int, step: int) -> Tensor:
    """The loss, refused when it is not a finite number (on any device): weights that it reached would be worthless."""
    if not torch.isfinite(devices.mean(loss)):
        raise not_finite("The training loss is not a finite number.", f"epoch {epoch + 1}, step {step + 1}")
    return loss


def not_finite(what: str, where: str) -> CondyleError:
    """The error of a training that ran away."""
    return CondyleError(
        "loss-not-finite", what, where=where, why="Weights grew without bound, or the input held values that are not finite.",
        what_to_do="Lower optimiser.rate (and backbone_rate), use precision 32, or check the studies; the last checkpoint is kept.",
    )  # fmt: skip

"""A toy that several processes can train: importable by its name, which a test file is not."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from condyle.train import devices
from condyle.train.loop import Batches, Learner, demand_finite, fit
from condyle.train.losses import masked

ROWS, BATCH = 22, 7  # four and three of each batch, and a rest that is left out


def data(seed: int = 0) -> tuple[Tensor, Tensor]:
    """Pictures and labels; of the first finding almost nothing is known, so that the parts of a batch know unequally much."""
    rng = np.random.default_rng(seed)
    grey, targets = rng.normal(0, 1, (ROWS, 1, 6, 6)).astype(np.float32), rng.integers(0, 2, (ROWS, 3)).astype(np.float32)
    targets[rng.random((ROWS, 3)) < [0.8, 0.3, 0.0]] = np.nan
    return torch.from_numpy(grey), torch.from_numpy(targets)


class Pictures(Batches):
    def __len__(self) -> int:
        return ROWS // BATCH

    def of_epoch(self, epoch: int, first: int) -> Iterator[tuple[Tensor, Tensor]]:
        grey, targets = data()
        order = np.random.default_rng(epoch).permutation(ROWS)
        for number in range(first, len(self)):
            chosen = torch.from_numpy(devices.own(order[number * BATCH :][:BATCH]))
            yield grey[chosen], targets[chosen]


class ToyLearner(Learner):
    """``lose`` is (process, step) at which that process is killed; ``burst`` the process whose loss is no number."""

    def __init__(self, drop: float, lose: tuple[int, int] | None, burst: int | None) -> None:
        super().__init__()
        self.network = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Dropout(drop), nn.Linear(64, 3))
        self.idle = nn.Linear(2, 2)  # no step uses it
        self.lose, self.burst, self.judged = lose, burst, list[float]()

    def training_step(self, batch: tuple[Tensor, Tensor], index: int) -> Tensor:
        if self.lose == (devices.place()[0], self.global_step):
            os.kill(os.getpid(), signal.SIGKILL)
        loss = masked(self.network(batch[0]), batch[1], over=devices.mean)
        if self.burst == devices.place()[0]:
            loss = loss * torch.nan
        self.count(loss, len(batch[0]))
        return demand_finite(loss, self.current_epoch, index)

    def configure_optimizers(self) -> Any:
        return torch.optim.AdamW(self.parameters(), 1e-2)

    def judge(self) -> float:
        grey, targets = data(1)
        self.network.eval()
        with torch.no_grad():
            logits = devices.shared_out(lambda rows: self.network(grey[torch.from_numpy(rows)]).numpy(), np.arange(ROWS))
        self.network.train()
        return float(masked(torch.from_numpy(logits), targets))


def _toy(drop: float = 0.0, lose: tuple[int, int] | None = None, burst: int | None = None) -> tuple[ToyLearner, Pictures]:
    return ToyLearner(drop, lose, burst), Pictures()


def fitted(folder: Path, count: int, **knobs: Any) -> dict[str, Tensor]:
    return fit(partial(_toy, **knobs), folder, seed=3, epochs=4, minutes=0, number_of_devices=count).state_dict()

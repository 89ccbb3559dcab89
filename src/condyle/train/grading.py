"""The grading head: what it says, how it learns, and how several heads become one graph.

Pfirrmann is ordinal: one logit for each "grade at least k" (cumulative, as methods F.3 asks), so that neighbouring
grades are near each other in the loss. All other findings have one logit. A label that is unknown takes no part.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from condyle.readers.lumbar.grade import outputs_of
from condyle.train.loop import Learner, demand_finite
from condyle.train.lumbar_recipe import LumbarRecipe


def targets_of(grades: NDArray[np.floating], findings: Sequence[str]) -> NDArray[np.float32]:
    """[row, finding] grades -> [row, output] 0, 1, or NaN where unknown, in the order of ``outputs_of``."""
    columns = []
    for finding, step in outputs_of(findings):
        value = np.asarray(grades[:, list(findings).index(finding)], np.float32)
        columns.append(np.where(np.isnan(value), np.nan, (value >= step).astype(np.float32)))
    return np.stack(columns, axis=1).astype(np.float32)


def output_weights(findings: Sequence[str], weights: dict[str, float]) -> Tensor:
    """[output] weight of each logit in the loss: a finding's weight, shared by the steps of its scale."""
    outputs = outputs_of(findings)
    steps = {finding: sum(own == finding for own, _ in outputs) for finding in findings}
    return torch.tensor([weights.get(finding, 1.0) / steps[finding] for finding, _ in outputs])


def positive_weights(targets: NDArray[np.floating], balance: float) -> Tensor:
    """[output] weight of positives: (negatives / positives) ** balance, from the given (training) targets only.

    An output without positives or without negatives keeps 1.
    """
    positive, negative = np.nansum(targets == 1, axis=0), np.nansum(targets == 0, axis=0)
    usable = (positive > 0) & (negative > 0)
    return torch.tensor(np.where(usable, (np.maximum(negative, 1) / np.maximum(positive, 1)) ** balance, 1.0), dtype=torch.float32)


def masked_loss(logits: Tensor, targets: Tensor, weights: Tensor, positive: Tensor) -> Tensor:
    """Weighted mean cross entropy over the known labels: divided by the sum of their weights, not by the number of rows.

    Parameters
    ----------
    logits, targets : [row, output]; targets NaN where unknown
    weights, positive : [output]
    """
    known = ~targets.isnan()
    loss = nn.functional.binary_cross_entropy_with_logits(logits, targets.nan_to_num(), pos_weight=positive, reduction="none")
    share = known * weights
    return (loss * share).sum() / share.sum().clamp_min(1e-8)


@dataclass(frozen=True, slots=True, eq=False)
class Inputs:
    """What a head sees of each level. NaN in ``measured`` is unknown.

    Parameters
    ----------
    features : [copy, row, slot, feature]; present : [row, slot]; measured : [row, m]; level : [row, l] one-hot
    """

    features: NDArray[np.floating]
    present: NDArray[np.bool_]
    measured: NDArray[np.float32]
    level: NDArray[np.float32]

    def rows(self, index: NDArray[np.integer], copies: NDArray[np.integer] | None = None) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Tensors of some rows, of copy 0 or of the given copies."""
        features = self.features[0 if copies is None else copies, index].astype(np.float32)
        rest = (self.present[index].astype(np.float32), self.measured[index], self.level[index])
        return torch.from_numpy(features), *(torch.from_numpy(np.asarray(one, np.float32)) for one in rest)


class Head(nn.Module):
    """Features, measurements and level -> logits. Standardisation belongs to the head and comes from its training rows."""

    def __init__(
        self, slots: int, features: int, measured: int, levels: int, outputs: int, hidden: int, drop_input: float, drop_hidden: float
    ) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(slots, features))
        self.register_buffer("scale", torch.ones(slots, features))
        self.register_buffer("measured_mean", torch.zeros(measured))
        self.register_buffer("measured_scale", torch.ones(measured))
        self.drop_input, self.drop_hidden = nn.Dropout(drop_input), nn.Dropout(drop_hidden)
        self.first = nn.Linear(slots * features, hidden)
        self.second = nn.Linear(measured, hidden // 2)
        self.last = nn.Linear(hidden + hidden // 2 + measured + slots + levels, outputs)

    def standardise(self, inputs: Inputs, rows: NDArray[np.integer]) -> None:
        """Take means and spreads from the given rows."""
        present = inputs.present[rows]
        for slot in range(present.shape[1]):
            own = inputs.features[:, rows[present[:, slot]], slot].astype(np.float32)
            if own.size:
                flat = own.reshape(-1, own.shape[-1])
                self.mean[slot] = torch.from_numpy(flat.mean(axis=0))
                self.scale[slot] = torch.from_numpy(flat.std(axis=0) + 1e-2)
        measured = inputs.measured[rows]
        known = ~np.isnan(measured)
        count = np.maximum(known.sum(axis=0), 1)
        mean = np.where(known, measured, 0).sum(axis=0) / count
        spread = np.sqrt((np.where(known, measured - mean, 0) ** 2).sum(axis=0) / count)
        self.measured_mean.copy_(torch.from_numpy(mean.astype(np.float32)))
        self.measured_scale.copy_(torch.from_numpy((spread + 1e-3).astype(np.float32)))

    def prepared(self, features: Tensor, present: Tensor, measured: Tensor) -> tuple[Tensor, Tensor]:
        """Standardised and clipped; what is not there is 0, the mean of training."""
        x = ((features - self.mean) / self.scale).clamp(-5, 5) * present[:, :, None]
        m = torch.where(measured.isnan(), torch.zeros_like(measured), (measured - self.measured_mean) / self.measured_scale)
        return x.flatten(1), m.clamp(-4, 4)

    def forward(self, features: Tensor, present: Tensor, measured: Tensor, level: Tensor) -> Tensor:
        x, m = self.prepared(features, present, measured)
        hidden = self.drop_hidden(torch.relu(self.first(self.drop_input(x))))
        beside = self.drop_hidden(torch.relu(self.second(m)))
        out: Tensor = self.last(torch.cat([hidden, beside, m, present, level], 1))
        return out


class HeadModule(Learner):
    """One head in training."""

    def __init__(
        self, head: Head, recipe: LumbarRecipe, inputs: Inputs, targets: NDArray[np.float32], rows: NDArray[np.intp], steps: int,
        held_out: NDArray[np.intp] | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.network, self.recipe, self.steps = head, recipe, steps
        self.weights = output_weights(recipe.data.findings, recipe.loss.weights)
        self.positive = positive_weights(targets[rows], recipe.loss.balance)
        kept = np.zeros(0, np.intp) if held_out is None else held_out
        self.held_out, self.truth = inputs.rows(kept), torch.from_numpy(targets[kept])
        head.standardise(inputs, rows)
        with torch.no_grad():
            known = np.maximum((~np.isnan(targets[rows])).sum(axis=0), 1)
            shares = torch.from_numpy((np.nansum(targets[rows], axis=0) / known).astype(np.float32))
            head.last.bias.copy_(torch.logit(shares.clamp(0.01, 0.99)))

    def training_step(self, batch: Any, index: int) -> Tensor:
        *inputs, targets = batch
        return demand_finite(masked_loss(self.network(*inputs), targets, self.weights, self.positive), self.current_epoch, index)

    def configure_optimizers(self) -> Any:
        settings = self.recipe.optimiser
        optimiser = torch.optim.AdamW(self.network.parameters(), settings.rate, weight_decay=settings.weight_decay)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, settings.rate, total_steps=self.steps, pct_start=settings.warm_up)
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def judge(self) -> float | None:
        """Loss on held-out rows without dropout; a proper score, so a constant answer cannot win over a ranking one."""
        if not len(self.truth):
            return None
        training = self.network.training
        self.network.eval()
        with torch.no_grad():
            loss = float(masked_loss(self.network(*self.held_out), self.truth, self.weights, torch.ones_like(self.positive)))
        self.network.train(training)
        return loss


def logits_of(head: Head, inputs: Inputs, rows: NDArray[np.intp]) -> NDArray[np.float64]:
    """[row, output] of copy 0, deterministic."""
    head.eval()
    with torch.no_grad():
        return head(*inputs.rows(rows)).double().numpy()  # type: ignore[no-any-return]

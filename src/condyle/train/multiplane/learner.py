"""A network of several planes in training, and the same network as a reader asks it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from condyle.evaluate.ranking import auroc
from condyle.readers.multiplane.network import Attention, Features, Floats, answer, cut_objects, find_objects
from condyle.train import devices
from condyle.train.loop import Learner, demand_finite, not_finite
from condyle.train.losses import class_weights, masked
from condyle.train.multiplane.batches import Batch, plain
from condyle.train.multiplane.recipe import MultiplaneRecipe
from condyle.train.multiplane.store import Store
from condyle.train.networks.encoder import Encoder
from condyle.train.networks.multiplane import OUTPUTS, EncoderGraph, MultiplaneNetwork, ReaderGraph, Shape, parted
from condyle.train.stages import tell

Seen = dict[tuple[int, int], tuple[Floats, Floats]]  # (study, slot) -> sums of the last block and of the one before, [slice, h, w]


class Labelled(Protocol):
    """What a loss needs of a batch."""

    @property
    def targets(self) -> Tensor: ...

    @property
    def weights(self) -> Tensor: ...


def shape_of(recipe: MultiplaneRecipe, findings: int) -> Shape:
    own = recipe.network
    return Shape(
        {name: slot.plane for name, slot in recipe.data.slots.items()}, findings, recipe.backbones(), recipe.prepare.pixels, own.stride,
        own.width, own.shared, own.aggregate, own.fuse, own.correlate, own.dropout, own.parts, recipe.prepare.slices,
    )  # fmt: skip


def attention_of(recipe: MultiplaneRecipe) -> Attention:
    own = recipe.network.attention
    return Attention(own.use, own.dimensions, own.smallest, own.margin, own.answer)


@dataclass(frozen=True, slots=True, eq=False)
class TorchMember:
    """A trained network as ``answer`` asks it; ``maps`` False leaves out what takes time."""

    network: MultiplaneNetwork
    columns: tuple[int, ...]
    maps: bool = False
    grid: tuple[int, int] | None = None

    @property
    def device(self) -> torch.device:
        return self.network.fuse.bias.device

    @property
    def stacks(self) -> bool:
        return self.network.stacks

    def encode(self, slot: str, grey: Floats) -> tuple[Floats, Floats]:
        with torch.inference_mode():
            features, before = described(self.network, slot, torch.from_numpy(grey).to(self.device))
        return features.float().cpu().numpy(), before.float().cpu().numpy()

    def read(self, features: Floats, shown: Floats) -> Mapping[str, Floats]:
        whole, mask = (torch.from_numpy(one)[None].to(self.device) for one in (features, shown))
        with torch.inference_mode():
            if self.maps:
                found = ReaderGraph(self.network)(whole, mask)
                return {name: one[0].cpu().numpy() for name, one in zip(OUTPUTS, found, strict=True)}
            places = parted(whole.flatten(0, 2), self.network.shape.parts).unflatten(0, whole.shape[:3]).flatten(2, 3)
            fused, single, _, _ = self.network.read(places, self.network.places(mask))
        return {"logits": fused[0].float().cpu().numpy(), "planes": single[0].float().cpu().numpy()}


def described(network: MultiplaneNetwork, slot: str, grey: Tensor) -> tuple[Tensor, Tensor]:
    """What a package's encoder gives of one input: [slice, row, column] -> (features, sum of the block before)."""
    found: tuple[Tensor, Tensor] = EncoderGraph(network, slot)(grey)
    return found


def logits_of(
    network: MultiplaneNetwork, store: Store, rows: NDArray[np.intp], attention: Attention, *, half: bool = False
) -> tuple[Floats, Floats]:
    """([row, finding] fused, [row, slot, finding] single inputs, NaN where missing) of studies, deterministic: no augmentation, no
    dropout (fault G27). ``half`` computes in 16-bit floats."""
    training = network.training
    network.eval()
    member = TorchMember(network, tuple(range(network.shape.findings)))
    found = []
    for number in rows.tolist():
        grey, shown = plain(store, number)
        with torch.autocast(member.device.type, torch.bfloat16, enabled=half):
            told = answer([member], network.slots, grey, shown, attention, network.shape.findings)
        found.append((told.logits, told.planes))
    network.train(training)
    return np.array([one for one, _ in found], np.float32), np.array([one for _, one in found], np.float32)


class MultiplaneLearner(Learner):
    """One network in training."""

    def __init__(
        self, network: MultiplaneNetwork, recipe: MultiplaneRecipe, store: Store, targets: NDArray[np.float32], rows: NDArray[np.intp],
        held_out: NDArray[np.intp], steps: int,
    ) -> None:  # fmt: skip
        super().__init__()
        self.network, self.recipe, self.steps, self.store = network, recipe, steps, store
        self.held_out, self.truth = held_out, targets[held_out]
        self.positive = class_weights(torch.from_numpy(targets[rows]), recipe.loss.balance)

    def training_step(self, batch: Batch, index: int) -> Tensor:
        own = self.recipe.network.attention
        features, kept, sums = self.network.describe(batch.grey, batch.mask)
        loss = self.loss_of(features, kept, batch)
        if own.use and self.current_epoch + 1 >= own.from_epoch:
            crops, cut = self.objects(batch.grey, batch.mask, sums)
            inner, cut, _ = self.network.describe(crops, cut)
            loss = loss + self.recipe.loss.object * self.loss_of(inner, cut, batch)
        self.note(loss, len(batch.targets))
        return demand_finite(loss, self.current_epoch, index)

    def note(self, loss: Tensor, studies: int) -> None:
        """Tell how far training has come."""
        total = self.recipe.optimiser.epochs * (self.steps // self.recipe.optimiser.epochs)
        tell(f"epoch {self.current_epoch + 1} of {self.recipe.optimiser.epochs}", min(self.global_step + 1, total), total)
        self.count(loss, studies)

    def loss_of(self, features: Tensor, kept: Tensor, batch: Labelled, inside: Tensor | None = None) -> Tensor:
        """Of [n, slot, place, channel] features under a mask [n, slot, place]: the fused answer, and each input alone.

        ``inside`` [n, finding, slot, place] are places within a lesion: of each finding that is there and marked, the log of the share
        of attention that falls on it.
        """
        settings = self.recipe.loss
        fused, single, _, shares = self.network.read(features, kept)
        positive = self.positive.to(fused.device)
        alone = batch.targets[:, None].where(kept.amax(2)[..., None] > 0, torch.full_like(batch.targets[:, None], torch.nan))
        weights = batch.weights
        loss = masked(single, alone, kind=settings.kind, positive=positive, weights=weights[:, None], over=devices.mean)
        if not self.recipe.apart and self.recipe.network.fuse != "logistic":  # there every input learns by itself
            fused_loss = masked(fused, batch.targets, kind=settings.kind, positive=positive, weights=weights, over=devices.mean)
            loss = fused_loss + settings.planes * loss
        if settings.places and inside is not None:
            loss = loss + settings.places * missed(shares, inside & (kept[:, None] > 0) & (batch.targets > 0.5)[:, :, None, None])
        return loss

    def objects(self, grey: Tensor, mask: Tensor, sums: tuple[Tensor, Tensor] | None) -> tuple[Tensor, Tensor]:
        """What drew attention, enlarged, cut as reading cuts it."""
        attention, slots = attention_of(self.recipe), self.network.slots
        host, shown = grey.cpu().numpy(), mask.cpu().numpy() > 0
        crops, kept = np.zeros_like(host), np.zeros_like(shown)
        seen = self._alone(grey, mask) if sums is None else _by_input(sums, shown)
        for n, there in enumerate(shown):
            own = {slots[slot]: seen[n, slot] for slot in np.flatnonzero(there.any(1)).tolist()}
            features = Features({slot: late for slot, (late, _) in own.items()}, {slot: before for slot, (_, before) in own.items()})
            boxes = find_objects(slots, features, there, attention)
            crops[n], kept[n], _ = cut_objects(slots, host[n], there, boxes, attention, features.stride(host.shape[-1]))
        return torch.from_numpy(crops).to(grey.device), torch.from_numpy(kept).to(mask)

    def _alone(self, grey: Tensor, mask: Tensor) -> Seen:
        """Of inputs with encoders of their own: a side pass that moves no statistics (fault G33)."""
        training = self.network.training
        self.network.eval()
        found: Seen = {}
        with torch.no_grad():
            for n, slot in mask.amax(2).nonzero().tolist():
                features, before = described(self.network, self.network.slots[slot], grey[n, slot][mask[n, slot] > 0])
                found[n, slot] = features.float().abs().sum(1).cpu().numpy(), before.float().cpu().numpy()
        self.train(training)  # not the network's own: what is frozen stays so
        return found

    def configure_optimizers(self) -> Any:
        settings = self.recipe.optimiser
        encoders = list(self.network.encoders.parameters())
        own = {id(one) for one in encoders}
        rest = [one for one in self.network.parameters() if id(one) not in own]
        rates = [settings.rate] if settings.backbone_rate == 0 else [settings.rate, settings.backbone_rate]
        groups = [{"params": part} for part in ([rest] if settings.backbone_rate == 0 else [rest, encoders])]
        optimiser = torch.optim.AdamW(groups, settings.rate, weight_decay=settings.weight_decay)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rates, total_steps=self.steps, pct_start=settings.warm_up)
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def train(self, mode: bool = True) -> MultiplaneLearner:
        super().train(mode)
        if mode and self.recipe.optimiser.backbone_rate == 0:
            for one in self.network.encoders.values():
                assert isinstance(one, Encoder)
                one.requires_grad_(False).eval()
        return self

    def judge(self) -> float | list[float] | None:
        """Of held-out studies: log loss, or 1 - mean AUROC of the findings that can be ranked there; of inputs that learn apart each."""
        if not len(self.held_out):
            return None
        half, alone = self.recipe.optimiser.precision == "bf16", int(self.recipe.apart)
        attention, metric = attention_of(self.recipe), self.recipe.select.metric
        logits = devices.shared_out(lambda rows: logits_of(self.network, self.store, rows, attention, half=half)[alone], self.held_out)
        if not alone:
            return badness(self.truth, logits, metric)
        there = np.asarray(self.store.shown[self.held_out].any(2))
        return [badness(self.truth[own], logits[own, slot], metric) if own.any() else np.nan for slot, own in enumerate(there.T)]

    def adopt(self, kept: dict[str, Tensor], part: int) -> None:
        """Of an input that learns apart: its backbone, its pooling and its head."""
        own = (f"encoders.{self.network.slots[part]}.", f"level.{self.network.slots[part]}.", f"pools.{part}.")
        for name, value in self.network.state_dict().items():
            if not self.recipe.apart or name.startswith(own):
                kept[name] = value.detach().clone()
            elif name in ("fuse.weight", "fuse.bias"):
                kept[name][part] = value[part].detach()

def badness(truth: NDArray[np.float32], logits: Floats, metric: str) -> float:
    """Log loss, or 1 - mean AUROC. Raises CondyleError - the network answers with numbers that are not finite"""
    if not np.isfinite(logits).all():
        raise not_finite("The network answers with numbers that are not finite.", "held-out studies")
    if metric == "log_loss":
        return float(masked(torch.from_numpy(logits), torch.from_numpy(truth)))
    return 1 - mean_auroc(truth, logits)


def mean_auroc(truth: NDArray[np.floating], score: NDArray[np.floating]) -> float:
    """Mean over the findings that have both classes; NaN when none has."""
    values = []
    for own, scores in zip(truth.T, score.T, strict=True):
        known = ~np.isnan(own)
        if 0 < own[known].sum() < known.sum():
            values.append(auroc(own[known], scores[known]))
    return float(np.mean(values)) if values else float("nan")


def missed(shares: Sequence[Tensor | None], inside: Tensor) -> Tensor:
    """Mean of -log of the share that falls inside, over studies, findings and inputs that have anything inside; 0 where none has.

    Parameters
    ----------
    shares : by slot, [n, finding, place, 1]; inside : [n, finding, slot, place]
    """
    total, count = inside.new_zeros((), dtype=torch.float32), 0
    for number, share in enumerate(shares):
        assert share is not None, "only pooling with shares can be taught where to look"
        own = inside[:, :, number]
        there = own.any(2)
        on_it = (share[..., 0].float() * own).sum(2)[there]
        total, count = total - on_it.clamp_min(1e-6).log().sum(), count + len(on_it)
    return total / devices.mean(total.new_tensor(float(count))).clamp_min(1e-8)


def _by_input(sums: tuple[Tensor, Tensor], shown: NDArray[np.bool_]) -> Seen:
    """Sums over the shown slices of a batch, one after the other, by input."""
    counts = shown.sum(2)
    places = np.argwhere(counts).tolist()
    late, before = (np.split(one.float().cpu().numpy(), np.cumsum(counts[counts > 0])[:-1]) for one in sums)
    return {(n, slot): pair for (n, slot), pair in zip(places, zip(late, before, strict=True), strict=True)}

"""The network of several planes: slices encoded in one batch, pooled to one vector an input, fused, one logit a finding."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from condyle.train.networks.aggregate import Aggregate, aggregator
from condyle.train.networks.coplane import CoPlane
from condyle.train.networks.encoder import Encoder, build
from condyle.train.networks.fuse import fusion


@dataclass(frozen=True, slots=True)
class Shape:
    """What a network is made of.

    Parameters
    ----------
    planes : slot -> plane; backbones : slot -> name
    shared : one encoder for all slots
    parts, slices : every slice is described by its parts x parts regions; with more than one, ``slices`` of a stack are needed
    """

    planes: Mapping[str, str]
    findings: int
    backbones: Mapping[str, str]
    pixels: int
    stride: int = 32
    width: float = 1.0
    shared: bool = True
    aggregate: str = "attention"
    fuse: str = "attention"
    correlate: bool = False
    dropout: float = 0.2
    parts: int = 1
    slices: int = 0


class MultiplaneNetwork(nn.Module):
    """Slices of several inputs -> one logit a finding."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.slots = tuple(shape.planes)
        owners = self.slots[:1] if shape.shared else self.slots
        size = {"pixels": shape.pixels, "stride": shape.stride}
        self.encoders = nn.ModuleDict({slot: build(shape.backbones[slot], width=shape.width, **size) for slot in owners})
        widths = {slot: self.encoder(slot).channels for slot in self.slots}
        channels = max(widths.values())
        # Inputs with different backbones meet at one width.
        self.level = nn.ModuleDict({slot: nn.Linear(own, channels) for slot, own in widths.items() if own != channels})
        # A pooled vector a finding needs one unit to be read by; pooled features of all planes share their pooling's form, not its weights.
        places = shape.slices * shape.parts**2 if shape.parts > 1 else 0
        self.pools = nn.ModuleList(aggregator(shape.aggregate, channels, shape.findings, places) for _ in self.slots)
        self.coplane = CoPlane(len(self.slots), channels) if shape.fuse == "coplane" else None
        self.drop = nn.Dropout(shape.dropout)
        self.fuse = fusion(shape.fuse, [shape.planes[slot] for slot in self.slots], channels, shape.findings)
        self.correlate = nn.Linear(shape.findings, shape.findings, bias=False) if shape.correlate else None
        if self.correlate is not None:
            nn.init.zeros_(self.correlate.weight)

    @property
    def exact(self) -> bool:
        """Whether class maps follow from shares and weights: no slice looks at another, no mean of chances. Else: of first order."""
        return all(pool.exact for pool in self.pools) and self.coplane is None and self.fuse.exact

    @property
    def stacks(self) -> bool:
        """Whether encoders take whole stacks in place of slices."""
        return any(self.encoder(slot).volume for slot in self.slots)

    def encoder(self, slot: str) -> Encoder:
        found: Encoder = self.encoders[slot if slot in self.encoders else self.slots[0]]
        return found

    def encode(self, slot: str, grey: Tensor) -> tuple[Tensor, Tensor]:
        """[slice, row, column] of one input -> (features [slice', channel, h, w], sum of the block before [slice', h, w])."""
        encoder = self.encoder(slot)
        if not encoder.volume:
            features, before = encoder(grey)
            return features, before
        features, before = encoder(grey[None])  # [1, channel, depth, h, w]
        return features[0].transpose(0, 1), before[0]

    def describe(self, grey: Tensor, mask: Tensor) -> tuple[Tensor, Tensor, tuple[Tensor, Tensor] | None]:
        """Mean features of every place, a slice or a part of one: all slices that are there in one batch.

        Parameters
        ----------
        grey : [n, slot, slice, row, column]; mask : [n, slot, slice] 1 or 0

        Returns
        -------
        ([n, slot, place, channel], [n, slot, place] mask, sums over channels of the last block and of the one before,
        [present slices, h, w] in the order of ``mask.nonzero()``; None where inputs have encoders of their own)
        """
        if self.stacks:
            return (*self._of_stacks(grey, mask), None)
        there = mask > 0
        width = max(self.encoder(slot).channels for slot in self.slots)
        out = grey.new_zeros(*mask.shape, self.shape.parts**2, width)
        sums = None
        if len(self.encoders) == 1:
            features, before = self.encoder(self.slots[0])(grey[there])
            out[there] = parted(features, self.shape.parts).to(out.dtype)
            sums = (features.detach().float().abs().sum(1), before)
        else:
            for number, slot in enumerate(self.slots):
                own = there[:, number]
                if own.any():
                    mean = parted(self.encoder(slot)(grey[:, number][own])[0], self.shape.parts)
                    out[:, number][own] = (self.level[slot](mean) if slot in self.level else mean).to(out.dtype)
        return out.flatten(2, 3), self.places(mask), sums

    def places(self, mask: Tensor) -> Tensor:
        """[n, slot, slice] -> [n, slot, place]."""
        return mask.repeat_interleave(self.shape.parts**2, 2) if self.shape.parts > 1 else mask

    def _of_stacks(self, grey: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        parts: list[Tensor] = []
        n = len(grey)
        for number, slot in enumerate(self.slots):
            features, _ = self.encoder(slot)(grey[:, number])
            mean = features.mean((3, 4)).transpose(1, 2)
            parts.append(self.level[slot](mean) if slot in self.level else mean)
        depth = max(part.shape[1] for part in parts)
        out = grey.new_zeros(n, len(parts), depth, parts[0].shape[2])
        kept = grey.new_zeros(n, len(parts), depth)
        for number, part in enumerate(parts):
            out[:, number, : part.shape[1]] = part
            kept[:, number, : part.shape[1]] = mask[:, number].amax(1, keepdim=True)
        return out * kept[..., None], kept

    def read(self, features: Tensor, mask: Tensor) -> tuple[Tensor, Tensor, Tensor, list[Tensor | None]]:
        """[n, slot, place, channel], [n, slot, place] -> (fused logits [n, finding], those of single inputs [n, slot, finding], direction
        [n, slot, finding, channel], shares of the places by slot)."""
        if self.coplane is not None:
            features = self.coplane(features, mask)
        pooled, shares = [], []
        for number, pool in enumerate(self.pools):
            one, share = pool(features[:, number], mask[:, number])
            pooled.append(one)
            shares.append(share)
        present = mask.amax(2)
        fused, single, direction = self.fuse(self.drop(torch.stack(pooled, 1)), present)
        if self.correlate is not None:
            fused = fused + self.correlate(fused)
        return fused, single, direction, shares

    def back(self, direction: Tensor, shares: Sequence[Tensor | None], features: Tensor, mask: Tensor) -> Sequence[Tensor]:
        """By slot, the direction [n, finding, place, channel] in which places are read; what ``read`` was given, and what it said."""
        mixed = features if self.coplane is None else self.coplane(features, mask)
        ways = []
        for number, pool in enumerate(self.pools):
            assert isinstance(pool, Aggregate)
            ways.append(pool.back(direction[:, number], shares[number], mixed[:, number], mask[:, number]))
        return ways if self.coplane is None else self.coplane.back(torch.stack(ways, 2), features, mask).unbind(2)

    def forward(self, grey: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """[n, slot, slice, row, column], [n, slot, slice] -> (fused [n, finding], single inputs [n, slot, finding])."""
        features, kept, _ = self.describe(grey, mask)
        fused, single, _, _ = self.read(features, kept)
        return fused, single


class EncoderGraph(nn.Module):
    """What a package holds of an encoder: [slice, row, column] -> features and the sum of the block before."""

    def __init__(self, network: MultiplaneNetwork, slot: str) -> None:
        super().__init__()
        self.encoder = network.encoder(slot)
        self.level = network.level[slot] if slot in network.level else None  # noqa: SIM401 - a ModuleDict has no get

    def forward(self, grey: Tensor) -> tuple[Tensor, Tensor]:
        if self.encoder.volume:
            features, before = self.encoder(grey[None])
            features, before = features[0].transpose(0, 1), before[0]
        else:
            features, before = self.encoder(grey)
        if self.level is not None:
            features = self.level(features.transpose(1, 3)).transpose(1, 3)
        return features, before


class ReaderGraph(nn.Module):
    """What a package holds of the rest: features of all slices -> logits, logits of single inputs, and class maps."""

    def __init__(self, network: MultiplaneNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, features: Tensor, shown: Tensor) -> tuple[Tensor, ...]:
        """[n, slot, slice, channel, h, w], [n, slot, slice] -> (logits, planes, maps [n, finding, slot, slice, h, w]).

        A map holds what each cell adds to the logit: features times the direction they are read in, its gradient with all that
        multiplies features (shares, attention) held as it is.
        """
        parts, (slots, slices, channels, high, wide) = self.network.shape.parts, map(int, features.shape[1:])
        places = parted(features.flatten(0, 2), parts).reshape(-1, slots, slices * parts**2, channels)
        mask = self.network.places(shown)
        fused, single, direction, shares = self.network.read(places, mask)
        ways = self.network.back(direction, shares, places, mask)
        high, wide = high // parts, wide // parts
        maps = []
        for number, way in enumerate(ways):
            own = features[:, number].reshape(-1, slices, channels, parts, high, parts, wide).permute(0, 1, 3, 5, 2, 4, 6)
            own = own.reshape(-1, slices * parts**2, channels, high * wide)
            found = ((way / (high * wide)).transpose(1, 2) @ own).transpose(1, 2)  # [n, finding, place, cells of a place]
            found = found.reshape(-1, found.shape[1], slices, parts, parts, high, wide).transpose(4, 5)
            maps.append(found.reshape(-1, found.shape[1], slices, parts * high, parts * wide))
        whole = torch.stack(maps, 2)
        if self.network.correlate is not None:
            whole = whole + self.network.correlate(whole.movedim(1, 5)).movedim(5, 1)
        return fused, single, whole


def parted(features: Tensor, parts: int) -> Tensor:
    """[n, channel, h, w] -> [n, part, channel]: means over the parts x parts regions of every slice, row by row."""
    if parts == 1:
        return features.mean((2, 3))[:, None]
    high, wide = int(features.shape[2]) // parts, int(features.shape[3]) // parts
    return nn.functional.avg_pool2d(features, (high, wide)).flatten(2).transpose(1, 2)


OUTPUTS = ("logits", "planes", "maps")  # of ``ReaderGraph``

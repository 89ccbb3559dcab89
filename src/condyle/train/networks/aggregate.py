"""Slices become one: how the features of all slices of an input are pooled, on one masked batch.

All but the transformer are homogeneous of degree one in the features: the pooled value is the sum of the features times the
share that each slice has in it (Euler). The shares are returned, so that a class map says how much every place of every slice
adds to a logit, exactly. Through a transformer ``Aggregate.back`` goes by gradient: whatever multiplies features (attention, the size
that a normalisation divides by: Ali et al., ICML 2022; the gate of a GELU) is held as it is, as a share is.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

_HASTE = 40.0  # a habit is learnt so much faster than a weight: it must grow to several units within one training
_LOW = -1e4  # of what is masked, in a softmax or a maximum; finite in 16-bit floats


class Aggregate(nn.Module):
    """[n, slice, channel] features and [n, slice] mask (1 or 0; at least one 1, else the result is 0) -> (pooled [n, finding or 1,
    channel], share [n, finding or 1, slice, channel or 1]; None where no share tells it)."""

    exact = True

    def forward(self, features: Tensor, mask: Tensor) -> tuple[Tensor, Tensor | None]:
        raise NotImplementedError

    def back(self, way: Tensor, share: Tensor | None, features: Tensor, mask: Tensor) -> Tensor:
        """Direction in which each slice is read where the pooled features are read in ``way``: [n, finding, channel] -> [n, finding,
        slice, channel]. ``share`` is what ``forward`` gave."""
        assert share is not None
        return way[:, :, None] * share


class Mean(Aggregate):
    def forward(self, features: Tensor, mask: Tensor) -> tuple[Tensor, Tensor | None]:
        share = (mask / mask.sum(1, keepdim=True).clamp_min(1))[:, None, :, None]
        return _pooled(features, share), share


class Max(Aggregate):
    """Element-wise maximum over slices (MRNet, SCOPE)."""

    def forward(self, features: Tensor, mask: Tensor) -> tuple[Tensor, Tensor | None]:
        masked = features + (1 - mask[..., None]) * _LOW
        top = masked.argmax(1, keepdim=True)
        places = torch.arange(features.shape[1], device=features.device)[None, :, None]
        share = (places == top).to(features) * mask[..., None]
        return _pooled(features, share[:, None]), share[:, None]


class GeM(Aggregate):
    """Generalised mean with a learnt power (Radenovic et al., TPAMI 2019); features are taken as not negative."""

    def __init__(self) -> None:
        super().__init__()
        self.power = nn.Parameter(torch.tensor(3.0))

    def forward(self, features: Tensor, mask: Tensor) -> tuple[Tensor, Tensor | None]:
        power = self.power.clamp(1.0, 16.0)
        positive = features.clamp_min(1e-6)
        count = mask.sum(1, keepdim=True).clamp_min(1)[..., None]
        # Beside the largest: a high power of a small number is nothing, and of a large one too much for a float.
        top = (positive * mask[..., None]).amax(1, keepdim=True).detach().clamp_min(1e-6)
        mean = (((positive / top) ** power) * mask[..., None]).sum(1, keepdim=True) / count
        pooled = top * mean.clamp_min(1e-12) ** (1 / power)
        share = mask[..., None] * (positive / pooled) ** (power - 1) / count
        return (pooled * mask.amax(1)[:, None, None]), share[:, None]


class TopK(Aggregate):
    """Mean of the ``k`` largest values of each channel (of all, where there are fewer slices)."""

    def __init__(self, k: int = 3) -> None:
        super().__init__()
        self.k = k

    def forward(self, features: Tensor, mask: Tensor) -> tuple[Tensor, Tensor | None]:
        masked = features + (1 - mask[..., None]) * _LOW
        place = masked.topk(min(self.k, features.shape[1]), 1).indices
        chosen = torch.zeros_like(features).scatter(1, place, 1.0) * mask[..., None]
        share = chosen / chosen.sum(1, keepdim=True).clamp_min(1)
        return _pooled(features, share[:, None]), share[:, None]


class GatedAttention(Aggregate):
    """A weighted mean for each finding, weights learnt from the slices (Ilse et al., ICML 2018): a cyst may look elsewhere than a tear."""

    def __init__(self, channels: int, findings: int, hidden: int = 64, places: int = 0) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels)
        self.signal, self.gate = nn.Linear(channels, hidden), nn.Linear(channels, hidden)
        self.weigh = nn.Linear(hidden, findings)
        # Crops lie about the joint, so each finding has places where it is worth looking, whatever they show.
        self.habit = nn.Parameter(torch.zeros(findings, places)) if places else None

    def weights(self, features: Tensor, mask: Tensor) -> Tensor:
        """[n, finding, slice], 0 where masked, else summing to 1."""
        seen = self.norm(features)
        scores = self.weigh(torch.tanh(self.signal(seen)) * torch.sigmoid(self.gate(seen))).transpose(1, 2)
        if self.habit is not None:
            scores = scores + _HASTE * self.habit
        return (scores + (1 - mask[:, None]) * _LOW).softmax(2) * mask[:, None]

    def forward(self, features: Tensor, mask: Tensor) -> tuple[Tensor, Tensor | None]:
        share = self.weights(features, mask)[..., None]
        return _pooled(features, share), share


class Transformer(Aggregate):
    """Slices look at each other, then gated attention; no share tells what a slice added."""

    exact = False

    def __init__(self, channels: int, findings: int, heads: int = 4) -> None:
        super().__init__()
        self.before, self.after = nn.LayerNorm(channels), nn.LayerNorm(channels)
        self.heads = heads
        self.mix, self.out = nn.Linear(channels, 3 * channels), nn.Linear(channels, channels)
        self.widen, self.narrow = nn.Linear(channels, 2 * channels), nn.Linear(2 * channels, channels)
        self.pool = GatedAttention(channels, findings)

    def forward(self, features: Tensor, mask: Tensor) -> tuple[Tensor, Tensor | None]:
        return self.pool(self._mixed(features, mask)[-1], mask)[0], None

    def _mixed(self, features: Tensor, mask: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """(slices that know their place, how much they look at each other [n, head, slice, slice], what they saw added, that widened, the
        result)."""
        x = features + _place(features) * mask[..., None]
        n, slices, channels = x.shape
        query, key, value = self.mix(self.before(x)).reshape(n, slices, 3, self.heads, -1).permute(2, 0, 3, 1, 4).unbind(0)
        scores = query @ key.transpose(2, 3) / math.sqrt(query.shape[-1]) + (1 - mask[:, None, None]) * _LOW
        looks = scores.softmax(3)
        seen = x + self.out((looks @ value).transpose(1, 2).reshape(n, slices, channels))
        wide = self.widen(self.after(seen))
        return x, looks, seen, wide, seen + self.narrow(nn.functional.gelu(wide))

    def back(self, way: Tensor, share: Tensor | None, features: Tensor, mask: Tensor) -> Tensor:
        x, looks, seen, wide, mixed = self._mixed(features, mask)
        way = self.pool.back(way, self.pool(mixed, mask)[1], mixed, mask)
        gate = 0.5 * (1 + torch.erf(wide * math.sqrt(0.5)))
        way = way + norm_back(self.after, seen, way @ self.narrow.weight * gate[:, None] @ self.widen.weight)
        n, findings, slices, channels = way.shape
        heads = (way @ self.out.weight).reshape(n, findings, slices, self.heads, -1).transpose(2, 3)
        looked = (looks.transpose(2, 3)[:, None] @ heads).transpose(2, 3).reshape(n, findings, slices, channels)
        return way + norm_back(self.before, x, looked @ self.mix.weight[2 * channels :])


def aggregator(name: str, channels: int, findings: int, places: int = 0) -> Aggregate:
    """One of ``names.AGGREGATORS``; ``places`` that mean the same in every study (0: slices alone) give attention its habits."""
    makers: dict[str, Callable[[], Aggregate]] = {
        "max": Max, "mean": Mean, "gem": GeM, "top_k": TopK,
        "attention": lambda: GatedAttention(channels, findings, places=places), "transformer": lambda: Transformer(channels, findings),
    }  # fmt: skip
    return makers[name]()


def norm_back(norm: nn.LayerNorm, features: Tensor, way: Tensor) -> Tensor:
    """Direction in which features are read where their normalised form is read in ``way``, the size that it divides by held as it is:
    [n, slice, channel], [n, finding, slice, channel] -> the latter."""
    own = way * norm.weight
    middle = features - features.mean(2, keepdim=True)
    size = torch.rsqrt((middle * middle).mean(2, keepdim=True) + norm.eps)
    return (own - own.mean(3, keepdim=True)) * size[:, None]


def _pooled(features: Tensor, share: Tensor) -> Tensor:
    """[n, slice, channel] and [n, finding or 1, slice, channel or 1] -> [n, finding or 1, channel]."""
    if share.shape[3] == 1:
        return share[..., 0] @ features
    return (features[:, None] * share).sum(2)


def _place(features: Tensor) -> Tensor:
    """[1, slice, channel] sinusoids of the place in the stack (Vaswani et al., NeurIPS 2017)."""
    slices, channels = features.shape[1:]
    place = torch.arange(slices, device=features.device, dtype=torch.float32)[:, None]
    rate = torch.exp(torch.arange(0, channels, 2, device=features.device, dtype=torch.float32) * (-math.log(10000.0) / channels))
    waves = torch.zeros(slices, channels, device=features.device)
    waves[:, 0::2], waves[:, 1::2] = torch.sin(place * rate), torch.cos(place * rate[: channels // 2])
    return waves[None].to(features.dtype)

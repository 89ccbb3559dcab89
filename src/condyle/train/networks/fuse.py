"""Planes become one: how the inputs at hand are fused, missing ones masked, series of one plane averaged first.

Each fusion returns, beside the fused logits, the direction in which every input's pooled features were read: the fused logit is
the sum of features times direction, plus a constant. Class maps follow from it.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

_LOW = -1e4


class Fuse(nn.Module):
    """Heads of the single inputs, and their fusion.

    What inputs of one plane tell is averaged here, over those at hand; fusions see planes alone. A second series of a plane so gives it
    no second voice, and one that is missing is stood in for by its sister.

    Parameters
    ----------
    planes : plane of each input
    channels, findings : of the pooled features and of the answer
    """

    exact = True  # the direction tells all of the answer but a constant
    member: Tensor

    def __init__(self, planes: Sequence[str], channels: int, findings: int) -> None:
        super().__init__()
        slots = len(planes)
        self.weight = nn.Parameter(torch.randn(slots, findings, channels) * channels**-0.5)
        self.bias = nn.Parameter(torch.zeros(slots, findings))
        names = list(dict.fromkeys(planes))
        self.register_buffer("member", torch.tensor([[float(own == name) for own in planes] for name in names]), persistent=False)

    def heads(self, pooled: Tensor) -> Tensor:
        """[n, slot, finding or 1, channel] -> [n, slot, finding] logits of each input alone."""
        return (pooled * self.weight).sum(3) + self.bias

    def averaging(self, present: Tensor) -> tuple[Tensor, Tensor]:
        """[n, slot] 1 or 0 -> ([n, plane, slot] what each input counts for in the mean of its plane, [n, plane, 1] planes at hand)."""
        own = self.member * present[:, None]
        count = own.sum(2, keepdim=True)
        return own / count.clamp_min(1), count.clamp_max(1)

    def by_plane(self, single: Tensor) -> Tensor:
        """[n, slot, finding] logits of single inputs, NaN where missing -> [n, plane, finding], NaN where a plane has none."""
        average, there = self.averaging((~single.isnan()).all(2).to(single))
        return _mean(average, single.nan_to_num()).where(there > 0, torch.nan)

    def forward(self, pooled: Tensor, present: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """[n, slot, finding or 1, channel], [n, slot] 1 or 0 -> (fused [n, finding], single inputs [n, slot, finding], direction
        [n, slot, finding, channel])."""
        single = self.heads(pooled)
        average, there = self.averaging(present)
        fused, slope = self.over_planes(_mean(average, single), average, there, pooled)
        return fused, single, self.weight * _spread(average, slope)[..., None]

    def over_planes(self, told: Tensor, average: Tensor, there: Tensor, pooled: Tensor) -> tuple[Tensor, Tensor]:
        """[n, plane, finding] logits of planes, ``averaging``, and what was pooled -> (fused [n, finding], its slope [n, plane, finding] in
        these logits)."""
        raise NotImplementedError


class Mean(Fuse):
    """Mean of the probabilities of the planes, each the mean of its series' (SCOPE). Its direction is the gradient: exact only where all
    say the same."""

    exact = False

    def forward(self, pooled: Tensor, present: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        single = self.heads(pooled)
        average, there = self.averaging(present)
        chance, share = single.sigmoid(), there / there.sum(1, keepdim=True).clamp_min(1)
        mean = (_mean(average, chance) * share).sum(1).clamp(1e-6, 1 - 1e-6)
        slope = _spread(average, share) * chance * (1 - chance) / (mean * (1 - mean))[:, None]
        return torch.log(mean) - torch.log1p(-mean), single, self.weight * slope[..., None]


class Logistic(Fuse):
    """Weights of logistic regression on the logits of planes, fitted after training on held-out studies (MRNet).

    While the network trains every input learns by itself. A plane that is not there counts as its mean logit.
    """

    def __init__(self, planes: Sequence[str], channels: int, findings: int) -> None:
        super().__init__(planes, channels, findings)
        shape = (len(self.member), findings)
        self.register_buffer("slope", torch.full(shape, 1.0 / shape[0]))
        self.register_buffer("centre", torch.zeros(shape))
        self.register_buffer("offset", torch.zeros(findings))

    def over_planes(self, told: Tensor, average: Tensor, there: Tensor, pooled: Tensor) -> tuple[Tensor, Tensor]:
        share = self.slope * there
        return ((told - self.centre) * share).sum(1) + self.offset, share


class Attention(Fuse):
    """Learnt shares of the planes at hand, for each finding, from what each shows (default)."""

    def __init__(self, planes: Sequence[str], channels: int, findings: int, hidden: int = 32) -> None:
        super().__init__(planes, channels, findings)
        self.norm = nn.LayerNorm(channels)
        self.look = nn.Linear(channels, hidden)
        self.score = nn.Parameter(torch.zeros(len(planes), findings, hidden))
        self.prior = nn.Parameter(torch.zeros(len(planes), findings))

    def over_planes(self, told: Tensor, average: Tensor, there: Tensor, pooled: Tensor) -> tuple[Tensor, Tensor]:
        seen = torch.tanh(self.look(self.norm(pooled)))
        scores = _mean(average, (seen * self.score).sum(3) + self.prior)
        share = (scores + (1 - there) * _LOW).softmax(1) * there
        return (told * share).sum(1), share


class Concatenate(Fuse):
    """One linear layer over all planes; one that is not there is replaced by a learnt vector, not by zeros."""

    def __init__(self, planes: Sequence[str], channels: int, findings: int) -> None:
        super().__init__(planes, channels, findings)
        self.joint = nn.Parameter(torch.randn(len(planes), findings, channels) * channels**-0.5)
        self.absent = nn.Parameter(torch.zeros(len(self.member), findings))
        self.constant = nn.Parameter(torch.zeros(findings))

    def forward(self, pooled: Tensor, present: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        average, there = self.averaging(present)
        planes = _mean(average, (pooled * self.joint).sum(3)) + self.absent * (1 - there)
        return planes.sum(1) + self.constant, self.heads(pooled), self.joint * average.sum(1)[..., None, None]


def _mean(average: Tensor, told: Tensor) -> Tensor:
    """[n, plane, slot], [n, slot, finding] -> [n, plane, finding]; no matrix product, which would round to 16 bits in training."""
    return (average[..., None] * told[:, None]).sum(2)


def _spread(average: Tensor, slope: Tensor) -> Tensor:
    """[n, plane, slot], [n, plane, finding or 1] -> [n, slot, finding or 1]: what each input counts for."""
    return (average[..., None] * slope[:, :, None]).sum(1)


def fusion(name: str, planes: Sequence[str], channels: int, findings: int) -> Fuse:
    """One of ``names.FUSIONS``; co-plane attention mixes the slices before and fuses as 'attention' does."""
    makers = {"mean": Mean, "logistic": Logistic, "attention": Attention, "concatenate": Concatenate, "coplane": Attention}
    return makers[name](planes, channels, findings)

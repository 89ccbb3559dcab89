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

    Parameters
    ----------
    planes : plane of each input; inputs of one plane share its weight
    channels, findings : of the pooled features and of the answer
    """

    exact = True  # the direction tells all of the answer but a constant

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

    def forward(self, pooled: Tensor, present: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """[n, slot, finding or 1, channel], [n, slot] 1 or 0 -> (fused [n, finding], single inputs [n, slot, finding], direction
        [n, slot, finding, channel])."""
        raise NotImplementedError

    def evenly(self, present: Tensor) -> Tensor:
        """[n, slot] shares: every plane at hand the same, within it every input at hand the same."""
        counts = present @ self.member.T
        planes = (counts > 0).to(present)
        per_plane = planes / planes.sum(1, keepdim=True).clamp_min(1) / counts.clamp_min(1)
        return present * (per_plane @ self.member)


class Mean(Fuse):
    """Mean of the probabilities of the planes (SCOPE). Its direction is the gradient: exact only where all planes say the same."""

    exact = False

    def forward(self, pooled: Tensor, present: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        single = self.heads(pooled)
        share = self.evenly(present)[..., None]
        chance = single.sigmoid()
        mean = (chance * share).sum(1).clamp(1e-6, 1 - 1e-6)
        slope = share * chance * (1 - chance) / (mean * (1 - mean))[:, None]
        return torch.log(mean) - torch.log1p(-mean), single, self.weight[None] * slope[..., None]


class Logistic(Fuse):
    """Weights of logistic regression on the logits of single inputs, fitted after training on held-out studies (MRNet).

    While the network trains every input learns by itself. An input that is not there counts as its mean logit.
    """

    def __init__(self, planes: Sequence[str], channels: int, findings: int) -> None:
        super().__init__(planes, channels, findings)
        shape = (len(planes), findings)
        self.register_buffer("slope", torch.full(shape, 1.0 / len(planes)))
        self.register_buffer("centre", torch.zeros(shape))
        self.register_buffer("offset", torch.zeros(findings))

    def forward(self, pooled: Tensor, present: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        single = self.heads(pooled)
        share = self.slope * present[..., None]
        return ((single - self.centre) * share).sum(1) + self.offset, single, self.weight[None] * share[..., None]


class Attention(Fuse):
    """Learnt shares of the planes at hand, for each finding, from what each shows (default)."""

    def __init__(self, planes: Sequence[str], channels: int, findings: int, hidden: int = 32) -> None:
        super().__init__(planes, channels, findings)
        self.norm = nn.LayerNorm(channels)
        self.look = nn.Linear(channels, hidden)
        self.score = nn.Parameter(torch.zeros(len(planes), findings, hidden))
        self.prior = nn.Parameter(torch.zeros(len(planes), findings))

    def forward(self, pooled: Tensor, present: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        single = self.heads(pooled)
        seen = torch.tanh(self.look(self.norm(pooled)))
        scores = (seen * self.score).sum(3) + self.prior + torch.log(self.evenly(present).clamp_min(1e-9))[..., None]
        share = (scores + (1 - present[..., None]) * _LOW).softmax(1) * present[..., None]
        return (single * share).sum(1), single, self.weight[None] * share[..., None]


class Concatenate(Fuse):
    """One linear layer over all inputs; one that is not there is replaced by a learnt vector, not by zeros."""

    def __init__(self, planes: Sequence[str], channels: int, findings: int) -> None:
        super().__init__(planes, channels, findings)
        self.joint = nn.Parameter(torch.randn(len(planes), findings, channels) * channels**-0.5)
        self.absent = nn.Parameter(torch.zeros(len(planes), findings))
        self.constant = nn.Parameter(torch.zeros(findings))

    def forward(self, pooled: Tensor, present: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        here = present[..., None]
        parts = (pooled * self.joint).sum(3) * here + self.absent * (1 - here)
        return parts.sum(1) + self.constant, self.heads(pooled), self.joint[None] * here[..., None]


def fusion(name: str, planes: Sequence[str], channels: int, findings: int) -> Fuse:
    """One of ``names.FUSIONS``; co-plane attention mixes the slices before and fuses as 'attention' does."""
    makers = {"mean": Mean, "logistic": Logistic, "attention": Attention, "concatenate": Concatenate, "coplane": Attention}
    return makers[name](planes, channels, findings)

"""Co-plane attention: the slices of an input look at those of the other inputs before they are pooled (CoPAS).

Qiu et al., Nature Communications 2024;15:7637. There the other planes are re-sliced by axis swaps and passed through the encoder
once more, all in volumes of one spacing; here every slice is encoded once and says which plane it is of and where in its stack it
lies. That is a place in the joint only in stacks that are cut at regular millimetres (``prepare.regular``), which the recipe demands.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from condyle.train.networks.aggregate import _LOW, _place, norm_back


class CoPlane(nn.Module):
    """[n, slot, slice, channel], [n, slot, slice] 1 or 0 -> the same shape; an input that is alone stays as it is."""

    def __init__(self, slots: int, channels: int, hidden: int = 128) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels)
        self.plane = nn.Parameter(torch.zeros(slots, channels))
        self.query, self.key = nn.Linear(channels, hidden), nn.Linear(channels, hidden)
        self.value, self.out = nn.Linear(channels, hidden), nn.Linear(hidden, channels)
        other = 1 - torch.eye(slots)
        self.register_buffer("other", other, persistent=False)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, features: Tensor, mask: Tensor) -> Tensor:
        tokens, looks, some = self._looks(features, mask)
        mixed = features + (self.out(looks @ self.value(tokens)) * some).reshape(features.shape)
        return mixed * mask[..., None]

    def back(self, way: Tensor, features: Tensor, mask: Tensor) -> Tensor:
        """Direction in which each slice is read where what came out is read in ``way`` [n, finding, slot, slice, channel], with what looks
        at what held as it is."""
        _, looks, _ = self._looks(features, mask)
        kept = way * mask[:, None, ..., None]
        looked = looks.transpose(1, 2)[:, None] @ (kept.flatten(2, 3) @ self.out.weight) @ self.value.weight
        return kept + norm_back(self.norm, features.flatten(1, 2), looked).reshape(way.shape)

    def _looks(self, features: Tensor, mask: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(slices as they look [n, token, channel], how much at which [n, token, token], whether there is any to look at [n, token, 1])."""
        n, slots, slices, channels = features.shape
        seen = self.norm(features) + self.plane[:, None] + _place(features.flatten(0, 1))[:, None].transpose(0, 1)
        tokens, there = seen.reshape(n, slots * slices, channels), mask.reshape(n, 1, slots * slices)
        allowed = self.other.repeat_interleave(slices, 0).repeat_interleave(slices, 1)[None] * there
        scores = self.query(tokens) @ self.key(tokens).transpose(1, 2) / math.sqrt(self.query.out_features) + (1 - allowed) * _LOW
        return tokens, scores.softmax(2) * allowed, allowed.amax(2, keepdim=True)

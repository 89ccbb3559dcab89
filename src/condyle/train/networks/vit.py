"""ViT-B/16 with torchvision's parameter names. Dosovitskiy et al., ICLR 2021. MONAI's has other names and no way to load these."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from condyle.train.networks.encoder import Encoder, refuse_settings, summed, three

_HEADS, _WIDTH, _LAYERS, _PATCH = 12, 768, 12, 16


class _Attention(nn.Module):
    """Self-attention with the parameters of ``nn.MultiheadAttention``."""

    def __init__(self) -> None:
        super().__init__()
        self.in_proj_weight, self.in_proj_bias = nn.Parameter(torch.empty(3 * _WIDTH, _WIDTH)), nn.Parameter(torch.zeros(3 * _WIDTH))
        self.out_proj = nn.Linear(_WIDTH, _WIDTH)
        nn.init.xavier_uniform_(self.in_proj_weight)

    def forward(self, x: Tensor) -> Tensor:
        mixed = nn.functional.linear(x, self.in_proj_weight, self.in_proj_bias)
        query, key, value = mixed.unflatten(2, (3, _HEADS, -1)).permute(2, 0, 3, 1, 4).unbind(0)
        looked = (query @ key.transpose(2, 3) / math.sqrt(_WIDTH // _HEADS)).softmax(3) @ value
        out: Tensor = self.out_proj(looked.transpose(1, 2).flatten(2))
        return out


class _Layer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.ln_1, self.ln_2 = nn.LayerNorm(_WIDTH, eps=1e-6), nn.LayerNorm(_WIDTH, eps=1e-6)
        self.self_attention = _Attention()
        self.mlp = nn.Sequential(nn.Linear(_WIDTH, 4 * _WIDTH), nn.GELU(), nn.Dropout(0.0), nn.Linear(4 * _WIDTH, _WIDTH))

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.self_attention(self.ln_1(x))
        out: Tensor = x + self.mlp(self.ln_2(x))
        return out


class ViTEncoder(Encoder):
    """Features are the patches' tokens after the last norm; the class token takes part and is left out of them."""

    classifier = ("heads.",)

    def __init__(self, pixels: int) -> None:
        super().__init__()
        cells = (pixels // _PATCH) ** 2
        self.body = nn.Module()
        self.body.class_token = nn.Parameter(torch.zeros(1, 1, _WIDTH))
        self.body.conv_proj = nn.Conv2d(3, _WIDTH, _PATCH, _PATCH)
        self.body.encoder = nn.Module()
        self.body.encoder.pos_embedding = nn.Parameter(torch.randn(1, cells + 1, _WIDTH) * 0.02)
        self.body.encoder.layers = nn.Sequential()
        for number in range(_LAYERS):
            self.body.encoder.layers.add_module(f"encoder_layer_{number}", _Layer())
        self.body.encoder.ln = nn.LayerNorm(_WIDTH, eps=1e-6)
        self.channels, self.stride = _WIDTH, _PATCH

    def forward(self, grey: Tensor) -> tuple[Tensor, Tensor]:
        body, encoder = self.body, self.body.encoder
        patches = body.conv_proj(three(grey))
        grid = patches.shape[2:]
        x = patches.flatten(2).transpose(1, 2)
        x = torch.cat([body.class_token.expand(x.shape[0], -1, -1), x], 1) + encoder.pos_embedding
        layers = list(encoder.layers)
        for layer in layers[:-1]:
            x = layer(x)
        before = summed(_planes(x, grid))
        return _planes(encoder.ln(layers[-1](x)), grid), before

    def adapted(self, name: str, value: Tensor) -> Tensor:
        """Places of another number of patches, interpolated."""
        wanted = self.body.encoder.pos_embedding.shape[1] - 1
        if name != "encoder.pos_embedding" or value.shape[1] == wanted + 1:
            return value
        side, own = math.isqrt(value.shape[1] - 1), math.isqrt(wanted)
        planes = value[:, 1:].transpose(1, 2).unflatten(2, (side, side))
        resized = nn.functional.interpolate(planes, (own, own), mode="bicubic", align_corners=False)
        return torch.cat([value[:, :1], resized.flatten(2).transpose(1, 2)], 1)


def _planes(tokens: Tensor, grid: torch.Size) -> Tensor:
    return tokens[:, 1:].transpose(1, 2).unflatten(2, (int(grid[0]), int(grid[1])))


def build(name: str, *, pixels: int, stride: int, width: float) -> ViTEncoder:
    refuse_settings(name, stride=stride, width=width, strides=(16, 32))
    return ViTEncoder(pixels)

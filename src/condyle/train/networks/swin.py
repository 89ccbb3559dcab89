"""Swin-T with torchvision's parameter names. Liu et al., ICCV 2021. MONAI's is the encoder of Swin UNETR and has other names."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from condyle.train.networks.encoder import Encoder, refuse_settings, summed, three

_WINDOW = 7
_DEPTHS, _HEADS, _WIDTH = (2, 2, 6, 2), (3, 6, 12, 24), 96


class _WindowAttention(nn.Module):
    """Attention within windows of 7 x 7, shifted by 3 in every other block."""

    def __init__(self, width: int, heads: int, shift: int) -> None:
        super().__init__()
        self.heads, self.shift = heads, shift
        self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.relative_position_bias_table = nn.Parameter(torch.zeros((2 * _WINDOW - 1) ** 2, heads))
        nn.init.trunc_normal_(self.relative_position_bias_table, std=0.02)
        places = torch.stack(torch.meshgrid(torch.arange(_WINDOW), torch.arange(_WINDOW), indexing="ij")).flatten(1)
        apart = (places[:, :, None] - places[:, None]).permute(1, 2, 0) + _WINDOW - 1
        self.register_buffer("relative_position_index", (apart[..., 0] * (2 * _WINDOW - 1) + apart[..., 1]).flatten())

    def forward(self, x: Tensor) -> Tensor:
        """[n, row, column, channel], any size: padded to whole windows."""
        height, width, channels = (int(size) for size in x.shape[1:])
        down, across = -height % _WINDOW, -width % _WINDOW
        x = nn.functional.pad(x, (0, 0, 0, across, 0, down))
        rows, columns = height + down, width + across
        shift = [0 if rows <= _WINDOW else self.shift, 0 if columns <= _WINDOW else self.shift]
        if any(shift):
            x = torch.roll(x, (-shift[0], -shift[1]), (1, 2))
        windows = (rows // _WINDOW) * (columns // _WINDOW)
        parts = x.reshape(-1, rows // _WINDOW, _WINDOW, columns // _WINDOW, _WINDOW, channels).transpose(2, 3)
        parts = parts.reshape(-1, _WINDOW * _WINDOW, channels)
        query, key, value = self.qkv(parts).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4).unbind(0)
        scores = query @ key.transpose(2, 3) / math.sqrt(channels // self.heads)
        bias = self.relative_position_bias_table[self.relative_position_index]
        scores = scores + bias.reshape(_WINDOW**2, _WINDOW**2, self.heads).permute(2, 0, 1)
        if any(shift):
            barred = _barred(rows, columns, shift).to(scores)
            scores = (scores.unflatten(0, (-1, windows)) + barred[None, :, None]).flatten(0, 1)
        looked = (scores.softmax(3) @ value).transpose(1, 2).flatten(2)
        parts = self.proj(looked).reshape(-1, rows // _WINDOW, columns // _WINDOW, _WINDOW, _WINDOW, channels).transpose(2, 3)
        x = parts.reshape(-1, rows, columns, channels)
        if any(shift):
            x = torch.roll(x, (shift[0], shift[1]), (1, 2))
        return x[:, :height, :width]


def _barred(rows: int, columns: int, shift: list[int]) -> Tensor:
    """[window, place, place] -100 between places that the shift brought together."""
    names = torch.zeros(rows, columns)
    spans = [((0, -_WINDOW), (-_WINDOW, -own), (-own, None)) if own else ((0, None),) for own in shift]
    for r, (top, bottom) in enumerate(spans[0]):
        for c, (left, right) in enumerate(spans[1]):
            names[top:bottom, left:right] = r * 3 + c
    parts = names.reshape(rows // _WINDOW, _WINDOW, columns // _WINDOW, _WINDOW).transpose(1, 2).reshape(-1, _WINDOW**2)
    return (parts[:, None] != parts[:, :, None]).float() * -100


class _Block(nn.Module):
    def __init__(self, width: int, heads: int, shift: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width, eps=1e-5), nn.LayerNorm(width, eps=1e-5)
        self.attn = _WindowAttention(width, heads, shift)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Dropout(0.0), nn.Linear(4 * width, width))

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(self.norm1(x))
        out: Tensor = x + self.mlp(self.norm2(x))
        return out


class _Merge(nn.Module):
    """Four neighbours become one place of twice the width."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.reduction, self.norm = nn.Linear(4 * width, 2 * width, bias=False), nn.LayerNorm(4 * width, eps=1e-5)

    def forward(self, x: Tensor) -> Tensor:
        x = nn.functional.pad(x, (0, 0, 0, int(x.shape[2]) % 2, 0, int(x.shape[1]) % 2))
        parts = [x[:, row::2, column::2] for column in (0, 1) for row in (0, 1)]
        out: Tensor = self.reduction(self.norm(torch.cat(parts, -1)))
        return out


class _Channels(nn.Module):
    """[n, channel, row, column] -> [n, row, column, channel]."""

    def forward(self, x: Tensor) -> Tensor:
        return x.permute(0, 2, 3, 1)


class SwinEncoder(Encoder):
    classifier = ("head.",)

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Sequential(nn.Conv2d(3, _WIDTH, 4, 4), _Channels(), nn.LayerNorm(_WIDTH, eps=1e-5))]
        width = _WIDTH
        for stage, (depth, heads) in enumerate(zip(_DEPTHS, _HEADS, strict=True)):
            layers.append(nn.Sequential(*(_Block(width, heads, _WINDOW // 2 if number % 2 else 0) for number in range(depth))))
            if stage < len(_DEPTHS) - 1:
                layers.append(_Merge(width))
                width *= 2
        self.body = nn.Module()
        self.body.features, self.body.norm = nn.Sequential(*layers), nn.LayerNorm(width, eps=1e-5)
        self.channels, self.stride = width, 32

    def forward(self, grey: Tensor) -> tuple[Tensor, Tensor]:
        layers: nn.Sequential = self.body.features
        x = layers[:-1](three(grey))
        x = layers[-1][0](x)
        before = summed(x.permute(0, 3, 1, 2))
        return self.body.norm(layers[-1][1](x)).permute(0, 3, 1, 2), before


def build(name: str, *, pixels: int, stride: int, width: float) -> SwinEncoder:
    del pixels
    refuse_settings(name, stride=stride, width=width)
    return SwinEncoder()

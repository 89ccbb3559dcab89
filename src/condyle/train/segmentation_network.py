"""The segmenter's network: a small residual U-Net that works at a quarter of the resolution.

Two strided convolutions bring the picture down, so that most arithmetic happens on a 16th of the pixels. Borders are
settled one step finer: the half-size planes of the first convolution come in beside what the U-Net knows, and a pixel
shuffle brings the classes to full size.
Channel counts are multiples of 32, which the CPU's bf16 kernels want.
"""

from __future__ import annotations

import itertools

import torch
from torch import nn


def _unit(inputs: int, outputs: int, stride: int = 1, kernel: int = 3) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)
    )


class Residual(nn.Module):
    """Two convolutions beside a shortcut (He et al. 2016)."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        self.first = _unit(inputs, outputs, stride)
        self.second = nn.Sequential(nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False), nn.BatchNorm2d(outputs))
        same = inputs == outputs and stride == 1
        self.shortcut = (
            nn.Identity() if same else nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(self.second(self.first(x)) + self.shortcut(x))


class SegmentationNetwork(nn.Module):
    """(batch, 1, rows, columns) grey in [-1, 1] -> (batch, classes, rows, columns) logits.

    Rows and columns must be multiples of 32. Source of the shape: U-Net (Ronneberger et al. 2015), sub-pixel
    output (Shi et al. 2016).
    """

    def __init__(self, classes: int = 4, widths: tuple[int, ...] = (64, 96, 128, 192), stem: int = 32) -> None:
        super().__init__()
        self.fine, self.coarse = _unit(1, stem, 2, 5), _unit(stem, widths[0], 2)
        pairs = list(itertools.pairwise(widths))
        self.down = nn.ModuleList([Residual(widths[0], widths[0]), *(Residual(low, high, 2) for low, high in pairs)])
        self.up = nn.ModuleList([Residual(low + high, low) for low, high in pairs])
        self.border = nn.Sequential(_unit(widths[0] + stem, stem), _unit(stem, stem))
        self.head = nn.Conv2d(stem, classes * 4, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        fine = self.fine(x)
        x = self.coarse(fine)
        kept = []
        for block in self.down:
            x = block(x)
            kept.append(x)
        for block, beside in zip(reversed(self.up), reversed(kept[:-1]), strict=True):
            x = nn.functional.interpolate(x, scale_factor=2.0, mode="nearest")
            x = block(torch.cat([x, beside], dim=1))
        x = nn.functional.interpolate(x, scale_factor=2.0, mode="nearest")
        return nn.functional.pixel_shuffle(self.head(self.border(torch.cat([x, fine], dim=1))), 2)

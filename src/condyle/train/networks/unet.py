"""U-Net in two or three dimensions (Ronneberger et al., MICCAI 2015; Cicek et al., MICCAI 2016), as small as it is asked to be.

Instance norm in place of batch norm: batches of volumes hold one or two, and a statistic of two is none.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from condyle.errors import UsageError
from condyle.train.networks.names import SEGMENTERS


class UNet(nn.Module):
    """Grey -> one logit a class at every cell.

    Parameters
    ----------
    dimensions : 2 or 3
    classes : outputs
    widths : channels of each level, the finest first. Every axis must be a multiple of 2 ** (levels - 1)
    """

    def __init__(self, dimensions: int, classes: int, widths: Sequence[int] = (8, 16, 32, 64), inputs: int = 1) -> None:
        super().__init__()
        self.dimensions = dimensions
        conv = nn.Conv3d if dimensions == 3 else nn.Conv2d
        norm = nn.InstanceNorm3d if dimensions == 3 else nn.InstanceNorm2d

        def unit(low: int, high: int) -> nn.Sequential:
            return nn.Sequential(
                conv(low, high, 3, padding=1, bias=False), norm(high, affine=True), nn.LeakyReLU(0.01),
                conv(high, high, 3, padding=1, bias=False), norm(high, affine=True), nn.LeakyReLU(0.01),
            )  # fmt: skip

        pairs = list(itertools.pairwise(widths))
        self.down = nn.ModuleList([unit(inputs, widths[0]), *(unit(low, high) for low, high in pairs)])
        self.up = nn.ModuleList([unit(low + high, low) for low, high in pairs])
        self.head = conv(widths[0], classes, 1)
        self.pool = nn.MaxPool3d(2) if dimensions == 3 else nn.MaxPool2d(2)

    def forward(self, grey: Tensor) -> Tensor:
        """[n, (z,) y, x] or [n, input, (z,) y, x] -> [n, class, (z,) y, x]."""
        x = grey[:, None] if grey.ndim == self.dimensions + 1 else grey
        kept = []
        for number, block in enumerate(self.down):
            x = block(self.pool(x) if number else x)
            kept.append(x)
        for block, beside in zip(reversed(self.up), reversed(kept[:-1]), strict=True):
            x = nn.functional.interpolate(x, scale_factor=2.0, mode="nearest")
            x = block(torch.cat([x, beside], 1))
        found: Tensor = self.head(x)
        return found


def segmenter(name: str, classes: int, widths: Sequence[int] = (8, 16, 32, 64), inputs: int = 1) -> UNet:
    """One of ``names.SEGMENTERS``. Raises UsageError for another name."""
    if name not in SEGMENTERS:
        raise UsageError("unknown-segmenter", f"There is no segmenter {name!r}.", what_to_do=f"Use one of: {', '.join(SEGMENTERS)}.")
    return UNet(SEGMENTERS[name], classes, widths, inputs)

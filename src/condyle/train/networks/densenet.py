"""DenseNet-121 of MONAI; torchvision's names lack one step of MONAI's. Huang et al., CVPR 2017."""

from __future__ import annotations

import re

import torch
from monai.networks.nets.densenet import DenseNet121
from torch import Tensor, nn

from condyle.train.networks.encoder import Encoder, refuse_settings, summed, three


class DenseNetEncoder(Encoder):
    classifier = ("classifier.",)

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Module()
        self.body.features = DenseNet121(spatial_dims=2, in_channels=3, out_channels=1).features
        self.channels, self.stride = 1024, 32

    def forward(self, grey: Tensor) -> tuple[Tensor, Tensor]:
        layers: nn.Sequential = self.body.features
        x = three(grey)
        for name, layer in layers.named_children():
            if name != "denseblock4":
                x = layer(x)
                continue
            parts = list(layer.children())
            for part in parts[:-1]:
                x = part(x)
            before = summed(torch.relu(x))
            x = parts[-1](x)
        return torch.relu(x), before

    def renamed(self, name: str) -> str:
        return re.sub(r"(denselayer\d+)\.", r"\1.layers.", name)


def build(name: str, *, pixels: int, stride: int, width: float) -> DenseNetEncoder:
    del pixels
    refuse_settings(name, stride=stride, width=width)
    return DenseNetEncoder()

"""EfficientNet-B0 of MONAI, which descends from EfficientNet-PyTorch and takes its public checkpoints. Tan and Le, ICML 2019."""

from __future__ import annotations

import re

from monai.networks.nets.efficientnet import EfficientNetBN
from torch import Tensor

from condyle.train.networks.encoder import Encoder, refuse_settings, summed, three


class EfficientNetEncoder(Encoder):
    classifier = ("_fc.",)

    def __init__(self) -> None:
        super().__init__()
        self.body = EfficientNetBN("efficientnet-b0", pretrained=False, spatial_dims=2, in_channels=3)
        self.body.set_swish(memory_efficient=False)  # the exporter cannot see into a function with a gradient of its own
        del self.body._fc
        self.channels, self.stride = 1280, 32

    def forward(self, grey: Tensor) -> tuple[Tensor, Tensor]:
        body = self.body
        x = body._swish(body._bn0(body._conv_stem(body._conv_stem_padding(three(grey)))))
        x = body._blocks(x)
        return body._swish(body._bn1(body._conv_head(body._conv_head_padding(x)))), summed(x)

    def renamed(self, name: str) -> str:
        """EfficientNet-PyTorch counts its blocks through; MONAI groups them."""
        found = re.match(r"_blocks\.(\d+)\.(.*)", name)
        places = [f"{group}.{block}" for group, members in self.body._blocks.named_children() for block, _ in members.named_children()]
        return name if not found else f"_blocks.{places[int(found[1])]}.{found[2]}"


def build(name: str, *, pixels: int, stride: int, width: float) -> EfficientNetEncoder:
    del pixels
    refuse_settings(name, stride=stride, width=width)
    return EfficientNetEncoder()

"""EfficientNet-B0 of MONAI, which descends from EfficientNet-PyTorch and takes its public checkpoints. Tan and Le, ICML 2019."""

from __future__ import annotations

import re

from monai.networks.nets.efficientnet import EfficientNetBN
from torch import Tensor

from condyle.train.networks.encoder import Encoder, refuse_settings, summed, three

_REPEATS = (1, 2, 2, 3, 3, 4, 1)  # blocks of the seven stages, which EfficientNet-PyTorch counts through


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

    @staticmethod
    def renamed(name: str) -> str:
        found = re.match(r"_blocks\.(\d+)\.(.*)", name)
        if not found:
            return name
        number, stage = int(found[1]), 0
        while number >= _REPEATS[stage]:
            number -= _REPEATS[stage]
            stage += 1
        return f"_blocks.{stage}.{number}.{found[2]}"


def build(name: str, *, pixels: int, stride: int, width: float) -> EfficientNetEncoder:
    del pixels
    refuse_settings(name, stride=stride, width=width)
    return EfficientNetEncoder()

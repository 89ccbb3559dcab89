"""ResNet-18, -34 and -50 of MONAI, which bear torchvision's parameter names.

He et al., CVPR 2016. ``stride`` 16 lets the last stage keep the grid of the one before, so that a place on a slice is told
twice as finely; no parameter changes shape, so public checkpoints still load.
"""

from __future__ import annotations

from monai.networks.nets.resnet import ResNet
from torch import Tensor

from condyle.train.networks.encoder import Encoder, refuse_settings, summed, three

LAYERS = {"resnet18": (2, 2, 2, 2), "resnet34": (3, 4, 6, 3), "resnet50": (3, 4, 6, 3)}


class ResNetEncoder(Encoder):
    def __init__(self, name: str, stride: int, width: float) -> None:
        super().__init__()
        kind = "bottleneck" if name == "resnet50" else "basic"
        self.body = ResNet(
            kind, list(LAYERS[name]), [64, 128, 256, 512], spatial_dims=2, conv1_t_stride=2, widen_factor=width, feed_forward=False,
            bias_downsample=False,
        )  # fmt: skip
        self.channels, self.stride = self.body.in_planes, stride
        if stride == 16:
            first = self.body.layer4[0]
            (first.conv2 if kind == "bottleneck" else first.conv1).stride = (1, 1)
            first.downsample[0].stride = (1, 1)

    def forward(self, grey: Tensor) -> tuple[Tensor, Tensor]:
        body = self.body
        x = body.maxpool(body.act(body.bn1(body.conv1(three(grey)))))
        x = body.layer3(body.layer2(body.layer1(x)))
        for block in body.layer4[:-1]:
            x = block(x)
        return body.layer4[-1](x), summed(x)


def build(name: str, *, pixels: int, stride: int, width: float) -> ResNetEncoder:
    del pixels
    refuse_settings(name, stride=stride, width=width, strides=(16, 32), widths=True)
    return ResNetEncoder(name, stride, width)

"""A 3-D ResNet-18 of MONAI over the whole stack (CoPAS). Rows and columns are halved at once, slices later: they are few."""

from __future__ import annotations

from monai.networks.nets.resnet import ResNet
from torch import Tensor

from condyle.train.networks.encoder import Encoder, refuse_settings, summed


class ResNet3dEncoder(Encoder):
    volume = True

    def __init__(self, width: float) -> None:
        super().__init__()
        self.body = ResNet(
            "basic", [2, 2, 2, 2], [64, 128, 256, 512], spatial_dims=3, n_input_channels=1, conv1_t_size=(3, 7, 7),
            conv1_t_stride=(1, 2, 2), widen_factor=width, feed_forward=False, bias_downsample=False,
        )  # fmt: skip
        self.body.maxpool.kernel_size, self.body.maxpool.stride, self.body.maxpool.padding = (1, 3, 3), (1, 2, 2), (0, 1, 1)
        for layer in (self.body.layer2, self.body.layer4):  # slices are halved once, in the third stage
            layer[0].conv1.stride = layer[0].downsample[0].stride = (1, 2, 2)
        self.channels, self.stride = self.body.in_planes, 32

    def forward(self, stack: Tensor) -> tuple[Tensor, Tensor]:
        body = self.body
        x = body.maxpool(body.act(body.bn1(body.conv1(stack[:, None]))))
        x = body.layer3(body.layer2(body.layer1(x)))
        for block in body.layer4[:-1]:
            x = block(x)
        return body.layer4[-1](x), summed(x)


def build(name: str, *, pixels: int, stride: int, width: float) -> ResNet3dEncoder:
    del pixels
    refuse_settings(name, stride=stride, width=width, widths=True)
    return ResNet3dEncoder(width)

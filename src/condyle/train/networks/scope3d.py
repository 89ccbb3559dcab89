"""The 3-D network of SCOPE: five convolutions with AlexNet's widths over the whole stack (methods B.5; kernels are not published)."""

from __future__ import annotations

from torch import Tensor, nn

from condyle.train.networks.encoder import Encoder, refuse_settings, summed

WIDTHS = (96, 256, 384, 384, 256)


class ScopeEncoder(Encoder):
    """[n, slice, row, column] -> [n, 256, slice', row', column']: slices halved once, rows and columns four times."""

    volume = True
    classifier = ("head.",)

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        inputs = 1
        for number, width in enumerate(WIDTHS):
            step = (1, 2, 2) if number in (0, 1, 3) else (2, 2, 2) if number == 2 else 1
            layers.append(nn.Sequential(nn.Conv3d(inputs, width, 3, step, 1, bias=False), nn.BatchNorm3d(width), nn.ReLU()))
            inputs = width
        self.body = nn.ModuleList(layers)
        self.channels, self.stride = inputs, 16

    def forward(self, stack: Tensor) -> tuple[Tensor, Tensor]:
        x = stack[:, None]
        for layer in self.body[:-1]:
            x = layer(x)
        return self.body[-1](x), summed(x)


def build(name: str, *, pixels: int, stride: int, width: float) -> ScopeEncoder:
    del pixels, stride
    refuse_settings(name, stride=32, width=width)
    return ScopeEncoder()

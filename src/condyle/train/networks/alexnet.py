"""AlexNet's convolutional part, with torchvision's parameter names (MRNet, SCOPE). Krizhevsky, arXiv 1404.5997."""

from __future__ import annotations

from torch import Tensor, nn

from condyle.train.networks.encoder import Encoder, refuse_settings, summed, three


class AlexNetEncoder(Encoder):
    """The grid has no whole stride: 256 pixels give 7 cells."""

    classifier = ("classifier.",)

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Module()
        self.body.features = nn.Sequential(
            nn.Conv2d(3, 64, 11, 4, 2), nn.ReLU(), nn.MaxPool2d(3, 2),
            nn.Conv2d(64, 192, 5, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2),
            nn.Conv2d(192, 384, 3, padding=1), nn.ReLU(), nn.Conv2d(384, 256, 3, padding=1), nn.ReLU(),
            nn.Conv2d(256, 256, 3, padding=1), nn.ReLU(), nn.MaxPool2d(3, 2),
        )  # fmt: skip
        self.channels, self.stride = 256, 32

    def forward(self, grey: Tensor) -> tuple[Tensor, Tensor]:
        layers: nn.Sequential = self.body.features
        x = layers[:10](three(grey))
        return layers[10:](x), summed(layers[12](x))


def build(name: str, *, pixels: int, stride: int, width: float) -> AlexNetEncoder:
    del pixels
    refuse_settings(name, stride=stride, width=width)
    return AlexNetEncoder()

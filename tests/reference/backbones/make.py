"""Parameter names and features of public backbones, from torchvision 0.28.0 and EfficientNet-PyTorch 0.7.1.

Run once in a throw-away environment (torch 2.13.0, numpy; the two packages installed with --no-deps), since torchvision does not
import beside the CPU build of torch without help:

    pip install --no-deps --target site torchvision==0.28.0 efficientnet-pytorch==0.7.1
    PYTHONPATH=site python tests/reference/backbones/make.py tests/reference/backbones/backbones.json.gz
"""

from __future__ import annotations

import gzip
import json
import sys
import types
from zlib import crc32

import numpy as np
import torch


def fill(network: torch.nn.Module, keys: list[str] | None = None) -> None:
    """Weights that depend on each parameter's name and shape alone."""
    with torch.no_grad():
        for name, value in network.state_dict().items():
            if not value.dtype.is_floating_point:
                continue
            value.copy_(values(name, tuple(value.shape)))


def values(name: str, shape: tuple[int, ...]) -> torch.Tensor:
    rng = np.random.default_rng(crc32(name.encode()))
    if name.endswith("running_var"):
        drawn = rng.uniform(0.5, 1.5, shape)
    elif len(shape) == 1 and name.endswith("weight"):
        drawn = rng.uniform(0.8, 1.2, shape)
    elif len(shape) <= 1:
        drawn = rng.normal(0, 0.05, shape)
    else:
        drawn = rng.normal(0, 1.4 / np.sqrt(np.prod(shape[1:])), shape)
    return torch.from_numpy(np.asarray(drawn, np.float32))


def picture() -> torch.Tensor:
    """[1, 64, 64] grey, the same everywhere."""
    row, column = np.mgrid[:64, :64]
    return torch.from_numpy((np.sin(row / 5.0) + np.cos(column / 7.0 + row / 11.0))[None].astype(np.float32))


def main(out: str) -> None:
    sys.modules["torchvision._meta_registrations"] = types.ModuleType("torchvision._meta_registrations")
    library = torch.library.Library("torchvision", "DEF")
    library.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    import torchvision
    from efficientnet_pytorch import EfficientNet
    from torchvision import models

    three = picture()[:, None].expand(-1, 3, -1, -1)
    resnet = ("conv1", "bn1", "relu", "maxpool", "layer1", "layer2", "layer3", "layer4")

    def through(network: torch.nn.Module, names: tuple[str, ...]) -> torch.Tensor:
        x = three
        for name in names:
            x = getattr(network, name)(x)
        return x

    def vit(network: torch.nn.Module) -> torch.Tensor:
        x = network._process_input(three)
        x = network.encoder(torch.cat([network.class_token.expand(1, -1, -1), x], 1))
        return x[:, 1:].transpose(1, 2).unflatten(2, (4, 4))

    makers = {
        "alexnet": (lambda: models.alexnet(weights=None), lambda n: n.features(three)),
        **{name: (lambda name=name: getattr(models, name)(weights=None), lambda n: through(n, resnet))
           for name in ("resnet18", "resnet34", "resnet50")},
        "densenet121": (lambda: models.densenet121(weights=None), lambda n: n.features(three).relu()),
        "swin_t": (lambda: models.swin_t(weights=None), lambda n: n.norm(n.features(three)).permute(0, 3, 1, 2)),
        "vit_b_16": (lambda: models.vit_b_16(weights=None, image_size=64), vit),
        "efficientnet_b0": (lambda: EfficientNet.from_name("efficientnet-b0"), lambda n: n.extract_features(three)),
    }  # fmt: skip
    found = {"versions": {"torchvision": torchvision.__version__, "efficientnet_pytorch": "0.7.1", "torch": torch.__version__}}
    for name, (make, features) in makers.items():
        network = make().eval()
        names = {key: list(value.shape) for key, value in network.state_dict().items()}
        fill(network)
        with torch.no_grad():
            told = features(network)
        flat = told.flatten().double()
        found[name] = {
            "parameters": names, "shape": list(told.shape), "mean": float(flat.mean()), "sd": float(flat.std()),
            "values": told.flatten()[:: max(1, told.numel() // 64)][:64].tolist(),
        }  # fmt: skip
        print(name, len(names), found[name]["shape"], found[name]["mean"], found[name]["sd"])
    with open(out, "wb") as raw, gzip.GzipFile("", "wb", 9, raw, mtime=0) as file:
        file.write(json.dumps(found, separators=(",", ":")).encode())


if __name__ == "__main__":
    main(sys.argv[1])

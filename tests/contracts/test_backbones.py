"""The contract battery over every backbone, and public implementations: names of parameters and what they compute."""

from __future__ import annotations

import gzip
import importlib.util
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from condyle.errors import InputError, UsageError
from condyle.testing import backbones as battery
from condyle.train.networks.encoder import build, load_public
from condyle.train.networks.names import BACKBONES

ROOT = Path(__file__).resolve().parents[1] / "reference" / "backbones"
PUBLIC: dict[str, Any] = json.loads(gzip.decompress((ROOT / "backbones.json.gz").read_bytes()))
LIGHT = ("resnet18", "efficientnet_lite0")
HEAVY = [name for name in BACKBONES if name not in LIGHT]


def _make() -> Any:
    spec = importlib.util.spec_from_file_location("make_backbones", ROOT / "make.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("contract", battery.CHECKS, ids=lambda contract: contract.__name__)
@pytest.mark.parametrize("name", [*LIGHT, *(pytest.param(name, marks=pytest.mark.slow("train")) for name in HEAVY)])
def test_backbone(name: str, contract: battery.Contract) -> None:
    contract(name, 64)


@pytest.mark.parametrize("name", [name for name in BACKBONES if name in PUBLIC and name != "vit_b_16"])
def test_g17_public_checkpoints_load_strictly(name: str) -> None:
    battery.check_public_names(name, PUBLIC[name]["parameters"], 64)


SLOW = ("resnet34", "resnet50", "swin_t", "vit_b_16", "efficientnet_b0")


@pytest.mark.parametrize(
    "name", ["alexnet", "resnet18", "densenet121", *(pytest.param(name, marks=pytest.mark.slow("train")) for name in SLOW)]
)
def test_computes_what_the_public_implementation_computes(name: str) -> None:
    make, expected = _make(), PUBLIC[name]
    encoder = build(name, pixels=64).eval()
    left = load_public(encoder, {key: _value(make, key, shape) for key, shape in expected["parameters"].items()})
    assert all(key.startswith(encoder.classifier) for key in left)
    with torch.no_grad():
        features, _ = encoder(make.picture())
    assert list(features.shape) == expected["shape"]
    own = features.flatten()[:: max(1, features.numel() // 64)][:64].numpy()
    np.testing.assert_allclose(own, expected["values"], rtol=2e-4, atol=2e-4 * expected["sd"])


def _value(make: Any, key: str, shape: list[int]) -> torch.Tensor:
    if key.endswith("relative_position_index"):
        return build("swin_t", pixels=64).body.state_dict()[key]  # a constant of the window's size
    if key.endswith("num_batches_tracked"):
        return torch.zeros((), dtype=torch.long)
    value: torch.Tensor = make.values(key, tuple(shape))
    return value


def test_g24_first_filters_of_a_public_checkpoint_are_kept() -> None:
    encoder = build("resnet18", pixels=64)
    weights = {key: _value(_make(), key, shape) for key, shape in PUBLIC["resnet18"]["parameters"].items()}
    load_public(encoder, weights)
    assert torch.equal(encoder.body.state_dict()["conv1.weight"], weights["conv1.weight"])


def test_g17_what_does_not_fit_is_listed() -> None:
    weights = {key: torch.zeros(shape) for key, shape in PUBLIC["resnet18"]["parameters"].items()}
    weights["layer1.0.conv1.weight"] = torch.zeros(3, 3)
    with pytest.raises(InputError) as caught:
        load_public(build("resnet18"), weights)
    assert "layer1.0.conv1.weight" in caught.value.why


def test_a_backbone_is_not_quietly_another() -> None:
    with pytest.raises(UsageError, match="stride"):
        build("swin_t", stride=16)
    with pytest.raises(UsageError, match="width"):
        build("densenet121", width=0.5)
    with pytest.raises(UsageError, match="no backbone"):
        build("resnet19")


def test_the_vision_transformer_takes_a_checkpoint_of_another_size() -> None:
    from condyle.train.networks.vit import ViTEncoder

    encoder = object.__new__(ViTEncoder)
    torch.nn.Module.__init__(encoder)
    encoder.body = torch.nn.Module()
    encoder.body.encoder = torch.nn.Module()
    encoder.body.encoder.pos_embedding = torch.nn.Parameter(torch.zeros(1, 37, 768))
    assert encoder.adapted("encoder.pos_embedding", torch.randn(1, 197, 768)).shape == (1, 37, 768)

"""Backbones of whole stacks: a study with fewer slices than the recipe's is trained on, exported and read as one and the same input."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from condyle.readers.multiplane.graphs import GraphMember
from condyle.readers.multiplane.network import Attention, answer
from condyle.readers.onnx import open_graph
from condyle.train.multiplane.export import network_onnx
from condyle.train.multiplane.learner import TorchMember
from condyle.train.networks.multiplane import MultiplaneNetwork, Shape

SLOTS, SLICES, PIXELS = ("sagittal", "coronal"), 8, 32


@pytest.mark.parametrize("backbone", ["resnet18_3d", "scope_cnn3d"])
@pytest.mark.parametrize("count", [3, 5, 8])
def test_few_slices_are_read_as_they_were_trained(backbone: str, count: int) -> None:
    torch.manual_seed(0)
    backbones, width = dict.fromkeys(SLOTS, backbone), 0.125 if backbone == "resnet18_3d" else 1.0
    network = MultiplaneNetwork(
        Shape({slot: slot for slot in SLOTS}, 2, backbones, PIXELS, 32, width, False, "max", "attention", False, 0.0, 1, SLICES)
    ).eval()
    rng = np.random.default_rng(0)
    shown = np.zeros((2, SLICES), bool)
    shown[:, :count] = True
    grey = np.where(shown[..., None, None], rng.normal(size=(2, SLICES, PIXELS, PIXELS)), 0).astype(np.float32)
    with torch.no_grad():
        trained, _ = network(torch.from_numpy(grey)[None], torch.from_numpy(shown.astype(np.float32))[None])
    plain = Attention(use=False)
    judged = answer([TorchMember(network, (0, 1))], SLOTS, grey, shown, plain, 2).logits
    made = network_onnx(network, grey[None], shown[None], plain, half=False, tolerance=1e-4)
    opened = {name: open_graph(data, name, threads=1) for name, data in made.graphs.items()}
    member = GraphMember({slot: opened[name] for slot, name in made.encoders.items()}, opened["reader"], (0, 1), made.grid, stacks=True)
    read = answer([member], SLOTS, grey, shown, plain, 2).logits
    np.testing.assert_allclose(judged, trained[0].numpy(), atol=1e-5)
    np.testing.assert_allclose(read, trained[0].numpy(), atol=1e-4)

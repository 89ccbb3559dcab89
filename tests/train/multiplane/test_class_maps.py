"""Class maps of networks whose slices look at each other, whose encoders take whole stacks, or whose inputs differ in width."""

from __future__ import annotations

import numpy as np
import torch

from condyle.readers.multiplane.graphs import GraphMember
from condyle.readers.multiplane.network import MAP_CELL, Attention, answer
from condyle.readers.onnx import open_graph
from condyle.train.multiplane.export import network_onnx
from condyle.train.multiplane.learner import TorchMember
from condyle.train.networks.multiplane import MultiplaneNetwork, Shape

PLAIN = Attention(use=False)


def _network(shape: Shape) -> MultiplaneNetwork:
    torch.manual_seed(0)
    network = MultiplaneNetwork(shape).eval()
    for name, one in network.named_parameters():
        if not name.startswith("encoders"):
            torch.nn.init.normal_(one, 0.0, 0.2)
    return network


def test_maps_of_whole_stacks_come_from_the_graph_and_lie_on_the_slices_that_are_there() -> None:
    """The form of CoPAS: 3-D encoders that halve the slices, planes that look at each other, findings that do."""
    slots, findings, pixels, slices = ("sagittal", "coronal"), 3, 32, 6
    network = _network(Shape(
        dict(zip(slots, slots, strict=True)), findings, dict.fromkeys(slots, "resnet18_3d"), pixels, width=0.125, shared=False,
        aggregate="max", fuse="coplane", correlate=True,
    ))  # fmt: skip
    shown = np.ones((2, slices), bool)
    shown[0, 1] = shown[1, 4:] = False
    grey = np.random.default_rng(0).normal(0, 1, (2, slices, pixels, pixels)).astype(np.float32) * shown[..., None, None]
    made = network_onnx(network, grey[None], shown[None], PLAIN, half=False, tolerance=1e-4)
    graphs = {name: open_graph(data, name, threads=1) for name, data in made.graphs.items()}
    columns = tuple(range(findings))
    member = GraphMember({slot: graphs[name] for slot, name in made.encoders.items()}, graphs["reader"], columns, made.grid, network.stacks)
    told = answer([member], slots, grey, shown, PLAIN, findings)
    torchs = answer([TorchMember(network, columns, maps=True)], slots, grey, shown, PLAIN, findings)
    assert told.maps is not None
    assert torchs.maps is not None
    assert told.maps.shape == (findings, 2, slices, pixels // MAP_CELL, pixels // MAP_CELL)
    assert np.abs(told.maps).max() > 1e-3
    np.testing.assert_allclose(told.maps, torchs.maps, atol=1e-5)
    assert np.array_equal(np.abs(told.maps).max(axis=(0, 3, 4)) > 0, shown)
    # Slices come in pairs: of a whole pair each has the same; where one is missing the other has all; no pair, no map.
    np.testing.assert_array_equal(told.maps[:, 0, 2], told.maps[:, 0, 3])
    features = {slot: member.encode(slot, grey[number])[0] for number, slot in enumerate(slots)}
    rows = np.zeros((2, slices, *features["sagittal"].shape[1:]), np.float32)
    rows[:, :3] = [features[slot] for slot in slots]
    whole = member.read(rows, np.repeat(np.arange(slices)[None] < 3, 2, 0).astype(np.float32))["maps"]
    np.testing.assert_allclose(told.maps[:, 0].sum(axis=(2, 3))[:, :2], whole[:, 0, :1].sum(axis=(2, 3)) * [[1, 0]], atol=1e-5)
    np.testing.assert_allclose(told.maps[:, 1].sum(axis=(1, 2, 3)), whole[:, 1, :2].sum(axis=(1, 2, 3)), atol=1e-5)


def test_inputs_of_unequal_width_have_maps_that_sum_to_the_logit() -> None:
    slots = ("sagittal", "coronal")
    shape = Shape(
        dict(zip(slots, slots, strict=True)), 2, {"sagittal": "resnet18", "coronal": "alexnet"}, 64, shared=False, aggregate="mean",
        fuse="concatenate",
    )  # fmt: skip
    network = _network(shape)
    assert network.level
    member = TorchMember(network, (0, 1), maps=True)
    grey, shown = np.random.default_rng(0).normal(0, 1, (2, 3, 64, 64)).astype(np.float32), np.ones((2, 3), bool)
    told = answer([member], slots, grey, shown, PLAIN, 2)
    assert told.maps is not None
    constant = network.fuse.constant.detach().numpy()
    np.testing.assert_allclose(told.maps.sum(axis=(1, 2, 3, 4)) + constant, told.logits, atol=1e-3)

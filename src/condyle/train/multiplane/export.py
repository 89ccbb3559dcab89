"""The networks of several planes as ONNX graphs, and how far they differ from torch on the same studies."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from condyle.readers.multiplane.graphs import GraphMember
from condyle.readers.multiplane.network import Attention, Member, answer
from condyle.readers.onnx import open_graph
from condyle.train.multiplane.learner import TorchMember
from condyle.train.multiplane.localiser import FittedLocaliser
from condyle.train.networks.multiplane import OUTPUTS, EncoderGraph, MultiplaneNetwork, ReaderGraph
from condyle.train.onnx_file import demand_equal, exported, fused, halved

FIXED: dict[str, dict[int, str]] = {"": {}}  # no axis is free: a stack has as many slices as the recipe says


@dataclass(frozen=True, slots=True, eq=False)
class Exported:
    """A network as graphs.

    Parameters
    ----------
    graphs : name ('encoder-sagittal', 'reader') -> ONNX bytes; encoders : slot -> name of its graph
    grid : rows and columns of the features that the reader takes
    exported, rounded : largest difference of a logit of the graphs from torch with the stored weights, and of those from the trained
        ones, without attention
    read : largest difference of a logit of the graphs from the trained network, both asked as a reader asks
    """

    graphs: dict[str, bytes]
    encoders: dict[str, str]
    grid: tuple[int, int]
    exported: float
    rounded: float
    read: float


def network_onnx(
    network: MultiplaneNetwork, grey: NDArray[np.float32], shown: NDArray[np.bool_], attention: Attention, *, half: bool, tolerance: float
) -> Exported:
    """Export a network and compare it with itself on studies.

    Parameters
    ----------
    grey, shown : [study, slot, slice, row, column], [study, slot, slice] of real stacks

    Raises
    ------
    CondyleError - a logit of the graphs differs from torch by more than ``tolerance``
    """
    whole = network.eval()
    shipped = fused(whole)
    if half:
        shipped = halved(shipped)
    assert isinstance(shipped, MultiplaneNetwork)
    shipped.eval()
    pixels, slices = grey.shape[-1], grey.shape[2]
    graphs: dict[str, bytes] = {}
    encoders: dict[str, str] = {}
    for slot in shipped.slots:
        name = "encoder" if shipped.shape.shared else f"encoder-{slot}"
        encoders[slot] = name
        if name not in graphs:
            example = torch.zeros(slices if shipped.encoder(slot).volume else 2, pixels, pixels)
            axes = {"grey": {0: "n"}, "features": {0: "n"}, "before": {0: "n"}}
            graphs[name] = exported(
                EncoderGraph(shipped, slot), (example,), ("grey",), ("features", "before"), FIXED if shipped.encoder(slot).volume else axes,
                half=half,
            )  # fmt: skip
    with torch.no_grad():
        shapes = [EncoderGraph(shipped, slot)(torch.zeros(slices, pixels, pixels))[0].shape for slot in encoders]
        shape = max(shapes, key=lambda one: tuple(one[-2:]))
    grid = (int(shape[-2]), int(shape[-1]))
    example = (torch.rand(1, len(shipped.slots), slices, *shape[1:]), torch.ones(1, len(shipped.slots), slices))
    graphs["reader"] = exported(ReaderGraph(shipped), example, ("features", "shown"), OUTPUTS, {}, half=half)
    opened = {name: open_graph(data, name, threads=1) for name, data in graphs.items()}
    columns = tuple(range(shipped.shape.findings))
    runs: dict[str, Member] = {
        "onnx": GraphMember({slot: opened[name] for slot, name in encoders.items()}, opened["reader"], columns, grid, shipped.stacks),
        "shipped": TorchMember(shipped, columns), "trained": TorchMember(whole, columns),
    }  # fmt: skip
    largest = {"exported": 0.0, "rounded": 0.0, "read": 0.0}
    plain = Attention(use=False)  # a box that moves by a cell over a rounding of 1e-7 is no fault of the graph
    for own, there in zip(grey, shown, strict=True):
        said = {name: answer([run], shipped.slots, own, there, plain, len(columns)).logits for name, run in runs.items()}
        asked = [answer([runs[name]], shipped.slots, own, there, attention, len(columns)).logits for name in ("onnx", "trained")]
        largest["exported"] = max(largest["exported"], float(np.abs(said["onnx"] - said["shipped"]).max()))
        largest["rounded"] = max(largest["rounded"], float(np.abs(said["shipped"] - said["trained"]).max()))
        largest["read"] = max(largest["read"], float(np.abs(asked[0] - asked[1]).max()))
    demand_equal(largest["exported"], tolerance, "network")
    return Exported(graphs, encoders, grid, **largest)


def localiser_onnx(own: FittedLocaliser, *, tolerance: float) -> bytes:
    """The localiser as a graph of any number of series. Raises CondyleError where it differs from torch by more than ``tolerance``."""
    example = torch.from_numpy(np.random.default_rng(0).normal(0, 1, (2, *own.spec.cells)).astype(np.float32))
    data = exported(own.network, (example,), ("coarse",), ("logits",), {"coarse": {0: "n"}, "logits": {0: "n"}}, half=False)
    told = open_graph(data, "localiser", threads=1)({"coarse": example.numpy()})["logits"]
    demand_equal(float(np.abs(told - own.run(example.numpy())).max()), tolerance, "localiser")
    return data

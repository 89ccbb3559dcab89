"""From fitted networks to ONNX graphs, with proof that the graphs compute the same.

Weights are stored as 16-bit floats and widened when a graph is opened, so arithmetic stays 32-bit. They are rounded
before the comparison: what is compared is the network that ships.
"""

from __future__ import annotations

import copy
import io
import warnings
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from condyle.errors import CondyleError
from condyle.readers.onnx import open_graph
from condyle.train.backbone import Backbone, load_backbone, read_out
from condyle.train.grading import Head
from condyle.train.segmentation_network import SegmentationNetwork

_OPSET = 17
_SMALL = 256  # initialisers of fewer values stay as they are


class GraderGraph(nn.Module):
    """Backbone and the mean of all heads."""

    def __init__(self, backbone: Backbone, heads: Sequence[Head]) -> None:
        super().__init__()
        self.backbone = backbone
        self.heads = nn.ModuleList(copy.deepcopy(list(heads)))

    def forward(self, grey: Tensor, present: Tensor, measured: Tensor, level: Tensor) -> Tensor:
        """[n, slot, row, column], [n, slot], [n, m], [n, level] -> [n, output] logits."""
        features = read_out(self.backbone(grey.flatten(0, 1))).unflatten(0, (-1, grey.shape[1]))
        return torch.stack([head(features, present, measured, level) for head in self.heads]).mean(0)


def fused(network: nn.Module) -> nn.Module:
    """A copy in which every batch normalisation that follows a convolution is part of it.

    The exporter would fuse them too, but after the weights were rounded.
    """
    whole = copy.deepcopy(network).eval()
    for module in list(whole.modules()):
        children = list(module.named_children())
        for (name, convolution), (after, norm) in pairwise(children):
            if isinstance(convolution, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                setattr(module, name, nn.utils.fusion.fuse_conv_bn_eval(convolution, norm))
                setattr(module, after, nn.Identity())
    return whole


def halved(network: nn.Module) -> nn.Module:
    """A copy whose larger weights hold values that a 16-bit float can hold."""
    rounded = copy.deepcopy(network)
    with torch.no_grad():
        for value in rounded.state_dict().values():
            if value.dtype == torch.float32 and value.numel() >= _SMALL:
                value.copy_(value.half().float())
    return rounded


def grader_onnx(
    heads: Sequence[Head], rows: int, columns: int, *, half: bool, tolerance: float
) -> tuple[bytes, dict[str, float]]:
    """The grader's graph, and how far it differs: from torch (``exported``), and by its rounded weights (``rounded``).

    Raises
    ------
    CondyleError - the graph differs from torch by more than ``tolerance``
    """
    whole = fused(GraderGraph(load_backbone(), heads))
    shipped = halved(whole).eval() if half else whole
    head = heads[0]
    slots, levels = head.mean.shape[0], head.last.in_features - head.first.out_features - head.second.out_features
    levels -= head.second.in_features + head.mean.shape[0]
    example = _example(5, slots, rows, columns, head.second.in_features, levels)
    data = _exported(shipped, example, ("grey", "present", "measured", "level"), ("logits",), {}, half=half)
    run = open_graph(data, "grader", threads=1)
    differences = {"exported": 0.0, "rounded": 0.0}
    for seed, number in ((0, 5), (1, 1), (2, 8)):
        inputs = _example(number, slots, rows, columns, head.second.in_features, levels, seed)
        found = run(dict(zip(("grey", "present", "measured", "level"), (one.numpy() for one in inputs), strict=True)))
        with torch.no_grad():
            logits, before = shipped(*inputs), whole(*inputs)
        differences["exported"] = max(differences["exported"], float(np.abs(found["logits"] - logits.numpy()).max()))
        differences["rounded"] = max(differences["rounded"], float((before - logits).abs().max()))
    _demand(differences["exported"], tolerance, "grader")
    return data, differences


def segmenter_onnx(network: SegmentationNetwork, *, half: bool, tolerance: float) -> tuple[bytes, dict[str, float]]:
    """The segmenter's graph for any number of rows and columns (multiples of 32); see ``grader_onnx``.

    Its logits reach tens, so they are compared as probabilities.
    """
    whole = fused(network).to(memory_format=torch.contiguous_format)
    shipped = halved(whole).eval() if half else whole
    axes = {0: "n", 2: "rows", 3: "columns"}
    data = _exported(shipped, (torch.zeros(1, 1, 64, 96),), ("picture",), ("logits",), {"picture": axes, "logits": axes}, half=half)
    run = open_graph(data, "segmenter", threads=1)
    differences = {"exported": 0.0, "rounded": 0.0}
    for rows, columns in ((64, 96), (320, 256)):
        picture = torch.rand(1, 1, rows, columns, generator=torch.Generator().manual_seed(rows)) * 2 - 1
        found = torch.from_numpy(run({"picture": picture.numpy()})["logits"]).softmax(1)
        with torch.no_grad():
            same, before = shipped(picture).softmax(1), whole(picture).softmax(1)
        differences["exported"] = max(differences["exported"], float((found - same).abs().max()))
        differences["rounded"] = max(differences["rounded"], float((before - same).abs().max()))
    _demand(differences["exported"], tolerance, "segmenter")
    return data, differences


def _example(n: int, slots: int, rows: int, columns: int, measured: int, levels: int, seed: int = 0) -> tuple[Tensor, ...]:
    rng = np.random.default_rng(seed)
    numbers = rng.normal(0.3, 0.5, (n, measured)).astype(np.float32)
    numbers[rng.random(numbers.shape) < 0.1] = np.nan
    present = np.ones((n, slots), np.float32)
    present[0, -1] = 0
    grey = rng.random((n, slots, rows, columns), np.float32) * present[:, :, None, None]
    level = np.eye(levels, dtype=np.float32)[np.arange(n) % levels]
    return tuple(torch.from_numpy(np.asarray(one, np.float32)) for one in (grey, present, numbers, level))


def _exported(
    network: nn.Module, example: tuple[Tensor, ...], inputs: Sequence[str], outputs: Sequence[str], axes: dict[str, dict[int, str]], *,
    half: bool,
) -> bytes:  # fmt: skip
    buffer = io.BytesIO()
    dynamic = axes or {name: {0: "n"} for name in (*inputs, *outputs)}
    with warnings.catch_warnings():  # the exporter warns of its own deprecation and of constants that we mean as constants
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network, example, buffer, dynamo=False, opset_version=_OPSET, input_names=list(inputs), output_names=list(outputs),
            dynamic_axes=dynamic, do_constant_folding=False,
        )  # fmt: skip
    return _stored_half(buffer.getvalue()) if half else buffer.getvalue()


def _stored_half(data: bytes) -> bytes:
    """Keep larger weights as 16-bit floats, each widened by a Cast that the engine folds away on opening."""
    model = onnx.load_from_string(data)
    casts, kept = [], []
    for weight in model.graph.initializer:
        values: NDArray[np.generic] = numpy_helper.to_array(weight)
        if weight.data_type != TensorProto.FLOAT or values.size < _SMALL:
            kept.append(weight)
            continue
        kept.append(numpy_helper.from_array(values.astype(np.float16), weight.name + "_half"))
        casts.append(helper.make_node("Cast", [weight.name + "_half"], [weight.name], to=TensorProto.FLOAT))
    nodes = list(model.graph.node)
    del model.graph.initializer[:], model.graph.node[:]
    model.graph.initializer.extend(kept)
    model.graph.node.extend([*casts, *nodes])
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def _demand(difference: float, tolerance: float, name: str) -> None:
    if difference > tolerance or difference != difference:
        raise CondyleError(
            "export-differs", f"The exported {name} is not the trained one.",
            why=f"Its answers differ by {difference:.2e}, allowed are {tolerance:.0e}.",
            what_to_do="Report this with the versions of torch and onnxruntime.",
        )  # fmt: skip

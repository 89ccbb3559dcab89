"""The lumbar networks as ONNX graphs, with proof that the graphs compute the same."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from condyle.readers.onnx import open_graph
from condyle.train.backbone import Backbone, load_backbone, read_out
from condyle.train.grading import Head
from condyle.train.onnx_file import demand_equal, exported, fused, halved
from condyle.train.segmentation_network import SegmentationNetwork


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
    data = exported(shipped, example, ("grey", "present", "measured", "level"), ("logits",), {}, half=half)
    run = open_graph(data, "grader", threads=1)
    differences = {"exported": 0.0, "rounded": 0.0}
    for seed, number in ((0, 5), (1, 1), (2, 8)):
        inputs = _example(number, slots, rows, columns, head.second.in_features, levels, seed)
        found = run(dict(zip(("grey", "present", "measured", "level"), (one.numpy() for one in inputs), strict=True)))
        with torch.no_grad():
            logits, before = shipped(*inputs), whole(*inputs)
        differences["exported"] = max(differences["exported"], float(np.abs(found["logits"] - logits.numpy()).max()))
        differences["rounded"] = max(differences["rounded"], float((before - logits).abs().max()))
    demand_equal(differences["exported"], tolerance, "grader")
    return data, differences


def segmenter_onnx(network: SegmentationNetwork, *, half: bool, tolerance: float) -> tuple[bytes, dict[str, float]]:
    """The segmenter's graph for any number of rows and columns (multiples of 32); see ``grader_onnx``.

    Its logits reach tens, so they are compared as probabilities.
    """
    whole = fused(network).to(memory_format=torch.contiguous_format)
    shipped = halved(whole).eval() if half else whole
    axes = {0: "n", 2: "rows", 3: "columns"}
    data = exported(shipped, (torch.zeros(1, 1, 64, 96),), ("picture",), ("logits",), {"picture": axes, "logits": axes}, half=half)
    run = open_graph(data, "segmenter", threads=1)
    differences = {"exported": 0.0, "rounded": 0.0}
    for rows, columns in ((64, 96), (320, 256)):
        picture = torch.rand(1, 1, rows, columns, generator=torch.Generator().manual_seed(rows)) * 2 - 1
        found = torch.from_numpy(run({"picture": picture.numpy()})["logits"]).softmax(1)
        with torch.no_grad():
            same, before = shipped(picture).softmax(1), whole(picture).softmax(1)
        differences["exported"] = max(differences["exported"], float((found - same).abs().max()))
        differences["rounded"] = max(differences["rounded"], float((before - same).abs().max()))
    demand_equal(differences["exported"], tolerance, "segmenter")
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

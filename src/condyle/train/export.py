"""The lumbar networks as ONNX graphs, with proof that the graphs compute the same."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from condyle.readers.lumbar.crops import CropSpec
from condyle.readers.lumbar.regions import ENLARGED, NAMES, grid
from condyle.readers.onnx import open_graph
from condyle.train.backbone import load_backbone
from condyle.train.features import ReadOut
from condyle.train.grading import Head
from condyle.train.onnx_file import demand_equal, exported, fused, halved
from condyle.train.segmentation_network import SegmentationNetwork


class JointHead(nn.Module):
    """The weighted mean of the logits of all heads; ``shares`` [head, output] as ``head_shares`` gives them."""

    def __init__(self, heads: Sequence[Head], shares: NDArray[np.float64]) -> None:
        super().__init__()
        self.heads = nn.ModuleList(copy.deepcopy(list(heads)))
        self.register_buffer("shares", torch.from_numpy(shares.astype(np.float32))[:, None])

    def forward(self, features: Tensor, present: Tensor, measured: Tensor, level: Tensor) -> Tensor:
        """[n, slot, feature], [n, slot], [n, m], [n, level] -> [n, output] logits."""
        logits = torch.stack([head(features, present, measured, level) for head in self.heads])
        return (logits * self.get_buffer("shares")).sum(0)


def features_onnx(spec: CropSpec, *, half: bool, tolerance: float) -> tuple[bytes, dict[str, float]]:
    """The graph from crops to features, and how far it differs; see ``grader_onnx``."""
    whole = fused(ReadOut(load_backbone()))
    return _checked(whole, [_crops(n, spec) for n in (5, 1, 8)], ("grey", "regions"), "features", half=half, tolerance=tolerance)


def grader_onnx(heads: Sequence[Head], shares: NDArray[np.float64], *, half: bool, tolerance: float) -> tuple[bytes, dict[str, float]]:
    """The graph from features to logits, and how far it differs: from torch (``exported``), and by its rounded weights (``rounded``).

    Raises
    ------
    CondyleError - the graph differs from torch by more than ``tolerance``
    """
    examples = [_levels(n, heads[0]) for n in (5, 1, 8)]
    inputs = ("features", "present", "measured", "level")
    return _checked(JointHead(heads, shares).eval(), examples, inputs, "logits", half=half, tolerance=tolerance)


def _checked(
    whole: nn.Module, examples: Sequence[tuple[Tensor, ...]], inputs: tuple[str, ...], output: str, *, half: bool, tolerance: float
) -> tuple[bytes, dict[str, float]]:
    shipped = halved(whole).eval() if half else whole
    data = exported(shipped, examples[0], inputs, (output,), {}, half=half)
    run = open_graph(data, output, threads=1)
    differences = {"exported": 0.0, "rounded": 0.0}
    for example in examples:
        found = run(dict(zip(inputs, (one.numpy() for one in example), strict=True)))[output]
        with torch.no_grad():
            same, before = shipped(*example), whole(*example)
        differences["exported"] = max(differences["exported"], float(np.abs(found - same.numpy()).max()))
        differences["rounded"] = max(differences["rounded"], float((before - same).abs().max()))
    demand_equal(differences["exported"], tolerance, output)
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


def rounding(heads: Sequence[Head], shares: NDArray[np.float64], spec: CropSpec) -> float:
    """The most that storing the weights of both graphs in 16 bits moves a logit, on noise in place of crops."""

    def logits(*parts: nn.Module) -> Tensor:
        read, head = parts
        with torch.no_grad():
            features = read(*_crops(8, spec))
            _, *rest = _levels(4, heads[0])
            return head(features.unflatten(0, (4, -1)), *rest)

    whole = fused(ReadOut(load_backbone())), JointHead(heads, shares).eval()
    return float((logits(*whole) - logits(*(halved(part).eval() for part in whole))).abs().max())


def _crops(n: int, spec: CropSpec) -> tuple[Tensor, Tensor]:
    rng = np.random.default_rng(n)
    grey = rng.random((n, ENLARGED * spec.rows, ENLARGED * spec.columns), np.float32)
    shares = rng.random((n, len(NAMES), *grid(spec)), np.float32)
    shares[0, 0] = 0  # a region that is not there
    return torch.from_numpy(grey), torch.from_numpy(shares)


def _levels(n: int, head: Head) -> tuple[Tensor, ...]:
    rng = np.random.default_rng(n)
    slots, measured = head.mean.shape[0], head.second.in_features
    levels = head.last.in_features - head.first.out_features - head.second.out_features - measured - slots
    numbers = rng.normal(0.3, 0.5, (n, measured)).astype(np.float32)
    numbers[rng.random(numbers.shape) < 0.1] = np.nan
    present = np.ones((n, slots), np.float32)
    present[0, -1] = 0
    features = rng.normal(0, 1, (n, slots, head.mean.shape[1])).astype(np.float32) * present[:, :, None]
    level = np.eye(levels, dtype=np.float32)[np.arange(n) % levels]
    return tuple(torch.from_numpy(np.asarray(one, np.float32)) for one in (features, present, numbers, level))

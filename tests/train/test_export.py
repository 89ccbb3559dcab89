"""Exported graphs compute what the trained networks compute."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from condyle.errors import CondyleError
from condyle.readers.lumbar.grade import outputs_of
from condyle.readers.onnx import open_graph
from condyle.train import export
from condyle.train.backbone import Backbone, n_features, regions
from condyle.train.grading import Head
from condyle.train.segmentation_network import SegmentationNetwork

FINDINGS = ("pfirrmann", "herniation", "modic")


@pytest.fixture(scope="module")
def heads() -> list[Head]:
    torch.manual_seed(0)
    return [Head(2, n_features(), 10, 11, len(outputs_of(FINDINGS)), 16, 0.2, 0.4).eval() for _ in range(2)]


@pytest.fixture(scope="module")
def _random_backbone(module_monkeypatch: pytest.MonkeyPatch) -> Backbone:
    torch.manual_seed(1)
    backbone = Backbone()
    for module in backbone.modules():
        if isinstance(module, nn.BatchNorm2d):  # statistics that a fused graph must carry
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 1.5)
    module_monkeypatch.setattr(export, "load_backbone", lambda: backbone)
    return backbone


@pytest.fixture(scope="module")
def module_monkeypatch():  # type: ignore[no-untyped-def]
    with pytest.MonkeyPatch.context() as patch:
        yield patch


@pytest.mark.usefixtures("_random_backbone")
def test_the_grader_s_graph_equals_torch_for_any_number_of_levels(heads: list[Head]) -> None:
    data, differences = export.grader_onnx(heads, 48, 64, half=True, tolerance=1e-4)
    assert differences["exported"] < 1e-4
    assert differences["rounded"] < 0.05
    run = open_graph(data, "grader", threads=1)
    inputs = export._example(3, 2, 48, 64, 10, 11, seed=4)
    names = ("grey", "present", "measured", "level")
    whole = run({name: one.numpy() for name, one in zip(names, inputs, strict=True)})
    assert whole["logits"].shape == (3, len(outputs_of(FINDINGS)))
    alone = run({name: one[1:2].numpy() for name, one in zip(names, inputs, strict=True)})
    np.testing.assert_allclose(alone["logits"], whole["logits"][1:2], atol=1e-5)


@pytest.mark.usefixtures("_random_backbone")
def test_an_export_that_differs_is_refused(heads: list[Head]) -> None:
    with pytest.raises(CondyleError, match="not the trained one"):
        export.grader_onnx(heads, 48, 64, half=False, tolerance=1e-12)


def test_the_segmenter_s_graph_takes_any_size() -> None:
    torch.manual_seed(0)
    network = SegmentationNetwork(widths=(32, 32), stem=32).eval()
    data, differences = export.segmenter_onnx(network, half=True, tolerance=1e-4)
    assert differences["exported"] < 1e-4
    run = open_graph(data, "segmenter", threads=1)
    assert run({"picture": np.zeros((2, 1, 96, 32), np.float32)})["logits"].shape == (2, 4, 96, 32)


def test_regions_are_a_partition_and_a_band() -> None:
    weights = regions(7, 10)
    assert torch.allclose(weights.sum(1), torch.ones(10))
    cells = (weights[:9] > 0).sum(0)
    assert torch.equal(cells, torch.ones_like(cells)), "every place belongs to one cell of the grid"

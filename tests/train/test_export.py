"""Exported graphs compute what the trained networks compute."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from condyle.errors import CondyleError
from condyle.readers.lumbar.crops import CropSpec
from condyle.readers.lumbar.grade import outputs_of
from condyle.readers.onnx import open_graph
from condyle.train import export
from condyle.train.backbone import Backbone, n_features, read_out
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


SPEC = CropSpec(48, 64, 28.0)
SHARES = np.full((2, len(outputs_of(FINDINGS))), 0.5)
SHARES[:, 0] = 1.0, 0.0


@pytest.mark.usefixtures("_random_backbone")
def test_both_graphs_equal_torch_for_any_number(heads: list[Head]) -> None:
    data, differences = export.features_onnx(SPEC, half=True, tolerance=1e-3)
    assert differences["exported"] < 1e-3
    run = open_graph(data, "features", threads=1)
    grey, shares = (one.numpy() for one in export._crops(3, SPEC))
    whole = run({"grey": grey, "regions": shares})["features"]
    assert whole.shape == (3, n_features())
    np.testing.assert_allclose(run({"grey": grey[1:2], "regions": shares[1:2]})["features"], whole[1:2], atol=1e-4)
    data, differences = export.grader_onnx(heads, SHARES, half=True, tolerance=1e-4)
    assert differences["exported"] < 1e-4
    run = open_graph(data, "grader", threads=1)
    names = ("features", "present", "measured", "level")
    inputs = dict(zip(names, (one.numpy() for one in export._levels(3, heads[0])), strict=True))
    logits = run(inputs)["logits"]
    assert logits.shape == (3, len(outputs_of(FINDINGS)))
    np.testing.assert_allclose(run({name: one[1:2] for name, one in inputs.items()})["logits"], logits[1:2], atol=1e-5)
    assert 0 < export.rounding(heads, SHARES, SPEC) < 0.05


def test_heads_count_for_what_their_shares_say(heads: list[Head]) -> None:
    inputs = export._levels(3, heads[0])
    with torch.no_grad():
        joint = export.JointHead(heads, SHARES).eval()(*inputs)
        first, second = (head(*inputs) for head in heads)
    torch.testing.assert_close(joint[:, 0], first[:, 0])
    torch.testing.assert_close(joint[:, 1:], ((first + second) / 2)[:, 1:])


def test_an_export_that_differs_is_refused(heads: list[Head]) -> None:
    with pytest.raises(CondyleError, match="not the trained one"):
        export.grader_onnx(heads, SHARES, half=False, tolerance=1e-12)


def test_features_are_means_over_their_regions() -> None:
    """A plane that is 1 inside a region and 0 outside reads 1 there; a region without a cell reads the mean of the plane."""
    shares = torch.zeros(1, 3, 4, 6)
    shares[0, 0, :2, :2] = 1
    shares[0, 1, 2:, 4:] = 1
    fine = torch.zeros(1, 2, 4, 6)
    fine[0, 0, :2, :2] = 1
    coarse = torch.nn.functional.avg_pool2d(fine, 2)
    read = read_out((fine, coarse), shares)[0].reshape(2, 2, 3)  # stage, channel, region
    torch.testing.assert_close(read[:, 0], torch.tensor([[1.0, 0.0, 1 / 6]] * 2), atol=1e-4, rtol=0)


def test_the_segmenter_s_graph_takes_any_size() -> None:
    torch.manual_seed(0)
    network = SegmentationNetwork(widths=(32, 32), stem=32).eval()
    data, differences = export.segmenter_onnx(network, half=True, tolerance=1e-4)
    assert differences["exported"] < 1e-4
    run = open_graph(data, "segmenter", threads=1)
    assert run({"picture": np.zeros((2, 1, 96, 32), np.float32)})["logits"].shape == (2, 4, 96, 32)

"""First weights: from a checkpoint, from another package, slot by slot."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from condyle.errors import InputError, UsageError
from condyle.readers.package import write_package
from condyle.train.networks.multiplane import EncoderGraph, MultiplaneNetwork, Shape
from condyle.train.networks.weights import load_initial
from condyle.train.onnx_file import exported, fused, halved
from condyle.train.recipe import load_recipe

TWO = {"axial": "axial", "coronal": "coronal"}


def _network(backbone: str, *, pixels: int = 64) -> MultiplaneNetwork:
    width = 0.125 if backbone.startswith("resnet") else 1.0
    return MultiplaneNetwork(Shape(TWO, 1, dict.fromkeys(TWO, backbone), pixels, 32, width, shared=False)).eval()


def _package(folder: Path, network: MultiplaneNetwork) -> Path:
    """What a training of several planes ships of the axial backbone: normalisation folded in, rounded, stored as halves."""
    graph = EncoderGraph(halved(fused(network)), "axial")  # type: ignore[arg-type]
    data = exported(graph, (torch.zeros(2, 64, 64),), ("grey",), ("features", "before"), {}, half=True)
    content = {
        "name": "first", "version": "0.0.1", "family": "multiplane", "joint": "knee", "findings": ["acl_injury"],
        "slots": {"axial": {"plane": "axial", "weightings": ["pd"]}}, "licence": "Apache-2.0", "intended_use": "Tests.",
        "trained_on": "Nothing.", "settings": {"members": [{"encoders": {"axial": "0-encoder-axial", "sagittal": "another"}}]},
        "graphs": {"0-encoder-axial": {"file": "graphs/0.onnx", "inputs": ["grey"], "outputs": ["features", "before"]}},
    }  # fmt: skip
    write_package(folder, content, {"graphs/0.onnx": data, "card.md": b"# first\n", "metrics.json": b"{}\n"})
    return folder


@pytest.mark.parametrize("backbone", ["alexnet", *(pytest.param(one, marks=pytest.mark.slow("train")) for one in ("swin_t", "vit_b_16"))])
def test_a_package_gives_its_backbone_to_one_input(backbone: str, tmp_path: Path) -> None:
    first, second = _network(backbone), _network(backbone)
    untouched = next(iter(second.encoder("coronal").body.state_dict().values())).clone()
    load_initial(second, {"axial": str(_package(tmp_path / "first", first))})
    grey = torch.randn(2, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(second.encoder("axial")(grey)[0], halved(first).encoder("axial")(grey)[0])  # type: ignore[operator]
    assert torch.equal(next(iter(second.encoder("coronal").body.state_dict().values())), untouched)


def test_a_package_whose_normalisation_is_folded_does_not_fit(tmp_path: Path) -> None:
    package = _package(tmp_path / "first", _network("resnet18"))
    with pytest.raises(InputError, match="not of this backbone"):
        load_initial(_network("resnet18"), {"axial": str(package)})


def test_an_input_that_the_package_does_not_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no backbone for 'coronal'") as caught:
        load_initial(_network("alexnet"), str(_package(tmp_path / "first", _network("alexnet"))))
    assert "axial" in caught.value.what_to_do


def test_a_file_that_holds_more_than_weights_is_not_run(tmp_path: Path) -> None:
    torch.save({"run": Path}, tmp_path / "evil.pt")
    (tmp_path / "text.pt").write_text("no weights")
    for name in ("evil.pt", "text.pt"):
        with pytest.raises(InputError) as caught:
            load_initial(_network("alexnet"), str(tmp_path / name))
        assert caught.value.code == "checkpoint-unreadable"


def test_an_input_that_is_not_there_cannot_be_filled(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("extends: scope_shoulder\nnetwork: {init: {oblique: random}}\n")
    with pytest.raises(InputError) as caught:
        load_recipe(tmp_path / "mine.yaml")
    assert "network.init: 'oblique' is not in data.slots" in str(caught.value.problems)  # type: ignore[attr-defined]

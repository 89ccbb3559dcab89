"""One network in training: inputs that learn apart, and places that drew attention cut as reading cuts them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from condyle.readers.multiplane.network import _pass, cut_objects, find_objects
from condyle.train.multiplane import learner as module
from condyle.train.multiplane.batches import Batch
from condyle.train.multiplane.learner import MultiplaneLearner, TorchMember, attention_of, shape_of
from condyle.train.multiplane.store import Store
from condyle.train.networks.multiplane import MultiplaneNetwork

from .conftest import tiny


def _learner(held_out: int = 0, pixels: int = 32, **network: Any) -> MultiplaneLearner:
    recipe = tiny(network=network, select={"metric": "auroc"}, prepare={"pixels": pixels})
    torch.manual_seed(0)
    targets = np.random.default_rng(0).integers(0, 2, (6, len(recipe.columns))).astype(np.float32)
    shown = np.ones((6, len(recipe.data.slots), recipe.prepare.slices), bool)
    shown[1, 0] = shown[2, 1, 2:] = False
    rows = np.arange(6)
    store = Store(tuple("abcdef"), (), shown, 1.0, ())
    return MultiplaneLearner(MultiplaneNetwork(shape_of(recipe, targets.shape[1])), recipe, store, targets, rows, rows[:held_out], 1)


def _batch(learner: MultiplaneLearner) -> Batch:
    mask = torch.from_numpy(learner.store.shown.astype(np.float32))
    size = learner.recipe.prepare.pixels
    grey = torch.randn(*mask.shape, size, size, generator=torch.Generator().manual_seed(0)) * mask[..., None, None]
    targets = np.random.default_rng(0).integers(0, 2, (6, len(learner.recipe.columns))).astype(np.float32)
    return Batch(grey, mask, torch.from_numpy(targets), torch.ones(targets.shape))


def test_inputs_that_share_nothing_learn_apart_and_each_keeps_its_own_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    learner = _learner(6, shared=False, fuse="mean")
    network = learner.network
    assert isinstance(network, MultiplaneNetwork)
    kept = {name: value.clone() for name, value in network.state_dict().items()}
    before = {name: value.clone() for name, value in kept.items()}
    for value in network.state_dict().values():
        value.add_(1)
    learner.adopt(kept, 1)
    slot = network.slots[1]
    moved = {name for name in kept if not torch.equal(kept[name], before[name])}
    assert moved == {name for name in kept if name.startswith((f"encoders.{slot}.", "pools.1.", "fuse.weight", "fuse.bias"))}
    assert torch.equal(kept["fuse.weight"][[0, 2]], before["fuse.weight"][[0, 2]])
    learner.adopt(kept, 0)
    learner.adopt(kept, 2)
    assert all(torch.equal(kept[name], value) for name, value in network.state_dict().items()), "nothing belongs to nobody"

    features, batch = torch.randn(6, 3, learner.recipe.prepare.slices, network.encoder(slot).channels, requires_grad=True), _batch(learner)
    changed = features.detach().clone()
    changed[:, 1] *= -2
    changed.requires_grad_()
    learner.eval()
    first, other = (torch.autograd.grad(learner.loss_of(one, batch.mask, batch), one)[0] for one in (features, changed))
    assert torch.equal(first[:, 0], other[:, 0])
    assert not torch.equal(first[:, 1], other[:, 1])

    planes = np.random.default_rng(1).normal(size=(6, 3, len(learner.recipe.columns))).astype(np.float32)
    planes[:, 2] = learner.truth
    planes[1, 0] = np.nan
    monkeypatch.setattr(module, "logits_of", lambda *given, **knobs: (planes[:, 0], planes))
    losses = learner.judge()
    assert isinstance(losses, list)
    assert losses[2] == 0
    assert 0 < losses[0] < 1


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("dimensions", [2, 3])
def test_what_drew_attention_is_cut_as_reading_cuts_it(shared: bool, dimensions: int) -> None:
    learner = _learner(pixels=64, shared=shared, attention={"use": True, "dimensions": dimensions, "smallest": 1})
    network, batch, attention = learner.network, _batch(learner), attention_of(learner.recipe)
    assert isinstance(network, MultiplaneNetwork)
    learner.eval()
    with torch.no_grad():
        crops, kept = learner.objects(batch.grey, batch.mask, network.describe(batch.grey, batch.mask)[2])
    member = TorchMember(network, tuple(range(len(learner.recipe.columns))))
    for number, (grey, shown) in enumerate(zip(batch.grey.numpy(), learner.store.shown, strict=True)):
        features = _pass(member, network.slots, grey, shown)[1]
        boxes = find_objects(network.slots, features, shown, attention)
        wanted, inside, _ = cut_objects(network.slots, grey, shown, boxes, attention, features.stride(grey.shape[-1]))
        np.testing.assert_array_equal(kept[number].numpy() > 0, inside)
        np.testing.assert_allclose(crops[number].numpy(), wanted, atol=1e-5)

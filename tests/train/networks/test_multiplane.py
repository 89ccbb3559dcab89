"""Pooling of slices, fusion of planes, class maps: laws that hold for every combination."""

from __future__ import annotations

import contextlib
import itertools
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from condyle.train.networks.aggregate import aggregator
from condyle.train.networks.fuse import fusion
from condyle.train.networks.multiplane import MultiplaneNetwork, ReaderGraph, Shape, parted
from condyle.train.networks.names import AGGREGATORS, FUSIONS

PLANES = ("sagittal", "coronal", "axial")
CHANNELS, FINDINGS = 8, 4


def features(seed: int = 0, slots: int = 3, slices: int = 6) -> tuple[Tensor, Tensor]:
    torch.manual_seed(seed)
    mask = torch.ones(2, slots, slices)
    mask[0, 0, 4:] = 0
    return torch.rand(2, slots, slices, CHANNELS), mask


@pytest.mark.parametrize("name", AGGREGATORS)
def test_masked_slices_change_nothing_and_no_order_but_the_transformers_counts(name: str) -> None:
    values, mask = features()
    pool = aggregator(name, CHANNELS, FINDINGS).eval()
    changed = values.clone()
    changed[0, 0, 4:] = 100
    with torch.no_grad():
        first, other = pool(values[:, 0], mask[:, 0])[0], pool(changed[:, 0], mask[:, 0])[0]
        assert torch.allclose(first, other, atol=1e-5)
        if name != "transformer":
            order = torch.randperm(6)
            assert torch.allclose(pool(values[:, 0, order], mask[:, 0, order])[0], first, atol=1e-5)


@pytest.mark.parametrize("name", [name for name in AGGREGATORS if name != "transformer"])
def test_features_times_shares_are_what_was_pooled(name: str) -> None:
    values, mask = features(1)
    with torch.no_grad():
        pooled, share = aggregator(name, CHANNELS, FINDINGS)(values[:, 0], mask[:, 0])
    assert share is not None
    assert torch.allclose((values[:, 0][:, None] * share).sum(2), pooled, atol=1e-4)


def test_pooling_is_what_its_name_says() -> None:
    values, mask = features(2)
    one, there = values[:1, 0], mask[:1, 0]
    assert torch.equal(aggregator("max", CHANNELS, 1)(one, there)[0][0, 0], one[0, :4].amax(0))
    assert torch.allclose(aggregator("mean", CHANNELS, 1)(one, there)[0][0, 0], one[0, :4].mean(0))
    assert torch.allclose(aggregator("top_k", CHANNELS, 1)(one, there)[0][0, 0], one[0, :4].topk(3, 0).values.mean(0))
    power = (one[0, :4] ** 3).mean(0) ** (1 / 3)
    assert torch.allclose(aggregator("gem", CHANNELS, 1)(one, there)[0][0, 0], power, atol=1e-5)


@pytest.mark.parametrize("power", [1.0, 3.0, 8.0, 16.0])
@pytest.mark.parametrize("level", [1e-3, 0.1, 300.0])
def test_gem_keeps_its_level_at_any_power(power: float, level: float) -> None:
    pool = aggregator("gem", CHANNELS, 1)
    pool.power.data.fill_(power)
    values, mask = torch.full((1, 5, CHANNELS), level), torch.tensor([[1.0, 1, 1, 0, 0]])
    assert torch.allclose(pool(values, mask)[0], torch.full((1, 1, CHANNELS), level), rtol=1e-4)


@pytest.mark.parametrize("name", FUSIONS)
@pytest.mark.parametrize("gone", [(), (0,), (2,), (0, 1)])
def test_g34_any_planes_give_an_answer_and_absent_ones_say_nothing(name: str, gone: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    fuse = fusion(name, PLANES, CHANNELS, FINDINGS)
    pooled, present = torch.randn(2, 3, FINDINGS, CHANNELS), torch.ones(2, 3)
    present[:, list(gone)] = 0
    changed = pooled.clone()
    changed[:, list(gone)] = 50
    with torch.no_grad():
        first, other = fuse(pooled, present)[0], fuse(changed, present)[0]
    assert torch.isfinite(first).all()
    assert torch.allclose(first, other)
    if len(gone) == 2 and name in ("attention", "mean"):
        assert torch.allclose(first, fuse.heads(pooled)[:, 2], atol=1e-5)


@pytest.mark.parametrize("name", FUSIONS)
def test_series_of_a_plane_are_averaged_before_planes_are(name: str) -> None:
    torch.manual_seed(0)
    fuse = fusion(name, ("sagittal", "sagittal", "axial"), CHANNELS, FINDINGS)
    with torch.no_grad():
        for one in itertools.chain(fuse.parameters(), (own for key, own in fuse.named_buffers() if key != "member")):
            one.normal_(0, 0.5)
            if len(one) == 3:
                one[1] = one[0]  # read alike
        pooled, whole, alone = torch.randn(4, 3, 1, CHANNELS), torch.ones(4, 3), torch.tensor([[1.0, 0, 1]] * 4)
        other = pooled.clone()
        other[:, 1] = other[:, 0]
        fused, _, direction = fuse(other, whole)
        assert torch.allclose(fused, fuse(pooled, alone)[0], atol=1e-5), "a twin has no second voice"
        assert torch.allclose(direction[:, 0], direction[:, 1])
        between = pooled.clone()
        between[:, :2] = pooled[:, :2].mean(1, keepdim=True)
        if name in ("logistic", "concatenate"):  # the others look at each series for what it weighs
            assert torch.allclose(fuse(pooled, whole)[0], fuse(between, whole)[0], atol=1e-5)
    single = torch.tensor([[[1.0], [3.0], [5.0]], [[torch.nan], [3.0], [torch.nan]]])
    told = fusion(name, ("sagittal", "sagittal", "axial"), CHANNELS, 1).by_plane(single)
    assert torch.equal(told.nan_to_num(-1), torch.tensor([[[2.0], [5.0]], [[3.0], [-1.0]]]))


@pytest.mark.parametrize("name", ["mean", "attention"])
def test_g32_planes_that_all_say_absent_are_fused_to_absent_and_monotone(name: str) -> None:
    fuse = fusion(name, PLANES, 1, 1)
    with torch.no_grad():
        for one in fuse.parameters():
            one.zero_()
        fuse.weight.fill_(1.0)
        low = torch.logit(torch.tensor(0.001))
        pooled = low.expand(1, 3, 1, 1).clone()
        said = [float(fuse(pooled, torch.ones(1, 3))[0].sigmoid())]
        for plane in range(3):
            pooled[0, plane] = 2.0
            said.append(float(fuse(pooled, torch.ones(1, 3))[0].sigmoid()))
    assert said[0] < 0.05
    assert all(a < b for a, b in itertools.pairwise(said))


@pytest.mark.parametrize("parts", [1, 2])
@pytest.mark.parametrize(("aggregate", "fuse"), [("attention", "attention"), ("max", "concatenate"), ("gem", "logistic")])
def test_class_maps_sum_to_the_logit(aggregate: str, fuse: str, parts: int) -> None:
    torch.manual_seed(0)
    shape = Shape(
        dict(zip(PLANES, PLANES, strict=True)), FINDINGS, dict.fromkeys(PLANES, "resnet18"), 64, 16, 0.125, True, aggregate, fuse,
        parts=parts, slices=4,
    )  # fmt: skip
    network = MultiplaneNetwork(shape).eval()
    for name, one in network.named_parameters():
        if name.endswith("habit"):
            torch.nn.init.normal_(one, std=0.05)
    grey, mask = torch.randn(2, 3, 4, 64, 64), torch.ones(2, 3, 4)
    mask[0, 1] = 0
    mask[1, 0, 3] = 0
    with torch.no_grad():
        planes = torch.zeros(2, 3, 4, 64, 4, 4)
        planes[mask > 0] = network.encoder("axial")(grey[mask > 0])[0]
        logits, _, maps = ReaderGraph(network)(planes, mask)
        assert torch.allclose(logits, network(grey, mask)[0], atol=1e-5)
        # Without features only the constant is left, and none is set before training.
        constant = ReaderGraph(network)(planes * 0, mask)[0]
    assert maps.shape == (2, FINDINGS, 3, 4, 4, 4)
    if aggregate != "gem":
        assert torch.allclose(maps.sum((2, 3, 4, 5)) + constant, logits, atol=1e-4)
    assert not maps[0, :, 1].any()


def test_maps_are_exact_unless_slices_look_at_each_other_or_chances_are_averaged() -> None:
    assert tiny().exact
    assert tiny(correlate=True).exact
    for change in ({"aggregate": "transformer"}, {"fuse": "coplane"}, {"fuse": "mean"}):
        assert not tiny(**change).exact


def tiny(**change: object) -> MultiplaneNetwork:
    """A network whose weights all count, of slices of 64 pixels."""
    torch.manual_seed(0)
    shape = Shape(dict(zip(PLANES, PLANES, strict=True)), FINDINGS, dict.fromkeys(PLANES, "resnet18"), 64, 16, 0.125)
    network = MultiplaneNetwork(replace(shape, **change)).eval()
    for name, one in network.named_parameters():
        if not name.startswith("encoders"):
            torch.nn.init.normal_(one, 1.0 if name.endswith("power") else 0.0, 0.2)
    return network


class Held(TorchFunctionMode):
    """What multiplies features is a number to the gradient: a share of attention, the size of a vector, the gate of a GELU."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func is Tensor.softmax:
            return func(*args, **kwargs).detach()
        if func is functional.gelu:
            return args[0] * (func(args[0]) / args[0]).detach()
        if func is functional.layer_norm:
            middle = args[0] - args[0].mean(-1, keepdim=True)
            size = (middle.square().mean(-1, keepdim=True) + kwargs["eps"]).rsqrt()
            return middle * size.detach() * kwargs["weight"] + kwargs["bias"]
        return func(*args, **kwargs)


def by_gradient(network: MultiplaneNetwork, features: Tensor, mask: Tensor, *, held: bool) -> Tensor:
    """[n, finding, slot, slice, h, w]: features times the gradient of each logit, by torch."""
    features = features.clone().requires_grad_()
    with Held() if held else contextlib.nullcontext():
        logits = ReaderGraph(network)(features, mask)[0]
    found = [torch.autograd.grad(one.sum(), features, retain_graph=True)[0] for one in logits.unbind(1)]
    return torch.stack([(features * one).sum(3) for one in found], 1).detach()


def planes_of(slices: int = 4) -> tuple[Tensor, Tensor]:
    torch.manual_seed(1)
    mask = torch.ones(2, 3, slices)
    mask[0, 1], mask[1, 0, 3] = 0, 0
    return torch.rand(2, 3, slices, 64, 4, 4) * mask[..., None, None, None], mask


@pytest.mark.parametrize("correlate", [False, True])
@pytest.mark.parametrize("fuse", ["logistic", "concatenate", "mean"])
@pytest.mark.parametrize("aggregate", ["max", "mean", "gem", "top_k"])
def test_maps_are_features_times_the_gradient(aggregate: str, fuse: str, correlate: bool) -> None:
    network = tiny(aggregate=aggregate, fuse=fuse, correlate=correlate)
    values, mask = planes_of()
    with torch.no_grad():
        maps = ReaderGraph(network)(values, mask)[2]
    assert maps.abs().max() > 1e-3
    assert torch.allclose(maps, by_gradient(network, values, mask, held=False), atol=1e-5)


@pytest.mark.parametrize("change", [
    {"aggregate": "attention", "fuse": "attention"},
    {"aggregate": "attention", "fuse": "attention", "parts": 2, "slices": 4, "correlate": True},
    {"aggregate": "transformer", "fuse": "attention"},
    {"aggregate": "max", "fuse": "coplane", "correlate": True},
    {"aggregate": "transformer", "fuse": "coplane"},
], ids=str)  # fmt: skip
def test_through_attention_maps_are_the_gradient_with_attention_held(change: dict[str, Any]) -> None:
    network = tiny(**change)
    values, mask = planes_of()
    with torch.no_grad():
        maps = ReaderGraph(network)(values, mask)[2]
    assert maps.abs().max() > 1e-3
    assert torch.allclose(maps, by_gradient(network, values, mask, held=True), atol=1e-5)
    assert not torch.allclose(maps, by_gradient(network, values, mask, held=False), atol=5e-4), "held and free are told apart"
    assert not maps[0, :, 1].any()
    assert not maps[1, :, 0, 3].any()


def test_co_plane_attention_leaves_a_lone_plane_alone() -> None:
    from condyle.train.networks.coplane import CoPlane

    torch.manual_seed(0)
    mix = CoPlane(3, CHANNELS)
    torch.nn.init.normal_(mix.out.weight)
    values, mask = features(3)
    mask[1, 1:] = 0
    with torch.no_grad():
        out = mix(values, mask)
    assert torch.allclose(out[1, 0], values[1, 0])
    assert not torch.allclose(out[0, 1], values[0, 1])
    assert not out[1, 1:].any()


def test_parts_are_the_regions_of_a_slice_row_by_row_and_a_habit_looks_at_its_own() -> None:
    grid = torch.arange(16.0).reshape(1, 1, 4, 4)
    assert parted(grid, 2)[0, :, 0].tolist() == [2.5, 4.5, 10.5, 12.5]
    assert parted(grid, 1)[0, :, 0].tolist() == [7.5]
    pool = aggregator("attention", CHANNELS, FINDINGS, places=6)
    values, mask = features(slots=1)
    with torch.no_grad():
        next(one for name, one in pool.named_parameters() if name == "habit")[1, 2] = 1.0
        share = pool(values[:, 0], mask[:, 0])[1]
    assert share is not None
    assert float(share[0, 1, 2]) > 0.99
    assert float(share[0, 0, 2]) < 0.9

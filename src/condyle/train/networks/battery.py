"""What any encoder of slices or stacks must do; ``condyle.testing.backbones`` offers it to strangers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from condyle.errors import InputError
from condyle.readers.onnx import open_graph
from condyle.train.networks.encoder import build, load_public
from condyle.train.onnx_file import exported

Contract = Callable[[str, int], None]
_SLICES = 8


def check_shape(name: str, pixels: int) -> None:
    """Features have the channels and the grid that the backbone states, whatever the number of slices; all numbers finite."""
    encoder = build(name, pixels=pixels).eval()
    for count in (1, 3):
        with torch.no_grad():
            features, before = encoder(_grey(encoder.volume, pixels, count))
        assert features.shape[:2] == (count, encoder.channels), f"{name} gives {tuple(features.shape)}, states {encoder.channels} channels"
        assert before.shape == features[:, 0].shape, f"{name} sums the block before on another grid than its features"
        assert features.shape[-1] == features.shape[-2] >= 1, f"{name} gives no square grid for square slices"
        assert torch.isfinite(features).all(), f"{name} gives features that are not finite"
    if not encoder.volume:
        cells = features.shape[-1]
        assert cells in (pixels // encoder.stride, (pixels // encoder.stride) - 1), f"{name} states a stride of {encoder.stride}"


def check_every_weight_learns(name: str, pixels: int) -> None:
    """The gradient reaches every parameter, and a slice's features depend on that slice alone."""
    torch.manual_seed(0)
    encoder = build(name, pixels=pixels).train()
    features, _ = encoder(_grey(encoder.volume, pixels, 2))
    (features * torch.randn_like(features)).sum().backward()
    idle = [key for key, one in encoder.named_parameters() if one.grad is None or not one.grad.abs().sum() > 0]
    assert not idle, f"{name}: no gradient reaches {idle[:4]}"
    encoder.eval()
    one, other = _grey(encoder.volume, pixels, 2), _grey(encoder.volume, pixels, 2)
    other[1] += 1
    with torch.no_grad():
        assert torch.allclose(encoder(one)[0][0], encoder(other)[0][0], atol=1e-5), f"{name}: a slice's features depend on another slice"


def check_is_deterministic(name: str, pixels: int) -> None:
    """A seed gives the same first weights; the same slices give the same features."""
    made = []
    for _ in range(2):
        torch.manual_seed(3)
        made.append(build(name, pixels=pixels).eval())
    grey = _grey(made[0].volume, pixels, 2)
    with torch.no_grad():
        first, second, again = made[0](grey)[0], made[1](grey)[0], made[0](grey)[0]
    assert torch.equal(first, second), f"{name}: one seed gives two networks"
    assert torch.equal(first, again), f"{name}: one network gives two answers"


def check_exports(name: str, pixels: int) -> None:
    """The ONNX graph gives the features of torch to 1e-4 of their size, for any number of slices."""
    torch.manual_seed(1)
    encoder = build(name, pixels=pixels).eval()
    axes = {"grey": {0: "n"}, "features": {0: "n"}, "before": {0: "n"}}
    data = exported(encoder, (_grey(encoder.volume, pixels, 2),), ("grey",), ("features", "before"), axes, half=False)
    run = open_graph(data, name, threads=1)
    for count in (1, 3):
        grey = _grey(encoder.volume, pixels, count)
        found = run({"grey": grey.numpy()})
        with torch.no_grad():
            expected = encoder(grey)
        for what, torch_value in zip(("features", "before"), expected, strict=True):
            size = max(1.0, float(torch_value.abs().max()))
            off = float(np.abs(found[what] - torch_value.numpy()).max()) / size
            assert off <= 1e-4, f"{name}: {what} of the graph differ from torch by {off:.1e} of their size"


def check_public_names(name: str, parameters: Mapping[str, Sequence[int]], pixels: int) -> None:
    """A public checkpoint with these names and shapes loads; one renamed key is refused.

    Parameters
    ----------
    parameters : name -> shape, as the public implementation has them
    """
    encoder = build(name, pixels=pixels)
    weights = {key: torch.full(tuple(shape), 0.5) for key, shape in parameters.items()}
    load_public(encoder, weights)
    renamed = {(f"x.{key}" if number == 0 else key): value for number, (key, value) in enumerate(weights.items())}
    refused = False
    try:
        load_public(encoder, renamed)
    except InputError:
        refused = True
    assert refused, f"{name}: a checkpoint with a renamed key is taken in silence"


CHECKS: tuple[Contract, ...] = (check_shape, check_every_weight_learns, check_is_deterministic, check_exports)


def _grey(volume: bool, pixels: int, count: int) -> Tensor:
    shape = (count, _SLICES, pixels, pixels) if volume else (count, pixels, pixels)
    return torch.from_numpy(np.random.default_rng(0).normal(0, 1, shape).astype(np.float32))

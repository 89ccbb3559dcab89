"""From torch to ONNX bytes: fusing, rounding, exporting, and the proof that both compute the same.

Weights are stored as 16-bit floats and widened when a graph is opened, so arithmetic stays 32-bit. They are rounded
before the comparison: what is compared is the network that ships.
"""

from __future__ import annotations

import copy
import io
import warnings
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from condyle.errors import CondyleError

_OPSET = 17
_SMALL = 256  # initialisers of fewer values stay as they are


def fused(network: nn.Module) -> nn.Module:
    """A copy in which every batch normalisation that follows a convolution is part of it.

    The exporter would fuse them too, but after the weights were rounded.
    """
    whole = copy.deepcopy(network).eval()
    for module in list(whole.modules()):
        children = list(module.named_children())
        for (name, convolution), (after, norm) in pairwise(children):
            if isinstance(convolution, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                setattr(module, name, nn.utils.fusion.fuse_conv_bn_eval(convolution, norm))
                setattr(module, after, nn.Identity())
    return whole


def halved(network: nn.Module) -> nn.Module:
    """A copy whose larger weights hold values that a 16-bit float can hold."""
    rounded = copy.deepcopy(network)
    with torch.no_grad():
        for value in rounded.state_dict().values():
            if value.dtype == torch.float32 and value.numel() >= _SMALL:
                value.copy_(value.half().float())
    return rounded


def exported(
    network: nn.Module, example: tuple[Tensor, ...], inputs: Sequence[str], outputs: Sequence[str], axes: dict[str, dict[int, str]], *,
    half: bool,
) -> bytes:  # fmt: skip
    """The ONNX file of a network; ``axes`` as torch takes them, by default the first of every input and output is free."""
    network.eval()  # the exporter puts a network back into the mode it found, and with it everything inside
    buffer = io.BytesIO()
    dynamic = axes or {name: {0: "n"} for name in (*inputs, *outputs)}
    with warnings.catch_warnings():  # the exporter warns of its own deprecation and of constants that we mean as constants
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network, example, buffer, dynamo=False, opset_version=_OPSET, input_names=list(inputs), output_names=list(outputs),
            dynamic_axes=dynamic, do_constant_folding=False,
        )  # fmt: skip
    return stored_half(buffer.getvalue()) if half else buffer.getvalue()


def stored_half(data: bytes) -> bytes:
    """Keep larger weights as 16-bit floats, each widened by a Cast that the engine folds away on opening."""
    model = onnx.load_from_string(data)
    casts, kept = [], []
    for weight in model.graph.initializer:
        values: NDArray[np.generic] = numpy_helper.to_array(weight)
        if weight.data_type != TensorProto.FLOAT or values.size < _SMALL:
            kept.append(weight)
            continue
        kept.append(numpy_helper.from_array(values.astype(np.float16), weight.name + "_half"))
        casts.append(helper.make_node("Cast", [weight.name + "_half"], [weight.name], to=TensorProto.FLOAT))
    nodes = list(model.graph.node)
    del model.graph.initializer[:], model.graph.node[:]
    model.graph.initializer.extend(kept)
    model.graph.node.extend([*casts, *nodes])
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def demand_equal(difference: float, tolerance: float, name: str) -> None:
    """Refuse a graph that differs from torch by more than the tolerance, or whose difference is no number."""
    if difference > tolerance or difference != difference:
        raise CondyleError(
            "export-differs", f"The exported {name} is not the trained one.",
            why=f"Its answers differ by {difference:.2e}, allowed are {tolerance:.0e}.",
            what_to_do="Report this with the versions of torch and onnxruntime.",
        )  # fmt: skip

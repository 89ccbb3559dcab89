"""ONNX graphs, run by OpenVINO: an optional engine, faster on processors with AMX or AVX-512 (there in 16-bit floats).

OpenVINO brings a package that reports its use over the network, and a converter of models that loads it. Neither is imported:
nothing is sent.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from condyle.errors import MissingExtraError, PackageError
from condyle.readers.onnx import Graph

_TELEMETRY, _CONVERTER = "openvino_telemetry", "openvino.tools.ovc"


_importing = Lock()  # graphs are opened by several threads at once


@contextmanager
def _absent(module: str) -> Iterator[None]:
    """While it lasts, a module that was not imported before cannot be: OpenVINO goes on without."""
    with _importing:
        if module in sys.modules:
            yield
            return
        sys.modules[module] = None  # type: ignore[assignment]
        try:
            yield
        finally:
            del sys.modules[module]


def open_graph(data: bytes, name: str, *, threads: int | None = None, precise: bool = False, batch: int | None = None) -> Graph:
    """A function from named inputs to named outputs; see ``onnx.open_graph``.

    Without ``precise`` OpenVINO chooses: bfloat16 where the processor computes in it. With ``batch`` it does now what it would else do
    when the first inputs come; the graph is opened once more should one come that is not as long.

    Raises
    ------
    MissingExtraError - OpenVINO is not installed
    PackageError - the graph cannot be loaded
    """
    if importlib.util.find_spec("openvino") is None:
        raise MissingExtraError("openvino", "The engine openvino", "openvino")
    sys.modules.setdefault(_TELEMETRY, None)  # type: ignore[arg-type]  # importing it now fails, and OpenVINO goes on without
    with _absent(_CONVERTER):
        import openvino

    core = openvino.Core()
    settings: dict[str, Any] = {
        "INFERENCE_NUM_THREADS": threads or len(os.sched_getaffinity(0)), "PERFORMANCE_HINT": "LATENCY",
        "ENABLE_CPU_PINNING": False,
        **({"INFERENCE_PRECISION_HINT": "f32"} if precise else {}),
    }  # fmt: skip

    @cache
    def request(length: int | None) -> Any:
        try:
            model = core.read_model(data, b"")
            if length is not None:
                model.reshape({one.any_name: [length, *list(one.partial_shape)[1:]] for one in model.inputs})
            return core.compile_model(model, "CPU", settings).create_infer_request()
        except RuntimeError as error:
            raise PackageError(
                "graph-unusable", f"The graph {name!r} cannot be loaded.", why="OpenVINO refuses it.",
                what_to_do="Read with the engine onnxruntime, or fetch the package again.",
            ) from error  # fmt: skip

    # An output that is also something else within the graph has several names; each of them is answered to.
    names = [(name, at) for at, output in enumerate(request(batch).get_compiled_model().outputs) for name in output.get_names()]

    def run(inputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        length = batch if all(len(value) == batch for value in inputs.values()) else None
        found = request(length).infer({key: np.ascontiguousarray(value) for key, value in inputs.items()})
        return {name: np.array(found[at]) for name, at in names}

    return run

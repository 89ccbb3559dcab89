"""ONNX graphs, run on the processor by ONNX Runtime."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

from numpy.typing import NDArray

from condyle.errors import PackageError

Graph = Callable[[Mapping[str, NDArray[Any]]], dict[str, NDArray[Any]]]


def open_graph(data: bytes, name: str, *, threads: int | None = None, precise: bool = True, batch: int | None = None) -> Graph:
    """A function from named inputs to named outputs.

    Parameters
    ----------
    data : the ONNX file. Weights kept in a second file are refused: a package's graph is one file
    name : of the graph, for messages
    threads : None takes all cores this process may use
    precise : in 32-bit floats, as this engine always does
    batch : usual length of the inputs' first axis, of which this engine makes nothing

    Raises
    ------
    PackageError - the graph cannot be loaded
    """
    session = _session(data, name, threads)
    names = [output.name for output in session.get_outputs()]

    def run(inputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        return dict(zip(names, session.run(names, dict(inputs)), strict=True))

    return run


def graph_names(data: bytes, name: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names of the inputs and of the outputs of a graph. Raises PackageError - it cannot be loaded."""
    session = _session(data, name, 1)
    return tuple(one.name for one in session.get_inputs()), tuple(one.name for one in session.get_outputs())


def _session(data: bytes, name: str, threads: int | None) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or len(os.sched_getaffinity(0))
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime raises its own kinds, none public; each means: this graph cannot run
        raise PackageError(
            "graph-unusable", f"The graph {name!r} cannot be loaded.", why=f"ONNX Runtime says {type(error).__name__}.",
            what_to_do="Fetch the package again, or update ONNX Runtime.",
        ) from error  # fmt: skip

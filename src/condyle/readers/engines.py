"""Which program runs a package's graphs. One file an engine; each offers ``open_graph``."""

from __future__ import annotations

import os
from importlib import import_module

from condyle.errors import UsageError
from condyle.readers.onnx import Graph

ENVIRONMENT = "CONDYLE_ENGINE"
ENGINES = {"onnxruntime": "condyle.readers.onnx", "openvino": "condyle.readers.openvino"}
DEFAULT = "onnxruntime"


def chosen_engine(engine: str = "") -> str:
    """The engine asked for, else that of CONDYLE_ENGINE, else ONNX Runtime.

    Raises
    ------
    UsageError - there is no such engine
    """
    name = engine or os.environ.get(ENVIRONMENT, "") or DEFAULT
    if name not in ENGINES:
        raise UsageError("unknown-engine", f"There is no engine {name!r}.", what_to_do=f"Use one of: {', '.join(ENGINES)}.")
    return name


def open_graph(
    data: bytes, name: str, *, engine: str = "", threads: int | None = None, precise: bool = False, batch: int | None = None
) -> Graph:
    """A function from named inputs to named outputs, run by the chosen engine; see ``onnx.open_graph``.

    ``precise`` asks for 32-bit floats of an engine that would take shorter ones for speed. ``batch`` is the usual length of the inputs'
    first axis; other lengths are taken as well.
    """
    graph: Graph = import_module(ENGINES[chosen_engine(engine)]).open_graph(data, name, threads=threads, precise=precise, batch=batch)
    return graph

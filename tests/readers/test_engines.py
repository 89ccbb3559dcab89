"""Engines give the same answers, and none of them opens a connection."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from condyle.errors import UsageError
from condyle.readers import load_package
from condyle.readers.engines import ENGINES, chosen_engine, open_graph
from condyle.readers.multiplane.graphs import open_ensemble
from condyle.readers.package import open_package
from condyle.readers.shelf import find_package

openvino = pytest.importorskip("openvino", reason="the optional engine openvino is not installed")


def test_an_unknown_engine_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="no engine 'tensorrt'"):
        load_package("lumbar", engine="tensorrt")
    monkeypatch.setenv("CONDYLE_ENGINE", "openvino")
    assert chosen_engine() == "openvino"
    assert chosen_engine("onnxruntime") == "onnxruntime", "what is asked for comes before the environment"


def test_engines_agree_on_the_shipped_graphs() -> None:
    package = open_package(find_package("lumbar"))
    rng = np.random.default_rng(0)
    grey = (rng.random((2, 1, 64, 96), np.float32) * 2 - 1).astype(np.float32)
    logits = [open_graph(package.graph("segmenter"), "segmenter", engine=engine)({"picture": grey})["logits"] for engine in ENGINES]
    shares = [np.exp(one) / np.exp(one).sum(axis=1, keepdims=True) for one in logits]
    np.testing.assert_allclose(shares[1], shares[0], atol=0.05)  # 16-bit floats where the processor has them


def test_an_output_that_is_used_within_the_graph_keeps_its_name() -> None:
    """OpenVINO merges it with what it is a copy of, and then knows it by several names."""
    onnx = pytest.importorskip("onnx", reason="graphs are made with onnx")
    value = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [2, 3]) for name in ("x", "single", "sum")]
    steps = (("Relu", ["x"], "inner"), ("Identity", ["inner"], "single"), ("Add", ["inner", "x"], "sum"))
    nodes = [onnx.helper.make_node(kind, taken, [given]) for kind, taken, given in steps]
    graph = onnx.helper.make_graph(nodes, "graph", value[:1], value[1:])
    data = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 18)], ir_version=9).SerializeToString()
    x = np.arange(6, dtype=np.float32).reshape(2, 3) - 2
    for engine in ENGINES:
        found = open_graph(data, "graph", engine=engine)({"x": x})
        np.testing.assert_allclose(found["single"], x.clip(0), atol=1e-2)
        np.testing.assert_allclose(found["sum"], x.clip(0) + x, atol=1e-2)


@pytest.mark.parametrize("engine", list(ENGINES))
def test_a_graph_made_ready_for_one_length_takes_others(engine: str) -> None:
    package = open_package(find_package("knee_nine"))
    name = next(name for name in package.spec.graphs if name.endswith("encoder"))
    given = np.random.default_rng(0).normal(size=(4, 128, 128)).astype(np.float32)
    plain, ready = (open_graph(package.graph(name), name, engine=engine, precise=True, batch=batch) for batch in (None, 4))
    for grey in (given, given[:3], given):
        ours, theirs = ready({"grey": grey}), plain({"grey": grey})
        assert len(ours["features"]) == len(grey)
        np.testing.assert_allclose(ours["features"], theirs["features"], atol=1e-3, rtol=1e-3)


def test_a_module_is_kept_away_while_several_threads_open_graphs(monkeypatch: pytest.MonkeyPatch) -> None:
    from condyle.readers.openvino import _absent

    name, before = "condyle_no_such_module", sys.getswitchinterval()
    sys.setswitchinterval(1e-6)

    def enter(_: int) -> None:
        with _absent(name), pytest.raises(ImportError):
            __import__(name)

    try:
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(enter, range(2000)))
    finally:
        sys.setswitchinterval(before)
    assert name not in sys.modules


def test_openvino_opens_no_connection_and_leaves_its_telemetry_unimported() -> None:
    code = """
        import socket, sys
        def refuse(*args, **kwargs):
            raise SystemExit("a connection was tried")
        socket.socket.connect = socket.socket.connect_ex = refuse
        socket.getaddrinfo = socket.create_connection = refuse
        import threading
        from condyle.readers.engines import open_graph
        from condyle.readers.package import open_package
        from condyle.readers.shelf import find_package
        import numpy as np
        graph = open_graph(open_package(find_package("lumbar")).graph("segmenter"), "segmenter", engine="openvino")
        graph({"picture": np.zeros((1, 1, 64, 96), np.float32)})
        assert sys.modules.get("openvino_telemetry") is None
        assert not [name for name in sys.modules if name.startswith("openvino_telemetry.")]
        assert threading.active_count() == 1
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:] + done.stdout[-500:]


def test_small_encoders_and_what_decides_keep_long_floats() -> None:
    """Shorter ones would save the shipped knee reader nothing, and move its AUC by more than 0.005 for some findings."""
    package = open_package(find_package("knee_nine"))
    grey = np.random.default_rng(0).normal(size=(12, 128, 128)).astype(np.float32)
    shown = np.ones((3, 12), np.float32)
    told = []
    for engine in ENGINES:
        ensemble = open_ensemble(package, engine)
        (member,) = ensemble.members
        features, before = member.encode("sagittal", grey)
        told.append((features, before, member.read(np.stack([features] * 3), shown)["logits"]))
    for ours, theirs in zip(*told, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=2e-3, rtol=1e-3)

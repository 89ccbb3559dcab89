"""Engines give the same answers, and none of them opens a connection."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import numpy as np
import pytest

from condyle.errors import UsageError
from condyle.readers import load_package
from condyle.readers.engines import ENGINES, chosen_engine, open_graph
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

"""The wheel alone, in an empty environment outside the clone, simulates, reads and lists."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this tree, built as ``python -m build`` builds it."""
    out = tmp_path_factory.mktemp("wheel")
    done = subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--outdir", str(out), str(ROOT)],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        env=os.environ | {"PIP_CONSTRAINT": str(ROOT / "constraints.txt")},
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return next(out.glob("*.whl"))


def test_the_wheel_holds_package_data_and_licences(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert any(name.endswith("condyle/packages/lumbar/package.yaml") for name in names)
    assert any(name.endswith(".onnx") for name in names)
    assert any(name.startswith("condyle/recipes/") and name.endswith(".yaml") for name in names)
    assert any(name.endswith("LICENSE") for name in names)
    assert any(name.endswith("NOTICE") for name in names)
    assert not [name for name in names if name.startswith(("tests/", "docs/", "benchmarks/"))]
    assert wheel.stat().st_size < 20e6


def test_the_wheel_works_alone(wheel: Path, tmp_path: Path) -> None:
    home = tmp_path / "environment"
    venv.create(home, with_pip=True)
    program = home / "bin"
    env = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "CONDYLE", "VIRTUAL_ENV"))}
    env |= {"CONDYLE_KEY_FILE": str(tmp_path / "key"), "OMP_NUM_THREADS": "1"}

    def run(*words: str) -> str:
        done = subprocess.run(words, cwd=tmp_path, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        assert done.returncode == 0, f"{' '.join(words)}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
        return done.stdout

    pip = (str(program / "python"), "-m", "pip", "--disable-pip-version-check")
    run(*pip, "install", "--quiet", "-c", str(ROOT / "constraints.txt"), str(wheel))
    installed = run(*pip, "list", "--format", "freeze").lower()
    assert "torch" not in installed
    condyle = str(program / "condyle")
    assert "lumbar" in run(condyle, "list", "packages")
    run(condyle, "simulate", "lumbar", "cohort")
    run(condyle, "read", "cohort", "-o", "report")
    assert (tmp_path / "report" / "report.html").stat().st_size > 10_000
    assert run(condyle, "packages", "verify")
    run(condyle, "doctor")

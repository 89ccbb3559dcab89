"""Out of disk, killed, interrupted: exit codes, and nothing that looks whole."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.command import condyle

SMALL_FILES_ONLY = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, 30_000))"


def test_a_file_size_limit_is_exit_code_5(tmp_path: Path) -> None:
    ran = condyle("simulate", "lumbar", tmp_path / "cohort", prelude=SMALL_FILES_ONLY)
    assert ran.code == 5, ran.err
    assert "What to do:" in ran.err
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_exit_code_5(simulated: Path, tmp_path: Path) -> None:
    if subprocess.run(["unshare", "-rm", "true"], capture_output=True).returncode:
        pytest.skip("no user namespaces here: a small disk cannot be mounted")
    disk = tmp_path / "disk"
    disk.mkdir()
    command = f"{sys.executable} -c 'from condyle.cli import main; main()' read '{simulated}' -o '{disk}/report'"
    script = f"mount -t tmpfs -o size=200k none '{disk}' && {command}; code=$?; ls -A '{disk}'; exit $code"
    done = subprocess.run(["unshare", "-rm", "sh", "-c", script], capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert done.returncode == 5, done.stderr
    assert "What to do:" in done.stderr
    assert done.stdout.strip() == "", "something was left on the full disk"


def test_too_little_memory_is_exit_code_5(tmp_path: Path) -> None:
    import numpy as np

    np.save(tmp_path / "stack.npy", np.zeros((64, 1024, 1024), np.float32))
    limit = "import resource; resource.setrlimit(resource.RLIMIT_AS, (700 << 20, 700 << 20))"
    ran = condyle("view", tmp_path / "stack.npy", "-o", tmp_path / "sheet.png", prelude=f"import condyle.intake, condyle.report\n{limit}")
    assert ran.code == 5, ran.err
    assert not (tmp_path / "sheet.png").exists()


HELD_IN_THE_MIDDLE = """
import signal, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where the tests run in the background of a shell
from condyle import outputs
def held(folder):
    print("everything but the last file is written", flush=True)
    time.sleep(60)
outputs._write_sums = held
from condyle.cli import main
main()
"""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGKILL, -9), (signal.SIGINT, 130)])
def test_stopped_in_the_middle_of_writing_leaves_no_report(number: signal.Signals, code: int, simulated: Path, tmp_path: Path) -> None:
    out = tmp_path / "report"
    process = subprocess.Popen(
        [sys.executable, "-c", HELD_IN_THE_MIDDLE, "read", simulated, "-o", out],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "everything but the last file is written\n"
    os.kill(process.pid, number)
    assert process.wait(60) == code
    process.stdout.close()
    assert not out.exists()
    if number == signal.SIGINT:
        assert list(tmp_path.iterdir()) == []


def test_predict_goes_on_where_it_was_stopped(simulated: Path, tmp_path: Path) -> None:
    shutil.copytree(simulated, tmp_path / "cohort")
    manifest, out = tmp_path / "cohort" / "manifest.csv", tmp_path / "predictions.csv"
    whole = condyle("predict", "lumbar", "-m", manifest, "-o", out)
    assert whole.code == 0, whole.err
    text = out.read_text()
    start = time.monotonic()
    again = condyle("predict", "lumbar", "-m", manifest, "-o", out, "--json")
    assert again.code == 0
    assert out.read_text() == text
    assert time.monotonic() - start < 60

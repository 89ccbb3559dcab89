"""Several devices: the same batches and the same weights as one, a run that goes on, and no process left behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from condyle.errors import CondyleError, UsageError
from condyle.train import devices
from condyle.train.losses import masked
from tests.train.toy_learner import ROWS, data, fitted


def test_losses_of_parts_have_the_gradient_of_the_whole_batch_however_unevenly_labels_are_known() -> None:
    _, targets = data()
    logits = torch.randn(ROWS, 3, generator=torch.Generator().manual_seed(0)).requires_grad_()
    positive = torch.tensor([3.0, 1.0, 0.5])
    (whole,) = torch.autograd.grad(masked(logits, targets, positive=positive), logits)
    parts, totals = (slice(0, 5), slice(5, ROWS)), list[Tensor]()

    def note(total: Tensor) -> Tensor:
        totals.append(total)
        return total

    for part in parts:
        masked(logits[part], targets[part], positive=positive, over=note)
    together = sum(totals) / len(parts)
    assert not torch.allclose(totals[0], totals[1])
    losses = [masked(logits[part], targets[part], positive=positive, over=lambda _: together) for part in parts]
    (shared,) = torch.autograd.grad(sum(losses) / len(parts), logits)
    torch.testing.assert_close(shared, whole)


def test_one_device_takes_all_and_asks_nobody() -> None:
    assert devices.own(np.arange(3)).tolist() == [0, 1, 2]
    value = torch.ones(2, requires_grad=True)
    assert devices.mean(value) is value
    assert devices.gathered("x") == ["x"]
    assert devices.shared_out(lambda rows: rows[:, None].astype(np.float32), np.arange(4)).shape == (4, 1)
    assert devices.strategy() == "auto"
    assert devices.chosen() == 1
    with devices.using(2):
        assert devices.chosen() == 2


def test_parts_of_a_batch_are_dealt_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    batch, parts = np.array([7, 3, 5, 1, 9]), []
    for number in range(2):
        monkeypatch.setattr(devices, "place", lambda number=number: (number, 2))
        parts.append(devices.own(batch).tolist())
    assert parts == [[7, 5, 9], [3, 1]]
    with pytest.raises(UsageError, match="batch of 1 cannot be shared by 2 devices"):
        devices.own(batch[:1])


def test_devices_that_are_not_there_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    there = len(os.sched_getaffinity(0))
    assert devices.number_of(1) == 1
    assert devices.number_of(str(there)) == there
    assert devices.number_of("auto") == max(1, torch.cuda.device_count())
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UsageError, match="3 devices were asked for; there are 2 processors, and no graphics processor"):
        devices.number_of(3)
    for wrong in ("0", "-1", "two", "1.5", ""):
        with pytest.raises(UsageError, match="no number of devices"):
            devices.number_of(wrong)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    assert devices.number_of("auto") == 4
    with pytest.raises(UsageError, match="5 devices were asked for; there are 4 graphics processors"):
        devices.number_of(5)


@pytest.mark.slow("train")
def test_two_processes_end_with_the_weights_of_one(tmp_path: Path) -> None:
    one, two = fitted(tmp_path / "one", 1), fitted(tmp_path / "two", 2)
    for name, value in one.items():
        torch.testing.assert_close(two[name], value, rtol=1e-5, atol=1e-6)
    first, second = ((tmp_path / name / "history.json").read_text() for name in ("one", "two"))
    for a, b in zip(json.loads(first), json.loads(second), strict=True):
        assert {key: b[key] for key in ("loss", "held_out")} == pytest.approx({key: a[key] for key in ("loss", "held_out")}, abs=1e-6)
    assert sorted(path.name for path in (tmp_path / "two").iterdir()) == ["history.json", "network.pt"]


@pytest.mark.slow("train")
def test_a_run_that_loses_a_device_says_so_and_goes_on_bit_equal(tmp_path: Path) -> None:
    whole = fitted(tmp_path / "whole", 2, drop=0.4)
    with pytest.raises(CondyleError, match="another device ended before its time") as caught:
        fitted(tmp_path / "lost", 2, drop=0.4, lose=(1, 7))  # the second step of the third epoch, after a checkpoint in its midst
    assert caught.value.code == "device-lost"
    assert caught.value.exit_code == 5
    assert devices.place() == (0, 1)
    assert (tmp_path / "lost" / "last.ckpt").is_file()
    after = fitted(tmp_path / "lost", 2, drop=0.4)
    assert all(torch.equal(whole[name], after[name]) for name in whole)
    alone = fitted(tmp_path / "alone", 1, drop=0.4)
    assert not all(torch.allclose(whole[name], alone[name]) for name in whole)  # each device drops out by numbers of its own


@pytest.mark.slow("train")
def test_a_loss_that_is_no_number_on_one_device_ends_all_with_one_message(tmp_path: Path) -> None:
    with pytest.raises(CondyleError, match="training loss is not a finite number"):
        fitted(tmp_path, 2, burst=1)


_RUN = """
    import sys
    from pathlib import Path
    sys.path.insert(0, {root!r})
    from tests.train.toy_learner import fitted
    fitted(Path({folder!r}), 2, drop=0.4, lose={lose})
"""


@pytest.mark.slow("train")
def test_killing_the_first_process_leaves_none_and_the_run_goes_on(tmp_path: Path) -> None:
    root, folder = str(Path(__file__).resolve().parents[2]), tmp_path / "run"
    code = textwrap.dedent(_RUN.format(root=root, folder=str(folder), lose=(0, 7)))
    env = {**os.environ, "OMP_NUM_THREADS": "1", "CONDYLE_TEST_MARK": str(tmp_path)}
    ran = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, timeout=300, check=False)
    assert ran.returncode == -signal.SIGKILL, ran.stderr.decode()[-2000:]
    deadline = time.monotonic() + 30
    while (left := _marked(str(tmp_path))) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert not left
    again = fitted(folder, 2, drop=0.4)
    whole = fitted(tmp_path / "whole", 2, drop=0.4)
    assert all(torch.equal(whole[name], again[name]) for name in whole)


def _marked(mark: str) -> list[str]:
    """Processes that inherited the mark."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if f"CONDYLE_TEST_MARK={mark}".encode() in path.read_bytes():
                found.append(path.parent.name)
        except OSError:
            continue
    return found

"""A training that is killed ends as if it had not been."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
import torch

_RUN = """
    import functools, os, signal, sys
    from pathlib import Path
    sys.path.insert(0, {root!r})
    import condyle.train.multiplane.pipeline as pipeline
    from condyle.cohorts.cohort import load_cohort
    from condyle.train.multiplane.learner import MultiplaneLearner
    from tests.train.multiplane.conftest import tiny
    pipeline.fit = functools.partial(pipeline.fit, minutes=0)  # a checkpoint after every step
    step, kill = MultiplaneLearner.training_step, {kill}
    def counted(self, batch, index):
        if self.global_step == kill:
            os.kill(os.getpid(), signal.SIGKILL)
        return step(self, batch, index)
    MultiplaneLearner.training_step = counted
    attention = {{"use": True, "dimensions": {dimensions}}}
    recipe = tiny(optimiser={{"epochs": 4, "batch": 2}}, network={{"dropout": 0.3, "attention": attention}})
    pipeline.fit_multiplane(recipe, load_cohort({cohort!r}), Path({work!r}))
"""


def _run(cohort: Path, work: Path, kill: int, dimensions: int) -> int:
    root = str(Path(__file__).resolve().parents[3])
    code = textwrap.dedent(_RUN.format(root=root, kill=kill, cohort=str(cohort), work=str(work), dimensions=dimensions))
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    ran = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, timeout=300, check=False)
    assert ran.returncode in (0, -signal.SIGKILL), ran.stderr.decode()[-2000:]
    return ran.returncode


@pytest.mark.slow("train", "readers")
@pytest.mark.parametrize("dimensions", [2, 3])
def test_killed_at_three_random_steps_weights_and_metrics_are_bit_equal(knees: Path, tmp_path: Path, dimensions: int) -> None:
    steps = sorted(np.random.default_rng(dimensions).choice(np.arange(1, 12), 3, replace=False).tolist())
    assert _run(knees, tmp_path / "whole", -1, dimensions) == 0
    for step in steps:
        assert _run(knees, tmp_path / "killed", step, dimensions) == -signal.SIGKILL
        assert (tmp_path / "killed" / "fold0" / "all-seed0" / "last.ckpt").is_file()
    assert _run(knees, tmp_path / "killed", -1, dimensions) == 0
    folders = [tmp_path / name / "fold0" / "all-seed0" for name in ("whole", "killed")]
    whole, after = (torch.load(folder / "network.pt", weights_only=True) for folder in folders)
    assert all(torch.equal(whole[name], after[name]) for name in whole)
    first, second = (
        [(one["epoch"], one["loss"], one["held_out"]) for one in json.loads((folder / "history.json").read_text())] for folder in folders
    )
    assert first == second

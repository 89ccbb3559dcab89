"""The training loop: best weights, resuming, selection."""

from __future__ import annotations

import copy
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from condyle.train.grading import HeadModule, Inputs, logits_of
from condyle.train.heads import LevelBatches, fit_head, hide_slots, new_head
from condyle.train.loop import KeepBest, Learner
from condyle.train.lumbar_recipe import LumbarRecipe as Recipe

from .conftest import Toy


class _Trainer:
    def __init__(self) -> None:
        self.current_epoch, self.should_stop = 0, False


class _Scripted(Learner):
    """A learner whose held-out losses are told in advance; each number of several is that of an output."""

    def __init__(self, losses: list[Any]) -> None:
        super().__init__()
        self.network = torch.nn.Linear(2, 2)
        self.losses, self.told = losses, None

    def judge(self) -> Any:
        self.told = self.losses.pop(0) if self.losses else None
        return self.told

    def adopt(self, kept: dict[str, torch.Tensor], part: int) -> None:
        if part or isinstance(self.told, list):
            kept["weight"][part] = self.network.weight[part].detach()
        else:
            super().adopt(kept, part)


def _judged(losses: list[Any], patience: int = 10) -> tuple[KeepBest, _Scripted, _Trainer, list[dict[str, torch.Tensor]]]:
    keep, module, trainer, seen = KeepBest(patience), _Scripted(list(losses)), _Trainer(), []
    for epoch in range(len(losses)):
        trainer.current_epoch = epoch
        with torch.no_grad():
            module.network.weight.add_(1.0)  # a training step changes the live tensors in place
        seen.append(copy.deepcopy(module.network.state_dict()))
        keep.on_train_epoch_end(trainer, module)
    return keep, module, trainer, seen


def test_g01_the_best_weights_are_those_of_the_best_epoch_and_not_the_live_ones() -> None:
    keep, module, _, seen = _judged([0.5, 0.9])
    assert keep.best is not None
    assert torch.equal(keep.best["weight"], seen[0]["weight"])
    assert not torch.equal(keep.best["weight"], module.network.weight)


def test_g47_a_loss_that_cannot_be_computed_still_leaves_weights_and_a_warning() -> None:
    with pytest.warns(RuntimeWarning, match="not finite"):
        keep, _, _, seen = _judged([float("nan"), float("nan")])
    assert keep.best is not None
    assert torch.equal(keep.best["weight"], seen[0]["weight"])
    with pytest.warns(RuntimeWarning, match="not finite"):
        keep, _, _, seen = _judged([float("nan"), 0.7])
    assert keep.epochs == [1]
    assert torch.equal(keep.best["weight"], seen[1]["weight"])  # type: ignore[index]


def test_parts_that_learn_apart_keep_each_its_own_best_epoch() -> None:
    with pytest.warns(RuntimeWarning, match="not finite"):
        keep, _, trainer, seen = _judged([[0.5, 0.5], [0.6, 0.4], [float("nan"), 0.3], [0.4, 0.6], [0.5, 0.5]], patience=2)
    assert keep.best is not None
    assert keep.epochs == [3, 2]
    assert torch.equal(keep.best["weight"][0], seen[3]["weight"][0])
    assert torch.equal(keep.best["weight"][1], seen[2]["weight"][1])
    assert not trainer.should_stop, "one of them was best two epochs ago, the other one epoch ago"
    assert keep.history[2]["held_out"] == 0.3


def test_without_held_out_rows_the_last_epoch_is_kept() -> None:
    keep, module, trainer = KeepBest(1), _Scripted([]), _Trainer()
    for epoch in range(3):
        trainer.current_epoch = epoch
        with torch.no_grad():
            module.network.weight.add_(1.0)
        keep.on_train_epoch_end(trainer, module)
    assert keep.best is not None
    assert torch.equal(keep.best["weight"], module.network.weight)
    assert keep.epochs == [2]
    assert not trainer.should_stop


def test_waiting_for_a_better_epoch_ends() -> None:
    *_, trainer, _ = _judged([0.5, 0.6, 0.7], patience=2)
    assert trainer.should_stop
    *_, trainer, _ = _judged([0.5, 0.6, 0.4], patience=2)
    assert not trainer.should_stop


def test_g53_a_ranking_head_is_preferred_to_a_constant_one_on_rare_positives(recipe: Recipe, toy: Toy) -> None:
    targets = np.full_like(toy.targets, np.nan)
    targets[:, 4] = (np.arange(len(targets)) % 12 == 0).astype(np.float32)  # 8 % positive: "always negative" is 92 % right
    every = np.arange(len(targets))
    module = HeadModule(new_head(recipe, toy.inputs, targets.shape[1]), recipe, toy.inputs, targets, every, 10, every)
    share = torch.logit(torch.tensor(np.nanmean(targets[:, 4])))

    class Fixed(torch.nn.Module):
        def __init__(self, ranks: bool) -> None:
            super().__init__()
            self.ranks = ranks

        def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
            out = torch.zeros(targets.shape)
            truth = torch.from_numpy(targets[:, 4])
            out[:, 4] = torch.where(truth > 0, -0.5, -4.0) if self.ranks else share  # below 0.5 everywhere: equal accuracy
            return out

    losses = {}
    for ranks in (False, True):
        module.network = Fixed(ranks)
        losses[ranks] = module.judge() or 0.0
    assert losses[True] < losses[False]


def test_a_finished_head_learns_and_is_taken_from_its_folder(recipe: Recipe, toy: Toy, tmp_path: Path) -> None:
    rows, held_out = np.arange(64), np.arange(64, 96)
    settings = recipe.model_copy(update={"optimiser": recipe.optimiser.model_copy(update={"epochs": 12, "batch": 16, "rate": 5e-3})})
    head = fit_head(settings, toy.inputs, toy.targets, rows, held_out, tmp_path, seed=1)
    score = logits_of(head, toy.inputs, held_out)[:, 4]
    positive = toy.targets[held_out, 4] == 1
    assert (score[positive][:, None] > score[~positive]).mean() > 0.8
    assert not (tmp_path / "last.ckpt").exists()
    again = fit_head(settings, toy.inputs, toy.targets, rows, held_out, tmp_path, seed=1)
    assert all(torch.equal(a, b) for a, b in zip(head.state_dict().values(), again.state_dict().values(), strict=True))


def test_g27_predictions_for_stacking_are_deterministic(recipe: Recipe, toy: Toy) -> None:
    head = new_head(recipe, toy.inputs, toy.targets.shape[1])
    head.train()
    rows = np.arange(20)
    assert np.array_equal(logits_of(head, toy.inputs, rows), logits_of(head, toy.inputs, rows))


def test_a_batch_depends_on_seed_and_epoch_only(recipe: Recipe, toy: Toy) -> None:
    def first(seed: int, epoch: int) -> torch.Tensor:
        batches = LevelBatches(toy.inputs, toy.targets, np.arange(96), recipe, seed)
        batches.epoch = epoch
        return next(iter(batches))[0]

    assert torch.equal(first(1, 3), first(1, 3))
    assert not torch.equal(first(1, 3), first(1, 4))


def test_hiding_inputs_leaves_each_level_one() -> None:
    present = np.array([[True, True], [True, False], [False, True]] * 50)
    hidden = hide_slots(present, 0.9, np.random.default_rng(0))
    assert hidden.any()
    assert ((present & ~hidden).sum(axis=1) >= 1).all()


def test_g19_the_rate_reaches_its_peak_and_ends_near_zero(recipe: Recipe, toy: Toy) -> None:
    module = HeadModule(new_head(recipe, toy.inputs, toy.targets.shape[1]), recipe, toy.inputs, toy.targets, np.arange(96), 50)
    configured = module.configure_optimizers()
    optimiser, schedule = configured["optimizer"], configured["lr_scheduler"]["scheduler"]
    assert configured["lr_scheduler"]["interval"] == "step"
    rates = []
    for _ in range(49):
        rates.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        schedule.step()
    assert max(rates) == pytest.approx(recipe.optimiser.rate, rel=0.02)
    assert optimiser.param_groups[0]["lr"] < 0.01 * recipe.optimiser.rate


_RUN = """
    import sys, time
    from pathlib import Path
    sys.path.insert(0, {tests!r})
    import numpy as np
    import condyle.train.heads as heads
    import condyle.train.loop as loop
    from condyle.train.recipe import load_recipe
    from tests.train.conftest import Toy
    recipe = load_recipe("lumbar", size="smoke")
    recipe = recipe.model_copy(update={{"optimiser": recipe.optimiser.model_copy(update={{"epochs": 8}})}})
    toy = Toy(24, 0, recipe.data.findings)
    if {slow}:  # leaves time to be killed between two epochs
        judge = loop.KeepBest.on_train_epoch_end
        loop.KeepBest.on_train_epoch_end = lambda *a: (judge(*a), time.sleep(0.7))[0]
    heads.fit_head(recipe, toy.inputs, toy.targets, np.arange(64), np.arange(64, 96), Path({folder!r}), seed=5, checkpoint_every=1)
"""


def _start(folder: Path, *, slow: bool) -> subprocess.Popen[bytes]:
    root = str(Path(__file__).resolve().parents[2])
    code = textwrap.dedent(_RUN.format(tests=root, slow=slow, folder=str(folder)))
    return subprocess.Popen([sys.executable, "-c", code], env={**os.environ, "OMP_NUM_THREADS": "1"}, stderr=subprocess.PIPE)


def test_a_run_killed_in_the_middle_ends_with_bit_equal_weights(tmp_path: Path) -> None:
    undisturbed = _start(tmp_path / "whole", slow=False)
    killed = _start(tmp_path / "killed", slow=True)
    deadline = time.monotonic() + 120
    last = tmp_path / "killed" / "last.ckpt"
    while not last.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(1.0)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    assert last.exists()
    assert not (tmp_path / "killed" / "head.pt").exists()
    resumed = _start(tmp_path / "killed", slow=False)
    for run in (undisturbed, resumed):
        _, errors = run.communicate(timeout=180)
        assert run.returncode == 0, errors.decode()[-2000:]
    whole, after = (torch.load(tmp_path / name / "head.pt", weights_only=True) for name in ("whole", "killed"))
    assert all(torch.equal(whole[name], after[name]) for name in whole)


class Stopped(KeyboardInterrupt):
    """As a command raises on SIGTERM."""


def test_a_signal_comes_out_of_the_loop_at_once_and_as_it_went_in(
    recipe: Recipe, toy: Toy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lightning waits for the end of an epoch on SIGTERM, makes ``SystemExit(1)`` of an interruption, and ignores Ctrl-C from then on."""
    steps = []

    def stop(*_: object) -> None:
        raise Stopped

    def step(*_: object) -> None:
        steps.append(1)
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(HeadModule, "training_step", step)
    before, interrupt = signal.signal(signal.SIGTERM, stop), signal.getsignal(signal.SIGINT)
    try:
        with pytest.raises(Stopped):
            fit_head(recipe, toy.inputs, toy.targets, np.arange(64), np.arange(64, 96), tmp_path, seed=1)
        assert (len(steps), signal.getsignal(signal.SIGTERM)) == (1, stop)
        assert signal.getsignal(signal.SIGINT) is interrupt
    finally:
        signal.signal(signal.SIGTERM, before)


def test_missing_inputs_and_measurements_are_neutral(recipe: Recipe, toy: Toy) -> None:
    head = new_head(recipe, toy.inputs, toy.targets.shape[1])
    head.standardise(toy.inputs, np.arange(96))
    features, present, measured, _ = toy.inputs.rows(np.arange(3))
    x, m = head.prepared(features, present * 0, torch.full_like(measured, torch.nan))
    assert not x.any()
    assert not m.any()


def test_g05_changing_held_out_labels_changes_no_loss_weight(recipe: Recipe, toy: Toy) -> None:
    settings = recipe.model_copy(update={"loss": recipe.loss.model_copy(update={"balance": 1.0})})
    rows = np.arange(64)
    changed = toy.targets.copy()
    changed[64:] = 1 - changed[64:]
    inputs = Inputs(toy.inputs.features, toy.inputs.present, toy.inputs.measured, toy.inputs.level)
    outputs = toy.targets.shape[1]
    weights = [
        HeadModule(new_head(settings, inputs, outputs), settings, inputs, targets, rows, 10).positive for targets in (toy.targets, changed)
    ]
    assert torch.equal(*weights)
    assert (weights[0] != 1).any()

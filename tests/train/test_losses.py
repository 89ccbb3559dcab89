"""Losses: unknown labels weigh nothing, and each is what its paper says."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from condyle.train.losses import class_weights, dice, dice_focal, masked

NAN = float("nan")


@pytest.mark.parametrize("kind", ["bce", "focal", "asymmetric"])
def test_g44_a_row_about_which_nothing_is_known_leaves_the_loss_as_it_is(kind: str) -> None:
    logits, targets = torch.tensor([[1.0, -2.0], [0.3, 4.0]]), torch.tensor([[1.0, NAN], [0.0, 1.0]])
    more = masked(torch.cat([logits, torch.full((3, 2), 9.0)]), torch.cat([targets, torch.full((3, 2), NAN)]), kind=kind)
    assert more == pytest.approx(float(masked(logits, targets, kind=kind)), rel=1e-6)
    assert float(masked(logits, torch.full((2, 2), NAN), kind=kind)) == 0


def test_g05_class_weights_come_from_the_given_labels_alone_and_balance() -> None:
    targets = torch.tensor([[1.0, 1.0], [0.0, 1.0], [0.0, 1.0], [NAN, NAN], [0.0, NAN]])
    assert class_weights(targets, 1.0).tolist() == [3.0, 1.0]
    assert class_weights(targets, 0.0).tolist() == [1.0, 1.0]
    weight = class_weights(targets, 1.0)
    logits = torch.zeros_like(targets).requires_grad_()
    masked(logits, targets, positive=weight).backward()
    assert logits.grad is not None
    assert float(logits.grad[:, 0].sum()) == pytest.approx(0, abs=1e-7)  # as many pull up as pull down


def test_reliability_weighs_a_label() -> None:
    logits, targets = torch.tensor([[2.0], [2.0]]), torch.tensor([[1.0], [0.0]])
    sure = masked(logits, targets, weights=torch.tensor([[1.0], [0.0]]))
    assert float(sure) == pytest.approx(float(masked(logits[:1], targets[:1])))


def test_focal_and_asymmetric_spare_what_is_easy() -> None:
    easy, hard = torch.tensor([[-6.0]]), torch.tensor([[2.0]])
    absent = torch.zeros(1, 1)
    for kind in ("focal", "asymmetric"):
        ratio = float(masked(easy, absent, kind=kind)) / float(masked(hard, absent, kind=kind))
        assert ratio < 0.01 * float(masked(easy, absent)) / float(masked(hard, absent))
    truth, chance = 0.0, 1 / (1 + np.exp(-2.0))
    expected = -(1 - truth) * chance**2 * np.log(1 - chance)
    assert float(masked(hard, absent, kind="focal")) == pytest.approx(expected, rel=1e-5)


def test_masks_and_focal_losses_are_those_of_their_papers() -> None:
    """MONAI computes them; here they stand written out (Milletari et al. 2016 without squares; Lin et al. 2017)."""
    draw = torch.Generator().manual_seed(0)
    logits = 3 * torch.randn((2, 3, 4, 5, 6), generator=draw)
    truth = (torch.rand(logits.shape, generator=draw) < 0.3).float()
    chance = logits.sigmoid()
    both, sums = (chance * truth).sum((2, 3, 4)), (chance + truth).sum((2, 3, 4))
    overlap = (1 - (2 * both + 1) / (sums + 1)).mean()
    missed = torch.where(truth > 0, 1 - chance, chance)
    focal = (missed**2 * -torch.log(1 - missed)).mean()
    assert float(dice(logits, truth)) == pytest.approx(float(overlap), rel=1e-5)
    assert float(dice_focal(logits, truth, share=0.5)) == pytest.approx(float(overlap + 0.5 * focal), rel=1e-5)
    assert float(masked(logits[:, :, 0, 0], truth[:, :, 0, 0], kind="focal")) == pytest.approx(
        float((missed**2 * -torch.log(1 - missed))[:, :, 0, 0].mean()), rel=1e-5
    )
    assert float(dice(logits.half(), truth)) == pytest.approx(float(overlap), rel=1e-3)  # sums of halves would overflow

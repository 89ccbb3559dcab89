"""Losses with unknown labels masked: sums of what is known over the weight of what is known (fault G44).

Focal and Dice losses are MONAI's (imported where they are used: MONAI takes seconds); the masking and the asymmetric loss of Ridnik,
which it lacks, are ours.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn


def class_weights(targets: Tensor, balance: float) -> Tensor:
    """[finding] weight of positives: (negatives / positives) ** balance, from the given (training) targets alone (fault G5).

    Parameters
    ----------
    targets : [study, finding] 0, 1, NaN where unknown. A finding without positives or negatives keeps 1.
    """
    positive, negative = (targets > 0.5).sum(0), (targets <= 0.5).sum(0)
    usable = (positive > 0) & (negative > 0)
    ratio = (negative.clamp_min(1) / positive.clamp_min(1)) ** balance
    return torch.where(usable, ratio, torch.ones_like(ratio)).float()


def masked(
    logits: Tensor, targets: Tensor, *, kind: str = "bce", positive: Tensor | None = None, weights: Tensor | None = None,
    over: Callable[[Tensor], Tensor] = lambda total: total,
) -> Tensor:  # fmt: skip
    """Mean loss over known labels.

    Parameters
    ----------
    logits, targets : [..., finding]; targets in [0, 1], NaN where unknown
    kind : 'bce'; 'focal' (Lin et al., ICCV 2017, gamma 2); 'asymmetric' (Ridnik et al., ICCV 2021, gamma 0 and 4, shift 0.05)
    positive : [finding] weight of positives; weights : broadcastable to the targets, such as reliability of labels
    over : of what is known here, the weight to divide by. Where these are one device's part of a batch ``devices.mean``: the mean of all
        devices' losses, and of their gradients, is then that of the whole batch, however unevenly labels are known

    Returns
    -------
    Scalar; 0 when nothing is known.
    """
    known = ~targets.isnan()
    truth = targets.nan_to_num()
    logits = logits.float()
    each = {"bce": _bce, "focal": _focal, "asymmetric": _asymmetric}[kind](logits, truth)
    share = known.float()
    if positive is not None:
        share = share * (truth * (positive - 1) + 1)
    if weights is not None:
        share = share * weights
    # Divided by the weight of what is known, so that a batch with few labels weighs as one with many.
    return (each * share).sum() / over(share.sum()).clamp_min(1e-8)


def _bce(logits: Tensor, truth: Tensor) -> Tensor:
    return nn.functional.binary_cross_entropy_with_logits(logits, truth, reduction="none")


def _focal(logits: Tensor, truth: Tensor, gamma: float = 2.0) -> Tensor:
    from monai.losses import FocalLoss

    each: Tensor = FocalLoss(gamma=gamma, reduction="none")(logits, truth)
    return each


def _asymmetric(logits: Tensor, truth: Tensor, gamma: float = 4.0, shift: float = 0.05) -> Tensor:
    chance = logits.sigmoid()
    off = (chance - shift).clamp_min(0)
    return -(truth * nn.functional.logsigmoid(logits) + (1 - truth) * off**gamma * torch.log((1 - off).clamp_min(1e-8)))


def dice(logits: Tensor, truth: Tensor, *, smooth: float = 1.0) -> Tensor:
    """1 - soft Dice, mean over samples and classes (Milletari et al., 3DV 2016, denominator without squares).

    Parameters
    ----------
    logits, truth : [n, class, ...]; truth 0 or 1. A class that is not there costs what is marked, and nothing when nothing is
    """
    from monai.losses import DiceLoss

    loss: Tensor = DiceLoss(sigmoid=True, smooth_nr=smooth, smooth_dr=smooth)(logits.float(), truth.float())
    return loss


def dice_focal(logits: Tensor, truth: Tensor, *, share: float = 1.0, gamma: float = 2.0, smooth: float = 1.0) -> Tensor:
    """Dice plus ``share`` times focal loss, mean over all cells; parameters as of ``dice``."""
    from monai.losses import DiceFocalLoss

    weights = {"smooth_nr": smooth, "smooth_dr": smooth, "gamma": gamma, "lambda_focal": share}
    loss: Tensor = DiceFocalLoss(sigmoid=True, **weights)(logits.float(), truth.float())
    return loss

"""Signal of a tissue in a pulse sequence.

All equations give the magnitude relative to fully relaxed water (0 to 1), times in ms, angles in degrees.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, exp, radians, sin
from typing import Literal

from condyle.simulate.tissues import Tissue

SequenceKind = Literal["se", "tse", "gre", "ir"]
FatSuppression = Literal["none", "spectral", "water", "fat_only"]

# What is left of the fat. Spectral saturation and water excitation never remove all of it: olefinic protons lie near water.
_FAT_LEFT: dict[str, float] = {"none": 1.0, "spectral": 0.08, "water": 0.04, "fat_only": 1.0}


@dataclass(frozen=True, slots=True)
class Sequence:
    """A pulse sequence.

    Parameters
    ----------
    kind : 'se' spin echo, 'tse' turbo (fast) spin echo, 'gre' spoiled gradient echo, 'ir' inversion recovery turbo spin echo
    tr, te, ti : ms; for 'tse' and 'ir' the effective echo time; ``ti`` only for 'ir'
    flip : degrees, excitation angle; only 'gre' depends on it
    echo_train : number of echoes
    echo_spacing : ms, only 'tse' and 'ir'
    fat_suppression : what is done about fat besides the inversion of a STIR
    refill : 0 to 1, how much of the longitudinal magnetisation a restore pulse brings back ('tse'; RESTORE, DRIVE, FRFSE)
    """

    kind: SequenceKind
    tr: float
    te: float
    ti: float = 0.0
    flip: float = 90.0
    echo_train: int = 1
    echo_spacing: float = 10.0
    fat_suppression: FatSuppression = "none"
    refill: float = 0.0


def water_signal(tissue: Tissue, sequence: Sequence, tesla: float) -> float:
    """Signal of the water of a tissue, 0 to 1.

    Source: Bernstein, King, Zhou, Handbook of MRI Pulse Sequences (2004), sections 14.1 (gradient echo), 14.3 (spin echo), 14.2
    (inversion recovery), 16.4 (echo trains).
    """
    if sequence.fat_suppression == "fat_only":
        return 0.0
    return _signal(tissue, sequence, tesla)


def fat_signal(fat: Tissue, sequence: Sequence, tesla: float) -> float:
    """Signal of pure fat, 0 to 1, after what the sequence does about it. Source: as ``water_signal``."""
    return _signal(fat, sequence, tesla) * _FAT_LEFT[sequence.fat_suppression]


def _signal(tissue: Tissue, sequence: Sequence, tesla: float) -> float:
    density, t1, t2 = tissue.at(tesla)
    if sequence.kind == "gre":
        recovery, angle = exp(-sequence.tr / t1), radians(sequence.flip)
        # T2* is taken as 0.6 T2: shimming in the body leaves field gradients that the equation does not know.
        return density * sin(angle) * (1 - recovery) / (1 - cos(angle) * recovery) * exp(-sequence.te / (0.6 * t2))
    decay = exp(-sequence.te / t2)
    if sequence.kind == "se":
        return density * (1 - 2 * exp(-(sequence.tr - sequence.te / 2) / t1) + exp(-sequence.tr / t1)) * decay
    # Recovery starts after the last echo: the train keeps the longitudinal magnetisation near zero until then.
    train = sequence.echo_train * sequence.echo_spacing
    recovery = exp(-max(sequence.tr - train, 0.0) / t1)
    if sequence.kind == "ir":
        return density * abs(1 - 2 * exp(-sequence.ti / t1) + recovery) * decay
    stored = sequence.refill * exp(-train / t2)  # what a restore pulse tips back at the end of the train
    return density * (1 - recovery * (1 - stored)) * decay

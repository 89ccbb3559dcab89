"""Statistics that judge numbers: arrays in, estimates with intervals out. Nothing of imaging, no disk.

The rest (reader studies, trials, plans) moves in here; what stands now is what a reader package's card needs.
"""

from condyle.evaluate.agreement import balanced_accuracy, confusion, off_by_more_than_one, quadratic_kappa
from condyle.evaluate.bootstrap import Interval, patient_bootstrap
from condyle.evaluate.calibration import brier, brier_skill, calibration_error, fit_platt, logit
from condyle.evaluate.overlap import dice
from condyle.evaluate.ranking import auroc, auroc_within_groups

__all__ = [
    "Interval",
    "auroc",
    "auroc_within_groups",
    "balanced_accuracy",
    "brier",
    "brier_skill",
    "calibration_error",
    "confusion",
    "dice",
    "fit_platt",
    "logit",
    "off_by_more_than_one",
    "patient_bootstrap",
    "quadratic_kappa",
]

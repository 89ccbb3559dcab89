"""Statistics that judge numbers: arrays in, estimates with intervals out. Nothing of imaging, no disk.

The functions below are what the commands are made of; each says its formula, its source, and what it refuses. Whole studies, as the
commands put them together, stand in the files that end in ``_study``, reader studies in ``mrmc``, trials in ``trial``.

Examples
--------
>>> from condyle.evaluate import delong
>>> print(delong([0, 0, 1, 1, 1, 0], [0.1, 0.4, 0.35, 0.8, 0.7, 0.2]))
0.889 (0.261 to 0.995)
"""

from condyle.evaluate.agreement import balanced_accuracy, confusion, off_by_more_than_one, quadratic_kappa
from condyle.evaluate.bland_altman import limits_of_agreement
from condyle.evaluate.bootstrap import Interval, patient_bootstrap
from condyle.evaluate.calibration import brier, brier_skill, calibration_error, fit_platt, logit
from condyle.evaluate.clustered_auc import clustered_auroc, compare_clustered
from condyle.evaluate.coco import coco
from condyle.evaluate.cohen import cohen_kappa
from condyle.evaluate.concordance import concordance
from condyle.evaluate.conformal import calibrate_conformal, risk_coverage
from condyle.evaluate.decision_curve import decision_curve
from condyle.evaluate.delong import compare_paired, compare_unpaired, delong
from condyle.evaluate.diagnostic import likelihood_ratios, predictive_at
from condyle.evaluate.estimate import Estimate
from condyle.evaluate.froc import froc, match_marks
from condyle.evaluate.gee import gee
from condyle.evaluate.icc import icc
from condyle.evaluate.instances import match_instances
from condyle.evaluate.many_raters import rater_agreement
from condyle.evaluate.mixed_model import mixed_model
from condyle.evaluate.mrmc import compare_arms, dorfman_berbaum_metz, gather, obuchowski_rockette, power, u_statistics, versus_readers
from condyle.evaluate.multiplicity import benjamini_hochberg, fixed_sequence, gatekeeper, hochberg, holm
from condyle.evaluate.overlap import dice, iou
from condyle.evaluate.paired_predictive import generalised_score
from condyle.evaluate.paired_proportions import mcnemar, newcombe, tango
from condyle.evaluate.precision import average_precision
from condyle.evaluate.proportion import clopper_pearson, clustered_proportion, wilson
from condyle.evaluate.ranking import auroc, auroc_within_groups
from condyle.evaluate.recalibration import recalibration, spiegelhalter
from condyle.evaluate.reliability import calibration_errors, reliability
from condyle.evaluate.roc import partial_auroc, roc_curve
from condyle.evaluate.scaling import fit_scaling
from condyle.evaluate.segmentation import score_masks
from condyle.evaluate.smooth_calibration import smooth_calibration
from condyle.evaluate.surface import surface_distances
from condyle.evaluate.trial import balance, binary_effect, flow, time_effect
from condyle.evaluate.unpaired_proportions import miettinen_nurminen, newcombe_unpaired

__all__ = [
    "Estimate",
    "Interval",
    "auroc",
    "auroc_within_groups",
    "average_precision",
    "balance",
    "balanced_accuracy",
    "benjamini_hochberg",
    "binary_effect",
    "brier",
    "brier_skill",
    "calibrate_conformal",
    "calibration_error",
    "calibration_errors",
    "clopper_pearson",
    "clustered_auroc",
    "clustered_proportion",
    "coco",
    "cohen_kappa",
    "compare_arms",
    "compare_clustered",
    "compare_paired",
    "compare_unpaired",
    "concordance",
    "confusion",
    "decision_curve",
    "delong",
    "dice",
    "dorfman_berbaum_metz",
    "fit_platt",
    "fit_scaling",
    "fixed_sequence",
    "flow",
    "froc",
    "gatekeeper",
    "gather",
    "gee",
    "generalised_score",
    "hochberg",
    "holm",
    "icc",
    "iou",
    "likelihood_ratios",
    "limits_of_agreement",
    "logit",
    "match_instances",
    "match_marks",
    "mcnemar",
    "miettinen_nurminen",
    "mixed_model",
    "newcombe",
    "newcombe_unpaired",
    "obuchowski_rockette",
    "off_by_more_than_one",
    "partial_auroc",
    "patient_bootstrap",
    "power",
    "predictive_at",
    "quadratic_kappa",
    "rater_agreement",
    "recalibration",
    "reliability",
    "risk_coverage",
    "roc_curve",
    "score_masks",
    "smooth_calibration",
    "spiegelhalter",
    "surface_distances",
    "tango",
    "time_effect",
    "u_statistics",
    "versus_readers",
    "wilson",
]

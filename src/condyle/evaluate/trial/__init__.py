"""Randomised trials of reading with and without help: clustered outcomes, reading times, flow, balance."""

from condyle.evaluate.trial.gee import Fit, full_jackknife, gee
from condyle.evaluate.trial.mixed_model import FixedEffect, MixedFit, RandomTerm, intercept, intercept_and_slope, mixed_model

__all__ = [
    "FixedEffect",
    "Fit",
    "MixedFit",
    "RandomTerm",
    "full_jackknife",
    "gee",
    "intercept",
    "intercept_and_slope",
    "mixed_model",
]

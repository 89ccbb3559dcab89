"""Preparation: from a volume to a volume on a known grid with known grey values. Pure, deterministic, replayable."""

from __future__ import annotations

import sys
from types import ModuleType

from condyle.prepare.bias_field import correct_bias
from condyle.prepare.crop import crop_mm
from condyle.prepare.orient import orient
from condyle.prepare.pipeline import Prepared, check_steps, follow, prepare, prepare_all, record
from condyle.prepare.resample import resample
from condyle.prepare.standardise import standardise
from condyle.prepare.step import Step

__all__ = [
    "Prepared", "Step", "check_steps", "correct_bias", "crop_mm", "follow", "orient", "prepare", "prepare_all", "record", "resample",
    "standardise",
]  # fmt: skip


class _PrepareModule(ModuleType):
    """``condyle.prepare`` names this package and the function; once the package is imported Python binds the name to
    the package, so the package answers to the call as well."""

    __call__ = staticmethod(prepare)


sys.modules[__name__].__class__ = _PrepareModule

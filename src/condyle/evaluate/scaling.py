"""Recalibration of scores: temperature, Platt, isotonic. Fitted on tuning data only; the record says on which."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import isotonic_regression, minimize_scalar
from scipy.special import expit

from condyle.errors import InputError
from condyle.evaluate.calibration import fit_platt, logit
from condyle.evaluate.estimate import binary
from condyle.evaluate.recalibration import probabilities

Floats = NDArray[np.float64]

KINDS = ("temperature", "platt", "isotonic")
FIT_ON = ("train", "validation")


@dataclass(frozen=True, slots=True)
class Scaling:
    """A fitted recalibration.

    Parameters
    ----------
    kind : one of ``KINDS``
    parameters : temperature: (1 / T,); platt: (slope, intercept); isotonic: scores then shares, rising
    fitted_on : name of the split
    n, events : of the fit; warnings : sentences to print
    """

    kind: str
    parameters: tuple[float, ...]
    fitted_on: str
    n: int
    events: int
    warnings: tuple[str, ...] = ()

    @property
    def steps(self) -> list[tuple[float, float]]:
        """(score, share) of isotonic regression; none of the others."""
        half = len(self.parameters) // 2 if self.kind == "isotonic" else 0
        return list(zip(self.parameters[:half], self.parameters[half:], strict=True)) if half else []

    def apply(self, score: ArrayLike) -> Floats:
        """Recalibrated probabilities (n,)."""
        given = np.asarray(score, np.float64)
        if self.kind == "isotonic":
            half = len(self.parameters) // 2
            return np.asarray(np.interp(given, self.parameters[:half], self.parameters[half:]))
        slope, intercept = self.parameters if self.kind == "platt" else (self.parameters[0], 0.0)
        return np.asarray(expit(slope * logit(given) + intercept))


def fit_scaling(truth: ArrayLike, score: ArrayLike, kind: str, *, split: str) -> Scaling:
    """Fit a recalibration of (n,) probabilities.

    Parameters
    ----------
    split : where the rows come from, 'train' or 'validation'; anything else is refused, so that a test set cannot be used

    Raises
    ------
    InputError - a test split, one class only, or an unknown kind

    Source: Guo et al., ICML 2017 (temperature); Platt 1999; Zadrozny & Elkan, KDD 2002 (isotonic).
    """
    if split not in FIT_ON:
        raise InputError(
            "statistics-fit-on-test",
            f"Nothing is fitted on the split {split!r}.",
            why="A score recalibrated on the data that judge it is optimistic.",
            what_to_do="Fit on validation data and judge on the rest.",
        )
    y = binary(truth)
    p = probabilities(score, y)
    events = int(y.sum())
    if not 0 < events < len(y):
        raise InputError(
            "statistics-one-class", "Recalibration needs positives and negatives.",
            what_to_do="Fit on more validation data, or leave the scores as they are.",
        )  # fmt: skip
    if kind == "temperature":
        return Scaling(kind, (_temperature(y, p),), split, len(y), events)
    if kind == "platt":
        return Scaling(kind, fit_platt(y, logit(p)), split, len(y), events)
    if kind != "isotonic":
        raise InputError("statistics-scaling", f"There is no recalibration {kind!r}.", what_to_do="Use " + ", ".join(KINDS) + ".")
    levels, place = np.unique(p, return_inverse=True)
    weight = np.bincount(place).astype(np.float64)
    shares = isotonic_regression(np.bincount(place, y) / weight, weights=weight).x
    warnings = (f"Isotonic regression on {events} events overfits; 200 or more are advised.",) if events < 200 else ()
    return Scaling(kind, (*map(float, levels), *map(float, shares)), split, len(y), events, warnings)


def _temperature(y: NDArray[np.bool_], p: Floats) -> float:
    z = logit(p)

    def loss(log_slope: float) -> float:
        scaled = np.exp(log_slope) * z
        return float((np.logaddexp(0, scaled) - y * scaled).sum())

    return float(np.exp(minimize_scalar(loss, bounds=(-5, 5), method="bounded", options={"xatol": 1e-10}).x))

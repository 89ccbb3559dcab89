"""Generalised estimating equations for clustered outcomes: risk differences, ratios and odds with honest standard errors.

Source: Liang & Zeger, Biometrika 1986;73:13; bias-corrected sandwiches Mancl & DeRouen, Biometrics 2001;57:126 and
Kauermann & Carroll, JASA 2001;96:1387; jackknife Paik, Commun Stat Simul 1988;17:1175 (approximate) and Lipsitz et al. 1990.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import linalg, stats

from condyle.errors import InputError

Floats = NDArray[np.float64]
FEW_CLUSTERS = 40
SANDWICHES = ("sandwich", "mancl-derouen", "kauermann-carroll", "jackknife", "full-jackknife", "model")


@dataclass(frozen=True, slots=True)
class Family:
    """Mean and variance of an outcome: inverse link, its derivative by the linear predictor, variance at a mean, a start."""

    name: str
    mean: Callable[[Floats], Floats]
    slope: Callable[[Floats], Floats]
    variance: Callable[[Floats], Floats]
    start: Callable[[Floats], Floats]


def _binomial(mean: Floats) -> Floats:
    return np.maximum(mean * (1 - mean), 1e-12)


def _expit(x: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-np.clip(x, -500, 500))))


FAMILIES = {
    "identity": Family("binomial, identity link: risk differences", lambda x: x, np.ones_like, _binomial, lambda y: 0.5 * y + 0.25),
    "log": Family(
        "Poisson, log link: risk ratios, with a robust variance", lambda x: np.exp(np.clip(x, -500, 500)),
        lambda x: np.exp(np.clip(x, -500, 500)), lambda mean: np.maximum(mean, 1e-12), lambda y: np.log(0.5 * y + 0.25),
    ),
    "logit": Family(
        "binomial, logit link: odds ratios", _expit, lambda x: _expit(x) * (1 - _expit(x)), _binomial,
        lambda y: np.log((0.5 * y + 0.25) / (0.75 - 0.5 * y)),
    ),
    "gaussian": Family("Gaussian, identity link: differences of means", lambda x: x, np.ones_like, np.ones_like, lambda y: y),
}  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """Coefficients and their covariances.

    Parameters
    ----------
    names : of the columns
    coefficient : (p,)
    covariance : name of the sandwich -> (p, p)
    alpha : correlation of two outcomes of a cluster; 0 when independent
    scale : mean squared Pearson residual
    n, clusters : outcomes, clusters
    default : the sandwich to print: bias-corrected below 40 clusters
    """

    names: tuple[str, ...]
    coefficient: Floats
    covariance: dict[str, Floats]
    alpha: float
    scale: float
    n: int
    clusters: int
    default: str

    def se(self, kind: str = "") -> Floats:
        """(p,) standard errors of a kind in ``SANDWICHES``; '' is ``default``."""
        return np.asarray(np.sqrt(np.diag(self.covariance[kind or self.default])))

    def interval(self, name: str, *, kind: str = "", level: float = 0.95) -> tuple[float, float, float, float, float]:
        """(low, high, statistic, df, p) of one coefficient; Student's t with clusters - parameters df below 40 clusters."""
        at = self.names.index(name)
        se, df = float(self.se(kind)[at]), float(self.clusters - len(self.names)) if self.clusters < FEW_CLUSTERS else float("inf")
        spread = stats.t(df) if np.isfinite(df) else stats.norm
        reach, statistic = float(spread.ppf((1 + level) / 2)) * se, float(self.coefficient[at]) / se if se > 0 else float("nan")
        centre = float(self.coefficient[at])
        return centre - reach, centre + reach, statistic, df, 2 * float(spread.sf(abs(statistic)))


def gee(
    outcome: ArrayLike,
    design: ArrayLike,
    clusters: Sequence[object] | NDArray[np.generic],
    *,
    link: str = "identity",
    correlation: str = "independence",
    names: Sequence[str] = (),
    tolerance: float = 1e-4,
) -> Fit:
    """Fit the marginal model of an outcome over clusters.

    Parameters
    ----------
    outcome : (n,) 0 or 1, or any number with link ``gaussian``
    design : (n, p) columns, the constant among them
    clusters : (n,) label of the randomised unit of each outcome
    link : identity (risk difference), log (risk ratio, Poisson working variance), logit (odds ratio), gaussian (difference of means)
    correlation : ``independence`` keeps the participant-average effect whatever the cluster sizes; ``exchangeable`` weighs
        clusters anew, and with informative sizes estimates something else
    tolerance : stop when no coefficient, correlation or scale moves more. The default is geepack's, so that numbers agree with it;
        with ``independence`` every fit is iterated out

    Raises
    ------
    InputError - shapes, outcomes that do not suit the link, fewer clusters than parameters + 1, no convergence (a binomial
        identity model may have none: use gaussian, whose robust variance stays right)
    """
    y, x, groups = _checked(outcome, design, clusters, link, correlation)
    family = FAMILIES[link]
    beta, alpha, scale = _solve(family, y, x, groups, correlation == "exchangeable", None, tolerance)
    pieces = [_piece(family, y[rows], x[rows], beta, alpha, scale) for rows in groups]
    bread = np.asarray(np.linalg.inv(sum(piece.information for piece in pieces)), np.float64)
    parameters = x.shape[1] + 1 + (correlation == "exchangeable")
    covariance: dict[str, Floats] = {
        "model": bread,
        "sandwich": _meat(bread, [piece.score for piece in pieces]),
        "mancl-derouen": _meat(bread, [piece.corrected(bread, 1.0) for piece in pieces]),
        "kauermann-carroll": _meat(bread, [piece.corrected(bread, 0.5) for piece in pieces]),
        "jackknife": _jackknife(np.array([np.linalg.solve(np.linalg.inv(bread) - p.information, p.score) for p in pieces]), parameters),
    }
    titles = tuple(names) or tuple(f"x{place}" for place in range(x.shape[1]))
    few = len(groups) < FEW_CLUSTERS
    return Fit(titles, beta, covariance, alpha, scale, len(y), len(groups), "kauermann-carroll" if few else "sandwich")


def full_jackknife(
    outcome: ArrayLike, design: ArrayLike, clusters: Sequence[object] | NDArray[np.generic], *, link: str = "identity",
    correlation: str = "independence", tolerance: float = 1e-4,
) -> Floats:  # fmt: skip
    """(p, p) covariance from refitting without each cluster, all parameters iterated to convergence."""
    y, x, groups = _checked(outcome, design, clusters, link, correlation)
    family, exchangeable = FAMILIES[link], correlation == "exchangeable"
    whole = _solve(family, y, x, groups, exchangeable, None, tolerance)
    rest = [groups[:k] + groups[k + 1 :] for k in range(len(groups))]
    left = [_solve(family, y, x, others, exchangeable, whole, tolerance)[0] - whole[0] for others in rest]
    return _jackknife(np.array(left), x.shape[1] + 1 + exchangeable)


@dataclass(frozen=True, slots=True, eq=False)
class _Piece:
    """One cluster: D (derivative of the mean), V^-1 D, residual."""

    derivative: Floats
    weighted: Floats
    residual: Floats

    @property
    def information(self) -> Floats:
        return np.asarray(self.weighted.T @ self.derivative)

    @property
    def score(self) -> Floats:
        return np.asarray(self.weighted.T @ self.residual)

    def corrected(self, bread: Floats, power: float) -> Floats:
        """Score with (I - H)^-power applied to the residual, H the leverage of the cluster."""
        left = np.eye(len(self.residual)) - self.derivative @ bread @ self.weighted.T
        if power == 1.0:
            return np.asarray(self.weighted.T @ np.linalg.solve(left, self.residual))
        root = linalg.sqrtm(left)
        return np.asarray(self.weighted.T @ np.linalg.solve(np.real(root), self.residual))


def _piece(family: Family, y: Floats, x: Floats, beta: Floats, alpha: float, scale: float) -> _Piece:
    linear = x @ beta
    mean = family.mean(linear)
    derivative = family.slope(linear)[:, None] * x
    root = np.sqrt(family.variance(mean))
    return _Piece(derivative, _exchangeable_inverse(derivative / root[:, None], alpha) / root[:, None] / scale, y - mean)


def _exchangeable_inverse(values: Floats, alpha: float) -> Floats:
    """R^-1 values for R = (1 - alpha) I + alpha 11'."""
    size = len(values)
    return np.asarray((values - alpha / (1 + (size - 1) * alpha) * values.sum(0)) / (1 - alpha))


def _solve(
    family: Family,
    y: Floats,
    x: Floats,
    groups: Sequence[NDArray[np.intp]],
    exchangeable: bool,
    start: tuple[Floats, float, float] | None,
    tolerance: float,
) -> tuple[Floats, float, float]:
    """Alternate a scoring step for beta with moment estimates of scale and correlation."""
    rows = np.concatenate(groups)
    if start is None:
        first = np.asarray(np.linalg.lstsq(x[rows], family.start(y[rows]), rcond=None)[0], np.float64), 0.0, 1.0
        beta, alpha, scale = _solve(family, y, x, groups, False, first, 1e-12) if exchangeable else first
        tolerance = tolerance if exchangeable else min(tolerance, 1e-10)
    else:
        beta, alpha, scale = start
    for _ in range(200):
        pieces = [_piece(family, y[own], x[own], beta, alpha, scale) for own in groups]
        step = np.asarray(np.linalg.solve(sum(one.information for one in pieces), sum(one.score for one in pieces)), np.float64)
        if not np.isfinite(step).all():
            break
        beta = beta + step
        mean = family.mean(x @ beta)
        pearson = (y - mean) / np.sqrt(family.variance(mean))
        before = np.array([scale, alpha])
        scale = float(np.mean(pearson[rows] ** 2))
        if exchangeable:
            sums = [(pearson[own].sum() ** 2 - (pearson[own] ** 2).sum()) / 2 for own in groups]
            pairs = sum(len(own) * (len(own) - 1) / 2 for own in groups)
            alpha = float(sum(sums) / pairs / scale) if pairs and scale > 0 else 0.0
        if max(np.abs(step).max(), np.abs(before - (scale, alpha)).max()) <= tolerance:
            return beta, alpha, scale
    raise InputError(
        "gee-convergence", "The clustered model did not converge.",
        what_to_do="Use link='gaussian' for a risk difference: the robust variance stays right.",
    )  # fmt: skip


def _meat(bread: Floats, scores: Sequence[Floats]) -> Floats:
    stack = np.array(scores)
    return np.asarray(bread @ stack.T @ stack @ bread)


def _jackknife(left: Floats, parameters: int) -> Floats:
    """(K - all parameters) / K * sum of squares: geepack's factor, which counts scale and correlation as parameters."""
    return np.asarray((len(left) - parameters) / len(left) * left.T @ left)


def _checked(
    outcome: ArrayLike, design: ArrayLike, clusters: Sequence[object] | NDArray[np.generic], link: str, correlation: str
) -> tuple[Floats, Floats, list[NDArray[np.intp]]]:
    y, x, labels = np.asarray(outcome, np.float64), np.asarray(design, np.float64), np.asarray(clusters)
    if y.ndim != 1 or x.ndim != 2 or len(x) != len(y) or labels.shape != y.shape:
        raise InputError("gee-shape", "Outcome, design and clusters must have one row an outcome.")
    if not np.isfinite(y).all() or not np.isfinite(x).all():
        raise InputError("gee-values", "An outcome or covariate is missing.", what_to_do="State a policy for missing outcomes first.")
    if link not in FAMILIES or correlation not in ("independence", "exchangeable"):
        raise InputError("gee-link", f"Links are {', '.join(FAMILIES)}; correlations independence and exchangeable.")
    if link != "gaussian" and not np.isin(y, (0.0, 1.0)).all():
        raise InputError("gee-outcome", "The outcome of a binomial model must be 0 or 1.")
    groups = [np.flatnonzero(labels == label) for label in dict.fromkeys(labels.tolist())]
    if len(groups) <= x.shape[1]:
        raise InputError("gee-clusters", f"{len(groups)} clusters are too few for {x.shape[1]} parameters.")
    if np.linalg.matrix_rank(x) < x.shape[1]:
        raise InputError("gee-rank", "The columns of the design are not independent.", why="One is a sum of others, or constant.")
    return y, x, groups

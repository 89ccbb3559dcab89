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
PER_PARAMETER = 20  # strata by arm have four: of 60 clusters the plain sandwich rejected 7.2 % of null interactions
SANDWICHES = ("sandwich", "mancl-derouen", "kauermann-carroll", "jackknife", "model")


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
    alpha : correlation of two outcomes of a cluster; 0 when independent
    scale : mean squared Pearson residual
    n, clusters : outcomes, clusters
    pieces : what each cluster adds, from which every sandwich is made
    """

    names: tuple[str, ...]
    coefficient: Floats
    alpha: float
    scale: float
    n: int
    clusters: int
    pieces: Pieces

    @property
    def few(self) -> bool:
        """Fewer than 40 clusters, or than 20 a parameter: too few for the plain sandwich and the normal."""
        return self.clusters < max(FEW_CLUSTERS, PER_PARAMETER * len(self.names))

    @property
    def default(self) -> str:
        """The sandwich to print: bias-corrected when clusters are few."""
        return "kauermann-carroll" if self.few else "sandwich"

    def covariance(self, kind: str = "") -> Floats:
        """(p, p) of a kind in ``SANDWICHES``; '' is ``default``."""
        kind = kind or self.default
        if kind not in SANDWICHES:
            raise InputError(
                "gee-sandwich", f"There is no standard error {kind!r}.", why=f"Known are {', '.join(SANDWICHES)}.",
                what_to_do="Choose one of these.",
            )  # fmt: skip
        return self.pieces.covariance(kind)

    def se(self, kind: str = "") -> Floats:
        """(p,) standard errors of a kind in ``SANDWICHES``; '' is ``default``."""
        return np.asarray(np.sqrt(np.diag(self.covariance(kind))))

    def interval(self, name: str, *, kind: str = "", level: float = 0.95) -> tuple[float, float, float, float, float]:
        """(low, high, statistic, df, p) of one coefficient; Student's t with clusters - parameters df when clusters are few."""
        at = self.names.index(name)
        se, df = float(self.se(kind)[at]), float(self.clusters - len(self.names)) if self.few else float("inf")
        spread = stats.t(df) if np.isfinite(df) else stats.norm
        reach, statistic = float(spread.ppf((1 + level) / 2)) * se, float(self.coefficient[at]) / se if se > 0 else float("nan")
        centre = float(self.coefficient[at])
        return centre - reach, centre + reach, statistic, df, 2 * float(spread.sf(abs(statistic)))


@dataclass(frozen=True, slots=True, eq=False)
class Pieces:
    """D (derivative of the mean), V^-1 D and the residual of every outcome, and the cluster of each.

    ``parameters`` counts scale and correlation too, as geepack does.
    """

    derivative: Floats
    weighted: Floats
    residual: Floats
    cluster: NDArray[np.intp]
    parameters: int

    @property
    def information(self) -> Floats:
        return np.asarray(self.weighted.T @ self.derivative)

    @property
    def scores(self) -> Floats:
        """(clusters, p)."""
        return _by_cluster(self.weighted * self.residual[:, None], self.cluster)

    def covariance(self, kind: str) -> Floats:
        bread = np.asarray(np.linalg.inv(self.information), np.float64)
        if kind == "model":
            return bread
        if kind == "sandwich":
            return _meat(bread, self.scores)
        members = [np.flatnonzero(self.cluster == one) for one in range(int(self.cluster.max()) + 1)]
        if kind == "jackknife":
            without = [self.information - self.weighted[own].T @ self.derivative[own] for own in members]
            return _jackknife(np.array([np.linalg.solve(*one) for one in zip(without, self.scores, strict=True)]), self.parameters)
        power = 1.0 if kind == "mancl-derouen" else 0.5
        return _meat(bread, np.array([self._corrected(own, bread, power) for own in members]))

    def _corrected(self, own: NDArray[np.intp], bread: Floats, power: float) -> Floats:
        """Score of a cluster with (I - H)^-power applied to the residual, H its leverage."""
        left = np.eye(len(own)) - self.derivative[own] @ bread @ self.weighted[own].T
        root = left if power == 1.0 else np.real(linalg.sqrtm(left))
        return np.asarray(self.weighted[own].T @ np.linalg.solve(root, self.residual[own]))


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
    y, x, place = _checked(outcome, design, clusters, link, correlation)
    family = FAMILIES[link]
    beta, alpha, scale = _solve(family, y, x, place, correlation == "exchangeable", None, tolerance)
    parameters = x.shape[1] + 1 + (correlation == "exchangeable")
    titles = tuple(names) or tuple(f"x{column}" for column in range(x.shape[1]))
    pieces = _pieces(family, y, x, place, beta, alpha, scale, parameters)
    return Fit(titles, beta, alpha, scale, len(y), int(place.max()) + 1, pieces)


def full_jackknife(
    outcome: ArrayLike, design: ArrayLike, clusters: Sequence[object] | NDArray[np.generic], *, link: str = "identity",
    correlation: str = "independence", tolerance: float = 1e-4,
) -> Floats:  # fmt: skip
    """(p, p) covariance from refitting without each cluster, all parameters iterated to convergence."""
    y, x, place = _checked(outcome, design, clusters, link, correlation)
    family, exchangeable = FAMILIES[link], correlation == "exchangeable"
    whole = _solve(family, y, x, place, exchangeable, None, tolerance)
    left = []
    for one in range(int(place.max()) + 1):
        kept = place != one
        others = np.unique(place[kept], return_inverse=True)[1]
        left.append(_solve(family, y[kept], x[kept], others, exchangeable, whole, tolerance)[0] - whole[0])
    return _jackknife(np.array(left), x.shape[1] + 1 + exchangeable)


def _pieces(
    family: Family, y: Floats, x: Floats, place: NDArray[np.intp], beta: Floats, alpha: float, scale: float, parameters: int = 0
) -> Pieces:
    linear = x @ beta
    mean = family.mean(linear)
    derivative = family.slope(linear)[:, None] * x
    root = np.sqrt(family.variance(mean))[:, None]
    standard = derivative / root
    if alpha:  # R^-1 v = (v - alpha / (1 + (size - 1) alpha) * sum over the cluster) / (1 - alpha)
        size = np.bincount(place).astype(np.float64)
        share = alpha / (1 + (size - 1) * alpha)
        standard = (standard - (share[:, None] * _by_cluster(standard, place))[place]) / (1 - alpha)
    return Pieces(derivative, standard / root / scale, y - mean, place, parameters)


def _solve(
    family: Family,
    y: Floats,
    x: Floats,
    place: NDArray[np.intp],
    exchangeable: bool,
    start: tuple[Floats, float, float] | None,
    tolerance: float,
) -> tuple[Floats, float, float]:
    """Alternate a scoring step for beta with moment estimates of scale and correlation."""
    if start is None:
        first = np.asarray(np.linalg.lstsq(x, family.start(y), rcond=None)[0], np.float64), 0.0, 1.0
        beta, alpha, scale = _solve(family, y, x, place, False, first, 1e-12) if exchangeable else first
        tolerance = tolerance if exchangeable else min(tolerance, 1e-10)
    else:
        beta, alpha, scale = start
    size = np.bincount(place).astype(np.float64)
    pairs = float((size * (size - 1)).sum() / 2)
    for _ in range(200):
        pieces = _pieces(family, y, x, place, beta, alpha, scale)
        step = np.asarray(np.linalg.solve(pieces.information, pieces.weighted.T @ pieces.residual), np.float64)
        if not np.isfinite(step).all():
            break
        beta = beta + step
        mean = family.mean(x @ beta)
        pearson = (y - mean) / np.sqrt(family.variance(mean))
        before = np.array([scale, alpha])
        scale = float(np.mean(pearson**2))
        if exchangeable and pairs and scale > 0:
            products = (np.bincount(place, pearson) ** 2 - np.bincount(place, pearson**2)).sum() / 2
            alpha = float(products / pairs / scale)
        if max(np.abs(step).max(), np.abs(before - (scale, alpha)).max()) <= tolerance:
            return beta, alpha, scale
    raise InputError(
        "gee-convergence", "The clustered model did not converge.",
        what_to_do="Use link='gaussian' for a risk difference: the robust variance stays right.",
    )  # fmt: skip


def _by_cluster(values: Floats, place: NDArray[np.intp]) -> Floats:
    """(n, p) summed within clusters -> (clusters, p)."""
    return np.asarray(np.column_stack([np.bincount(place, column) for column in values.T]))


def _meat(bread: Floats, scores: Floats) -> Floats:
    return np.asarray(bread @ scores.T @ scores @ bread)


def _jackknife(left: Floats, parameters: int) -> Floats:
    """(K - all parameters) / K * sum of squares: geepack's factor, which counts scale and correlation as parameters."""
    return np.asarray((len(left) - parameters) / len(left) * left.T @ left)


def _checked(
    outcome: ArrayLike, design: ArrayLike, clusters: Sequence[object] | NDArray[np.generic], link: str, correlation: str
) -> tuple[Floats, Floats, NDArray[np.intp]]:
    y, x, labels = np.asarray(outcome, np.float64), np.asarray(design, np.float64), np.asarray(clusters)
    if y.ndim != 1 or x.ndim != 2 or len(x) != len(y) or labels.shape != y.shape:
        raise InputError(
            "gee-shape", "Outcome, design and clusters must have one row an outcome.",
            what_to_do="Give one row of design and one cluster for each outcome.",
        )  # fmt: skip
    if not np.isfinite(y).all() or not np.isfinite(x).all():
        raise InputError("gee-values", "An outcome or covariate is missing.", what_to_do="State a policy for missing outcomes first.")
    if link not in FAMILIES or correlation not in ("independence", "exchangeable"):
        raise InputError(
            "gee-link", f"Links are {', '.join(FAMILIES)}; correlations independence and exchangeable.", what_to_do="Choose one of each.",
        )  # fmt: skip
    if link != "gaussian" and not np.isin(y, (0.0, 1.0)).all():
        raise InputError(
            "gee-outcome", "The outcome of a binomial model must be 0 or 1.",
            what_to_do="Use the link identity with a numeric outcome, or recode it as 0 and 1.",
        )  # fmt: skip
    place = np.unique(labels, return_inverse=True)[1]
    count = int(place.max(initial=-1)) + 1
    if count <= x.shape[1]:
        raise InputError(
            "gee-clusters", f"{count} clusters are too few for {x.shape[1]} parameters.",
            what_to_do="Leave covariates out, or compare the means of the clusters.",
        )  # fmt: skip
    if np.linalg.matrix_rank(x) < x.shape[1]:
        raise InputError(
            "gee-rank", "The columns of the design are not independent.", why="One is a sum of others, or constant.",
            what_to_do="Leave out the columns that others already tell.",
        )  # fmt: skip
    return y, x, place

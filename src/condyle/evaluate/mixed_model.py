"""Linear mixed model with crossed random effects by restricted maximum likelihood, with small-sample tests.

It exists for reading times: readers and cases are crossed, readers differ in what an arm does to them, and neither
Satterthwaite's nor Kenward and Roger's degrees of freedom are in statsmodels. Everything is computed from cross-products of
the columns, so the cost grows with the number of readers and cases, not with the number of reads.

Source: Bates et al., J Stat Softw 2015;67(1) (profiled REML); Kenward & Roger, Biometrics 1997;53:983; Fai & Cornelius, J Stat
Comput Simul 1996;54:363 (Satterthwaite); Halekoh & Hojsgaard, J Stat Softw 2014;59(9).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import linalg, optimize, sparse, stats

from condyle.errors import InputError

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class RandomTerm:
    """A random effect: one coefficient vector for each level of a grouping, with a free covariance.

    Parameters
    ----------
    name : of the grouping, such as ``reader``
    groups : (n,) labels
    columns : (n, c) what the coefficients multiply; a column of 1 alone is a random intercept
    column_names : (c,)
    """

    name: str
    groups: NDArray[np.generic]
    columns: Floats
    column_names: tuple[str, ...]


def intercept(name: str, groups: ArrayLike) -> RandomTerm:
    """A random intercept for each level."""
    labels = np.asarray(groups)
    return RandomTerm(name, labels, np.ones((len(labels), 1)), ("(intercept)",))


def intercept_and_slope(name: str, groups: ArrayLike, by: ArrayLike, by_name: str) -> RandomTerm:
    """A random intercept and slope, correlated: a reader's level, and what the arm does to this reader."""
    labels = np.asarray(groups)
    return RandomTerm(name, labels, np.column_stack([np.ones(len(labels)), np.asarray(by, np.float64)]), ("(intercept)", by_name))


@dataclass(frozen=True, slots=True)
class FixedEffect:
    """One fixed effect.

    Parameters
    ----------
    estimate, se : float; ``se`` model-based, ``se_kr`` Kenward and Roger's
    df_satterthwaite, df_kr : degrees of freedom
    low, high, statistic, p : by Kenward and Roger
    p_satterthwaite : by Satterthwaite
    """

    name: str
    estimate: float
    se: float
    df_satterthwaite: float
    p_satterthwaite: float
    se_kr: float
    df_kr: float
    statistic: float
    p: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class VarianceComponent:
    """A variance (``other`` is ''), or a covariance of two columns of a random effect."""

    group: str
    column: str
    other: str
    value: float


@dataclass(frozen=True, slots=True)
class MixedFit:
    """Result of the mixed model.

    ``singular`` says that a variance or correlation lies on its bound: then it is estimated as none, and degrees of freedom
    rest on the others.
    """

    fixed: tuple[FixedEffect, ...]
    random: tuple[VarianceComponent, ...]
    log_likelihood: float
    n: int
    levels: dict[str, int]
    singular: bool
    level: float
    warnings: tuple[str, ...]

    def of(self, name: str) -> FixedEffect:
        """The fixed effect of this name."""
        return next(effect for effect in self.fixed if effect.name == name)


def mixed_model(
    outcome: ArrayLike, design: ArrayLike, random: Sequence[RandomTerm], *, names: Sequence[str], level: float = 0.95
) -> MixedFit:
    """Fit by REML and test each fixed effect.

    Parameters
    ----------
    outcome : (n,) such as the logarithm of the reading time
    design : (n, p) fixed columns, the constant among them
    random : terms; groupings may cross each other
    names : (p,) of the fixed columns

    Raises
    ------
    InputError - shapes, missing values, columns that are not independent, a grouping with fewer than two levels
    """
    y, x = np.asarray(outcome, np.float64), np.asarray(design, np.float64)
    _check(y, x, random, names)
    products = _Products.of(y, x, random)
    theta = products.fit()
    sigma2 = products.at(theta).sigma2
    free, singular = _free_parts(products, theta)
    algebra = _Algebra(products, theta, sigma2)
    beta, phi = algebra.beta, algebra.phi
    se_kr2, kr_df, satterthwaite = _small_sample(algebra, free)
    effects = []
    for place, name in enumerate(names):
        se, adjusted = float(np.sqrt(phi[place, place])), float(np.sqrt(se_kr2[place]))
        df, df_s = float(kr_df[place]), float(satterthwaite[place])
        statistic = float(beta[place]) / adjusted
        reach = float(stats.t.ppf((1 + level) / 2, df)) * adjusted
        effects.append(FixedEffect(
            name, float(beta[place]), se, df_s, 2 * float(stats.t.sf(abs(float(beta[place]) / se), df_s)), adjusted, df, statistic,
            2 * float(stats.t.sf(abs(statistic), df)), float(beta[place]) - reach, float(beta[place]) + reach,
        ))  # fmt: skip
    said = ["A variance component is estimated as none; its degrees of freedom are not counted."] if singular else []
    said += [f"Only {len(set(term.groups.tolist()))} levels of {term.name}." for term in random if len(set(term.groups.tolist())) < 5]
    return MixedFit(
        tuple(effects), _components(products, theta, sigma2), -0.5 * products.deviance(theta), len(y),
        {term.name: len(set(term.groups.tolist())) for term in random}, singular, level, tuple(said),
    )  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class _Solved:
    beta: Floats
    sigma2: float
    deviance: float


@dataclass(frozen=True, slots=True, eq=False)
class _Products:
    """Cross-products of random columns Z, fixed columns X and the outcome y, and how theta fills the relative factor."""

    zz: Floats
    zx: Floats
    zy: Floats
    xx: Floats
    xy: Floats
    yy: float
    n: int
    terms: tuple[RandomTerm, ...]
    counts: tuple[int, ...]

    @classmethod
    def of(cls, y: Floats, x: Floats, random: Sequence[RandomTerm]) -> _Products:
        blocks, counts = [], []
        for term in random:
            levels, place = np.unique(term.groups, return_inverse=True)
            width = term.columns.shape[1]
            at = (place[:, None] * width + np.arange(width)).ravel()
            rows = np.repeat(np.arange(len(y)), width)
            blocks.append(sparse.csr_array((term.columns.ravel(), (rows, at)), shape=(len(y), len(levels) * width)))
            counts.append(len(levels))
        z = sparse.hstack(blocks, format="csr")
        square = np.asarray((z.T @ z).todense(), np.float64)
        return cls(square, z.T @ x, z.T @ y, x.T @ x, x.T @ y, float(y @ y), len(y), tuple(random), tuple(counts))

    def factors(self, theta: Floats) -> list[Floats]:
        """Relative Cholesky factor of each term, column by column of its lower triangle."""
        found, at = [], 0
        for term in self.terms:
            width = term.columns.shape[1]
            lower = np.zeros((width, width))
            size = width * (width + 1) // 2
            lower.T[np.triu_indices(width)] = theta[at : at + size]
            found.append(lower)
            at += size
        return found

    def lam(self, theta: Floats) -> Floats:
        found = np.zeros(self.zz.shape)
        base = 0
        for count, one in zip(self.counts, self.factors(theta), strict=True):
            width = len(one)
            at = base + width * np.arange(count)
            for row, column in zip(*np.tril_indices(width), strict=True):
                found[at + row, at + column] = one[row, column]
            base += width * count
        return found

    @property
    def start(self) -> Floats:
        return np.concatenate([np.eye(t.columns.shape[1])[np.triu_indices(t.columns.shape[1])] for t in self.terms])

    def at(self, theta: Floats) -> _Solved:
        lam = self.lam(theta)
        inner = lam.T @ self.zz @ lam + np.eye(len(lam))
        low = linalg.cholesky(inner, lower=True)
        rx = linalg.solve_triangular(low, lam.T @ self.zx, lower=True)
        ry = linalg.solve_triangular(low, lam.T @ self.zy, lower=True)
        left = self.xx - rx.T @ rx
        beta = np.linalg.solve(left, self.xy - rx.T @ ry)
        rest = self.yy - float(ry @ ry) - float((self.xy - rx.T @ ry) @ beta)
        free = self.n - len(beta)
        sigma2 = rest / free
        deviance = 2 * np.log(np.diag(low)).sum() + np.linalg.slogdet(left)[1] + free * (1 + np.log(2 * np.pi * sigma2))
        return _Solved(beta, sigma2, float(deviance))

    def deviance(self, theta: Floats) -> float:
        return self.at(theta).deviance

    def fit(self) -> Floats:
        """Minimise the profiled REML deviance; variances may be 0, so diagonals are bounded there."""
        diagonal = np.concatenate([np.eye(t.columns.shape[1], dtype=bool)[np.triu_indices(t.columns.shape[1])] for t in self.terms])
        bounds = [(0.0, None) if one else (None, None) for one in diagonal]
        theta = self._search(diagonal, bounds)
        inside = np.flatnonzero(~diagonal | (theta > 1e-3))
        for _ in range(6):  # Newton steps sharpen what the search leaves at its tolerance
            slope, curve = _derivatives(partial(self._near, theta, inside), len(inside), 1e-4)
            step = np.asarray(-np.linalg.lstsq(curve, slope, rcond=1e-10)[0], np.float64)
            moved = _moved(theta, inside, step)
            if np.abs(step).max(initial=0.0) > 0.1 or (moved[diagonal] < 0).any() or self.deviance(moved) > self.deviance(theta) + 1e-9:
                break
            theta = moved
            if np.abs(step).max(initial=0.0) < 1e-7:
                break
        return theta

    def _search(self, diagonal: NDArray[np.bool_], bounds: Sequence[tuple[float | None, float | None]]) -> Floats:
        """The lowest deviance from several starts.

        At a standard deviation of 0 the slope is 0 by symmetry, so a search that steps there stays, whatever lies beyond: each component
        that ended at 0 is given another chance.
        """

        def lowest(start: Floats) -> Any:
            return optimize.minimize(self.deviance, start, method="L-BFGS-B", bounds=bounds, options={"ftol": 1e-10})

        best = min((lowest(self.start * scale) for scale in (1.0, 0.3, 0.1)), key=lambda found: float(found.fun))
        for place in np.flatnonzero(diagonal):
            for chance in (0.3, 0.1) if best.x[place] < 1e-3 else ():
                again = np.array(best.x)
                again[place] = chance
                found = lowest(again)
                if found.fun < best.fun - 1e-9:
                    best = found
        return np.asarray(best.x, np.float64)

    def _near(self, theta: Floats, places: NDArray[np.intp], move: Floats) -> float:
        return self.deviance(_moved(theta, places, move))


class _Algebra:
    """V = sigma2 I + Z G Z' and the products that the small-sample formulas need, all from cross-products.

    With U = Z * factor and M = I + U'U / ..., V^-1 = (I - U M^-1 U') / sigma2, so W'V^-k W' follow from W'W and W'U alone.
    """

    def __init__(self, products: _Products, theta: Floats, sigma2: float) -> None:
        self.products, self.sigma2 = products, sigma2
        self.variances = np.array([component.value for component in _components(products, theta, sigma2)])
        lam = products.lam(theta)
        q, p = len(lam), len(products.xx)
        gram = np.block([[products.zz, products.zx], [products.zx.T, products.xx]])  # W'W of W = [Z X]
        wu = np.vstack([products.zz @ lam, products.zx.T @ lam])  # W'U
        uu = lam.T @ products.zz @ lam
        values, vectors = np.linalg.eigh(uu)
        values = np.maximum(values, 0.0)
        turned = wu @ vectors
        # W'(I + UU')^-k W = W'W - W'U Q diag(c_k) Q'U'W with c_k = (1 - (1 + d)^-k) / d
        self.powers = {}
        for k in (1, 2, 3):
            with np.errstate(invalid="ignore", divide="ignore"):
                c = np.where(values > 1e-12, (1 - (1 + values) ** -k) / np.where(values > 1e-12, values, 1.0), float(k))
            self.powers[k] = (gram - (turned * c) @ turned.T) / sigma2**k
        self.q, self.p = q, p
        self.trace2 = (products.n - q + float(((1 + values) ** -2).sum())) / sigma2**2  # tr V^-2
        self.phi = np.linalg.inv(self.powers[1][q:, q:])
        wy = np.concatenate([products.zy, products.xy])
        solved = turned[q:] * np.where(values > 1e-12, (1 - 1 / (1 + values)) / np.where(values > 1e-12, values, 1.0), 1.0)
        xvy = (wy[q:] - solved @ (vectors.T @ (lam.T @ products.zy))) / sigma2
        self.beta = self.phi @ xvy

    def part(self, index: int) -> Floats | None:
        """E with dV = Z E Z' for the index-th covariance element; None is the residual, dV = I."""
        at = 0
        elements = _elements(self.products)
        if index == len(elements):
            return None
        number, row, column = elements[index]
        width = self.products.terms[number].columns.shape[1]
        small = np.zeros((width, width))
        small[row, column] = small[column, row] = 1.0
        grid = np.zeros((self.q, self.q))
        for place, (term, count) in enumerate(zip(self.products.terms, self.products.counts, strict=True)):
            size = term.columns.shape[1] * count
            if place == number:
                grid[at : at + size, at : at + size] = np.kron(np.eye(count), small)
            at += size
        return grid


def _elements(products: _Products) -> list[tuple[int, int, int]]:
    """(term, row, column) of every variance and covariance, in the order of the report."""
    found = []
    for number, term in enumerate(products.terms):
        width = term.columns.shape[1]
        found += [(number, place, place) for place in range(width)]
        found += [(number, row, column) for row in range(width) for column in range(row + 1, width)]
    return found


def _small_sample(algebra: _Algebra, free: Sequence[int]) -> tuple[Floats, Floats, Floats]:
    """(p,) Kenward-Roger variances and degrees of freedom, and Satterthwaite's, over the variance elements that are free."""
    q, powers, phi = algebra.q, algebra.powers, algebra.phi
    zvz, zvx = powers[1][:q, :q], powers[1][:q, q:]
    z2z, z2x, x2x, x3x = powers[2][:q, :q], powers[2][:q, q:], powers[2][q:, q:], powers[3][q:, q:]
    parts = [algebra.part(index) for index in free]
    m = len(parts)
    p_of = [-(x2x if e is None else zvx.T @ e @ zvx) for e in parts]
    trace, q_of = np.zeros((m, m)), [[np.zeros_like(phi)] * m for _ in range(m)]
    for i, first in enumerate(parts):
        for j, second in enumerate(parts):
            if first is None and second is None:
                trace[i, j], product = algebra.trace2, x3x
            elif first is None or second is None:
                grid = second if first is None else first
                assert grid is not None
                trace[i, j] = float((z2z * grid).sum())
                product = z2x.T @ grid @ zvx if first is None else zvx.T @ grid @ z2x
            else:
                left, right = zvz @ first, zvz @ second
                trace[i, j] = float((left * right.T).sum())
                product = zvx.T @ first @ zvz @ second @ zvx
            q_of[i][j] = product
    information = np.array([
        [
            trace[i, j] - 2 * np.trace(phi @ q_of[i][j]) + np.trace(phi @ p_of[i] @ phi @ p_of[j])
            for j in range(m)
        ]
        for i in range(m)
    ])  # fmt: skip
    spread = 2 * np.linalg.pinv(information, rcond=1e-12)  # covariance of the variance elements, expected information
    added = sum(spread[i, j] * (q_of[i][j] - p_of[i] @ phi @ p_of[j]) for i in range(m) for j in range(m))
    adjusted = phi + 2 * phi @ added @ phi
    observed = 2 * np.linalg.pinv(_observed_information(algebra, free), rcond=1e-12)
    df_kr, df_s = np.zeros(len(phi)), np.zeros(len(phi))
    for place in range(len(phi)):
        slope = np.array([-float(phi[place] @ one @ phi[place]) for one in p_of])  # d var(beta) / d element
        df_s[place] = 2 * phi[place, place] ** 2 / float(slope @ observed @ slope)
        df_kr[place] = _kr_df(float(slope @ spread @ slope) / float(phi[place, place]) ** 2)
    return np.diag(adjusted), df_kr, df_s


def _kr_df(a: float) -> float:
    """Kenward and Roger's m for a single contrast; with one numerator df, A1 = A2 = a and m = 2 / a."""
    return 2 / a if a > 0 else float("inf")


def _observed_information(algebra: _Algebra, free: Sequence[int]) -> Floats:
    """Hessian of the REML deviance by the variance elements, by central differences extrapolated to step 0."""
    products = algebra.products
    base = algebra.variances
    scale = np.maximum(np.abs(base), 0.01 * algebra.sigma2)

    def deviance(change: Floats) -> float:
        values = base.copy()
        values[list(free)] += change
        return _deviance(products, values)

    steps = scale[list(free)]

    def hessian(step: float) -> Floats:
        curve = _derivatives(lambda move: deviance(move * steps), len(free), step)[1]
        return curve / np.outer(steps, steps)

    coarse, fine = hessian(0.02), hessian(0.01)
    return np.asarray((4 * fine - coarse) / 3)


def _derivatives(function: Callable[[Floats], float], size: int, step: float) -> tuple[Floats, Floats]:
    """Gradient and Hessian at 0 by central differences."""
    eye = step * np.eye(size)
    middle = function(np.zeros(size))
    up, down = (np.array([function(sign * row) for row in eye]) for sign in (1.0, -1.0))
    curve = np.diag((up - 2 * middle + down) / step**2)
    for i in range(size):
        for j in range(i):
            a, b = eye[i], eye[j]
            cross = function(a + b) - function(a - b) - function(b - a) + function(-a - b)
            curve[i, j] = curve[j, i] = cross / (4 * step**2)
    return (up - down) / (2 * step), curve


def _moved(theta: Floats, places: NDArray[np.intp], move: Floats) -> Floats:
    found = theta.copy()
    found[places] += move
    return found


def _deviance(products: _Products, values: Floats) -> float:
    """REML deviance at variances and covariances (not profiled); G need not be positive definite while V is."""
    sigma2, g, at = values[-1], [], 0
    for term, count in zip(products.terms, products.counts, strict=True):
        width = term.columns.shape[1]
        small = np.zeros((width, width))
        for row in range(width):
            small[row, row] = values[at + row]
        at += width
        for row in range(width):
            for column in range(row + 1, width):
                small[row, column] = small[column, row] = values[at]
                at += 1
        g.append(np.kron(np.eye(count), small))
    grid = linalg.block_diag(*g)
    inner = np.eye(len(grid)) + grid @ products.zz / sigma2
    solved = np.linalg.solve(inner, grid)  # (G^-1 + Z'Z / s)^-1
    xx = products.xx / sigma2 - products.zx.T @ solved @ products.zx / sigma2**2
    xy = products.xy / sigma2 - products.zx.T @ solved @ products.zy / sigma2**2
    yy = products.yy / sigma2 - float(products.zy @ solved @ products.zy) / sigma2**2
    rest = yy - float(xy @ np.linalg.solve(xx, xy))
    return float(products.n * np.log(sigma2) + np.linalg.slogdet(inner)[1] + np.linalg.slogdet(xx)[1] + rest)


def _components(products: _Products, theta: Floats, sigma2: float) -> tuple[VarianceComponent, ...]:
    factors = products.factors(theta)
    found = []
    for number, row, column in _elements(products):
        term, value = products.terms[number], sigma2 * factors[number] @ factors[number].T
        other = "" if row == column else term.column_names[column]
        found.append(VarianceComponent(term.name, term.column_names[row], other, float(value[row, column])))
    return (*found, VarianceComponent("residual", "", "", float(sigma2)))


def _free_parts(products: _Products, theta: Floats) -> tuple[list[int], bool]:
    """Indices of the variance elements that are not on their bound, the residual last."""
    factors = products.factors(theta)
    elements = _elements(products)
    free = []
    for index, (number, row, column) in enumerate(elements):
        lower = factors[number]
        size = np.linalg.norm(lower, axis=1)
        if size[row] > 1e-4 and size[column] > 1e-4:
            free.append(index)
    bound = len(free) < len(elements) or any(np.abs(np.diag(one)).min() < 1e-4 for one in factors)
    return [*free, len(elements)], bound


def _check(y: Floats, x: Floats, random: Sequence[RandomTerm], names: Sequence[str]) -> None:
    if y.ndim != 1 or x.ndim != 2 or len(x) != len(y) or x.shape[1] != len(names) or any(len(t.groups) != len(y) for t in random):
        raise InputError("mixed-shape", "Outcome, design and groupings must have one row an observation, and a name each column.")
    if not np.isfinite(y).all() or not np.isfinite(x).all():
        raise InputError("mixed-values", "An outcome or covariate is missing or infinite.", what_to_do="Leave the row out, and count it.")
    if np.linalg.matrix_rank(x) < x.shape[1]:
        raise InputError("mixed-rank", "The fixed columns are not independent.")
    for term in random:
        if len(set(term.groups.tolist())) < 2:
            raise InputError("mixed-levels", f"A random effect of {term.name} needs two levels or more.")

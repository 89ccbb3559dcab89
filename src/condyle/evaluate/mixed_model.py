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
from scipy import optimize, sparse, stats

from condyle.errors import InputError

Floats = NDArray[np.float64]
MOST = 1e3  # times the residual standard deviation: further away a step of the search loses all digits of what is left within levels
_Part = tuple[NDArray[np.intp], NDArray[np.intp]]


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
    outcome: ArrayLike, design: ArrayLike, random: Sequence[RandomTerm], *, names: Sequence[str], level: float = 0.95,
    contained: bool = False,
) -> MixedFit:
    """Fit by REML and test each fixed effect.

    Parameters
    ----------
    outcome : (n,) such as the logarithm of the reading time
    design : (n, p) fixed columns, the constant among them
    random : terms; groupings may cross each other
    names : (p,) of the fixed columns
    contained : no effect gets more degrees of freedom than the grouping leaves within which it does not vary, also where the variance
        of that grouping is estimated as none

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
    most = _contained(x, random) if contained else np.full(x.shape[1], np.inf)
    for place, name in enumerate(names):
        se, adjusted = float(np.sqrt(phi[place, place])), float(np.sqrt(se_kr2[place]))
        df, df_s = (min(float(one[place]), float(most[place])) for one in (kr_df, satterthwaite))
        statistic = float(beta[place]) / adjusted
        reach = float(stats.t.ppf((1 + level) / 2, df)) * adjusted
        effects.append(FixedEffect(
            name, float(beta[place]), se, df_s, 2 * float(stats.t.sf(abs(float(beta[place]) / se), df_s)), adjusted, df, statistic,
            2 * float(stats.t.sf(abs(statistic), df)), float(beta[place]) - reach, float(beta[place]) + reach,
        ))  # fmt: skip
    left = "no test has more degrees of freedom than the levels leave" if contained else "its degrees of freedom are not counted"
    said = [f"A variance component is estimated as none; {left}."] if singular else []
    said += [f"Only {len(set(term.groups.tolist()))} levels of {term.name}." for term in random if len(set(term.groups.tolist())) < 5]
    return MixedFit(
        tuple(effects), _components(products, theta, sigma2), -0.5 * products.deviance(theta), len(y),
        {term.name: len(set(term.groups.tolist())) for term in random}, singular, level, tuple(said),
    )  # fmt: skip


def _contained(x: Floats, random: Sequence[RandomTerm]) -> Floats:
    """(p,) levels of the grouping within which a column does not vary, less what else does not vary there; inf without such one.

    What else: fixed columns, and the levels of a coarser grouping in some of which the column varies (it is then compared within them, as
    arms within the clusters of a crossover). The containment rule of a split-plot analysis; as an upper bound it is exact in balanced
    designs.
    """
    most = np.full(x.shape[1], np.inf)
    places = [np.unique(term.groups, return_inverse=True)[1] for term in random]
    firsts = [np.unique(place, return_index=True)[1] for place in places]
    same = [(x == x[first[place]]).all(0) for first, place in zip(firsts, places, strict=True)]
    for place, first, constant in zip(places, firsts, same, strict=True):
        for column in np.flatnonzero(constant):
            beside = [x[first][:, constant]]
            for other in places:
                coarser = other.max() < place.max() and bool((other == other[first[place]]).all())
                if coarser and any(np.ptp(x[other == one, column]) > 0 for one in range(int(other.max()) + 1)):
                    beside.append(np.eye(int(other.max()) + 1)[other[first]])
            free = len(first) - int(np.linalg.matrix_rank(np.column_stack(beside)))
            most[column] = min(most[column], max(free, 1))
    return most


@dataclass(frozen=True, slots=True, eq=False)
class _Solved:
    beta: Floats
    sigma2: float
    deviance: float


@dataclass(frozen=True, slots=True, eq=False)
class _Products:
    """Cross-products of [Z X y], random columns, fixed columns and the outcome, from which every covariance is judged.

    Levels of one grouping do not touch each other, so the grouping with the most coefficients (``large``: studies, patients) is taken
    out level by level: an evaluation costs its levels times the squared size of the others, never the cube of all.
    """

    gram: Floats  # [Z X y]'[Z X y]
    own: Floats  # (levels, width, width) of the large term
    cross: Floats  # (levels, width, others): the large term by all that is not in it
    others: NDArray[np.intp]  # columns of [Z X y] outside the large term
    left: Floats  # cross-products of those
    large: int
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
        z, rest = sparse.hstack(blocks, format="csr"), np.column_stack([x, y])
        mixed = z.T @ rest
        gram = np.block([[np.asarray((z.T @ z).todense(), np.float64), mixed], [mixed.T, rest.T @ rest]])
        sizes = [count * term.columns.shape[1] for count, term in zip(counts, random, strict=True)]
        large = int(np.argmax(sizes))
        inside = np.arange(sum(sizes[:large]), sum(sizes[: large + 1]))
        others = np.setdiff1d(np.arange(len(gram)), inside)
        levels_, width = counts[large], random[large].columns.shape[1]
        square = gram[np.ix_(inside, inside)].reshape(levels_, width, levels_, width)
        own = square[np.arange(levels_), :, np.arange(levels_), :]
        return cls(
            gram, own, gram[np.ix_(inside, others)].reshape(levels_, width, -1), others, gram[np.ix_(others, others)], large, len(y),
            tuple(random), tuple(counts),
        )  # fmt: skip

    @property
    def q(self) -> int:
        """Random columns."""
        return sum(count * term.columns.shape[1] for count, term in zip(self.counts, self.terms, strict=True))

    @property
    def p(self) -> int:
        """Fixed columns."""
        return len(self.gram) - 1 - self.q

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

    @property
    def start(self) -> Floats:
        return np.concatenate([np.eye(t.columns.shape[1])[np.triu_indices(t.columns.shape[1])] for t in self.terms])

    def reduced(self, covariances: Sequence[Floats]) -> tuple[Floats, Floats, float, float]:
        """(X'V^-1 X, X'V^-1 y, y'V^-1 y, log det V) of V = I + Z G Z' with these covariances relative to the residual.

        They need not be positive definite while V is.
        """
        g = covariances[self.large]
        inner = np.eye(len(g)) + self.own @ g  # (levels, width, width)
        width = self.cross.shape[2]
        # (G^-1 + Z'Z)^-1 Z'W, level by level; an intercept alone is a division
        taken = self.cross * (g / inner) if len(g) == 1 else g @ np.linalg.solve(inner, self.cross)
        flat = self.cross.reshape(-1, width)
        left = self.left - flat.T @ taken.reshape(-1, width)
        log_det = float(np.log(np.abs(inner)).sum() if len(g) == 1 else np.linalg.slogdet(inner)[1].sum())
        r = len(left) - self.p - 1
        if r:
            grid = self.grid(covariances)
            inner = np.eye(r) + grid @ left[:r, :r]
            log_det += float(np.linalg.slogdet(inner)[1])
            left = left[r:, r:] - left[r:, :r] @ np.linalg.solve(inner, grid) @ left[:r, r:]
        return left[:-1, :-1], left[:-1, -1], float(left[-1, -1]), log_det

    def grid(self, covariances: Sequence[Floats]) -> Floats:
        """(r, r) covariance of the random columns outside the large term, level by level on the diagonal."""
        r = len(self.others) - self.p - 1
        found, base = np.zeros((r, r)), 0
        for place, (count, small) in enumerate(zip(self.counts, covariances, strict=True)):
            if place == self.large:
                continue
            width = len(small)
            at = base + width * np.arange(count)
            for row in range(width):
                for column in range(width):
                    found[at + row, at + column] = small[row, column]
            base += width * count
        return found

    def at(self, theta: Floats) -> _Solved:
        """Profiled over the residual variance."""
        xx, xy, yy, log_det = self.reduced([one @ one.T for one in self.factors(theta)])
        beta = np.asarray(np.linalg.solve(xx, xy), np.float64)
        free = self.n - len(beta)
        sigma2 = max((yy - float(xy @ beta)) / free, 1e-14 * float(self.gram[-1, -1]) / self.n)  # what is left is no less than rounding
        deviance = log_det + np.linalg.slogdet(xx)[1] + free * (1 + np.log(2 * np.pi * sigma2))
        return _Solved(beta, sigma2, float(deviance))

    def deviance(self, theta: Floats) -> float:
        return self.at(theta).deviance

    def deviance_of(self, values: Floats) -> float:
        """REML deviance at variances and covariances in the order of the report, the residual last (not profiled)."""
        sigma2, covariances, at = float(values[-1]), [], 0
        for term in self.terms:
            width = term.columns.shape[1]
            small = np.diag(values[at : at + width])
            at += width
            for row in range(width):
                for column in range(row + 1, width):
                    small[row, column] = small[column, row] = values[at]
                    at += 1
            covariances.append(small / sigma2)
        xx, xy, yy, log_det = self.reduced(covariances)
        rest = (yy - float(xy @ np.linalg.solve(xx, xy))) / sigma2
        return float((self.n - len(xy)) * np.log(sigma2) + log_det + np.linalg.slogdet(xx)[1] + rest)

    def fit(self) -> Floats:
        """Minimise the profiled REML deviance; variances may be 0, so diagonals are bounded there."""
        diagonal = np.concatenate([np.eye(t.columns.shape[1], dtype=bool)[np.triu_indices(t.columns.shape[1])] for t in self.terms])
        bounds = [(0.0 if one else -MOST, MOST) for one in diagonal]
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
        """The lowest deviance, from the best of several starts.

        At a standard deviation of 0 the slope is 0 by symmetry, so a search that steps there stays, whatever lies beyond: each component
        that ended at 0 is given another chance.
        """

        def lowest(start: Floats) -> Any:
            return optimize.minimize(self.deviance, start, method="L-BFGS-B", bounds=bounds, options={"ftol": 1e-10})

        best = lowest(min((self.start * scale for scale in (1.0, 0.5, 0.25, 0.1, 0.05)), key=self.deviance))
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
    """Products with V^-1, V^-2 and V^-3 that the small-sample formulas need, all from cross-products.

    Of the large term alone V is A^-1 with A^k = I - Z C_k Z', level by level; the other terms M add V^-1 = A - A M A. So no matrix of
    all random columns is ever factorised.
    """

    def __init__(self, products: _Products, theta: Floats, sigma2: float) -> None:
        self.products, self.sigma2 = products, sigma2
        self.variances = np.array([component.value for component in _components(products, theta, sigma2)])
        covariances = [one @ one.T for one in products.factors(theta)]
        own, q = products.own, products.q
        inner = np.eye(own.shape[1]) + own @ covariances[products.large]
        c = covariances[products.large] @ np.linalg.inv(inner)
        c2 = 2 * c - c @ own @ c
        c3 = c2 + c - c2 @ own @ c
        one, two, three = (self._without_large(each) for each in (c, c2, c3))  # [Z X]'A^k[Z X]
        r = len(products.others) - products.p - 1
        rest = products.others[:r]
        grid = products.grid(covariances)
        b1, b2, b3 = one[rest], two[rest], three[rest]
        r1, r2, r3 = b1[:, rest], b2[:, rest], b3[:, rest]
        t = np.linalg.solve(np.eye(r) + grid @ r1, grid)
        tb, tr2t = t @ b1, t @ r2 @ t
        mixed = b2.T @ tb
        self.first = (one - b1.T @ tb) / sigma2  # [Z X]'V^-1[Z X]
        self.second = (two - mixed - mixed.T + b1.T @ tr2t @ b1) / sigma2**2
        x1, x2, x3 = b1[:, q:], b2[:, q:], b3[:, q:]
        once, twice = x3.T @ t @ x1, x2.T @ tr2t @ x1
        self.third = (
            three[q:, q:] - once - once.T - x2.T @ t @ x2 + twice + twice.T + x1.T @ (t @ r3 @ t - tr2t @ r2 @ t) @ x1
        ) / sigma2**3  # X'V^-3 X
        self.trace2 = float(products.n - (c2 * np.swapaxes(own, 1, 2)).sum() - 2 * (t * r3).sum() + np.trace(t @ r2 @ t @ r2)) / sigma2**2
        self.q, self.p = q, products.p
        self.phi = np.linalg.inv(self.first[q:, q:])
        self.beta = products.at(theta).beta

    def _without_large(self, c: Floats) -> Floats:
        products = self.products
        own, cross = products.own, products.cross[:, :, :-1]
        count, width, others = cross.shape
        whole = products.gram[:-1, :-1].copy()
        inside = np.setdiff1d(np.arange(len(whole)), products.others[:-1])
        o = np.ix_(products.others[:-1], products.others[:-1])
        whole[o] -= cross.reshape(-1, others).T @ (c @ cross).reshape(-1, others)
        mixed = (cross - own @ c @ cross).reshape(-1, others)
        whole[np.ix_(inside, products.others[:-1])] = mixed
        whole[np.ix_(products.others[:-1], inside)] = mixed.T
        at = inside.reshape(count, width)
        whole[at[:, :, None], at[:, None, :]] = own - own @ c @ own
        return np.asarray(whole)

    def part(self, index: int) -> _Part | None:
        """Where E with dV = Z E Z' is 1, for the index-th covariance element; None is the residual, dV = I."""
        elements = _elements(self.products)
        if index == len(elements):
            return None
        number, row, column = elements[index]
        sizes = [count * term.columns.shape[1] for count, term in zip(self.products.counts, self.products.terms, strict=True)]
        level = sum(sizes[:number]) + self.products.terms[number].columns.shape[1] * np.arange(self.products.counts[number])
        if row == column:
            return level + row, level + row
        return np.concatenate([level + row, level + column]), np.concatenate([level + column, level + row])


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
    q, phi, first, second = algebra.q, algebra.phi, algebra.first, algebra.second
    zvz, zvx = first[:q, :q], first[:q, q:]
    z2z, z2x, x2x, x3x = second[:q, :q], second[:q, q:], second[q:, q:], algebra.third
    parts = [algebra.part(index) for index in free]
    m = len(parts)
    p_of = [-(x2x if e is None else zvx[e[0]].T @ zvx[e[1]]) for e in parts]
    trace, q_of = np.zeros((m, m)), [[np.zeros_like(phi)] * m for _ in range(m)]
    for i, one in enumerate(parts):
        for j, two in enumerate(parts):
            if one is None and two is None:
                trace[i, j], product = algebra.trace2, x3x
            elif one is None:
                assert two is not None
                trace[i, j] = float(z2z[two].sum())
                product = z2x[two[0]].T @ zvx[two[1]]
            elif two is None:
                trace[i, j] = float(z2z[one].sum())
                product = zvx[one[0]].T @ z2x[one[1]]
            else:
                between = zvz[np.ix_(one[1], two[0])]
                trace[i, j] = float((between * zvz[np.ix_(two[1], one[0])].T).sum())
                product = zvx[one[0]].T @ between @ zvx[two[1]]
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
        return products.deviance_of(values)

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
        raise InputError(
            "mixed-shape", "Outcome, design and groupings must have one row an observation, and a name each column.",
            what_to_do="Give as many rows of design and labels of each grouping as outcomes.",
        )  # fmt: skip
    if not np.isfinite(y).all() or not np.isfinite(x).all():
        raise InputError("mixed-values", "An outcome or covariate is missing or infinite.", what_to_do="Leave the row out, and count it.")
    if np.linalg.matrix_rank(x) < x.shape[1]:
        raise InputError(
            "mixed-rank", "The fixed columns are not independent.", what_to_do="Leave out the columns that others already tell."
        )
    if not np.abs(y - x @ np.linalg.lstsq(x, y, rcond=None)[0]).max() > 1e-9 * np.abs(y).max():
        raise InputError(
            "mixed-constant", "The outcome does not vary beyond the fixed columns.",
            what_to_do="See whether the column holds a placeholder.",
        )  # fmt: skip
    for term in random:
        if len(set(term.groups.tolist())) < 2:
            raise InputError(
                "mixed-levels", f"A random effect of {term.name} needs two levels or more.", what_to_do="Leave this grouping out."
            )

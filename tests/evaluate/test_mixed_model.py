import numpy as np
import pytest

from condyle.errors import InputError
from condyle.evaluate.mixed_model import intercept, intercept_and_slope, mixed_model


def reading(seed: int, *, readers: int = 8, cases: int = 15, slope: float = 0.1) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    reader, case, arm = (grid.ravel() for grid in np.meshgrid(np.arange(readers), np.arange(cases), np.arange(2), indexing="ij"))
    log = 4 + rng.normal(0, 0.3, readers)[reader] + rng.normal(0, 0.2, cases)[case] + arm * (rng.normal(-0.2, slope, readers))[reader]
    return {"reader": reader, "case": case, "arm": arm.astype(float), "log": log + rng.normal(0, 0.2, len(reader))}


def design(data: dict[str, np.ndarray]) -> np.ndarray:
    return np.column_stack([np.ones(len(data["arm"])), data["arm"]])


def test_statsmodels_finds_the_same_estimates() -> None:
    mixed = pytest.importorskip("statsmodels.regression.mixed_linear_model")
    data = reading(1)
    kept = np.random.default_rng(0).random(len(data["log"])) > 0.15  # unbalanced
    data = {name: column[kept] for name, column in data.items()}
    x = design(data)
    theirs = mixed.MixedLM(data["log"], x, data["reader"], exog_re=x).fit(reml=True, gtol=1e-9)
    ours = mixed_model(data["log"], x, [intercept_and_slope("reader", data["reader"], data["arm"], "arm")], names=["one", "arm"])
    np.testing.assert_allclose([one.estimate for one in ours.fixed], theirs.fe_params, rtol=1e-4)
    np.testing.assert_allclose([one.se for one in ours.fixed], theirs.bse_fe, rtol=1e-2)
    assert ours.log_likelihood == pytest.approx(theirs.llf, abs=1e-3)


def test_a_balanced_paired_design_is_the_paired_t_test() -> None:
    """With a reader-by-arm slope and everything crossed, the arm is tested over the readers' mean differences."""
    from scipy import stats

    data = reading(2, slope=0.3)
    ours = mixed_model(
        data["log"], design(data), [intercept_and_slope("reader", data["reader"], data["arm"], "arm"), intercept("case", data["case"])],
        names=["one", "arm"],
    ).of("arm")  # fmt: skip
    means = np.array([[data["log"][(data["reader"] == r) & (data["arm"] == a)].mean() for a in (0, 1)] for r in range(8)])
    t, p = stats.ttest_rel(means[:, 1], means[:, 0])
    assert (ours.statistic, ours.df_kr, ours.p) == pytest.approx((t, 7, p), rel=1e-4)
    assert ours.df_satterthwaite == pytest.approx(7, rel=1e-2)


def test_no_variance_between_readers_is_singular_and_said() -> None:
    rng = np.random.default_rng(3)
    reader = np.repeat(np.arange(6), 20)
    y = rng.normal(size=120)
    y -= np.array([y[reader == r].mean() for r in range(6)])[reader]
    ours = mixed_model(y, np.ones((120, 1)), [intercept("reader", reader)], names=["one"])
    assert ours.singular
    assert "estimated as none" in " ".join(ours.warnings)
    assert np.isfinite(ours.fixed[0].p)


def test_bad_input_is_refused() -> None:
    data = reading(4)
    with pytest.raises(InputError, match="two levels"):
        mixed_model(data["log"], design(data), [intercept("reader", np.zeros(len(data["log"])))], names=["one", "arm"])
    with pytest.raises(InputError, match="not independent"):
        mixed_model(data["log"], np.ones((len(data["log"]), 2)), [intercept("reader", data["reader"])], names=["one", "two"])


def test_a_balanced_design_has_the_components_of_its_analysis_of_variance() -> None:
    """REML of one random effect in a balanced design is known in closed form (Searle et al. 1992, 4.5): small components are not lost."""
    clusters, units = 24, 16
    cluster = np.repeat(np.arange(clusters), units)
    arm = (cluster % 2).astype(float)
    seen = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        y = 4 + 0.1 * rng.normal(size=clusters)[cluster] + 0.3 * rng.normal(size=clusters * units)
        means = y.reshape(clusters, units).mean(axis=1)
        between = units * sum(((own - own.mean()) ** 2).sum() for own in (means[0::2], means[1::2])) / (clusters - 2)
        within = ((y - means[cluster]) ** 2).sum() / (clusters * (units - 1))
        fit = mixed_model(y, np.c_[np.ones(len(y)), arm], [intercept("cluster", [f"c{i}" for i in cluster])], names=["one", "arm"])
        if between > within:  # else the component is 0, rightly
            seen += 1
            np.testing.assert_allclose(fit.of("arm").se_kr, np.sqrt(between * 4 / (clusters * units)), rtol=1e-4)
    assert seen > 10


def dense(y: np.ndarray, x: np.ndarray, grids: list[np.ndarray]) -> tuple[float, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """REML the slow way: n x n matrices, Fisher scoring on variances that enter as V = sum of value x grid.

    (log likelihood, values, coefficients, Kenward-Roger se, Kenward-Roger df of each), by the formulas of Kenward & Roger 1997 for one
    contrast; a linear V has no second derivatives.
    """
    n, p = x.shape
    values = np.full(len(grids), y.var() / len(grids))
    for _ in range(200):
        v = sum(value * grid for value, grid in zip(values, grids, strict=True))
        w = np.linalg.inv(v)
        phi = np.linalg.inv(x.T @ w @ x)
        proj = w - w @ x @ phi @ x.T @ w
        parts = [proj @ grid for grid in grids]
        slope = np.array([np.trace(part) - y @ part @ (proj @ y) for part in parts]) / 2
        info = np.array([[(a * b.T).sum() for b in parts] for a in parts]) / 2
        step = np.linalg.solve(info, slope)
        values = values - step
        if np.abs(step).max() < 1e-10:
            break
    beta = phi @ x.T @ w @ y
    rest = y - x @ beta
    log = -0.5 * (np.linalg.slogdet(v)[1] + np.linalg.slogdet(x.T @ w @ x)[1] + rest @ w @ rest + (n - p) * np.log(2 * np.pi))
    spread = np.linalg.inv(info)
    first = [-x.T @ w @ grid @ w @ x for grid in grids]
    second = [[(a @ w @ x).T @ w @ (b @ w @ x) for b in grids] for a in grids]
    pairs = [(i, j) for i in range(len(grids)) for j in range(len(grids))]
    added = sum(spread[i, j] * (second[i][j] - first[i] @ phi @ first[j]) for i, j in pairs)
    adjusted = phi + 2 * phi @ added @ phi
    df = []
    for k in range(p):
        # theta = c c' / c' phi c with c a unit vector: A1 = A2 = sum W_ij tr(theta phi P_i phi) tr(theta phi P_j phi); q = 1
        turn = np.array([(phi @ one @ phi)[k, k] / phi[k, k] for one in first])
        a1 = float(turn @ spread @ turn)
        b = (a1 + 6 * a1) / 2
        g = (2 * a1 - 5 * a1) / (3 * a1)
        c1, c2, c3 = g / (3 + 2 * (1 - g)), (1 - g) / (3 + 2 * (1 - g)), (3 - g) / (3 + 2 * (1 - g))
        expected, variance = 1 / (1 - a1), 2 * (1 + c1 * b) / ((1 - c2 * b) ** 2 * (1 - c3 * b))
        rho = variance / (2 * expected**2)
        df.append(4 + 3 / (rho - 1))
    return float(log), values, beta, np.sqrt(np.diag(adjusted)), np.array(df)


@pytest.mark.parametrize(("seed", "kept"), [(11, 1.0), (12, 0.7)])
@pytest.mark.parametrize("slope", [False, True])
def test_the_search_finds_what_dense_matrices_find(seed: int, kept: float, slope: bool) -> None:
    """Crossed readers and cases, rows missing: likelihood, components, coefficients, and Kenward and Roger's errors and df."""
    data = reading(seed, readers=7, cases=8, slope=0.25)
    stay = np.random.default_rng(seed).random(len(data["log"])) < kept
    data = {name: column[stay] for name, column in data.items()}
    x = design(data)
    z, c = (np.eye(size)[data[name]] for name, size in (("reader", 7), ("case", 8)))
    by_arm = z * data["arm"][:, None]
    grids = [z @ z.T, by_arm @ by_arm.T, z @ by_arm.T + by_arm @ z.T] if slope else [z @ z.T]
    log, values, beta, se, df = dense(data["log"], x, [*grids, c @ c.T, np.eye(len(x))])
    term = intercept_and_slope("reader", data["reader"], data["arm"], "arm") if slope else intercept("reader", data["reader"])
    ours = mixed_model(data["log"], x, [term, intercept("case", data["case"])], names=["one", "arm"])
    assert not ours.singular
    assert ours.log_likelihood == pytest.approx(log, abs=1e-7)
    np.testing.assert_allclose([one.value for one in ours.random], values, rtol=1e-4)
    np.testing.assert_allclose([one.estimate for one in ours.fixed], beta, rtol=1e-6)
    np.testing.assert_allclose([one.se_kr for one in ours.fixed], se, rtol=1e-5)
    np.testing.assert_allclose([one.df_kr for one in ours.fixed], df, rtol=1e-4)

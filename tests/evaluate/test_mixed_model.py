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

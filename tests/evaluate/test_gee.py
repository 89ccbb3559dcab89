import numpy as np
import pytest

from condyle.errors import InputError
from condyle.evaluate.gee import SANDWICHES, gee


def trial(seed: int, clusters: int = 30) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    size = rng.integers(2, 9, clusters)
    cluster = np.repeat(np.arange(clusters), size)
    arm = (np.arange(clusters) % 2)[cluster].astype(float)
    chance = np.clip(0.5 + 0.1 * arm + rng.normal(0, 0.1, clusters)[cluster], 0.05, 0.95)
    return (rng.random(len(cluster)) < chance).astype(float), np.column_stack([np.ones(len(cluster)), arm]), cluster


def test_mancl_and_derouen_of_statsmodels() -> None:
    sm = pytest.importorskip("statsmodels.api")
    y, x, cluster = trial(1)
    theirs = sm.GEE(y, x, cluster, family=sm.families.Gaussian(), cov_struct=sm.cov_struct.Independence()).fit(cov_type="bias_reduced")
    plain = sm.GEE(y, x, cluster, family=sm.families.Gaussian(), cov_struct=sm.cov_struct.Independence()).fit()
    ours = gee(y, x, cluster, link="gaussian")
    np.testing.assert_allclose(ours.coefficient, theirs.params, rtol=1e-9)
    np.testing.assert_allclose(ours.se("mancl-derouen"), theirs.bse, rtol=1e-9)
    np.testing.assert_allclose(ours.se("sandwich"), plain.bse, rtol=1e-9)


def test_corrections_widen_in_their_order_and_are_used_below_40_clusters() -> None:
    y, x, cluster = trial(2, clusters=12)
    ours = gee(y, x, cluster)
    plain, kc, md = (ours.se(kind)[1] for kind in ("sandwich", "kauermann-carroll", "mancl-derouen"))
    assert plain < kc < md
    assert ours.default == "kauermann-carroll"
    assert ours.interval("x1")[3] == 10
    assert all(np.isfinite(ours.se(kind)).all() for kind in SANDWICHES)
    y, x, cluster = trial(2, clusters=60)
    assert gee(y, x, cluster).default == "sandwich"
    strata = np.column_stack([x, cluster % 4 < 2, x[:, 1] * (cluster % 4 < 2)])
    assert gee(y, strata, cluster).default == "kauermann-carroll"  # fifteen clusters a parameter


def test_every_row_twice_in_its_cluster_changes_nothing() -> None:
    y, x, cluster = trial(3)
    one, other = gee(y, x, cluster), gee(np.tile(y, 2), np.tile(x, (2, 1)), np.tile(cluster, 2))
    np.testing.assert_allclose(other.coefficient, one.coefficient)
    np.testing.assert_allclose(other.se("sandwich"), one.se("sandwich"))


def test_a_saturated_independence_model_is_the_raw_difference() -> None:
    y, x, cluster = trial(4)
    difference = y[x[:, 1] == 1].mean() - y[x[:, 1] == 0].mean()
    for link in ("identity", "gaussian"):
        assert gee(y, x, cluster, link=link).coefficient[1] == pytest.approx(difference)
    ratio = gee(y, x, cluster, link="log").coefficient[1]
    assert np.exp(ratio) == pytest.approx(y[x[:, 1] == 1].mean() / y[x[:, 1] == 0].mean())


def test_bad_input_is_refused() -> None:
    y, x, cluster = trial(5)
    with pytest.raises(InputError, match="not independent"):
        gee(y, np.column_stack([x, x[:, 1]]), cluster)
    with pytest.raises(InputError, match="0 or 1"):
        gee(y * 2, x, cluster)
    with pytest.raises(InputError, match="too few"):
        gee(y, x, x[:, 1])
    with pytest.raises(InputError, match="missing"):
        gee(np.where(np.arange(len(y)) == 3, np.nan, y), x, cluster)

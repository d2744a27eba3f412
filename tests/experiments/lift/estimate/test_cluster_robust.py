"""The cluster-robust lift: against the regression's own formulas, and by its error rate with few and uneven clusters."""

import math

import numpy as np
import pytest

from experiments.lift.estimate.arm_sums import PairStatistics
from experiments.lift.estimate.cluster_robust import ClusterSums, _moments, cluster_robust_lift
from experiments.lift.estimate.welch import ratio_metric_lift


def arm(rng, clusters, mean_size=20, rate=0.3, even=False):
    users = np.full(clusters, mean_size) if even else 1 + rng.geometric(1 / mean_size, clusters)
    return ClusterSums(rng.poisson(rng.gamma(2.0, rate / 2, clusters) * users).astype(float), users.astype(float))


def test_the_error_is_that_of_cr2_written_out():
    # V = M Σ_g X_g' A_g e_g e_g' A_g X_g M, A_g = (I − H_gg)^(−1/2), M = (X'X)^(−1), over single users.
    rng = np.random.default_rng(1)
    arms = arm(rng, 5, 4), arm(rng, 7, 3)
    cluster = np.concatenate(
        [np.repeat(np.arange(a.clusters) + 100 * n, a.users.astype(int)) for n, a in enumerate(arms)]
    )
    y = np.concatenate([np.repeat(a.outcome / a.users, a.users.astype(int)) for a in arms])
    treated = (cluster < 100).astype(float)
    x = np.column_stack([np.ones(y.size), treated])
    bread = np.linalg.inv(x.T @ x)
    residual = y - x @ (bread @ x.T @ y)
    meat = np.zeros((2, 2))
    for g in np.unique(cluster):
        own = x[cluster == g]
        values, vectors = np.linalg.eigh(np.eye(len(own)) - own @ bread @ own.T)
        score = own.T @ (vectors @ np.diag(values**-0.5) @ vectors.T) @ residual[cluster == g]
        meat += np.outer(score, score)
    expected = (bread @ meat @ bread)[1, 1]
    assert cluster_robust_lift(*arms).standard_error ** 2 == pytest.approx(expected)


def test_degrees_of_freedom_come_from_the_covariance_of_the_terms():
    m, rho = np.array([1.0, 4.0, 9.0, 30.0, 2.0]), 0.3
    h, v = m / m.sum(), m * (1 + rho * (m - 1))
    d = 1 / np.sqrt(1 - h)
    g = np.outer(d, d) * (np.diag(v) - np.outer(h, v) - np.outer(v, h) + np.outer(h, h) * v.sum())
    trace, square = _moments(ClusterSums(m, m), rho, 1.0)
    assert trace == 1.0
    assert square == pytest.approx((g**2).sum() / np.trace(g) ** 2)


def test_many_even_clusters_give_welchs_error():
    rng = np.random.default_rng(2)
    arms = arm(rng, 300, even=True), arm(rng, 300, even=True)
    expected = ratio_metric_lift(*(PairStatistics.from_values(a.outcome, a.users) for a in arms))
    found = cluster_robust_lift(*arms)
    assert found.p_value() == pytest.approx(expected.p_value(), rel=1e-6)
    assert found.df == pytest.approx(598, rel=0.02)


def test_one_cluster_knows_no_error():
    rng = np.random.default_rng(3)
    assert math.isinf(cluster_robust_lift(arm(rng, 1), arm(rng, 9)).standard_error)


@pytest.mark.parametrize(("clusters", "mean_size"), [((4, 4), 25), ((10, 10), 25), ((12, 30), 8)])
def test_few_uneven_clusters_find_nothing_where_nothing_is(clusters, mean_size):
    # 1,500 tests: at most 5 % + 3.3·√(.05·.95/1500) = 6.9 % false alarms. The delta method of many clusters has 7 to 9 %.
    rng = np.random.default_rng(4)
    arms = [[arm(rng, number, mean_size) for number in clusters] for _ in range(1_500)]
    found = np.mean([cluster_robust_lift(*pair).p_value() < 0.05 for pair in arms])
    assert found < 0.05 + 3.3 * math.sqrt(0.05 * 0.95 / 1_500)

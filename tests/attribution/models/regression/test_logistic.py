"""Logistic regression against statsmodels, and where there is nothing to regress."""

import numpy as np
import pytest
import statsmodels.api as sm

from attribution.models.regression import logistic, newton
from attribution.models.regression.logistic import Logistic


def rows(seed=0, n=60, features=4):
    rng = np.random.default_rng(seed)
    design = (rng.random((n, features)) < 0.4).astype(float)
    trials = rng.integers(20, 200, n)
    won = rng.binomial(trials, logistic.probability(-2 + design @ np.linspace(-1, 1, features)))
    return design, won.astype(float), (trials - won).astype(float)


def test_it_is_the_maximum_likelihood_estimate_where_the_prior_is_flat(monkeypatch):
    monkeypatch.setattr(newton, "PRIOR_SCALE", 1e6)
    design, won, lost = rows()
    fitted = Logistic.fit(design, won, lost)
    reference = sm.GLM(np.column_stack([won, lost]), sm.add_constant(design), family=sm.families.Binomial()).fit(
        tol=1e-12
    )
    assert [fitted.intercept, *fitted.effects] == pytest.approx(reference.params, rel=1e-8)
    assert fitted.predict(design) == pytest.approx(reference.predict(), rel=1e-8)


def test_the_prior_is_felt_where_a_feature_separates():
    fitted = Logistic.fit(np.array([[0.0], [1.0]]), np.array([5.0, 9.0]), np.array([5.0, 0.0]))
    assert 1 < fitted.effects[0] < 50
    assert fitted.predict(np.array([[1.0]]))[0] > 0.9


def test_features_that_always_come_together_share_their_effect():
    fitted = Logistic.fit(np.array([[0.0, 0.0], [1.0, 1.0]]), np.array([10.0, 30.0]), np.array([90.0, 70.0]))
    assert fitted.effects[0] == pytest.approx(fitted.effects[1])


@pytest.mark.parametrize(("won", "lost", "p"), [(0.0, 7.0, 0.0), (7.0, 0.0, 1.0)])
def test_without_successes_or_failures_it_is_certain(won, lost, p):
    fitted = Logistic.fit(np.ones((1, 2)), np.array([won]), np.array([lost]))
    assert fitted.predict(np.eye(2)).tolist() == [p, p]

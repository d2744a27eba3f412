"""Poisson regression against statsmodels, and where there is nothing to regress."""

import numpy as np
import pytest
import statsmodels.api as sm

from attribution.models.regression import newton
from attribution.models.regression.poisson import Poisson


def test_it_is_the_maximum_likelihood_estimate_where_the_prior_is_flat(monkeypatch):
    monkeypatch.setattr(newton, "PRIOR_SCALE", 1e6)
    rng = np.random.default_rng(0)
    design = (rng.random((80, 4)) < 0.4).astype(float)
    days = rng.uniform(10, 500, 80)
    events = rng.poisson(days * np.exp(-3 + design @ np.linspace(-1, 1, 4))).astype(float)
    fitted = Poisson.fit(design, events, days)
    reference = sm.GLM(events, sm.add_constant(design), family=sm.families.Poisson(), exposure=days).fit(tol=1e-12)
    assert [fitted.intercept, *fitted.effects] == pytest.approx(reference.params, rel=1e-8)


def test_the_prior_is_felt_where_nothing_happens_or_nobody_looks():
    fitted = Poisson.fit(np.array([[0.0], [1.0]]), np.array([5.0, 0.0]), np.array([50.0, 50.0]))
    assert -50 < fitted.effects[0] < -2
    fitted = Poisson.fit(np.array([[0.0], [1.0]]), np.array([5.0, 5.0]), np.array([50.0, 0.0]))
    assert 2 < fitted.effects[0] < 200


def test_without_events_the_rate_is_zero():
    fitted = Poisson.fit(np.ones((2, 1)), np.zeros(2), np.ones(2))
    assert np.exp(fitted.intercept) == 0
    assert fitted.effects.tolist() == [0]

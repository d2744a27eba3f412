"""Power of a switchback: found as often as in tests of that lift, error rate, refusals."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import nct, t

from cpalab.refusal import LiftInputError
from experiments.lift.geo.planning.switchback_power import switchback_power


def past(days=200, noise=5.0, seed=1):
    response = 100 + noise * np.random.default_rng(seed).normal(size=days)
    return pd.DataFrame({"date": np.datetime64("2026-01-01") + np.arange(days), "response": response})


def test_power_is_that_of_the_test_of_blocks():
    # Blocks of a week of independent days: means with an error of 5/√7, ten on and ten off, 90 % tests. The mean over 60
    # seeded pasts of 20 schedules each, within 3.3 of its standard errors.
    noncentrality = 100 * 0.02 / (5 / np.sqrt(7) * np.sqrt(2 / 10))
    limit = t.ppf(0.95, 18)
    expected = 1 - nct.cdf(limit, 18, noncentrality) + nct.cdf(-limit, 18, noncentrality)
    shares = np.array(
        [
            switchback_power(
                past(seed=seed), 7, 20, np.random.default_rng(seed), relative_lifts=(0.02,), schedules=20, level=0.90
            ).rejected
            for seed in range(60)
        ]
    )
    errors = shares.std(axis=0, ddof=1) / np.sqrt(len(shares))
    assert shares.mean(axis=0) == pytest.approx([0.10, expected], abs=3.3 * errors.max())
    assert errors.max() < 0.03


def test_what_is_told_of_a_plan():
    found = switchback_power(past(), 7, 20, np.random.default_rng(2), relative_lifts=(0.01, 0.05), schedules=100)
    assert found.windows == found.independent_windows == 100
    assert found.minimum_detectable_lift == 0.05
    assert "steps of 1%" in found.summary()
    assert "random schedules" in found.summary()
    assert found.response == pytest.approx(70 * 100, rel=0.02)


def test_it_is_the_same_for_the_same_seed_and_rows_in_any_order():
    shuffled = past().sample(frac=1, random_state=3)
    tables = [switchback_power(x, 7, 8, np.random.default_rng(1), schedules=20).to_frame() for x in (past(), shuffled)]
    pd.testing.assert_frame_equal(*tables)


def test_bad_plans_are_refused():
    rng = np.random.default_rng(1)
    for options, words in (
        ({"blocks": 7}, "blocks: 7 must be even"),
        ({"blocks": 40}, "must fit into the 200 days of the past"),
        ({"schedules": 0}, "schedules: 0 must be at least 1"),
        ({"relative_lifts": (-0.1,)}, "relative_lifts: -0.1 must be positive"),
    ):
        with pytest.raises(LiftInputError, match=words):
            switchback_power(past(), 7, rng=rng, **{"blocks": 8} | options)
    with pytest.raises(LiftInputError, match="response: column is required"):
        switchback_power(past().drop(columns="response"), 7, 8, rng)
    with pytest.raises(LiftInputError, match="state: the past must hold no switches"):
        switchback_power(past().assign(state="on"), 7, 8, rng)

"""The ratio of two records of the same people: as certain as the few actions in which they differ, and no more."""

import math

import numpy as np
import pytest

from experiments.rollout.paired_ratio import paired_interval, paired_variance
from experiments.rollout.reported_cpa import ClaimedByPerson


def claimed(amounts):
    amounts = np.asarray(amounts, dtype=np.float64)
    return ClaimedByPerson(np.flatnonzero(amounts), amounts[amounts != 0])


def interval(before, after, volume=1.0, replicates=2_000, level=0.95):
    rng = np.random.default_rng(1)
    return paired_interval(claimed(before), claimed(after), volume, rng, level=level, replicates=replicates)


def test_a_handful_of_actions_all_kept_is_no_certainty():
    low, high = interval(np.ones(4), np.ones(4))
    assert low < 0.7
    assert high > 1.4


def test_the_share_kept_of_many_is_nearly_certain():
    low, high = interval(np.ones(2_000), np.ones(2_000))
    assert 0.99 < low < 1 < high < 1.01


def test_of_n_actions_all_kept_the_limits_are_those_of_jeffreys():
    """In a market without chance of its own: (n* + γ) / n* is 1 / Beta(n, ½); 20,000 draws, within 2 %."""
    from scipy.stats import beta

    n = 12
    _, high = interval(np.ones(n), np.ones(n), volume=1e9, replicates=20_000)
    gained = np.random.default_rng(2)
    drawn = (1 / beta.rvs(n, 0.5, size=20_000, random_state=gained)) / (
        1 + gained.gamma(0.5, size=20_000) / gained.gamma(n + 0.5, size=20_000)
    )
    assert high == pytest.approx(np.quantile(drawn, 0.975), rel=0.02)


def test_a_record_without_actions_has_no_ratio():
    assert all(map(math.isnan, interval(np.ones(3), np.zeros(3))))
    assert math.isnan(paired_variance(claimed(np.zeros(3)), claimed(np.ones(3))))


def test_the_larger_the_market_the_narrower_but_never_narrower_than_the_simulation_allows():
    before = np.ones(400)
    after = np.where(np.arange(400) < 320, 1.0, 0.0)
    widths = [math.log(high / low) for low, high in (interval(before, after, v) for v in (0.1, 1.0, 10.0, 1e6))]
    assert widths == sorted(widths, reverse=True)
    alone = 2 * 1.96 * math.sqrt(paired_variance(claimed(before), claimed(after)))
    assert widths[-1] == pytest.approx(alone, rel=0.1)
    assert widths[1] == pytest.approx(math.sqrt(2) * alone, rel=0.1)


@pytest.mark.parametrize(("actions", "lost"), [(5, 0.02), (30, 0.1), (300, 0.3)])
def test_the_interval_holds_what_another_market_of_the_same_size_shows(actions, lost):
    """400 pairs of markets each. Held by less than 95 % − 3.3 binomial errors: a false alarm in 1,000."""
    rng = np.random.default_rng(7)
    held = 0
    for _ in range(400):
        shown, other = (rng.random(max(2, rng.poisson(actions))) >= lost for _ in range(2))
        low, high = paired_interval(
            claimed(np.ones(shown.size)), claimed(shown.astype(float)), 1.0, rng, level=0.95, replicates=200
        )
        held += not low > 1 / max(other.mean(), 1e-9) and not high < 1 / max(other.mean(), 1e-9)
    assert held / 400 > 0.95 - 3.3 * math.sqrt(0.95 * 0.05 / 400)

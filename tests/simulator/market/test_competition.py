"""Competition and season: the rivals' moods, and when people need the product."""

import math

import numpy as np
import pytest
from scipy import stats

from simulator.market.competition import Competition, season_on
from simulator.scenario.loading import load_scenario

TICKS = 4_000


def moods(market, sigma=0.3, persistence=0.8, seed=3, surface="feed"):
    market["market"] |= {"competition_sigma": sigma, "competition_persistence": persistence}
    market["run"]["seed"] = seed
    competition = Competition(load_scenario(market))
    return np.array([competition.log_factor(surface, tick) for tick in range(TICKS)])


# The autoregression is normal with sd sigma; its effective sample is n (1 - ρ) / (1 + ρ). Bounds are 4.5 standard errors:
# with four comparisons one of 35,000 choices of the seed would raise a false alarm.


def test_moods_are_a_stationary_autoregression(market):
    sigma, persistence = 0.3, 0.8
    x = moods(market, sigma, persistence)
    effective = TICKS * (1.0 - persistence) / (1.0 + persistence)
    assert abs(x.mean()) < 4.5 * sigma / math.sqrt(effective)
    squares = TICKS * (1.0 - persistence**2) / (1.0 + persistence**2)
    assert abs(x.var() - sigma**2) < 4.5 * sigma**2 * math.sqrt(2.0 / squares)
    shocks = (x[1:] - persistence * x[:-1]) / (sigma * math.sqrt(1.0 - persistence**2))
    assert stats.kstest(shocks, "norm").pvalue > 1e-5
    assert abs(np.corrcoef(shocks[1:], shocks[:-1])[0, 1]) < 4.5 / math.sqrt(TICKS)


def test_the_first_mood_is_already_as_wide_as_the_others(market):
    competition = Competition(load_scenario(market))
    first = []
    for competition.seed in range(2_000):
        competition.moods.clear()
        first.append(competition.log_factor("feed", 0))
    assert abs(np.std(first) - 0.2) < 4.5 * 0.2 / math.sqrt(2 * 2_000)


def test_each_surface_has_moods_of_its_own_wherever_it_stands_in_the_file(market):
    feed, search = moods(market), moods(market, surface="search")
    assert abs(np.corrcoef(feed, search)[0, 1]) < 0.25  # effective sample 440: 4.5 standard errors
    market["surfaces"] = dict(reversed(market["surfaces"].items()))
    assert (moods(market) == feed).all()


def test_without_competition_prices_are_steady(market):
    assert not moods(market, sigma=0.0).any()


def test_the_latest_stretch_of_the_season_holds(market):
    market["need"]["season"] = [
        {"day": 7.0, "need": 2.0},
        {"day": 3.0, "need": 1.5, "rival_price": 1.1},
    ]
    scenario = load_scenario(market)
    assert [season_on(scenario, day).need for day in (0.0, 2.9, 3.0, 6.9, 7.0, 100.0)] == [
        1.0,
        1.0,
        1.5,
        1.5,
        2.0,
        2.0,
    ]
    assert season_on(scenario, 5.0).rival_price == pytest.approx(1.1)

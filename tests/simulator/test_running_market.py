"""A market that is running: nothing changes over time, so nothing drifts."""

import math

import numpy as np
import pytest

from simulator.law.state import IN_MARKET, OUT_OF_MARKET
from simulator.population import build_population
from simulator.scenario.build_law import Names, build_law
from simulator.scenario.loading import load_scenario, presets
from simulator.world import simulate

# The others have a season, begin with new campaigns, or win customers who stay (coffee-club): their orders do move.
MOVING = ("apparel-q4", "apparel-rescue", "coffee-club", "dropshipping", "dtc-geos", "five-suspects", "saas-leads")
STEADY = [name for name in presets() if name not in MOVING]


def test_at_first_as_many_are_in_the_market_as_hazards_say(market):
    """Need 0.02 a day comes, 0.08 goes: 0.2 without satiation; 4.5 standard errors of 20,000 people."""
    market["population"]["need_per_day"] = {"mean": 0.02}
    market["population"]["segments"] = {"young": {"share": 1.0}, "older": {"share": 0.0}}
    market["need"] |= {"satiation_days": 0.0, "lapse_per_day": 0.03, "rival_per_day": 0.05}
    market["invalid_traffic"] = {}
    scenario = load_scenario(market, {"run.users": 20_000})
    population = build_population(scenario, build_law([scenario]), Names.of(scenario))
    share = np.mean(population.lives.mood == IN_MARKET)
    assert abs(share - 0.2) < 4.5 * math.sqrt(0.2 * 0.8 / 20_000)
    assert set(population.lives.mood) == {OUT_OF_MARKET, IN_MARKET}
    assert (population.itineraries.last_time == -5.0).all()


def test_the_market_table_says_which_ticks_are_reported(world):
    ticks = world.market.to_pandas().drop_duplicates("tick")
    days = {period: own["day"] for period, own in ticks.groupby("period")}
    assert (days["warm_up"].min(), days["reported"].min(), days["follow_up"].min()) == (-5.0, 0.0, 14.0)
    assert (days["warm_up"].max() < 0.0, days["reported"].max() < 14.0) == (True, True)
    cost = world.market.to_pandas().groupby("period")["cost_micros"].sum()
    assert cost["follow_up"] == 0 < cost["warm_up"]
    assert cost["reported"] == sum(world.cost_micros().values())


def test_orders_are_those_of_the_reported_window_and_the_follow_up_s_come_after(world):
    assert 0.0 <= min(world.orders()["time"].to_numpy()) < max(world.orders()["time"].to_numpy()) < 14.0
    assert world.orders_until(20.0).num_rows > world.orders().num_rows


@pytest.mark.study
@pytest.mark.parametrize("name", STEADY)
def test_orders_per_day_have_no_trend_in_the_reported_window(name):
    """Slope over the thirty days, of ten seeds: within 3.3 standard errors of zero."""
    slopes = []
    for seed in range(10):
        orders = simulate(load_scenario(name, {"run.users": 30_000, "run.seed": seed})).orders()["time"].to_numpy()
        daily = np.bincount(orders.astype(int), minlength=30)[:28]  # four whole weeks
        slopes.append(np.polyfit(np.arange(28.0), daily / daily.mean(), 1)[0])
    assert abs(np.mean(slopes)) < 3.3 * np.std(slopes, ddof=1) / math.sqrt(10) + 1e-3


@pytest.mark.study
def test_over_a_year_of_constant_spend_clicks_per_impression_do_not_drift():
    """Wear recovers and creatives are refreshed: the last quarter clicks as the first, within 2 %."""
    ticks = simulate(load_scenario("dtc-apparel", {"run.users": 10_000, "run.days": 364.0})).market.to_pandas()
    own = ticks[(ticks["channel"] == "social_prospecting") & (ticks["period"] == "reported")]
    quarter = own.groupby((own["day"] // 91).astype(int))[["clicks", "impressions"]].sum()
    rate = quarter["clicks"] / quarter["impressions"]
    error = 1.0 / math.sqrt(quarter["clicks"].min())
    assert abs(rate[3] / rate[0] - 1.0) < 0.02 + 3.3 * math.sqrt(2) * error

"""Geo demand and travel: need that differs from geo to geo and day to day, and people who are not at home."""

import numpy as np
import pytest

from simulator.market.geo_demand import GeoDemand
from simulator.scenario.loading import load_scenario
from simulator.world import simulate

# Four standard errors of a correlation or spread over so many geo-days: a false alarm in about 16,000.
GEOS, DAYS = 50, 400


@pytest.fixture
def demand(market):
    """Log-factors of `GEOS` geos over `DAYS` days, of shape (days, geos)."""

    def draw(seed=1, **rules):
        market["run"] |= {"days": float(DAYS), "warm_up_days": 0, "follow_up_days": 0, "seed": seed}
        market["timeline"] = []
        market["channels"]["video"]["campaigns"]["launch"]["targeting"] = {}
        market["population"] |= {
            "geos": {f"g{k}": {"share": 1.0 / GEOS} for k in range(GEOS)},
            "geo_demand": rules,
        }
        process = GeoDemand(load_scenario(market))
        return np.log(np.array([process.factors(day) for day in range(DAYS)]))

    return draw


def test_without_rules_geos_do_not_differ(demand):
    assert not demand().any()


def test_shocks_have_the_spread_and_persistence_asked_for_and_the_mean_need_stays(demand):
    log_need = demand(sigma=0.2, persistence=0.6, common_share=0.0)
    # An AR(1) of persistence 0.6 has as many independent values as a quarter of its length.
    independent = GEOS * DAYS / 4
    assert log_need.std() == pytest.approx(0.2, abs=4 * 0.2 / np.sqrt(2 * independent))
    centred = log_need - log_need.mean(axis=0)
    assert np.sum(centred[1:] * centred[:-1]) / np.sum(centred**2) == pytest.approx(0.6, abs=0.03)
    assert np.exp(log_need).mean() == pytest.approx(1.0, abs=4 * 0.2 / np.sqrt(independent))


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_geos_share_as_much_of_the_shocks_as_asked(demand, share):
    log_need = demand(sigma=0.2, persistence=0.0, common_share=share)
    correlation = np.corrcoef(log_need.T)[np.triu_indices(GEOS, 1)].mean()
    assert correlation == pytest.approx(share, abs=4 / np.sqrt(DAYS) * np.sqrt(share) + 4 / GEOS / np.sqrt(DAYS))


def test_trends_differ_from_geo_to_geo_and_are_nothing_in_the_middle(demand):
    log_need = demand(trend_sigma=0.1)
    growth = log_need[-1] - log_need[0]
    assert growth.std() == pytest.approx(0.1 * (DAYS - 1) / 30, rel=4 / np.sqrt(2 * GEOS))
    assert log_need[DAYS // 2] == pytest.approx(0.0)


def test_the_shock_of_a_geo_does_not_move_when_another_is_added(demand, market):
    fifty = demand(sigma=0.2)
    market["population"]["geos"] = {f"g{k}": {"share": 0.5} for k in (3, 7)}
    process = GeoDemand(load_scenario(market))
    assert np.log(np.array([process.factors(day) for day in range(DAYS)])) == pytest.approx(fifty[:, [3, 7]])


def test_need_follows_demand(market):
    market["population"]["geo_demand"] = {"sigma": 1.5, "persistence": 0.99, "common_share": 0.0}
    world = simulate(load_scenario(market))
    assert world.board.need_season[world.board.first_tick : world.board.last_tick].shape == (14, 2)
    assert np.ptp(np.log(world.board.need_season[3])) > 0.1


def test_so_many_sessions_happen_elsewhere_and_the_rest_at_home(market):
    market["population"] |= {
        "geos": {"a": {"share": 0.5}, "b": {"share": 0.3}, "c": {"share": 0.2}},
        "travel_share": 0.25,
    }
    market["channels"]["video"]["campaigns"]["launch"]["targeting"] = {}
    world = simulate(load_scenario(market))
    log = world.events.to_pandas()
    home = world.users.to_pandas()["geo"].astype(str)
    sessions = log.drop_duplicates(["user_id", "session"])
    at_home = sessions["geo"].astype(str).to_numpy() == home.loc[sessions["user_id"]].to_numpy()
    # Four standard errors of a share of the logged sessions.
    assert at_home.mean() == pytest.approx(0.75, abs=4 * np.sqrt(0.75 * 0.25 / len(sessions)))
    away = sessions[~at_home]
    from_a = away[home.loc[away["user_id"]].to_numpy() == "a"]["geo"].astype(str)
    assert (from_a == "b").mean() == pytest.approx(0.6, abs=4 * np.sqrt(0.24 / len(from_a)))


def test_travel_changes_no_session_time(market):
    market["channels"]["video"]["campaigns"]["launch"]["targeting"] = {}
    home = simulate(load_scenario(market)).events.to_pandas()
    market["population"]["travel_share"] = 0.5
    away = simulate(load_scenario(market)).events.to_pandas()
    # Where nothing is targeted by place and no geo test runs, it does not matter where people are.
    assert home.drop(columns="geo").equals(away.drop(columns="geo"))

"""A small market with many orders, so that shares of them are known well: 6,000 people, about 11,000 orders."""

import copy
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest

from simulator.record.record import Record, record
from simulator.scenario.faults import changed
from simulator.scenario.loading import load_scenario
from simulator.scenario.tracking import PERFECT, Tracking
from simulator.world import World, simulate

BUSY_MARKET: dict[str, Any] = {
    "run": {"warm_up_days": 0, "follow_up_days": 0, "users": 6_000, "days": 40.0, "seed": 11},
    "market": {"people": 6_000},
    "population": {
        "sessions_per_day": {"mean": 1.2, "sigma": 0.4},
        "need_per_day": {"mean": 0.08, "sigma": 0.3},
        "geos": {"us": {"share": 0.6, "consent": 0.9}, "eu": {"share": 0.4, "consent": 0.6}},
        "segments": {"a": {"share": 0.5}, "b": {"share": 0.5}},
    },
    "need": {"satiation_days": 3.0, "lapse_per_day": 0.02, "rival_per_day": 0.02},
    "funnel": [{"name": "view", "rate": 0.7}, {"name": "purchase", "rate": 0.5}],
    "order": {"qualified_share": 0.6, "qualified_after_days": 1.0, "closed_share": 0.8, "closed_after_days": 2.0,
              "refund_share": 0.1, "refund_after_days": 3.0},
    "surfaces": {
        "search": {"weights": {"out_of_market": 1.0, "in_market": 5.0, "visited": 5.0, "late": 5.0}, "slot_share": 1.0,
                   "visit_share": {"out_of_market": 0.1, "in_market": 0.2, "visited": 0.2, "late": 0.3},
                   "visit_channel": "organic_search"},
        "feed": {"weights": {"out_of_market": 10.0, "in_market": 4.0, "visited": 4.0, "late": 4.0}, "slot_share": 0.8},
        "direct": {"weights": {"in_market": 0.5, "visited": 2.0, "late": 3.0},
                   "visit_share": {"out_of_market": 1.0, "in_market": 1.0, "visited": 1.0, "late": 1.0},
                   "visit_channel": "direct"},
        "coupons": {"weights": {"late": 3.0}, "slot_share": 1.0},
    },
    "channels": {
        "direct": {},
        "organic_search": {},
        "search": {"surface": "search", "campaigns": {"main": {"billing": "cpc", "bid": 3.0, "click_through_rate": 0.3}}},
        "social": {"surface": "feed", "goodwill_per_impression": 0.05, "direct_effect": 0.3,
                   "campaigns": {"main": {"billing": "cpm", "bid": 20.0, "click_through_rate": 0.05}}},
        "partner": {"surface": "coupons", "campaigns": {"main": {
            "billing": "revenue_share", "bid": 0.1, "click_through_rate": 0.3, "expected_action_rate": 0.2}}},
    },
}  # fmt: skip


@pytest.fixture(scope="session")
def busy_market() -> Callable[[], dict[str, Any]]:
    """Tables of the busy market, to be changed at will."""
    return lambda: copy.deepcopy(BUSY_MARKET)


@pytest.fixture(scope="session")
def world() -> World:
    return simulate(load_scenario(BUSY_MARKET))


@pytest.fixture(scope="session")
def recorded(world: World) -> Callable[..., Record]:
    """The busy market's record under perfect tracking but for some settings, such as `transport__utm_loss=0.2`."""

    @cache
    def of_tracking(text: str) -> Record:
        return record(world, Tracking.model_validate_json(text))

    def of_settings(base: Tracking = PERFECT, **settings: Any) -> Record:
        tracking = changed(base, {path.replace("__", "."): value for path, value in settings.items()})
        return of_tracking(tracking.model_dump_json())

    return of_settings

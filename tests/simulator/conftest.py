"""A small market in which every mechanism is at work, random variations of it, and a stage for single steps."""

import copy
from dataclasses import dataclass
from types import FunctionType
from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st
from numba.core.dispatcher import Dispatcher

from simulator.law.board import blank_board
from simulator.law.log import ROW, Log
from simulator.law.moment import Moment
from simulator.law.parameters import caps_of
from simulator.law.state import LEDGER, LIFE, LONG_AGO, NOBODY, PERSON, Visit, nothing_shown, record_array, shown_to
from simulator.market.market import variants
from simulator.scenario.build_law import Names, build_law
from simulator.scenario.loading import load_scenario
from simulator.world import simulate

SMALL_MARKET: dict[str, Any] = {
    "run": {"users": 3_000, "days": 14.0, "warm_up_days": 5, "follow_up_days": 6, "seed": 7},
    "market": {"people": 3_000, "competition_sigma": 0.2},
    "calendar": {"weekday": [1.0, 1.0, 1.0, 1.0, 1.2, 1.4, 1.3], "hour": [0.2] * 7 + [1.0] * 11 + [1.6] * 6},
    "population": {
        "sessions_per_day": {"mean": 1.5, "sigma": 0.8},
        "need_per_day": {"mean": 0.05, "sigma": 0.8},
        "activity_need_correlation": 0.4,
        "value_sigma": 0.3,
        "segments": {
            "young": {"share": 0.6},
            "older": {"share": 0.4, "activity": 0.7, "need": 1.5, "value": 1.4},
        },
        "geos": {"us": {"share": 0.7}, "uk": {"share": 0.3, "consent": 0.6}},
    },
    "need": {
        "season": [{"day": 7.0, "need": 1.5, "rival_price": 1.2}],
        "satiation_days": 2.0,
        "aroused_by_visit": 0.3,
    },
    "funnel": [
        {"name": "view", "rate": 0.8},
        {"name": "cart", "rate": 0.5},
        {"name": "purchase", "rate": 0.5},
    ],
    "order": {
        "value": {"mean": 80.0, "sigma": 0.5},
        "qualified_share": 0.7,
        "qualified_after_days": 1.0,
        "closed_share": 0.8,
        "closed_after_days": 2.0,
        "refund_share": 0.1,
    },
    "surfaces": {
        "feed": {
            "weights": {"out_of_market": 4.0, "in_market": 3.0, "visited": 2.0, "late": 2.0},
            "slot_share": 0.9,
            "rival_cpm": 6.0,
        },
        "search": {
            "weights": {"out_of_market": 0.2, "in_market": 2.0, "visited": 3.0, "late": 3.0},
            "goodwill_pull": 1.0,
            "slot_share": 1.0,
            "rival_cpm": 60.0,
            "visit_share": {"out_of_market": 0.3, "in_market": 0.5, "visited": 0.7, "late": 0.8},
            "visit_channel": "organic",
            "reach_share": 0.9,
        },
        "deals": {"weights": {"visited": 1.0, "late": 3.0}, "slot_share": 0.8, "rival_cpm": 40.0},
        "inbox": {
            "weights": {"out_of_market": 0.5, "in_market": 0.5, "visited": 0.5, "late": 0.5},
            "slot_share": 0.5,
            "reach_share": 0.4,
        },
        "direct": {
            "weights": {"out_of_market": 0.1, "in_market": 0.5, "visited": 2.0, "late": 3.0},
            "goodwill_pull": 2.0,
            "visit_share": {"out_of_market": 0.5, "in_market": 0.8, "visited": 0.9, "late": 0.9},
            "visit_channel": "direct",
        },
    },
    "channels": {
        "social": {
            "surface": "feed",
            "goodwill_per_impression": 0.15,
            "direct_effect": 0.3,
            "upstream_effect": 0.5,
            "need_effect": 0.4,
            "creative_half_life_days": 10.0,
            "wear_out_impressions": 20.0,
            "overexposure_impressions": 12,
            "annoyance_per_impression": 0.05,
            "synergy": {"video": 0.5},
            "campaigns": {
                "prospecting": {
                    "bid": 12.0,
                    "daily_budget": 6.0,
                    "frequency_cap": 5,
                    "click_through_rate": 0.02,
                    "creatives": {"a": {}, "b": {"launch_day": 5.0, "click_factor": 1.5}},
                },
                "retargeting": {
                    "billing": "cpc",
                    "bid": 2.0,
                    "optimisation": 0.3,
                    "click_through_rate": 0.02,
                    "targeting": {
                        "audience": "visitors",
                        "audience_days": 7.0,
                        "devices": ["mobile", "desktop"],
                    },
                },
            },
        },
        "video": {
            "surface": "feed",
            "goodwill_per_impression": 0.3,
            "direct_effect": 0.2,
            "upstream_effect": 0.3,
            "half_life_days": 14.0,
            "holdout": {"share": 0.2, "start_day": 2.0, "end_day": 9.0},
            "campaigns": {
                "launch": {
                    "bid": 9.0,
                    "start_day": 1.0,
                    "end_day": 12.0,
                    "click_through_rate": 0.002,
                    "targeting": {"segments": ["young"], "geos": ["us"]},
                }
            },
        },
        "brand_search": {
            "surface": "search",
            "campaigns": {
                "exact": {"billing": "cpc", "bid": 1.0, "click_through_rate": 0.2, "substitution": 0.9},
                "form": {
                    "billing": "cpl",
                    "bid": 2.0,
                    "expected_action_rate": 0.02,
                    "click_through_rate": 0.1,
                },
            },
        },
        "affiliate": {
            "surface": "deals",
            "campaigns": {
                "coupon": {"billing": "revenue_share", "bid": 0.1, "click_through_rate": 0.2},
                "cashback": {"billing": "cpa", "bid": 9.0, "click_through_rate": 0.2, "cookie_days": 5.0},
            },
        },
        "email": {
            "surface": "inbox",
            "goodwill_per_impression": 0.05,
            "direct_effect": 0.2,
            "campaigns": {"newsletter": {"billing": "flat", "bid": 3.0, "click_through_rate": 0.05}},
        },
        "organic": {},
        "direct": {},
    },
    "invalid_traffic": {
        "robots_share": 0.02,
        "surfaces": {"feed": 3.0, "search": 1.0},
        "fake_lead_share": 0.2,
    },
    "timeline": [
        {"day": 6.0, "set": {"channels.brand_search.campaigns.exact.bid": 1.4}, "note": "a higher bid"},
        {"day": 10.5, "set": {"need.rival_per_day": 0.1}, "note": "a rival's sale"},
    ],
}


@pytest.fixture
def market():
    """Tables of the small market, to be changed at will."""
    return copy.deepcopy(SMALL_MARKET)


@pytest.fixture(scope="session")
def scenario():
    """The small market."""
    return load_scenario(SMALL_MARKET)


@pytest.fixture(scope="session")
def world(scenario):
    """What happened in the small market."""
    return simulate(scenario)


@pytest.fixture(scope="session")
def events(world):
    """The event log of the small market as a data frame."""
    return world.events.to_pandas()


def without_limits(tables):
    """The same market with nothing that makes campaigns react to their spend."""
    for channel in tables["channels"].values():
        for campaign in channel.get("campaigns", {}).values():
            campaign.pop("daily_budget", None)
    return tables


@pytest.fixture
def unlimited_market(market):
    """Tables of the small market without budgets."""
    return without_limits(market)


@st.composite
def random_markets(draw):
    """Scenarios near the small market: who lives there, what is bought and how, and for how long, all vary."""
    tables = copy.deepcopy(SMALL_MARKET)
    tables["run"] = {
        "users": draw(st.integers(1, 150)),
        "days": draw(st.sampled_from([0.3, 1.0, 2.5, 7.0, 9.75])),
        "warm_up_days": draw(st.sampled_from([0, 3])),
        "follow_up_days": draw(st.sampled_from([0, 4])),
        "seed": draw(st.integers(0, 2**63 - 1)),
        "tick_hours": draw(st.sampled_from([5.0, 24.0, 36.0])),
    }
    change_day = draw(st.sampled_from([0.5, 1.0, 6.0]))
    tables["timeline"] = [{"day": change_day, "set": {"channels.social.goodwill_per_impression": 0.5}}]
    tables["market"]["people"] = draw(st.sampled_from([100, 3_000]))
    tables["market"]["competition_sigma"] = draw(st.sampled_from([0.0, 0.5]))
    tables["population"]["sessions_per_day"]["mean"] = draw(st.sampled_from([0.2, 3.0, 12.0]))
    tables["population"]["need_per_day"]["mean"] = draw(st.sampled_from([0.01, 0.3]))
    tables["need"]["satiation_days"] = draw(st.sampled_from([0.0, 1.0, 30.0]))
    tables["invalid_traffic"]["robots_share"] = draw(st.sampled_from([0.0, 0.3]))
    tables["funnel"] = tables["funnel"][draw(st.integers(0, 2)) :]
    tables["population"]["travel_share"] = draw(st.sampled_from([0.0, 0.3]))
    tables["population"]["geo_demand"] = {"sigma": draw(st.sampled_from([0.0, 0.5]))}
    if tables["run"]["days"] >= 7.0 and tables["run"]["tick_hours"] == 24.0:
        kind = draw(st.sampled_from(["go_dark", "heavy_up", "holdback"]))
        spend = {"spend_factor": draw(st.sampled_from([1.5, 4.0]))} if kind == "heavy_up" else {}
        tables["geo_tests"] = {
            "spring": {"channel": "social", "kind": kind, "treated": ["us"], "start_day": 2, "end_day": 5, **spend}
        }
    tables["surfaces"]["search"]["conquest_share"] = draw(st.sampled_from([0.0, 0.3]))
    tables["delivery"] = {"follows": draw(st.sampled_from(["person", "record"]))}
    tables["invalid_traffic"]["fakes"] = draw(st.sampled_from(["lead", "action"]))
    for channel in tables["channels"].values():
        if not channel.get("campaigns"):
            continue
        assignment = draw(st.sampled_from(["person", "login", "cookie"]))
        designs = ["ghost_ads", "psa", "predicted_ghost_ads"] if assignment == "person" else ["intention_to_treat"]
        channel["holdout"] = {
            "share": draw(st.sampled_from([0.0, 0.1, 0.5, 1.0])),
            "assignment": assignment,
            "design": draw(st.sampled_from(designs)),
            "cookie_days": 2.0,
        }
        for campaign in channel["campaigns"].values():
            billing = draw(st.sampled_from(["cpm", "cpc", "cpl", "cpa", "revenue_share", "flat", "send"]))
            campaign["billing"] = billing
            campaign["bid"] = draw(st.just(0.0) | st.floats(0.01, 1.0 if billing == "revenue_share" else 20.0))
            campaign["substitution"] = draw(st.sampled_from([0.0, 0.5, 1.0]))
            campaign["discount"] = draw(st.sampled_from([0.0, 0.2]))
            if "targeting" not in campaign:
                audiences = ["everyone", "late_funnel", "customers", "non_customers", "lookalike", "subscribers"]
                campaign["targeting"] = {"audience": draw(st.sampled_from(audiences)), "lookalike_share": 0.4}
            campaign["optimisation"] = draw(st.sampled_from([0.0, 0.5]))
            campaign["click_through_rate"] = draw(st.sampled_from([0.002, 0.1, 1.0]))
            if draw(st.booleans()):
                campaign["daily_budget"] = draw(st.floats(0.01, 20.0))
            else:
                campaign.pop("daily_budget", None)
            if draw(st.booleans()):
                campaign["frequency_cap"] = draw(st.integers(1, 5))
    return tables


@pytest.fixture(scope="session")
def markets():
    """The strategy of random markets."""
    return random_markets()


def plain_version(function):
    """A compiled function as plain Python, together with all it calls."""
    known: dict[Any, Any] = {}

    def unwrap(entry):
        if not isinstance(entry, Dispatcher):
            return entry
        if entry not in known:
            code = entry.py_func
            namespace: dict[str, Any] = {}
            known[entry] = FunctionType(code.__code__, namespace, code.__name__, code.__defaults__, code.__closure__)
            namespace |= {name: unwrap(value) for name, value in code.__globals__.items()}
        return known[entry]

    return unwrap(function)


@pytest.fixture(scope="session")
def plain():
    """Turns a step of the law into plain Python, so that a test of a formula waits for no compiler."""
    return plain_version


@dataclass
class Stage:
    """One person, one moment and one market on which a single step of the law can be tried."""

    tables: dict[str, Any]

    def __post_init__(self):
        self.set_up()

    def set_up(self, **overrides):
        """Lay the stage anew, with values of the scenario changed by dotted path (`__` for a dot)."""
        given = {path.replace("__", "."): value for path, value in overrides.items()}
        self.scenario = load_scenario(self.tables, {"run.warm_up_days": 0, "run.follow_up_days": 0} | given)
        self.names = Names.of(self.scenario)
        self.law = build_law([self.scenario])
        names, run = self.names, self.scenario.run
        self.board = blank_board(run.days, 1.0, len(names.surfaces), len(names.campaigns), len(names.creatives), 2)
        self.board.throttle[:] = 1.0
        self.board.live_creatives[:] = 1
        self.person = record_array(1, PERSON)[0]
        self.person.activity = self.person.need = self.person.value = 1.0
        self.person.reach = 2**32 - 1
        self.person.devices = 1
        self.life = record_array(1, LIFE)[0]
        self.life.last_visit = self.life.satiated_until = self.life.fee_time = LONG_AGO
        self.life.fee_campaign = NOBODY
        self.goodwill = np.zeros(len(names.channels))
        self.fading = np.full(len(names.channels), -1.0)
        shown = nothing_shown(1, len(names.campaigns), caps_of(self.law), len(names.creatives))
        self.shown = shown_to.py_func(shown, 0)
        self.ledger = record_array(len(names.campaigns), LEDGER)
        self.unchanged = variants(1)[0]
        self.log = Log(record_array(100, ROW), np.zeros(1, np.int64), 0, False)
        return self

    def moment(self, **changes):
        """A moment on day 3 whose draws say no to everything."""
        usual = {
            "seed": 1, "user": 5, "session": 2, "time": 3.25, "days_since_last": 2.0, "next_time": 4.0, "tick": 3,
            "epoch": 0, "device": 0, "geo": 0, "need_draw": 0.5, "surface_draw": 0.5, "visit_draw": 0.999999,
            "slot_draw": 0.0, "pace_draw": 0.0, "rival_normal": 0.0,
        }  # fmt: skip
        return Moment(**{**usual, **changes})

    def channel(self, name):
        return self.names.channels.index(name)

    def surface(self, name):
        return self.names.surfaces.index(name)

    def campaign(self, channel, name):
        return [(c.channel, c.name) for c in self.names.campaigns].index((channel, name))

    def rows(self):
        """What has been logged."""
        return self.log.rows[: self.log.cursor[0]]

    def arrival(self, channel, campaign=None):
        """A visit by way of a channel, from a click on a campaign or without one."""
        c = NOBODY if campaign is None else self.campaign(channel, campaign)
        return Visit(self.channel(channel), c, NOBODY)


@pytest.fixture
def stage(market):
    """A stage in the small market, with every campaign on air and every rival price 1."""
    return Stage(market)

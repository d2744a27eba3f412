"""The market in a running world: billing, pacing, season, flights, experiments and the timeline."""

import math

import numpy as np
import pytest
from scipy.special import ndtr

from simulator.scenario.loading import load_scenario
from simulator.world import simulate

EVERYWHERE = dict.fromkeys(("out_of_market", "in_market", "visited", "late"), 1.0)


@pytest.fixture
def one_campaign():
    """Tables of a market with one campaign that everyone clicks alike, and changes to it."""

    def build(run=None, **campaign):
        return {
            "run": {"warm_up_days": 0, "follow_up_days": 0, "users": 4_000, "days": 8.0, "seed": 5} | (run or {}),
            "market": {"people": 4_000},
            "population": {"sessions_per_day": {"mean": 2.0}, "need_per_day": {"mean": 0.05}},
            "need": {"aroused_by_visit": 0.5, "satiation_days": 0.0},
            "interest": EVERYWHERE,
            "funnel": [{"name": "lead", "rate": 0.5}, {"name": "purchase", "rate": 0.5}],
            "surfaces": {"feed": {"weights": EVERYWHERE, "slot_share": 1.0, "rival_cpm": 8.0}},
            "channels": {
                "social": {
                    "surface": "feed",
                    "goodwill_per_impression": 0.1,
                    "holdout": {"share": 0.0},
                    "campaigns": {"main": {"bid": 8.0, "click_through_rate": 0.25} | campaign},
                }
            },
        }

    return build


def live(tables):
    world = simulate(load_scenario(tables))
    return world, world.events.to_pandas(), world.market.to_pandas()


def of(log, kind):
    return log[log["kind"] == kind]


def same_rows(one, other):
    """Whether two logs hold the same events."""
    return len(one) > 1_000 and one.reset_index(drop=True).equals(other.reset_index(drop=True))


def test_a_cpm_campaign_pays_each_impression_the_rival_s_price_below_its_bid(one_campaign):
    _, log, _ = live(one_campaign(billing="cpm"))
    prices = of(log, "impression")["cost_micros"] / 1e6
    assert prices.max() <= 8.0 / 1000.0
    # A log-normal price of mean m, given that it is below the bid: m × Φ(z - σ) / Φ(z), z the bid in standard units.
    mu, sigma = math.log(0.008) - 0.32, 0.8
    cut = (math.log(0.008) - mu) / sigma
    mean = 0.008 * ndtr(cut - sigma) / ndtr(cut)
    assert abs(prices.mean() - mean) < 4.5 * prices.std() / math.sqrt(len(prices))  # one seed in 150,000
    sessions = 4_000 * 2.0 * 8.0
    assert abs(len(prices) - sessions * ndtr(cut)) < 4.5 * math.sqrt(sessions)


def test_a_click_costs_the_impression_s_price_over_the_click_through_rate(one_campaign):
    # The same auction won under both billing models: a bid of 2 per click is a bid of 500 per thousand impressions.
    tables = one_campaign(billing="cpm", bid=500.0)
    tables["surfaces"]["feed"]["rival_cpm"] = 500.0
    _, by_impression, _ = live(tables)
    tables["channels"]["social"]["campaigns"]["main"] |= {"billing": "cpc", "bid": 2.0}
    _, by_click, _ = live(tables)
    keys = ["user_id", "session"]
    impressions = of(by_impression, "impression").set_index(keys)["cost_micros"]
    clicks = of(by_click, "click").set_index(keys)["cost_micros"]
    assert of(by_click, "impression").set_index(keys).index.equals(impressions.index)
    assert of(by_impression, "click").set_index(keys).index.equals(clicks.index)
    # Each was rounded to a micro on its own: half of one, times four, and half of one.
    assert (clicks - impressions[clicks.index] / 0.25).abs().max() <= 2.5
    # So CPC = CPM / (1000 × CTR): clicks are an independent quarter of impressions.
    cpm, cpc = impressions.mean() * 1000, clicks.mean()
    ratio = clicks / impressions.mean()
    assert abs(cpc / (cpm / (1000 * 0.25)) - 1) < 4.5 * ratio.std() / ratio.mean() / math.sqrt(len(clicks))


@pytest.mark.parametrize(("billing", "bid"), [("cpl", 3.0), ("cpa", 12.0)])
def test_a_fee_per_lead_or_action_makes_the_reported_cost_per_action_the_fee(one_campaign, billing, bid):
    _, log, market = live(one_campaign(billing=billing, bid=bid, expected_action_rate=0.1))
    fees = of(log, "fee")
    assert len(fees) > 50
    assert market["cost_micros"].sum() / market["actions"].sum() == bid * 1e6
    # Nobody else is here to bring leads and orders, so each of them that a click of the last 30 days brought is paid once.
    paid_for = of(log, "micro:lead" if billing == "cpl" else "conversion")
    assert len(fees) == len(paid_for)


def test_a_share_of_revenue_is_a_share_of_the_value_it_brings(one_campaign):
    _, log, market = live(one_campaign(billing="revenue_share", bid=0.08, expected_action_rate=0.1))
    orders = of(log, "conversion")
    assert len(orders) > 50
    assert abs(market["cost_micros"].sum() - 0.08 * orders["value_micros"].sum()) <= 0.5 * len(orders)


def test_a_flat_fee_is_paid_by_the_day_within_flight_and_run(one_campaign):
    tables = one_campaign(billing="flat", bid=100.0, start_day=1.0, end_day=5.0)
    _, log, market = live(tables)
    assert market["cost_micros"].sum() == 4 * 100_000_000
    assert log["cost_micros"].sum() == 0
    tables = one_campaign(run={"users": 400, "days": 2.5}, billing="flat", bid=100.0)
    _, _, market = live(tables)
    assert market["cost_micros"].sum() == pytest.approx(2.5 * 100_000_000 * 400 / 4_000, abs=100)


def test_a_budget_that_binds_is_spent_evenly(one_campaign):
    _, _, free = live(one_campaign())
    budget = free["cost_micros"].sum() / 1e6 / 8.0 / 3.0
    for tick_hours in (24.0, 6.0):
        _, _, paced = live(one_campaign(daily_budget=budget, run={"tick_hours": tick_hours}))
        days = paced.groupby(np.floor(paced["day"]))["cost_micros"].sum() / 1e6
        # Spend of a day varies by chance; with some 2,700 impressions a day 10 % is over 4.5 standard errors.
        assert (abs(np.cumsum(days)[2:] / (budget * np.arange(3, 9)) - 1.0) < 0.1).all()


def test_budgets_scale_with_the_people_simulated(one_campaign):
    for users in (2_000, 8_000):
        _, _, market = live(one_campaign(daily_budget=10.0, run={"users": users}))
        assert (market["daily_budget"] == 10.0 * users / 4_000).all()
        assert market["cost_micros"].sum() / 1e6 == pytest.approx(10.0 * 8.0 * users / 4_000, rel=0.1)


def test_impression_share_is_impressions_over_all_slots_it_could_enter(one_campaign):
    _, _, market = live(one_campaign(daily_budget=20.0))
    sessions = 4_000 * 2.0
    share = market["impressions"] / sessions
    assert (abs(market["impression_share"][1:] - share[1:]) < 0.05).all()


def test_the_season_moves_need_and_prices_from_its_day_on(one_campaign):
    tables = one_campaign(bid=1000.0, run={"users": 8_000})
    tables["need"]["season"] = [{"day": 4.0, "need": 3.0, "rival_price": 2.0}]
    world, _, market = live(tables)
    assert list(world.board.need_season[:, 0]) == [1.0] * 4 + [3.0] * 4
    cost = market.groupby(market["day"] >= 4.0)[["cost_micros", "impressions"]].sum()
    cpm = cost["cost_micros"] / cost["impressions"] / 1000.0
    assert cpm[False] == pytest.approx(
        8.0, rel=0.03
    )  # 64,000 log-normal prices of σ 0.8: 4.5 standard errors are 1.7 %
    assert cpm[True] == pytest.approx(16.0, rel=0.03)


def test_a_timeline_change_holds_from_the_next_tick_on(one_campaign):
    tables = one_campaign()
    tables["timeline"] = [
        {"day": 2.0, "set": {"channels.social.campaigns.main.bid": 16.0}},
        {"day": 5.5, "set": {"channels.social.campaigns.main.bid": 0.0}, "note": "paused"},
    ]
    world, log, market = live(tables)
    assert list(market["bid"]) == [8.0, 8.0, 16.0, 16.0, 16.0, 16.0, 0.0, 0.0]
    assert list(world.board.epoch) == [0, 0, 1, 1, 1, 1, 2, 2]
    dearest = of(log, "impression").groupby(np.floor(of(log, "impression")["time"]))["cost_micros"].max()
    assert (dearest[:2] <= 8_000).all()
    assert (dearest[2:6] > 8_000).all()
    assert (market["impressions"][6:] == 0).all()
    assert world.timeline.to_pylist()[1] == {
        "day": 5.5, "path": "channels.social.campaigns.main.bid", "value": "0.0", "note": "paused",
    }  # fmt: skip


def test_before_a_change_the_world_is_as_it_would_have_been(one_campaign):
    tables = one_campaign()
    _, before, _ = live(tables)
    tables["timeline"] = [{"day": 3.0, "set": {"funnel.1.rate": 0.1, "need.lapse_per_day": 1.0}}]
    _, after, _ = live(tables)
    early = ["impression", "click", "visit", "micro:lead"]
    assert same_rows(*(log[(log["time"] < 3.0) & log["kind"].isin(early)] for log in (before, after)))
    assert len(of(after, "conversion")) < len(of(before, "conversion"))


def test_creatives_rotate_once_launched_and_wear_out(one_campaign):
    tables = one_campaign(creatives={"old": {}, "new": {"launch_day": 4.0}})
    tables["channels"]["social"]["creative_half_life_days"] = 2.0
    world, log, _ = live(tables)
    impressions = of(log, "impression")
    early, late = impressions[impressions["time"] < 4.0], impressions[impressions["time"] >= 4.0]
    assert set(early["creative"]) == {"old"}
    share = (late["creative"] == "new").mean()
    assert abs(share - 0.5) < 4.5 * 0.5 / math.sqrt(len(late))  # one seed in 150,000
    assert list(world.board.freshness[:, 0]) == pytest.approx([2.0 ** (-day / 2.0) for day in range(8)])
    assert list(world.board.freshness[:, 1]) == pytest.approx([1.0] * 4 + [2.0 ** (-day / 2.0) for day in range(4)])
    clicks = of(log, "click")
    for day, rate in ((0, 0.25), (2, 0.125), (6, 0.03125)):
        shown = ((impressions["time"] // 1 == day) & (impressions["creative"] == "old")).sum()
        clicked = ((clicks["time"] // 1 == day) & (clicks["creative"] == "old")).sum()
        assert abs(clicked - rate * shown) < 4.5 * math.sqrt(shown * rate * (1.0 - rate))


def test_an_experiment_withholds_ads_between_its_days(one_campaign):
    tables = one_campaign()
    tables["channels"]["social"]["holdout"] = {"share": 0.3, "start_day": 2.0, "end_day": 6.0}
    world, log, _ = live(tables)
    assert list(world.board.holdouts) == [0, 0, 1, 1, 1, 1, 0, 0]
    ghosts = of(log, "ghost")
    assert ghosts["time"].between(2.0, 6.0).all()
    held_out = world.users.to_pandas().query("holdout_social")["user_id"]
    assert set(ghosts["user_id"]) <= set(held_out)
    shown = of(log, "impression")
    during = shown[shown["user_id"].isin(held_out) & shown["time"].between(2.0, 6.0)]
    outside = shown[shown["user_id"].isin(held_out) & ~shown["time"].between(2.0, 6.0)]
    assert (len(during), len(outside) > 1_000) == (0, True)


def test_those_who_are_not_held_out_live_as_if_there_were_no_experiment(one_campaign):
    tables = one_campaign()
    _, without, _ = live(tables)
    tables["channels"]["social"]["holdout"] = {"share": 0.3}
    world, with_holdout, _ = live(tables)
    others = world.users.to_pandas().query("not holdout_social")["user_id"]
    assert same_rows(*(log[log["user_id"].isin(others)] for log in (without, with_holdout)))


def test_robots_cost_what_people_cost_and_bring_nothing(one_campaign):
    tables = one_campaign(billing="cpc", bid=0.2, run={"users": 2_000})
    tables["invalid_traffic"] = {
        "robots_share": 0.1, "sessions_per_day": 10.0, "surfaces": {"feed": 1.0}, "click_share": 0.5, "fake_lead_share": 0.25,
    }  # fmt: skip
    _, log, _ = live(tables)
    robots = log[log["user_id"] >= 2_000]
    impressions, clicks, leads = (len(of(robots, kind)) for kind in ("impression", "click", "fake_lead"))
    # Three binomial comparisons at 4.5 standard errors: a false alarm in one of 50,000 choices of the seed.
    assert abs(clicks - 0.5 * impressions) < 4.5 * math.sqrt(0.25 * impressions)
    assert abs(leads - 0.25 * clicks) < 4.5 * math.sqrt(0.1875 * clicks)
    sessions = 200 * 10.0 * 8.0
    assert impressions <= sessions + 4.5 * math.sqrt(sessions)
    assert of(robots, "click")["cost_micros"].sum() > 0
    tables["invalid_traffic"] = {}
    _, clean, _ = live(tables)
    assert same_rows(log[log["user_id"] < 2_000], clean)


def test_optimised_delivery_pays_up_to_its_bid_times_the_propensity_to_its_power(one_campaign):
    tables = one_campaign(bid=2.0, optimisation=0.5)
    tables["propensity"] = {"out_of_market": 1.0, "in_market": 4.0, "visited": 4.0, "late": 4.0}
    _, log, _ = live(tables)
    prices = of(log, "impression")["cost_micros"]
    assert 2_000 * 1.9 < prices.max() <= 2_000 * 2.0
    # Where nobody ever comes into the market, everyone has propensity 1.
    tables["need"]["lapse_per_day"] = tables["need"]["rival_per_day"] = 0.0
    tables["population"]["need_per_day"] = {"mean": 1e-9}
    tables["need"]["aroused_by_visit"] = 0.0
    _, log, _ = live(tables)
    assert of(log, "impression")["cost_micros"].max() <= 2_000

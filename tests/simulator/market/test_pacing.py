"""Pacing as platforms do it: from the first day on, after pauses and cuts, for small budgets and for paid actions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.market.expected_cost import action_cost, expected_cost_per_day
from simulator.market.pacing import MOST_PER_DAY, Pacing, most_planned
from simulator.scenario.loading import load_scenario
from simulator.world import simulate

PROSPECTING = "channels.social.campaigns.prospecting"
MARKET = {
    "run.users": 6_000,
    "run.days": 30.0,
    "run.warm_up_days": 0,
    "run.follow_up_days": 0,
    "channels.video.campaigns.launch.start_day": 0.0,
    "channels.video.campaigns.launch.end_day": 30.0,
    "channels.video.holdout.share": 0.0,
    "invalid_traffic.robots_share": 0.0,
}


def spend_per_day(market, channel, campaign, changes, timeline=()):
    """Cost per day of a campaign of the small market, in currency, and its daily budget for the people simulated."""
    market["timeline"] = list(timeline)
    ticks = simulate(load_scenario(market, MARKET | changes)).market.to_pandas()
    own = ticks[(ticks["channel"] == channel) & (ticks["campaign"] == campaign)]
    return own["cost_micros"].to_numpy() / 1e6, own["daily_budget"].to_numpy()


def test_the_first_day_spends_the_budget_as_the_others_do(market):
    spend, budget = spend_per_day(market, "social", "prospecting", {f"{PROSPECTING}.daily_budget": 3.0})
    assert 0.6 < spend[0] / budget[0] < MOST_PER_DAY
    assert spend.sum() == pytest.approx(budget.sum(), rel=0.08)
    assert (spend <= MOST_PER_DAY * budget).all()


def test_a_pause_of_thirty_days_saves_nothing_up(market):
    """The bid is 0 for thirty days: nothing accrues, and afterwards a day costs what a day costs."""
    pause = [{"day": 10.0, "set": {f"{PROSPECTING}.bid": 0.0}}, {"day": 40.0, "set": {f"{PROSPECTING}.bid": 12.0}}]
    spend, budget = spend_per_day(
        market, "social", "prospecting", {f"{PROSPECTING}.daily_budget": 6.0, "run.days": 50.0}, pause
    )
    assert (spend[10:40] == 0.0).all()
    assert spend[40:].sum() <= 1.05 * budget[40:].sum()
    assert (spend <= MOST_PER_DAY * budget).all()


def test_a_cut_to_a_tenth_holds_at_once(market):
    """The rest of the month spends at most the new budget × the days left."""
    cut = [{"day": 15.0, "set": {f"{PROSPECTING}.daily_budget": 0.6}}]
    spend, budget = spend_per_day(market, "social", "prospecting", {f"{PROSPECTING}.daily_budget": 6.0}, cut)
    assert spend[15] <= MOST_PER_DAY * budget[15]
    assert spend[15:].sum() <= 1.05 * budget[15] * 15
    assert spend[15:].sum() >= 0.8 * budget[15] * 15


def test_a_small_budget_is_spent_neither_at_once_nor_never(market):
    """A budget of 10 a day in a market twenty times as large: half a unit of currency a day for the people simulated."""
    changes = {f"{PROSPECTING}.daily_budget": 10.0, "market.people": 120_000}
    spend, budget = spend_per_day(market, "social", "prospecting", changes)
    assert budget[0] == pytest.approx(0.5)
    assert spend.sum() == pytest.approx(budget.sum(), rel=0.15)
    assert (spend <= MOST_PER_DAY * budget).all()


def test_a_campaign_that_is_paid_by_the_action_paces_on_what_its_actions_will_cost(market):
    """Its fees come days after its impressions: it must neither spend double before they do, nor stop when they come."""
    cashback = "channels.affiliate.campaigns.cashback"
    changes = {f"{cashback}.daily_budget": 4.0, "run.warm_up_days": 15, "run.users": 10_000, "run.days": 30.0}
    # Without a rival of its own: the coupon would take the slots.
    changes |= {"channels.affiliate.campaigns.coupon.bid": 0.0, "population.need_per_day.mean": 0.1}
    changes |= {f"{cashback}.expected_action_rate": 0.3}
    spend, budget = spend_per_day(market, "affiliate", "cashback", changes)
    throttle = simulate(load_scenario(market, MARKET | changes)).market.to_pandas()
    own = throttle[(throttle["campaign"] == "cashback") & (throttle["period"] == "reported")]["throttle"]
    assert (own > 0.0).all()
    assert spend[15:].mean() == pytest.approx(budget[0], rel=0.25)
    assert spend[:15].sum() < 2.0 * budget[:15].sum()


def test_without_a_budget_a_campaign_enters_every_auction():
    assert Pacing().next_share(None, 0.0, 1.0, activity=1.0, expected=5.0, action=0.1) == 1.0


def test_a_tick_without_any_spend_is_no_reason_to_enter_every_auction():
    """Three actions' worth of expectation stands against what was seen: chance alone has made that nothing."""
    pacing = Pacing()
    first = pacing.next_share(0.5, 0.0, 1.0, activity=1.0, expected=100.0, action=1.0)
    pacing.observe(0.0, first, 1.0)
    second = pacing.next_share(0.5, 1.0, 1.0, activity=1.0, expected=100.0, action=1.0)
    assert first == pytest.approx(0.005)
    assert second < 0.02


@given(st.floats(1.0, 100.0), st.floats(0.1, 0.9), st.floats(0.2, 5.0))
def test_a_steady_market_spends_the_budget_of_the_month(full_cost, fraction, misjudged):
    """Whatever was expected at first, the month's budget is spent within what its first days taught."""
    pacing = Pacing()
    budget = fraction * full_cost
    spent = []
    for day in range(30):
        share = pacing.next_share(budget, day, 1.0, activity=1.0, expected=full_cost * misjudged, action=0.001)
        spent.append(full_cost * share)
        pacing.observe(spent[-1], share, 1.0)
    possible = min(30.0 * budget, 30.0 * full_cost)
    assert sum(spent) == pytest.approx(possible, rel=0.1)


@given(
    st.lists(st.tuples(st.floats(0.0, 50.0), st.floats(0.1, 20.0)), min_size=1, max_size=70),
    st.sampled_from([1.0, 0.25]),
)
def test_no_tick_plans_more_than_two_budgets(ticks, days):
    """`ticks` are what all auctions of a tick would cost, and the daily budget in force."""
    pacing = Pacing()
    for i, (full_cost, budget) in enumerate(ticks):
        share = pacing.next_share(budget, i * days, days, activity=days, expected=full_cost, action=0.01)
        assert 0.0 <= share <= 1.0
        planned = share * pacing.full_cost(full_cost, 0.01) * days
        assert planned <= MOST_PER_DAY * budget * days * (1 + 1e-9)
        pacing.observe(full_cost * share, share, days)


def test_what_a_month_has_not_spent_is_lost():
    pacing = Pacing()
    for day in range(30):
        share = pacing.next_share(10.0, day, 1.0, activity=1.0, expected=1.0, action=0.01)
        pacing.observe(1.0, share, 1.0)
    pacing.next_share(10.0, 30.0, 1.0, activity=1.0, expected=1.0, action=0.01)
    assert (pacing.accrued, pacing.spent) == (10.0, 0.0)


def test_the_chance_of_a_day_above_two_budgets_is_small():
    """Poisson actions at the highest planned spend: three standard deviations, so one day in about 700."""
    budget, action = 10.0, 0.1
    actions = np.random.default_rng(1).poisson(most_planned(budget, action) / action, 20_000)
    assert np.mean(actions * action > MOST_PER_DAY * budget) < 0.004


def test_the_expected_cost_is_near_what_all_auctions_cost(market):
    """Of a campaign for everyone; the forecast knows no frequency cap, so there is none here."""
    market["channels"]["social"]["campaigns"]["prospecting"].pop("frequency_cap")
    market["channels"]["social"]["campaigns"]["prospecting"].pop("daily_budget")
    market["channels"]["social"]["campaigns"].pop("retargeting")
    market["channels"].pop("video")
    market["channels"]["social"].pop("synergy")
    market["timeline"] = []
    market["market"]["competition_sigma"] = 0.0
    market["need"]["season"] = []
    scenario = load_scenario(market, {"run.days": 7.0, "run.warm_up_days": 0, "run.follow_up_days": 0})
    ticks = simulate(scenario).market.to_pandas()
    seen = ticks[ticks["campaign"] == "prospecting"]["cost_micros"].sum() / 7e6
    campaign = scenario.channels["social"].campaigns["prospecting"]
    assert expected_cost_per_day(scenario, "social", campaign) == pytest.approx(seen, rel=0.2)
    assert action_cost(scenario, "social", campaign) == pytest.approx(0.006)

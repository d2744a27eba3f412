"""The desk: an advertiser sees what has happened by now, changes what a campaign can change, and hears in words what not."""

import math

import numpy as np
import pytest

from cpalab.refusal import ScenarioError
from simulator.market.advertiser.places import places_of
from simulator.scenario.loading import load_scenario
from simulator.world import simulate


def on_day(day, look):
    """A process that does one thing on one day, and keeps what came of it in `found`."""

    def process(market):
        yield market.timeout(day) if day else market.published
        process.found = look(market)

    return process


def looked(market, day, look, **options):
    process = on_day(day, look)
    world = simulate(load_scenario(market, options), processes=[process])
    return process.found, world


def refused(market, act, **options):
    with pytest.raises(ScenarioError) as caught:
        looked(market, 3, act, **options)
    return "\n".join(caught.value.lines)


# ---------------------------------------------------------------- what is seen


def test_spend_impressions_and_clicks_are_those_of_the_ticks_in_the_window(market):
    def look(desk):
        return (
            [desk.spend(days=3), desk.spend("social", since=1, until=4), desk.spend("social.retargeting", since=0)],
            [desk.impressions("social", days=3), desk.clicks("brand_search", days=7), desk.auctions("video")],
        )

    (spent, counted), world = looked(market, 6, look)
    ticks = world.market.to_pandas()
    days, social, retargeting = ticks["day"], ticks["channel"] == "social", ticks["campaign"] == "retargeting"
    cost = ticks["cost_micros"] / 1e6
    assert spent == pytest.approx(
        [
            cost[(days >= 3) & (days < 6)].sum(),
            cost[social & (days >= 1) & (days < 4)].sum(),
            cost[retargeting & (days >= 0) & (days < 6)].sum(),
        ]
    )
    assert counted == [
        ticks["impressions"][social & (days >= 3) & (days < 6)].sum(),
        ticks["clicks"][(ticks["channel"] == "brand_search") & (days >= -1) & (days < 6)].sum(),
        ticks["auctions"][(ticks["channel"] == "video") & (days < 6)].sum(),
    ]


def test_between_two_ticks_only_what_has_happened_by_then_is_seen(market):
    def look(desk):
        events = desk.oracle.events()
        return desk.clicks(since=0), max(events["time"].to_pylist()), desk.oracle.orders()

    (clicks, latest, orders), world = looked(market, 5.25, look)
    events = world.events.to_pandas()
    so_far = events[(events["time"] >= 0) & (events["time"] < 5.25)]
    assert clicks == (so_far["kind"] == "click").sum()
    assert orders == (so_far["kind"] == "conversion").sum()
    assert latest < 5.25


def test_bids_and_budgets_are_seen_as_set_and_budgets_as_those_of_the_people_simulated(market):
    def look(desk):
        before = desk.bid("video"), desk.daily_budget("social.prospecting"), desk.daily_budget("video")
        desk.set_bid("video", 4.5)
        desk.set_daily_budget("social.prospecting", 3.0)
        desk.pause("social.retargeting")
        return before, (
            desk.bid("video"),
            desk.daily_budget("social.prospecting"),
            desk.is_paused("social.retargeting"),
        )

    (before, after), world = looked(market, 3, look, **{"market.people": 6_000})
    assert before == (9.0, 3.0, None)
    assert after == (4.5, 3.0, True)
    assert [change.set for change in world.scenario.timeline if change.author] == [
        {"channels.video.campaigns.launch.bid": 4.5, "channels.social.campaigns.retargeting.paused": True}
    ], "a budget that is set to what it was is no change"


def test_whether_a_budget_held_a_campaign_back_in_the_last_tick_is_seen(market):
    market["channels"]["social"]["campaigns"]["prospecting"]["daily_budget"] = 1.0
    market["channels"]["video"]["campaigns"]["launch"]["paused"] = True
    found, world = looked(market, 6, lambda desk: [desk.limited_by_budget(name) for name in desk.campaigns])
    throttle = world.market.to_pandas().query("day == 5")["throttle"]
    assert found == [name == "social.prospecting" for name in places_of(world.names)]
    assert 0.0 < throttle.iloc[0] < 1.0


# ---------------------------------------------------------------- what is done


def test_what_is_done_holds_from_the_next_tick_and_stands_on_the_timeline_with_its_author(market):
    def act(desk):
        desk.set_bid("video", 4.5)
        desk.pause("social.retargeting")
        desk.set_daily_budget("social.prospecting", 1.5)
        desk.set_audience("brand_search.exact", "visitors")
        desk.set_end_day("affiliate.cashback", 9)

    _, world = looked(market, 3, act)
    ticks = world.market.to_pandas().set_index(["day", "campaign"])
    assert ticks["bid"].loc[[(3.0, "launch"), (4.0, "launch")]].tolist() == [9.0, 4.5]
    assert ticks["throttle"].loc[[(3.0, "retargeting"), (4.0, "retargeting")]].tolist() == [1.0, 0.0]
    assert ticks["daily_budget"].loc[[(3.0, "prospecting"), (4.0, "prospecting")]].tolist() == [6.0, 1.5]
    assert ticks["throttle"].loc[[(8.0, "cashback"), (9.0, "cashback")]].tolist() == [1.0, 0.0]
    acts = world.timeline.to_pandas()
    acts = acts[acts["author"] == "process"]
    assert (acts["day"] == 4.0).all()
    assert acts["path"].str.rsplit(".", n=1).str[-1].tolist() == [
        "bid",
        "paused",
        "daily_budget",
        "audience",
        "end_day",
    ]


def test_a_paused_campaign_can_be_resumed(market):
    def process(desk):
        yield desk.timeout(2)
        desk.pause("video")
        yield desk.timeout(3)
        desk.resume("video")

    ticks = simulate(load_scenario(market), processes=[process]).market.to_pandas()
    video = ticks[ticks["channel"] == "video"].set_index("day")["throttle"]
    assert video.loc[2.0:7.0].tolist() == [1.0, 0.0, 0.0, 0.0, 1.0, 1.0]


def test_a_creative_comes_off_the_shelf_new_and_goes_back(market):
    market["channels"]["social"]["campaigns"]["prospecting"]["creatives"]["spare"] = {"shelved": True}

    def process(desk):
        yield desk.timeout(4)
        process.seen = desk.creatives("social.prospecting")
        desk.launch("social.prospecting", "spare")
        desk.retire("social.prospecting", "a")

    world = simulate(load_scenario(market), processes=[process])
    spare, a = (world.names.creatives.index(name) for name in ("spare", "a"))
    day = world.board.starts[:-1]
    assert process.seen == {"a": True, "b": True, "spare": False}
    assert (world.board.on_air[:, spare] == (day >= 5.0)).all()
    assert (world.board.on_air[:, a] == (day < 5.0)).all()
    assert (world.board.refreshed[day >= 5.0, spare] == 5.0).all()
    shown = world.events.to_pandas().query("kind == 'impression' and creative == 'spare'")
    assert len(shown) > 10
    assert shown["time"].min() >= 5.0


def test_a_change_of_the_scenario_s_own_timeline_and_acts_hold_together(market):
    """The scenario raises one bid on day 6; a process sets the other from day 4 on, and both stay."""
    market["timeline"] = [{"day": 6.0, "set": {"channels.video.campaigns.launch.bid": 3.0}}]
    _, world = looked(market, 3, lambda desk: desk.set_bid("social.prospecting", 5.0))
    ticks = world.market.to_pandas().set_index(["day", "campaign"])["bid"]
    assert ticks.loc[[(5.0, "launch"), (6.0, "launch"), (7.0, "launch")]].tolist() == [9.0, 3.0, 3.0]
    assert ticks.loc[[(3.0, "prospecting"), (4.0, "prospecting"), (7.0, "prospecting")]].tolist() == [12.0, 5.0, 5.0]
    assert world.board.epoch.max() == 2


# ---------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (lambda desk: desk.spend("social", until=4), "until: 4 has not come yet: it is day 3"),
        (lambda desk: desk.conversions("platform", "social", until=9), "until: 9 has not come yet"),
        (lambda desk: desk.spend(since=3.5), "since: 3.5 must lie before day 3"),
        (lambda desk: desk.spend(days=2, since=1), "cannot be given beside since"),
        (lambda desk: desk.spend("socal"), "'socal' is no campaign of this market; did you mean social?"),
        (lambda desk: desk.spend("direct"), "'direct' has no campaigns: nothing is bought there"),
        (lambda desk: desk.conversions("platfrom"), "'platfrom' is no system of the record; did you mean platform?"),
        (lambda desk: desk.set_bid("social", 2.0), "several campaigns; name social.prospecting or social.retargeting"),
        (lambda desk: desk.set_bid("vidio", 2.0), "'vidio' is no campaign of this market; did you mean video?"),
        (lambda desk: desk.set_bid("video", -1.0), "channels.video.campaigns.launch.bid: -1.0 must be greater than or equal"),
        (lambda desk: desk.set_bid("video", math.nan), "bid: nan must be a number"),
        (lambda desk: desk.set_bid("video", "much"), "bid: 'much' must be a number"),
        (lambda desk: desk.set_bid("affiliate.coupon", 1.5), "must be a share from 0 to 1 under revenue_share billing"),
        (lambda desk: desk.set_daily_budget("video", 0), "daily_budget: 0.0 must be greater than 0"),
        (lambda desk: desk.set_end_day("video", 2), "end_day: 2 must be later than now, day 3"),
        (lambda desk: desk.set_audience("video", "all"), "targeting.audience: 'all' must be"),
        (lambda desk: desk.launch("social.prospecting", "c"), "'c' has no such creative"),
        (lambda desk: desk.launch("social.prospecting", "a"), "is on air already"),
        (lambda desk: desk.set_rival_price("feed", 3.0), "is the rivals' to set, not the advertiser's"),
        (lambda desk: desk.timeout(0), "days: 0 must be a number above 0"),
        (lambda desk: desk.timeout("soon"), "days: 'soon' must be a number"),
    ],
)  # fmt: skip
def test_what_nobody_can_know_or_do_is_refused_in_words(market, act, words):
    said = refused(market, act, **{"run.users": 200, "run.days": 5.0})
    assert words in said
    assert said.startswith("processes.process (day 3): ")


def test_numpy_s_numbers_are_numbers(market):
    _, world = looked(market, 3, lambda desk: desk.set_bid("video", np.float32(4.5)), **{"run.users": 200})
    assert world.scenario.timeline[-1].set == {"channels.video.campaigns.launch.bid": 4.5}


def test_a_refusal_can_be_caught_by_the_process_itself(market):
    def careful(desk):
        yield desk.timeout(1)
        try:
            desk.set_bid("video", -1.0)
        except ScenarioError:
            desk.set_bid("video", 0.0)

    world = simulate(load_scenario(market, {"run.users": 200}), processes=[careful])
    assert world.scenario.timeline[-1].set == {"channels.video.campaigns.launch.bid": 0.0}

"""Second lives: a twin world lived in one pass is the world that a second run would give."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.engines.replacement import DEFAULT_KERNELS
from simulator.engines.twins import live_twins
from simulator.law.log import CONVERSION
from simulator.market.market import variants
from simulator.playing import play, thread_map
from simulator.population import build_population
from simulator.scenario.loading import load_scenario
from simulator.world import simulate

COUNTS = ("impressions", "clicks", "actions", "cost_micros")
ORDER = ["user", "session", "kind", "time", "value_micros", "channel", "campaign", "creative"]


def twins_of(world, rows, threads=1, **options):
    population = build_population(world.scenario, world.law, world.names)
    seed = world.scenario.run.seed
    with thread_map(threads) as map_:
        return live_twins(
            world.law,
            world.board,
            population,
            rows,
            seed,
            kernel=DEFAULT_KERNELS.relive,
            map_=map_,
            **options,
        )


def variant_rows(world, *changes):
    """Worlds in which channels are off (a tuple of names) or one channel's bids or pacing change (a mapping)."""
    channels = world.names.channels
    rows = variants(len(changes) + 1)
    for row, change in zip(rows[1:], changes, strict=True):
        if isinstance(change, tuple):
            row.off = sum(1 << channels.index(name) for name in change)
            continue
        row.off = sum(1 << channels.index(name) for name in change.get("off", ()))
        row.channel = channels.index(change["channel"])
        row.held_out = change.get("held_out", False) << row.channel
        row.log_bid_change = math.log(change.get("bid", 1.0))
        row.throttle_factor = change.get("throttle", 1.0)
    return rows


def framed(rows):
    return pd.DataFrame({field: rows[field] for field in ORDER})


def orders_in_world(twins, w):
    """All orders of world w: those of the world that happened up to where people part, and their own from there on."""
    fact = framed(twins.orders[twins.orders["world"] == 0])
    if w == 0:
        return fact
    parted = twins.parted[fact["user"], w]
    shared = (parted < 0) | (fact["session"] < parted)
    own = framed(twins.orders[twins.orders["world"] == w])
    return pd.concat([fact[shared], own]).sort_values(["user", "session"], kind="stable").reset_index(drop=True)


def run_again(world, row):
    """The orders and the ledger of a world that is run on its own with the change in place."""
    played = play(world.scenario, row, kept="orders")
    orders = framed(np.concatenate(list(played.engine.take_rows())))
    return orders.sort_values(["user", "session"], kind="stable").reset_index(drop=True), played.engine.ledger()


def assert_second_lives_are_second_runs(world, rows, twins):
    for w in range(1, len(rows)):
        orders, ledger = run_again(world, rows[w : w + 1])
        pd.testing.assert_frame_equal(orders_in_world(twins, w), orders)
        for field in COUNTS:
            assert list(twins.ledgers[0][field] + twins.ledgers[w][field]) == list(ledger[field])


@pytest.fixture
def unlimited(unlimited_market):
    return simulate(load_scenario(unlimited_market))


def test_world_0_is_the_world_that_happened(world):
    twins = twins_of(world, variant_rows(world, ("social",)))
    orders = world.events.to_pandas().query("kind == 'conversion'")
    fact = twins.orders[(twins.orders["world"] == 0) & (twins.orders["kind"] == CONVERSION)]
    assert len(orders) > 100
    assert list(fact["user"].astype(np.int64) << 32 | fact["session"]) == list(orders["order_id"])
    assert list(fact["value_micros"]) == list(orders["value_micros"])
    market = world.market.group_by(["channel", "campaign"]).aggregate([(field, "sum") for field in COUNTS]).to_pandas()
    flat = market["campaign"] == "newsletter"  # its fee is the market's, not the law's
    for field in COUNTS:
        expected = market[f"{field}_sum"].where(~flat | (field != "cost_micros"), 0)
        assert list(twins.ledgers[0][field]) == list(expected)


def test_channels_off_one_by_one_and_together(unlimited):
    names = [unlimited.names.channels[k] for k in unlimited.names.paid_channels()]
    rows = variant_rows(unlimited, *[(name,) for name in names], ("social", "video"), tuple(names))
    assert_second_lives_are_second_runs(unlimited, rows, twins_of(unlimited, rows))


def test_bids_up_and_down(unlimited):
    changes = [{"channel": name, "bid": bid} for name in ("social", "brand_search", "video") for bid in (0.9, 1.1)]
    rows = variant_rows(unlimited, *changes)
    assert_second_lives_are_second_runs(unlimited, rows, twins_of(unlimited, rows))


def test_ghosts_count_towards_caps_and_wear_when_the_experiment_is_over(unlimited_market):
    social = unlimited_market["channels"]["social"]
    social["holdout"] = {"share": 0.5, "end_day": 5.0}
    social["campaigns"]["prospecting"] |= {"frequency_cap": 2, "frequency_cap_days": 14.0}
    world = simulate(load_scenario(unlimited_market))
    rows = variant_rows(world, {"channel": "social", "bid": 0.5}, {"channel": "social", "bid": 1.5})
    assert_second_lives_are_second_runs(world, rows, twins_of(world, rows))


def test_a_bid_changed_while_another_channel_is_off(unlimited):
    rows = variant_rows(unlimited, {"channel": "social", "bid": 1.3, "off": ("brand_search",)})
    assert_second_lives_are_second_runs(unlimited, rows, twins_of(unlimited, rows))


@given(st.data())
@settings(max_examples=25)
def test_second_lives_are_second_runs_in_any_market_without_budgets(markets, data):
    tables = data.draw(markets)
    for channel in tables["channels"].values():
        for campaign in channel.get("campaigns", {}).values():
            campaign.pop("daily_budget", None)
    world = simulate(load_scenario(tables))
    rows = variant_rows(
        world, ("social",), ("affiliate", "email"), ("social", "video", "brand_search", "affiliate", "email"),
        {"channel": "brand_search", "bid": 0.5}, {"channel": "social", "bid": 2.0},
        *({"channel": name, "held_out": True} for name in ("social", "video", "brand_search")),
    )  # fmt: skip
    twins = twins_of(world, rows, block_users=data.draw(st.integers(1, 200)))
    assert_second_lives_are_second_runs(world, rows, twins)


def test_no_world_parts_in_the_warm_up_and_none_has_ads_in_the_follow_up(world, events):
    twins = twins_of(world, variant_rows(world, ("social",), {"channel": "video", "bid": 2.0}))
    people = world.scenario.run.users
    began = events[events["user_id"] < people].groupby(["user_id", "session"])["time"].min()
    for w in (1, 2):
        user = np.flatnonzero(twins.parted[:people, w] >= 0)
        times = began.reindex(list(zip(user, twins.parted[user, w], strict=True))).dropna()
        assert len(times) > 100
        assert times.between(0.0, world.scenario.run.days).all()
    bought = events[events["kind"].isin(["impression", "click", "ghost", "fee"])]
    assert bought["time"].max() < world.scenario.run.days
    assert (events["time"] > world.scenario.run.days).any()
    assert (events["cost_micros"] > 0).equals((events["cost_micros"] > 0) & (events["time"] < world.scenario.run.days))


def test_an_unchanged_twin_never_parts(world):
    rows = variant_rows(world, {"channel": "social"}, {"channel": "brand_search"}, ())
    twins = twins_of(world, rows)
    people = world.scenario.run.users
    assert (twins.parted[:people] == -1).all()
    assert (twins.orders["world"] == 0).all()
    for w in (1, 2, 3):
        assert not any(twins.ledgers[w][field].any() for field in COUNTS)


def test_people_part_at_the_first_ad_of_the_channel(world, events):
    twins = twins_of(world, variant_rows(world, ("social",)))
    shown = events[(events["kind"] == "impression") & (events["channel"] == "social")]
    first = shown[shown["time"] >= 0.0].groupby("user_id")["session"].min()
    people = world.scenario.run.users
    first = first[first.index < people]
    assert shown["time"].min() < 0.0  # seen in the warm-up too, which all worlds share
    parted = twins.parted[:people, 1]
    assert list(np.flatnonzero(parted >= 0)) == list(first.index)
    assert list(parted[parted >= 0]) == list(first)


def test_a_channel_without_effect_causes_exactly_nothing(market):
    for field in ("goodwill_per_impression", "annoyance_per_impression"):
        market["channels"]["video"][field] = 0.0
    market["channels"]["video"]["campaigns"]["launch"]["click_through_rate"] = 0.0
    # Alone on its surface: an ad without effect still takes slots away from ads that have one.
    market["surfaces"]["screen"] = market["surfaces"]["feed"]
    market["channels"]["video"]["surface"] = "screen"
    world = simulate(load_scenario(market))
    twins = twins_of(world, variant_rows(world, ("video",)))
    fact, without = orders_in_world(twins, 0), orders_in_world(twins, 1)
    reached = np.sum(twins.parted[: world.scenario.run.users, 1] >= 0)
    assert reached > 500
    assert len(fact) > 100
    pd.testing.assert_frame_equal(fact, without)


def test_threads_and_blocks_change_nothing(world):
    rows = variant_rows(world, ("social",), {"channel": "social", "bid": 1.1})
    one = twins_of(world, rows)
    for threads, block_users in ((2, 300), (1, 1), (1, 10_000)):
        other = twins_of(world, rows, threads=threads, block_users=block_users)
        assert (one.orders == other.orders).all()
        assert (one.parted == other.parted).all()
        assert (one.ledgers == other.ledgers).all()


def test_held_feedback_scales_the_pacing_that_happened(market):
    market["channels"]["social"]["campaigns"]["prospecting"]["daily_budget"] = 1.0
    world = simulate(load_scenario(market))
    rows = variant_rows(world, {"channel": "social", "throttle": 0.5}, {"channel": "social", "throttle": 1.5})
    twins = twins_of(world, rows)
    c = [campaign.name for campaign in world.names.campaigns].index("prospecting")
    assert twins.ledgers[1][c]["cost_micros"] < 0 < twins.ledgers[2][c]["cost_micros"]


def test_the_population_is_left_as_it_was(world):
    population = build_population(world.scenario, world.law, world.names)
    tables = [*population[:4], *population.shown]
    before = [table.copy() for table in tables]
    rows = variant_rows(world, ("social",))
    live_twins(world.law, world.board, population, rows, 7, kernel=DEFAULT_KERNELS.relive)
    assert all((table == copy).all() for table, copy in zip(tables, before, strict=True))


def test_a_life_with_more_orders_than_the_buffer_holds(unlimited_market):
    unlimited_market["run"] |= {"users": 3, "days": 120.0}
    unlimited_market["timeline"] = []
    unlimited_market["calendar"] = {}
    unlimited_market["population"] |= {"sessions_per_day": {"mean": 20.0}, "need_per_day": {"mean": 100.0}}
    unlimited_market["need"] = {"satiation_days": 0.0, "aroused_by_visit": 1.0}
    unlimited_market["funnel"] = [{"name": "purchase", "rate": 1.0}]
    unlimited_market["invalid_traffic"] = {}
    world = simulate(load_scenario(unlimited_market))
    rows = variant_rows(world, *[{"channel": "social", "bid": 1.0 + 0.1 * i} for i in range(1, 13)])
    twins = twins_of(world, rows)
    assert np.bincount(twins.orders["user"]).max() > 8192
    assert_second_lives_are_second_runs(world, rows, twins)

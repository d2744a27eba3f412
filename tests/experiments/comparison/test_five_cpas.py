"""Five CPAs: sums that must hold, the published range of double counting, and segments that add up."""

import math

import pyarrow.compute as pc
import pytest

from attribution.paths.build import build_paths
from attribution.paths.settings import PathSettings
from experiments.comparison.five_cpas import DIMENSIONS, INCREMENTAL, ORACLE, SOURCES, ChannelCpas, cpas_by, five_cpas
from experiments.comparison.perfect_tracking import LAST_CLICK_SETTINGS
from experiments.truth.effects import ALL, Truth, measure_truth
from simulator.record.record import Record, record
from simulator.record.systems.analytics_journeys import recorded_journeys
from simulator.scenario.loading import load_scenario
from simulator.scenario.tracking import PERFECT
from simulator.world import World, simulate


@pytest.fixture(scope="module")
def world() -> World:
    return simulate(load_scenario("dtc-apparel", {"run.users": 40_000}))


@pytest.fixture(scope="module")
def truth(world: World) -> Truth:
    return measure_truth(world)


@pytest.fixture(scope="module")
def today(world: World) -> Record:
    return record(world)


def test_incremental_and_costs_are_the_truth_s(world: World, truth: Truth, today: Record) -> None:
    found = five_cpas(world, truth, recorded=today)
    for own in found.channels[:-1]:
        effect = truth.effect(own.channel)
        assert own.actions[INCREMENTAL] == effect.incremental_conversions
        assert own.cpa(INCREMENTAL) == pytest.approx(effect.cost_per_incremental_conversion, nan_ok=True)
        assert own.true_cost == world.cost_micros()[own.channel] / 1e6
    assert found.channels[-1].actions[INCREMENTAL] == truth.effect(ALL, "joint").incremental_conversions


def test_nothing_counted_is_no_price_but_nothing_caused_is_an_unbounded_one():
    counted = dict.fromkeys(SOURCES, 0.0) | {"platform": 4.0}
    own = ChannelCpas("social", 100.0, 100.0, counted)
    assert own.cpa("platform") == 25.0
    assert math.isnan(own.cpa("crm"))
    assert math.isnan(own.cpa("oracle"))
    assert own.cpa("incremental") == math.inf


def test_no_system_but_platforms_claims_more_than_there_is(world: World, truth: Truth, today: Record) -> None:
    found = five_cpas(world, truth, recorded=today)
    orders = world.orders().num_rows
    assert found.orders == orders
    assert sum(today.conversions("crm").values()) == orders
    assert sum(today.conversions("analytics").values()) <= orders * 1.05
    assert found.platform_claims == pytest.approx(sum(today.conversions("platform").values()))
    assert f"of {orders:,} purchases" in found.summary()


def test_under_perfect_tracking_analytics_is_the_oracle(world: World, truth: Truth) -> None:
    # Both look back as far: analytics' own window is longer than the oracle's.
    window = {"lookback_days": LAST_CLICK_SETTINGS.lookback_days}
    perfect = PERFECT.model_copy(update={"analytics": PERFECT.analytics.model_copy(update=window)})
    found = five_cpas(world, truth, recorded=record(world, perfect))
    robots = world.users.filter(world.users["robot"]).num_rows
    assert robots > 0
    for own in found.channels[:-1]:
        assert own.actions["analytics"] == pytest.approx(own.actions[ORACLE])
        assert own.cpa("analytics") == pytest.approx(own.cpa(ORACLE), nan_ok=True)


@pytest.mark.parametrize("dimension", DIMENSIONS)
def test_segments_add_up_to_the_whole(world: World, today: Record, dimension: str) -> None:
    frame = cpas_by(world, dimension, today)  # parametrised by the constant itself
    paid = set(world.scenario.paid_channels())
    for system in ("platform", "analytics", "crm"):
        own = frame[frame["system"] == system]
        expected = {c: n for c, n in today.conversions(system).items() if c in paid}
        counted = own.groupby("channel")["conversions"].sum()
        assert {c: n for c, n in counted.items() if n} == pytest.approx(expected)
        assert own["cost"].sum() == pytest.approx(sum(today.cost_micros.values()) / 1e6)


def test_robots_buy_ads_but_are_not_customers(world: World, today: Record) -> None:
    robots = set(world.users.filter(world.users["robot"])["user_id"].to_pylist())
    claims = today.claims.filter(pc.equal(today.claims["system"].cast("string"), "crm"))
    assert not robots & set(claims["user_id"].to_pylist())


def test_the_default_scenario_shows_the_published_double_counting_and_path_lengths() -> None:
    """Platforms claim 20 to 84 % more orders than there are; 50 to 70 % of recorded paths have one touch (direct aside)."""
    world = simulate(load_scenario("dtc-apparel"))
    claims = sum(record(world).conversions("platform").values())
    assert 1.20 <= claims / world.orders().num_rows <= 1.84
    touches, conversions = recorded_journeys(world)
    paths = build_paths(touches, conversions, PathSettings(direct="ignored_unless_alone"))
    single = paths.conversions[paths.lengths == 1].sum() + paths.unattributed_conversions
    assert 0.50 <= single / paths.total_conversions <= 0.70

"""Worked examples published for cost per action come out of the presets, within sampling error."""

import math
from functools import lru_cache

import pyarrow.compute as pc
import pytest

from attribution.models.rules.rules import LastClick
from attribution.paths.build import build_paths
from experiments.comparison.perfect_tracking import LAST_CLICK_SETTINGS, touches_and_orders
from experiments.truth.effects import measure_truth
from simulator.scenario.loading import load_scenario
from simulator.world import simulate

# Counts of orders are Poisson to good approximation, so the logarithm of a CPA has standard error 1 / sqrt(orders).
# 3.3 of them: one check in a thousand fails by luck.
STANDARD_ERRORS = 3.3


def assert_within_sampling_error(cpa, published, orders):
    assert orders > 50
    assert abs(math.log(cpa / published)) < STANDARD_ERRORS / math.sqrt(orders), f"{cpa:.2f} is not near {published}"


@lru_cache(maxsize=16)
def last_click_orders(world_of, name, users, channel, kind="conversion"):
    """Orders that last click credits to a channel; of kind `qualified`: those among them that qualify."""
    world = world_of(name, users)
    touches, orders = touches_and_orders(world)
    paths = build_paths(touches, orders, LAST_CLICK_SETTINGS)
    if kind != "conversion":
        chosen = world.events.filter(pc.equal(world.events["kind"], kind))["order_id"]
        paths = build_paths(touches, orders.filter(pc.is_in(orders["order_id"], chosen)), LAST_CLICK_SETTINGS)
    credit = LastClick().fit(paths).credit(paths)
    return float(credit.conversions[credit.channels.index(channel)])


@pytest.fixture(params=[pytest.param("quick"), pytest.param("large", marks=pytest.mark.study)])
def size(request):
    return request.param


@pytest.mark.xdist_group("b2b-leads")
def test_search_leads_cost_150_and_qualified_ones_500(world_of, size):
    # $12,000 a month, 80 demo bookings → $150; 30 % qualify → $500.
    users = {"quick": 300_000, "large": 1_000_000}[size]
    world = world_of("b2b-leads", users)
    search = world.cost_micros()["generic_search"] / 1e6
    leads = last_click_orders(world_of, "b2b-leads", users, "generic_search")
    qualified = last_click_orders(world_of, "b2b-leads", users, "generic_search", "qualified")
    # Pacing catches up on quiet weekends and on the first week, when few search: the month ends on its budget.
    assert search / (users / 100_000) == pytest.approx(12_000, rel=0.02)
    assert_within_sampling_error(search / leads, 150.0, leads)
    assert_within_sampling_error(search / qualified, 500.0, qualified)
    assert abs(qualified / leads - 0.30) < STANDARD_ERRORS * math.sqrt(0.3 * 0.7 / leads)


@pytest.mark.xdist_group("dtc-apparel")
def test_retargeted_purchases_cost_50_against_a_margin_of_65(world_of, size):
    # $6,000, 120 purchases → $50; gross margin $65 per order.
    users = {"quick": 300_000, "large": 1_000_000}[size]
    world = world_of("dtc-apparel", users)
    purchases = last_click_orders(world_of, "dtc-apparel", users, "retargeting")
    assert_within_sampling_error(world.cost_micros()["retargeting"] / 1e6 / purchases, 50.0, purchases)
    values = world.orders()["value_micros"]
    margin = pc.mean(values).as_py() / 1e6 * world.scenario.order.margin_share
    error = pc.stddev(values).as_py() / 1e6 * world.scenario.order.margin_share / math.sqrt(len(values))
    assert abs(margin - 65.0) < STANDARD_ERRORS * error


@pytest.mark.xdist_group("app-install")
def test_installs_on_social_cost_2_80_and_activated_users_14(world_of, size):
    # $2.80 per install, $14.00 per activated user: one in five activates.
    users = {"quick": 200_000, "large": 400_000}[size]
    world = world_of("app-install", users)
    cost = world.cost_micros()["social"] / 1e6
    installs = last_click_orders(world_of, "app-install", users, "social")
    activated = last_click_orders(world_of, "app-install", users, "social", "qualified")
    assert_within_sampling_error(cost / installs, 2.80, installs)
    assert_within_sampling_error(cost / activated, 14.00, activated)


@pytest.mark.xdist_group("app-install")
def test_an_install_paid_per_action_costs_its_fee_to_the_cent(world_of):
    world = world_of("app-install", 200_000)
    events = world.reported_events()  # what is paid is paid for the window
    fees = events.filter(pc.equal(events["kind"], "fee"))
    assert set(fees["cost_micros"].to_pylist()) == {2_800_000}
    assert world.cost_micros()["ad_network"] == 2_800_000 * fees.num_rows


@pytest.mark.xdist_group("dropshipping")
def test_a_week_at_50_a_day_costs_350_and_25_per_sale_against_a_margin_of_38(world_of, size):
    # $50 × 7 days = $350, 14 sales → $25; margin $38 → $13 per sale, $182 in all.
    users = {"quick": 600_000, "large": 3_000_000}[size]
    world = world_of("dropshipping", users)
    weeks = users / 60_000  # budgets scale with people: so many times the example's week
    cost = world.cost_micros()["social"] / 1e6
    sales = last_click_orders(world_of, "dropshipping", users, "social")
    assert cost / weeks == pytest.approx(350.0, rel=0.02)
    assert_within_sampling_error(cost / sales, 25.0, sales)
    values = set(world.orders()["value_micros"].to_pylist())
    assert values == {60_000_000}
    margin = 60.0 * world.scenario.order.margin_share
    assert margin == pytest.approx(38.0)
    # Profit is sales × margin − cost, so its error is that of the sales: margin × sqrt(14 per week).
    profit = (sales * margin - cost) / weeks
    assert abs(profit - 182.0) < STANDARD_ERRORS * margin * math.sqrt(14.0 / weeks)


def test_a_new_customer_of_the_coffee_club_costs_more_than_the_first_order_earns_and_less_than_all(world_of):
    """Acceptable CPA follows from what a customer is worth, repeat orders included (seeds facts, items 5 to 7 and 17)."""
    world = world_of("coffee-club", 60_000)
    joint = measure_truth(world, estimands=("joint",), threads=2).effect("all", "joint")
    margin = world.scenario.order.margin_share
    earned_by_one_order = margin * pc.mean(world.orders()["value_micros"]).as_py() / 1e6
    assert earned_by_one_order < joint.cost_per_incremental_customer < margin * joint.value_per_incremental_customer
    assert joint.incremental_conversions > 1.3 * joint.incremental_customers


def test_the_fourth_quarter_moves_cost_per_purchase_though_the_shop_changes_nothing(world_of):
    """CPM + 30 to 80 % in the quarter, against the same weeks without the season (one world each, seed 1)."""
    quarter = world_of("apparel-q4", 20_000)
    plain = simulate(load_scenario("apparel-q4", {"run.users": 20_000, "need.season": []}))

    def cpm(world):
        frame = world.to_frame().set_index("channel")
        return frame["cost"]["social_prospecting"] / frame["impressions"]["social_prospecting"]

    assert 1.1 < cpm(quarter) / cpm(plain) < 1.8

"""Readings of user-level tests, counted again by hand."""

import math

import numpy as np
import pytest

from cpalab.refusal import LiftInputError, ScenarioError
from experiments.designs.registry import DESIGNS, USER_DESIGNS, find_designs
from experiments.designs.users.user_level import read_user_test
from simulator.scenario.loading import load_scenario


@pytest.fixture(scope="module")
def ghost_world(world_of):
    return world_of("ghost_ads")[1]


def counted_orders(world):
    """Orders from the first reported day to the end of the follow-up."""
    return world.orders_until(math.inf).to_pandas()


def test_everyone_assigned_counts_by_intention_to_treat(ghost_world):
    users, orders = ghost_world.users.to_pandas(), counted_orders(ghost_world)
    per_user = orders.groupby("user_id").size().reindex(users["user_id"], fill_value=0).to_numpy()
    people = ~users["robot"].to_numpy()
    held_out = users["holdout_video"].to_numpy()
    test = read_user_test(ghost_world, "video").conversions
    assert test.lift.difference == pytest.approx(
        per_user[people & ~held_out].mean() - per_user[people & held_out].mean()
    )
    assert test.treated.users + test.control.users == people.sum()
    assert test.cost_micros == ghost_world.cost_micros()["video"]


def test_ghost_ads_compare_those_an_ad_reached_with_those_it_would_have_from_that_moment_on(ghost_world):
    events, users = ghost_world.reported_events().to_pandas(), ghost_world.users.to_pandas()
    marks = events[(events["channel"] == "video") & events["kind"].isin(["impression", "ghost"])]
    marks = marks[~users["robot"].to_numpy()[marks["user_id"]]]
    first = marks.groupby("user_id")["time"].min()
    orders = counted_orders(ghost_world)
    since = orders[orders["time"] >= orders["user_id"].map(first).fillna(np.inf)]
    bought = since.groupby("user_id").size().reindex(first.index, fill_value=0)
    held_out = users.set_index("user_id")["holdout_video"].loc[first.index]
    test = read_user_test(ghost_world, "video", "ghost").conversions
    assert (test.treated.users, test.treated.sum) == ((~held_out).sum(), bought[~held_out].sum())
    assert (test.control.users, test.control.sum) == (held_out.sum(), bought[held_out].sum())
    assert test.unexposed.users == 0
    assert not test.sample_ratio.mismatch
    # The lift is relative to the counterfactual rate of the exposed, their ghosts' (Gordon et al. 2019, eq. 8).
    assert test.lift.baseline == pytest.approx(bought[held_out].mean())
    assert test.lift_of_exposed.difference == pytest.approx(test.lift.difference)


def test_ghost_ads_are_sharper_than_intention_to_treat(ghost_world):
    itt, ghost = (read_user_test(ghost_world, "retargeting", stratum) for stratum in ("assigned", "ghost"))
    total = [test.conversions.incremental_conversions for test in (itt, ghost)]
    assert total[1].standard_error < 0.8 * total[0].standard_error


def test_predicted_ads_give_the_effect_per_exposed_through_the_share_that_saw_one(world_of):
    _, world = world_of("predicted_ghost_ads", {"channels.video.holdout.prediction_error": 3.0})
    test = read_user_test(world, "video", "predicted").conversions
    assert 0 < test.share_exposed < 1
    assert test.lift_of_exposed.difference == pytest.approx(test.lift.difference / test.share_exposed)
    assert test.lift_of_exposed.t == pytest.approx(test.lift.t)


def test_value_is_in_currency_and_the_value_of_an_order_a_ratio(ghost_world):
    test = read_user_test(ghost_world, "social_prospecting")
    users, orders = ghost_world.users.to_pandas(), counted_orders(ghost_world)
    held_out = users["holdout_social_prospecting"].to_numpy()[orders["user_id"]]
    value = orders["value_micros"].to_numpy() / 1e6
    per_order = value[~held_out].mean() - value[held_out].mean()
    assert test.value_per_order.difference == pytest.approx(per_order)
    treated, control = test.conversions.treated.users, test.conversions.control.users
    assert test.value.difference == pytest.approx(value[~held_out].sum() - value[held_out].sum() * treated / control)


def test_adjusting_for_visits_before_the_test_is_sharper_and_needs_days_before_it(world_of, tested_shop):
    design, world = world_of("user_holdout_adjusted")
    assert world.scenario.channels["video"].holdout.start_day == 0.0  # the warm-up comes before it
    plain, adjusted = (read_user_test(world, "video", adjusted=adjusted) for adjusted in (False, True))
    assert adjusted.conversions.lift.standard_error < plain.conversions.lift.standard_error
    given = design.arrange(tested_shop({"channels.video.holdout.start_day": 2.0}), "video")
    assert given.channels["video"].holdout.start_day == 2.0


def test_people_in_another_arm_of_the_group_are_not_compared(world_of):
    group = {f"channels.{name}.holdout.group": "one" for name in ("video", "retargeting")}
    shares = {f"channels.{name}.holdout.share": 0.3 for name in ("video", "retargeting")}
    _, world = world_of("user_holdout", {**group, **shares})
    users = world.users.to_pandas()
    people = ~users["robot"] & ~users["holdout_retargeting"]
    test = read_user_test(world, "video").conversions
    assert test.treated.users == (people & ~users["holdout_video"]).sum()
    assert test.control.users == (people & users["holdout_video"]).sum()
    assert not test.sample_ratio.mismatch
    paid_for_others = world.reported_events().to_pandas()
    paid_for_others = paid_for_others[
        (paid_for_others["channel"] == "video") & users["holdout_retargeting"].to_numpy()[paid_for_others["user_id"]]
    ]
    not_robots = ~users["robot"].to_numpy()[paid_for_others["user_id"]]
    other_cost = paid_for_others["cost_micros"].to_numpy()[not_robots].sum()
    assert test.cost_micros == world.cost_micros()["video"] - other_cost


def test_placebo_ads_cost_the_test_not_the_ads(world_of):
    design, world = world_of("psa")
    events = world.reported_events().to_pandas()
    robot = world.users["robot"].to_numpy(zero_copy_only=False)
    paid = events[(events["channel"] == "video") & (events["kind"] == "psa") & ~robot[events["user_id"]]]
    reading = design.read(world, "video")
    assert reading.test_cost == pytest.approx(paid["cost_micros"].sum() / 1e6)
    assert reading.cost.cost + reading.test_cost == pytest.approx(world.cost_micros()["video"] / 1e6)


def test_log_in_leaks_are_corrected_by_the_share_of_ads_withheld(world_of):
    design, world = world_of("login_holdout")
    plain = read_user_test(world, "video").conversions.incremental_conversions
    ads = world.reported_events().to_pandas()
    ads = ads[(ads["channel"] == "video") & (ads["kind"] == "impression")].groupby("user_id").size()
    users = world.users.to_pandas()
    users["ads"] = users["user_id"].map(ads).fillna(0)
    known = users[users["log_in"] & ~users["robot"]].groupby("holdout_video")["ads"].mean()
    assert design.read(world, "video").lift.difference == pytest.approx(
        plain.difference / (1 - known[True] / known[False])
    )


@pytest.mark.parametrize("name", USER_DESIGNS)
def test_every_design_names_itself_and_reads_what_it_says(world_of, name):
    design, world = world_of(name)
    reading = design.read(world, "social_prospecting")
    assert (design.name, reading.design, reading.channel) == (name, name, "social_prospecting")
    frame = reading.to_frame()
    assert frame["incremental_conversions_lower"].item() < frame["incremental_conversions_upper"].item()
    assert reading.width == pytest.approx(
        (frame["incremental_conversions_upper"] - frame["incremental_conversions_lower"]).item()
    )
    # One event: p < 0.05, an interval without zero, a bounded price.
    significant = reading.lift.p_value() < 0.05
    assert significant == (not reading.covers(0.0)) == reading.cost.bounded
    assert reading.summary().startswith(f"{name} on social_prospecting:")


def test_an_arm_with_nobody_has_no_reading(shop):
    from simulator.world import simulate

    (design,) = find_designs(["user_holdout"])
    scenario = design.arrange(shop({"channels.video.holdout.share": 1.0}), "video")
    with pytest.raises(LiftInputError, match=r"treated\.users"):
        design.read(simulate(scenario), "video")


def test_unknown_designs_and_channels_are_refused_with_a_hint():
    with pytest.raises(LiftInputError, match=r"design: 'ghost' is unknown; did you mean .*\?") as refusal:
        find_designs(["ghost", "user_holdout", "nonsense_of_its_own"])
    assert len(refusal.value.lines) == 2
    (design,) = find_designs(["ghost_ads"])
    scenario = load_scenario()
    with pytest.raises(ScenarioError, match="did you mean video"):
        design.arrange(scenario, "vidoe")
    with pytest.raises(ScenarioError, match="has no campaigns to test"):
        design.arrange(scenario, "direct")
    assert set(USER_DESIGNS) <= set(DESIGNS)

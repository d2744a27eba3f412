"""The truth of a test is what a second run gives in which everyone is held out."""

import numpy as np
import pytest

from experiments.designs.users.arrangement import days_of, holdout_arranged
from experiments.designs.users.world_counts import compared_arms
from simulator.world import simulate


def orders_of(world, people, channel):
    """Orders of these people, and their value in micros, from the test's first day on, the follow-up included."""
    days = days_of(world.scenario, channel)
    orders = world.orders_until(days.last_day)
    counted = people[orders["user_id"].to_numpy()] & (orders["time"].to_numpy() >= days.start_day)
    return int(counted.sum()), int(orders["value_micros"].to_numpy()[counted].sum())


@pytest.mark.parametrize("name", ["user_holdout", "ghost_ads", "psa", "predicted_ghost_ads"])
@pytest.mark.parametrize("channel", ["social_prospecting", "retargeting"])
def test_it_is_the_difference_to_a_world_in_which_everyone_is_held_out(world_of, name, channel):
    design, world = world_of(name, channels=[channel], budgets=False)
    without = simulate(holdout_arranged(world.scenario, channel, share=1.0))
    people, _ = compared_arms(world, channel)
    effect = design.truth(world, [channel])[channel]
    with_ads, none = orders_of(world, people, channel), orders_of(without, people, channel)
    assert effect.incremental_conversions == with_ads[0] - none[0]
    assert effect.incremental_value_micros == with_ads[1] - none[1]
    assert effect.incremental_conversions != 0


def test_days_and_cool_down_bound_what_is_counted_and_what_is_withheld(world_of):
    channel = "social_prospecting"
    days = {"start_day": 3.0, "end_day": 8.0, "cooldown_days": 2.0}
    changes = {f"channels.{channel}.holdout.{key}": value for key, value in days.items()}
    design, world = world_of("user_holdout", changes, channels=[channel], budgets=False)
    without = simulate(holdout_arranged(world.scenario, channel, share=1.0))
    people, _ = compared_arms(world, channel)
    effect = design.truth(world, [channel])[channel]
    assert (
        effect.incremental_conversions == orders_of(world, people, channel)[0] - orders_of(without, people, channel)[0]
    )
    events = world.events.to_pandas()
    withheld = events.loc[(events["kind"] == "ghost") & (events["channel"] == channel), "time"]
    assert len(withheld) > 100
    assert 3.0 <= withheld.min() <= withheld.max() < 8.0


def test_the_test_and_its_truth_price_the_same_money(world_of):
    for name in ("ghost_ads", "psa", "login_holdout", "cookie_holdout", "exposed_vs_unexposed"):
        design, world = world_of(name)
        for channel, effect in design.truth(world, ["social_prospecting", "video"]).items():
            assert design.read(world, channel).cost.cost == pytest.approx(effect.cost_micros / 1e6)


def test_people_whom_no_ad_reached_are_the_same_in_both_worlds(world_of):
    design, world = world_of("ghost_ads")
    people, _ = compared_arms(world, "video")
    effect = design.truth(world, ["video"])["video"]
    assert 0 < effect.people_reached < int(np.sum(people))

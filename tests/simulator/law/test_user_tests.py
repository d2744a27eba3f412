"""User-level tests as the law runs them: what each design shows, withholds and logs, and for whom."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from cpalab.refusal import ScenarioError
from simulator.market.holdouts import cookies_of
from simulator.record.true_events import codes
from simulator.scenario.loading import load_scenario
from simulator.world import simulate


@pytest.fixture
def run(unlimited_market):
    """The world of the market without budgets, with these fields of social's holdout; all other holdouts off."""

    def make(**holdout):
        for channel in unlimited_market["channels"].values():
            if "campaigns" in channel:
                channel["holdout"] = {"share": 0.0}
        unlimited_market["channels"]["social"]["holdout"] = holdout
        return simulate(load_scenario(unlimited_market))

    return make


def of(world, *kinds, channel="social"):
    events = world.reported_events().to_pandas()
    return events[(events["channel"] == channel) & events["kind"].isin(kinds)]


def held_out(world, channel="social"):
    users = world.users.to_pandas()
    return set(users.loc[users[f"holdout_{channel}"], "user_id"])


def first_of(events):
    return events.groupby("user_id").first()[["session", "time"]]


# ---------------------------------------------------------------- placebo ads


def test_the_held_out_are_shown_placebo_ads_and_nobody_is_a_ghost(run):
    world = run(share=0.4, design="psa")
    out = held_out(world)
    placebo, shown = of(world, "psa"), of(world, "impression", "click")
    assert set(placebo["user_id"]) <= out
    assert not set(shown["user_id"]) & out
    assert len(of(world, "ghost")) == 0
    assert len(placebo) > 100
    assert (placebo["cost_micros"] > 0).all()


def test_placebo_ads_are_paid_for_by_the_channel_and_take_the_slot(run):
    world = run(share=0.4, design="psa")
    log = world.reported_events().to_pandas().groupby("channel", observed=True)["cost_micros"].sum()
    assert log["social"] == world.cost_micros()["social"]
    placebo = of(world, "psa").set_index(["user_id", "session"]).index
    others = world.reported_events().to_pandas()
    others = others[others["kind"] == "impression"].set_index(["user_id", "session"]).index
    assert not placebo.isin(others).any()


def test_with_the_propensity_to_convert_placebos_go_first_to_whom_the_ads_would(run):
    propensity = {"out_of_market": 1.0, "in_market": 5.0, "visited": 20.0, "late": 60.0}
    placebo = first_of(of(run(share=0.4, design="psa", psa_propensity=propensity), "psa"))
    ghost = first_of(of(run(share=0.4, design="ghost_ads"), "ghost"))
    pd.testing.assert_frame_equal(placebo, ghost)


def test_optimised_for_placebo_clickers_they_go_to_other_people(run):
    propensity = {"out_of_market": 60.0, "in_market": 5.0, "visited": 1.0, "late": 1.0}
    placebo = of(run(share=0.4, design="psa", psa_propensity=propensity), "psa")
    ghost = of(run(share=0.4, design="ghost_ads"), "ghost")
    chosen = [events[events["campaign"] == "retargeting"] for events in (placebo, ghost)]
    assert len(chosen[0]) != len(chosen[1])


# ---------------------------------------------------------------- predicted ghost ads


def test_people_enter_once_before_their_first_ad_in_both_arms(run):
    world = run(share=0.4, design="predicted_ghost_ads")
    entries = of(world, "predicted")
    assert not entries.duplicated(["user_id", "campaign"]).any()
    assert entries.groupby("user_id")["session"].nunique().max() == 1
    entered = first_of(entries)
    shown = first_of(of(world, "impression", "ghost"))
    assert set(shown.index) <= set(entered.index)
    assert (shown["session"] >= entered.loc[shown.index, "session"]).all()


def test_the_entry_does_not_depend_on_the_arm(run):
    # Everyone's life is the same up to the entry, so flipping arms moves no entry.
    few = run(share=0.2, design="predicted_ghost_ads")
    many = run(share=0.8, design="predicted_ghost_ads")
    assert held_out(few) < held_out(many)
    pd.testing.assert_frame_equal(first_of(of(few, "predicted")), first_of(of(many, "predicted")))


def test_a_prediction_without_error_is_the_auction_itself(run):
    exact = run(share=0.4, design="predicted_ghost_ads", prediction_error=0.0)
    ghosts = run(share=0.4, design="ghost_ads")
    entered = first_of(of(exact, "predicted"))
    offered = of(ghosts, "impression", "ghost")
    # What another campaign wins is predicted too: the prediction looks at the price alone.
    assert set(first_of(offered).index) <= set(entered.index)


# ---------------------------------------------------------------- log-in


def test_only_people_who_log_in_are_held_out_and_only_while_logged_in(run):
    world = run(share=0.5, assignment="login", design="intention_to_treat", logged_in_share=0.6)
    users = world.users.to_pandas().set_index("user_id")
    out = held_out(world)
    assert users.loc[list(out), "log_in"].all()
    shown, ghosts = of(world, "impression"), of(world, "ghost")
    assert set(ghosts["user_id"]) <= out
    leaked = shown[shown["user_id"].isin(out)]
    assert not leaked.set_index(["user_id", "session"]).index.isin(ghosts.set_index(["user_id", "session"]).index).any()
    # Sessions are logged in independently with probability 0.6; false alarm below 0.001.
    share = len(ghosts) / (len(ghosts) + len(leaked))
    assert abs(share - 0.6) < 3.3 * np.sqrt(0.6 * 0.4 / (len(ghosts) + len(leaked))) + 0.03


# ---------------------------------------------------------------- cookies


def test_a_cookie_sees_ads_or_ghosts_and_a_person_may_see_both(run):
    world = run(share=0.5, assignment="cookie", cookie_days=3.0)
    assert not held_out(world)
    events = of(world, "impression", "ghost")
    rows = pa.Table.from_pandas(events[["user_id", "device"]])
    device = codes(rows["device"], world.names.devices)
    number, out = cookies_of(
        world.law, world.names.channels.index("social"), world.scenario.run.seed,
        events["user_id"].to_numpy(), device, events["time"].to_numpy(),
    )  # fmt: skip
    assert list(out) == list(events["kind"] == "ghost")
    kinds = events.assign(number=number).groupby(["user_id", "device", "number"], observed=True)["kind"].nunique()
    assert (kinds == 1).all()
    assert (events.groupby("user_id")["kind"].nunique() == 2).mean() > 0.3


def test_a_cookie_lives_for_cookie_days(run):
    world = run(share=0.5, assignment="cookie", cookie_days=3.0)
    k, seed = world.names.channels.index("social"), world.scenario.run.seed
    day = np.arange(0.0, 12.0, 0.01)
    number, _ = cookies_of(world.law, k, seed, np.full(day.size, 7), np.zeros(day.size), day)
    turns = day[1:][np.diff(number) == 1]
    assert np.diff(turns) == pytest.approx([3.0] * (len(turns) - 1), abs=0.011)
    assert len(turns) >= 3


# ---------------------------------------------------------------- exclusive arms


def test_nobody_is_in_two_arms_of_a_group_and_shares_hold(unlimited_market):
    shares = {"social": 0.3, "video": 0.2, "brand_search": 0.1}
    unlimited_market["run"]["users"] = 20_000
    unlimited_market["run"]["days"] = 0.1
    for name, share in shares.items():
        unlimited_market["channels"][name]["holdout"] = {"share": share, "group": "one"}
    users = simulate(load_scenario(unlimited_market)).users.to_pandas()
    arms = users[[f"holdout_{name}" for name in shares]]
    assert arms.sum(axis=1).max() == 1
    for name, share in shares.items():
        # False alarm below 0.001 each.
        assert abs(arms[f"holdout_{name}"].mean() - share) < 3.3 * np.sqrt(share * (1 - share) / len(users))


def test_a_group_moves_nobody_in_a_test_outside_of_it(unlimited_market):
    alone = simulate(load_scenario(unlimited_market)).users["holdout_video"]
    unlimited_market["channels"]["social"]["holdout"] = {"share": 0.3, "group": "one"}
    unlimited_market["channels"]["email"]["holdout"] = {"share": 0.3, "group": "one"}
    assert simulate(load_scenario(unlimited_market)).users["holdout_video"].equals(alone)


# ---------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("holdout", "place", "rule"),
    [
        ({"cooldown_days": 3.0}, "channels.social.holdout.cooldown_days", "needs an end_day"),
        ({"assignment": "cookie", "design": "psa"}, "channels.social.holdout.design", "cannot be assigned by cookie"),
        ({"assignment": "login", "group": "one"}, "channels.social.holdout.group", "cannot be exclusive by login"),
    ],
)
def test_a_test_that_cannot_be_is_refused(market, holdout, place, rule):
    market["channels"]["social"]["holdout"] = holdout
    with pytest.raises(ScenarioError) as refusal:
        load_scenario(market)
    assert any(problem.place == place and rule in problem.rule for problem in refusal.value.problems)


def test_arms_that_add_up_to_more_than_everyone_are_refused(market):
    for name in ("social", "video"):
        market["channels"][name]["holdout"] = {"share": 0.6, "group": "one"}
    with pytest.raises(ScenarioError, match="nobody is in two arms of one"):
        load_scenario(market)

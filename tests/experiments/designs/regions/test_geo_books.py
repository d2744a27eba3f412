"""Geo tests inside a world: the panel from its books, the truth by twin, and both beside each other."""

import numpy as np
import pytest

from experiments.designs.regions.geo_books import experiment_of, geo_frame, read_switchback, world_panel
from experiments.designs.regions.geo_truth import geo_test_truth, untested_board
from experiments.lift.geo.methods.did import difference_in_differences
from experiments.lift.geo.panel import geo_panel
from simulator.market.geo_tests import treated_geos
from simulator.scenario.loading import load_scenario
from simulator.world import live_again, simulate

TEST = {
    "channel": "social_prospecting",
    "assignment": "matched_pairs",
    "start_day": 7,
    "end_day": 12,
    "cooldown_days": 2,
}


@pytest.fixture(scope="session")
def regional(shop):
    """The busy shop in twelve markets, with one geo test, and any values changed."""

    def make(kind="go_dark", changes=None, **rest):
        tables = shop(changes).model_dump()
        tables["population"]["geos"] = {f"g{k:02d}": {"share": (k + 1) / 78.0} for k in range(12)}
        tables["tracking"]["consent"]["asked"] = []
        test = TEST | {"kind": kind} | rest
        if kind == "heavy_up":
            test |= {"spend_factor": 2.0, "bid_factor": 1.5}
        if kind == "on_off":
            test |= {"assignment": "listed", "block_days": 1, "start_day": 2, "end_day": 14, "cooldown_days": 0}
        tables["geo_tests"] = {"spring": test}
        return load_scenario(tables)

    return make


@pytest.fixture(scope="session")
def dark(regional):
    return simulate(regional())


# ---------------------------------------------------------------- the panel


def test_the_panel_holds_every_order_where_people_live_and_every_cent_where_ads_were_shown(dark):
    panel = world_panel(dark, "social_prospecting")
    assert panel.response.shape == (12, 14)
    assert panel.response.sum() == dark.orders().num_rows
    assert panel.cost.sum() * 1e6 == pytest.approx(dark.cost_micros()["social_prospecting"], abs=1)
    orders = dark.orders().to_pandas()
    home = dark.users.to_pandas()["geo"].astype(str)
    here = orders[(home.loc[orders["user_id"]] == "g03").to_numpy() & (orders["time"].astype(int) == 5).to_numpy()]
    assert panel.response[panel.geos.index("g03"), 5] == len(here)


def test_flat_fees_are_in_the_panel_though_no_event_carries_them(regional):
    campaign = "channels.email.campaigns.newsletter"
    world = simulate(regional(changes={f"{campaign}.billing": "flat", f"{campaign}.bid": 20.0}, channel="email"))
    cost = world_panel(world, "email").cost
    assert cost.sum() * 1e6 == pytest.approx(world.cost_micros()["email"], abs=20)
    treated = np.isin(world.names.geos, treated_geos(world.scenario, "spring"))
    assert (cost[treated, 7:12] == 0).all()
    assert (cost[~treated, 7:12] > 0).all()


def test_dates_begin_on_the_scenarios_weekday(regional):
    first = world_panel(
        simulate(regional(changes={"calendar.first_weekday": "friday", "run.users": 50})), "video"
    ).dates[0]
    assert first.astype(object).isoweekday() == 5


def test_the_table_is_read_by_the_tools_for_ones_own_data(dark):
    again = geo_panel(geo_frame(dark, "spring"))
    panel = world_panel(dark, "social_prospecting")
    assert again.geos == panel.geos
    assert (again.response == panel.response).all()
    assert again.cost == pytest.approx(panel.cost)


def test_the_table_says_which_geos_were_tested_when(dark):
    table, given = geo_frame(dark, "spring"), dark.scenario.geo_tests["spring"]
    assert set(table.loc[table["arm"] == "treated", "geo"]) == set(treated_geos(dark.scenario, "spring"))
    one = table[table["geo"] == table["geo"].iloc[0]].reset_index(drop=True)
    assert one.index[one["period"] == "test"].tolist() == list(range(given.start_day, given.end_day))


# ---------------------------------------------------------------- the truth


def test_on_its_own_board_a_world_happens_again(dark):
    assert live_again(dark, dark.board).equals(dark.events)


@pytest.mark.parametrize(("kind", "sign"), [("go_dark", -1), ("heavy_up", 1), ("holdback", 1), ("on_off", 1)])
def test_test_and_truth_price_the_same_money(regional, kind, sign):
    world = simulate(regional(kind))
    truth = geo_test_truth(world, "spring")
    assert truth.change.cost_micros * sign > 0
    assert truth.change.incremental_conversions * sign > 0
    assert truth.of_ads.cost_per_incremental_conversion > 0
    assert truth.change.people_reached > 0
    assert (truth.spilled_conversions, truth.spilled_cost_micros) == (0, 0)
    cost = world_panel(world, "social_prospecting").cost
    treated = np.isin(world.names.geos, treated_geos(world.scenario, "spring"))
    if kind in ("holdback", "on_off"):  # nobody else paid: the cost is what the treated geos cost
        days = slice(2, 14) if kind == "on_off" else slice(7, 12)
        assert truth.change.cost_micros == pytest.approx(cost[treated, days].sum() * 1e6)
    if kind == "go_dark":
        assert not cost[treated, 7:12].any()


def test_the_twin_of_a_dark_geo_is_the_world_in_which_the_test_never_was(regional):
    # Without a budget pacing does not react, so the held board is the free one.
    budgets = {"channels.social_prospecting.campaigns.lookalikes.daily_budget": None}
    world = simulate(regional(changes=budgets))
    tables = world.scenario.model_dump() | {"geo_tests": {}}
    twin = live_again(world, untested_board(world, "spring")).to_pandas()
    never = simulate(load_scenario(tables)).events.to_pandas()
    own = [log[log["channel"] == "social_prospecting"].reset_index(drop=True) for log in (twin, never)]
    assert own[0].equals(own[1])


def test_a_campaign_that_is_dark_wherever_it_runs_is_paced_in_the_twin_as_it_was_before(regional, dark):
    tables = regional().model_dump()
    only = list(treated_geos(dark.scenario, "spring"))
    tables["channels"]["social_prospecting"]["campaigns"]["lookalikes"]["targeting"]["geos"] = only
    world = simulate(load_scenario(tables))
    assert not world_panel(world, "social_prospecting").cost[:, 7:12].any()
    assert geo_test_truth(world, "spring").change.cost_micros < 0


def test_travellers_spill_the_test_into_other_geos(regional):
    truth = geo_test_truth(simulate(regional(changes={"population.travel_share": 0.3, "run.users": 20_000})), "spring")
    assert truth.spilled_conversions < 0  # people of control geos miss ads while they travel in the dark
    # Money is counted where ads are shown; people of dark geos are capped later, so they see a few more elsewhere.
    assert 0 < truth.spilled_cost_micros < -0.1 * truth.change.cost_micros


def test_a_placebo_test_has_no_effect(regional):
    nothing = {
        f"channels.social_prospecting.{effect}": 0.0
        for effect in ("goodwill_per_impression", "annoyance_per_impression")
    } | {"channels.social_prospecting.campaigns.lookalikes.click_through_rate": 0.0}
    truth = geo_test_truth(simulate(regional(changes=nothing)), "spring")
    assert truth.change.incremental_conversions == 0
    assert truth.change.cost_micros < 0


# ---------------------------------------------------------------- the reading


def test_the_design_is_that_of_the_scenario(dark):
    experiment = experiment_of(dark, "spring")
    assert (experiment.pre_days, experiment.test_days, experiment.cooldown_days) == (7, 5, 2)
    chosen = {geo for geo, one in zip(experiment.panel.geos, experiment.is_treated, strict=True) if one}
    assert chosen == set(treated_geos(dark.scenario, "spring"))
    assert difference_in_differences(experiment_of(dark, "spring")).treated_geos == 6


def test_a_switchback_is_read_block_by_block(regional):
    found = read_switchback(simulate(regional("on_off")), "spring")
    assert found.method == "switchback"
    assert found.cost > 0


def test_lost_cookies_do_not_touch_a_geo_test(regional, dark):
    # Half as many cookies live, none of them longer than a day, and nobody consents.
    changes = {"tracking.consent.asked": [f"g{k:02d}" for k in range(12)], "tracking.transport.server_coverage": 0.0}
    tables = dark.scenario.model_dump()
    tables["tracking"]["consent"]["asked"] = changes["tracking.consent.asked"]
    tables["tracking"]["transport"]["server_coverage"] = 0.0
    for geo in tables["population"]["geos"].values():
        geo["consent"] = 0.05
    blind = simulate(load_scenario(tables))
    assert geo_frame(blind, "spring").equals(geo_frame(dark, "spring"))

"""Geo tests of a scenario, read from its world whatever they are; one that cannot be read says why."""

import tomllib

import pytest

from experiments.designs.regions.geo_books import experiment_of
from experiments.designs.regions.geo_truth import geo_test_truth
from experiments.designs.regions.scenario_geo_tests import NO_SPEND_CHANGED, own_geo_tests
from experiments.lift.geo.methods.tbr import time_based_regression
from simulator.scenario.loading import load_scenario, presets
from simulator.world import simulate


@pytest.fixture(scope="module")
def world():
    """Four weeks of few people in forty markets, with one geo test."""
    tables = tomllib.loads(presets()["dtc-geos"].read_text(encoding="utf-8"))
    tables["run"] |= {"users": 4_000, "days": 28.0}
    tables["geo_tests"] = {
        "video_dark": {
            "channel": "video",
            "kind": "go_dark",
            "assignment": "matched_pairs",
            "start_day": 20,
            "end_day": 27,
        },
        "pulses": {"channel": "social_prospecting", "kind": "on_off", "block_days": 2, "start_day": 10, "end_day": 26},
    }
    return simulate(load_scenario(tables))


def test_every_test_is_read_as_it_was_run(world):
    dark, pulses = own_geo_tests(world)
    assert dark.test.lift == time_based_regression(experiment_of(world, "video_dark")).lift
    assert dark.summary().startswith("Geo test video_dark (video, go dark): Incremental conversions in 20 treated geos")
    assert pulses.kind == "on_off"
    assert pulses.test is not None
    assert dark.to_frame()["name"].tolist() == ["video_dark"] * len(dark.test.levels)


def test_a_test_stands_beside_its_truth(world):
    dark, pulses = own_geo_tests(world)
    assert dark.truth == geo_test_truth(world, "video_dark")
    assert dark.truth.change.cost_micros < 0 < pulses.truth.change.cost_micros
    assert f"Truly {dark.truth.change.incremental_conversions:,} conversions" in dark.summary()
    assert set(dark.to_frame()["true_incremental_conversions"]) == {dark.truth.change.incremental_conversions}


def test_its_days_say_what_was_observed_expected_and_paid(world):
    dark, pulses = own_geo_tests(world)
    assert dark.days["period"].value_counts().to_dict() == {"pre": 20, "test": 7}
    assert dark.days["observed"].tolist() == dark.test.series["observed"].tolist()
    assert dark.days["counterfactual"].tolist() == dark.test.series["counterfactual"].tolist()
    paid = dark.days.groupby("period")["cost"].sum()
    assert paid["test"] == 0 < paid["pre"]
    assert pulses.days["period"].value_counts().to_dict() == {"pre": 10, "on": 8, "off": 8}
    assert pulses.days.loc[pulses.days["period"] == "off", "cost"].sum() == 0
    assert pulses.days["counterfactual"].isna().all()
    everyone = world.orders()["time"].to_numpy()
    assert pulses.days["observed"].sum() == (everyone < 26).sum()


def test_a_scenario_without_geo_tests_has_none_to_read(world):
    assert own_geo_tests(simulate(load_scenario("dropshipping", {"run.users": 1_000}))) == ()


def test_a_heavy_up_that_finds_no_more_ads_to_buy_says_so():
    tables = tomllib.loads(presets()["dtc-geos"].read_text(encoding="utf-8"))
    tables["run"] |= {"users": 2_000, "days": 20.0}
    test = {"channel": "social_prospecting", "kind": "heavy_up", "assignment": "random", "start_day": 14, "end_day": 20}
    tables["geo_tests"] = {"up": test | {"spend_factor": 2.0}}  # budgets were not what held the spend
    (more_budget,) = own_geo_tests(simulate(load_scenario(tables)))
    assert more_budget.truth.change.cost_micros == 0
    assert NO_SPEND_CHANGED in more_budget.summary()
    tables["geo_tests"] = {"up": test | {"spend_factor": 2.0, "bid_factor": 1.5}}
    (higher_bids,) = own_geo_tests(simulate(load_scenario(tables)))
    assert higher_bids.truth.change.cost_micros > 0
    assert NO_SPEND_CHANGED not in higher_bids.summary()

"""Geo designs by the contract of designs: arranged, read, beside their truth; and without bias over seeds."""

import math

import numpy as np
import pytest

from cpalab.refusal import ScenarioError
from experiments.designs.design import LEVEL
from experiments.designs.registry import GEO_DESIGNS, find_designs
from experiments.lift.estimate.lift_estimate import LiftEstimate, StudentDistribution
from experiments.lift.estimate.removed_ads import removed_ads_lift
from experiments.lift.geo.methods.conformal import PlaceboDistribution
from simulator.scenario.loading import load_scenario
from simulator.world import simulate

SMALL = {
    "run.users": 8_000,
    "run.days": 48.0,
    "population.need_per_day.mean": 0.1,
    "need.satiation_days": 2.0,
    "funnel.1.rate": 0.5,
    "funnel.2.rate": 0.4,
}
CHANNEL = "social_prospecting"
DESIGNS = find_designs(GEO_DESIGNS)


@pytest.fixture(scope="module")
def markets():
    return load_scenario("dtc-geos", SMALL)


@pytest.fixture(scope="module")
def worlds(markets):
    """One world per kind of test: designs that differ in their analysis share it."""
    known = {}

    def of(design):
        arranged = design.arrange(markets, CHANNEL)
        key = arranged.model_dump_json()
        if key not in known:
            known[key] = simulate(arranged)
        return known[key]

    return of


@pytest.mark.parametrize("design", DESIGNS, ids=lambda design: design.name)
def test_a_design_is_found_by_its_name_and_reads_what_its_truth_states(design, worlds):
    assert find_designs([design.name]) == (design,)
    world = worlds(design)
    reading, truth = design.read(world, CHANNEL), design.truth(world, [CHANNEL])[CHANNEL]
    assert (reading.design, reading.channel) == (design.name, CHANNEL)
    assert truth.incremental_conversions > 0 or design.kind == "heavy_up"  # twice the money caused little in this seed
    # The regression of cost on the other geos' cost foretells the money saved or spent.
    assert reading.cost.cost == pytest.approx(truth.cost_micros / 1e6, rel=0.25)
    # One seed: within four standard errors, but for the switchback, which is biased where carry-over is long.
    if design.name != "on_off":
        assert abs(reading.lift.difference - truth.incremental_conversions) < 4 * reading.lift.standard_error
    assert len(reading.to_frame()) == 1
    assert reading.lift.verdict(LEVEL) == 0 or reading.cost.bounded


def test_analyses_of_a_kind_share_their_world(markets):
    arranged = [design.arrange(markets, CHANNEL) for design in DESIGNS if design.name.startswith("go_dark")]
    assert all(one == arranged[0] for one in arranged)


def test_a_test_takes_the_place_of_the_channels_own_and_leaves_those_of_others(markets):
    first = DESIGNS[0].arrange(DESIGNS[0].arrange(markets, "video"), CHANNEL)
    again = find_designs(["holdback_tbr"])[0].arrange(first, CHANNEL)
    assert {name: test.kind for name, test in again.geo_tests.items()} == {"video": "go_dark", CHANNEL: "holdback"}


def test_too_few_geos_or_days_or_an_unknown_channel_are_refused(markets):
    with pytest.raises(ScenarioError, match="must be at least 8 for go_dark_trimmed_match; the preset dtc-geos"):
        find_designs(["go_dark_trimmed_match"])[0].arrange(load_scenario("dtc-apparel"), CHANNEL)
    with pytest.raises(ScenarioError, match="days: 10 must be more than 10 for 10 blocks"):
        find_designs(["on_off"])[0].arrange(load_scenario("dtc-geos", {"run.days": 10.0}), CHANNEL)
    with pytest.raises(ScenarioError, match="did you mean video"):
        DESIGNS[0].arrange(markets, "vidoe")


# ---------------------------------------------------------------- the other side of a lift


def test_a_mirrored_lift_has_the_same_evidence_and_the_opposite_sign():
    change = LiftEstimate(StudentDistribution(-30.0, 10.0, 20.0, 130.0, 10.0, -100.0))
    ads = removed_ads_lift(change)
    assert (ads.difference, ads.baseline) == (30.0, 100.0)
    assert ads.p_value() == change.p_value()
    assert ads.interval() == tuple(-bound for bound in reversed(change.interval()))
    assert ads.relative_interval() == pytest.approx(tuple(bound / 100.0 for bound in ads.interval()))


def test_so_has_one_from_placebos_whose_interval_is_not_symmetric():
    rng = np.random.default_rng(1)
    change = LiftEstimate(PlaceboDistribution(-30.0, 100.0, tuple(rng.normal(3.0, 8.0, 99))))
    ads = removed_ads_lift(change)
    assert ads.p_value() == change.p_value()
    assert ads.interval(0.9) == tuple(-bound for bound in reversed(change.interval(0.9)))
    assert ads.baseline == 100.0
    assert ads.relative_interval(0.9) == pytest.approx(tuple(bound / 100.0 for bound in ads.interval(0.9)))
    assert ads.standard_error == change.standard_error
    assert math.isinf(ads.df)

"""Identity fragmentation: the published toy, and the same thing in a world."""

from dataclasses import replace
from typing import Any

import pytest

from experiments.studies.fragmentation import exposure_slope, fragmented_lift, fragmented_slope
from simulator.record.record import record
from simulator.scenario.loading import load_scenario
from simulator.world import simulate


def test_lin_and_misra_s_toy_turns_an_effect_of_nothing_into_either_sign() -> None:
    """True effect 0: two people with two devices each; which device buys decides the sign."""
    assert exposure_slope((2, 0, 3, 1), (1, 0, 1, 0)) == pytest.approx(0.4, abs=1e-12)
    assert exposure_slope((0, 2, 1, 3), (1, 0, 1, 0)) == pytest.approx(-0.4, abs=1e-12)
    assert exposure_slope((2, 4), (1, 1)) == pytest.approx(0.0, abs=1e-12)


def world_with(**population: Any) -> Any:
    tables = load_scenario("dtc-apparel", {"run.users": 20_000}).model_dump()
    tables["population"] |= population
    return simulate(load_scenario(tables))


def test_people_with_one_device_are_not_fragmented() -> None:
    found = fragmented_slope(world_with(devices_per_person=[1.0]), "social_prospecting")
    assert found.by_device == found.by_person
    assert found.devices == found.people


def test_people_with_several_devices_are_and_the_estimate_changes() -> None:
    found = fragmented_slope(world_with(), "social_prospecting")
    assert found.devices > 1.3 * found.people
    assert abs(found.inflation - 1) > 0.02


def test_a_lift_test_on_cookies_loses_orders_and_one_on_people_with_one_device_does_not() -> None:
    single = fragmented_lift(world_with(devices_per_person=[1.0]), "social_prospecting")
    assert single.orders_lost == 0
    assert single.by_device.incremental_conversions.difference == single.by_person.incremental_conversions.difference
    several = fragmented_lift(world_with(), "social_prospecting")
    assert several.orders_lost > 0
    assert several.by_device.treated.users > several.by_person.treated.users
    assert "read on people" in several.summary()


def test_a_test_by_place_counts_the_same_orders_however_people_are_fragmented() -> None:
    world = world_with()
    shattered = world.scenario.model_dump()
    shattered["tracking"]["identity"] |= {"clear_share": 0.9, "clears_per_month": 60.0, "log_in_share": 0.0}
    broken = replace(world, scenario=load_scenario(shattered))

    def by_place(seen: Any) -> dict[str, int]:
        claims = record(seen).claims.to_pandas()
        return dict(claims[claims["system"] == "crm"].groupby(claims["geo"].astype(str)).size())

    assert by_place(world) == by_place(broken)
    assert sum(by_place(world).values()) == world.orders().num_rows

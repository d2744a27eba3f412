"""Reports: what systems show at an hour is the record's own, as far as it has arrived by then."""

import pyarrow.compute as pc
import pytest

from simulator.record.claims import SYSTEMS
from simulator.record.record import record
from simulator.scenario.loading import load_scenario
from simulator.world import simulate

# No warm-up, whose actions a run's own record leaves out; and actions take days to arrive.
PLAIN = {"run.warm_up_days": 0, "run.days": 10.0, "tracking.transport.latency_hours": 20.0}


def reported(market, day, look, **options):
    def process(desk):
        yield desk.timeout(day)
        process.found = look(desk)

    return simulate(load_scenario(market, PLAIN | options), processes=[process]), lambda: process.found


def test_a_report_shows_what_the_final_record_has_of_the_window_and_what_has_arrived(market):
    """Of every system: the claims of the whole run that are booked in the window, happened and arrived by now."""

    def look(desk):
        return {
            (system, place): (
                desk.conversions(system, place, since=1.0, until=6.0),
                desk.conversion_value(system, place, since=1.0, until=6.0),
            )
            for system in SYSTEMS
            for place in (None, "social", "brand_search.exact")
        }

    world, found = reported(market, 7.5, look)
    claims = record(world).claims.to_pandas()
    claims = claims[(claims["time"] < 7.5) & (claims["arrival"] <= 7.5)]
    claims = claims[(claims["booked"] >= 1.0) & (claims["booked"] < 6.0)]
    for (system, place), (conversions, value) in found().items():
        rows = claims[claims["system"] == system]
        if place is not None:
            rows = rows[rows["channel"] == place.partition(".")[0]]
        if place == "brand_search.exact":
            rows = rows[rows["campaign"] == "exact"]
        assert conversions == pytest.approx(rows["conversions"].sum() + rows["modelled"].sum()), (system, place)
        assert value == pytest.approx(rows["value_micros"].sum() / 1e6), (system, place)
    assert found()["platform", None][0] > 20


def test_yesterday_s_report_grows_as_actions_arrive(market):
    def look(desk):
        return desk.conversions("platform", since=4.0, until=5.0)

    young = reported(market, 5, look)
    old = reported(market, 9, look)
    assert 0 < young[1]() < old[1]()


def test_the_warm_up_s_conversions_are_reported_as_its_spend_is(market):
    def process(desk):
        yield desk.published
        process.found = desk.conversions("crm", since=-4.0, until=0.0), desk.spend(since=-4.0, until=0.0)

    world = simulate(load_scenario(market, {"run.days": 3.0}), processes=[process])
    events = world.events
    when = pc.and_(pc.greater_equal(events["time"], -4.0), pc.less(events["time"], 0.0))
    orders = pc.and_(when, pc.is_in(events["kind"].cast("string"), pc.cast(["conversion", "fake_lead"], "string")))
    assert process.found[0] == pc.sum(orders).as_py() > 5
    assert process.found[1] > 0


def test_an_outage_lowers_what_is_reported_from_then_on(market):
    market["tracking"] = {"transport": {"outages": [{"start_day": 4.0, "end_day": 6.0, "systems": ["analytics"]}]}}

    def look(desk):
        return [desk.conversions("analytics", since=day, until=day + 2.0) for day in (2.0, 4.0)]

    _, found = reported(market, 7, look)
    before, during = found()
    assert before > 5
    assert during == 0.0

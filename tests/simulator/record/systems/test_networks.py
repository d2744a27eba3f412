"""Networks that are paid per action: who counts, who pays, and what is stolen."""

import numpy as np
import pytest

from cpalab.refusal import ScenarioError
from simulator.record.record import record
from simulator.scenario.faults import changed
from simulator.scenario.loading import load_scenario
from simulator.scenario.tracking import PERFECT
from simulator.world import simulate


@pytest.fixture(scope="module")
def market(busy_market):
    """Tables of the busy market whose partner is paid per order."""

    def make(**partner):
        tables = busy_market()
        campaign = tables["channels"]["partner"]["campaigns"]["main"]
        campaign |= {"billing": "cpa", "bid": 5.0, "clawback_share": 0.0} | partner
        return tables

    return make


@pytest.fixture(scope="module")
def with_robots(market):
    """The world of that market, with robots among the coupon sites that pretend to do what is paid for."""

    def make(fakes="action", **partner):
        robots = {"robots_share": 0.02, "surfaces": {"coupons": 1.0}, "click_share": 0.5, "fake_lead_share": 0.5}
        return simulate(load_scenario(market(**partner) | {"invalid_traffic": robots | {"fakes": fakes}}))

    return make


@pytest.fixture(scope="module")
def busy(market):
    """The world without robots: nothing but tracking differs between the records of it."""
    return simulate(load_scenario(market()))


def fees(world):
    events = world.events.to_pandas()
    return events[events["kind"] == "fee"]


def of_fakes(world):
    """Fees of robots, and their fakes."""
    people = world.scenario.run.users
    events = world.events.to_pandas()
    return int((fees(world)["user_id"] >= people).sum()), int((events["kind"] == "fake_lead").sum())


def test_fakes_are_paid_where_they_pretend_to_be_what_is_paid_for(with_robots):
    paid, fakes = of_fakes(with_robots())
    assert paid == fakes > 200
    assert of_fakes(with_robots("lead"))[0] == 0
    leads, fakes = of_fakes(with_robots("lead", billing="cpl"))
    assert leads == fakes > 200


def test_a_share_of_the_fees_for_fakes_is_clawed_back(with_robots):
    """Binomial: 3.3 standard errors, one check in a thousand fails by luck."""
    paid, fakes = of_fakes(with_robots(clawback_share=0.4))
    assert paid / fakes == pytest.approx(0.6, abs=3.3 * np.sqrt(0.24 / fakes))


@pytest.mark.parametrize("partner", [{"clawback_share": 0.4}, {"billing": "revenue_share", "bid": 0.1}])
def test_a_perfect_record_owes_what_the_world_has_paid(with_robots, partner):
    world = with_robots(**partner)
    assert record(world, PERFECT).billing_micros["partner"] == 0


def owed(world, **settings):
    found = record(world, changed(PERFECT, {path.replace("__", "."): value for path, value in settings.items()}))
    return found.cost_micros["partner"]


def test_repeats_are_paid_where_the_contract_pays_by_the_record(market, busy):
    repeats = {"transport__duplicate_rate": 1.0, "transport__deduplicate": False}
    assert owed(busy, **repeats) == owed(busy)
    by_record = simulate(load_scenario(market(pays_by="record")))
    assert owed(by_record) == owed(busy)
    assert owed(by_record, **repeats) == 2 * owed(busy)


def test_outsiders_fakes_are_paid_but_for_what_is_clawed_back(market):
    """Two fakes per genuine action, half of their fees paid back: twice the fees, exactly."""
    tables = market(clawback_share=0.5) | {"invalid_traffic": {"fakes": "action"}}
    world = simulate(load_scenario(tables))
    assert owed(world, intrusion__fake_lead_rate=2.0) == 2 * owed(world)
    world = simulate(load_scenario(market(clawback_share=0.5)))  # fake leads, where orders are paid for
    assert owed(world, intrusion__fake_lead_rate=2.0) == owed(world)


def test_flooding_claims_a_share_of_the_actions_that_no_click_brought(busy):
    """Of orders without a genuine click on a fee campaign, the share flooded is claimed (3.3 standard errors)."""
    usual = record(busy, PERFECT)
    flooded = record(busy, changed(PERFECT, {"intrusion.flood_channel": "partner", "intrusion.flood_share": 0.3}))
    orders = busy.orders().num_rows
    genuine = usual.conversions("platform")["partner"]
    free = orders - genuine
    stolen = flooded.conversions("platform")["partner"] - genuine
    assert stolen / free == pytest.approx(0.3, abs=3.3 * np.sqrt(0.21 / free))
    assert flooded.cost_micros["partner"] - usual.cost_micros["partner"] == stolen * 5_000_000
    for channel, claimed in usual.conversions("crm").items():
        assert flooded.conversions("crm")[channel] == claimed


def test_clicks_that_nobody_made_lie_flat_before_the_action(busy):
    claims = record(
        busy, changed(PERFECT, {"intrusion.flood_channel": "partner", "intrusion.flood_share": 1.0})
    ).claims.to_pandas()
    partner = claims[(claims["system"] == "platform") & (claims["channel"] == "partner") & claims["creative"].isna()]
    age = (partner["time"] - partner["touch_time"]) / 30.0
    assert len(partner) > 1_000
    assert age.mean() == pytest.approx(0.5, abs=3.3 * np.sqrt(1 / 12 / len(partner)))


def test_flooding_needs_a_channel_that_is_paid_per_action(market):
    tables = market()
    tables["tracking"] = {"intrusion": {"flood_share": 0.1}}
    with pytest.raises(ScenarioError, match=r"flood_share: 0.1 needs a flood_channel"):
        load_scenario(tables)
    tables["tracking"] = {"intrusion": {"flood_share": 0.1, "flood_channel": "social"}}
    with pytest.raises(ScenarioError, match=r"flood_channel: 'social' is no channel that is paid per lead"):
        load_scenario(tables)

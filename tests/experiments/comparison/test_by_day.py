"""Costs and actions by day: they sum to what the world charged and the record has, and stand in the right week."""

import numpy as np
import pytest

from cpalab.micros import MICROS
from experiments.comparison.by_day import TOLD, Bought, Told, cpa_by_week
from simulator.record.record import record
from simulator.scenario.tracking import PERFECT


@pytest.fixture(scope="module")
def counted(budgeted):
    found = record(budgeted)
    bought = Bought.of(budgeted)
    return found, bought, Told.of(budgeted, found, bought)


def test_costs_sum_to_what_the_world_charged(budgeted, counted):
    _, bought, _ = counted
    charged = (bought.cost_micros + bought.fee_micros).sum(axis=(1, 2))
    assert dict(zip(bought.channels, charged.round().astype(int).tolist(), strict=True)) == budgeted.cost_micros()


def test_costs_and_actions_sum_to_what_the_record_has(counted):
    found, bought, told = counted
    for k, channel in enumerate(bought.channels):
        assert told.cost_micros[k].sum() == pytest.approx(found.cost_micros[channel], rel=1e-12)
        for y, system in enumerate(TOLD):
            assert told.actions[y, k].sum() == pytest.approx(found.conversions(system).get(channel, 0.0))


def test_impressions_and_clicks_are_those_of_the_market_table(budgeted, counted):
    _, bought, _ = counted
    market = budgeted.market.to_pandas()
    seen = market[market["period"] == "reported"].groupby("channel")[["impressions", "clicks"]].sum()
    for k, channel in enumerate(bought.channels):
        assert (bought.impressions[k].sum(), bought.clicks[k].sum()) == tuple(seen.loc[channel])


def test_weeks_hold_the_days_they_say(budgeted, counted):
    found, _, _ = counted
    weeks = cpa_by_week(budgeted, found)
    assert set(weeks["week"]) == {1, 2}
    assert set(weeks["days"]) == {7}
    whole = weeks[(weeks["channel"] == "all") & (weeks["system"] == "platform")]
    assert whole["cost"].sum() == pytest.approx(sum(found.cost_micros.values()) / MICROS)
    assert (whole["cost_per_conversion"] == whole["cost"] / whole["conversions"]).all()


def test_a_perfect_record_booked_on_the_day_of_the_order_puts_every_order_into_its_week(budgeted):
    tracking = PERFECT.model_copy(
        update={"platform": PERFECT.platform.model_copy(update={"booking": "conversion_date"})}
    )
    found = record(budgeted, tracking)
    weeks = cpa_by_week(budgeted, found)
    day = found.claims.to_pandas().query("system == 'platform'")["time"]
    for week, own in weeks[(weeks["channel"] == "all") & (weeks["system"] == "platform")].groupby("week"):
        assert own["conversions"].sum() == pytest.approx(np.sum((day // 7) + 1 == week))

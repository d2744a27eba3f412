"""Formulas and worked examples of cost per action, to the figures of the articles they come from."""

import math

import numpy as np
import pytest

from attribution.credit import Credit
from attribution.economics import (
    COST_METRICS,
    UnitEconomics,
    break_even_return,
    cost_per,
    cost_per_action,
    cost_per_click,
    cost_per_qualified,
    customer_acquisition_cost,
    lifetime_value_limit,
    payback_months,
    return_on_ad_spend,
)
from attribution.errors import InvalidInputError
from attribution.performance import performance_table

MILLION = 1_000_000


def table(cost, actions, value=0.0, **economics):
    credit = Credit("last_click", ("ads",), np.array([actions], float), np.array([value * MILLION]))
    return performance_table([credit], {"ads": cost * MILLION}, UnitEconomics(**economics)).iloc[0]


class TestWorkedExamples:
    def test_demo_bookings_and_qualified_demos(self):
        assert cost_per(12_000, 80) == 150
        assert cost_per(12_000, 80 * 0.30) == pytest.approx(500, rel=1e-12)
        assert cost_per_qualified(150, 0.30) == pytest.approx(500, rel=1e-12)

    def test_retargeting_with_a_margin_of_65(self):
        row = table(6_000, 120, margin_per_action=65)
        assert (row["cost_per_conversion"], row["break_even_cost"], row["profit"]) == (50, 65, 1_800)

    def test_app_installs_and_activated_users(self):
        assert cost_per_qualified(2.80, 0.20) == pytest.approx(14.00, rel=1e-12)

    def test_return_and_customers(self):
        assert return_on_ad_spend(5_000, 1_000) == 5
        assert table(1_000, 20, value=5_000)["roas"] == 5
        assert cost_per(2_000, 50) == 40

    def test_a_week_of_dropshipping(self):
        row = table(50 * 7, 14, margin_per_action=38)
        assert (row["cost"], row["cost_per_conversion"], row["profit"]) == (350, 25, 182)
        assert row["break_even_cost"] - row["cost_per_conversion"] == 13

    def test_leads(self):
        assert cost_per(300, 12) == 25
        assert cost_per(1_000, 10) == 100
        assert COST_METRICS["lead"] == "CPL"


class TestCaseStudies:
    """Published before and after, with what follows from them but was not said."""

    def test_an_apparel_shop_must_have_sold_dearer_orders_too(self):
        customers = [8_000 / cpa for cpa in (60, 28)]
        assert customers == pytest.approx([133.3, 285.7], abs=0.05)
        assert [return_on_ad_spend(revenue, 8_000) for revenue in (16_000, 40_000)] == [2, 5]
        assert [revenue / n for revenue, n in zip((16_000, 40_000), customers, strict=True)] == pytest.approx(
            [120, 140]
        )
        assert pytest.approx(-0.533, abs=5e-4) == 28 / 60 - 1

    def test_a_lead_that_costs_less_and_is_paid_for_more_often(self):
        before, after = cost_per_qualified(120, 0.10), cost_per_qualified(45, 0.10 * 1.30)
        assert pytest.approx(-0.625) == 45 / 120 - 1
        assert after / before - 1 == pytest.approx(-0.712, abs=5e-4)

    def test_an_install_that_costs_less_and_is_kept_more_often(self):
        before, after = cost_per_qualified(1.0, 0.20), cost_per_qualified(0.65, 0.20 * 1.22)
        assert after / before - 1 == pytest.approx(-0.467, abs=5e-4)


class TestIdentities:
    def test_cost_per_action_from_clicks(self):
        assert cost_per_click(10, 0.02) == pytest.approx(0.5)
        assert cost_per_action(0.5, 0.01) == pytest.approx(50)
        assert cost_per_action(0.5, 0.02) == pytest.approx(25)

    def test_acceptable_cost_from_lifetime_value(self):
        assert lifetime_value_limit(900, 3) == 300
        row = table(100, 1, lifetime_value=900, other_cost_per_action=50, monthly_margin=30)
        assert (row["cost_limit"], row["cost_per_customer"], row["payback_months"]) == (250, 150, 5)

    def test_acquisition_holds_more_than_ads(self):
        assert customer_acquisition_cost(4_000, 3_000, 1_000, 40) == 200
        assert payback_months(200, 25) == 8

    def test_break_even(self):
        assert break_even_return(0.25) == 4
        row = table(1_000, 10, value=4_000, margin_rate=0.25)
        assert (row["roas"], row["profit"], row["break_even_cost"]) == (4, 0, 100)


def test_a_channel_without_conversions_loses_its_cost_and_has_no_cost_per_action():
    row = table(700, 0, margin_rate=0.5, monthly_margin=5)
    assert row["profit"] == -700
    assert np.isnan([row["cost_per_conversion"], row["break_even_cost"], row["payback_months"]]).all()
    assert row["roas"] == 0


def test_what_is_unknown_stays_empty():
    row = table(700, 7)
    assert math.isnan(row["profit"])
    assert math.isnan(row["cost_limit"])
    assert math.isnan(return_on_ad_spend(5, 0))


def test_figures_out_of_range_are_refused_together():
    with pytest.raises(InvalidInputError) as error:
        UnitEconomics(margin_rate=40, ltv_to_cac=0, lifetime_value=-1)
    assert len(error.value.problems) == 3
    with pytest.raises(InvalidInputError, match="both are given"):
        UnitEconomics(margin_rate=0.4, margin_per_action=5)

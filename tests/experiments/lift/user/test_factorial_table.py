"""A 2 × 2 test from a table: contrasts and their prices, and what is refused."""

import math

import numpy as np
import pandas as pd
import pytest

from cpalab.refusal import LiftInputError
from experiments.lift.user.factorial_table import factorial_table_test


def users(each=5_000, seed=1, rates=(0.05, 0.08, 0.07, 0.09)):
    """Users in the cells neither, search alone, social alone, both."""
    rng = np.random.default_rng(seed)
    search, social = np.tile([False, True], 2).repeat(each), np.repeat([False, True], 2 * each)
    return pd.DataFrame(
        {
            "user_id": np.arange(4 * each),
            "search": np.where(search, "treated", "control"),
            "social": np.where(social, "treated", "control"),
            "conversions": (rng.random(4 * each) < np.repeat(rates, each)).astype(int),
            "cost": 0.20 * search + 0.30 * social,
        }
    )


def test_contrasts_are_differences_of_cell_means():
    table = users()
    test = factorial_table_test(table, ("search", "social"))
    means = table.groupby(["social", "search"])["conversions"].mean()
    neither, both = means["control", "control"], means["treated", "treated"]
    search, social = means["control", "treated"], means["treated", "control"]
    assert test.first_alone.difference == pytest.approx(search - neither)
    assert test.second_alone.difference == pytest.approx(social - neither)
    assert test.both.difference == pytest.approx(both - neither)
    assert test.interaction.difference == pytest.approx(both - search - social + neither)


def test_prices_are_additional_cost_over_additional_conversions():
    test = factorial_table_test(users(), ("search", "social"))
    frame = test.to_frame(0.95).set_index("contrast")
    prices = frame["cost_per_incremental_conversion"]
    assert prices["first_alone"] == pytest.approx(0.20 / test.first_alone.difference)
    assert prices["both"] == pytest.approx(0.50 / test.both.difference)
    # The other channel's cost cancels in a main effect.
    assert prices["first_main_effect"] == pytest.approx(0.20 / test.first_main_effect.difference)
    assert math.isnan(prices["interaction"])


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("rates", [(0.05, 0.055, 0.045, 0.05), (0.05, 0.07, 0.05, 0.07)])
def test_p_value_interval_and_price_agree(seed, rates):
    table = users(1_000, seed, rates)
    table["cost"] *= np.random.default_rng(seed).random(len(table))
    test = factorial_table_test(table, ("search", "social"))
    for level in (0.8, 0.95):
        for row in test.to_frame(level).to_dict("records"):
            found = row["p_value"] < round(1 - level, 12)
            assert row["significant"] == found
            assert (row["conversions_per_person_lower"] > 0 or row["conversions_per_person_upper"] < 0) == found
            price = test.cost_per_incremental_conversion(row["contrast"], level)
            assert price is None or price.bounded == found


def test_without_costs_there_are_no_prices():
    frame = factorial_table_test(users().drop(columns="cost"), ("search", "social")).to_frame()
    assert "cost_per_incremental_conversion" not in frame


def test_bad_tables_are_refused():
    def refused(table, *messages, factors=("search", "social")):
        with pytest.raises(LiftInputError) as refusal:
            factorial_table_test(table, factors)
        for message in messages:
            assert message in str(refusal.value)

    table = users(10)
    refused(table, "factors: search, search must be two columns", factors=("search", "search"))
    refused(table, "serch: column is required; did you mean search?", factors=("serch", "social"))
    refused(table.drop(columns="user_id"), "user_id: column is required")
    refused(table.assign(search="on"), "search: on must be treated or control")
    refused(table.assign(cluster_id=1), "cluster_id: must be left out of a factorial test")
    refused(table.assign(user_id=1), "user_id: 1 users in several rows must have one")
    refused(
        table.assign(conversions=-1, cost=np.inf), "conversions: 40 negative values", "cost: 40 values must be finite"
    )
    refused(table.assign(search=[None] * 40), "search: 40 missing values must be given")
    refused(table[table["social"] == "control"], "social alone: 0 people must be at least 2", "both: 0 people")

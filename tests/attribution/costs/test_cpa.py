"""Cost per conversion."""

import numpy as np
import pytest

from attribution.costs.cpa import COLUMNS, cpa_table
from attribution.credit import Credit, Interval
from cpalab.refusal import InvalidInputError

MILLION = 1_000_000


def credit(conversions, lower=None, upper=None):
    conversions = np.array(conversions, dtype=float)
    none = np.zeros(len(conversions))
    interval = Interval(0.95, 200, np.array(lower), np.array(upper), none, none) if lower else None
    return Credit("last_click", ("a", "b")[: len(conversions)], conversions, none, interval=interval)


@pytest.mark.parametrize(
    ("cost", "actions", "cost_per_action"),
    [(12_000, 80, 150), (6_000, 120, 50), (350, 14, 25), (1_000, 10, 100)],
)
def test_worked_examples(cost, actions, cost_per_action):
    table = cpa_table([credit([actions])], {"a": cost * MILLION})
    assert table["cost_per_conversion"].tolist() == [cost_per_action]
    assert tuple(table.columns) == COLUMNS


def test_bounds_turn_over_and_an_unbounded_one_is_infinite():
    table = cpa_table([credit([10, 2], [5, 0], [20, 4])], {"a": 100 * MILLION, "b": 100 * MILLION})
    assert table["cost_per_conversion_lower"].tolist() == [5, 25]
    assert table["cost_per_conversion_upper"].tolist() == [20, np.inf]


def test_a_channel_without_credit_keeps_its_cost_and_has_no_cost_per_conversion():
    table = cpa_table([credit([10, 0], [5, 0], [20, 0])], {"a": MILLION, "b": 7 * MILLION, "new": 9 * MILLION})
    assert table["channel"].tolist() == ["a", "b", "new"]
    assert table["cost"].tolist() == [1, 7, 9]
    assert table["conversions"].tolist() == [10, 0, 0]
    assert table.loc[1:, "cost_per_conversion":].isna().all(axis=None)


def test_a_free_channel_has_no_price_and_an_unknown_cost_stays_unknown():
    table = cpa_table([credit([10, 5])], {"a": 0})
    assert table["cost_per_conversion"].isna().all()
    assert table["cost"].tolist() == pytest.approx([0, np.nan], nan_ok=True)


def test_methods_follow_each_other():
    assert len(cpa_table([credit([1, 2]), credit([2, 1])], {})) == 4
    assert cpa_table([], {}).columns.tolist() == list(COLUMNS)


def test_negative_and_infinite_costs_are_refused_together():
    with pytest.raises(InvalidInputError) as error:
        cpa_table([credit([1])], {"a": -1, "b": float("inf")})  # the mistake under test
    assert len(error.value.lines) == 2

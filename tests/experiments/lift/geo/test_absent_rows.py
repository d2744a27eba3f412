"""Rows that are missing are named for what happened: another spelling, an opening or closing, days without sales."""

import numpy as np
import pandas as pd
import pytest

from cpalab.refusal import LiftInputError
from experiments.lift.geo.panel import geo_panel


@pytest.fixture
def table():
    days = pd.date_range("2026-01-01", periods=30).strftime("%Y-%m-%d")
    rows = [(f"market {k}", day, 100.0 + k + int(day[-2:])) for k in range(5) for day in days]
    return pd.DataFrame(rows, columns=["geo", "date", "response"])


def problems(table, **options):
    with pytest.raises(LiftInputError) as refusal:
        geo_panel(table, **options)
    return refusal.value.lines


@pytest.mark.parametrize("other", ["market 1 ", "Market 1", "market_1", "MARKET-1", "märket 1", "market 1b"])
@pytest.mark.parametrize("missing_rows", ["refuse", "zero"])
def test_a_geo_that_goes_on_under_another_spelling_is_named(table, other, missing_rows):
    # Filled with zeros, a geo would seem to lose whatever it sold.
    late = (table["geo"] == "market 1") & (table["date"] >= "2026-01-16")
    (problem,) = problems(table.assign(geo=table["geo"].where(~late, other)), missing_rows=missing_rows)
    assert "one geo spelled two ways" in problem
    assert "begins on 2026-01-16" in problem
    assert "zero" not in problem


def test_two_spellings_side_by_side_may_mean_two_things(table):
    twin = table[table["geo"] == "market 2"].assign(geo="Market 2")
    (problem,) = problems(pd.concat([table, twin]))
    assert "one geo entered twice (sum them), or two geos" in problem


def test_numbers_in_names_keep_their_places(table):
    named = table.assign(geo=table["geo"].replace({"market 1": "zone 1-12", "market 2": "zone 11-2"}))
    assert len(geo_panel(named).geos) == 5


def test_a_geo_that_closes_is_not_a_geo_without_sales(table):
    closed = table[(table["geo"] != "market 4") | (table["date"] < "2026-01-20")]
    (problem,) = problems(closed)
    assert "market 4 ends on 2026-01-19" in problem
    assert "--exclude market 4" in problem
    assert geo_panel(closed, exclude=["market 4"]).geos == tuple(f"market {k}" for k in range(4))
    assert geo_panel(closed, missing_rows="zero").filled == 11


def test_rows_absent_where_a_geo_always_sells_were_not_recorded(table):
    (problem,) = problems(table.drop(index=np.array([5, 47])))
    assert "these rows were not recorded" in problem
    assert "--skip 2026-01-06..2026-01-06 --skip 2026-01-18..2026-01-18" in problem
    assert "missing_rows" not in problem


def test_rows_absent_here_and_there_may_be_days_without_sales(table):
    table.loc[[3, 40, 95], "response"] = 1.0
    (problem,) = problems(table.drop(index=np.array([5, 47, 101])))
    assert "if no row means no sales, ask for missing_rows='zero'" in problem

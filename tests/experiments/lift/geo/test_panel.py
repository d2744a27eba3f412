"""Reading geo tables: the field's column names, and refusals that name place, value, rule and hint."""

import numpy as np
import pandas as pd
import pytest

from cpalab.refusal import LiftInputError
from experiments.lift.geo.methods.did import difference_in_differences
from experiments.lift.geo.panel import geo_experiment, geo_panel


@pytest.fixture
def table(panel_of_geos, table_of):
    return table_of(panel_of_geos(geos=4, days=12))


def test_both_conventions_give_the_same_panel(table, panel_of_geos):
    first = geo_panel(table)
    second = geo_panel(table.rename(columns={"location": "geo", "Y": "response"}).sample(frac=1, random_state=1))
    np.testing.assert_array_equal(first.response, second.response)
    np.testing.assert_array_equal(first.response, panel_of_geos(geos=4, days=12).response)
    assert first.geos == second.geos == ("g00", "g01", "g02", "g03")


def test_a_table_without_cost(table):
    assert geo_panel(table.drop(columns="cost")).cost is None


def problems_of(table, **options):
    with pytest.raises(LiftInputError) as refusal:
        geo_panel(table, **options)
    return refusal.value.lines


def test_missing_columns_are_named_with_a_hint(table):
    problems = problems_of(table.rename(columns={"location": "geos", "Y": "total"}))
    assert problems == (
        "location or geo: column is required; did you mean geos?",
        "Y or response or conversions or sales or value: column is required; the table has geos, date, total, cost",
    )


def test_two_responses_are_refused(table):
    assert "only one may be the response" in problems_of(table.assign(sales=1.0))[0]


def test_absent_rows_are_refused_or_zero(table):
    short = table.drop(index=[5, 17])
    assert "2 pairs have no row" in problems_of(short)[0]
    assert "these rows were not recorded" in problems_of(short)[0]
    panel = geo_panel(short, missing_rows="zero")
    assert panel.response[0, 5] == 0
    assert panel.response[1, 5] == 0


def test_a_date_that_no_geo_has_is_refused(table):
    gap = table[table["date"] != "2026-01-05"]
    assert "1 day without a row of any geo (2026-01-05)" in problems_of(gap, missing_rows="zero")[0]


def test_repeated_rows_are_refused(table):
    problems = problems_of(table.iloc[[*range(len(table)), 3]])
    assert "1 pairs have several rows" in problems[0]
    assert "first g00 on 2026-01-04" in problems[0]


def test_bad_values_are_refused_all_at_once(table):
    bad = table.assign(cost=-1.0)
    bad.loc[0, "Y"] = np.inf
    problems = problems_of(bad)
    assert any(problem.startswith("Y: 1 values must be finite") for problem in problems)
    missing = table.copy()
    missing.loc[0, "Y"] = None
    assert "missing values" in problems_of(missing)[0]
    assert "negative values" in problems_of(table.assign(cost=-1.0))[0]
    assert "must be numbers" in problems_of(table.assign(Y="many"))[0]
    assert "must be dates" in problems_of(table.assign(date="soon"))[0]


def test_one_geo_is_no_test(table):
    assert "1 geos must be at least 2" in problems_of(table[table["location"] == "g00"])[0]


def test_a_design_names_its_problems_all_at_once(table):
    panel = geo_panel(table)
    with pytest.raises(LiftInputError) as refusal:
        geo_experiment(panel, ["g0", "g01"], "2026-01-09", "2027-01-01")
    assert refusal.value.lines[0].startswith("treated: g0 must be a geo of the table; did you mean g0")
    assert "end: 2027-01-01 must be a date of the table" in refusal.value.lines[1]
    for treated, start, end, cooldown, words in (
        ([], "2026-01-09", "2026-01-10", 0, "at least one geo"),
        (["g00", "g01", "g02", "g03"], "2026-01-09", "2026-01-10", 0, "every geo is treated"),
        (["g00"], "2026-01-10", "2026-01-09", 0, "swap them"),
        (["g00"], "2026-01-02", "2026-01-09", 0, "at least three rows"),
        (["g00"], "2026-01-09", "2026-01-10", 9, "between 0 and 2"),
        (["g00"], "tomorrow", "2026-01-10", 0, "must be a date"),
    ):
        with pytest.raises(LiftInputError, match=words):
            geo_experiment(panel, treated, start, end, cooldown_days=cooldown)


def test_filled_cells_are_counted_and_said(panel_of_geos, table_of):
    table = table_of(panel_of_geos(geos=6, days=40))
    whole, short = geo_panel(table), geo_panel(table.drop(index=[5, 17]), missing_rows="zero")
    assert (whole.filled, short.filled) == (0, 2)
    tests = [
        difference_in_differences(geo_experiment(p, ["g00", "g01"], "2026-01-31", "2026-02-09")) for p in (whole, short)
    ]
    assert "count as zero" not in tests[0].summary()
    assert "2 pairs of geo and date had no row in the table and count as zero." in tests[1].notes


def test_negative_conversions_are_refused_and_negative_value_is_said(panel_of_geos, table_of):
    table = table_of(panel_of_geos(geos=6, days=40))
    table.loc[3, "Y"] = -1.0
    panel = geo_panel(table)
    design = (panel, ["g00", "g01"], "2026-01-31", "2026-02-09")
    with pytest.raises(LiftInputError, match="response: 1 negative values must be at least 0; if it is value"):
        geo_experiment(*design)
    test = difference_in_differences(geo_experiment(*design, outcome="value"))
    assert "Some responses are negative; they count as refunds." in test.notes


def test_the_calendar_day_as_written_counts(table):
    shifted = table.assign(date=table["date"].astype(str) + "T00:00:00+02:00")
    np.testing.assert_array_equal(geo_panel(shifted).dates, geo_panel(table).dates)
    aware = table.assign(date=pd.to_datetime(table["date"]).dt.tz_localize("Asia/Tokyo"))
    np.testing.assert_array_equal(geo_panel(aware).dates, geo_panel(table).dates)


def test_words_that_are_none_are_refused(table):
    assert "missing_rows: zeros must be one of refuse, zero; did you mean zero?" in problems_of(
        table, missing_rows="zeros"
    )
    with pytest.raises(LiftInputError, match="outcome: sales must be one of conversions, value"):
        geo_experiment(geo_panel(table), ["g00"], "2026-01-09", "2026-01-10", outcome="sales")
    for date in ("2026", "2026-01"):
        with pytest.raises(LiftInputError, match="must be a date"):
            geo_experiment(geo_panel(table), ["g00"], date, "2026-01-10")


def test_a_response_that_never_varies_is_said(table):
    assert "Y: 5 in every row must vary" in problems_of(table.assign(Y=5.0))[0]
    # Days without sales are left out of this table: they differ from the others.
    assert geo_panel(table.assign(Y=1.0).drop(index=[5]), missing_rows="zero").filled == 1


def test_levels_that_are_none_are_refused(panel_of_geos):
    experiment = geo_experiment(panel_of_geos(geos=6, days=40), ["g00", "g01"], "2026-01-31", "2026-02-09")
    with pytest.raises(LiftInputError, match=r"levels: 0.95 must be a sequence"):
        difference_in_differences(experiment, 0.95)


def test_a_geo_that_is_excluded_is_no_misspelling(table):
    panel = geo_panel(table, exclude=["g01"])
    with pytest.raises(LiftInputError, match="treated: g01 must take part, and --exclude leaves it out") as refusal:
        geo_experiment(panel, ["g01"], "2026-01-09", "2026-01-10", force_control=["g01"])
    assert "did you mean" not in str(refusal.value)


def test_dates_between_two_rows_leave_nothing_out(panel_of_geos, table_of):
    weekly = table_of(panel_of_geos(geos=4, days=70)).loc[lambda rows: rows["date"].isin(
        (np.datetime64("2026-01-05") + 7 * np.arange(9)).astype(str)
    )]  # fmt: skip
    assert problems_of(weekly, skip=["2026-01-13..2026-01-15"]) == (
        "--skip: 2026-01-13..2026-01-15 must hold the date of a row, and rows of the table are weeks; the next is 2026-01-19",
    )
    assert geo_panel(weekly, skip=["2026-01-19"]).dates.size == 8
    # A week that no geo has is left out on purpose by the same words.
    gap = weekly[weekly["date"] != "2026-01-19"]
    assert geo_panel(gap, skip=["2026-01-19..2026-01-21"]).dates.size == 8


def test_a_geo_that_sums_up_all_others_is_no_geo(table):
    named = "location" if "location" in table.columns else "geo"
    response = "Y" if "Y" in table.columns else "response"
    whole = table.groupby("date", as_index=False)[response].sum().assign(**{named: "National"})
    assert "National is the sum of" in problems_of(pd.concat([table, whole]).fillna(0))[0]

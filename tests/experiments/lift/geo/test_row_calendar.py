"""Rows are days, weeks, months or quarters; what is missing is named for what it is."""

import numpy as np
import pandas as pd
import pytest

from cpalab.refusal import LiftInputError
from experiments.lift.geo.panel import geo_experiment, geo_panel
from experiments.lift.geo.row_calendar import Step, gap_problems, step_of, stretches_of


def dates(frequency, periods=14, start="2023-01-01"):
    return pd.date_range(start, periods=periods, freq=frequency).to_numpy().astype("datetime64[D]")


def table(calendar, geos=4, **columns):
    rng = np.random.default_rng(1)
    names = [f"g{k}" for k in range(geos)]
    return pd.DataFrame(
        {
            "geo": np.repeat(names, len(calendar)),
            "date": np.tile(np.asarray(calendar).astype(str), geos),
            "response": rng.poisson(200, geos * len(calendar)).astype(float),
        }
    )


@pytest.mark.parametrize(
    ("frequency", "words"),
    [("D", "3 days"), ("W", "3 weeks"), ("2W", "3 stretches of 14 days"), ("MS", "3 months"), ("ME", "3 months"),
     ("QS", "3 quarters"), ("QE", "3 quarters"), ("YS", "3 years")],
)  # fmt: skip
def test_the_step_of_a_calendar_is_said_in_its_own_word(frequency, words):
    assert step_of(dates(frequency)).of(3) == words


def test_months_may_begin_on_any_day():
    assert step_of(np.array(["2023-01-31", "2023-02-28", "2023-03-31"], "datetime64[D]")) == Step(0, 1)
    assert step_of(np.array(["2023-01-15", "2023-02-15", "2023-03-16"], "datetime64[D]")) is None


@pytest.mark.parametrize(
    ("calendar", "words"),
    [
        (dates("B", 40), "no Saturday or Sunday has a row"),
        (np.delete(dates("D", 60), range(20, 27)), "7 days from 2023-01-21 to 2023-01-27 without a row"),
        (np.delete(dates("D", 60), [20, 40]), "--skip 2023-01-21 --skip 2023-02-10"),
        (np.delete(dates("MS", 24), 5), "1 month without a row of any geo (2023-06-01)"),
        (np.delete(dates("W", 24), [5, 6]), "2 weeks from 2023-02-05 to 2023-02-12"),
        (np.concatenate([dates("W", 9), dates("W-WED", 9, "2023-03-08")]), "is not a whole number of weeks"),
    ],
)
def test_what_is_missing_is_named(calendar, words):
    (problem,) = gap_problems(calendar, [])[1]
    assert words in problem
    assert "add the missing days" not in problem


def test_what_was_left_out_on_purpose_is_not_missing():
    gap = np.delete(dates("D", 60), range(20, 27))
    assert gap_problems(gap, stretches_of(["2023-01-21..2023-01-27"])) == (Step(), [])
    with pytest.raises(LiftInputError, match="must not end before it begins"):
        stretches_of(["2023-02-01..2023-01-01"])
    with pytest.raises(LiftInputError, match="must be two dates"):
        stretches_of(["last week"])


def test_weeks_stay_weeks():
    panel = geo_panel(table(dates("7D", 30)))
    design = panel, ["g0"], "2023-05-07", "2023-06-04"
    assert geo_experiment(*design, cooldown_days=14).cooldown_days == 2
    with pytest.raises(LiftInputError, match="which are weeks; write one of 7, 14"):
        geo_experiment(*design, cooldown_days=10)
    with pytest.raises(LiftInputError, match="whose rows are weeks; the nearest is 2023-05-07"):
        geo_experiment(panel, ["g0"], "2023-05-08", "2023-06-04")


def test_months_have_the_lengths_of_the_calendar():
    panel = geo_panel(table(dates("MS", 24)))
    # March and April 2024 follow a test that ends with February.
    assert geo_experiment(panel, ["g0"], "2024-01-01", "2024-02-01", cooldown_days=61).cooldown_days == 2
    with pytest.raises(LiftInputError, match="which are months; write one of 31, 61"):
        geo_experiment(panel, ["g0"], "2024-01-01", "2024-02-01", cooldown_days=30)
    assert panel.step.rows_in(91, "test_days") == 3
    with pytest.raises(LiftInputError, match="must be a whole number of rows; a row of this table is a month"):
        panel.step.rows_in(14, "test_days")


def test_dates_and_geos_can_be_left_out():
    days = dates("D", 60)
    whole = table(days)
    panel = geo_panel(whole, skip=["2023-01-11..2023-01-20"], exclude=["g3"])
    assert panel.geos == ("g0", "g1", "g2")
    assert panel.response.shape == (3, 50)
    assert panel.excluded == ("g3",)
    assert panel.left_out == ("2023-01-11..2023-01-20",)
    with pytest.raises(LiftInputError) as refusal:
        geo_panel(whole, skip=["2022-01-11..2022-01-20"], exclude=["g33"])
    assert [line.split(":")[0] for line in refusal.value.lines] == ["--exclude", "--skip"]


def test_one_of_several_responses_is_chosen():
    both = table(dates("D", 20)).assign(sales=lambda rows: 3 * rows["response"])
    with pytest.raises(LiftInputError, match="choose it with --response"):
        geo_panel(both)
    np.testing.assert_allclose(
        geo_panel(both, response="sales").response, 3 * geo_panel(both, response="response").response
    )

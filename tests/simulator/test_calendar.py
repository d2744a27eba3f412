"""The calendar: operational time, its inverse, and activity that follows weekdays and hours."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from simulator.calendar import LATTICE, NEVER, WEEKDAYS, build_calendar, clock_time
from simulator.scenario.loading import load_scenario
from simulator.world import simulate

HOURS = [0.2] * 6 + [1.0] * 12 + [2.0] * 6
WEEK = [1.0, 1.0, 1.0, 1.0, 1.0, 2.0, 0.5]


@given(
    st.lists(st.floats(0.01, 10.0), min_size=7, max_size=7),
    st.lists(st.floats(0.01, 10.0), min_size=24, max_size=24),
    st.floats(0.1, 60.0),
    st.floats(0.0, 0.999),
)
def test_clock_time_undoes_operational_time(weekday, hour, days, share):
    calendar = build_calendar(days, "monday", weekday, hour)
    day = share * days
    whole = int(day * 24)
    operational = calendar.operational[whole] + (day * 24 - whole) * (
        calendar.operational[whole + 1] - calendar.operational[whole]
    )
    assert clock_time.py_func(calendar, operational) == pytest.approx(day, abs=1e-6)


@given(st.floats(0.1, 60.0), st.lists(st.floats(0.0, 80.0), min_size=2, max_size=20))
def test_clock_time_never_runs_backwards(days, operational):
    calendar = build_calendar(days, "friday", WEEK, HOURS)
    times = [clock_time.py_func(calendar, moment) for moment in sorted(operational)]
    assert times == sorted(times)


def test_sessions_lie_between_the_points_where_ticks_begin():
    calendar = build_calendar(10.0, "monday", WEEK, HOURS)
    for operational in np.linspace(0.0, 0.999 * calendar.operational[240], 500):
        point = clock_time.py_func(calendar, operational) * LATTICE
        assert point - math.floor(point) == 0.5


def test_beyond_the_run_is_never():
    calendar = build_calendar(2.5, "monday", [1.0] * 7, [1.0] * 24)
    assert clock_time.py_func(calendar, 2.49) < 2.5
    assert clock_time.py_func(calendar, 2.5) == NEVER
    assert clock_time.py_func(calendar, 1e6) == NEVER


def test_a_week_of_operational_time_is_a_week_of_clock_time():
    calendar = build_calendar(28.0, "wednesday", WEEK, HOURS)
    assert calendar.operational[[168, 336, 672]] == pytest.approx([7.0, 14.0, 28.0])


@pytest.mark.parametrize("first", WEEKDAYS)
def test_the_run_begins_on_the_weekday_named(first):
    calendar = build_calendar(7.0, first, WEEK, [1.0] * 24)
    saturday = (5 - WEEKDAYS.index(first)) % 7
    lengths = np.diff(calendar.operational[::24][:8])
    assert int(np.argmax(lengths)) == saturday
    assert max(lengths) == pytest.approx(2.0 / np.mean(WEEK))


@pytest.fixture(scope="module")
def busy_times():
    """Times of direct visits, one per session, of people who all have the same activity."""
    tables = {
        "run": {"warm_up_days": 0, "follow_up_days": 0, "users": 2_000, "days": 14.0, "seed": 21},
        "calendar": {"first_weekday": "thursday", "weekday": WEEK, "hour": HOURS},
        "population": {"sessions_per_day": {"mean": 2.0}},
        "funnel": [{"name": "purchase", "rate": 0.0}],
        "surfaces": {
            "direct": {
                "weights": dict.fromkeys(("out_of_market", "in_market", "visited", "late"), 1.0),
                "visit_share": dict.fromkeys(("out_of_market", "in_market", "visited", "late"), 1.0),
                "visit_channel": "direct",
            }
        },
        "channels": {"direct": {}},
    }
    return simulate(load_scenario(tables)).events.to_pandas()


# χ² over hours and weekdays, Kolmogorov-Smirnov on gaps, at p > 1e-5: a false alarm in one of 30,000 choices of the seed.


def test_sessions_follow_the_hours_and_weekdays(busy_times):
    counts = np.bincount((busy_times["time"] * 24).astype(int), minlength=14 * 24)
    weight = np.array([WEEK[(3 + hour // 24) % 7] * HOURS[hour % 24] for hour in range(14 * 24)])
    assert stats.chisquare(counts, weight / weight.sum() * counts.sum()).pvalue > 1e-5


def test_gaps_are_exponential_in_operational_time(busy_times):
    calendar = build_calendar(14.0, "thursday", WEEK, HOURS)
    operational = np.interp(busy_times["time"] * 24, np.arange(len(calendar.operational)), calendar.operational)
    _, start = np.unique(busy_times["user_id"], return_index=True)
    first = operational[start]
    # Within 14 days the first of them nearly always falls: the truncated tail has mass e^-28.
    assert len(first) == 2_000
    assert stats.kstest(first, "expon", args=(0, 0.5)).pvalue > 1e-5
    sessions = len(busy_times)
    assert stats.poisson.cdf(sessions, 2_000 * 2.0 * 14.0) > 1e-5
    assert stats.poisson.sf(sessions, 2_000 * 2.0 * 14.0) > 1e-5

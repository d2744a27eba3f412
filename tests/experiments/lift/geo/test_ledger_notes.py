"""Cost columns and silent geos tell of contaminated controls, wrong dates, swapped arms and earlier tests."""

from dataclasses import replace

import numpy as np
import pytest

from experiments.lift.geo.ledger_notes import cost_notes, silent_notes
from experiments.lift.geo.panel import geo_experiment


@pytest.fixture
def design(panel_of_geos):
    """A function `(cost, response=…)`: 12 geos, 60 days and a test of 20, g00 to g02 treated."""

    def make(cost=None, response=None, force_control=()):
        panel = panel_of_geos(7, geos=12)
        panel = replace(panel, cost=cost, response=panel.response if response is None else response)
        return geo_experiment(panel, ["g00", "g01", "g02"], "2026-03-02", "2026-03-21", force_control=force_control)

    return make


def spending(base=0.0, noise=0.0, **changes):
    """Cost of 12 geos on 80 days; `changes`: geo, first day, last day and the cost then, by any name."""
    cost = np.full((12, 80), base) * (1 + noise * np.random.default_rng(1).normal(size=(12, 80)))
    for geos, first, last, amount in changes.values():
        cost[geos, first:last] = amount
    return cost


TEST = (slice(0, 3), 60, 80, 200.0)


@pytest.mark.parametrize(
    "cost",
    [
        spending(test=TEST),
        spending(100.0, 0.1, test=TEST),
        # Everybody pays a tenth more from the first day of the test on.
        spending(100.0, 0.05, all=(slice(0, 12), 60, 80, 110.0), test=TEST),
        None,
    ],
)
def test_a_test_as_planned_is_not_remarked(design, cost):
    assert cost_notes(design(cost)) == []


def test_controls_whose_cost_moves_with_the_test_are_named(design):
    cost = spending(100.0, 0.05, test=TEST, other=(slice(5, 7), 60, 80, 300.0))
    (note,) = cost_notes(design(cost))
    assert "2 geos (g05, g06) in the control changed when the test began" in note
    assert "--exclude g05,g06" in note
    assert cost_notes(design(cost), ["g05", "g06"]) == []


def test_arms_that_look_swapped_are_named(design):
    (note,) = cost_notes(design(spending(100.0, 0.05, other=(slice(3, 12), 60, 80, 300.0))))
    assert "the arms look swapped" in note


def test_a_treated_cost_that_stays_is_named(design):
    (note,) = cost_notes(design(spending(100.0, 0.05)))
    assert "did not change when the test began" in note


@pytest.mark.parametrize("base", [0.0, 100.0])
def test_an_earlier_test_is_named_with_its_dates(design, base):
    (note,) = cost_notes(design(spending(base, 0.05, test=TEST, earlier=(slice(0, 3), 30, 40, 180.0))))
    assert "unusual from 2026-01-31 to 2026-02-09, before the test" in note
    assert "--skip 2026-01-31..2026-02-09" in note


def test_a_start_that_is_too_late_is_named(design):
    (note,) = cost_notes(design(spending(100.0, 0.05, test=(slice(0, 3), 55, 80, 200.0))))
    assert "changed on 2026-02-25, before the start of the test" in note


def test_a_geo_that_falls_silent_is_named(design, panel_of_geos):
    response = panel_of_geos(7, geos=12).response.copy()
    assert silent_notes(design(response=response)) == []
    response[4, 62:72] = 0
    (note,) = silent_notes(design(response=response))
    assert "g04 has no response from 2026-03-04 to 2026-03-13" in note
    # A geo that sells now and then has many empty days.
    rare = response.copy()
    rare[4] = np.random.default_rng(2).poisson(0.3, 80)
    assert silent_notes(design(response=rare)) == []

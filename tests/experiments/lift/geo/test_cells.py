"""Several cells share a clean control and are compared with each other, all pairs together."""

from dataclasses import replace

import numpy as np
import pytest

from cpalab.refusal import LiftInputError
from experiments.lift.geo.cells import geo_cells_test, without_geos
from experiments.lift.geo.methods.did import DifferenceInDifferences, difference_in_differences
from experiments.lift.geo.panel import geo_experiment

CELLS = {"north": ("g00", "g01", "g02", "g03"), "south": ("g04", "g05", "g06", "g07")}
DATES = "2026-03-02", "2026-03-21"


@pytest.fixture
def panel(panel_of_geos):
    drawn = panel_of_geos(3, geos=24, noise=0.02)
    response = drawn.response.copy()
    response[4:8, 60:] *= 1.2
    return replace(drawn, response=response, cost=None)


def test_no_cell_is_control_of_another(panel):
    found = geo_cells_test(panel, CELLS, *DATES, DifferenceInDifferences().read)
    for name, other in (("north", "south"), ("south", "north")):
        alone = difference_in_differences(geo_experiment(without_geos(panel, CELLS[other]), CELLS[name], *DATES))
        assert found.cells[name].lift.difference == pytest.approx(alone.lift.difference)
        assert found.cells[name].control_geos == 16
    assert found.to_frame()["cell"].tolist() == ["north", "north", "south", "south"]


def test_pairs_are_compared(panel):
    found = geo_cells_test(panel, CELLS, *DATES, DifferenceInDifferences().read, (0.95,))
    (pair,) = found.comparisons(0.95)
    lifts = [test.lift.relative_lift for test in found.cells.values()]
    assert pair.difference == pytest.approx(lifts[0] - lifts[1])
    assert pair.significant
    assert "The lift of south is larger than that of north" in found.summary()


def test_pairs_hold_together(panel_of_geos):
    # Three cells without effect, 200 panels: some pair is called different in at most 5 % (3.3 standard errors, .051).
    cells = {f"c{k}": [f"g{j:02d}" for j in range(4 * k, 4 * k + 4)] for k in range(3)}
    alarms = []
    for seed in range(200):
        drawn = replace(panel_of_geos(seed, geos=20, days=30, start=24), cost=None)
        found = geo_cells_test(drawn, cells, "2026-01-25", "2026-01-30", DifferenceInDifferences().read, (0.95,))
        alarms.append(any(pair.significant for pair in found.comparisons(0.95)))
    assert np.mean(alarms) <= 0.05 + 0.051


def test_impossible_cells_are_refused_all_at_once(panel):
    with pytest.raises(LiftInputError) as refusal:
        geo_cells_test(panel, {"a": ["g00", "g99"], "b": ["g00"], "c": []}, *DATES, DifferenceInDifferences().read)
    assert [line.split(":")[0] for line in refusal.value.lines] == ["--cell a", "--cell c", "--cell"]
    with pytest.raises(LiftInputError, match="at least one must be left as a control"):
        geo_cells_test(panel, {"a": panel.geos[:12], "b": panel.geos[12:]}, *DATES, DifferenceInDifferences().read)

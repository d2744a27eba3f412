"""First-order indices: by hand on a grid, against scipy and a known function on a Sobol design, and where none exist."""

import math

import numpy as np
import pytest

from experiments.bench.sensitivity import sensitivity_of_grid, sensitivity_of_samples
from experiments.bench.sweep_design import Span, points_of
from simulator.scenario.loading import load_scenario

BASE = load_scenario("dropshipping")
VARY = {"order.value.mean": Span(0.0, 1.0, 3), "market.visitors": Span(0.0, 1.0, 3)}
SLOPE = {"order.value.mean": 2.0, "market.visitors": 1.0}


def linear(points) -> np.ndarray:
    return np.array([sum(SLOPE[path] * float(value) for path, value in point.values) for point in points])


def test_a_grid_by_hand() -> None:
    points = points_of(BASE, VARY)
    values = linear(points)
    found = sensitivity_of_grid("it", points, (lambda seeds: values, 2))
    index = found.to_frame().set_index("parameter")["index"]
    assert index["order.value.mean"] == pytest.approx(4 / 5)  # variances of slopes 2 and 1
    assert index["market.visitors"] == pytest.approx(1 / 5)
    assert found.summary().startswith("order.value.mean moves it most: it alone accounts for 80%")


def test_a_sobol_design_of_a_known_function_and_by_scipy() -> None:
    from scipy.stats import sobol_indices

    points = points_of(BASE, VARY, "sobol", 512)
    values = linear(points)
    frame = sensitivity_of_samples("it", points, values).to_frame().set_index("parameter")
    assert frame["index"].to_numpy() == pytest.approx([0.8, 0.2], abs=0.02)
    assert (frame["lower"] <= [0.8, 0.2]).all()
    assert (frame["upper"] >= [0.8, 0.2]).all()
    by = {name: values[[p.sample == name for p in points]] for name in ("A", "B", *(f"AB:{path}" for path in VARY))}
    given = {"f_A": by["A"][None], "f_B": by["B"][None], "f_AB": np.stack([by[f"AB:{p}"] for p in VARY])[:, None]}
    theirs = sobol_indices(func=given, n=512).first_order.ravel()
    assert frame.loc[list(VARY), "index"].to_numpy() == pytest.approx(theirs, abs=0.01)


def test_what_interacts_alone_has_no_index_of_its_own() -> None:
    points = points_of(BASE, {path: Span(-1.0, 1.0, 5) for path in VARY})
    values = np.array([math.prod(float(value) for _, value in point.values) for point in points])
    frame = sensitivity_of_grid("it", points, (lambda seeds: values, 1)).to_frame()
    assert frame["index"].to_numpy() == pytest.approx([0.0, 0.0], abs=1e-12)
    assert frame["lower"].isna().all()  # one seed


@pytest.mark.parametrize(("value", "reason"), [(1.0, "the same at every point"), (math.nan, "unbounded or undefined")])
def test_where_there_is_nothing_to_tell_it_is_said(value: float, reason: str) -> None:
    for design in ("grid", "sobol"):
        points = points_of(BASE, VARY, design, 4)
        values = np.full(len(points), value)
        found = (
            sensitivity_of_grid("it", points, (lambda seeds, v=values: v, 3))
            if design == "grid"
            else sensitivity_of_samples("it", points, values)
        )
        assert reason in found.summary()
        assert "cannot be told" in found.summary()

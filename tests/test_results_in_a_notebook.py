"""Results in a notebook: one line as text, a table as HTML, and never a wall of arrays."""

import dataclasses
import importlib
import inspect

import numpy as np
import pandas as pd
import pytest

from attribution import build_paths, completeness, conversion_lag, load_model
from cpalab.result import Result
from experiments.lift import GroupSequentialPlan, geo_experiment, geo_panel, user_holdout_test
from experiments.lift.estimate.arm_sums import ArmStatistics
from simulator import load_scenario, simulate

MOST_CHARACTERS = 3_000
WIDE = ("ndarray", "NDArray", "Table", "DataFrame", "Floats", "Ints", "Codes", "Bools")


def some_paths():
    people = np.arange(3_000)
    touches = {"user_id": people % 700, "time": people / 100, "channel": [f"channel {i % 40}" for i in people]}
    return build_paths(touches, {"user_id": np.arange(300), "time": np.full(300, 31.0)})


def some_experiment():
    days = pd.date_range("2024-01-01", periods=60).astype(str)
    table = pd.DataFrame(
        [(f"geo {g:03}", day, 100.0 + g) for g in range(50) for day in days], columns=["geo", "date", "Y"]
    )
    return geo_experiment(geo_panel(table), [f"geo {g:03}" for g in range(0, 50, 2)], "2024-02-15", "2024-02-29")


RESULTS = {
    "World": lambda: simulate(load_scenario("dropshipping", {"run.users": 1_000, "run.days": 3.0})),
    "Paths": some_paths,
    "ConversionLag": lambda: conversion_lag(some_paths()),
    "Completeness": lambda: completeness(some_paths()),
    "Credit": lambda: load_model("linear").fit(some_paths()).credit(some_paths()),
    "UserLiftTest": lambda: user_holdout_test(
        ArmStatistics.from_converters(900, 90), ArmStatistics.from_converters(100, 5), 10**6
    ),
    "GroupSequentialPlan": lambda: GroupSequentialPlan((0.5, 1.0)),
    "GeoPanel": lambda: some_experiment().panel,
    "GeoExperiment": some_experiment,
}


@pytest.mark.parametrize("name", RESULTS)
def test_it_is_a_line_and_a_table(name):
    result = RESULTS[name]()
    assert type(result).__name__ == name
    assert len(repr(result)) < 300
    assert "\n" not in repr(result)
    assert "<table" in result._repr_html_()
    assert len(str(result)) < MOST_CHARACTERS


@pytest.mark.parametrize("name", ["Credit", "UserLiftTest", "GroupSequentialPlan"])
def test_it_is_a_table_for_a_paper(name):
    result = RESULTS[name]()
    text = result.to_latex()
    assert text.startswith("\\begin{tabular}")
    assert text.count("\\\\") == len(result.to_frame()) + 1
    assert "nan" not in text.casefold()


def test_every_public_class_that_holds_arrays_is_a_result():
    names = {
        (package, name)
        for package in ("cpalab", "simulator", "attribution", "experiments.lift")
        for name in importlib.import_module(package).__all__
    }
    classes = {getattr(importlib.import_module(package), name) for package, name in names}
    wide = [
        found.__name__
        for found in classes
        if inspect.isclass(found)
        and dataclasses.is_dataclass(found)
        and any(word in str(field.type) for field in dataclasses.fields(found) for word in WIDE)
        and not issubclass(found, Result)
    ]
    assert wide == []

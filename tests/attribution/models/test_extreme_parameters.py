"""Parameters far beyond what data can tell are refused at once, or read like those at the end of what it can."""

import math

import pytest

from attribution import bootstrap_credits, build_paths, load_model
from cpalab.refusal import InvalidInputError

TOUCHES = {"user_id": ["ann", "ann", "bob"], "time": [1.0, 2.0, 3.0], "channel": ["search", "email", "search"]}
PATHS = build_paths(TOUCHES, {"user_id": ["ann"], "time": [2.5]})


@pytest.mark.parametrize("number", [63, 10**9, 10**30])
@pytest.mark.parametrize("parameter", ["markov.order", "shapley_markov.order", "upstream_data_driven.upstream_touches"])
def test_more_touches_than_states_can_hold_are_refused(parameter, number):
    model, _, word = parameter.partition(".")
    with pytest.raises(InvalidInputError, match=f"{word}: {number} with 2 channels"):
        load_model(model, **{word: number}).fit(PATHS)


@pytest.mark.parametrize("model", ["bagged_logistic", "shapley_markov", "shapley_response"])
def test_a_seed_below_zero_is_refused(model):
    with pytest.raises(InvalidInputError, match="seed: -1 must be zero or more"):
        load_model(model, seed=-1)
    with pytest.raises(InvalidInputError, match="seed: -1 must be zero or more"):
        bootstrap_credits([load_model("linear")], PATHS, seed=-1)


@pytest.mark.parametrize("model", ["doubly_robust", "shapley_response", "shapley_incremental", "upstream_data_driven"])
def test_people_without_touches_are_any_finite_count(model):
    credit = load_model(model, untouched_nulls=10**30).fit(PATHS).credit(PATHS)
    assert math.isfinite(credit.conversions.sum())
    with pytest.raises(InvalidInputError, match="must be a count, zero or more"):
        load_model(model, untouched_nulls=math.inf)

"""Limits: a scenario that is larger than the engines can hold is refused with the limit, and one at the limit is taken."""

import copy

import pytest

from cpalab.refusal import ScenarioError
from simulator.scenario.rules.validation import validate


def crowded(tables, **numbers):
    """The market with so many more entries of each kind: copies of what is there."""
    tables = copy.deepcopy(tables)
    for kind, number in numbers.items():
        have = tables[kind]
        model = have["direct"] if kind == "surfaces" else {}
        for place in range(number - len(have)):
            have[f"more_{place}"] = copy.deepcopy(model)
    return tables


@pytest.mark.parametrize(("kind", "most"), [("channels", 32), ("surfaces", 32)])
def test_one_more_than_the_limit_is_refused_with_the_limit(market, kind, most):
    assert len(getattr(validate(crowded(market, **{kind: most})), kind)) == most
    with pytest.raises(ScenarioError) as refused:
        validate(crowded(market, **{kind: most + 1}))
    (problem,) = refused.value.problems
    assert (problem.place, problem.rule) == (kind, f"must have at most {most} entries")


def test_sessions_people_and_days_have_limits_that_are_told(market):
    market["run"] |= {"users": 50_000_001, "days": 3_651.0, "tick_hours": 0.5}
    with pytest.raises(ScenarioError) as refused:
        validate(market)
    said = {problem.place: problem.rule for problem in refused.value.problems}
    assert said == {
        "run.users": "must be less than or equal to 50000000",
        "run.days": "must be less than or equal to 3650",
        "run.tick_hours": "must be greater than or equal to 1",
    }
    market["run"] |= {"users": 50_000_000, "days": 3_650.0, "tick_hours": 24.0}
    with pytest.raises(ScenarioError, match="must give at most 5,000,000,000 sessions in all"):
        validate(market)

"""Validation: from plain tables to a scenario, or to the list of everything that is wrong with them."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from simulator.scenario.consistency import inconsistencies
from simulator.scenario.paths import keys_at
from simulator.scenario.problems import Problem, ScenarioError, did_you_mean
from simulator.scenario.schema import Scenario


def validate(tables: Mapping[str, Any]) -> Scenario:
    """The scenario that these tables describe.

    Raises:
        ScenarioError: with every problem found, each as place, value, rule and hint.
    """
    try:
        scenario = Scenario.model_validate(tables)
    except ValidationError as error:
        raise ScenarioError(_problem(details) for details in error.errors()) from None
    if problems := inconsistencies(scenario):
        raise ScenarioError(problems)
    return scenario


def _problem(details: ErrorDetails) -> Problem:
    """One pydantic error in our words."""
    # Pydantic marks a bad key of a mapping by a last part "[key]".
    location = [str(part) for part in details["loc"] if part != "[key]"]
    place = ".".join(location)
    value = details["input"]
    shown = repr(value) if isinstance(value, str | int | float | bool) else ""
    match details["type"]:
        case "extra_forbidden":
            return Problem(place, "unknown key", hint=did_you_mean(location[-1], keys_at(location[:-1])))
        case "missing":
            return Problem(place, "is needed and missing")
        case "string_pattern_mismatch":
            return Problem(place, "must be a name of lower-case letters, digits and _, starting with a letter", shown)
        case _:
            rule = details["msg"].replace("Input should be", "must be")
            return Problem(place, rule[0].lower() + rule[1:], shown)

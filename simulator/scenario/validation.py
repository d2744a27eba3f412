"""Validation: from plain tables to a scenario, or to the list of everything that is wrong with them."""

from collections.abc import Callable, Mapping, Sequence
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
        raise ScenarioError(problem_of(details) for details in error.errors()) from None
    if problems := inconsistencies(scenario):
        raise ScenarioError(problems)
    return scenario


# What pydantic calls the kinds of value, in the words of somebody who writes TOML.
KINDS = {
    "dict_type": "must be a table",
    "model_type": "must be a table",
    "list_type": "must be a list",
    "string_type": "must be text in quotes",
    "float_type": "must be a number",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "bool_type": "must be true or false",
}


def problem_of(details: ErrorDetails, keys: Callable[[Sequence[str]], Sequence[str]] = keys_at) -> Problem:
    """One pydantic error in our words. `keys` says which keys are known at a place."""
    # Pydantic marks a bad key of a mapping by a last part "[key]".
    location = [str(part) for part in details["loc"] if part != "[key]"]
    place = ".".join(location)
    value = details["input"]
    shown = repr(value) if isinstance(value, str | int | float | bool) else ""
    kind, context = details["type"], details.get("ctx", {})
    match kind:
        case "extra_forbidden":
            return Problem(place, "unknown key", hint=did_you_mean(location[-1], keys(location[:-1])))
        case "missing":
            return Problem(place, "is needed and missing")
        case "string_pattern_mismatch":
            return Problem(place, "must be a name of lower-case letters, digits and _, starting with a letter", shown)
        case "too_short" | "string_too_short":
            least = context["min_length"]
            return Problem(place, "must not be empty" if least == 1 else f"must have at least {least} entries", shown)
        case "too_long":
            return Problem(place, f"must have at most {context['max_length']} entries", str(context["actual_length"]))
        case _ if kind in KINDS:
            return Problem(place, KINDS[kind], shown)
        case _:
            rule = details["msg"].replace("Input should be", "must be")
            return Problem(place, rule[0].lower() + rule[1:], shown)

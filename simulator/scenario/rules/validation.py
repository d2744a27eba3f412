"""Validation: from plain tables to a scenario, or to the list of everything that is wrong with them."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from cpalab.refusal import Problem, ScenarioError, did_you_mean
from simulator.scenario.dotted_places import keys_at
from simulator.scenario.rules.consistency import inconsistencies
from simulator.scenario.schema import Scenario

MOST_SHOWN = 100

# What is said about every kind of error that the schema can raise, but for those with words of their own in `problem_of`.
RULES = {
    "bool_type": "must be true or false",
    "dict_type": "must be a table",
    "finite_number": "must be a finite number",
    "float_type": "must be a number",
    "greater_than": "must be greater than {gt:g}",
    "greater_than_equal": "must be greater than or equal to {ge:g}",
    "int_from_float": "must be a whole number",
    "int_type": "must be a whole number",
    "invalid_key": "is no name: it must be text",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be less than or equal to {le:.15g}",
    "list_type": "must be a list",
    "model_type": "must be a table",
    "string_pattern_mismatch": "must be a name of lower-case letters, digits and _, starting with a letter",
    "string_too_long": "must have at most {max_length} character{s}",
    "string_too_short": "must have at least {min_length} character{s}",
    "string_type": "must be text in quotes",
    "tiny_number": "must be at least {least:g} where it is not 0",
    "too_long": "must have at most {max_length} entr{ies}",
    "too_short": "must have at least {min_length} entr{ies}",
}


def validate(tables: Mapping[str, Any]) -> Scenario:
    """The scenario that these tables describe.

    Raises:
        ScenarioError: with every problem found, each as place, value, rule and hint.
    """
    try:
        scenario = Scenario.model_validate(tables)
    except ValidationError as error:
        # A value of a dated change that is of no kind at all is complained of once per kind.
        raise ScenarioError(dict.fromkeys(map(problem_of, error.errors()))) from None
    if problems := inconsistencies(scenario):
        raise ScenarioError(problems)
    return scenario


def problem_of(details: ErrorDetails, keys: Callable[[Sequence[str]], Sequence[str]] = keys_at) -> Problem:
    """One pydantic error in our words. `keys` says which keys are known at a place."""
    # Pydantic marks a bad key of a mapping by a last part "[key]".
    location = [str(part) for part in details["loc"] if part != "[key]"]
    value = details["input"]
    if location[:1] == ["timeline"] and location[2:3] == ["set"] and len(location) == 5:
        return Problem(".".join(location[:-1]), "must be a number, text, true or false")
    place = ".".join(location)
    shown = _shown(value) if isinstance(value, str | int | float | bool) else ""
    match details["type"]:
        case "extra_forbidden":
            return Problem(place, "unknown key", hint=did_you_mean(location[-1], keys(location[:-1])))
        case "missing":
            return Problem(place, "is needed and missing")
        case "literal_error":
            rule, words = f"must be {details['ctx']['expected']}", re.findall("'(.*?)'", details["ctx"]["expected"])
            close = did_you_mean(value, words) if isinstance(value, str) else ""
            return Problem(place, rule, shown, close if close.startswith("did you mean") else "")
        case "too_short" | "too_long" | "string_too_short" | "string_too_long" as kind:
            return Problem(place, RULES[kind].format(**_in_number(details["ctx"])), shown)
        case kind:
            return Problem(place, RULES[kind].format(**details.get("ctx", {})), shown)


def _shown(value: str | float) -> str:
    """A value as it is written; of one that would fill the screen, how long it is."""
    if isinstance(value, int) and abs(value) >= 10**40:
        return f"a number of {int(value.bit_length() * 0.30103) + 1:,} digits"
    shown = repr(value)
    return shown if len(shown) <= MOST_SHOWN else f"{shown[:MOST_SHOWN]}… ({len(shown):,} characters)"


def _in_number(limits: dict[str, Any]) -> dict[str, Any]:
    """With the endings that agree with the limit: 1 entry, 2 entries."""
    limit = limits.get("min_length", limits.get("max_length"))
    return limits | ({"s": "", "ies": "y"} if limit == 1 else {"s": "s", "ies": "ies"})

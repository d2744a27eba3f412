"""Variations: one assumption of a scenario changed at a time, as overrides by dotted path."""

from collections.abc import Callable, Mapping
from typing import Any

from cpalab.refusal import InvalidInputError, Problem, did_you_mean
from simulator.scenario.schema import Scenario

__all__ = ["AS_IT_IS", "VARIATIONS", "overrides_of", "variations_asked"]

AS_IT_IS = "as it is"
Overrides = dict[str, Any]


def _channels(scenario: Scenario, change: Callable[[str, Any], Overrides]) -> Overrides:
    """A change of every paid channel."""
    found: Overrides = {}
    for name in scenario.paid_channels():
        found |= {f"channels.{name}.{path}": value for path, value in change(name, scenario.channels[name]).items()}
    return found


def _campaigns(scenario: Scenario, change: Callable[[Any], Overrides]) -> Overrides:
    """A change of every campaign."""
    return _channels(
        scenario,
        lambda _, channel: {
            f"campaigns.{name}.{path}": value
            for name, campaign in channel.campaigns.items()
            for path, value in change(campaign).items()
        },
    )


# Name → what it changes. Each is one assumption of the field about which papers disagree.
VARIATIONS: Mapping[str, Callable[[Scenario], Overrides]] = {
    AS_IT_IS: lambda _: {},
    "direct effect only": lambda s: _channels(s, lambda _, c: {"upstream_effect": 0.0, "need_effect": 0.0}),
    "upstream effect only": lambda s: _channels(
        s, lambda _, c: {"direct_effect": 0.0, "upstream_effect": c.upstream_effect + c.direct_effect}
    ),
    # Goodwill does nothing: ads act by their clicks alone.
    "clicks only": lambda s: _channels(
        s, lambda _, c: {"direct_effect": 0.0, "upstream_effect": 0.0, "need_effect": 0.0}
    ),
    "no targeting": lambda s: _campaigns(s, lambda c: {"optimisation": 0.0, "targeting.audience": "everyone"}),
    "strong targeting": lambda s: _campaigns(s, lambda c: {"optimisation": max(1.0, c.optimisation)}),
    "no synergy": lambda s: _channels(s, lambda _, c: {f"synergy.{other}": 0.0 for other in c.synergy}),
    "no saturation": lambda s: _channels(s, lambda _, c: {"saturation": 100.0 * c.saturation}),
    "short carry-over": lambda s: _channels(s, lambda _, c: {"half_life_days": 0.5}),
    "long carry-over": lambda s: _channels(s, lambda _, c: {"half_life_days": 3.0 * c.half_life_days}),
    "no substitution": lambda s: _campaigns(s, lambda c: {"substitution": 0.0}),
    "full substitution": lambda s: _campaigns(s, lambda c: {"substitution": 1.0}),
}


def overrides_of(variation: str, scenario: Scenario) -> Overrides:
    """What a variation changes in this scenario, by dotted path."""
    return VARIATIONS[variation](scenario)


def variations_asked(names: tuple[str, ...]) -> tuple[str, ...]:
    """The variations of these names, each once.

    Raises:
        InvalidInputError: there is none of such a name; all of them at once.
    """
    unknown = [name for name in names if name not in VARIATIONS]
    problems = [Problem("variation", "is unknown", repr(name), did_you_mean(name, VARIATIONS)) for name in unknown]
    if problems:
        raise InvalidInputError(problems)
    return tuple(dict.fromkeys(names))

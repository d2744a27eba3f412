"""Variations: assumptions of a scenario changed, one at a time or crossed, as overrides by dotted path.

`no targeting + short carry-over` changes both.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from itertools import combinations
from typing import Any

from cpalab.refusal import InvalidInputError, Problem, did_you_mean
from simulator.scenario.loading import load_scenario
from simulator.scenario.schema import Scenario

__all__ = ["AS_IT_IS", "VARIATIONS", "crossed", "overrides_of", "variations_asked"]

AS_IT_IS = "as it is"
AND = " + "
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
    # What follows changes the record alone: ask for recorded tracking. The values are assumptions [M].
    "identity loss": lambda _: {
        "tracking.identity.cookie_days": 3.0, "tracking.identity.cookie_days_safari": 1.0,
        "tracking.identity.clear_share": 0.6, "tracking.identity.log_in_share": 0.0,
    },
    "low consent": lambda s: {"tracking.consent.share": 0.4, "tracking.consent.asked": list(s.population.geos)},
    "unobserved visits": lambda _: {"tracking.transport.session_loss": 0.4, "tracking.transport.utm_loss": 0.3},
}  # fmt: skip
RECORD_ALONE = ("identity loss", "low consent", "unobserved visits")


def overrides_of(variation: str, scenario: Scenario) -> Overrides:
    """What a variation changes in this scenario, by dotted path; a crossed one changes what each of its parts does."""
    found: Overrides = {}
    for part in variation.split(AND):
        found |= VARIATIONS[part](scenario)
    return found


def crossed(names: Sequence[str]) -> tuple[str, ...]:
    """Every pair of these variations, but for those whose parts change the same assumption: `no …` with `full …`."""
    parts = [name for name in dict.fromkeys(names) if name != AS_IT_IS]
    return tuple(AND.join(pair) for pair in combinations(parts, 2) if not _contradict(pair))


def _contradict(parts: Sequence[str]) -> bool:
    """Whether two of these variations change the same assumption, so that the order would decide."""
    return any(_changed_by(one) & _changed_by(other) for one, other in combinations(parts, 2))


@cache
def _changed_by(part: str) -> frozenset[str]:
    """What a variation changes, by dotted path."""
    return frozenset(VARIATIONS[part](load_scenario("dtc-apparel")))


def variations_asked(names: Sequence[str], tracking: str = "perfect") -> tuple[str, ...]:
    """The variations of these names, each once.

    Args:
        names: each a variation, or several joined by ` + `.
        tracking: what the models see.

    Raises:
        InvalidInputError: there is none of such a name, two that are joined change the same assumption, or one changes the
            record alone where models do not see it; all of them at once.
    """
    problems = []
    for name in dict.fromkeys(names):
        parts = name.split(AND)
        unknown = [part for part in parts if part not in VARIATIONS]
        problems += [Problem("variation", "is unknown", repr(p), did_you_mean(p, VARIATIONS)) for p in unknown]
        if not unknown and len(parts) > 1 and _contradict(parts):
            rule = "joins variations that change the same assumption"
            problems.append(Problem("variation", rule, repr(name), "ask for each alone"))
        if tracking != "recorded" and set(parts) & set(RECORD_ALONE):
            rule = "changes the record alone, which perfect tracking does not see"
            problems.append(Problem("variation", rule, repr(name), "ask for recorded tracking"))
    if problems:
        raise InvalidInputError(problems)
    return tuple(dict.fromkeys(names))

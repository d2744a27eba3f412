"""Acts: which changes of a running campaign are possible, and in words why others are not."""

import math

from cpalab.refusal import Problem, ScenarioError, did_you_mean
from simulator.scenario.build_law import PlacedCampaign
from simulator.scenario.rules.consistency import campaign_inconsistencies
from simulator.scenario.schema import Scenario
from simulator.scenario.timeline import with_change

Value = bool | float | str


def checked_act(scenario: Scenario, placed: PlacedCampaign, what: str, value: Value, day: float) -> bool:
    """Whether setting a campaign's `what` to a value changes anything.

    Args:
        scenario: as it stands.
        placed: the campaign.
        what: dotted path within it.
        value: in the unit of the scenario.
        day: now.

    Raises:
        ScenarioError: with every reason why it is impossible.
    """
    place = f"channels.{placed.channel}.campaigns.{placed.name}"
    campaign = scenario.channels[placed.channel].campaigns[placed.name]
    problems = []
    if what == "daily_budget" and campaign.billing == "flat":
        problems.append(Problem(f"{place}.{what}", "has no effect on a flat fee", hint="set the bid, which is the fee"))
    if what == "end_day" and isinstance(value, float) and value <= day:
        problems.append(Problem(f"{place}.{what}", f"must be later than now, day {day:g}", f"{value:g}"))
    if what.startswith("creatives."):
        problems += _creative_problems(place, what.split(".")[1], campaign.creatives, launched=value is False)
    if problems:
        raise ScenarioError(problems)
    changed = with_change(scenario, f"{place}.{what}", value)
    after = changed.channels[placed.channel].campaigns[placed.name]
    if problems := list(campaign_inconsistencies(changed, place, after)):
        raise ScenarioError(problems)
    return after != campaign


def _creative_problems(place: str, name: str, creatives: dict, *, launched: bool) -> list[Problem]:  # type: ignore[type-arg]
    if name not in creatives:
        hint = did_you_mean(name, creatives)
        return [
            Problem(
                f"{place}.creatives", "has no such creative: make it in the scenario, on the shelf", repr(name), hint
            )
        ]
    if launched and not creatives[name].shelved:
        return [Problem(f"{place}.creatives.{name}", "is on air already", hint="retire it first, or launch another")]
    return []


def channel_problems(scenario: Scenario, channel: str) -> list[Problem]:
    """Why a lift test cannot be of this channel: it buys no ads."""
    paid = scenario.paid_channels()
    if channel in paid:
        return []
    return [Problem("channel", "is no channel with ads", repr(channel), did_you_mean(str(channel), paid))]


def checked_lift_test(scenario: Scenario, channel: str, days: float) -> None:
    """Refuse to begin a lift test that does not lie on the shelf, or for no time.

    Raises:
        ScenarioError: with every reason.
    """
    problems = []
    if not 0.0 < days < math.inf:
        problems.append(Problem("days", "must be a number above 0", f"{days:g}"))
    if unpaid := channel_problems(scenario, channel):
        problems += unpaid
    elif scenario.channels[channel].holdout.share == 0.0:
        hint = f"set channels.{channel}.holdout.share in the scenario"
        problems.append(Problem(f"channels.{channel}.holdout", "holds nobody out", hint=hint))
    elif not scenario.channels[channel].holdout.shelved:
        hint = f"only what has channels.{channel}.holdout.shelved = true in the scenario can be begun, and once"
        problems.append(Problem(f"channels.{channel}.holdout", "is not on the shelf", hint=hint))
    if problems:
        raise ScenarioError(problems)


def checked_rival_price(scenario: Scenario, surface: str, *, plays_rival: bool) -> None:
    """Refuse a change of the rivals' price by an advertiser, and of a surface that there is not.

    Raises:
        ScenarioError: with every reason.
    """
    problems = []
    if not plays_rival:
        rule = "is the rivals' to set, not the advertiser's"
        problems.append(Problem("rival_cpm", rule, hint='give the process the attribute plays = "rival"'))
    if surface not in scenario.surfaces:
        hint = did_you_mean(str(surface), scenario.surfaces)
        problems.append(Problem("surface", "is no surface of this market", repr(surface), hint))
    if problems:
        raise ScenarioError(problems)

"""The arrangement of a user-level test in a scenario, and the days (from the start) on which it runs and counts."""

import math
from dataclasses import dataclass
from typing import Any

from experiments.designs.design import require_ads
from simulator.scenario.clock import at_tick
from simulator.scenario.rules.validation import validate
from simulator.scenario.schema import Holdout, Scenario
from simulator.scenario.timeline import holdout_as_run

__all__ = ["HoldoutDays", "days_of", "holdout_arranged"]


@dataclass(frozen=True)
class HoldoutDays:
    """When a test runs, in days from the beginning of the reported window.

    Attributes:
        start_day: ads are withheld, and outcomes count, from here on.
        end_day: ads are withheld until here.
        last_day: outcomes count until here; infinite: to the end of the follow-up.
    """

    start_day: float
    end_day: float
    last_day: float


def days_of(scenario: Scenario, channel: str) -> HoldoutDays:
    """The days of a channel's holdout within the run: the market begins and ends it at its ticks, or a process began it."""
    holdout = holdout_as_run(scenario, channel)
    tick_days = scenario.run.tick_hours / 24.0
    end = math.inf if holdout.end_day is None else at_tick(holdout.end_day, tick_days)
    last = math.inf if holdout.cooldown_days is None else end + holdout.cooldown_days
    return HoldoutDays(at_tick(holdout.start_day, tick_days), min(end, scenario.run.days), last)


def holdout_arranged(scenario: Scenario, channel: str, **changes: Any) -> Scenario:
    """The scenario with these fields of the channel's holdout changed, off the shelf; no share becomes the default share.

    Raises:
        ScenarioError: there is no such channel, it has no campaigns, or the test does not fit the scenario.
    """
    require_ads(scenario, channel)
    tables = scenario.model_dump()
    holdout = tables["channels"][channel]["holdout"]
    holdout["share"] = holdout["share"] or Holdout().share
    holdout |= {"shelved": False, **changes}
    return validate(tables)

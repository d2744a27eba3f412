"""The clock of a run: warm-up, reported window, follow-up (days), and how long the first and the last should be.

Day 0 is the first day that is reported. The market lives before it, at negative times, with its ads on: that is the
warm-up. From day `days` on all ads are off, and orders are still counted: that is the follow-up.
"""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from simulator.scenario.schema import Scenario

HALF_LIVES = 3.0  # of the slowest thing that fades: an eighth of it is then left
LONGEST_DEFAULT_DAYS = 120
PERIODS = ("warm_up", "reported", "follow_up")


@dataclass(frozen=True)
class Clock:
    """When a run begins, is reported and ends, in days.

    Attributes:
        start: first day of the warm-up; zero or negative.
        days: the end of the reported window, which begins on day 0.
        end: the end of the follow-up.
    """

    start: int
    days: float
    end: float

    @classmethod
    def of(cls, scenario: "Scenario") -> "Clock":
        """The clock of a scenario's run."""
        run = scenario.run
        settling = settling_days(scenario)
        warm_up = settling if run.warm_up_days is None else run.warm_up_days
        follow_up = settling if run.follow_up_days is None else run.follow_up_days
        return cls(-warm_up, run.days, run.days + follow_up)

    @property
    def follow_up_days(self) -> float:
        """How long orders count after the ads have ended."""
        return self.end - self.days

    def period(self, day: float) -> str:
        """Which part of the run a time lies in: warm_up, reported or follow_up."""
        return PERIODS[0] if day < 0 else PERIODS[1] if day < self.days else PERIODS[2]

    def summary(self) -> str:
        """The three parts in a sentence."""
        return (
            f"{self.days:g} days are reported, after {-self.start} days of warm-up (ads on, not reported) and before "
            f"{self.follow_up_days:g} days of follow-up (ads off, orders counted)."
        )


def fading_days(scenario: "Scenario") -> dict[str, float]:
    """How long it takes until half of each thing is gone that outlasts a session: dotted place → half-life in days.

    Goodwill of channels whose ads add some, wear of channels whose ads wear out or annoy, and the wish to buy, which ends
    with hazard lapse + rival per day: half-life ln 2 / (lapse + rival).
    """
    found = {}
    for name, channel in scenario.channels.items():
        if not channel.campaigns:
            continue
        if channel.goodwill_per_impression > 0.0:
            found[f"channels.{name}.half_life_days"] = channel.half_life_days
        if channel.wear_out_impressions is not None or channel.overexposure_impressions is not None:
            found[f"channels.{name}.wear_half_life_days"] = channel.wear_half_life_days
    leaving = scenario.need.lapse_per_day + scenario.need.rival_per_day
    if leaving > 0.0:
        found["need.lapse_per_day, need.rival_per_day"] = math.log(2.0) / leaving
    return found


def settling_days(scenario: "Scenario") -> int:
    """Three half-lives of what fades slowest, in whole days: the default of warm-up and follow-up, at most 120."""
    slowest = max(fading_days(scenario).values(), default=0.0)
    return min(math.ceil(HALF_LIVES * slowest), LONGEST_DEFAULT_DAYS)


def clock_warnings(scenario: "Scenario") -> list[str]:
    """What a run is too short for: each half-life that exceeds the follow-up or the warm-up, and days between ticks."""
    clock = Clock.of(scenario)
    found = []
    for place, half_life in fading_days(scenario).items():
        for name, length, loss in (
            ("follow_up_days", clock.follow_up_days, "more than half of what the last ads cause is not counted"),
            ("warm_up_days", float(-clock.start), "the market is not yet in its running state on day 0"),
        ):
            if half_life > length:
                found.append(
                    f"run.{name}: {length:g} is shorter than a half-life ({place}: {half_life:.3g} days); {loss}"
                )
    return found + list(_between_ticks(scenario))


def at_tick(day: float, tick_days: float) -> float:
    """The first tick at or after a day: the market changes flights and tests only there."""
    return math.ceil(day / tick_days - 1e-9) * tick_days


def _between_ticks(scenario: "Scenario") -> list[str]:
    tick_days = scenario.run.tick_hours / 24.0
    places: dict[str, float | None] = {}
    for name, channel in scenario.channels.items():
        for campaign_name, campaign in channel.campaigns.items():
            place = f"channels.{name}.campaigns.{campaign_name}"
            places |= {f"{place}.start_day": campaign.start_day, f"{place}.end_day": campaign.end_day}
            for creative_name, creative in campaign.creatives.items():
                own = f"{place}.creatives.{creative_name}"
                places |= {f"{own}.launch_day": creative.launch_day, f"{own}.end_day": creative.end_day}
        if channel.campaigns and channel.holdout.share > 0.0 and not channel.holdout.shelved:
            place = f"channels.{name}.holdout"
            places |= {f"{place}.start_day": channel.holdout.start_day, f"{place}.end_day": channel.holdout.end_day}
    return [
        f"{place}: {day:g} lies between two ticks of the market; it takes effect on day {at_tick(day, tick_days):g}"
        for place, day in places.items()
        if day is not None and abs(at_tick(day, tick_days) - day) > 1e-6
    ]

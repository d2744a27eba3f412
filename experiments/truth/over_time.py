"""Truth over time: what the ads of each week caused, in which week it came, and what one day's ads do later (orders, days).

Two questions that are easily confused:

    by the ads' week     the channel off in that week alone: all orders that its ads of that week caused, whenever they came
    by the order's week  the channel off throughout: the orders of that week that would not have been

Ads bring orders later, so the first weeks cause more than comes in them. By the order's week, with what comes after the last
day, the effects add up to the channel's average effect; by the ads' week they need not: ads of two weeks may do the same job.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from cpalab.micros import MICROS
from cpalab.refusal import Problem, ScenarioError, did_you_mean
from cpalab.result import Result
from experiments.truth.conversion_noun import ORDER, ConversionNoun
from experiments.truth.effects import ALL, TwinChange, cost_per, orders_of, twin_lives
from experiments.truth.markets_like_it import interval_of_caused
from experiments.truth.order_labels import Life, Orders, label_orders, orders_lost, since_parting
from simulator.scenario.schema import Scenario
from simulator.world import World, reported_ticks

DAYS_PER_WEEK = 7
WORLDS_PER_PASS = 48  # lived at once; more take memory, not time
FEW = 20  # orders: a curve over days through fewer is mostly chance


@dataclass(frozen=True)
class WeekOfTruth:
    """What one channel's ads (`all`: all ads) did in one week.

    Attributes:
        channel, week: which; weeks count from 1, and 0 is the time after the last day.
        first_day, last_day: from when, and before when.
        cost_micros: what its ads cost in the week.
        caused_by_its_ads: orders that the ads of this week caused, whenever they came.
        lower, upper: 95 % interval of those in markets like this one.
        caused_in_it: orders of this week that would not have been without the channel's ads.
    """

    channel: str
    week: int
    first_day: float
    last_day: float
    cost_micros: int
    caused_by_its_ads: int
    lower: float
    upper: float
    caused_in_it: int

    @property
    def cost_per_incremental_conversion(self) -> float:
        """Cost of the week's ads over the orders that they caused; inf where money caused nothing."""
        return cost_per(self.cost_micros, self.caused_by_its_ads)


@dataclass(frozen=True)
class TruthByWeek(Result):
    """What ads caused, week by week.

    Attributes:
        weeks: per channel, then for `all` ads together; in order of time, what comes after the last day at the end.
        feedback: whether the market's pacing stayed as it was (held) or reacted (free).
        action: what a conversion is called.
    """

    weeks: tuple[WeekOfTruth, ...]
    feedback: str
    action: ConversionNoun = ORDER

    def to_frame(self) -> pd.DataFrame:
        """One row per channel and week; cost in currency; week 0: after the last day."""
        rows = [
            {
                "channel": own.channel,
                "week": own.week,
                "first_day": own.first_day,
                "last_day": own.last_day,
                "cost": own.cost_micros / MICROS,
                "caused_by_its_ads": own.caused_by_its_ads,
                "caused_by_its_ads_lower": own.lower,
                "caused_by_its_ads_upper": own.upper,
                "cost_per_incremental_conversion": own.cost_per_incremental_conversion,
                "caused_in_it": own.caused_in_it,
            }
            for own in self.weeks
        ]
        return pd.DataFrame(rows)

    def summary(self) -> str:
        """How much of what all ads caused came after the last day, and how the two ways of counting differ."""
        whole = [own for own in self.weeks if own.channel == ALL]
        total, later = sum(own.caused_in_it for own in whole), whole[-1].caused_in_it if whole else 0
        return (
            f"All ads together caused {self.action.counted(total)}, {later:,} of them after the last day. By the ads' week: "
            f"that week's ads off, {self.action.many} whenever they come; such effects need not add up. By the order's week: "
            "the channel off throughout; these do."
        )


@dataclass(frozen=True)
class Pulse(Result):
    """What one day's ads of a channel do later.

    Attributes:
        channel, day: whose ads, of which day.
        cost_micros: what they cost.
        conversions: orders on the day itself and on each day after it that would not have been without them, int64 (days,);
            negative where they would have come on that day only without.
        value_micros: the value of those, int64 (days,).
        lower, upper: 95 % interval of all of them in markets like this one.
        feedback: whether the market's pacing stayed as it was (held) or reacted (free).
        action: what a conversion is called.
    """

    channel: str
    day: int
    cost_micros: int
    conversions: npt.NDArray[np.int64]
    value_micros: npt.NDArray[np.int64]
    lower: float
    upper: float
    feedback: str
    action: ConversionNoun = ORDER

    @property
    def total(self) -> int:
        """Orders that the day's ads caused."""
        return int(self.conversions.sum())

    @property
    def half_after_days(self) -> int | None:
        """How many days after the ads half of their orders have come; None where fewer than 20 were caused."""
        if self.total < FEW:
            return None
        return int(np.argmax(np.cumsum(self.conversions) * 2 >= self.total))

    def to_frame(self) -> pd.DataFrame:
        """One row per day after the ads (0: the day itself), with the sum up to it; value in currency."""
        return pd.DataFrame(
            {
                "channel": self.channel,
                "day": self.day,
                "days_after": np.arange(len(self.conversions)),
                "incremental_conversions": self.conversions,
                "cumulative_conversions": np.cumsum(self.conversions),
                "incremental_value": self.value_micros / MICROS,
            }
        )

    def summary(self) -> str:
        """What the day's ads cost and caused, and when half of it had come."""
        half = self.half_after_days
        when = (
            f"half of them within {half} days"
            if half is not None
            else f"too few to say when: another market's course would differ (fewer than {FEW})"
        )
        return (
            f"The ads of {self.channel} on day {self.day} cost {self.cost_micros / MICROS:,.2f} and caused "
            f"{self.action.counted(self.total)} in the {len(self.conversions)} days from then on "
            f"(in markets like this {self.lower:,.0f} to {self.upper:,.0f}), {when}."
        )


def truth_by_week(
    world: World,
    *,
    feedback: Literal["held", "free"] = "held",
    threads: int = 1,
    progress: Callable[[float], None] = lambda share: None,
) -> TruthByWeek:
    """Orders with the ads minus orders without, by the week of the ads and by the week of the order.

    Args:
        world: what happened, from `simulate` or `read_world`.
        feedback: whether the market's pacing stays as it was, or reacts to the missing ads.
        threads: how many threads work; the numbers do not depend on it.
        progress: called with the share of twins that are done.
    """
    names, days = world.names, world.clock.days
    paid = names.paid_channels()
    questions = [(names.channels[k], 1 << k) for k in paid] + [(ALL, sum(1 << k for k in paid))] * bool(paid)
    edges = [*np.arange(0.0, days, DAYS_PER_WEEK).tolist(), days]
    stretches = list(pairwise(edges))
    changes = [
        change
        for _, off in questions
        for change in (TwinChange(off=off), *(TwinChange(off=off, first_day=a, last_day=b) for a, b in stretches))
    ]
    lives = iter(_in_passes(world, changes, feedback, threads, progress))
    fact = orders_of(world)
    found = []
    for channel, _ in questions:
        gone = next(lives)
        when = _moved(fact, gone, np.array([*edges, math.inf]))[0]
        for w, (first, last) in enumerate(stretches, start=1):
            own = next(lives)
            lower, upper = interval_of_caused(label_orders(fact, own))
            paid_micros = cost_between(world, channel, first, last)
            caused = orders_lost(fact, own)[0]
            found.append(WeekOfTruth(channel, w, first, last, paid_micros, caused, lower, upper, int(when[w - 1])))
        found.append(WeekOfTruth(channel, 0, days, world.clock.end, 0, 0, 0.0, 0.0, int(when[-1])))
    return TruthByWeek(tuple(found), feedback, ConversionNoun.of(world.scenario))


def pulses(
    world: World,
    asked: Sequence[tuple[str, int]],
    *,
    feedback: Literal["held", "free"] = "held",
    threads: int = 1,
    progress: Callable[[float], None] = lambda share: None,
) -> tuple[Pulse, ...]:
    """What the ads of one channel on one day do, day by day until the end of the follow-up, for each pair asked for.

    Args:
        world: what happened.
        asked: channel and day, the first day being 0.
        feedback: whether the market's pacing stays as it was, or reacts to the missing ads.
        threads: how many threads work; the numbers do not depend on it.
        progress: called with the share of twins that are done.

    Raises:
        ScenarioError: see `check_pulses`.
    """
    check_pulses(world.scenario, asked)
    channels, end = world.names.channels, math.ceil(world.clock.end)
    changes = [TwinChange(off=1 << channels.index(name), first_day=day, last_day=day + 1) for name, day in asked]
    fact, found = orders_of(world), []
    for (name, day), life in zip(asked, _in_passes(world, changes, feedback, threads, progress), strict=True):
        orders, value = _moved(fact, life, np.arange(day, max(end, day + 1) + 1, dtype=np.float64))
        lower, upper = interval_of_caused(label_orders(fact, life))
        cost = cost_between(world, name, day, day + 1)
        noun = ConversionNoun.of(world.scenario)
        found.append(Pulse(name, day, cost, orders, value, lower, upper, feedback, noun))
    return tuple(found)


def check_pulses(scenario: Scenario, asked: Sequence[tuple[str, int]]) -> None:
    """Refuse channels without campaigns and days outside of the reported window, before any work.

    Raises:
        ScenarioError: all of them at once.
    """
    paid, problems = scenario.paid_channels(), []
    for name, day in asked:
        if name not in paid:
            problems.append(Problem("pulse", "is no channel with campaigns", name, did_you_mean(name, paid)))
        if not 0 <= day < scenario.run.days:
            rule = f"must be a day of the reported window, from 0 to {math.ceil(scenario.run.days) - 1}"
            problems.append(Problem("pulse", rule, f"{name}:{day}", "write channel:day, such as video:7"))
    if problems:
        raise ScenarioError(problems)


def cost_between(world: World, channel: str, first_day: float, last_day: float) -> int:
    """What a channel's ads (`all`: all ads) cost from a day on and before another, in micros.

    A tick of the market that lies across an edge counts by the part of it that lies within.
    """
    ticks = reported_ticks(world.market).to_pandas()
    own = ticks if channel == ALL else ticks[ticks["channel"] == channel]
    starts = own["day"].to_numpy()
    lengths = np.diff(world.board.starts)[own["tick"].to_numpy()]
    inside = np.clip(np.minimum(starts + lengths, last_day) - np.maximum(starts, first_day), 0.0, None) / lengths
    return round(float(inside @ own["cost_micros"].to_numpy()))


def _in_passes(
    world: World, changes: Sequence[TwinChange], feedback: Literal["held", "free"], threads: int,
    progress: Callable[[float], None],
) -> list[Life]:  # fmt: skip
    """A life for each change, so many at once."""
    lives: list[Life] = []
    while len(lives) < len(changes):
        done, some = len(lives), changes[len(lives) : len(lives) + WORLDS_PER_PASS]
        lives += twin_lives(
            world, some, feedback, threads, lambda s: progress((done + s * len(some)) / len(changes))  # noqa: B023 - called at once
        )  # fmt: skip
    return lives


def _moved(
    fact: Orders, life: Life, edges: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Orders, and their value in micros, that the factual world has more than this one in each stretch (edges - 1,)."""
    apart = since_parting(fact, life)
    bins = len(edges) - 1
    result = np.zeros((2, bins), np.int64)
    for sign, times, values in (
        (1, fact.time[apart], fact.value_micros[apart]),
        (-1, life.orders.time, life.orders.value_micros),
    ):
        place = np.searchsorted(edges, times, side="right") - 1
        inside = (place >= 0) & (place < bins)
        np.add.at(result[0], place[inside], sign)
        np.add.at(result[1], place[inside], sign * values[inside])
    return result[0], result[1]

"""Response curves: what a channel would have caused at other doses of itself (orders), at which cost (micros).

Dose 1 is the channel as it ran, 0 is off. What a dose turns is the channel's `lever`:

    auctions  below 1 the channel takes part in that share of its auctions, as a smaller budget would have it
    budget    where its budget binds: above 1, and with the market free below 1 too, so much budget
    bid       above 1, where no budget binds: so much higher bids

With the market held, pacing stays as it was and is multiplied; free, the market sets it anew, and others' costs may move.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from cpalab.micros import MICROS
from cpalab.refusal import Problem, ScenarioError, did_you_mean
from cpalab.result import Result
from experiments.truth.conversion_noun import ORDER, ConversionNoun
from experiments.truth.effects import TwinChange, cost_per, days_bound, orders_of, twin_lives
from experiments.truth.markets_like_it import interval_over_people, orders_lost_by_person
from simulator.scenario.schema import Scenario
from simulator.world import World

DOSES = (0.0, 0.25, 0.5, 1.0, 1.5, 2.0)
MOST_DOSE = 100.0
Lever = Literal["off", "auctions", "budget", "bid", "as it ran"]


@dataclass(frozen=True)
class Dose:
    """A channel at one dose.

    Attributes:
        dose: how much of it.
        lever: what the dose turned.
        cost_micros: what the channel then costs; other_cost_micros: change in what all others cost.
        conversions: orders more than with the channel off.
        lower, upper: 95 % interval of those in markets like this one.
    """

    dose: float
    lever: Lever
    cost_micros: int
    other_cost_micros: int
    conversions: int
    lower: float
    upper: float

    @property
    def average_cpa(self) -> float:
        """Cost over orders caused; inf where money caused nothing, nan where nothing was paid."""
        return cost_per(self.cost_micros, self.conversions)


@dataclass(frozen=True)
class ResponseCurve(Result):
    """What a channel causes at each dose.

    Attributes:
        channel: whose ads.
        doses: rising, 0 first.
        feedback: whether the market's pacing stayed as it was (held) or reacted (free).
        action: what a conversion is called.
    """

    channel: str
    doses: tuple[Dose, ...]
    feedback: str
    action: ConversionNoun = ORDER

    def marginal_cpa(self, i: int) -> float:
        """Change in cost over change in orders from dose i - 1 to dose i; nan for the first, and where more buys fewer."""
        if i == 0:
            return math.nan
        less, more = self.doses[i - 1], self.doses[i]
        return cost_per(more.cost_micros - less.cost_micros, more.conversions - less.conversions)

    def to_frame(self) -> pd.DataFrame:
        """One row per dose; money in currency."""
        return pd.DataFrame(
            {
                "channel": self.channel,
                "dose": own.dose,
                "lever": own.lever,
                "cost": own.cost_micros / MICROS,
                "other_cost_change": own.other_cost_micros / MICROS,
                "incremental_conversions": own.conversions,
                "incremental_conversions_lower": own.lower,
                "incremental_conversions_upper": own.upper,
                "average_cpa": own.average_cpa,
                "marginal_cpa": self.marginal_cpa(i),
                "feedback": self.feedback,
            }
            for i, own in enumerate(self.doses)
        )

    def summary(self) -> str:
        """Average and marginal price at the largest dose, and whether more of the dose bought more."""
        last, before = self.doses[-1], self.doses[-2]
        step = self.marginal_cpa(len(self.doses) - 1)
        said = (
            f"{self.channel} with the market {self.feedback}: at dose {last.dose:g} it costs "
            f"{last.cost_micros / MICROS:,.2f} for {self.action.counted(last.conversions)} more than with it off, "
            f"{_price(last.average_cpa)} each on average; the last step from {before.dose:g} costs {_price(step)} per "
            f"further {self.action.one}."
        )
        stuck = [
            f"{more.dose:g}"
            for less, more in zip(self.doses[:-1], self.doses[1:], strict=True)
            if more.cost_micros <= less.cost_micros
        ]
        return said + (f" Dose {', '.join(stuck)} buys no more than the one before it." if stuck else "")


def _price(value: float) -> str:
    return f"{value:,.2f}" if math.isfinite(value) else "–" if math.isnan(value) else "∞"


def response_curve(
    world: World,
    channel: str,
    doses: Sequence[float] = DOSES,
    *,
    feedback: Literal["held", "free"] = "held",
    threads: int = 1,
    progress: Callable[[float], None] = lambda share: None,
) -> ResponseCurve:
    """Orders at each dose minus orders with the channel off, and cost, along the doses.

    Args:
        world: what happened.
        channel: whose ads.
        doses: factors from 0; 0 (off) and 1 (as it ran) are always among them.
        feedback: whether the market's pacing stays as it was, or is set anew.
        threads: how many threads work; the numbers do not depend on it.
        progress: called with the share of twins that are done.

    Raises:
        ScenarioError: see `check_curve`.
    """
    check_curve(world.scenario, channel, doses)
    k = world.names.channels.index(channel)
    binds = days_bound(world).get(channel, 0.0) > 0.0
    levers = {dose: _lever(world, channel, dose, feedback, binds=binds) for dose in sorted({0.0, 1.0, *doses})}
    changes = {dose: _change(k, dose, lever) for dose, lever in levers.items() if lever != "as it ran"}
    lived = twin_lives(world, list(changes.values()), feedback, threads, progress)
    lives = dict(zip(changes, lived, strict=True))
    fact, cost = orders_of(world), world.cost_micros()[channel]
    own = np.array([campaign.channel == channel for campaign in world.names.campaigns])
    of_all = orders_lost_by_person(fact, lives[0.0])
    found = []
    for dose, lever in levers.items():
        gained, paid, others = of_all, cost, 0
        if lever != "as it ran":
            life = lives[dose]
            gained = of_all - orders_lost_by_person(fact, life)
            paid = 0 if lever == "off" else cost + int(life.cost_change_micros[own].sum())
            others = int(life.cost_change_micros[~own].sum())
        lower, upper = interval_over_people(gained) if lever != "off" else (0.0, 0.0)
        found.append(Dose(dose, lever, paid, others, round(float(gained.sum())), lower, upper))
    return ResponseCurve(channel, tuple(found), feedback, ConversionNoun.of(world.scenario))


def check_curve(scenario: Scenario, channel: str, doses: Sequence[float]) -> None:
    """Refuse a channel without campaigns, and doses that it cannot be given, before any work.

    Raises:
        ScenarioError: all of them at once.
    """
    paid, problems = scenario.paid_channels(), []
    if channel not in paid:
        problems.append(Problem("curve", "is no channel with campaigns", channel, did_you_mean(channel, paid)))
    for dose in doses:
        if not (math.isfinite(dose) and 0.0 <= dose <= MOST_DOSE):
            problems.append(Problem("at", f"doses must lie between 0 and {MOST_DOSE:g}", f"{dose:g}", "1 is as it ran"))
        elif dose > 1.0 and channel in paid and not _can_grow(scenario, channel):
            rule = "cannot be given more than it has: it has neither a budget nor bids in an auction"
            problems.append(Problem("at", rule, f"{channel} {dose:g}", "give doses up to 1"))
    if problems:
        raise ScenarioError(problems)


def _can_grow(scenario: Scenario, channel: str) -> bool:
    own = scenario.channels[channel]
    return own.bids_in_auctions or any(campaign.daily_budget is not None for campaign in own.campaigns.values())


def _lever(world: World, channel: str, dose: float, feedback: str, *, binds: bool) -> Lever:
    """What a dose turns; `binds`: whether the channel's budget kept it out of auctions."""
    if dose in (0.0, 1.0):
        return "off" if dose == 0.0 else "as it ran"
    if dose < 1.0:
        return "budget" if binds and feedback == "free" else "auctions"
    return "budget" if binds or not world.scenario.channels[channel].bids_in_auctions else "bid"


def _change(k: int, dose: float, lever: Lever) -> TwinChange:
    if lever == "off":
        return TwinChange(off=1 << k)
    if lever == "auctions":
        return TwinChange(channel=k, share=dose)
    return (
        TwinChange(channel=k, log_bid_change=math.log(dose))
        if lever == "bid"
        else TwinChange(channel=k, throttle_factor=dose)
    )

"""The comparison: attributed CPA beside the lift test's and the true incremental CPA, channel by channel (currency units)."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pandas as pd

from attribution.cpa import COLUMNS, cpa_table
from attribution.credit import Credit
from attribution.lag import ConversionLag, conversion_lag
from experiments.five_cpas import FiveCpas, five_cpas
from experiments.journeys import Journey, telling_journeys
from experiments.lift.designs.user_test import WorldTest
from experiments.lift.holdout import design_of, holdout_tests
from experiments.lift.user import UserLiftTest
from experiments.perfect_tracking import MODELS, attribute
from experiments.truth import ALL, Effect, Estimand, Truth, measure_truth
from experiments.verdict import verdict
from simulator.world import World


@dataclass(frozen=True)
class ChannelComparison:
    """One paid channel under every method. Money in currency units.

    Attributes:
        channel: its name.
        cost: what was paid.
        impressions, clicks: what was bought.
        credits: conversions each model credits to it.
        lift: its holdout test, read as the scenario's `holdout.design` says; None where no one was held out, or an arm
            was empty.
        truth: the average effect of its ads.
        verdict: who is flattered and who is wronged, in a sentence.
        design: name of the holdout test's design.
    """

    channel: str
    cost: float
    impressions: int
    clicks: int
    credits: dict[str, float]
    lift: UserLiftTest | None
    truth: Effect
    verdict: str
    design: str = ""

    def attributed_cpa(self, model: str) -> float:
        """Cost over credited conversions; nan where the model credits none."""
        credit = self.credits.get(model, 0.0)
        return self.cost / credit if credit > 0 else math.nan


@dataclass(frozen=True)
class Comparison:
    """Everything the main job found out about a world.

    Attributes:
        title: of the scenario.
        currency: of all money.
        conversions: orders that happened.
        unattributed: orders with no touch within the lookback window.
        channels: the paid channels, in the order of the scenario.
        cpa: long frame, columns `channel, method, cost, conversions, cost_per_conversion` and its bounds.
        truth: effects and labels.
        lag: how long after the last click orders come, and how many paths have one touch.
        journeys: a few people's ways to an order.
        systems: what platforms, analytics and CRM report on the same world; None without paid channels.
    """

    title: str
    currency: str
    conversions: int
    unattributed: float
    channels: tuple[ChannelComparison, ...]
    cpa: pd.DataFrame
    truth: Truth
    lag: ConversionLag
    journeys: tuple[Journey, ...]
    systems: FiveCpas | None = None

    def to_frame(self) -> pd.DataFrame:
        """The long frame of `cpa.csv`."""
        return self.cpa

    def summary(self) -> str:
        """What the ads did as a whole, then one sentence per channel."""
        reported = [self.systems.summary()] if self.systems else []
        return "\n".join([self.truth.summary(), *reported, *(channel.verdict for channel in self.channels)])


def compare(
    world: World,
    *,
    models: Sequence[str] = MODELS,
    estimands: Sequence[Estimand] = ("average", "joint"),
    threads: int = 1,
    progress: Callable[[str, float], None] = lambda stage, share: None,
) -> Comparison:
    """Attribute a world, read its lift tests, compute its truth, and put them side by side.

    The first of `models` is the one that verdicts and the oracle's CPA are about. The average and the joint effect are
    always among the `estimands`.

    Raises:
        ValueError: no model is named.
    """
    if not models:
        raise ValueError("models: name at least one")
    estimands = tuple(dict.fromkeys(("average", "joint", *estimands)))
    progress("truth", 0.0)
    truth = measure_truth(world, estimands=estimands, threads=threads, progress=lambda share: progress("truth", share))
    progress("attribution", 0.0)
    paths, credits = attribute(world, models)
    progress("record", 0.0)
    systems = five_cpas(world, truth, oracle=credits[0]) if world.scenario.paid_channels() else None
    progress("lift tests", 0.0)
    costs = dict.fromkeys(world.names.channels, 0) | world.cost_micros()
    lifts = holdout_tests(world)
    channels = _channels(world, credits, lifts, truth)
    cpa = pd.concat(
        [cpa_table(credits, costs), _lift_rows(lifts, costs), _truth_rows(truth)], ignore_index=True
    ).reindex(columns=list(COLUMNS))
    progress("lift tests", 1.0)
    return Comparison(
        title=world.scenario.title,
        currency=world.scenario.market.currency,
        conversions=truth.conversions,
        unattributed=float(paths.unattributed_conversions),
        channels=channels,
        cpa=cpa,
        truth=truth,
        lag=conversion_lag(paths),
        journeys=telling_journeys(world, truth),
        systems=systems,
    )


def _channels(
    world: World, credits: Sequence[Credit], lifts: dict[str, WorldTest | None], truth: Truth
) -> tuple[ChannelComparison, ...]:
    bought = world.market.group_by("channel").aggregate(
        [("impressions", "sum"), ("clicks", "sum"), ("cost_micros", "sum")]
    )
    totals = {row["channel"]: row for row in bought.to_pylist()}
    result = []
    for channel in world.scenario.paid_channels():
        of_model = {
            credit.method: float(credit.conversions[credit.channels.index(channel)])
            if channel in credit.channels
            else 0.0
            for credit in credits
        }
        effect = truth.effect(channel)
        test = lifts[channel]
        cost = totals[channel]["cost_micros_sum"] / 1e6
        result.append(
            ChannelComparison(
                channel=channel,
                cost=cost,
                impressions=totals[channel]["impressions_sum"],
                clicks=totals[channel]["clicks_sum"],
                credits=of_model,
                lift=None if test is None else test.conversions,
                design=design_of(world.scenario.channels[channel].holdout).name,
                truth=effect,
                verdict=verdict(channel, cost, of_model[credits[0].method], effect, credits[0].method),
            )
        )
    return tuple(result)


def _lift_rows(lifts: dict[str, WorldTest | None], costs: dict[str, int]) -> pd.DataFrame:
    rows = []
    for channel, test in lifts.items():
        row: dict[str, object] = {"channel": channel, "method": "lift_test", "cost": costs[channel] / 1e6}
        if test is not None:
            lift = test.conversions
            price = lift.cost_per_incremental_conversion(0.95)
            row |= {
                "conversions": lift.incremental_conversions.difference,
                "cost_per_conversion": price.point,
                "cost_per_conversion_lower": price.lower,
                "cost_per_conversion_upper": price.upper,
            }
        rows.append(row)
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _truth_rows(truth: Truth) -> pd.DataFrame:
    rows = [
        {
            "channel": effect.channel,
            "method": "truth",
            "cost": effect.cost_micros / 1e6,
            "conversions": effect.incremental_conversions,
            "cost_per_conversion": effect.cost_per_incremental_conversion,
        }
        for effect in truth.effects
        if effect.estimand == "average" and effect.channel != ALL
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))

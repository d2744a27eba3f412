"""The comparison: attributed CPA beside the lift test's and the true incremental CPA, channel by channel (currency units)."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from attribution.costs.cpa import COLUMNS, attributed_cpa, cpa_table
from attribution.credit import Credit
from attribution.model import MODELS as ATTRIBUTION_MODELS
from attribution.model import AttributionModel
from attribution.paths.conversion_lag import ConversionLag, conversion_lag
from cpalab.arguments import Count, checked
from cpalab.micros import MICROS
from cpalab.refusal import InvalidInputError, Problem, did_you_mean
from cpalab.result import Result
from experiments.comparison.by_day import cpa_by_week
from experiments.comparison.five_cpas import FiveCpas, five_cpas
from experiments.comparison.perfect_tracking import JUDGE, MODELS, attribute
from experiments.comparison.telling_journeys import Journey, telling_journeys
from experiments.comparison.verdict import verdict
from experiments.designs.regions.scenario_geo_tests import OwnGeoTest, own_geo_tests
from experiments.designs.users.scenario_holdouts import design_of, holdout_tests
from experiments.designs.users.user_level import WorldTest
from experiments.lift.user.user_test import UserLiftTest
from experiments.truth.conversion_noun import ConversionNoun
from experiments.truth.effects import ALL, Effect, Estimand, Truth, measure_truth
from simulator.record.record import record
from simulator.world import World, reported_ticks


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
        verdict: which channels are over-credited and which under-credited, in a sentence.
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
        """Cost over credited conversions; nan where the model credits none, or nothing was paid."""
        return attributed_cpa(self.cost, self.credits.get(model, 0.0))


@dataclass(frozen=True)
class Comparison(Result):
    """Everything the main job found out about a world.

    Attributes:
        title: of the scenario.
        currency: of all money.
        conversions: actions that happened (purchases, installs, whatever the scenario counts).
        unattributed: those with no touch within the lookback window.
        channels: the paid channels, in the order of the scenario.
        judge: the model that verdicts, the oracle's CPA and the order of the report are about.
        cpa: long frame, columns `channel, method, cost, conversions, cost_per_conversion` and its bounds; channels in
            the order of the scenario, for each the models, then `lift_test` and `truth`.
        truth: effects and labels.
        lag: how long after the last click orders come, and how many paths have one touch.
        journeys: a few people's ways to an order.
        systems: what platforms, analytics and CRM report on the same world; None without paid channels.
        geo_tests: the scenario's own, read and beside their truth.
        models: names of the attribution models compared, in the order asked for.
        model_lines: what each of them does, in a line: the first of its docstring; empty where it has none.
        weeks: each system's CPA of each paid channel, week by week (`cpa_by_week`); None without paid channels.

    Example:
        >>> from cpalab import compare, load_scenario, simulate
        >>> world = simulate(load_scenario("dropshipping", {"run.users": 3000, "run.days": 5.0}))
        >>> comparison = compare(world, models=["last_click"])
        >>> sorted(set(comparison.cpa["method"]))
        ['last_click', 'lift_test', 'truth']
    """

    title: str
    currency: str
    conversions: int
    unattributed: float
    channels: tuple[ChannelComparison, ...]
    judge: str
    cpa: pd.DataFrame
    truth: Truth
    lag: ConversionLag
    journeys: tuple[Journey, ...]
    systems: FiveCpas | None = None
    geo_tests: tuple[OwnGeoTest, ...] = ()
    models: tuple[str, ...] = MODELS
    model_lines: tuple[str, ...] = ()
    weeks: pd.DataFrame | None = None

    @property
    def action(self) -> ConversionNoun:
        """What a conversion is called."""
        return self.truth.action

    def to_frame(self) -> pd.DataFrame:
        """The long frame of `cpa.csv`."""
        return self.cpa

    def summary(self) -> str:
        """What the ads did as a whole, then one sentence per channel."""
        reported = [self.systems.summary()] if self.systems else []
        return "\n".join([self.truth.summary(), *reported, *(channel.verdict for channel in self.channels)])


@checked(InvalidInputError, but=("models", "judge"))
def compare(
    world: World,
    *,
    models: Sequence[AttributionModel | type | str] = MODELS,
    judge: AttributionModel | type | str = JUDGE,
    estimands: Sequence[Estimand] = ("average", "joint"),
    truth: Truth | None = None,
    threads: Count = 1,
    progress: Callable[[str, float], None] = lambda stage, share: None,
) -> Comparison:
    """Attribute a world, read its lift tests, compute its truth, and put them side by side.

    Args:
        world: what happened, from `simulate` or `read_world`.
        models: the attribution models compared, each as an object, a class, a name, or a name with parameters.
        judge: the one of them that verdicts and the oracle's CPA are about: given alike, or by the name it bears in tables.
        estimands: which effects: average (the channel off) and joint (all ads off), which are always among them,
            marginal_bid, marginal_budget (± 10 %).
        truth: their effects, if they were measured already.
        threads: how many threads work; the numbers do not depend on it.
        progress: called with the name of a stage and the share of it that is done.

    Raises:
        InvalidInputError: a model is unknown, given twice, or does not take its parameters; or the judge is not among them;
            an effect that is none, no threads.

    Example:
        >>> from cpalab import compare, load_scenario, simulate
        >>> world = simulate(load_scenario("dropshipping", {"run.users": 3000, "run.days": 5.0}))
        >>> comparison = compare(world, models=["last_click", "linear"], judge="linear")
        >>> comparison.judge, comparison.models
        ('linear', ('last_click', 'linear'))
    """
    models, judging = chosen_models(models, judge)
    estimands = tuple(dict.fromkeys(("average", "joint", *estimands)))
    if truth is None:
        progress("truth", 0.0)
        truth = measure_truth(
            world, estimands=estimands, threads=threads, progress=lambda share: progress("truth", share)
        )
    progress("attribution", 0.0)
    paths, credits = attribute(world, models)
    oracle = credits[judging]
    progress("record", 0.0)
    systems, weeks = None, None
    if world.scenario.paid_channels():
        recorded = record(world)
        systems = five_cpas(world, truth, oracle=oracle, recorded=recorded)
        weeks = cpa_by_week(world, recorded)
    progress("lift tests", 0.0)
    costs = dict.fromkeys(world.names.channels, 0) | world.cost_micros()
    lifts = holdout_tests(world)
    geo_tests = own_geo_tests(world, threads)
    channels = _channels(world, costs, credits, oracle.method, lifts, truth)
    cpa = pd.concat([cpa_table(credits, costs), _lift_rows(lifts, costs), _truth_rows(truth, costs)])
    progress("lift tests", 1.0)
    return Comparison(
        title=world.scenario.title,
        currency=world.scenario.market.currency,
        conversions=truth.conversions,
        unattributed=float(paths.unattributed_conversions),
        channels=channels,
        judge=oracle.method,
        cpa=_by_channel(cpa, world.names.channels),
        truth=truth,
        lag=conversion_lag(paths),
        journeys=telling_journeys(world, truth),
        systems=systems,
        geo_tests=geo_tests,
        models=tuple(credit.method for credit in credits),
        model_lines=tuple(_first_line(model) for model in models),
        weeks=weeks,
    )


def _first_line(model: AttributionModel) -> str:
    """The first line of a model's docstring; not of the one that Python writes for a dataclass without any."""
    line = (inspect.getdoc(type(model)) or "").partition("\n")[0].strip()
    return "" if line.startswith(f"{type(model).__name__}(") else line


def chosen_models(
    models: Sequence[AttributionModel | type | str] = MODELS, judge: AttributionModel | type | str | None = None
) -> tuple[tuple[AttributionModel, ...], int]:
    """The models as objects, and which of them (from 0) is the judge: last click, or the first, where None is named.

    Raises:
        InvalidInputError: what is wrong with any of them; all at once.
    """
    found = ATTRIBUTION_MODELS.find_all(models)
    names = [model.name for model in found]
    if judge is None:
        judge = JUDGE if JUDGE in names else names[0]
    if judge in names:
        return found, names.index(str(judge))
    asked = ATTRIBUTION_MODELS.find(judge).name
    if asked not in names:
        raise InvalidInputError(
            [Problem("judge", "must be one of the models", repr(asked), did_you_mean(asked, names))]
        )
    return found, names.index(asked)


def _channels(
    world: World,
    costs: Mapping[str, int],
    credits: Sequence[Credit],
    judge: str,
    lifts: Mapping[str, WorldTest | None],
    truth: Truth,
) -> tuple[ChannelComparison, ...]:
    bought = reported_ticks(world.market).group_by("channel").aggregate([("impressions", "sum"), ("clicks", "sum")])
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
        cost = costs[channel] / MICROS
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
                verdict=verdict(channel, cost, of_model[judge], effect, judge, truth.action),
            )
        )
    return tuple(result)


def _lift_rows(lifts: Mapping[str, WorldTest | None], costs: Mapping[str, int]) -> pd.DataFrame:
    rows = []
    for channel, test in lifts.items():
        row: dict[str, object] = {"channel": channel, "method": "lift_test", "cost": costs[channel] / MICROS}
        if test is not None:
            lift = test.conversions
            price = lift.cost_per_incremental_conversion(0.95)
            row |= {
                # The money of those compared, on the test's days; a held-out person's order may owe a fee for an old click.
                "cost": price.cost,
                "conversions": lift.incremental_conversions.difference,
                "cost_per_conversion": price.point,
                "cost_per_conversion_lower": price.lower,
                "cost_per_conversion_upper": price.upper,
            }
        rows.append(row)
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _truth_rows(truth: Truth, costs: Mapping[str, int]) -> pd.DataFrame:
    rows = [
        {
            "channel": effect.channel,
            "method": "truth",
            "cost": costs[effect.channel] / MICROS,
            "conversions": effect.incremental_conversions,
            "cost_per_conversion": effect.cost_per_incremental_conversion,
        }
        for effect in truth.effects
        if effect.estimand == "average" and effect.channel != ALL
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _by_channel(cpa: pd.DataFrame, channels: Sequence[str]) -> pd.DataFrame:
    """The long frame, channels in the order of the scenario; methods keep their order."""
    place = {channel: i for i, channel in enumerate(channels)}
    in_order = cpa.sort_values("channel", key=lambda names: names.map(place), kind="stable", ignore_index=True)
    return in_order.reindex(columns=list(COLUMNS))

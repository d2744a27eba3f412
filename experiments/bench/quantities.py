"""Quantities: what the main job knows of one world, as rows of metric, channel, model and value, each in its own unit."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import cached_property
from typing import Any

import numpy as np

from attribution.model import AttributionModel
from attribution.paths.build import build_paths
from cpalab.micros import MICROS
from cpalab.refusal import InvalidInputError, LiftInputError, Problem, did_you_mean
from experiments.bench.measures import measures
from experiments.comparison.five_cpas import FiveCpas, five_cpas
from experiments.comparison.perfect_tracking import LAST_CLICK_SETTINGS, touches_and_orders
from experiments.designs.registry import find_designs
from experiments.designs.users.scenario_holdouts import design_of
from experiments.truth.effects import ALL, Truth, measure_truth
from simulator.scenario.schema import Scenario
from simulator.world import World

__all__ = ["QUANTITIES", "Quantity", "cost_limit", "measured", "quantities_asked"]

Row = dict[str, Any]
Quantity = str


class Answers:
    """What is known of one world, each part computed when a quantity first asks for it."""

    def __init__(self, world: World, models: Sequence[AttributionModel]) -> None:
        """Nothing is computed yet."""
        self.world, self.models = world, models
        self.channels = world.scenario.paid_channels()

    @cached_property
    def truth(self) -> Truth:
        """Average effects of every channel, and of all ads together."""
        return measure_truth(self.world)

    @cached_property
    def systems(self) -> FiveCpas:
        """What platforms, web analytics and CRM recorded."""
        return five_cpas(self.world, self.truth)

    @cached_property
    def cost(self) -> Mapping[str, float]:
        """What each channel cost, and all together, in currency."""
        paid = dict.fromkeys(self.channels, 0) | self.world.cost_micros()
        own = {channel: paid[channel] / MICROS for channel in self.channels}
        return own | {ALL: sum(own.values())}

    @cached_property
    def caused(self) -> Mapping[str, float]:
        """What each channel's ads caused; all: what ads together caused, not the sum where channels help each other."""
        own = {channel: float(self.truth.effect(channel).incremental_conversions) for channel in self.channels}
        return own | {ALL: float(self.truth.effect(ALL, "joint").incremental_conversions) if self.channels else 0.0}

    @cached_property
    def credited(self) -> Mapping[str, Mapping[str, float]]:
        """What each model credits each channel with under perfect tracking, and its paid channels together."""
        paths = build_paths(*touches_and_orders(self.world), LAST_CLICK_SETTINGS)
        found = {}
        for model in self.models:
            credit = model.fit(paths).credit(paths)
            given = dict(zip(credit.channels, credit.conversions.tolist(), strict=True))
            own = {channel: given.get(channel, 0.0) for channel in self.channels}
            found[str(model.name)] = own | {ALL: sum(own.values())}
        return found

    @cached_property
    def judged(self) -> Mapping[str, Mapping[str, float]]:
        """Every measure of each model's error."""
        caused, cost = (np.array([table[c] for c in self.channels]) for table in (self.caused, self.cost))
        limit = cost_limit(self.world.scenario)
        return {
            name: asdict(measures(np.array([own[c] for c in self.channels]), caused, cost, limit))
            for name, own in self.credited.items()
        }


def cost_limit(scenario: Scenario) -> float:
    """What a conversion may cost at most: its mean value times the margin, in currency."""
    value = scenario.order.value.mean * scenario.order.margin_share
    return value if value > 0 else math.inf


Values = Iterator[tuple[str, str, float]]  # channel, model, value


def _price(cost: float, conversions: float) -> float:
    return cost / conversions if conversions > 0 else math.inf if cost > 0 and conversions == 0 else math.nan


def _each(table: Mapping[str, float]) -> Values:
    yield from ((channel, "", value) for channel, value in table.items())


def _by_model(answers: Answers, value: Callable[[str, float], float]) -> Values:
    for model, own in answers.credited.items():
        yield from ((channel, model, value(channel, credited)) for channel, credited in own.items())


def _log_ratio(credited: float, caused: float) -> float:
    return math.log(credited / caused) if credited > 0 and caused > 0 else math.nan


def _system(answers: Answers, system: str) -> Values:
    if answers.channels:
        yield from ((channel.channel, "", channel.cpa(system)) for channel in answers.systems.channels)


def _share_incremental(answers: Answers) -> Values:
    orders = answers.truth.conversions
    yield ALL, "", answers.caused[ALL] / orders if orders else math.nan


def _lift_covers(answers: Answers) -> Values:
    for channel in answers.channels:
        holdout = answers.world.scenario.channels[channel].holdout
        if holdout.share == 0.0:
            continue
        (design,) = find_designs([design_of(holdout).name])
        try:
            reading = design.read(answers.world, channel)
        except LiftInputError:
            yield channel, "", math.nan
            continue
        effect = design.truth(answers.world, [channel])[channel]
        yield channel, "", float(reading.covers(effect.incremental_conversions))


def _measure(name: str) -> Callable[[Answers], Values]:
    return lambda answers: ((ALL, model, own[name]) for model, own in answers.judged.items())


# Name → what it is, and its values in a world.
QUANTITIES: Mapping[Quantity, tuple[str, Callable[[Answers], Values]]] = {
    "cost": ("what was paid, in currency", lambda a: _each(a.cost)),
    "conversions": ("conversions of the reported window", lambda a: iter([(ALL, "", float(a.truth.conversions))])),
    "caused": ("conversions that the ads caused", lambda a: _each(a.caused)),
    "credited": ("conversions that a model credits", lambda a: _by_model(a, lambda _, x: x)),
    "attributed_cpa": (
        "cost per credited conversion, in currency",
        lambda a: _by_model(a, lambda channel, x: _price(a.cost[channel], x)),
    ),
    "incremental_cpa": (
        "cost per caused conversion, in currency",
        lambda a: _each({channel: _price(a.cost[channel], x) for channel, x in a.caused.items()}),
    ),
    "gap": (
        "ln(incremental CPA / attributed CPA): above 0 is over-credited",
        lambda a: _by_model(a, lambda channel, x: _log_ratio(x, a.caused[channel])),
    ),
    "share_incremental": ("share of conversions that needed the ads", _share_incremental),
    "platform_cpa": ("cost per conversion by the platforms' claims", lambda a: _system(a, "platform")),
    "analytics_cpa": ("cost per conversion by web analytics", lambda a: _system(a, "analytics")),
    "crm_cpa": ("cost per conversion by the CRM", lambda a: _system(a, "crm")),
    "lift_covers": ("1 where the lift test's interval holds its truth, else 0; the mean is its coverage", _lift_covers),
    "error": ("Σ|credited − caused| / Σ|caused| over channels", _measure("error")),
    "total_error": ("(Σ credited − Σ caused) / Σ caused", _measure("total_error")),
    "log_cpa": ("mean distance of the two CPAs, in logarithms, by cost", _measure("log_cpa")),
    "rank": ("Kendall's τ of credited and caused per unit of cost", _measure("rank")),
    "r_squared": ("R² of the same, weighted by cost", _measure("r_squared")),
    "decisions": ("share of the cost where model and truth agree whether it pays", _measure("decisions")),
}


def quantities_asked(names: Sequence[str]) -> tuple[Quantity, ...]:
    """These names, each once.

    Raises:
        InvalidInputError: some are unknown, or none is given.
    """
    problems = [
        Problem("metrics", "is unknown", repr(name), did_you_mean(name, QUANTITIES))
        for name in names
        if name not in QUANTITIES
    ]
    problems += [] if names else [Problem("metrics", "none given", hint=f"give one of {', '.join(QUANTITIES)}")]
    if problems:
        raise InvalidInputError(problems)
    return tuple(dict.fromkeys(names))


def measured(world: World, names: Sequence[Quantity], models: Sequence[AttributionModel]) -> list[Row]:
    """The quantities of a world, a row each: metric, channel (`all`: together), model (empty where none is asked), value."""
    answers = Answers(world, models)
    return [
        {"metric": name, "channel": channel, "model": model, "value": value}
        for name in names
        for channel, model, value in QUANTITIES[name][1](answers)
    ]

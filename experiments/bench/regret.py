"""Decision regret: orders lost by moving budget as a model's CPA says, not as the true marginal CPA says (orders).

Of channels bought by auction, those that earn less per unit of cost than all of these together give money to the others: a
fifth of what the smaller of the two groups spent, in proportion to what each channel spent. The world is run again from day 0
of its reported window on, with the same people, needs and luck. Regret is the orders of the world moved by the truth less
those of the world moved by the model: 0 where both move alike. In one world luck can make it negative.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from cpalab.micros import MICROS
from experiments.truth.effects import Truth, measure_truth
from simulator.market.market import scale_of
from simulator.scenario.loading import load_scenario
from simulator.scenario.schema import Scenario
from simulator.world import World, reported_ticks, simulate

__all__ = ["Move", "marginal_truth", "movable", "moved", "orders_after", "regrets", "scenario_after"]

SHARE_MOVED = 0.2
HIGHER_BID = 1.5  # of those that get more, so that they can spend it: the daily budget holds them to it


@dataclass(frozen=True)
class Move:
    """Which channels get more money, and which get less; none at all where all are alike."""

    more: frozenset[str]
    less: frozenset[str]


def movable(world: World) -> dict[str, float]:
    """What each channel spent whose money can be moved, in currency: all its campaigns are bought by auction."""
    channels = world.scenario.channels
    changed = {path for change in world.scenario.timeline for path in change.set}
    spent = world.cost_micros()
    return {
        name: spent[name] / MICROS
        for name in world.scenario.paid_channels()
        if spent.get(name, 0) > 0
        and channels[name].bids_in_auctions
        and not any(path.startswith(f"channels.{name}.campaigns") for path in changed)
    }


def moved(yields: Mapping[str, float], spent: Mapping[str, float]) -> Move:
    """Who gets more: those that earn more per unit of cost than all together; who is not known keeps what it has.

    Args:
        yields: conversions per unit of cost, by channel.
        spent: by channel, in currency.
    """
    known = {name: yields[name] for name in spent if math.isfinite(yields.get(name, math.nan))}
    if len(known) < 2:
        return Move(frozenset(), frozenset())
    mean = float(np.average(list(known.values()), weights=[spent[name] for name in known]))
    more = frozenset(name for name, own in known.items() if own > mean)
    less = frozenset(name for name, own in known.items() if own < mean)
    return Move(more, less) if more and less else Move(frozenset(), frozenset())


def true_marginal_yields(truth: Truth, channels: Iterable[str]) -> dict[str, float]:
    """Conversions that a little more money brings, per unit of it: of the budget where it binds, else of the bid."""
    found = {}
    for channel in channels:
        effects = [
            e for e in truth.effects if e.channel == channel and e.estimand in ("marginal_budget", "marginal_bid")
        ]
        effects.sort(key=lambda effect: effect.estimand != "marginal_budget")
        costs = [effect for effect in effects if effect.cost_micros > 0]
        found[channel] = costs[0].incremental_conversions / (costs[0].cost_micros / MICROS) if costs else math.nan
    return found


def scenario_after(world: World, move: Move) -> Scenario:
    """The scenario with the money moved from day 0 on: budgets as spent, times what the move says."""
    spent = movable(world)
    less, more = (sum(spent[name] for name in names) for names in (move.less, move.more))
    money = SHARE_MOVED * min(less, more)
    factor = dict.fromkeys(move.less, 1 - money / less) | dict.fromkeys(move.more, 1 + money / more)
    changes = {}
    for (channel, name), (cost, days) in _spent_by_campaign(world).items():
        if channel not in factor or cost == 0:
            continue
        place = f"channels.{channel}.campaigns.{name}"
        changes[f"{place}.daily_budget"] = factor[channel] * cost / days / scale_of(world.scenario)
        if channel in move.more:
            changes[f"{place}.bid"] = HIGHER_BID * world.scenario.channels[channel].campaigns[name].bid
    tables = world.scenario.model_dump()
    tables["timeline"] = [{"day": 0.0, "set": changes}, *tables["timeline"]]
    return load_scenario(tables)


def orders_after(world: World, move: Move) -> tuple[int, float]:
    """Orders until the end of the follow-up after the move, and what was paid, in currency."""
    again = simulate(scenario_after(world, move), kernels=world.kernels) if move.more else world
    return again.orders_until(math.inf).num_rows, sum(again.cost_micros().values()) / MICROS


def regrets(world: World, yields: Mapping[str, Mapping[str, float]], best: Mapping[str, float]) -> dict[str, float]:
    """Orders that each model's move loses against the best.

    Args:
        world: what happened.
        yields: by model and channel, conversions credited per unit of cost.
        best: true marginal yields, by channel.
    """
    spent = movable(world)
    moves = {name: moved(own, spent) for name, own in yields.items()}
    right = moved(best, spent)
    orders = {move: orders_after(world, move)[0] for move in {right, *moves.values()}}
    return {name: float(orders[right] - orders[move]) for name, move in moves.items()}


def marginal_truth(world: World) -> dict[str, float]:
    """True marginal yields of the channels whose money can be moved."""
    truth = measure_truth(world, estimands=("marginal_bid", "marginal_budget"), feedback="held")
    return true_marginal_yields(truth, movable(world))


def _spent_by_campaign(world: World) -> dict[tuple[str, str], tuple[float, float]]:
    """What each campaign cost in the reported window, in currency, and on how many of its days it was on air."""
    ticks = reported_ticks(world.market).to_pandas()
    length = np.diff(world.board.starts)[ticks["tick"]]
    ticks = ticks.assign(length=np.where(ticks["auctions"] > 0, length, 0.0))
    found = {}
    for (channel, campaign), own in ticks.groupby(["channel", "campaign"], observed=True):
        found[str(channel), str(campaign)] = (float(own["cost_micros"].sum()) / MICROS, float(own["length"].sum()))
    return found

"""The horizon of a truth: effects are neither cold nor cut off, whatever the length of warm-up and follow-up."""

import math

import numpy as np
import pytest

from experiments.truth.effects import measure_truth
from simulator.calendar import on_lattice
from simulator.engines.twins import live_twins
from simulator.law.log import CONVERSION
from simulator.market.market import variants
from simulator.population import build_population
from simulator.scenario.loading import load_scenario
from simulator.world import simulate


@pytest.mark.study
@pytest.mark.parametrize("field", ["warm_up_days", "follow_up_days"])
def test_twice_the_warm_up_or_the_follow_up_moves_no_channel_s_true_cost_per_order(field):
    """Six seeds each; the means differ by less than 3.3 standard errors of their difference."""
    effects = {}
    for days in (42, 84):
        for seed in range(6):
            world = simulate(
                load_scenario("dtc-apparel", {"run.users": 40_000, "run.seed": seed, f"run.{field}": days})
            )
            for effect in measure_truth(world, estimands=("average",)).effects:
                effects.setdefault((effect.channel, days), []).append(effect.incremental_conversions)
    for channel in {channel for channel, _ in effects}:
        short, long = (np.array(effects[channel, days]) for days in (42, 84))
        error = math.sqrt((short.var(ddof=1) + long.var(ddof=1)) / 6) + 0.5
        assert abs(short.mean() - long.mean()) < 3.3 * error


def orders_lost_within(world, channel, last):
    """Orders that the channel's ads from day 0 until a day caused, in a world that goes on with them afterwards."""
    # Twins differ where the calendar says that days are reported: shift them there.
    calendar = world.law.calendar._replace(days=on_lattice(last))
    law = world.law._replace(calendar=calendar)
    rows = variants(2)
    rows[1].off = 1 << world.names.channels.index(channel)
    population = build_population(world.scenario, world.law, world.names)
    seed = world.scenario.run.seed
    twins = live_twins(law, world.board, population, rows, seed, kernel=world.kernels.relive)
    rows = twins.orders[twins.orders["kind"] == CONVERSION]
    parted = twins.parted[rows["user"], 1]
    apart = (parted >= 0) & (rows["session"].astype(np.int64) >= parted)
    return int(np.sum(apart & (rows["world"] == 0))) - int(np.sum(rows["world"] == 1))


@pytest.mark.study
@pytest.mark.parametrize("channel", ["social_prospecting", "video", "generic_search"])
def test_thirty_days_cause_as_much_as_the_same_thirty_days_of_a_longer_run(channel):
    """Eight seeds each, within 3.3 standard errors of the difference; ads go on after the thirty days in the longer run."""
    short, long = [], []
    for seed in range(8):
        changes = {"run.users": 40_000, "run.seed": seed}
        world = simulate(load_scenario("dtc-apparel", changes))
        short.append(measure_truth(world, estimands=("average",)).effect(channel).incremental_conversions)
        longer = simulate(load_scenario("dtc-apparel", changes | {"run.days": 72.0, "run.follow_up_days": 0}))
        long.append(orders_lost_within(longer, channel, 30.0))
    error = math.sqrt((np.var(short, ddof=1) + np.var(long, ddof=1)) / 8)
    assert abs(np.mean(short) - np.mean(long)) < 3.3 * error

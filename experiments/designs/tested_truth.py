"""The truth of a test inside a world: orders and cost (micros) that its treated people's ads caused while it ran.

The twin world is the one in which the test holds everyone out: same people, sessions, draws and market, and nobody sees
the channel's ads while the test runs. So carry-over from before the test is in both worlds, and what the slots show
instead (the next bidder, a placebo ad) is what the held-out saw.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from experiments.designs.users.arrangement import days_of
from experiments.designs.users.world_counts import column, compared_arms, cost_of_ads
from experiments.truth.effects import Effect, check_same_lives, conversions_by_world
from simulator.engines.twins import live_twins
from simulator.law.log import CONVERSION
from simulator.market.market import variants
from simulator.playing import thread_map
from simulator.population import build_population
from simulator.world import World

__all__ = ["effect_of_all_ads", "effects_of_test"]


def effects_of_test(
    world: World,
    channels: Sequence[str],
    threads: int = 1,
    people: Callable[[World, str], npt.NDArray[np.bool_]] = lambda world, channel: compared_arms(world, channel)[0],
) -> dict[str, Effect]:
    """What the ads shown to the treated caused, channel by channel, against the world in which everyone is held out.

    Args:
        world: simulated with the tests in it.
        channels: whose tests.
        threads: how many blocks of people live at once.
        people: whose orders count and whose ads are priced, (users,); the treated arm.
    """
    rows = variants(len(channels) + 1)
    for row, channel in zip(rows[1:], channels, strict=True):
        # Naming the channel makes a twin ask the auction again in every slot: a placebo ad may win where no ad did.
        row.channel = world.names.channels.index(channel)
        row.held_out = 1 << row.channel
    return _effects(world, channels, rows, threads, {channel: people(world, channel) for channel in channels})


def effect_of_all_ads(world: World, channels: Sequence[str], threads: int = 1) -> dict[str, Effect]:
    """What each channel's ads caused where no test runs: against the world in which the channel is off."""
    rows = variants(len(channels) + 1)
    for row, channel in zip(rows[1:], channels, strict=True):
        row.off = 1 << world.names.channels.index(channel)
    return _effects(world, channels, rows, threads, dict.fromkeys(channels, ~column(world, "robot")))


def _effects(
    world: World,
    channels: Sequence[str],
    rows: np.recarray,
    threads: int,
    people: Mapping[str, npt.NDArray[np.bool_]],
) -> dict[str, Effect]:
    population = build_population(world.scenario, world.law, world.names)
    with thread_map(threads) as map_:
        twins = live_twins(
            world.law,
            world.board,
            population,
            rows,
            world.scenario.run.seed,
            kernel=world.kernels.relive,
            map_=map_,
        )
    check_same_lives(world, conversions_by_world(twins.orders, 1)[0])
    orders = twins.orders[twins.orders["kind"] == CONVERSION]
    effects = {}
    for w, channel in enumerate(channels, start=1):
        days = days_of(world.scenario, channel)
        counted = orders[
            people[channel][orders["user"]] & (orders["time"] >= days.start_day) & (orders["time"] < days.last_day)
        ]
        parted = twins.parted[:, w]
        apart = (parted[counted["user"]] >= 0) & (counted["session"] >= parted[counted["user"]])
        with_ads = counted[(counted["world"] == 0) & apart]
        without = counted[counted["world"] == w]
        effects[channel] = Effect(
            channel=channel,
            estimand="tested",
            cost_micros=cost_of_ads(world, channel, people[channel]),
            incremental_conversions=len(with_ads) - len(without),
            incremental_value_micros=int(with_ads["value_micros"].sum()) - int(without["value_micros"].sum()),
            people_reached=int(np.sum(people[channel] & (parted >= 0))),
        )
    return effects

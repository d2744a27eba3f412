"""Geo tests inside a world: orders and cost (currency) per geo and day from its books, and the tests read from them.

Orders count where people live, as the shop's own books have them by address; cost counts where the ads were shown, as the
networks bill it. No cookie is asked, so lost tracking does not touch a geo test.
"""

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from cpalab.micros import MICROS
from experiments.lift.geo.panel import GeoExperiment, GeoPanel, geo_experiment
from experiments.lift.geo.result import GeoLiftTest
from experiments.lift.geo.switchback import switchback_test
from simulator.calendar import WEEKDAYS
from simulator.event_log import codes, gathered_events, is_kind, pieces
from simulator.law.board import Board
from simulator.market.campaigns import flat_fee_micros
from simulator.market.geo_tests import on_off_blocks, people_by_geo, treated_geos
from simulator.market.market import scale_of
from simulator.scenario.timeline import versions
from simulator.world import World

__all__ = [
    "cost_micros",
    "experiment_of",
    "geo_frame",
    "orders_per_geo",
    "read_switchback",
    "world_panel",
]

# Scenarios have weekdays but no dates; tables of geo tests have both.
A_MONDAY = np.datetime64("2024-01-01")

ORDER_COLUMNS = ("user_id", "time", "kind", "value_micros")

Cells = NDArray[np.int64]


def world_panel(world: World, channel: str) -> GeoPanel:
    """Orders and the channel's cost per geo and full day of the reported window; dates begin on the first weekday."""
    by_name = np.argsort(world.names.geos)
    days = math.floor(world.scenario.run.days)
    first = A_MONDAY + WEEKDAYS.index(world.scenario.calendar.first_weekday)
    return GeoPanel(
        tuple(world.names.geos[g] for g in by_name),
        first + np.arange(days),
        orders_per_geo(world, world)[0][by_name].astype(np.float64),
        cost_micros(world, world, world.board, channel)[by_name] / MICROS,
    )


def geo_frame(world: World, name: str) -> pd.DataFrame:
    """The panel of a geo test as `cpalab lift geo` reads it: `date, geo, response, cost`, a row per geo and day.

    `arm` (treated, control) and `period` (pre, test, cooldown, after) say what the test did where.
    """
    test = world.scenario.geo_tests[name]
    panel = world_panel(world, test.channel)
    day = np.arange(panel.dates.size)
    ends = (test.start_day, test.end_day, test.end_day + test.cooldown_days)
    period = np.array(["pre", "test", "cooldown", "after"])[np.searchsorted(ends, day, side="right")]
    treated = np.isin(np.array(panel.geos), treated_geos(world.scenario, name))
    frame = pd.DataFrame(
        {
            "date": np.tile(panel.dates, len(panel.geos)),
            "geo": np.repeat(panel.geos, panel.dates.size),
            "response": panel.response.ravel(),
            "arm": np.repeat(np.where(treated, "treated", "control"), panel.dates.size),
            "period": np.tile(period, len(panel.geos)),
        }
    )
    return frame if panel.cost is None else frame.assign(cost=panel.cost.ravel())


def orders_per_geo(world: World, lived: World | pa.Table) -> tuple[Cells, Cells]:
    """Orders of the people who live in each geo, per full day, and their value in micros, each of shape `(G, days)`.

    Args:
        world: who lives where.
        lived: whose events: the world's own, or the log of a twin.
    """
    orders = gathered_events(lived, lambda piece: is_kind(piece, "conversion"), ORDER_COLUMNS)
    home = codes(world.users["geo"], world.names.geos)[orders["user_id"].to_numpy()]
    time, value = orders["time"].to_numpy(), orders["value_micros"].to_numpy()
    return _per_geo_and_day(world, home, time, np.ones_like(value)), _per_geo_and_day(world, home, time, value)


def cost_micros(world: World, lived: World | pa.Table, board: Board, channel: str) -> Cells:
    """The channel's cost in each geo per full day, in micros, of shape `(G, days)`, of events that came about on a board."""
    total = _flat_fees(world, board, channel)
    for piece in pieces(lived, ["channel", "geo", "time", "cost_micros"]):
        paid = piece.filter(pa.array(codes(piece["channel"], (channel,)) == 0))
        geo = codes(paid["geo"], world.names.geos)
        total += _per_geo_and_day(world, geo, paid["time"].to_numpy(), paid["cost_micros"].to_numpy())
    return total


def experiment_of(world: World, name: str) -> GeoExperiment:
    """The panel of a world with the design of one of its geo tests."""
    test = world.scenario.geo_tests[name]
    panel = world_panel(world, test.channel)
    return geo_experiment(
        panel,
        treated_geos(world.scenario, name),
        str(panel.dates[test.start_day]),
        str(panel.dates[test.end_day - 1]),
        cooldown_days=test.cooldown_days,
    )


def read_switchback(
    world: World, name: str, levels: Sequence[float] = (0.90, 0.95), *, washout_days: int = 0
) -> GeoLiftTest:
    """An on_off test of the scenario, read from the totals of all geos per day.

    Raises:
        LiftInputError: too few blocks.
    """
    test = world.scenario.geo_tests[name]
    panel = world_panel(world, test.channel)
    days = slice(test.start_day, test.end_day)
    state = [
        "on" if is_on else "off"
        for first, last, is_on in on_off_blocks(world.scenario, name)
        for _ in range(first, last)
    ]
    columns = {"date": panel.dates[days], "state": state, "response": panel.response[:, days].sum(axis=0)}
    if panel.cost is not None:
        columns["cost"] = panel.cost[:, days].sum(axis=0)
    return switchback_test(pd.DataFrame(columns), test.block_days or 1, levels, washout_days=washout_days)


def _per_geo_and_day(world: World, geo: NDArray[np.int16], time: NDArray[np.float64], amount: Cells) -> Cells:
    geos, days = len(world.names.geos), math.floor(world.scenario.run.days)
    day = np.floor(time).astype(np.int64)
    cells = np.zeros((geos, days), np.int64)
    full = (day >= 0) & (day < days)
    np.add.at(cells, (geo[full], day[full]), amount[full])
    return cells


def _flat_fees(world: World, board: Board, channel: str) -> Cells:
    """Fees per day on air, which no event carries: shared among the geos addressed, by their people."""
    cells = np.zeros((len(world.names.geos), math.floor(world.scenario.run.days)), np.float64)
    stretches = versions(world.scenario)
    for c, placed in enumerate(world.names.campaigns):
        if placed.channel != channel:
            continue
        for tick in board.first_tick + np.flatnonzero(board.throttle[board.first_tick : board.last_tick, c] > 0.0):
            scenario = stretches[board.epoch[tick]].scenario
            campaign = world.names.campaign_of(scenario, c)
            begin, end = board.starts[tick], board.starts[tick + 1]
            fee = flat_fee_micros(campaign, float(end - begin), scale_of(scenario))
            if fee:
                addressed = people_by_geo(scenario, campaign) * np.minimum(
                    1.0, board.plan_spend[board.geo_plan[tick, c]]
                )
                days = slice(int(begin), max(int(begin) + 1, math.ceil(end)))
                cells[:, days] += fee * addressed[:, None] / (days.stop - days.start)
    return np.rint(cells).astype(np.int64)

"""The truth about a geo test: orders and cost (micros) it changed, by living the same lives again without it."""

from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from experiments.designs.regions.geo_books import cost_micros, orders_per_geo
from experiments.truth.effects import Effect
from simulator.event_log import codes, gathered_events
from simulator.law.board import Board
from simulator.market.geo_tests import people_by_geo, treated_geos
from simulator.world import World, live_again

__all__ = ["GeoTestTruth", "geo_test_truth", "untested_board"]

# Kinds of test whose control sees no ads; in the others it sees them as usual.
CONTROL_IS_DARK = ("holdback", "on_off")


@dataclass(frozen=True)
class GeoTestTruth:
    """What a geo test changed in the treated geos, and what of it spilled into the others. Money in micros.

    Attributes:
        change: the channel's cost in the treated geos during the test, and the orders of their people in the window
            (test and cool-down), beyond those in the world without the test; negative where ads were taken away.
        spilled_conversions: the same orders of the other geos' people. An estimator takes them for what would have
            happened anyway, so they bias it.
        spilled_cost_micros: the channel's cost in the other geos, likewise.
    """

    change: Effect
    spilled_conversions: int
    spilled_cost_micros: int

    @property
    def of_ads(self) -> Effect:
        """What the ads did that the test gave or took away: the change, with signs turned where it took them away."""
        change = self.change
        if change.cost_micros >= 0:
            return change
        return replace(
            change,
            cost_micros=-change.cost_micros,
            incremental_conversions=-change.incremental_conversions,
            incremental_value_micros=-change.incremental_value_micros,
        )


def geo_test_truth(world: World, name: str, *, threads: int = 1) -> GeoTestTruth:
    """The world against its twin in which the treated geos get what the control gets, on the same board otherwise.

    That is ads as usual in a go_dark or heavy_up test, and none in a holdback or on_off test. So test and truth price the
    same money: the incremental cost and orders of the treated geos. The market's pacing is held.
    """
    test, board = world.scenario.geo_tests[name], untested_board(world, name)
    twin = live_again(world, board, threads=threads)
    orders, value = (
        here - there for here, there in zip(orders_per_geo(world, world), orders_per_geo(world, twin), strict=True)
    )
    spent = cost_micros(world, world, world.board, test.channel)
    spent = spent - cost_micros(world, twin, board, test.channel)
    treated = np.isin(world.names.geos, treated_geos(world.scenario, name))
    window, days = slice(test.start_day, test.end_day + test.cooldown_days), slice(test.start_day, test.end_day)
    change = Effect(
        channel=test.channel,
        estimand="average",
        cost_micros=int(spent[treated, days].sum()),
        incremental_conversions=int(orders[treated, window].sum()),
        incremental_value_micros=int(value[treated, window].sum()),
        people_reached=_people_reached(twin if test.kind == "go_dark" else world, world, name),
    )
    return GeoTestTruth(change, int(orders[~treated, window].sum()), int(spent[~treated, days].sum()))


def _people_reached(lived: World | pa.Table, world: World, name: str) -> int:
    """How many people saw the channel's ads in treated geos during the test."""
    test = world.scenario.geo_tests[name]
    geos = treated_geos(world.scenario, name)

    def reached(piece: pa.Table) -> pa.Array:
        time = piece["time"].to_numpy()
        seen = (codes(piece["kind"], ("impression",)) == 0) & (codes(piece["channel"], (test.channel,)) == 0)
        return pa.array(seen & (time >= test.start_day) & (time < test.end_day) & (codes(piece["geo"], geos) >= 0))

    return len(gathered_events(lived, reached, ["user_id", "kind", "channel", "geo", "time"])["user_id"].unique())


def untested_board(world: World, name: str) -> Board:
    """The world's board, but the treated geos get what the control gets."""
    test, board = world.scenario.geo_tests[name], world.board
    throttle, plan = board.throttle.copy(), board.geo_plan.copy()
    starts = board.starts[:-1]
    during = (starts >= test.start_day) & (starts < test.end_day)
    for c, placed in enumerate(world.names.campaigns):
        if placed.channel != test.channel:
            continue
        if test.kind in CONTROL_IS_DARK:
            throttle[during, c] = 0.0
            continue
        first = int(np.flatnonzero(during)[0])
        people = people_by_geo(world.scenario, world.names.campaign_of(world.scenario, c))
        if not people @ board.plan_spend[plan[first, c]]:
            # Dark in all the geos that this campaign targets: nobody was left to pace it by.
            throttle[during, c] = throttle[first - 1, c]
        plan[during, c] = 0
    return board._replace(throttle=throttle, geo_plan=plan)

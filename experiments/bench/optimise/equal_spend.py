"""Equal spend: a run whose last day is paced so that all it has cost comes out at a sum to the cent (micros)."""

from collections.abc import Generator, Sequence
from typing import Any

import numpy as np

from simulator.engines.cohort import Cohort
from simulator.engines.replacement import kernels_of
from simulator.market.advertiser.desk import Desk
from simulator.market.market import no_change
from simulator.market.processes.registry import Acting, Given, processes_of
from simulator.playing import Running
from simulator.scenario.schema import Scenario
from simulator.world import World, world_from

HALF_A_CENT = 5_000  # micros
BISECTIONS, TRIALS = 16, 1500
MOST = 50.0  # times the planned share of auctions


def simulate_to_spend(
    scenario: Scenario, cost_micros: int, campaigns: list[int], processes: Sequence[Given] = ()
) -> World:
    """The world of a scenario, its last tick paced so that the reported window costs this sum.

    The last tick is lived again and again with other shares of auctions for these campaigns, each time from the same
    moment, until the sum is met to half a cent or no trial comes nearer. Where the sum lies beyond what one day can do, the
    nearest is taken.

    Args:
        scenario: what is assumed.
        cost_micros: what all channels together are to cost.
        campaigns: positions of those that may be paced; they bid in auctions.
        processes: what acts in it besides the scenario's own.
    """
    kernels = kernels_of(scenario)

    def settle(desk: Desk) -> Generator[Any, Any, None]:
        board = running.board
        last = board.last_tick - 1
        while running.market.tick < last:
            yield desk.published
        _pace(running, last, cost_micros, campaigns, np.random.default_rng(scenario.run.seed))

    acting = (*processes_of(scenario, processes), Acting("equal_spend", settle))
    running = Running(scenario, no_change(), kernels=kernels, processes=acting)
    running.run()
    return world_from(running.played(), kernels)


def _pace(running: Running, tick: int, cost_micros: int, campaigns: list[int], rng: np.random.Generator) -> None:
    market, people, board = running.market, running.people, running.board
    if not isinstance(people, Cohort):
        raise TypeError("only blocks of people can go back to a moment")
    spent = sum(report.cost_micros for report in market.reports if report.period == "reported")
    fees = sum(market.flat_fee(tick, market.in_force.planned, c) for c in range(len(running.names.campaigns)))
    wanted = cost_micros - spent - fees
    planned, end = board.throttle[tick, campaigns].copy(), float(board.starts[tick + 1])
    moment, before = people.remember(), people.ledger()

    def off_by(shares: Any) -> int:
        """What the tick costs too much where these campaigns take part in these shares of auctions, in micros."""
        board.throttle[tick, campaigns] = shares
        people.run_tick(end)
        cost = int((people.ledger()["cost_micros"] - before["cost_micros"]).sum())
        people.go_back(moment)
        return cost - wanted

    low, high = 0.0, MOST
    best, best_off = planned, off_by(planned)
    for trial in range(BISECTIONS + TRIALS):
        if abs(best_off) <= HALF_A_CENT:
            break
        if trial < BISECTIONS:
            shares = np.minimum(planned * (low + high) / 2.0, 1.0)
        else:
            # Some campaigns a little more or less: an ad costs cents, so some mixture of them meets the sum.
            spread = 10.0 ** rng.uniform(-3.5, -1.0) * (rng.random(len(campaigns)) < 0.5)
            shares = np.minimum(best * (1.0 + spread * rng.uniform(-1.0, 1.0, len(campaigns))), 1.0)
        off = off_by(shares)
        if trial < BISECTIONS:
            low, high = ((low + high) / 2.0, high) if off < 0 else (low, (low + high) / 2.0)
        if abs(off) < abs(best_off):
            best, best_off = shares, off
    board.throttle[tick, campaigns] = best

"""The board: what the market publishes for each tick, and all that people know of one another.

Nobody in the population sees anybody else. They share budgets, prices and seasons only through these numbers, which
stay fixed for a tick. A twin world with held feedback reads the same board.
"""

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from simulator.calendar import LATTICE, on_lattice
from simulator.law.state import LONG_AGO


class Board(NamedTuple):
    """Published numbers, one row per tick (T ticks, S surfaces, C campaigns, R creatives, G geos).

    Attributes:
        ticks_per_day: how often the market publishes; starts: when each tick begins, and when the last one ends (T + 1,).
        first_tick, last_tick: the ticks that begin with the reported window and with the follow-up (T without one).
        epoch: version of the scenario in force (T,).
        throttle: share of auctions a campaign takes part in; 0 off flight or out of budget (T, C).
        log_bid: logarithm of the value of an impression to the campaign, in currency (T, C).
        log_rival: mean logarithm of the rival price of an impression, in currency (T, S).
        need_season: factor on need (T, G).
        freshness: of each creative, 1 when new (T, R).
        refreshed: day on which each creative was last replaced by a fresh one (T, R).
        live_creatives: how many of a campaign's creatives are on air (T, C); on_air: which (T, R).
        holdouts: bit k: the experiment on channel k is running (T,).
        geo_plan: which plan of a geo test a campaign follows; 0: none (T, C).
        plan_spend: factor on the share of auctions entered, per plan and geo; 0 is dark (P + 1, G).
        plan_log_bid: logarithm of the factor on bids, per plan and geo (P + 1, G).
    """

    ticks_per_day: float
    starts: Any
    first_tick: int
    last_tick: int
    epoch: Any
    throttle: Any
    log_bid: Any
    log_rival: Any
    need_season: Any
    freshness: Any
    refreshed: Any
    live_creatives: Any
    on_air: Any
    holdouts: Any
    geo_plan: Any
    plan_spend: Any
    plan_log_bid: Any


def blank_board(
    days: float, tick_days: float, surfaces: int, campaigns: int, creatives: int, geos: int = 1, plans: int = 0,
    *, start: int = 0, end: float | None = None,
) -> Board:  # fmt: skip
    """A board on which nothing has been published; see `tick_starts` for the days."""
    starts, first_tick, last_tick = tick_starts(start, days, days if end is None else end, tick_days)
    ticks = len(starts) - 1
    return Board(
        ticks_per_day=1.0 / tick_days,
        starts=starts,
        first_tick=first_tick,
        last_tick=last_tick,
        epoch=np.zeros(ticks, np.int64),
        throttle=np.zeros((ticks, campaigns)),
        log_bid=np.full((ticks, campaigns), -np.inf),
        log_rival=np.zeros((ticks, surfaces)),
        need_season=np.ones((ticks, geos)),
        freshness=np.ones((ticks, creatives)),
        refreshed=np.full((ticks, creatives), LONG_AGO),
        live_creatives=np.zeros((ticks, campaigns), np.int64),
        on_air=np.ones((ticks, creatives), np.bool_),
        holdouts=np.zeros(ticks, np.uint32),
        geo_plan=np.zeros((ticks, campaigns), np.int64),
        plan_spend=np.ones((plans + 1, geos)),
        plan_log_bid=np.zeros((plans + 1, geos)),
    )


def tick_starts(start: int, days: float, end: float, tick_days: float) -> tuple[npt.NDArray[np.float64], int, int]:
    """When each tick begins and the last one ends, and which ticks begin on day 0 and at the end of the reported window.

    Ticks are counted from day 0 in both directions and anew from the end of the reported window, so that no tick lies on
    both sides of either; the first and the last of each part may be shorter. All on the lattice of session times, so that
    a session is never on both sides of a tick.
    """

    def lattice(first: float, last: float) -> npt.NDArray[np.float64]:
        points = first + np.round(np.arange(math.ceil((last - first) / tick_days)) * tick_days * LATTICE) / LATTICE
        return np.asarray(points)

    window_end = on_lattice(days)
    before = np.maximum(-lattice(0.0, -float(start) + tick_days)[:0:-1], float(start))
    window, after = lattice(0.0, days), lattice(window_end, end) if end > days else np.empty(0)
    before = np.unique(before)
    return np.concatenate([before, window, after, [on_lattice(end)]]), len(before), len(before) + len(window)

"""The board: what the market publishes for each tick, and all that people know of one another.

Nobody in the population sees anybody else. They share budgets, prices and seasons only through these numbers, which
stay fixed for a tick. A twin world with held feedback reads the same board.
"""

import math
from typing import Any, NamedTuple

import numpy as np

from simulator.calendar import LATTICE


class Board(NamedTuple):
    """Published numbers, one row per tick (T ticks, S surfaces, C campaigns, R creatives, G geos).

    Attributes:
        ticks_per_day: how often the market publishes; starts: when each tick begins, and when the last one ends (T + 1,).
        epoch: version of the scenario in force (T,).
        throttle: share of auctions a campaign takes part in; 0 off flight or out of budget (T, C).
        log_bid: logarithm of the value of an impression to the campaign, in currency (T, C).
        log_rival: mean logarithm of the rival price of an impression, in currency (T, S).
        need_season: factor on need (T, G).
        freshness: of each creative, 1 when new (T, R).
        live_creatives: creatives of a campaign on air (T, C).
        holdouts: bit k: the experiment on channel k is running (T,).
        geo_plan: which plan of a geo test a campaign follows; 0: none (T, C).
        plan_spend: factor on the share of auctions entered, per plan and geo; 0 is dark (P + 1, G).
        plan_log_bid: logarithm of the factor on bids, per plan and geo (P + 1, G).
    """

    ticks_per_day: float
    starts: Any
    epoch: Any
    throttle: Any
    log_bid: Any
    log_rival: Any
    need_season: Any
    freshness: Any
    live_creatives: Any
    holdouts: Any
    geo_plan: Any
    plan_spend: Any
    plan_log_bid: Any


def blank_board(
    days: float, tick_days: float, surfaces: int, campaigns: int, creatives: int, geos: int = 1, plans: int = 0
) -> Board:
    """A board on which nothing has been published."""
    ticks = math.ceil(days / tick_days)
    # On the lattice of session times, so that a session is never on both sides of a tick. The last tick ends with the run.
    starts = np.round(np.arange(ticks + 1) * tick_days * LATTICE) / LATTICE
    starts[-1] = min(starts[-1], math.ceil(days * LATTICE) / LATTICE)
    return Board(
        ticks_per_day=1.0 / tick_days,
        starts=starts,
        epoch=np.zeros(ticks, np.int64),
        throttle=np.zeros((ticks, campaigns)),
        log_bid=np.full((ticks, campaigns), -np.inf),
        log_rival=np.zeros((ticks, surfaces)),
        need_season=np.ones((ticks, geos)),
        freshness=np.ones((ticks, creatives)),
        live_creatives=np.zeros((ticks, campaigns), np.int64),
        holdouts=np.zeros(ticks, np.uint32),
        geo_plan=np.zeros((ticks, campaigns), np.int64),
        plan_spend=np.ones((plans + 1, geos)),
        plan_log_bid=np.zeros((plans + 1, geos)),
    )

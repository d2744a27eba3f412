"""The log the law writes to: one row per event, in the order in which things happen to each person."""

from typing import Any, NamedTuple

import numpy as np

from simulator.compiled import part
from simulator.law.moment import Moment

# Kinds of events. MICRO + j is step j of the funnel, if it is not the last.
IMPRESSION, GHOST, CLICK, VISIT, CONVERSION, QUALIFIED, CLOSED, REFUND, FEE, FAKE_LEAD, PSA, PREDICTED, MICRO = range(
    13
)

MOST_EVENTS_PER_SESSION = 160  # ghosts and predictions of up to 60 campaigns, and everything else a session can bring

ROW = np.dtype(
    [
        ("time", "f8"),  # days
        ("cost_micros", "i8"),
        ("value_micros", "i8"),
        ("user", "u4"),
        ("session", "u4"),
        ("creative", "i2"),
        ("kind", "u1"),
        ("channel", "i1"),
        ("campaign", "i1"),
        ("device", "u1"),
        ("geo", "u1"),  # where the session happened
        ("world", "u1"),  # 0: what happened; w: twin world w
    ],
    align=True,
)


class Log(NamedTuple):
    """Where events go.

    Attributes:
        rows: ROW (capacity,).
        cursor: number of rows written, int64 (1,).
        world: number of the world that is written about.
        orders_only: write conversions and what becomes of them, and nothing else.
    """

    rows: Any
    cursor: Any
    world: int
    orders_only: bool


@part
def is_full(log: Log) -> bool:
    """Whether one more session might bring more events than there is room for."""
    return log.cursor[0] + MOST_EVENTS_PER_SESSION > log.rows.size  # type: ignore[no-any-return]  # arrays


@part
def write(
    log: Log,
    moment: Moment,
    time: float,
    kind: int,
    channel: int,
    campaign: int,
    creative: int,
    cost: int,
    value: int,
) -> None:
    """Write one event. Cost and value in micros."""
    if log.orders_only and not CONVERSION <= kind <= REFUND:
        return
    row = log.rows[log.cursor[0]]
    row.time = time
    row.cost_micros = cost
    row.value_micros = value
    row.user = moment.user
    row.session = moment.session
    row.creative = creative
    row.kind = kind
    row.channel = channel
    row.campaign = campaign
    row.device = moment.device
    row.geo = moment.geo
    row.world = log.world
    log.cursor[0] += 1

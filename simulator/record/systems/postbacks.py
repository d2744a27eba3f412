"""Privacy-preserving postbacks: what an ad network learns, late and coarsely, of people who let no app track them (rows)."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from cpalab.micros import MICROS
from simulator.draws import GRAPH, POSTBACK
from simulator.record.record_draws import Floats, Ints, draws_at
from simulator.record.stages.tracking_in_force import TrackingInForce
from simulator.record.true_events import Block, TrueEvents, blocks

WINDOWS_DAYS = ((0.0, 2.0), (2.0, 7.0), (7.0, 35.0))  # SKAdNetwork 4: days 0-2, 3-7, 8-35 after the install
DELAY_HOURS = ((24.0, 48.0), (24.0, 144.0), (24.0, 144.0))
VALUES = ("none", "low", "medium", "high")

POSTBACK_SCHEMA = pa.schema(
    [
        pa.field("channel", pa.string()),
        pa.field("campaign", pa.string()),
        pa.field("sequence", pa.int64()),
        pa.field("arrival", pa.float64(), metadata={"unit": "days"}),
        pa.field("coarse_value", pa.string()),
    ]
)


def postbacks(world: TrueEvents) -> pa.Table:
    """The postbacks of a world, one row each.

    A person who permits no tracking and clicks an ad on a mobile device installs once. The first postback comes 24 to 48
    hours after the first window closed, always; the second and third come only where the crowd (clicks of the campaign on
    that day) is large enough. A value (none, low, medium, high, by orders in the window) needs the same crowd, else it is
    null. Postbacks whose window closes after the end of the run are not sent yet.
    """
    regime = TrackingInForce.of(world.scenario)
    days = world.scenario.run.days
    tables = []
    installs = [_installs(block, regime) for block in blocks(world, ["conversion"])]
    crowds = _crowds(installs)
    for block_installs in installs:
        tables += [_sent(block_installs, crowds, regime, window, days) for window in range(len(WINDOWS_DAYS))]
    return pa.concat_tables(tables) if tables else POSTBACK_SCHEMA.empty_table()


@dataclass(frozen=True)
class Installs:
    """First clicks of people without permission (n,): who, when, by which campaign, value of orders in each window (n, 3)."""

    user: Ints
    time: Floats
    channel: Any
    campaign: Any
    value: Floats


def _installs(block: Block, regime: TrackingInForce) -> Installs:
    seed = regime.scenarios[0].run.seed
    touches, actions = block.touches, block.actions
    now = regime.at(touches.time)
    permits = draws_at(seed, touches.user, 0, GRAPH)[3] < now(lambda t: t.identity.app_permission_share)
    mobile = touches.device != _place(block.names.devices, "desktop")
    rows = np.flatnonzero(touches.is_click & mobile & ~permits)
    _, first = np.unique(touches.user[rows], return_index=True)
    rows = rows[first]
    orders = np.flatnonzero(actions.kind == block.kind("conversion")[0])
    install = np.searchsorted(touches.user[rows], actions.user[orders])
    known = install < len(rows)
    known[known] = touches.user[rows][install[known]] == actions.user[orders][known]
    orders, install = orders[known], install[known]
    lag = actions.time[orders] - touches.time[rows][install]
    value = np.zeros((len(rows), len(WINDOWS_DAYS)))
    for window, (begins, ends) in enumerate(WINDOWS_DAYS):
        within = (lag >= begins) & (lag < ends)
        np.add.at(value[:, window], install[within], actions.value_micros[orders][within] / MICROS)
    channels, campaigns = np.array(block.names.channels), np.array(block.campaigns)
    return Installs(
        touches.user[rows],
        touches.time[rows],
        channels[touches.channel[rows]],
        campaigns[touches.campaign[rows]],
        value,
    )


def _crowds(installs: list[Installs]) -> Counter[tuple[str, str, int]]:
    """Installs per channel, campaign and day."""
    crowds: Counter[tuple[str, str, int]] = Counter()
    for part in installs:
        crowds.update(_crowd_of(part))
    return crowds


def _crowd_of(installs: Installs) -> list[tuple[str, str, int]]:
    day = installs.time.astype(np.int64).tolist()
    return list(zip(installs.channel.tolist(), installs.campaign.tolist(), day, strict=True))


def _sent(
    installs: Installs, crowds: Counter[tuple[str, str, int]], regime: TrackingInForce, window: int, days: float
) -> pa.Table:
    """The postbacks of one window."""
    now = regime.at(installs.time)
    seed = regime.scenarios[0].run.seed
    size = np.array([crowds[key] for key in _crowd_of(installs)], np.float64)
    enough = size >= now(lambda t: t.postbacks.crowd_minimum)
    soonest, latest = DELAY_HOURS[window]
    wait = soonest + (latest - soonest) * draws_at(seed, installs.user, 0, POSTBACK, window)[0]
    closes = installs.time + WINDOWS_DAYS[window][1]
    sent = (installs.time >= 0.0) & (closes <= days) & (enough | (window == 0))
    value = installs.value[:, window]
    level = (value > 0).astype(np.int64)
    level += (value >= now(lambda t: t.postbacks.medium_value)) & (value > 0)
    level += (value >= now(lambda t: t.postbacks.high_value)) & (value > 0)
    return pa.Table.from_arrays(
        [
            pa.array(installs.channel[sent].tolist(), pa.string()),
            pa.array(installs.campaign[sent].tolist(), pa.string()),
            pa.array(np.full(int(sent.sum()), window + 1)),
            pa.array((closes + wait / 24.0)[sent]),
            pa.array(np.array(VALUES)[level[sent]].tolist(), pa.string(), mask=~enough[sent]),
        ],
        schema=POSTBACK_SCHEMA,
    )


def _place(words: tuple[str, ...], word: str) -> int:
    return words.index(word) if word in words else -1

"""The market of a lesson: one world, the same without a channel or at another bid, their journeys as data (days, micros)."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from experiments.report.lessons.lesson import Lesson
from simulator.draws import COOKIE, HABITS
from simulator.record.record_draws import draws_at
from simulator.record.stages.identity import clear_rate
from simulator.record.stages.tracking_in_force import TrackingInForce
from simulator.record.true_events import blocks
from simulator.scenario.build_law import Names
from simulator.scenario.loading import load_scenario
from simulator.scenario.schema import Scenario
from simulator.world import World, between, live_again, simulate

# What the settings of a lesson do not move is perfect, so that every difference a learner sees is one they made.
PERFECT = {
    "run.follow_up_days": 0,
    "tracking.consent.asked": [],
    "tracking.transport.analytics_coverage": 1.0,
    "tracking.transport.ad_blocker_share": 0.0,
    "tracking.transport.session_loss": 0.0,
    "tracking.transport.utm_loss": 0.0,
}
BIDS = (0.4, 0.6, 0.8, 1.0, 1.25, 1.6)  # times today's, of a lesson about the margin
LONGEST_VIEW_DAYS = 14.0


@dataclass(frozen=True)
class LessonWorlds:
    """The worlds a lesson shows.

    Attributes:
        fact: what happened.
        without: the same people without a channel's ads, by channel; everything else as it was.
        bids: the same with a lower or higher bid for the watched channel's ads, in the order of `BIDS`.
    """

    fact: World
    without: Mapping[str, World]
    bids: tuple[World, ...] = ()


def lesson_scenario(lesson: Lesson, users: int | None = None, seed: int | None = None) -> Scenario:
    """The default market at the size of a lesson, recorded without a fault."""
    own = {"run.users": users or lesson.users} | ({} if seed is None else {"run.seed": seed})
    return load_scenario(overrides=PERFECT | dict(lesson.market) | own)


def lesson_worlds(
    lesson: Lesson, scenario: Scenario, *, threads: int = 1, progress: Callable[[float], None] = lambda share: None
) -> LessonWorlds:
    """Simulate the market of a lesson and its twins."""
    fact = simulate(scenario, threads=threads, progress=lambda share: progress(0.5 * share))
    off = {*lesson.switches, lesson.watched} if {"compare", "test", "margin"} & {*lesson.panels} else {*lesson.switches}
    without = {channel: with_bid(fact, channel, 0.0, threads) for channel in fact.names.channels if channel in off}
    bids = tuple(with_bid(fact, lesson.watched, f, threads) for f in BIDS) if "margin" in lesson.panels else ()
    progress(1.0)
    return LessonWorlds(fact, without, bids)


def with_bid(world: World, channel: str, factor: float, threads: int = 1) -> World:
    """The world with a channel's bids times a factor in the reported window (0: its ads are off), all pacing as it was."""
    board, log_bid, throttle = world.board, world.board.log_bid.copy(), world.board.throttle.copy()
    own = [i for i, campaign in enumerate(world.names.campaigns) if campaign.channel == channel]
    days = slice(board.first_tick, board.last_tick)
    if factor > 0:
        log_bid[days, own] += math.log(factor)
    else:
        throttle[days, own] = 0.0
    changed = board._replace(log_bid=log_bid, throttle=throttle)
    return replace(world, events=live_again(world, changed, threads=threads))


def cost_micros(world: World) -> dict[str, int]:
    """What the log says was paid for each channel's ads in the reported window."""
    paid = between(world.events.select(["channel", "cost_micros", "time"]), 0.0, world.clock.days)
    paid = paid.set_column(0, "channel", paid["channel"].cast(pa.string()))
    sums = paid.group_by("channel").aggregate([("cost_micros", "sum")]).to_pydict()
    found = dict(zip(sums["channel"], sums["cost_micros_sum"], strict=True))
    return {channel: int(found.get(channel, 0)) for channel in world.scenario.paid_channels()}


def of_buyers(world: World) -> World:
    """The world with the log of those alone who order in the reported window: nobody else's journey can be credited."""
    buyers = pc.unique(world.orders()["user_id"].combine_chunks())
    return replace(world, events=world.events.filter(pc.is_in(world.events["user_id"], buyers)))


def seen_ads(world: World) -> pa.Table:
    """Ads seen in places where a platform may claim a view: user_id, time, channel; from two weeks before day 0 on."""
    counting = [
        name for name, channel in world.scenario.channels.items()
        if channel.surface is not None and world.scenario.surfaces[channel.surface].counts_views()
    ]  # fmt: skip
    shown = world.events.filter(pc.equal(world.events["kind"], "impression")).select(["user_id", "time", "channel"])
    shown = between(shown, -LONGEST_VIEW_DAYS - 1.0, world.clock.days)
    shown = shown.set_column(2, "channel", shown["channel"].cast(pa.string()))
    return shown.filter(pc.is_in(shown["channel"], pa.array(counting, pa.string())))


def journeys_as_data(world: World, *, views: bool, by: str = "") -> dict[str, Any]:
    """The journeys of all who order, as the page's script reads them; `by`: of those alone who ever came by a channel's ads.

    People are numbered from 0. `consent` is the draw below which a person consents; `known` says who logs in; `rate` is how
    often a day they clear cookies; `survives` the draw at each visit that decides whether the cookie still lives.
    """
    world = of_buyers(world)
    if by:
        clicks = pc.and_(pc.equal(world.events["kind"], "click"), pc.equal(world.events["channel"], by))
        came = pc.unique(world.events.filter(clicks)["user_id"].combine_chunks())
        world = replace(world, events=world.events.filter(pc.is_in(world.events["user_id"], came)))
    regime = TrackingInForce.of(world.scenario)
    names = Names.of(world.scenario)
    seed = world.scenario.run.seed
    [block] = blocks(world, ["conversion"], max(2, world.users.num_rows))
    visits, actions = block.visits, block.actions
    ordered = np.flatnonzero(np.isin(actions.kind, block.kind("conversion")))
    people = np.unique(visits.user)
    draws = draws_at(seed, people, 0, HABITS)
    ads = seen_ads(world) if views else seen_ads(world).slice(0, 0)
    channel = {name: k for k, name in enumerate(names.channels)}
    log_in = world.scenario.population.log_in_share

    def number(users: Any) -> list[int]:
        return [int(i) for i in np.searchsorted(people, np.asarray(users, np.int64))]

    return {
        "people": {
            "consent": draws[2].tolist(),
            "known": (draws[3] < log_in).astype(int).tolist(),
            "rate": clear_rate(people, regime.at(np.zeros(len(people))), seed).tolist(),
        },
        "visits": {
            "user": number(visits.user),
            "time": visits.time.tolist(),
            "channel": visits.channel.tolist(),
            "device": visits.device.tolist(),
            "survives": draws_at(seed, visits.user, visits.session, COOKIE, 1)[0].tolist(),
        },
        "views": {
            "user": number(ads["user_id"].to_numpy()),
            "time": ads["time"].to_pylist(),
            "channel": [channel[name] for name in ads["channel"].to_pylist()],
        },
        "orders": {
            "user": number(actions.user[ordered]),
            "time": actions.time[ordered].tolist(),
            "visit": actions.visit[ordered].tolist(),
        },
    }

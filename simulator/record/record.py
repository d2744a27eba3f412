"""The record: the stages in order, from one frozen world to what each system claims and what is paid (micros)."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cpalab.micros import MICROS
from simulator.draws import REPEAT
from simulator.event_log import gathered_events
from simulator.record.claims import CLAIM_SCHEMA, Claims, claims_table
from simulator.record.record_draws import draws_at, extra_copies
from simulator.record.stages.identity import recognise
from simulator.record.stages.modelling import Modelling, observe_clicks
from simulator.record.stages.reporting import reported
from simulator.record.stages.tracking_in_force import TrackingInForce
from simulator.record.stages.transport import Landing, counted_kinds, land, send
from simulator.record.stages.visit_sources import source_words
from simulator.record.systems.affiliate import affiliate_claims
from simulator.record.systems.analytics import analytics_claims
from simulator.record.systems.crm import STAGES, crm_claims
from simulator.record.systems.platform import platform_claims
from simulator.record.true_events import BLOCK_USERS, Block, TrueEvents, blocks, codes
from simulator.scenario.build_law import Names
from simulator.scenario.sellers import Sellers, sellers
from simulator.scenario.tracking import Tracking


@dataclass(frozen=True)
class Record:
    """What the systems recorded of a world.

    Attributes:
        claims: one row per action and channel a system credits (CLAIM_SCHEMA).
        sessions: per channel, visits and what web analytics has of them.
        cost_micros: what is paid per channel under this record.
        billing_micros: that minus what the world itself charged: fees that follow claims, and robots' clicks.
    """

    claims: pa.Table
    sessions: pa.Table
    cost_micros: dict[str, int]
    billing_micros: dict[str, int]

    def conversions(self, system: str) -> dict[str, float]:
        """Conversions of a system per channel, modelled ones included."""
        return self._sum(system, ("conversions", "modelled"))

    def value(self, system: str) -> dict[str, float]:
        """Value that a system reports per channel, in currency."""
        return {channel: total / MICROS for channel, total in self._sum(system, ("value_micros",)).items()}

    def _sum(self, system: str, columns: tuple[str, ...]) -> dict[str, float]:
        rows = self.claims.filter(pc.equal(self.claims["system"].cast(pa.string()), system))
        rows = rows.set_column(rows.schema.get_field_index("channel"), "channel", rows["channel"].cast(pa.string()))
        sums = rows.group_by("channel").aggregate([(column, "sum") for column in columns]).to_pydict()
        totals = np.sum([sums[f"{column}_sum"] for column in columns], axis=0)
        return {channel: float(total) for channel, total in sorted(zip(sums["channel"], totals, strict=True))}


def record(world: TrueEvents, tracking: Tracking | None = None, *, block_users: int = BLOCK_USERS) -> Record:
    """What each system saw of a world.

    Args:
        world: a world, fresh or read back from files; it is not changed.
        tracking: takes the place of the scenario's own where given; changes of tracking on the timeline still apply.
        block_users: people per block; the record does not depend on it (even numbers).
    """
    scenario = world.scenario
    if tracking is not None:
        scenario = scenario.model_copy(update={"tracking": tracking})
    regime = TrackingInForce.of(scenario)
    market = sellers(regime.scenarios[0])
    modelling = observe_clicks(world, regime, market.of_channel, len(market.platforms))
    needed = {"conversion", "fake_lead"}.union(*(counted_kinds(t.transport.action) for t in regime.trackings))
    tables, sessions = [], []
    for block in blocks(world, sorted(needed), block_users):
        parts, counts = record_block(block, regime, market, modelling)
        tables += parts
        sessions.append(counts)
    claims = pa.concat_tables(tables).unify_dictionaries() if tables else CLAIM_SCHEMA.empty_table()
    claims = reported(claims, regime, scenario.run.days)
    billing = _billing(world, claims, regime)
    cost = world_cost_micros(world)
    return Record(
        claims=claims,
        sessions=_sessions_table(sessions, world),
        cost_micros={channel: cost[channel] + billing[channel] for channel in cost},
        billing_micros=billing,
    )


def record_block(
    block: Block, regime: TrackingInForce, market: Sellers, modelling: Modelling
) -> tuple[list[pa.Table], np.ndarray]:
    """The stages in order for one block: the claims of each system, and (visits, sessions) per channel."""
    scenario = regime.scenarios[0]
    seed = scenario.run.seed
    seen = recognise(block.visits, regime, seed)
    landing = land(block, seen, regime, seed)
    signals = send(block, block.actions, seen, landing, regime, seed)

    def table(system: str, reporters: Iterable[str], claims: Claims) -> pa.Table:
        return claims_table(system, tuple(reporters), claims, block, block.actions, seen.browser)

    tables = [
        table(
            "platform", market.platforms,
            platform_claims(block, seen, landing, signals, regime, seed, market, modelling),
        ),
        table(
            "platform", source_words(block.names), affiliate_claims(block, seen, landing, signals, regime, scenario)
        ),
        table(
            "analytics", ("analytics",), analytics_claims(block, seen, landing, signals, regime, seed, scenario)
        ),
    ]  # fmt: skip
    for stage in STAGES:
        tables.append(table(stage, ("crm",), crm_claims(block, seen, landing, regime, seed, stage)))
    return tables, _count_sessions(block, landing, scenario.run.days)


def world_cost_micros(world: TrueEvents) -> dict[str, int]:
    """What the world itself charged per channel in the reported window."""
    reported_ticks = world.market.filter(pc.equal(world.market["period"], "reported"))
    totals = reported_ticks.group_by("channel").aggregate([("cost_micros", "sum")]).to_pydict()
    return dict(zip(totals["channel"], totals["cost_micros_sum"], strict=True))


def _billing(world: TrueEvents, claims: pa.Table, regime: TrackingInForce) -> dict[str, int]:
    """Per channel: fees that networks claim minus those the world charged, plus what robots' clicks cost."""
    owed = claims.select(["channel", "fee_micros"])
    owed = owed.set_column(0, "channel", owed["channel"].cast(pa.string()))
    with_robots = any(t.intrusion.bot_click_share > 0 for t in regime.trackings)
    wanted = ("fee", "click") if with_robots else ("fee",)

    def owed_for(piece: pa.Table) -> pa.Array:
        time = piece["time"].to_numpy()
        return pa.array((time >= 0.0) & (time < regime.scenarios[0].run.days) & (codes(piece["kind"], wanted) >= 0))

    paid = gathered_events(world, owed_for, ["kind", "channel", "cost_micros", "user_id", "session", "time"])
    fees = paid.filter(pa.array(codes(paid["kind"], ("fee",)) == 0))
    result = dict.fromkeys(world_cost_micros(world), 0)
    for channel, amount in zip(owed["channel"].to_pylist(), owed["fee_micros"].to_pylist(), strict=True):
        if amount:
            result[channel] += amount
    for channel, amount in zip(fees["channel"].to_pylist(), fees["cost_micros"].to_pylist(), strict=True):
        result[channel] -= amount
    if with_robots:
        clicks = paid.filter(pa.array(codes(paid["kind"], ("click",)) == 0))
        share = regime.at(clicks["time"].to_numpy())(lambda t: t.intrusion.bot_click_share)
        seed = regime.scenarios[0].run.seed
        draw = draws_at(seed, clicks["user_id"].to_numpy(), clicks["session"].to_numpy(), REPEAT)[3]
        extra = extra_copies(share / (1.0 - share), draw) * clicks["cost_micros"].to_numpy()
        for channel, amount in zip(clicks["channel"].to_pylist(), extra.tolist(), strict=True):
            result[channel] += amount
    return result


def _count_sessions(block: Block, landing: Landing, days: float) -> np.ndarray:
    width = len(source_words(block.names))
    counted = (block.visits.time >= 0.0) & (block.visits.time < days)
    visits = np.bincount(landing.origin[counted], minlength=width)
    return np.stack([visits, np.bincount(landing.source[landing.in_analytics & counted], minlength=width)])


def _sessions_table(counts: list[np.ndarray], world: TrueEvents) -> pa.Table:
    words = source_words(Names.of(world.scenario))
    total = np.sum(counts, axis=0) if counts else np.zeros((2, len(words)), np.int64)
    return pa.table(
        {"channel": pa.array(words), "visits": pa.array(total[0]), "analytics_sessions": pa.array(total[1])}
    )

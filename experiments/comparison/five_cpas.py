"""Five CPAs per channel: platform, analytics, CRM, oracle-attributed and incremental (currency per action).

The first gaps are measurement (each system has its own rules and losses), the last is causality. The sum of what platforms
claim over real orders says how often an order is claimed.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

import numpy as np
import pandas as pd
import pyarrow.compute as pc

from attribution.costs.cpa import attributed_cpa
from attribution.credit import Credit
from attribution.model import load_model
from attribution.paths.build import build_paths
from cpalab.micros import MICROS
from cpalab.result import Result
from experiments.comparison.perfect_tracking import LAST_CLICK_SETTINGS, touches_and_orders
from experiments.truth.conversion_noun import ORDER, ConversionNoun
from experiments.truth.effects import ALL, Truth, cost_per
from simulator.event_log import gathered_events, is_kind
from simulator.record.claims import SYSTEMS
from simulator.record.record import Record, record
from simulator.record.stages.identity import browser_of
from simulator.record.stages.tracking_in_force import TrackingInForce
from simulator.record.true_events import codes
from simulator.scenario.tracking import BROWSERS
from simulator.world import World, within

ORACLE, INCREMENTAL = "oracle", "incremental"
SOURCES = (*SYSTEMS, ORACLE, INCREMENTAL)
Dimension = Literal["device", "browser", "geo", "segment", "campaign", "creative", "returning"]
DIMENSIONS: tuple[Dimension, ...] = ("device", "browser", "geo", "segment", "campaign", "creative", "returning")


@dataclass(frozen=True)
class ChannelCpas:
    """One paid channel, or `all` of them, in every source's eyes.

    Attributes:
        channel: its name.
        cost: what is paid, in currency, fees as the networks claim them.
        true_cost: what the world itself charged.
        actions: conversions by source; incremental: orders that the ads caused.
    """

    channel: str
    cost: float
    true_cost: float
    actions: Mapping[str, float]

    def cpa(self, source: str) -> float:
        """Cost over actions: nan where none was counted; incremental: inf where money caused nothing."""
        if source == INCREMENTAL:
            return cost_per(round(self.true_cost * MICROS), self.actions[source])
        return attributed_cpa(self.true_cost if source == ORACLE else self.cost, self.actions[source])


@dataclass(frozen=True)
class FiveCpas(Result):
    """The CPAs of every paid channel.

    Attributes:
        channels: one entry per paid channel, then `all`.
        orders: orders that really happened.
        platform_claims: what all platforms and networks claim together.
        model: the attribution model of the oracle.
        action: what a conversion is called.
    """

    channels: tuple[ChannelCpas, ...]
    orders: int
    platform_claims: float
    model: str
    action: ConversionNoun = ORDER

    @property
    def telling(self) -> tuple[str, ...]:
        """The sources worth a column: a stage of the CRM that all of the one before it reach would repeat that."""
        whole = self.channels[-1].actions
        repeating = {
            stage for before, stage in pairwise(SYSTEMS) if stage.startswith("crm_") and whole[stage] == whole[before]
        }
        return tuple(source for source in SOURCES if source not in repeating)

    @property
    def claims_per_order(self) -> float:
        """Σ platform claims / orders."""
        return self.platform_claims / self.orders if self.orders else math.nan

    def to_frame(self) -> pd.DataFrame:
        """One row per channel and source: channel, source, cost, conversions, cost_per_conversion."""
        rows = [
            {
                "channel": own.channel,
                "source": source,
                "cost": own.true_cost if source in (ORACLE, INCREMENTAL) else own.cost,
                "conversions": own.actions[source],
                "cost_per_conversion": own.cpa(source),
            }
            for own in self.channels
            for source in SOURCES
        ]
        return pd.DataFrame(rows)

    def summary(self) -> str:
        """How often an order is claimed, and how far reported and incremental CPA are apart."""
        whole, model = self.channels[-1], self.model.replace("_", " ")
        if self.orders == 0:
            return f"All paid channels together cost {whole.true_cost:,.2f}; there was no {self.action.one}."

        def price(source: str) -> str:
            cpa = whole.cpa(source)
            return f"{cpa:,.2f}" if math.isfinite(cpa) else f"no price (no {self.action.one} counted)"

        billed = ""
        if round(whole.cost, 2) != round(whole.true_cost, 2):
            billed = f" (networks bill by what they saw: {whole.cost:,.0f} instead of {whole.true_cost:,.0f})"
        return (
            f"Platforms together claim {self.platform_claims:,.0f} of {self.action.counted(self.orders)} "
            f"({self.claims_per_order - 1:+z.0%}). All paid channels together cost {price('platform')} per {self.action.one} "
            f"in the platforms' eyes, {price('analytics')} in analytics, {price('crm')} in the CRM{billed}, {price(ORACLE)} "
            f"by {model} under perfect tracking, and {price(INCREMENTAL)} per {self.action.one} that they caused."
        )


def five_cpas(
    world: World,
    truth: Truth,
    *,
    model: str = "last_click",
    recorded: Record | None = None,
    oracle: Credit | None = None,
) -> FiveCpas:
    """The five CPAs of every paid channel.

    Args:
        world: what happened, with its tracking.
        truth: average and joint effects of the ads.
        model: attribution model for the oracle, which sees every visit of every person.
        recorded: the world's record, if it was made already.
        oracle: the oracle's credit, if it was computed already.
    """
    today = record(world) if recorded is None else recorded
    credit = oracle_credit(world, model) if oracle is None else oracle
    paid = world.scenario.paid_channels()
    counted = {system: today.conversions(system) for system in SYSTEMS}
    attributed = dict(zip(credit.channels, credit.conversions.tolist(), strict=True))
    charged = dict.fromkeys(paid, 0) | world.cost_micros()
    channels = []
    for channel in paid:
        actions = {system: counted[system].get(channel, 0.0) for system in SYSTEMS}
        actions |= {
            ORACLE: attributed.get(channel, 0.0),
            INCREMENTAL: float(truth.effect(channel).incremental_conversions),
        }
        channels.append(
            ChannelCpas(channel, today.cost_micros.get(channel, 0) / MICROS, charged[channel] / MICROS, actions)
        )
    total = {source: sum(own.actions[source] for own in channels) for source in SOURCES}
    if paid:
        total[INCREMENTAL] = float(truth.effect(ALL, "joint").incremental_conversions)
    whole = ChannelCpas(ALL, sum(own.cost for own in channels), sum(own.true_cost for own in channels), total)
    claims = sum(counted["platform"].values())
    return FiveCpas((*channels, whole), truth.conversions, claims, credit.method, truth.action)


def oracle_credit(world: World, model: str) -> Credit:
    """The model's credit on every visit of every person, as perfect tracking would see them."""
    paths = build_paths(*touches_and_orders(world), LAST_CLICK_SETTINGS)
    return load_model(model).fit(paths).credit(paths)


def cpas_by(world: World, dimension: Dimension, recorded: Record | None = None) -> pd.DataFrame:
    """CPA of each paid channel and system within each value of a dimension.

    Columns: channel, the dimension, system, cost, conversions, cost_per_conversion. Cost is what the log charged there,
    fees as networks claim them; flat fees belong to no event and are left out. `returning` is whether the person had
    ordered before. A creative's fees, and what analytics books without a campaign, are in rows without a name.
    """
    today = record(world) if recorded is None else recorded
    claims = today.claims.to_pandas()
    claims = claims.assign(**{dimension: claims[dimension].astype(object)})
    claims["channel"] = claims["channel"].astype(str)
    claims["system"] = claims["system"].astype(str)
    claims["counted"] = claims["conversions"] + claims["modelled"]
    cost = cost_events(world, dimension)
    cost = cost[~cost["fee"]]
    fees = claims[claims["fee_micros"] != 0].rename(columns={"fee_micros": "cost_micros"})
    spent = pd.concat([cost, fees[["channel", dimension, "cost_micros"]]])
    spent = spent.groupby(["channel", dimension], dropna=False)["cost_micros"].sum().div(MICROS).rename("cost")
    counted = claims.groupby(["system", "channel", dimension], dropna=False)["counted"].sum().rename("conversions")
    paid = world.scenario.paid_channels()
    rows = []
    for system in SYSTEMS:
        own = counted.loc[system] if system in counted.index.get_level_values(0) else counted.iloc[:0].droplevel(0)
        table = pd.concat([spent, own], axis=1).fillna(0.0).reset_index()
        rows.append(table.assign(system=system))
    frame = pd.concat(rows, ignore_index=True)
    frame = frame[frame["channel"].isin(paid)]
    priced = zip(frame["cost"], frame["conversions"], strict=True)
    frame["cost_per_conversion"] = [attributed_cpa(cost, conversions) for cost, conversions in priced]
    columns = ["channel", dimension, "system", "cost", "conversions", "cost_per_conversion"]
    result: pd.DataFrame = frame[columns].reset_index(drop=True)
    return result


def cost_events(world: World, dimension: Dimension | Literal["day"]) -> pd.DataFrame:
    """Each event that is billed to a channel: channel, the dimension's value (days from 1 on), user_id, cost_micros, fee.

    `fee` is true of those that follow actions, as the world itself charged them.
    """
    events = gathered_events(
        world, lambda piece: pc.and_(within(piece, 0.0, world.clock.days), pc.not_equal(piece["cost_micros"], 0))
    )
    user = events["user_id"].to_numpy().astype(np.int64)
    value: Any
    match dimension:
        case "segment":
            value = world.users["segment"].to_pandas().astype(object).to_numpy()[user]
        case "browser":
            now = TrackingInForce.of(world.scenario).at(events["time"].to_numpy())
            device = codes(events["device"], world.names.devices)
            value = np.array(BROWSERS, object)[browser_of(user, device, now, world.scenario.run.seed)]
        case "returning":
            value = _returning(world, user, events["time"].to_numpy())
        case "day":
            value = events["time"].to_numpy().astype(np.int64) + 1
        case _:
            value = events[dimension].to_pandas().astype(object).to_numpy()
    channel = events["channel"].to_pandas().astype(str).to_numpy()
    cost = events["cost_micros"].to_numpy()
    fee = codes(events["kind"], ("fee",)) == 0
    return pd.DataFrame({"channel": channel, dimension: value, "user_id": user, "cost_micros": cost, "fee": fee})


def _returning(world: World, user: Any, time: Any) -> Any:
    orders = gathered_events(
        world, lambda piece: pc.and_(is_kind(piece, "conversion"), pc.less(piece["time"], world.clock.days))
    )
    first = np.full(world.users.num_rows, np.inf)
    np.minimum.at(first, orders["user_id"].to_numpy().astype(np.int64), orders["time"].to_numpy())
    return world.users["customer"].to_numpy()[user] | (first[user] < time)

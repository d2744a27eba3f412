"""Recorded: what each system saw of one world, as small tables (actions, sessions; cost and value in currency)."""

from dataclasses import dataclass

import pandas as pd
import pyarrow as pa

from attribution.costs.cpa import attributed_cpa
from cpalab.micros import MICROS
from simulator.record.record import Record, record
from simulator.record.stages.channel_group_report import channel_groups
from simulator.record.systems.aggregate import aggregate_report
from simulator.record.systems.postbacks import VALUES, postbacks
from simulator.world import World

WITHHELD = "withheld"


@dataclass(frozen=True)
class SystemsReport:
    """What each system saw.

    Attributes:
        record: claims and sessions, one by one.
        orders: that really happened.
        channels: per channel and lost source: visits, analytics_sessions, platform (its claims), by_view (those that
            follow a view), modelled (those that were estimated), analytics, crm.
        groups: web analytics by GA4's default channel groups: sessions, conversions, value, cost, cost_per_conversion.
        postbacks: per channel, campaign and window: postbacks sent, and how many carry each coarse value or none at all.
        aggregate: per channel: conversions and value through the noise of an aggregate report, with standard errors.
    """

    record: Record
    orders: int
    channels: pd.DataFrame
    groups: pd.DataFrame
    postbacks: pd.DataFrame
    aggregate: pd.DataFrame

    def summary(self) -> str:
        """How many of the orders each system has."""
        total = self.channels.sum(numeric_only=True)
        share = {
            name: total[name] / self.orders if self.orders else float("nan")
            for name in ("platform", "analytics", "crm")
        }
        return (
            f"Of {self.orders:,} orders platforms and networks claim {total['platform']:,.0f} ({share['platform']:.0%}; "
            f"{total['modelled']:,.0f} of them modelled), web analytics has {total['analytics']:,.0f} "
            f"({share['analytics']:.0%}) and the CRM {total['crm']:,.0f} ({share['crm']:.0%}). Web analytics saw "
            f"{total['analytics_sessions']:,.0f} of {total['visits']:,.0f} visits."
        )


def systems_report(world: World) -> SystemsReport:
    """What each system saw of a world under its own tracking."""
    found = record(world)
    groups = channel_groups(found, world.scenario).to_pandas()
    for column in ("value", "cost"):
        groups[column] = groups.pop(f"{column}_micros") / MICROS
    priced = zip(groups["cost"], groups["conversions"], strict=True)
    groups["cost_per_conversion"] = [attributed_cpa(cost, conversions) for cost, conversions in priced]
    return SystemsReport(
        record=found,
        orders=world.orders().num_rows,
        channels=_channels(found),
        groups=groups,
        postbacks=_postbacks(world),
        aggregate=aggregate_report(world).to_pandas(),
    )


def _channels(found: Record) -> pd.DataFrame:
    claims = found.claims.select(["system", "channel", "view_through", "conversions", "modelled"]).to_pandas()
    claims["system"], claims["channel"] = claims["system"].astype(str), claims["channel"].astype(str)
    platform = claims[claims["system"] == "platform"]
    columns = {
        "platform": pd.Series(found.conversions("platform"), dtype=float),
        "by_view": platform[platform["view_through"]].groupby("channel")[["conversions", "modelled"]].sum().sum(axis=1),
        "modelled": platform.groupby("channel")["modelled"].sum(),
        "analytics": pd.Series(found.conversions("analytics"), dtype=float),
        "crm": pd.Series(found.conversions("crm"), dtype=float),
    }
    table = found.sessions.to_pandas().set_index("channel").join(pd.DataFrame(columns)).fillna(0.0)
    result: pd.DataFrame = table[(table != 0).any(axis=1)].reset_index()
    return result


def _postbacks(world: World) -> pd.DataFrame:
    rows = postbacks(world)
    value = rows["coarse_value"].fill_null(WITHHELD)
    frame = rows.set_column(
        rows.schema.get_field_index("coarse_value"), "coarse_value", pa.chunked_array(value)
    ).to_pandas()
    keys = ["channel", "campaign", "sequence"]
    counts = frame.groupby([*keys, "coarse_value"]).size().unstack(fill_value=0)
    counts = counts.reindex(columns=[*VALUES, WITHHELD], fill_value=0)
    counts.insert(0, "postbacks", counts.sum(axis=1))
    result: pd.DataFrame = counts.rename_axis(columns=None).reset_index()
    return result

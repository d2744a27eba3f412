"""Channel groups: web analytics' report by GA4's default channel groups (sessions, conversions, value and cost in micros)."""

import pyarrow as pa
import pyarrow.compute as pc

from cpalab.micros import MICROS
from simulator.record.record import Record
from simulator.record.stages.tracking_in_force import TrackingInForce
from simulator.record.stages.visit_sources import EXTENSION, group_of
from simulator.scenario.schema import Scenario


def channel_groups(found: Record, scenario: Scenario) -> pa.Table:
    """One row per default channel group: channel_group, sessions, conversions, value_micros, cost_micros.

    A bought channel belongs to the group that GA4's published rules give the UTM parameters on its links at the end of the
    run, and so does its cost; where that is a group nobody buys (`unassigned`, `organic_social` …), its clicks and its cost
    stand there. Channels without UTM parameters keep their own name.
    """
    transport = TrackingInForce.of(scenario).trackings[-1].transport
    columns = ("sessions", "conversions", "value_micros", "cost_micros")
    groups: dict[str, dict[str, float]] = {}

    def add(channel: str, column: str, amount: float) -> None:
        group = "affiliates" if channel == EXTENSION else group_of(channel, transport)
        row = groups.setdefault(group, dict.fromkeys(columns, 0))
        row[column] += amount

    sessions = found.sessions.filter(pc.greater(found.sessions["analytics_sessions"], 0)).to_pydict()
    for channel, amount in zip(sessions["channel"], sessions["analytics_sessions"], strict=True):
        add(channel, "sessions", amount)
    for channel, amount in found.conversions("analytics").items():
        add(channel, "conversions", amount)
    for channel, amount in found.value("analytics").items():
        add(channel, "value_micros", round(amount * MICROS))
    for channel in scenario.paid_channels():
        add(channel, "cost_micros", found.cost_micros.get(channel, 0))
    names = sorted(groups)
    return pa.table(
        {"channel_group": pa.array(names, pa.string())}
        | {
            column: pa.array(
                [groups[name][column] for name in names], pa.float64() if column == "conversions" else pa.int64()
            )
            for column in columns
        }
    )

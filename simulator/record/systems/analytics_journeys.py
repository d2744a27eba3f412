"""Recorded journeys: the sessions and actions that web analytics has, as touches and conversions of its visitors (days)."""

import numpy as np
import pyarrow as pa

from simulator.record.stages.identity import recognise
from simulator.record.stages.tracking_in_force import TrackingInForce
from simulator.record.stages.transport import counted, counted_kinds, land, send
from simulator.record.stages.visit_sources import source_words
from simulator.record.true_events import TrueEvents, blocks


def recorded_journeys(world: TrueEvents) -> tuple[pa.Table, pa.Table]:
    """What an attribution model would be given: touches (user_id, time, channel), conversions (and order_id, value_micros).

    `user_id` is the visitor's number (a cookie, or a person where log-in or a graph knows them), not the person's.
    """
    regime = TrackingInForce.of(world.scenario)
    seed = world.scenario.run.seed
    touches, conversions = [], []
    needed = sorted({"conversion"}.union(*(counted_kinds(t.transport.action) for t in regime.trackings)))
    for block in blocks(world, needed):
        visits, actions = block.visits, block.actions
        seen = recognise(visits, regime, seed)
        landing = land(block, seen, regime, seed)
        signals = send(block, actions, seen, landing, regime, seed)
        words = np.array(source_words(block.names))
        # Sessions before the reported window belong to its journeys; visitors who never came in it have none.
        end = world.scenario.run.days
        recent = np.unique(seen.visitor[(visits.time >= 0.0) & (visits.time < end)])
        rows = np.flatnonzero(landing.in_analytics & (visits.time < end) & np.isin(seen.visitor, recent))
        channel = pa.DictionaryArray.from_arrays(pa.array(landing.source[rows]), pa.array(words))
        touches.append(
            pa.table({"user_id": seen.visitor[rows], "time": visits.time[rows], "channel": channel.cast(pa.string())})
        )
        got = np.flatnonzero(counted(block, actions, regime.at(actions.time)) & (signals.analytics_count > 0))
        got = np.repeat(got, signals.analytics_count[got])
        conversions.append(
            pa.table(
                {
                    "user_id": seen.visitor[actions.visit[got]],
                    "time": actions.time[got],
                    "order_id": actions.order_id[got],
                    "value_micros": signals.value_micros[got],
                }
            )
        )
    return pa.concat_tables(touches), pa.concat_tables(conversions)

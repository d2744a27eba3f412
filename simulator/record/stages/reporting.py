"""Reporting: what of the claims a report shows: what has arrived, on which day (days), in which rows."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from simulator.record.stages.tracking_in_force import TrackingInForce
from simulator.record.stages.transport import HOURS_PER_DAY


def reported(claims: pa.Table, regime: TrackingInForce, days: float) -> pa.Table:
    """The claims as the report read after the run shows them.

    Actions that have not arrived by then are missing; the days of platforms and analytics are shifted by their reports'
    time zone (the CRM keeps the seller's); channels with too few actions are withheld from web analytics' rows.
    """
    final = regime.trackings[-1]
    arrived = pc.less_equal(claims["arrival"], days + final.report.read_after_days)
    claims = claims.filter(arrived)
    now = regime.at(claims["booked"].to_numpy())
    shift = now(lambda t: t.transport.time_zone_shift_hours) / HOURS_PER_DAY
    if shift.any():
        shift = np.where(pc.match_substring(claims["system"].cast(pa.string()), "crm"), 0.0, shift)
    booked = pa.array(claims["booked"].to_numpy() + shift)
    claims = claims.set_column(claims.schema.get_field_index("booked"), claims.schema.field("booked"), booked)
    least = final.analytics.threshold_conversions
    return _withhold_small_rows(claims, least) if least > 0 else claims


def _withhold_small_rows(claims: pa.Table, least: float) -> pa.Table:
    own = pc.equal(claims["system"].cast(pa.string()), "analytics")
    channel = claims["channel"].cast(pa.string())
    sums = (
        pa.table({"channel": channel, "n": claims["conversions"]})
        .filter(own)
        .group_by("channel")
        .aggregate([("n", "sum")])
    )
    small = sums.filter(pc.less(sums["n_sum"], least))["channel"].combine_chunks()
    return claims.filter(pc.invert(pc.and_(own, pc.is_in(channel, value_set=small))))


def by_day(claims: pa.Table, system: str, days: float) -> np.ndarray:
    """Conversions that a system books on each day of the run, float64 (days,); what falls outside is left out."""
    rows = claims.filter(pc.equal(claims["system"].cast(pa.string()), system))
    booked = rows["booked"].to_numpy()
    last = int(np.ceil(days))
    day = np.minimum(booked.astype(np.int64), last - 1)  # the run's very last moment belongs to its last day
    inside = (booked >= 0) & (booked <= days)
    amount = rows["conversions"].to_numpy() + rows["modelled"].to_numpy()
    return np.bincount(day[inside], weights=amount[inside], minlength=last)

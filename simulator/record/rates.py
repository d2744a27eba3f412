"""Rates: what the closed forms of faults need to know about a world and its record of today (shares, days)."""

from collections import Counter
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from simulator.event_log import is_kind, pieces
from simulator.record.closed_forms import Rates
from simulator.record.record import Record
from simulator.record.record_draws import Floats
from simulator.record.stages.tracking_in_force import effective
from simulator.record.true_events import TrueEvents
from simulator.scenario.sellers import consent_shares

HOURS_PER_DAY = 24.0


def measure_rates(world: TrueEvents, today: Record) -> Rates:
    """The rates of a world under its own tracking, as it stands on the first day.

    Today's record must be that of the world's own scenario.
    """
    scenario = world.scenario
    tracking = effective(scenario)
    count: Counter[str] = Counter()
    times = [np.empty(0)]
    for piece in _reported(world):
        counts = pc.value_counts(piece["kind"].cast(pa.string())).to_pylist()
        count.update({row["values"]: row["counts"] for row in counts})
        times.append(piece.filter(is_kind(piece, "conversion"))["time"].to_numpy())
    orders = max(count.get("conversion", 0), 1)
    order_time = np.sort(np.concatenate(times))
    claims = today.claims
    platform = _of(claims, "platform")
    platform = platform.filter(pc.equal(platform["fee_micros"], 0))
    by_view = platform["view_through"].to_numpy()
    weight = platform["conversions"].to_numpy()
    clicks = platform.filter(pc.invert(platform["view_through"]))
    lag = np.sort(clicks["time"].to_numpy() - clicks["touch_time"].to_numpy())
    same = clicks["touch_time"].to_numpy() >= clicks["visit_time"].to_numpy()
    analytics = _of(claims, "analytics")
    safari = pc.equal(analytics["browser"].cast(pa.string()), "safari").to_numpy()
    shares = [geo.share for geo in scenario.population.geos.values()]
    transport, consent = tracking.transport, tracking.consent
    first = scenario.funnel[0].name
    days = scenario.run.days
    return Rates(
        pixel=transport.pixel_coverage * (1.0 - transport.ad_blocker_share),
        server=transport.server_coverage,
        match=transport.event_id_match,
        between=lambda begin, end: _share_between(order_time, begin * days, end * days),
        safari=_mean(safari, analytics["conversions"].to_numpy()),
        visits_per_order=count.get("visit", 0) / orders,
        first_steps_per_order=count.get(f"micro:{first}", orders) / orders,
        lag_cdf=lambda limit: float(np.searchsorted(lag, limit, side="right")) / max(len(lag), 1),
        click_days=tracking.platform.click_days,
        view=_mean(by_view, weight),
        log_in=tracking.platform.match_share,
        same_session=_mean(same, clicks["conversions"].to_numpy()),
        consent=float(np.average(consent_shares(scenario, tracking), weights=shares)),
        recovered=consent.model_recovery * consent.refuser_rate,
        arrived=lambda hours: float(np.mean(-np.expm1(-(days - order_time) * HOURS_PER_DAY / max(hours, 1e-9)))),
    )


def _of(claims: pa.Table, system: str) -> pa.Table:
    return claims.filter(pc.equal(claims["system"].cast(pa.string()), system))


def _reported(world: TrueEvents) -> Iterator[pa.Table]:
    """Kind and time of the events of the reported window, piece by piece."""
    for piece in pieces(world, ["kind", "time"]):
        time = piece["time"]
        yield piece.filter(pc.and_(pc.greater_equal(time, 0.0), pc.less(time, world.scenario.run.days)))


def _share_between(sorted_times: Floats, begin: float, end: float) -> float:
    low, high = np.searchsorted(sorted_times, [begin, end])
    return float(high - low) / max(len(sorted_times), 1)


def _mean(flag: Floats, weight: Floats) -> float:
    total = float(weight.sum())
    return float(np.sum(flag * weight)) / total if total > 0 else 0.0

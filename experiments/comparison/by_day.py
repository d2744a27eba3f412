"""By day: what each channel's ads bought and cost, and what each system has of it, by day and segment (micros, actions).

Days count from 0. Actions stand on two days: that on which they happened, and that on which their system books them.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from attribution.costs.cpa import attributed_cpa
from cpalab.micros import MICROS
from simulator.event_log import pieces
from simulator.record.record import Record
from simulator.record.true_events import codes
from simulator.world import World, between

Floats = npt.NDArray[np.float64]
TOLD = ("platform", "analytics", "crm", "crm_qualified")
DAYS_PER_WEEK = 7


@dataclass(frozen=True)
class Bought:
    """What happened in the world itself: arrays are float64 (paid channels, segments, days).

    Attributes:
        channels, segments: what the first two axes stand for.
        impressions, clicks: how many.
        cost_micros: what they cost, without fees for actions.
        fee_micros: fees for actions, as the world charged them.
        by_impression: which channels pay for impressions; the others pay for clicks or actions.
    """

    channels: tuple[str, ...]
    segments: tuple[str, ...]
    impressions: Floats
    clicks: Floats
    cost_micros: Floats
    fee_micros: Floats
    by_impression: tuple[bool, ...]

    @classmethod
    def of(cls, world: World) -> "Bought":
        """Count the reported events of a world; flat fees are spread over the days and segments of a channel's ads."""
        paid, segments = tuple(world.scenario.paid_channels()), world.names.segments
        shape = (len(paid), len(segments), _whole_days(world))
        impressions, clicks, charged, fees = (np.zeros(shape) for _ in range(4))
        of_user = codes(world.users["segment"], segments)
        for piece in pieces(world, ["user_id", "time", "kind", "channel", "cost_micros"]):
            events = between(piece, 0.0, world.clock.days)
            kind, channel = codes(events["kind"], ("impression", "click", "fee")), codes(events["channel"], paid)
            segment = of_user[events["user_id"].to_numpy()]
            days, cost = np.floor(events["time"].to_numpy()).astype(np.int64), events["cost_micros"].to_numpy()
            for sums, rows, weights in (
                (impressions, kind == 0, None),
                (clicks, kind == 1, None),
                (charged, (kind != 2) & (cost != 0), cost),
                (fees, kind == 2, cost),
            ):
                own = rows & (channel >= 0)
                given = None if weights is None else weights[own]
                np.add(sums, _counted(shape, channel[own], segment[own], days[own], given), out=sums)
        total = world.cost_micros()
        flat = np.array([total.get(name, 0) for name in paid], np.float64)
        flat -= charged.sum(axis=(1, 2)) + fees.sum(axis=(1, 2))
        for k in np.flatnonzero(np.abs(flat) >= 1.0):
            seen = impressions[k] if impressions[k].any() else np.ones(shape[1:])
            charged[k] += flat[k] * seen / seen.sum()
        by_impression = tuple(
            all(c.billing in ("cpm", "send", "flat") for c in world.scenario.channels[name].campaigns.values())
            for name in paid
        )
        return cls(paid, tuple(segments), impressions, clicks, charged, fees, by_impression)


@dataclass(frozen=True)
class Told:
    """What a record has of it.

    Attributes:
        actions: on the day they happened, float64 (systems, paid channels, segments, days); modelled ones included.
        booked: on the day they are booked at, float64 (systems, paid channels, days); those outside are left out.
        cost_micros: what is paid under this record, float64 (paid channels, segments, days).
    """

    actions: Floats
    booked: Floats
    cost_micros: Floats

    @classmethod
    def of(cls, world: World, found: Record, bought: Bought) -> "Told":
        """Count the claims of a record of a world; robots' clicks cost as a channel's other clicks do."""
        claims = found.claims
        channel, system = codes(_words(claims, "channel"), bought.channels), codes(_words(claims, "system"), TOLD)
        segment = codes(_words(claims, "segment"), bought.segments)
        actions = claims["conversions"].to_numpy() + claims["modelled"].to_numpy()
        last = _whole_days(world) - 1
        time = np.clip(np.floor(claims["time"].to_numpy()), 0, last).astype(np.int64)
        booked = np.floor(claims["booked"].to_numpy()).astype(np.int64)
        fee = claims["fee_micros"].to_numpy()
        shape = (len(bought.channels), len(bought.segments), last + 1)
        told = (channel >= 0) & (system >= 0)
        inside = told & (booked >= 0) & (booked <= last)
        owed = (channel >= 0) & (fee != 0)
        fees = _counted(shape, channel[owed], segment[owed], time[owed], fee[owed])
        own = bought.cost_micros.sum(axis=(1, 2))
        paid = np.array([found.cost_micros.get(name, 0) for name in bought.channels], np.float64)
        grown = np.where(own > 0, (paid - fees.sum(axis=(1, 2))) / np.where(own > 0, own, 1.0), 1.0)
        return cls(
            _counted((len(TOLD), *shape), system[told], channel[told], segment[told], time[told], actions[told]),
            _counted((len(TOLD), shape[0], shape[2]), system[inside], channel[inside], booked[inside], actions[inside]),
            bought.cost_micros * grown[:, None, None] + fees,
        )


def _counted(shape: tuple[int, ...], *places_and_weights: Any) -> Floats:
    """How much falls into each place of an array of this shape; the last argument holds the weights, or None."""
    *places, weights = places_and_weights
    flat = np.ravel_multi_index(tuple(np.asarray(place, np.int64) for place in places), shape)
    return np.bincount(flat, weights=weights, minlength=int(np.prod(shape))).reshape(shape).astype(np.float64)


def _words(table: pa.Table, column: str) -> Any:
    words = table[column]
    return words if pa.types.is_dictionary(words.type) else words.dictionary_encode()


def _whole_days(world: World) -> int:
    return int(np.ceil(world.clock.days))


def telling(*actions: Floats) -> tuple[str, ...]:
    """The systems worth a row, qualified orders only where not all qualify; `actions` are those of each system (systems,)."""
    repeats = all(own[TOLD.index("crm_qualified")] == own[TOLD.index("crm")] for own in actions)
    return TOLD[: -repeats or None]


def cpa_by_week(world: World, found: Record) -> pd.DataFrame:
    """Each system's CPA of each paid channel, week by week, as its report shows it: actions on the day they are booked.

    Columns: channel (`all`: every paid one), week (from 1; the last may be shorter), days, system, cost, conversions,
    cost_per_conversion. Actions booked on an ad of the warm-up belong to no week; the last weeks' are still to come.
    """
    bought = Bought.of(world)
    told = Told.of(world, found, bought)
    days = told.booked.shape[-1]
    starts = np.arange(0, days, DAYS_PER_WEEK)
    cost = np.add.reduceat(told.cost_micros.sum(axis=1), starts, axis=1) / MICROS
    booked = np.add.reduceat(told.booked, starts, axis=2)
    systems = telling(told.actions.sum(axis=(1, 2, 3)))
    rows = []
    for k, channel in enumerate((*bought.channels, "all")):
        own = slice(None) if channel == "all" else slice(k, k + 1)
        for w, start in enumerate(starts):
            paid = float(cost[own, w].sum())
            for y, system in enumerate(systems):
                counted = float(booked[y, own, w].sum())
                rows.append(
                    {
                        "channel": channel,
                        "week": w + 1,
                        "days": int(min(start + DAYS_PER_WEEK, days) - start),
                        "system": system,
                        "cost": paid,
                        "conversions": counted,
                        "cost_per_conversion": attributed_cpa(paid, counted),
                    }
                )
    return pd.DataFrame(rows)

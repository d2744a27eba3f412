"""Journeys: a few real people's way from the first impression to the order, with the label the twin world gives it."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cpalab.micros import MICROS
from experiments.truth.conversion_noun import ORDER, ConversionNoun
from experiments.truth.effects import ALL, Truth
from experiments.truth.order_labels import LABELS
from simulator.event_log import gathered_events
from simulator.events import is_micro
from simulator.world import World

SHOWN_KINDS = ("impression", "click", "visit", "conversion")
MOST_EVENTS = 24
CANDIDATES = 200  # orders per label among which the telling ones are looked for


@dataclass(frozen=True)
class JourneyEvent:
    """One thing that happened to a person; time in days from the start."""

    time: float
    kind: str
    channel: str


@dataclass(frozen=True)
class Journey:
    """The events of one person up to an order, the order's label and value.

    Attributes:
        user_id: who.
        label: always, caused or moved, compared with a world without any ads.
        order_time: day of the order.
        value: of the order, in currency.
        events: in order of time, the order last.
        left_out: earlier events that are not listed because there are too many.
        ads_seen, ads_clicked: on the whole way, listed or not.
        action: what a conversion is called.
    """

    user_id: int
    label: str
    order_time: float
    value: float
    events: tuple[JourneyEvent, ...]
    left_out: int
    ads_seen: int
    ads_clicked: int
    action: ConversionNoun = ORDER

    def summary(self) -> str:
        """The journey in a sentence."""
        meaning = {
            "always": "would have come without any ads",
            "caused": "would not have come without the ads",
            "moved": "would have come without ads too, at another time or value",
        }[self.label]
        return (
            f"Person {self.user_id}: {self.ads_seen} ads seen and {self.ads_clicked} clicked, then {self.action.any} of "
            f"{self.value:,.0f} on day {self.order_time:.1f} that {meaning}."
        )


def telling_journeys(world: World, truth: Truth, per_label: int = 2) -> tuple[Journey, ...]:
    """For each label, the journeys to an order with the most different channels clicked or visited (ties: first users).

    Needs the joint truth; without it there are none.
    """
    if ALL not in truth.labels:
        return ()
    labels = truth.labels[ALL]
    orders = {
        name: labels.order_id[labels.reported & (labels.label == LABELS.index(name))][:CANDIDATES]
        for name in ("caused", "always", "moved")
    }
    users = pa.array(np.unique(np.concatenate(list(orders.values())) >> 32).astype(np.uint32))
    of_these = gathered_events(world, lambda piece: pc.is_in(piece["user_id"], users))
    events = of_these.filter(pc.is_in(of_these["kind"], pa.array([*SHOWN_KINDS]))).combine_chunks()
    chosen: list[Journey] = []
    for name, candidates in orders.items():
        journeys = [_journey(events, int(order), name, truth.action) for order in candidates]
        journeys.sort(key=lambda journey: -_variety(journey))
        chosen += journeys[:per_label]
    return tuple(chosen)


def _journey(events: pa.Table, order_id: int, label: str, action: ConversionNoun) -> Journey:
    user = order_id >> 32
    users = events["user_id"].to_numpy()
    start, stop = np.searchsorted(users, [user, user + 1])
    rows = events.slice(start, stop - start).select(["time", "kind", "channel", "order_id", "value_micros"]).to_pylist()
    end = next(i for i, row in enumerate(rows) if row["order_id"] == order_id and row["kind"] == "conversion")
    begin = next((i + 1 for i in range(end - 1, -1, -1) if rows[i]["kind"] == "conversion"), 0)
    way = [JourneyEvent(row["time"], row["kind"], row["channel"]) for row in rows[begin : end + 1]]
    kept = _without_paid_visits(way)
    return Journey(
        user_id=user,
        label=label,
        order_time=rows[end]["time"],
        value=rows[end]["value_micros"] / MICROS,
        events=tuple(kept[-MOST_EVENTS:]),
        left_out=max(0, len(kept) - MOST_EVENTS),
        ads_seen=sum(event.kind == "impression" for event in way),
        ads_clicked=sum(event.kind == "click" for event in way),
        action=action,
    )


def _without_paid_visits(events: list[JourneyEvent]) -> list[JourneyEvent]:
    """A visit that follows from the click before it says nothing new."""
    return [
        event
        for before, event in zip([None, *events], events, strict=False)
        if not (event.kind == "visit" and before is not None and before.kind == "click" and before.time == event.time)
    ]


def _variety(journey: Journey) -> int:
    kinds = {(event.kind, event.channel) for event in journey.events if not is_micro(event.kind)}
    return len(kinds) - abs(len(journey.events) - 12) // 4

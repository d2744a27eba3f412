"""What happened to a block of people, as arrays: visits, touches and actions, in order of person and time (days, micros)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pyarrow as pa

from simulator.event_log import codes, people_in
from simulator.events import kind_names
from simulator.record.record_draws import Bools, Codes, Floats, Ints
from simulator.scenario.build_law import Names
from simulator.scenario.schema import Scenario

__all__ = [
    "BLOCK_USERS",
    "Actions",
    "Block",
    "Touches",
    "TrueEvents",
    "Visits",
    "blocks",
    "campaign_words",
    "codes",
]

BLOCK_USERS = 131_072


class TrueEvents(Protocol):
    """What the record reads of a world, fresh or stored."""

    @property
    def scenario(self) -> Scenario:
        """What was assumed."""

    @property
    def events(self) -> pa.Table:
        """The event log."""

    @property
    def users(self) -> pa.Table:
        """One row per person."""

    @property
    def market(self) -> pa.Table:
        """One row per tick and campaign."""


@dataclass(frozen=True)
class Visits:
    """Visits to the site (V,): codes are positions in `Names`, campaign and creative -1 where no ad was clicked."""

    user: Ints
    session: Ints
    time: Floats
    device: Codes
    geo: Codes
    channel: Codes
    campaign: Codes
    creative: Codes


@dataclass(frozen=True)
class Touches:
    """Ads seen or clicked (T,); `visit` is the row of the visit a click led to, -1 for a view."""

    user: Ints
    session: Ints
    time: Floats
    device: Codes
    channel: Codes
    campaign: Codes
    creative: Codes
    visit: Ints

    @property
    def is_click(self) -> Bools:
        """Whether each touch is a click."""
        return self.visit >= 0


@dataclass(frozen=True)
class Actions:
    """Events on the site or after it (A,): kind is a position in `kind_names`, `visit` the row of the visit it came from.

    Only those that came out of the reported window; `returning` says whether the person had ordered before, the warm-up
    included.
    """

    user: Ints
    session: Ints
    time: Floats
    order_id: Ints
    value_micros: Ints
    kind: Codes
    visit: Ints
    returning: Bools


@dataclass(frozen=True)
class Block:
    """People first..last-1: what happened to them, and who they are.

    Attributes:
        kinds, campaigns, creatives: the words that positions stand for.
        segment: position of each person's segment.
    """

    first: int
    last: int
    names: Names
    kinds: tuple[str, ...]
    campaigns: tuple[str, ...]
    creatives: tuple[str, ...]
    visits: Visits
    touches: Touches
    actions: Actions
    segment: Codes

    def kind(self, *names: str) -> Codes:
        """The codes of these kinds of events."""
        return np.array([self.kinds.index(name) for name in names], np.int16)


def blocks(
    world: TrueEvents, needed: Sequence[str], block_users: int = BLOCK_USERS, *, since: float = 0.0
) -> Iterator[Block]:
    """Everyone, block by block.

    Views are read only of people with an action of a kind in `needed`: nobody else's can claim anything. Actions count that
    came out of visits from the day `since` on.
    """
    names = Names.of(world.scenario)
    segment = codes(world.users["segment"], names.segments)
    customer = world.users["customer"].to_numpy()
    for first in range(0, world.users.num_rows, block_users):
        last = min(first + block_users, world.users.num_rows)
        yield _read(
            people_in(world, first, last), names, first, last, segment[first:last], customer, needed,
            (since, world.scenario.run.days),
        )  # fmt: skip


def campaign_words(names: Names) -> tuple[str, ...]:
    """The distinct names of campaigns; channel and campaign together say which is meant."""
    return tuple(dict.fromkeys(campaign.name for campaign in names.campaigns))


def _read(
    events: pa.Table,
    names: Names,
    first: int,
    last: int,
    segment: Codes,
    customer: Any,
    needed: Sequence[str],
    window: tuple[float, float],
) -> Block:
    kinds = kind_names(names)
    campaigns = campaign_words(names)
    creatives = tuple(dict.fromkeys(names.creatives))
    kind = codes(events["kind"], kinds)
    user = events["user_id"].to_numpy()
    wanted = np.isin(kind, [kinds.index(name) for name in needed])
    acts = np.zeros(last - first, np.bool_)
    acts[user[wanted] - first] = True
    kept = np.flatnonzero(~np.isin(kind, [kinds.index("impression"), kinds.index("ghost")]) | (
        (kind == kinds.index("impression")) & acts[user - first]
    ))  # fmt: skip
    kind, user = kind[kept], user[kept].astype(np.int64)
    table = events.select(
        ["session", "time", "channel", "campaign", "creative", "device", "geo", "order_id", "value_micros"]
    ).take(pa.array(kept))
    session = table["session"].to_numpy().astype(np.int64)
    time = table["time"].to_numpy()
    words = {
        "channel": names.channels, "campaign": campaigns, "creative": creatives, "device": names.devices,
        "geo": names.geos,
    }  # fmt: skip
    place = {column: codes(table[column], known) for column, known in words.items()}

    is_visit = kind == kinds.index("visit")
    visits = Visits(user[is_visit], session[is_visit], time[is_visit], *(place[name][is_visit] for name in (
        "device", "geo", "channel", "campaign", "creative")))  # fmt: skip
    row = _row_of_visit(visits, user, session)

    is_click = kind == kinds.index("click")
    touch = np.flatnonzero(is_click | (kind == kinds.index("impression")))
    touches = Touches(
        user[touch], session[touch], time[touch], place["device"][touch], place["channel"][touch], place["campaign"][touch],
        place["creative"][touch], np.where(is_click[touch], row[touch], -1),
    )  # fmt: skip

    act = np.flatnonzero(~is_click & (kind != kinds.index("impression")))
    order_id = table["order_id"].fill_null(-1).to_numpy()
    value = table["value_micros"].to_numpy()
    orders = (kind == kinds.index("conversion"))[act].astype(np.int64)
    before = np.cumsum(orders) - orders
    starts = np.searchsorted(user[act], user[act], side="left")
    ordered_before = (before - before[starts]) > 0
    # What becomes of an order belongs to the day of its visit.
    begun = np.where(row[act] >= 0, visits.time[np.maximum(row[act], 0)] if len(visits.time) else time[act], time[act])
    reported = (begun >= window[0]) & (begun < window[1])
    act, ordered_before = act[reported], ordered_before[reported]
    returning = customer[user[act]] | ordered_before
    actions = Actions(
        user[act],
        session[act],
        time[act],
        order_id[act],
        value[act],
        kind[act],
        row[act],
        returning.astype(np.bool_),
    )
    return Block(first, last, names, kinds, campaigns, creatives, visits, touches, actions, segment)


def _row_of_visit(visits: Visits, user: Ints, session: Ints) -> Ints:
    """The row of the visit of each event's session; -1 where the session has none."""
    key = (visits.user << 32) | visits.session
    wanted = (user << 32) | session
    row = np.searchsorted(key, wanted)
    found = row < len(key)
    found[found] = key[row[found]] == wanted[found]
    return np.where(found, row, -1)

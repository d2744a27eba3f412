"""Order labels: each order of the world that happened, compared with a world without the ads.

always     it would have happened anyway, the same
moved      it would have happened at another time or value
caused     it would not have happened
prevented  it happens only without the ads
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

LABELS = ("always", "caused", "moved", "prevented")
ALWAYS, CAUSED, MOVED, PREVENTED = range(4)


@dataclass(frozen=True)
class Orders:
    """Conversions, sorted by order_id (user × 2^32 + session); time in days, value in micros (orders,).

    Attributes:
        reported: which of them fall into the reported window, not into the follow-up; none: all do.
    """

    order_id: npt.NDArray[np.int64]
    time: npt.NDArray[np.float64]
    value_micros: npt.NDArray[np.int64]
    reported: npt.NDArray[np.bool_] | None = None

    def chosen(self, rows: npt.NDArray[np.bool_] | npt.NDArray[np.int64]) -> "Orders":
        """The orders of this mask or in these rows."""
        return Orders(self.order_id[rows], self.time[rows], self.value_micros[rows])


@dataclass(frozen=True)
class Life:
    """One twin world: its orders where people live apart, from when on, and what its campaigns did differently.

    Attributes:
        orders: of the people who live apart, from the session in which they part.
        parted: session in which each person parts from the factual world, -1 if never (users,).
        cost_change_micros: cost of each campaign minus that in the factual world (C,).
    """

    orders: Orders
    parted: npt.NDArray[np.int32]
    cost_change_micros: npt.NDArray[np.int64]


@dataclass(frozen=True)
class OrderLabels:
    """Each order of the world that happened, compared with a world without the ads.

    always: would have happened anyway, the same; moved: would have happened at another time or value;
    caused: would not have happened. prevented: how many happen only without the ads.

    Attributes:
        order_id: int64 (orders,), rising.
        label: uint8 (orders,), positions in LABELS.
        prevented_orders: the orders that the ads prevented, as they would have happened, the follow-up's included.
        in_window: which orders fall into the reported window; none: all.
    """

    order_id: npt.NDArray[np.int64]
    label: npt.NDArray[np.uint8]
    prevented_orders: Orders
    in_window: npt.NDArray[np.bool_] | None = None

    @property
    def prevented(self) -> int:
        """Number of orders that the ads prevented."""
        return len(self.prevented_orders.order_id)

    @property
    def reported(self) -> npt.NDArray[np.bool_]:
        """Which orders fall into the reported window (orders,)."""
        return np.ones(len(self.order_id), np.bool_) if self.in_window is None else self.in_window

    def counts(self) -> dict[str, int]:
        """How many orders of the reported window carry each label; prevented: until the end of the follow-up."""
        found = np.bincount(self.label[self.reported], minlength=len(LABELS))
        return {name: int(found[i]) if i != PREVENTED else self.prevented for i, name in enumerate(LABELS)}


def since_parting(fact: Orders, life: Life) -> npt.NDArray[np.bool_]:
    """Which factual orders fall into the part of a life that is lived apart."""
    parted = life.parted[fact.order_id >> 32]
    result: npt.NDArray[np.bool_] = (parted >= 0) & ((fact.order_id & 0xFFFFFFFF) >= parted)
    return result


def label_orders(fact: Orders, life: Life) -> OrderLabels:
    """Compare the orders that happened with those of a world without the ads, person by person.

    An order in the same session with the same value is the same order. What is left over on both sides is matched in
    order of time: an order that has a counterpart was moved, one that has none was caused (or, there, prevented).
    """
    label = np.full(len(fact.order_id), ALWAYS, np.uint8)
    apart = np.flatnonzero(since_parting(fact, life))
    place = np.searchsorted(life.orders.order_id, fact.order_id[apart])
    found = place < len(life.orders.order_id)
    found[found] = life.orders.order_id[place[found]] == fact.order_id[apart][found]
    same_session = apart[found]
    label[same_session[fact.value_micros[same_session] != life.orders.value_micros[place[found]]]] = MOVED
    without = np.ones(len(life.orders.order_id), np.bool_)
    without[place[found]] = False
    here = apart[~found]
    users_here = fact.order_id[here] >> 32
    users_there = life.orders.order_id[without] >> 32
    has_counterpart = _rank_within(users_here) < _count_of(users_here, users_there)
    label[here] = np.where(has_counterpart, MOVED, CAUSED)
    there = np.flatnonzero(without)[_rank_within(users_there) >= _count_of(users_there, users_here)]
    prevented = np.zeros(len(without), np.bool_)
    prevented[there] = True
    return OrderLabels(fact.order_id, label, life.orders.chosen(prevented), fact.reported)


def _rank_within(sorted_users: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """0, 1, 2 … for the entries of each user."""
    first = np.searchsorted(sorted_users, sorted_users, side="left")
    result: npt.NDArray[np.int64] = np.arange(len(sorted_users)) - first
    return result


def _count_of(users: npt.NDArray[np.int64], among: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """How often each user occurs among sorted others."""
    result: npt.NDArray[np.int64] = np.searchsorted(among, users, "right") - np.searchsorted(among, users, "left")
    return result


def orders_lost(fact: Orders, life: Life) -> tuple[int, int]:
    """Orders, and their value in micros, that the factual world has more than this one."""
    apart = since_parting(fact, life)
    conversions = int(np.sum(apart)) - len(life.orders.order_id)
    return conversions, int(np.sum(fact.value_micros[apart])) - int(np.sum(life.orders.value_micros))


def customers_lost(fact: Orders, life: Life, are_new: npt.NDArray[np.bool_]) -> int:
    """New customers that the factual world has more than this one: people who order there at least once.

    Args:
        fact: the orders that happened, from day 0 on.
        life: the twin world.
        are_new: who had not ordered before day 0, bool (users,).
    """
    apart = since_parting(fact, life)
    here = np.unique(fact.order_id >> 32)
    there = np.union1d(fact.order_id[~apart] >> 32, life.orders.order_id >> 32)
    return int(are_new[here].sum()) - int(are_new[there].sum())

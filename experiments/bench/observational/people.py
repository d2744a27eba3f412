"""People seen: what an advertiser and a platform could know of each person, never the truth (counts, days, words)."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from experiments.designs.users.world_counts import compared_arms
from simulator.event_log import codes, gathered_events, is_kind
from simulator.world import World, within

__all__ = ["PeopleSeen", "people_seen"]

TRAITS = ("main_device", "geo", "segment")  # what people are matched on exactly, as age and gender are


@dataclass(frozen=True)
class PeopleSeen:
    """People, whether an ad of one channel reached them, and what they ordered.

    Attributes:
        covariates: what was known of each before day 0, one row per person [people, covariates].
        names: of the covariates.
        cell: the combination of device, place and segment that each belongs to [people].
        exposed: whether an ad of the channel reached them in the reported window [people].
        orders: orders from day 0 to the end of the follow-up, as the truth counts them [people].
    """

    covariates: npt.NDArray[np.float64]
    names: tuple[str, ...]
    cell: npt.NDArray[np.int64]
    exposed: npt.NDArray[np.bool_]
    orders: npt.NDArray[np.float64]

    def of(self, chosen: npt.NDArray[np.bool_]) -> "PeopleSeen":
        """These people alone."""
        kept = {name: getattr(self, name)[chosen] for name in ("covariates", "cell", "exposed", "orders")}
        return replace(self, **kept)


def people_seen(world: World, channels: Iterable[str]) -> dict[str, PeopleSeen]:
    """For each channel, the people who could see its ads: no robots, and none whom a test held out.

    Covariates are those of the warm-up: visits, days with a visit, orders, their value, days since the last visit; whether
    someone was a customer before it or logs in; device, place and segment.
    """
    history = _history(world)
    matrix, names, cell = _coded(history, world)
    users = world.users.num_rows
    orders = world.orders_until(np.inf)["user_id"].to_numpy()
    everyone = PeopleSeen(
        matrix, names, cell, np.zeros(users, np.bool_), np.bincount(orders, minlength=users).astype(np.float64)
    )
    asked = tuple(channels)
    shown = gathered_events(
        world,
        lambda piece: pc.and_(is_kind(piece, "impression"), within(piece, 0.0, world.clock.days)),
        ["user_id", "channel", "kind", "time"],
    )
    person, place = shown["user_id"].to_numpy(), codes(shown["channel"], asked)
    found = {}
    for k, channel in enumerate(asked):
        exposed = np.zeros(users, np.bool_)
        exposed[person[place == k]] = True
        found[channel] = replace(everyone, exposed=exposed).of(compared_arms(world, channel)[0])
    return found


def _history(world: World) -> pd.DataFrame:
    """What each person did before day 0, one row per person in the order of the users."""
    users = world.users.num_rows

    def before(kind: str) -> pa.Table:
        columns = ["user_id", "time", "kind", "value_micros"]
        return gathered_events(world, lambda p: pc.and_(is_kind(p, kind), pc.less(p["time"], 0.0)), columns)

    visits, orders = before("visit"), before("conversion")
    visitor, time = visits["user_id"].to_numpy(), visits["time"].to_numpy()
    last = np.full(users, world.clock.start)
    np.maximum.at(last, visitor, time)
    days = np.unique(np.stack([visitor.astype(np.int64), np.floor(time).astype(np.int64)]), axis=1)
    buyer = orders["user_id"].to_numpy()
    value = np.bincount(buyer, orders["value_micros"].to_numpy() / 1e6, minlength=users)
    counts = {
        "visits": np.bincount(visitor, minlength=users),
        "days active": np.bincount(days[0], minlength=users),
        "orders": np.bincount(buyer, minlength=users),
        "value of orders": value,
        "days since the last visit": -last,
    }
    return pd.DataFrame({name: np.log1p(own) for name, own in counts.items()})


def _coded(
    history: pd.DataFrame, world: World
) -> tuple[npt.NDArray[np.float64], tuple[str, ...], npt.NDArray[np.int64]]:
    """The covariates as numbers, words as one column each but the first; names; the cell of exact matching."""
    users = world.users.select(["customer", "log_in", *TRAITS]).to_pandas()
    words = users[list(TRAITS)].astype("category")
    table = pd.concat(
        [history, users[["customer", "log_in"]].astype(float), pd.get_dummies(words, drop_first=True, dtype=float)],
        axis=1,
    )
    table = table.loc[:, table.nunique() > 1]
    cell = words.groupby(list(TRAITS), observed=True).ngroup().to_numpy(np.int64)
    return table.to_numpy(np.float64), tuple(map(str, table.columns)), cell

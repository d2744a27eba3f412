"""Fragmentation: what an estimate becomes when one person is taken for several (orders per exposure).

Lin and Misra (2022), "The Identity Fragmentation Bias", Marketing Science 41(3): the bias cannot be signed or bounded,
and turns signs around even in experiments.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from simulator.record.happened import codes
from simulator.world import World


def exposure_slope(exposures: npt.ArrayLike, purchases: npt.ArrayLike) -> float:
    """Σ (x − x̄)(y − ȳ) / Σ (x − x̄)²: the least-squares slope of purchases on exposures, one entry per identity."""
    x, y = np.asarray(exposures, np.float64), np.asarray(purchases, np.float64)
    apart = x - x.mean()
    return float(apart @ (y - y.mean()) / (apart @ apart))


@dataclass(frozen=True)
class FragmentedSlope:
    """Orders per impression of one channel's ads, regressed on people and on what is left of them.

    Attributes:
        channel: whose impressions.
        by_person: slope over people; by_device: slope over people's devices, each taken for somebody.
        people, devices: how many of them there are.
    """

    channel: str
    by_person: float
    by_device: float
    people: int
    devices: int

    @property
    def inflation(self) -> float:
        """Fragmented slope over the slope on people."""
        return self.by_device / self.by_person

    def to_frame(self) -> pd.DataFrame:
        """One row."""
        return pd.DataFrame([{**self.__dict__, "inflation": self.inflation}])

    def summary(self) -> str:
        """Both slopes in a sentence."""
        return (
            f"{self.channel}: {self.by_person:.5f} orders per impression over {self.people:,} people, "
            f"{self.by_device:.5f} over their {self.devices:,} devices (× {self.inflation:.2f})."
        )


def fragmented_slope(world: World, channel: str) -> FragmentedSlope:
    """Regress orders on impressions, first person by person, then device by device, as if nobody had more than one.

    An impression belongs to the device it was seen on, an order to the device it was placed on. People who have a device
    without an event on it count there as nobody.
    """
    events = world.events
    kind = events["kind"].cast(pa.string())
    seen = events.filter(pc.and_(pc.equal(kind, "impression"), pc.equal(events["channel"].cast(pa.string()), channel)))
    orders = events.filter(pc.equal(kind, "conversion"))
    devices = len(world.names.devices)
    users = world.users.num_rows

    def identity(rows: pa.Table) -> npt.NDArray[np.int64]:
        found: npt.NDArray[np.int64] = rows["user_id"].to_numpy().astype(np.int64) * devices + codes(
            rows["device"], world.names.devices
        )
        return found

    active = np.unique(identity(events))
    views = np.bincount(identity(seen), minlength=users * devices)
    bought = np.bincount(identity(orders), minlength=users * devices)
    people = np.unique(active // devices)
    by_person = exposure_slope(
        views.reshape(users, devices).sum(1)[people], bought.reshape(users, devices).sum(1)[people]
    )
    by_device = exposure_slope(views[active], bought[active])
    return FragmentedSlope(channel, by_person, by_device, len(people), len(active))

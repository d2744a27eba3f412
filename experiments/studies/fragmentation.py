"""Fragmentation: what an estimate becomes when one person is taken for several (orders per exposure).

Lin and Misra (2022), "The Identity Fragmentation Bias", Marketing Science 41(3): the bias cannot be signed or bounded,
and turns signs around even in experiments.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from cpalab.result import Result
from experiments.designs.users.arrangement import days_of
from experiments.designs.users.world_counts import ad_events, cost_of_ads, orders_between
from experiments.lift.estimate.arm_sums import ArmStatistics
from experiments.lift.user.user_test import UserLiftTest, user_holdout_test
from simulator.record.true_events import codes
from simulator.world import World


def exposure_slope(exposures: npt.ArrayLike, purchases: npt.ArrayLike) -> float:
    """Σ (x − x̄)(y − ȳ) / Σ (x − x̄)²: the least-squares slope of purchases on exposures, one entry per identity."""
    x, y = np.asarray(exposures, np.float64), np.asarray(purchases, np.float64)
    apart = x - x.mean()
    return float(apart @ (y - y.mean()) / (apart @ apart))


@dataclass(frozen=True)
class FragmentedSlope(Result):
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
    events = world.reported_events()
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


@dataclass(frozen=True)
class FragmentedLift:
    """One channel's holdout test, read on people and on devices.

    Attributes:
        channel: whose ads were withheld.
        by_person: everyone whom an ad reached, or would have reached (ghost ads), with all their orders since.
        by_device: the same, as a test on cookies reads it: each device is somebody, and has the orders placed on it.
        orders_lost: share of those orders that were placed on a device which the test does not know.
    """

    channel: str
    by_person: UserLiftTest
    by_device: UserLiftTest
    orders_lost: float

    def summary(self) -> str:
        """Both readings in a sentence."""
        person, device = (test.incremental_conversions.difference for test in (self.by_person, self.by_device))
        return (
            f"{self.channel}: {person:z,.0f} incremental orders read on people, {device:z,.0f} on devices; "
            f"{self.orders_lost:.0%} of the orders of people in the test were placed on a device it does not know."
        )


def fragmented_lift(world: World, channel: str) -> FragmentedLift:
    """Read a channel's holdout test (ghost ads) on people, then on devices, as a test that runs on cookies must.

    A unit enters with its first impression or ghost of the test's days and counts orders from then on, those of the
    follow-up included. A test by place is not affected:
    every order has its place, whatever device it was placed on.

    Raises:
        LiftInputError: the channel holds nobody out, or an arm is empty.
    """
    devices = len(world.names.devices)
    days = days_of(world.scenario, channel)
    offered = ad_events(world, channel, "impression", "ghost")
    orders = orders_between(world, days.start_day, days.last_day)
    treated = ~world.users[f"holdout_{channel}"].to_numpy(zero_copy_only=False)
    cost = cost_of_ads(world, channel, treated)
    share = 1.0 - world.scenario.channels[channel].holdout.share

    def read(
        unit_offered: npt.NDArray[np.int64], unit_ordered: npt.NDArray[np.int64], per_user: int
    ) -> tuple[Any, int]:
        first = np.full(world.users.num_rows * per_user, np.inf)
        np.minimum.at(first, unit_offered, offered["time"].to_numpy())
        counted = unit_ordered[orders["time"].to_numpy() >= first[unit_ordered]]
        bought = np.bincount(counted, minlength=len(first))
        entered = np.flatnonzero(np.isfinite(first))
        arm = treated[entered // per_user]
        test = user_holdout_test(
            ArmStatistics.from_values(bought[entered[arm]]),
            ArmStatistics.from_values(bought[entered[~arm]]),
            cost,
            planned_treated_share=share,
        )
        return test, len(counted)

    by_person, all_orders = read(
        offered["user_id"].to_numpy().astype(np.int64), orders["user_id"].to_numpy().astype(np.int64), 1
    )
    by_device, known_orders = read(device_of(world, offered), device_of(world, orders), devices)
    return FragmentedLift(channel, by_person, by_device, 1.0 - known_orders / all_orders if all_orders else 0.0)


def device_of(world: World, rows: pa.Table) -> npt.NDArray[np.int64]:
    """A number for the person's device on which each event happened."""
    place = codes(rows["device"], world.names.devices)
    found: npt.NDArray[np.int64] = rows["user_id"].to_numpy().astype(np.int64) * len(world.names.devices) + place
    return found

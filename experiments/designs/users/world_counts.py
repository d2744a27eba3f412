"""What a user-level test counts in a world: orders and value per person or cookie, and the money of the ads (micros)."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from cpalab.micros import MICROS
from experiments.designs.users.arrangement import days_of
from experiments.lift.estimate.arm_sums import ArmStatistics, PairStatistics
from simulator.event_log import codes, gathered_events
from simulator.market import holdouts
from simulator.world import World, between

__all__ = ["Counted", "ad_events", "compared_arms", "cost_of_ads", "event_cost", "first_times", "orders_between"]

AD_COLUMNS = ("user_id", "time", "kind", "channel", "device", "cost_micros")

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Counted:
    """Outcomes of units (people or cookies), arrays of shape (units,).

    Attributes:
        conversions: orders.
        value_micros: their value.
    """

    conversions: npt.NDArray[np.int64]
    value_micros: npt.NDArray[np.float64]

    @classmethod
    def of(cls, unit: npt.NDArray[np.int64], value_micros: npt.NDArray[np.int64], units: int) -> Self:
        """Orders given by unit and value, added up per unit."""
        worth = np.bincount(unit, weights=value_micros, minlength=units).astype(np.float64)
        return cls(np.bincount(unit, minlength=units), worth)

    def arm(self, units: Mask) -> ArmStatistics:
        """Sums of conversions over these units."""
        return ArmStatistics.from_values(self.conversions[units])

    def value_arm(self, units: Mask) -> ArmStatistics:
        """Sums of value, in currency, over these units."""
        return ArmStatistics.from_values(self.value_micros[units] / MICROS)

    def value_per_order_arm(self, units: Mask) -> PairStatistics:
        """Sums of value (in currency) and conversions over these units: the parts of the mean value of an order."""
        return PairStatistics.from_values(self.value_micros[units] / MICROS, self.conversions[units])


def orders_between(world: World, first_day: float, last_day: float) -> pa.Table:
    """The orders from a day on and before another, those of the follow-up included."""
    return between(world.orders_until(last_day), first_day, last_day)


def ad_events(world: World, channel: str, *kinds: str) -> pa.Table:
    """The channel's events of these kinds (all kinds if none is named) while its test withholds ads; robots are no people."""
    days = days_of(world.scenario, channel)
    robot = column(world, "robot")

    def own(piece: pa.Table) -> pa.Array:
        time = piece["time"].to_numpy()
        chosen = codes(piece["channel"], (channel,)) == 0
        chosen &= (time >= days.start_day) & (time < days.end_day) & ~robot[piece["user_id"].to_numpy()]
        if kinds:
            chosen &= codes(piece["kind"], kinds) >= 0
        return pa.array(chosen)

    return gathered_events(world, own, AD_COLUMNS)


def column(world: World, name: str) -> npt.NDArray[Any]:
    """A column of the users table, (users,)."""
    values: npt.NDArray[Any] = world.users[name].to_numpy(zero_copy_only=False)
    return values


def compared_arms(world: World, channel: str) -> tuple[Mask, Mask]:
    """Who is treated and who is held out, (users,) each; people in another arm of an exclusive group are neither."""
    return holdouts.compared_arms(world.users, world.scenario, channel)


def planned_treated_share(world: World, channel: str) -> float:
    """Planned share of the treated among those compared."""
    holdout = world.scenario.channels[channel].holdout
    treated = 1.0 - holdout.share
    if holdout.group is not None:
        members = world.scenario.holdout_groups()[holdout.group]
        treated = 1.0 - sum(world.scenario.channels[name].holdout.share for name in members)
    return treated / (treated + holdout.share)


def first_times(unit: npt.NDArray[np.int64], time: npt.NDArray[np.float64], units: int) -> npt.NDArray[np.float64]:
    """The first of the times given for each unit; infinite where there is none."""
    first = np.full(units, np.inf)
    np.minimum.at(first, unit, time)
    return first


def event_cost(rows: pa.Table) -> int:
    """What these events cost, in micros."""
    return int(pc.sum(rows["cost_micros"]).as_py() or 0)


def cost_of_ads(world: World, channel: str, payers: Mask) -> int:
    """What the channel's ads cost while the test ran, in micros, less what was paid for people who are no `payers`.

    Fees that are not of any one person (flat fees), and what robots cost, are part of the price.
    """
    days = days_of(world.scenario, channel)
    market = world.market.filter(pc.equal(world.market["channel"], channel))
    day = market["day"].to_numpy()
    running = (day >= days.start_day) & (day < days.end_day)
    rows = ad_events(world, channel)
    of_others = rows.filter(pa.array(~payers[rows["user_id"].to_numpy()]))
    return int(market["cost_micros"].to_numpy()[running].sum()) - event_cost(of_others)

"""The user-level tests of a world as lift tests of people: everyone assigned, or those an ad reached or would have."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc

from experiments.designs.design import LEVEL, DesignReading
from experiments.designs.users.arrangement import days_of
from experiments.designs.users.world_counts import (
    Counted,
    ad_events,
    compared_arms,
    cost_of_ads,
    first_times,
    orders_between,
    planned_treated_share,
)
from experiments.lift.estimate.arm_sums import PairStatistics
from experiments.lift.estimate.lift_estimate import LiftEstimate
from experiments.lift.estimate.welch import ratio_metric_lift, welch_lift
from experiments.lift.user.user_test import UserLiftTest, adjusted_test, user_holdout_test
from simulator.event_log import gathered_events, is_kind
from simulator.world import World

__all__ = ["LEVELS", "Stratum", "WorldTest", "read_user_test"]

LEVELS = (0.90, 0.95)

# Who is compared: everyone assigned; those whom an ad, or the ghost or placebo in its place, reached; those predicted.
Stratum = Literal["assigned", "ghost", "psa", "predicted"]
MARKS: dict[Stratum, tuple[str, ...]] = {
    "ghost": ("impression", "ghost"),
    "psa": ("impression", "psa"),
    "predicted": ("predicted",),
}


@dataclass(frozen=True)
class WorldTest:
    """A user-level test inside a world, read out.

    Attributes:
        channel: whose ads were tested.
        conversions: the test of conversions, with the cost per incremental conversion.
        value: incremental order value of the treated, in currency.
        value_per_order: difference in the mean value of an order (a ratio metric, by the delta method); None where an arm
            ordered nothing.
        notes: what the reader of the numbers must know, one sentence each.
        test_cost: money spent on the test itself, in currency.
    """

    channel: str
    conversions: UserLiftTest
    value: LiftEstimate
    value_per_order: LiftEstimate | None
    notes: tuple[str, ...] = ()
    test_cost: float = 0.0

    @property
    def conversions_forgone(self) -> float:
        """Conversions that holding people out has cost: effect per person × people held out."""
        test = self.conversions
        return test.lift.difference * test.control.users

    def reading(self, design: str) -> DesignReading:
        """The test in the form that all designs share; arms that are not the ones planned are noted."""
        test, notes = self.conversions, self.notes
        check = test.sample_ratio
        if check is not None and check.mismatch:
            notes = (*notes, check.summary())
        return DesignReading(
            design,
            self.channel,
            test.incremental_conversions,
            test.cost_per_incremental_conversion(LEVEL),
            self.conversions_forgone,
            self.test_cost,
            notes,
            self.value,
        )


def read_user_test(world: World, channel: str, stratum: Stratum = "assigned", *, adjusted: bool = False) -> WorldTest:
    """The user-level test of a channel: orders per treated person against orders per person held out.

    `assigned` compares everyone assigned, and counts orders from the start of the test (intention to treat). The other
    strata compare those in whom both arms are marked alike before any ad could change them, and count each person's orders
    from the first mark on: an impression or the ghost or placebo in its place, or the entry into a test on predicted ads.
    Cost is the money paid for the ads shown to the treated while the test ran.

    Args:
        world: simulated with the test in it.
        channel: whose test.
        stratum: who is compared.
        adjusted: adjust for each person's visits to the site before the test (covariate adjustment, CUPED).

    Raises:
        LiftInputError: an arm has nobody.

    Source: Johnson, Lewis and Nubbemeyer (2017), "Ghost Ads", Journal of Marketing Research 54(6).
    """
    days = days_of(world.scenario, channel)
    treated, control = compared_arms(world, channel)
    orders = orders_between(world, days.start_day, days.last_day)
    if stratum != "assigned":
        marks = ad_events(world, channel, *MARKS[stratum])
        first = first_times(marks["user_id"].to_numpy(), marks["time"].to_numpy(), len(treated))
        treated, control = treated & np.isfinite(first), control & np.isfinite(first)
        orders = orders.filter(orders["time"].to_numpy() >= first[orders["user_id"].to_numpy()])
    counted = Counted.of(orders["user_id"].to_numpy(), orders["value_micros"].to_numpy(), len(treated))
    reached = np.zeros(len(treated), np.bool_)
    reached[ad_events(world, channel, "impression")["user_id"].to_numpy()] = True
    test = user_holdout_test(
        counted.arm(treated),
        counted.arm(control),
        cost_of_ads(world, channel, compared_arms(world, channel)[0]),
        LEVELS,
        unexposed=counted.arm(treated & ~reached),
        planned_treated_share=planned_treated_share(world, channel),
    )
    notes: tuple[str, ...] = ()
    if adjusted:
        visits = visits_before(world, days.start_day)
        with_ads, without = (
            PairStatistics.from_values(counted.conversions[arm], visits[arm]) for arm in (treated, control)
        )
        test, said = adjusted_test(test, with_ads, without, "visits")
        notes = (said,)
    return WorldTest(channel, test, *_value_lifts(counted, treated, control), notes)


def _value_lifts(
    counted: Counted, treated: npt.NDArray[np.bool_], control: npt.NDArray[np.bool_]
) -> tuple[LiftEstimate, LiftEstimate | None]:
    arms = [counted.value_arm(arm) for arm in (treated, control)]
    pairs = [counted.value_per_order_arm(arm) for arm in (treated, control)]
    per_order = ratio_metric_lift(*pairs) if all(pair.other.sum > 0 for pair in pairs) else None
    return welch_lift(*arms).scaled(arms[0].users), per_order


def visits_before(world: World, day: float) -> npt.NDArray[np.int64]:
    """Each person's visits to the site before a day, (users,)."""
    visits = gathered_events(
        world, lambda piece: pc.and_(is_kind(piece, "visit"), pc.less(piece["time"], day)), ["user_id", "kind", "time"]
    )
    result: npt.NDArray[np.int64] = np.bincount(visits["user_id"].to_numpy(), minlength=world.users.num_rows)
    return result

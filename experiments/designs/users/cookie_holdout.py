"""The holdout by cookie: each cookie is assigned and read as if it were somebody (conversions)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from experiments.designs.design import DesignReading
from experiments.designs.tested_truth import effects_of_test
from experiments.designs.users.arrangement import days_of, holdout_arranged
from experiments.designs.users.user_level import LEVELS, WorldTest
from experiments.designs.users.world_counts import Counted, ad_events, column, cost_of_ads, first_times, orders_between
from experiments.lift.estimate.welch import welch_lift
from experiments.lift.user.user_test import user_holdout_test
from experiments.truth.effects import Effect
from simulator.law.assignment import COOKIES_PER_DEVICE
from simulator.market.holdouts import cookies_of
from simulator.record.true_events import codes
from simulator.scenario.schema import Scenario
from simulator.world import World

__all__ = ["COOKIE_HOLDOUT", "CookieHoldout"]


@dataclass(frozen=True)
class CookieHoldout:
    """Cookies are assigned, not people: one person has several, one after the other and on each device.

    A cookie enters with its first ad, shown or withheld, and has the orders placed with it from then on. An ad seen with one
    cookie and an order placed with another do not meet, and the held-out cookie of a person whose other cookies see ads
    is no control: the effect is diluted (Coey and Bailey 2016, "People and Cookies", WWW).
    """

    name: str = "cookie_holdout"
    factorial: bool = True

    def arrange(self, scenario: Scenario, channel: str) -> Scenario:
        """The scenario with a holdout of cookies."""
        return holdout_arranged(scenario, channel, design="ghost_ads", assignment="cookie", group=None)

    def read(self, world: World, channel: str) -> DesignReading:
        """The difference per cookie × cookies treated."""
        return self.test(world, channel).reading(self.name)

    def test(self, world: World, channel: str) -> WorldTest:
        """Orders per treated cookie against orders per cookie held out."""
        days = days_of(world.scenario, channel)
        ads = ad_events(world, channel, "impression", "ghost")
        orders = orders_between(world, days.start_day, days.last_day)
        cookie, held_out = _cookies(world, channel, ads)
        with_order, _ = _cookies(world, channel, orders)
        entered, unit = np.unique(cookie, return_inverse=True)
        control = np.zeros(len(entered), np.bool_)
        control[unit] = held_out
        first = first_times(unit, ads["time"].to_numpy(), len(entered))
        place = np.searchsorted(entered, with_order)
        known = (place < len(entered)) & (entered[np.minimum(place, len(entered) - 1)] == with_order)
        known[known] = orders["time"].to_numpy()[known] >= first[place[known]]
        counted = Counted.of(place[known], orders["value_micros"].to_numpy()[known], len(entered))
        people = ~column(world, "robot")
        test = user_holdout_test(
            counted.arm(~control),
            counted.arm(control),
            cost_of_ads(world, channel, people),
            LEVELS,
            planned_treated_share=1.0 - world.scenario.channels[channel].holdout.share,
        )
        value = welch_lift(counted.value_arm(~control), counted.value_arm(control)).scaled(test.treated.users)
        persons = len(np.unique(ads["user_id"].to_numpy()))
        note = f"{len(entered):,} cookies of {persons:,} people: each is taken for somebody."
        return WorldTest(channel, test, value, None, (note,))

    def truth(self, world: World, channels: Sequence[str], threads: int = 1) -> dict[str, Effect]:
        """What the ads that were shown, with whichever cookie, caused."""
        return effects_of_test(world, channels, threads, people=lambda world, _: ~column(world, "robot"))


def _cookies(world: World, channel: str, rows: pa.Table) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """A number for the cookie behind each event, unlike any other's, and whether it is held out."""
    user = rows["user_id"].to_numpy().astype(np.int64)
    device = codes(rows["device"], world.names.devices).astype(np.int64)
    number, held_out = cookies_of(
        world.law,
        world.names.channels.index(channel),
        world.scenario.run.seed,
        user,
        device,
        rows["time"].to_numpy(),
    )
    return (user * len(world.names.devices) + device) * COOKIES_PER_DEVICE + number, held_out


COOKIE_HOLDOUT = CookieHoldout()

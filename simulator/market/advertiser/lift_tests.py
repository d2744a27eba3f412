"""Lift tests as an advertiser reads them while the market runs: people and conversions of both arms (counts)."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cpalab.refusal import Problem, ScenarioError
from simulator.market.holdouts import compared_arms
from simulator.scenario.schema import Scenario


@dataclass(frozen=True)
class LiftTestCounts:
    """A lift test as it stands, by intention to treat: everyone assigned counts, reached by an ad or not.

    Attributes:
        first_day, last_day: when ads are withheld, in days of the market.
        finished: whether the days in which conversions count are over.
        people, held_out: people who see the ads as ever, and people whom they are withheld from.
        conversions, held_out_conversions: what each have done since the first day.
    """

    first_day: float
    last_day: float
    finished: bool
    people: int
    held_out: int
    conversions: int
    held_out_conversions: int

    @property
    def incremental_conversions(self) -> float:
        """(conversions per person − conversions per person held out) × people; nan without anybody held out."""
        if not self.held_out:
            return float("nan")
        return self.conversions - self.held_out_conversions / self.held_out * self.people


def counted_arms(scenario: Scenario, channel: str, users: pa.Table, events: pa.Table, now: float) -> LiftTestCounts:
    """A channel's lift test as it stands at an hour.

    Args:
        scenario: as it stands, the test begun.
        channel: whose ads are withheld.
        users: everybody, one row each.
        events: what has happened by now.
        now: the hour, in days.

    Raises:
        ScenarioError: the test was never begun, or assigns cookies, of which people have several.
    """
    place, holdout = f"channels.{channel}.holdout", scenario.channels[channel].holdout
    if holdout.assignment == "cookie":
        rule = "assigns cookies: it can be read once the market has ended"
        raise ScenarioError([Problem(place, rule, hint="assign by person, or read it with cpalab run")])
    if holdout.shelved or holdout.share == 0.0 or now < holdout.start_day:
        raise ScenarioError([Problem(place, "has not begun", hint=f'market.begin_lift_test("{channel}", days=14)')])
    last = np.inf if holdout.end_day is None else holdout.end_day
    counted = np.inf if holdout.cooldown_days is None else last + holdout.cooldown_days
    wanted = pc.and_(
        pc.equal(events["kind"].cast(pa.string()), "conversion"),
        pc.and_(pc.greater_equal(events["time"], holdout.start_day), pc.less(events["time"], min(counted, now))),
    )
    each = np.bincount(events.filter(wanted)["user_id"].to_numpy(), minlength=users.num_rows)
    people, held_out = compared_arms(users, scenario, channel)
    return LiftTestCounts(
        holdout.start_day,
        float(last),
        bool(now >= (counted if np.isfinite(counted) else last)),
        int(people.sum()),
        int(held_out.sum()),
        int(each[people].sum()),
        int(each[held_out].sum()),
    )

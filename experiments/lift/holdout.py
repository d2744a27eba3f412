"""Holdout tests inside a world: each channel's user-level test, read from the log (orders per person)."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from experiments.lift.arms import ArmStatistics
from experiments.lift.refusal import LiftInputError
from experiments.lift.user import UserLiftTest, user_holdout_test
from simulator.world import World

LEVELS = (0.90, 0.95)


def holdout_tests(world: World) -> dict[str, UserLiftTest | None]:
    """The holdout test of every channel that has campaigns."""
    orders = world.orders().select(["user_id", "time"])
    return {channel: _holdout_test(world, channel, orders) for channel in world.scenario.paid_channels()}


def _holdout_test(world: World, channel: str, orders: pa.Table) -> UserLiftTest | None:
    """The user-level holdout of a channel: orders per person among those who could see its ads against those who could not.

    Everyone assigned counts, whether an ad reached them or not (intention to treat). Orders count from the start of the
    experiment to the end of the run, cost while it runs: the money paid for the ads shown, over the orders they caused.
    None where the scenario holds nobody out, or an arm is empty.
    """
    holdout = world.scenario.channels[channel].holdout
    if holdout.share == 0.0:
        return None
    people = ~world.users["robot"].to_numpy(zero_copy_only=False)
    held_out = world.users[f"holdout_{channel}"].to_numpy(zero_copy_only=False)
    counted = orders.filter(pc.greater_equal(orders["time"], holdout.start_day))
    per_user = np.bincount(counted["user_id"].to_numpy(), minlength=len(people))
    market = world.market.filter(pc.equal(world.market["channel"], channel))
    running = market["day"].to_numpy() >= holdout.start_day
    if holdout.end_day is not None:
        running &= market["day"].to_numpy() < holdout.end_day
    try:
        return user_holdout_test(
            ArmStatistics.from_values(per_user[people & ~held_out]),
            ArmStatistics.from_values(per_user[people & held_out]),
            int(market["cost_micros"].to_numpy()[running].sum()),
            levels=LEVELS,
            planned_treated_share=1.0 - holdout.share,
        )
    except LiftInputError:
        return None

"""Two channels' independent holdouts inside a world, read as one 2 × 2 test (conversions per person)."""

from cpalab.refusal import refuse
from experiments.designs.users.arrangement import days_of
from experiments.designs.users.world_counts import Counted, column, orders_between
from experiments.lift.user.factorial import FactorialTest, factorial_test
from simulator.world import World

__all__ = ["read_factorial"]


def read_factorial(world: World, first: str, second: str) -> FactorialTest:
    """The interaction of two channels whose holdouts are drawn by person, independently, and run on the same days.

    Raises:
        LiftInputError: the holdouts are not by person, exclude each other or run on other days; or a cell is empty.
    """
    holdouts = {name: world.scenario.channels[name].holdout for name in (first, second)}
    problems = [
        f"channels.{name}.holdout.assignment: {holdout.assignment} must be person; people are read in two tests at once"
        for name, holdout in holdouts.items()
        if holdout.assignment != "person"
    ]
    one, other = holdouts.values()
    if one.group is not None and one.group == other.group:
        problems.append(
            f"channels.{first}.holdout.group: {one.group} must not hold {second} too; nobody is in both arms"
        )
    if days_of(world.scenario, first) != days_of(world.scenario, second):
        problems.append(
            f"channels.{second}.holdout: its days must be those of {first}; set start_day, end_day, cooldown_days"
        )
    refuse(problems)
    days = days_of(world.scenario, first)
    orders = orders_between(world, days.start_day, days.last_day)
    counted = Counted.of(orders["user_id"].to_numpy(), orders["value_micros"].to_numpy(), world.users.num_rows)
    people = ~column(world, "robot")
    sees_first, sees_second = (~column(world, f"holdout_{name}")[people] for name in (first, second))
    return factorial_test(first, second, counted.conversions[people], sees_first, sees_second)

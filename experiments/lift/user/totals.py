"""A user-level test given as totals, one row per arm: users, conversions and cost, as ad platforms report them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import narwhals as nw

from cpalab.refusal import refuse
from experiments.lift.columns import misspelt_columns, numbers, unused_columns
from experiments.lift.estimate.arm_sums import ArmStatistics
from experiments.lift.estimate.cost_ratio import in_money
from experiments.lift.user.user_rows import missing_columns

__all__ = ["ArmTotals", "arm_totals", "is_totals", "two_arm_problems"]

REQUIRED = ("arm", "users", "conversions")
OPTIONAL = ("cost",)


@dataclass(frozen=True)
class ArmTotals:
    """What each arm adds up to.

    Attributes:
        arms: statistics of conversions per user, by name of the arm.
        cost: money per arm, in units of money; None where the table has none.
        notes: what the reader must know.
    """

    arms: Mapping[str, ArmStatistics]
    cost: Mapping[str, float] | None
    notes: tuple[str, ...]

    def additional_cost(self, arm: str) -> float:
        """Money of an arm less what it would have cost in the control's place; 0 where the table has none."""
        if self.cost is None:
            return 0.0
        return self.cost[arm] - self.cost["control"] / self.arms["control"].users * self.arms[arm].users

    def cost_notes(self) -> tuple[str, ...]:
        """What is said where the control cost something too."""
        if self.cost is None or not self.cost["control"]:
            return ()
        return (
            f"The control arm cost {in_money(self.cost['control'])}: the price is of the additional cost, taken as known; "
            "totals do not tell its error.",
        )


def is_totals(names: Sequence[str]) -> bool:
    """Whether a table of these columns holds one row per arm, not per user."""
    return "users" in names and "user_id" not in names


def arm_totals(frame: nw.DataFrame[Any]) -> ArmTotals:
    """Read a table with one row per arm.

    Raises:
        LiftInputError: columns missing or of the wrong kind, an arm in two rows, no users, conversions that are no whole
            numbers; all at once.
    """
    read = (*REQUIRED, *OPTIONAL)
    refuse(missing_columns(frame.columns, REQUIRED, read) + misspelt_columns(frame.columns, OPTIONAL, read))
    problems: list[str] = []
    names = [str(name).strip() for name in frame["arm"].to_list()]
    users = numbers(frame, "users", problems, "count the people assigned")
    conversions = numbers(frame, "conversions", problems, "count the conversions")
    cost = numbers(frame, "cost", problems, "give the money paid") if "cost" in frame.columns else None
    problems += [
        f"arm: {name} stands in several rows and must stand in one; add them up"
        for name in sorted({name for name in names if names.count(name) > 1})
    ]
    for column, values in (("users", users), ("conversions", conversions)):
        if values.size and (values % 1 != 0).any():
            problems.append(f"{column}: values such as {values[values % 1 != 0][0]:g} must be whole; count them")
    problems += [
        f"users: {name} has {count:g} and must have at least 1; nobody was assigned"
        for name, count in zip(names, users.tolist(), strict=False)
        if count < 1
    ]
    if "control" not in names:
        problems.append(f"arm: {', '.join(names)} must hold control; name the arm that saw no ads so")
    refuse(problems)
    arms = {
        name: _arm(int(count), int(made))
        for name, count, made in zip(names, users.tolist(), conversions.tolist(), strict=True)
    }
    often = [name for name, arm in arms.items() if not arm.is_binary]
    notes = [
        f"{', '.join(often)}: more conversions than users, taken as independent of each other (Poisson); people who buy "
        "often make these intervals too narrow."
        if often
        else "Read from totals: each conversion is taken for another person's. Rows per user also tell who bought twice."
    ]
    paid = None if cost is None else dict(zip(names, cost.tolist(), strict=True))
    return ArmTotals(arms, paid, (*notes, *unused_columns(frame.columns, read)))


def _arm(users: int, conversions: int) -> ArmStatistics:
    if conversions <= users:
        return ArmStatistics.from_converters(users, conversions)
    # Σy² of a Poisson count with this mean, as the whole number nearest to it.
    return ArmStatistics(users, float(conversions), float(round(conversions + conversions**2 / users)))


def two_arm_problems(arms: Mapping[str, ArmStatistics]) -> list[str]:
    """What is wrong with arms that should be treated and control."""
    others = [name for name in arms if name not in ("treated", "control")]
    problems = [f"arm: {', '.join(others[:5])} must be treated or control; rename the arms"] if others else []
    return problems + ["arm: treated is missing and must be there"] * ("treated" not in arms and not others)

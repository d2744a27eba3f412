"""A user test read before its end: at one of several planned looks, or while it runs (conversions, incremental)."""

from dataclasses import dataclass, replace
from typing import get_args

from cpalab.refusal import choice_problems, refuse
from experiments.lift.sequential.confidence_sequence import always_valid
from experiments.lift.sequential.group_sequential import Boundary, GroupSequentialPlan
from experiments.lift.user.user_table import UserTableTest

__all__ = ["EarlyReading"]

BOUNDARY: Boundary = "lan_demets_obrien_fleming"


@dataclass(frozen=True)
class EarlyReading:
    """When a test is read: `look` of `looks` that were planned, or at a share of its planned users.

        EarlyReading(look=2, looks=5).of(user_table_test(frame))

    Args:
        look: which of the planned looks, from 1.
        looks: how many equally spaced looks were planned.
        boundary: of the planned looks; Lan and DeMets' O'Brien-Fleming-like one where None is named.
        information_fraction: users so far ÷ users planned, of a test that is read whenever one likes.

    Raises:
        LiftInputError: one of look and looks alone, both kinds of reading, neither, or an unknown boundary; all at once.

    Example:
        >>> import pandas as pd
        >>> from experiments.lift import EarlyReading, user_table_test
        >>> arms = {"arm": ["treated", "control"], "users": [9000, 1000], "conversions": [450, 40]}
        >>> test = user_table_test(pd.DataFrame(arms))
        >>> early = EarlyReading(look=1, looks=2).of(test)
        >>> early.conversions.p_value > test.conversions.p_value
        True
    """

    look: int | None = None
    looks: int | None = None
    boundary: Boundary | None = None
    information_fraction: float | None = None

    def __post_init__(self) -> None:
        """Refuse what is no plan."""
        problems: list[str] = []
        if (self.look is None) != (self.looks is None):
            problems.append("look, looks: both must be given; `look` 2 of `looks` 5 is the second of five")
        if self.information_fraction is not None and self.look is not None:
            problems.append("information_fraction: must not be given with `look`; a look is either planned or not")
        if self.boundary is not None:
            problems += choice_problems("boundary", self.boundary, get_args(Boundary))
            if self.look is None:
                problems.append(
                    f"boundary: {self.boundary} must not be given without `look` and `looks`; no looks were planned"
                )
        if self.look is None and self.looks is None and self.information_fraction is None and not problems:
            problems.append("look, information_fraction: one of both must be given; a test at its end is read as it is")
        refuse(problems)

    def of(self, test: UserTableTest) -> UserTableTest:
        """The test with p-value and intervals of conversions that hold for readings of this kind; value is left out.

        Value is read once, at the end: its intervals are those of a fixed test.

        Raises:
            LiftInputError: a look beyond those planned, or a share that is none.
        """
        lift = test.conversions.lift
        if self.information_fraction is not None:
            lift = always_valid(lift, self.information_fraction)
            note = "Read while it runs: p-value and intervals of conversions hold at every reading."
        else:
            looks, look = self.looks or 1, self.look or 1
            lift = GroupSequentialPlan.equally_spaced(looks, self.boundary or BOUNDARY).at_look(lift, look)
            note = f"Look {look} of {looks}: p-value and intervals of conversions hold over all looks together."
        note += " After an early stop the estimate is too large on average."
        if test.incremental_value is not None:
            note += " Value is left out: it is read once, at the end."
        return replace(
            test,
            conversions=replace(test.conversions, lift=lift),
            incremental_value=None,
            value_per_conversion=None,
            notes=(*test.notes, note),
        )

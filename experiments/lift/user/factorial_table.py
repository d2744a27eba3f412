"""A 2 × 2 test read from a table with one row per user and an arm in each of two channels (conversions per person)."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from cpalab.refusal import refuse
from experiments.lift.columns import coded, frame_of, misspelt_columns, numbers, unused_columns
from experiments.lift.user.factorial import FactorialTest, factorial_test
from experiments.lift.user.user_rows import REFUNDS, is_treated, missing_columns, user_problems

__all__ = ["factorial_table_test"]


def factorial_table_test(data: Any, factors: Sequence[str] = ("arm_a", "arm_b")) -> FactorialTest:
    """Read a 2 × 2 test: what each channel does alone, both do together, and whether they need each other.

    Args:
        data: any data frame narwhals reads, with the columns `user_id`, `conversions`, the two of `factors` (treated or
            control in each test) and, for prices, `cost` (units of money, of both channels together).
        factors: names of the two columns; they name the channels.

    Raises:
        LiftInputError: not two factors, columns missing or of the wrong kind, missing values, users in two rows, negative
            conversions or costs, other arms, clusters, a cell with fewer than two people; as many as can be told at once.

    Example:
        >>> import numpy as np
        >>> import pandas as pd
        >>> from experiments.lift import factorial_table_test
        >>> people = np.arange(400)
        >>> arms = np.array(["control", "treated"])
        >>> frame = pd.DataFrame({"search": arms[people % 2], "video": arms[people // 2 % 2]})
        >>> frame = frame.assign(user_id=people, conversions=people % 3 == 0)
        >>> factorial_table_test(frame, ["search", "video"]).to_frame().shape
        (6, 6)
    """
    names = list(factors)
    problems: list[str] = []
    if len(set(names)) != 2:
        problems.append(f"factors: {', '.join(names) or 'nothing given'} must be two columns; write search,social")
    frame = frame_of(data)
    read = ("user_id", "conversions", *names, "cost")
    problems += missing_columns(frame.columns, read[:-1], ("cost",))
    problems += misspelt_columns(frame.columns, ("cost",), read)
    if "cluster_id" in frame.columns:
        problems.append(
            "cluster_id: must be left out of a factorial test, whose errors are those of users; with clusters assigned as "
            "one they would be too small: test one channel at a time"
        )
    user, users = coded(frame, "user_id", problems)
    conversions = numbers(frame, "conversions", problems, REFUNDS)
    cost = numbers(frame, "cost", problems, REFUNDS) if "cost" in frame.columns else None
    arms = [is_treated(frame, name, problems) for name in names]
    refuse(problems or user_problems(user, users))
    (first, second), (first_arm, second_arm) = names, arms
    test = factorial_test(first, second, conversions, first_arm, second_arm, cost)
    return replace(test, notes=(*test.notes, *unused_columns(frame.columns, read)))

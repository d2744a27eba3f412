"""A 2 × 2 test read from a table with one row per user and an arm in each of two channels (conversions per person)."""

from collections.abc import Sequence
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd

from experiments.lift.factorial import FactorialTest, factorial_test
from experiments.lift.refusal import refuse
from experiments.lift.user_table import missing_columns, number_problems

__all__ = ["factorial_table_test"]

ARMS = {"treated", "control"}


def factorial_table_test(data: Any, factors: Sequence[str] = ("arm_a", "arm_b")) -> FactorialTest:
    """Read a 2 × 2 test: what each channel does alone, both do together, and whether they need each other.

    Args:
        data: any data frame narwhals reads, with the columns `user_id`, `conversions`, the two of `factors` (treated or
            control in each test) and, for prices, `cost` (units of money, of both channels together).
        factors: names of the two columns; they name the channels.

    Raises:
        LiftInputError: not two factors, columns missing or of the wrong kind, missing values, users in two rows, negative
            conversions or costs, other arms, a cell with fewer than two people; as many as can be told at once.
    """
    names = list(factors)
    if len(set(names)) != 2:
        refuse([f"factors: {', '.join(names) or 'nothing given'} must be two columns; write search,social"])
    frame = nw.from_native(data, eager_only=True)
    refuse(missing_columns(frame.columns, ("user_id", "conversions", *names), ("cost",)))
    used = ["user_id", "conversions", *names, *[x for x in ("cost",) if x in frame.columns]]
    columns = {name: frame[name].to_numpy() for name in used}
    problems = []
    for name in used:
        missing = int(frame[name].is_null().sum())
        if missing:
            problems.append(f"{name}: {missing:,} missing values must be given; write 0 for no conversion or cost")
        elif name in ("conversions", "cost"):
            problems += number_problems(name, columns[name])
    for name in names:
        strangers = sorted({str(label) for label in pd.unique(columns[name])} - ARMS)
        if strangers:
            problems.append(f"{name}: {', '.join(strangers[:5])} must be treated or control; rename the arms")
    repeated = int((np.bincount(pd.factorize(columns["user_id"])[0]) > 1).sum()) if not problems else 0
    if repeated:
        problems.append(f"user_id: {repeated:,} users in several rows must have one; sum their rows")
    refuse(problems)
    first, second = names
    return factorial_test(
        first,
        second,
        columns["conversions"].astype(np.float64),
        columns[first] == "treated",
        columns[second] == "treated",
        columns["cost"].astype(np.float64) if "cost" in columns else None,
    )

"""The rows of a user-level test, one per user, read from a table: arm, conversions, cost and what else is known."""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import narwhals as nw
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cpalab.refusal import refuse
from experiments.lift.columns import coded, flags, frame_of, misspelt_columns, numbers, unused_columns

__all__ = [
    "PRE_PERIOD",
    "REFUNDS",
    "UserDesign",
    "UserRows",
    "is_treated",
    "missing_columns",
    "user_problems",
    "user_rows",
]

UserDesign = Literal["intention_to_treat", "ghost_ads"]

REQUIRED = ("user_id", "arm", "conversions")
PRE_PERIOD = "pre_period_conversions"
OPTIONAL = ("cost", "exposed", "value", PRE_PERIOD, "cluster_id")
ARMS = ("treated", "control")
REFUNDS = "book refunds under value"


@dataclass(frozen=True, eq=False)
class UserRows:
    """One row per user, each array of shape `(users,)`; None for columns that the table does not have.

    Attributes:
        is_treated: whether the user was assigned to see ads.
        conversions: number of conversions.
        cost: money spent on the user.
        exposed: whether an ad reached the user or, in the control arm, would have.
        value: value of the conversions in units of money.
        pre_period: conversions before the test.
        cluster: code of the household or account that was assigned as one.
        unused: a sentence that names the columns of the table which play no part; none where every column does.
    """

    is_treated: NDArray[np.bool_]
    conversions: NDArray[np.float64]
    cost: NDArray[np.float64] | None
    exposed: NDArray[np.bool_] | None
    value: NDArray[np.float64] | None
    pre_period: NDArray[np.float64] | None
    cluster: NDArray[np.intp] | None
    unused: tuple[str, ...] = ()


def user_rows(data: Any, design: UserDesign, adjusted: bool) -> UserRows:
    """Read and check a table with one row per user.

    Raises:
        LiftInputError: columns missing or of the wrong kind, missing values, users in two rows or two arms, negative
            conversions or costs, a cluster in both arms; all at once.
    """
    frame = frame_of(data)
    problems = _column_problems(frame.columns, design, adjusted)
    user, users = coded(frame, "user_id", problems)
    treated = is_treated(frame, "arm", problems)
    conversions = numbers(frame, "conversions", problems, REFUNDS)
    cost = numbers(frame, "cost", problems, REFUNDS) if "cost" in frame.columns else None
    exposed = value = pre_period = cluster = clusters = None
    if "exposed" in frame.columns:
        exposed = flags(frame, "exposed", problems, hint="write true where an ad reached the user")
    if "value" in frame.columns:
        value = numbers(frame, "value", problems)
    if PRE_PERIOD in frame.columns:
        pre_period = numbers(frame, PRE_PERIOD, problems, REFUNDS)
    if "cluster_id" in frame.columns:
        cluster, clusters = coded(frame, "cluster_id", problems)
    if not problems:
        problems += user_problems(user, users, treated)
        if cluster is not None and clusters is not None:
            problems += _cluster_problems(cluster, clusters, treated)
    refuse(problems)
    unused = unused_columns(frame.columns, (*REQUIRED, *OPTIONAL))
    return UserRows(treated, conversions, cost, exposed, value, pre_period, cluster, unused)


def _column_problems(names: Sequence[str], design: UserDesign, adjusted: bool) -> list[str]:
    needed = (*REQUIRED, *["exposed"] * (design == "ghost_ads"), *[PRE_PERIOD] * adjusted)
    read = (*REQUIRED, *OPTIONAL)
    optional = [name for name in OPTIONAL if name not in needed]
    return missing_columns(names, needed, read) + misspelt_columns(names, optional, read)


def missing_columns(names: Sequence[str], needed: Sequence[str], known: Sequence[str]) -> list[str]:
    """A problem for each needed column that a table of these columns lacks; `known` ones are no misspelling of it."""
    problems = []
    for name in needed:
        if name not in names:
            close = difflib.get_close_matches(name, [x for x in names if x not in (*needed, *known)], n=1)
            hint = f"did you mean {close[0]}?" if close else f"the table has {', '.join(names)}"
            if close and "rate" in close[0].lower():
                hint = f"{close[0]} is no count: give the number itself"
            problems.append(f"{name}: column is required; {hint}")
    return problems


def is_treated(frame: nw.DataFrame[Any], name: str, problems: list[str]) -> NDArray[np.bool_]:
    """A column of treated and control, of shape `(users,)`; a problem more where it holds others."""
    codes, arms = coded(frame, name, problems)
    strangers = sorted({str(label) for label in arms} - set(ARMS))
    if strangers:
        problems.append(f"{name}: {', '.join(strangers[:5])} must be treated or control; rename the arms")
    return np.array([label == "treated" for label in arms], dtype=bool)[codes]


def _in_both_arms(codes: NDArray[np.intp], units: int, is_treated: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which units have a row in either arm."""
    treated = np.zeros(units, dtype=bool)
    treated[codes[is_treated]] = True
    control = np.zeros(units, dtype=bool)
    control[codes[~is_treated]] = True
    return treated & control


def _cluster_problems(cluster: NDArray[np.intp], clusters: "pd.Index[Any]", is_treated: NDArray[np.bool_]) -> list[str]:
    both = _in_both_arms(cluster, clusters.size, is_treated)
    if not both.any():
        return []
    return [
        f"cluster_id: {int(both.sum()):,} clusters in both arms must be in one, first {clusters[both][0]}; "
        "where users were assigned one by one, leave the column out"
    ]


def user_problems(
    user: NDArray[np.intp], users: "pd.Index[Any]", is_treated: NDArray[np.bool_] | None = None
) -> list[str]:
    """What is wrong with users who stand in several rows, or in both of two arms where there are two."""
    if users.size == user.size:
        return []
    split = np.zeros(users.size, dtype=bool) if is_treated is None else _in_both_arms(user, users.size, is_treated)
    both = int(split.sum())
    repeated = int((np.bincount(user) > 1).sum())
    problems = []
    if both:
        problems.append(
            f"arm: {both:,} users in both arms must be in one; the assignment or the identity is broken, "
            f"first {users[split][0]}"
        )
    if repeated > both:
        problems.append(f"user_id: {repeated - both:,} users in several rows must have one; sum their rows")
    return problems

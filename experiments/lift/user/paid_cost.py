"""Money spent for the conversions that ads caused, from the cost of users in both arms (units of money)."""

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from cpalab.micros import MICROS
from cpalab.refusal import refuse
from experiments.lift.estimate.arm_sums import PairStatistics
from experiments.lift.estimate.cost_ratio import in_money
from experiments.lift.user.user_rows import UserRows
from experiments.lift.user.user_test import UserLiftTest

__all__ = ["cost_of_treated", "with_estimated_cost"]


def cost_of_treated(rows: UserRows, compared: NDArray[np.bool_]) -> tuple[float, tuple[str, ...]]:
    """Money spent for the conversions that ads caused among the compared treated users, and what to say about the rest.

    Users whom no ad reached have no incremental conversions: where only the treated cost anything, the reached carry it all.
    """
    if rows.cost is None:
        return 0.0, ()
    spent = float(rows.cost[compared & rows.is_treated].sum())
    if compared.all():
        return spent, ()
    left, control_left = (float(rows.cost[~compared & arm].sum()) for arm in (rows.is_treated, ~rows.is_treated))
    if left and not rows.cost[~rows.is_treated].any():
        return spent + left, (
            f"The cost holds {in_money(left)} spent on treated users whom no ad reached: those it reached made all "
            "incremental conversions and carry all the money.",
        )
    if left or control_left:
        return spent, (
            f"Left out of the cost: {in_money(left)} spent on treated and {in_money(control_left)} on control users whom no "
            "ad reached or would have reached.",
        )
    return spent, ()


def with_estimated_cost(test: UserLiftTest, treated: PairStatistics, control: PairStatistics) -> UserLiftTest:
    """The test with the cost the treated arm would not have had in the control's place: C_T − C_C·n_T/n_C."""
    users = treated.users
    variance = treated.other.mean_variance + control.other.mean_variance
    covariance = treated.covariance / users + control.covariance / control.users
    if math.isnan(variance) or math.isnan(covariance):
        refuse(["cost: an arm of one user must have more users where the control arm has cost; give more users"])
    return replace(
        test,
        cost_micros=MICROS * users * (treated.other.mean - control.other.mean),
        cost_standard_error_micros=MICROS * users * math.sqrt(variance),
        cost_covariance_micros=MICROS * users**2 * covariance,
    )

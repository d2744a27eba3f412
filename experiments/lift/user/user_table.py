"""The user-level lift test read from a table with one row per user: conversions, value and cost."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Self, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cpalab.micros import MICROS
from cpalab.refusal import LiftInputError, Problem, choice_problems, gathered, refuse
from cpalab.result import Result
from experiments.lift.columns import frame_of
from experiments.lift.estimate.arm_sums import ArmStatistics, PairStatistics
from experiments.lift.estimate.cost_ratio import in_money
from experiments.lift.estimate.few_conversions import FEW_CONVERSIONS_NOTE, few_conversions, notes_of_few
from experiments.lift.estimate.lift_estimate import Alternative, LiftEstimate, StudentDistribution, level_problems
from experiments.lift.user.assigned_units import AssignedUnits
from experiments.lift.user.cap import Cap
from experiments.lift.user.paid_cost import cost_of_treated, with_estimated_cost
from experiments.lift.user.sample_ratio import ALARM, planned_share_problems, two_arm_check
from experiments.lift.user.totals import ArmTotals, arm_totals, is_totals, two_arm_problems
from experiments.lift.user.user_rows import UserDesign, UserRows, user_rows
from experiments.lift.user.user_test import (
    LiftMethod,
    UserLiftTest,
    adjusted_test,
    user_holdout_test,
    user_lift,
    with_bounds,
)

__all__ = ["UserDesign", "UserTableTest", "user_table_test"]


@dataclass(frozen=True)
class UserTableTest(Result):
    """A user-level test read from a table.

    Attributes:
        conversions: the test of conversions, with the cost per incremental conversion.
        incremental_value: incremental value of the treated arm in units of money; None without a `value`
            column.
        notes: what the reader of the numbers must know about the table, one sentence each.
        pre_period: difference of the arms before the test, per user (an A/A check: there should be none); None without a
            `pre_period_conversions` column.
        value_per_conversion: value per conversion of the treated less that of the control arm, by the delta method on users
            (or clusters); None without a `value` column or conversions in both arms. Ads that win other buyers move it too.

    Example:
        >>> import pandas as pd
        >>> from experiments.lift import user_table_test
        >>> arms = {"arm": ["treated", "control"], "users": [9000, 1000], "conversions": [450, 40], "cost": [900.0, 0.0]}
        >>> test = user_table_test(pd.DataFrame(arms))
        >>> round(test.conversions.lift.relative_lift, 2), test.incremental_value
        (0.25, None)
    """

    conversions: UserLiftTest
    incremental_value: LiftEstimate | None = None
    notes: tuple[str, ...] = ()
    pre_period: LiftEstimate | None = None
    value_per_conversion: LiftEstimate | None = None

    @property
    def incremental_return_on_ad_spend(self) -> LiftEstimate | None:
        """Incremental value ÷ cost; None without values or cost, or where the cost is itself estimated."""
        test = self.conversions
        fixed_cost = test.cost_micros > 0 and test.cost_standard_error_micros == 0
        if self.incremental_value is None or not fixed_cost:
            return None
        return self.incremental_value.scaled(MICROS / test.cost_micros)

    def against(self, alternative: Alternative) -> Self:
        """The same test against this alternative; see `UserLiftTest.against`. The check before the test stays two-sided."""
        return replace(self, conversions=self.conversions.against(alternative))

    def to_frame(self) -> pd.DataFrame:
        """One row per level: the columns of `UserLiftTest.to_frame`, and those of value if there is any."""
        frame = self.conversions.to_frame()
        extra = {
            "incremental_value": self.incremental_value,
            "incremental_return_on_ad_spend": self.incremental_return_on_ad_spend,
            "change_of_value_per_conversion": self.value_per_conversion,
        }
        for name, estimate in extra.items():
            if estimate is not None:
                side = self.conversions.alternative
                rows = [with_bounds(name, estimate.difference, estimate.interval(x, side)) for x in frame["level"]]
                frame = pd.concat([frame, pd.DataFrame(rows)], axis=1)
        return frame

    def summary(self) -> str:
        """Lift and price in a few sentences, then the notes."""
        return " ".join((self.conversions.summary(), *self.notes))


def user_table_test(
    data: Any,
    levels: Sequence[float] = (0.90, 0.95),
    *,
    design: UserDesign = "intention_to_treat",
    method: LiftMethod = "auto",
    planned_treated_share: float | None = None,
    adjusted: bool = False,
    cap: Cap | None = None,
) -> UserTableTest:
    """Read a user-level test from a table with one row per user, or with totals: one row per arm.

    Args:
        data: any data frame narwhals reads (also a lazy one), with the columns `user_id`, `arm` (treated or control),
            `conversions`, and where known `cost` (units of money), `exposed` (true or false), `value` and
            `pre_period_conversions` (before the test), by which the arms are checked, and `cluster_id`, the household or
            account that was assigned as one: errors are then those of clusters. Or totals, as platforms report them: one row
            per arm with `arm`, `users`, `conversions` and where known `cost`.
        levels: confidence levels to report.
        design: `intention_to_treat` compares everybody assigned. `ghost_ads` compares the exposed with those
            of the control arm whom an ad would have reached (`exposed` true there: a ghost impression was
            logged); cost of the treated users whom no ad reached counts too, unless the control arm has cost.
        method: see `user_lift`.
        planned_treated_share: share of users (or clusters) that should have been treated, to check the arm sizes (of the
            compared users, hence inside the ghost-ad stratum).
        adjusted: adjust conversions for those of the pre-period (CUPED with a slope for each arm, Lin 2013); not where an
            arm has few.
        cap: value above which a user's value counts as that much, one threshold for both arms.

    Value of few buyers is read by permutation: in a small holdout its mean is too skewed for a normal distribution.

    Raises:
        LiftInputError: columns missing or of the wrong kind, missing values, users in two rows or two arms,
            negative conversions or costs, an arm with nobody, a cluster in both arms, an adjustment without a pre-period
            or with clusters, a design, method or levels that are none; all at once.

    Example:
        >>> import pandas as pd
        >>> from experiments.lift import user_table_test
        >>> arms = {"arm": ["treated", "control"], "users": [9000, 1000], "conversions": [450, 40], "cost": [900.0, 0.0]}
        >>> test = user_table_test(pd.DataFrame(arms))
        >>> round(test.conversions.incremental_conversions.difference)
        90
    """
    problems: list[Problem | str] = [
        *choice_problems("design", design, get_args(UserDesign)),
        *choice_problems("method", method, get_args(LiftMethod)),
        *level_problems(levels),
        *planned_share_problems(planned_treated_share),
    ]
    frame = gathered(problems, partial(frame_of, data))
    rows = None
    if frame is not None and is_totals(frame.columns):
        problems += _row_options(design, adjusted, cap)
        totals = gathered(problems, partial(arm_totals, frame))
        problems += [] if totals is None else two_arm_problems(totals.arms)
        if totals is not None and not problems:
            return _from_totals(totals, levels, method, planned_treated_share)
    elif frame is not None:
        problems += _unsupported(adjusted, "cluster_id" in frame.columns, False, method)
        problems += _cap_problems(cap, "value" in frame.columns)
        rows = gathered(problems, partial(user_rows, frame, design, adjusted))
    if rows is None or problems:
        raise LiftInputError(problems)
    return _from_rows(rows, levels, design, method, planned_treated_share, adjusted, cap)


def _from_rows(
    rows: UserRows,
    levels: Sequence[float],
    design: UserDesign,
    method: LiftMethod,
    planned_treated_share: float | None,
    adjusted: bool,
    cap: Cap | None,
) -> UserTableTest:
    is_treated, exposed, conversions = rows.is_treated, rows.exposed, rows.conversions
    compared = exposed if design == "ghost_ads" and exposed is not None else np.ones(is_treated.size, dtype=bool)
    treated, control = compared & is_treated, compared & ~is_treated
    leaked = int(exposed[control].sum()) if exposed is not None and design == "intention_to_treat" else 0

    clustered = rows.cluster is not None
    units = AssignedUnits(treated, control, rows.cluster)
    unexposed = None
    if exposed is not None and design == "intention_to_treat" and not leaked and not adjusted and not clustered:
        unexposed = ArmStatistics.from_values(conversions[treated & ~exposed])
    spent, cost_notes = cost_of_treated(rows, compared)
    control_cost = 0.0 if rows.cost is None else float(rows.cost[control].sum())
    refuse(_unsupported(adjusted, clustered, control_cost > 0, method))
    arms = units.counts(conversions)
    test = user_holdout_test(
        *arms,
        None if rows.cost is None else round(spent * MICROS),
        levels,
        method=method,
        unexposed=unexposed,
    )
    if planned_treated_share is not None:
        test = replace(test, sample_ratio=two_arm_check(units.assigned, planned_treated_share, clustered))
    if control_cost and rows.cost is not None:
        pairs = [PairStatistics.from_values(conversions[arm], rows.cost[arm]) for arm in (treated, control)]
        test = with_estimated_cost(test, *pairs)
    pre_period = None
    said: tuple[str, ...] = ()
    if rows.pre_period is not None:
        pairs = [PairStatistics.from_values(conversions[arm], rows.pre_period[arm]) for arm in (treated, control)]
        pre_period = units.conversions(rows.pre_period)[0] if clustered else user_lift(pairs[0].other, pairs[1].other)
        if adjusted and not clustered:
            test, sentence = adjusted_test(test, pairs[0], pairs[1])
            said = (sentence,)
    if clustered:
        before = rows.pre_period if adjusted else None
        lift, said = units.conversions(conversions) if before is None else units.adjusted(conversions, before)
        test = replace(test, lift=lift)
    value = per_conversion = None
    value_notes: tuple[str, ...] = ()
    if rows.value is not None:
        worth, value_notes = (rows.value, ()) if cap is None else cap.capped(rows.value)
        lift, of_buyers = units.value(worth)
        value, value_notes = lift.scaled(test.treated.users), (*value_notes, *of_buyers)
        per_conversion = units.value_per_conversion(worth, conversions)
    notes = (
        *cost_notes,
        *_notes(leaked, control_cost, rows.value),
        *said,
        *_pre_period_notes(pre_period),
        *value_notes,
        *_few_notes(test),
        *rows.unused,
    )
    return UserTableTest(test, value, notes, pre_period, per_conversion)


def _from_totals(
    totals: ArmTotals, levels: Sequence[float], method: LiftMethod, planned_treated_share: float | None
) -> UserTableTest:
    treated, control = totals.arms["treated"], totals.arms["control"]
    test = user_holdout_test(
        treated,
        control,
        None if totals.cost is None else round(totals.cost["treated"] * MICROS),
        levels,
        method=method,
        planned_treated_share=planned_treated_share,
    )
    if totals.cost is not None:
        test = replace(test, cost_micros=totals.additional_cost("treated") * MICROS)
    return UserTableTest(test, None, (*totals.notes, *totals.cost_notes(), *_few_notes(test)))


def _few_notes(test: UserLiftTest) -> tuple[str, ...]:
    """What few conversions in an arm mean for this reading."""
    arms = {"the treated arm": test.treated, "the control arm": test.control}
    said = notes_of_few(arms, test.lift.verdict(max(test.levels)) != 0)
    normal = isinstance(test.lift.distribution, StudentDistribution)
    if normal and few_conversions(test.treated, test.control):
        said += (FEW_CONVERSIONS_NOTE,)
    return said


def _row_options(design: UserDesign, adjusted: bool, cap: "Cap | None") -> list[str]:
    """What totals per arm cannot answer."""
    asked = {"design": design != "intention_to_treat", "adjusted": adjusted, "cap": cap is not None}
    return [
        f"{name}: must not be given with totals per arm; give a table with one row per user"
        for name, given in asked.items()
        if given
    ]


def _cap_problems(cap: "Cap | None", has_value: bool) -> list[str]:
    if cap is None or has_value:
        return []
    return ["cap: must not be given without a column value; it caps the value per user"]


def _notes(control_users_reached: int, control_cost: float, value: NDArray[np.float64] | None) -> tuple[str, ...]:
    notes = []
    if control_cost > 0:
        notes.append(
            f"The control arm cost {in_money(control_cost)}: the price is of the treated arm's additional cost."
        )
    if control_users_reached:
        notes.append(
            f"Ads reached {control_users_reached:,} control users: the difference understates the effect "
            "of the ads, and no effect per exposed user is given. If they are ghost impressions, the design ghost_ads "
            "compares them."
        )
    if value is not None and (value < 0).any():
        notes.append("Some users have a negative value; it counts as a refund.")
    return tuple(notes)


def _pre_period_notes(pre_period: LiftEstimate | None) -> tuple[str, ...]:
    if pre_period is None or not pre_period.p_value() < ALARM:
        return ()
    return (
        f"The arms differed before the test already (p = {pre_period.p_value():z.3g}): find the broken assignment or "
        "record before reading any lift.",
    )


def _unsupported(adjusted: bool, clustered: bool, control_cost: bool, method: LiftMethod) -> list[str]:
    """What an adjustment and clusters cannot be combined with."""
    problems = []
    for name in ["an adjustment"] * adjusted + ["cluster_id"] * clustered:
        if method == "score":
            problems.append(f"method: 'score' must not be asked for with {name}; use 'welch'")
        if control_cost:
            problems.append(f"cost: must be zero in the control arm for {name}; read the test without it")
    return problems

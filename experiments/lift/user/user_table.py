"""The user-level lift test read from a table with one row per user: conversions, value and cost."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cpalab.micros import MICROS
from cpalab.refusal import choice_problems, refuse
from cpalab.result import Result
from experiments.lift.estimate.arm_sums import ArmStatistics, PairStatistics
from experiments.lift.estimate.lift_estimate import Alternative, LiftEstimate
from experiments.lift.estimate.small_counts import SmallCountDistribution
from experiments.lift.estimate.welch import adjusted_lift, ratio_metric_lift, welch_lift
from experiments.lift.user.sample_ratio import ALARM
from experiments.lift.user.user_rows import UserDesign, UserRows, user_rows
from experiments.lift.user.user_test import LiftMethod, UserLiftTest, few_conversions, user_holdout_test, with_bounds

__all__ = ["UserDesign", "UserTableTest", "user_table_test"]


FEW_CONVERSIONS_NOTE = (
    "Few conversions in an arm: these intervals hold a little less often than stated, and miss mostly on one side."
)


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
) -> UserTableTest:
    """Read a user-level test from a table with one row per user.

    Args:
        data: any data frame narwhals reads (also a lazy one), with the columns `user_id`, `arm` (treated or control),
            `conversions`, `cost` (units of money), and where known `exposed` (true or false), `value` and
            `pre_period_conversions` (before the test), by which the arms are checked, and `cluster_id`, the household or
            account that was assigned as one: errors are then those of clusters.
        levels: confidence levels to report.
        design: `intention_to_treat` compares everybody assigned. `ghost_ads` compares the exposed with those
            of the control arm whom an ad would have reached (`exposed` true there: a ghost impression was
            logged); cost of the treated users whom no ad reached counts too, unless the control arm has cost.
        method: see `user_lift`. A cost in the control arm needs `welch`, which is then the default.
        planned_treated_share: share of users that should have been treated, to check the arm sizes (of the
            compared users, hence inside the ghost-ad stratum).
        adjusted: adjust conversions for those of the pre-period (CUPED with a slope for each arm, Lin 2013).

    Raises:
        LiftInputError: columns missing or of the wrong kind, missing values, users in two rows or two arms,
            negative conversions or costs, an arm with nobody, a cluster in both arms, an adjustment without a pre-period
            or with clusters, a design, method or levels that are none; all at once.
    """
    refuse(
        choice_problems("design", design, get_args(UserDesign))
        + choice_problems("method", method, get_args(LiftMethod))
    )
    rows = user_rows(data, design, adjusted)
    is_treated, exposed, conversions, cost = rows.is_treated, rows.exposed, rows.conversions, rows.cost
    compared = exposed if design == "ghost_ads" and exposed is not None else np.ones(is_treated.size, dtype=bool)
    treated, control = compared & is_treated, compared & ~is_treated
    leaked = int(exposed[control].sum()) if exposed is not None and design == "intention_to_treat" else 0

    clustered = rows.cluster is not None
    unexposed = None
    if exposed is not None and design == "intention_to_treat" and not leaked and not adjusted and not clustered:
        unexposed = ArmStatistics.from_values(conversions[treated & ~exposed])
    spent, cost_notes = _cost_of_treated(rows, compared)
    control_cost = bool(cost[control].any())
    if control_cost and method == "score":
        refuse(["method: 'score' must not be asked for where the control arm has cost; use 'welch'"])
    refuse(_unsupported(adjusted, clustered, control_cost, method))
    test = user_holdout_test(
        ArmStatistics.from_values(conversions[treated]),
        ArmStatistics.from_values(conversions[control]),
        round(spent * MICROS),
        levels,
        method="welch" if control_cost and method == "auto" else method,
        unexposed=unexposed,
        planned_treated_share=planned_treated_share,
    )
    if control_cost:
        test = _with_estimated_cost(
            test,
            PairStatistics.from_values(conversions[treated], cost[treated]),
            PairStatistics.from_values(conversions[control], cost[control]),
        )
    pre_period = None
    if rows.pre_period is not None:
        pairs = [
            PairStatistics.from_values(conversions[chosen], rows.pre_period[chosen]) for chosen in (treated, control)
        ]
        pre_period = welch_lift(pairs[0].other, pairs[1].other)
        if adjusted:
            test = replace(test, lift=adjusted_lift(pairs[0], pairs[1], "per_arm"))
    value = per_conversion = None
    if rows.value is not None:
        arms = [ArmStatistics.from_values(rows.value[chosen]) for chosen in (treated, control)]
        value = welch_lift(*arms).scaled(arms[0].users)
        per_conversion = _per_conversion(rows.cluster, rows.value, conversions, (treated, control))
    clusters: list[PairStatistics] = []
    if rows.cluster is not None:
        clusters = [_by_cluster(rows.cluster[chosen], conversions[chosen]) for chosen in (treated, control)]
        test = replace(test, lift=ratio_metric_lift(*clusters))
        if rows.value is not None:
            worth = [_by_cluster(rows.cluster[chosen], rows.value[chosen]) for chosen in (treated, control)]
            value = ratio_metric_lift(*worth).scaled(test.treated.users)
    notes = (
        *cost_notes,
        *_notes(leaked, float(cost[control].sum()), rows.value),
        *_pre_period_notes(pre_period, adjusted),
    )
    if not isinstance(test.lift.distribution, SmallCountDistribution) and few_conversions(test.treated, test.control):
        notes += (FEW_CONVERSIONS_NOTE,)
    if clusters:
        notes += (f"Errors are those of {clusters[0].users:,} treated and {clusters[1].users:,} control clusters.",)
    return UserTableTest(test, value, notes, pre_period, per_conversion)


def _cost_of_treated(rows: UserRows, compared: NDArray[np.bool_]) -> tuple[float, tuple[str, ...]]:
    """Money spent for the conversions that ads caused among the compared treated users, and what to say about the rest.

    Users whom no ad reached have no incremental conversions: where only the treated cost anything, the reached carry it all.
    """
    spent = float(rows.cost[compared & rows.is_treated].sum())
    if compared.all():
        return spent, ()
    left, control_left = (float(rows.cost[~compared & arm].sum()) for arm in (rows.is_treated, ~rows.is_treated))
    if left and not rows.cost[~rows.is_treated].any():
        return spent + left, (
            f"The cost holds {left:z,.2f} spent on treated users whom no ad reached: those it reached made all incremental "
            "conversions and carry all the money.",
        )
    if left or control_left:
        return spent, (
            f"Left out of the cost: {left:z,.2f} spent on treated and {control_left:z,.2f} on control users whom no ad "
            "reached or would have reached.",
        )
    return spent, ()


def _with_estimated_cost(test: UserLiftTest, treated: PairStatistics, control: PairStatistics) -> UserLiftTest:
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


def _notes(control_users_reached: int, control_cost: float, value: NDArray[np.float64] | None) -> tuple[str, ...]:
    notes = []
    if control_cost > 0:
        notes.append(f"The control arm cost {control_cost:z,.2f}: the price is of the treated arm's additional cost.")
    if control_users_reached:
        notes.append(
            f"Ads reached {control_users_reached:,} control users: the difference understates the effect "
            "of the ads, and no effect per exposed user is given. If they are ghost impressions, the design ghost_ads "
            "compares them."
        )
    if value is not None and (value < 0).any():
        notes.append("Some users have a negative value; it counts as a refund.")
    return tuple(notes)


def _pre_period_notes(pre_period: LiftEstimate | None, adjusted: bool) -> tuple[str, ...]:
    notes = ["Conversions are adjusted for those before the test."] if adjusted else []
    if pre_period is not None and pre_period.p_value() < ALARM:
        notes.append(
            f"The arms differed before the test already (p = {pre_period.p_value():z.3g}): find the broken assignment or "
            "record before reading any lift."
        )
    return tuple(notes)


def _unsupported(adjusted: bool, clustered: bool, control_cost: bool, method: LiftMethod) -> list[str]:
    """What an adjustment and clusters cannot be combined with."""
    problems = []
    if adjusted and clustered:
        problems.append("cluster_id: must be left out for an adjustment; read the test without one of the two")
    for name in ["an adjustment"] * adjusted + ["cluster_id"] * clustered:
        if method == "score":
            problems.append(f"method: 'score' must not be asked for with {name}; use 'welch'")
        if control_cost:
            problems.append(f"cost: must be zero in the control arm for {name}; read the test without it")
    return problems


def _by_cluster(clusters: NDArray[np.intp], outcomes: NDArray[np.float64]) -> PairStatistics:
    """Sum of the outcomes and number of users of each cluster."""
    return _sums_by_cluster(clusters, outcomes, np.ones(outcomes.size))


def _per_conversion(
    clusters: NDArray[np.intp] | None,
    value: NDArray[np.float64],
    conversions: NDArray[np.float64],
    arms: tuple[NDArray[np.bool_], NDArray[np.bool_]],
) -> LiftEstimate | None:
    """Value per conversion of the first arm less that of the second; None where an arm has no conversion."""
    treated, control = (
        PairStatistics.from_values(value[arm], conversions[arm])
        if clusters is None
        else _sums_by_cluster(clusters[arm], value[arm], conversions[arm])
        for arm in arms
    )
    return ratio_metric_lift(treated, control) if treated.other.sum > 0 and control.other.sum > 0 else None


def _sums_by_cluster(
    clusters: NDArray[np.intp], outcomes: NDArray[np.float64], others: NDArray[np.float64]
) -> PairStatistics:
    """Sums of two variables over the users of each cluster."""
    codes = pd.factorize(clusters)[0]
    return PairStatistics.from_values(np.bincount(codes, weights=outcomes), np.bincount(codes, weights=others))

"""The user-level lift test read from a table with one row per user: conversions, value and cost."""

import difflib
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Self

import narwhals as nw
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from experiments.lift.arms import ArmStatistics, PairStatistics
from experiments.lift.estimate import Alternative, LiftEstimate
from experiments.lift.refusal import refuse
from experiments.lift.sample_ratio import ALARM
from experiments.lift.user import MICROS, LiftMethod, UserLiftTest, user_holdout_test, with_bounds
from experiments.lift.welch import adjusted_lift, ratio_metric_lift, welch_lift

__all__ = [
    "UserDesign",
    "UserTableTest",
    "missing_columns",
    "number_problems",
    "user_problems",
    "user_table_test",
]

UserDesign = Literal["intention_to_treat", "ghost_ads"]

REQUIRED = ("user_id", "arm", "conversions", "cost")
PRE_PERIOD = "pre_period_conversions"
OPTIONAL = ("exposed", "value", PRE_PERIOD, "cluster_id")
ARMS = ("treated", "control")


@dataclass(frozen=True)
class UserTableTest:
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
        data: any data frame narwhals reads, with the columns `user_id`, `arm` (treated or control),
            `conversions`, `cost` (units of money), and where known `exposed` (true or false), `value` and
            `pre_period_conversions` (before the test), by which the arms are checked, and `cluster_id`, the household or
            account that was assigned as one: errors are then those of clusters.
        levels: confidence levels to report.
        design: `intention_to_treat` compares everybody assigned. `ghost_ads` compares the exposed with those
            of the control arm whom an ad would have reached (`exposed` true there: a ghost impression was
            logged).
        method: see `user_lift`. A cost in the control arm needs `welch`, which is then the default.
        planned_treated_share: share of users that should have been treated, to check the arm sizes (of the
            compared users, hence inside the ghost-ad stratum).
        adjusted: adjust conversions for those of the pre-period (CUPED with a slope for each arm, Lin 2013).

    Raises:
        LiftInputError: columns missing or of the wrong kind, missing values, users in two rows or two arms,
            negative conversions or costs, an arm with nobody, a cluster in both arms, an adjustment without a pre-period
            or with clusters; all at once.
    """
    frame = nw.from_native(data, eager_only=True)
    refuse(_column_problems(frame.columns, design, adjusted))
    columns = {name: frame[name].to_numpy() for name in (*REQUIRED, *OPTIONAL) if name in frame.columns}
    refuse(_value_problems(columns, frame))
    is_treated = _is_treated(columns["arm"])
    exposed = columns["exposed"].astype(bool) if "exposed" in columns else None
    compared = exposed if design == "ghost_ads" and exposed is not None else np.ones(is_treated.size, dtype=bool)
    treated, control = compared & is_treated, compared & ~is_treated
    conversions = columns["conversions"].astype(np.float64)
    cost = columns["cost"].astype(np.float64)
    worth = columns["value"].astype(np.float64) if "value" in columns else None
    leaked = int(exposed[control].sum()) if exposed is not None and design == "intention_to_treat" else 0

    clustered = "cluster_id" in columns
    unexposed = None
    if exposed is not None and design == "intention_to_treat" and not leaked and not adjusted and not clustered:
        unexposed = ArmStatistics.from_values(conversions[treated & ~exposed])
    control_cost = bool(cost[control].any())
    if control_cost and method == "score":
        refuse(["method: 'score' must not be asked for where the control arm has cost; use 'welch'"])
    refuse(_unsupported(adjusted, clustered, control_cost, method))
    test = user_holdout_test(
        ArmStatistics.from_values(conversions[treated]),
        ArmStatistics.from_values(conversions[control]),
        round(float(cost[treated].sum()) * MICROS),
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
    if PRE_PERIOD in columns:
        before = columns[PRE_PERIOD].astype(np.float64)
        pairs = [PairStatistics.from_values(conversions[chosen], before[chosen]) for chosen in (treated, control)]
        pre_period = welch_lift(pairs[0].other, pairs[1].other)
        if adjusted:
            test = replace(test, lift=adjusted_lift(pairs[0], pairs[1], "per_arm"))
    value = per_conversion = None
    if worth is not None:
        arms = [ArmStatistics.from_values(worth[chosen]) for chosen in (treated, control)]
        value = welch_lift(*arms).scaled(arms[0].users)
        clusters_of = columns["cluster_id"] if clustered else np.arange(conversions.size)
        per_conversion = _per_conversion(pd.factorize(clusters_of)[0], worth, conversions, (treated, control))
    clusters: list[PairStatistics] = []
    if clustered:
        codes = pd.factorize(columns["cluster_id"])[0]
        clusters = [_by_cluster(codes[chosen], conversions[chosen]) for chosen in (treated, control)]
        test = replace(test, lift=ratio_metric_lift(*clusters))
        if worth is not None:
            money = [_by_cluster(codes[chosen], worth[chosen]) for chosen in (treated, control)]
            value = ratio_metric_lift(*money).scaled(test.treated.users)
    notes = (*_notes(leaked, float(cost[control].sum()), worth), *_pre_period_notes(pre_period, adjusted))
    if clusters:
        notes += (f"Errors are those of {clusters[0].users:,} treated and {clusters[1].users:,} control clusters.",)
    return UserTableTest(test, value, notes, pre_period, per_conversion)


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
            "of the ads, and no effect per exposed user is given. If they are ghosts, ask for ghost_ads."
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


def _by_cluster(clusters: NDArray[np.int64], outcomes: NDArray[np.float64]) -> PairStatistics:
    """Sum of the outcomes and number of users of each cluster."""
    return _sums_by_cluster(clusters, outcomes, np.ones(outcomes.size))


def _per_conversion(
    clusters: NDArray[np.int64],
    value: NDArray[np.float64],
    conversions: NDArray[np.float64],
    arms: tuple[NDArray[np.bool_], NDArray[np.bool_]],
) -> LiftEstimate | None:
    """Value per conversion of the first arm less that of the second; None where an arm has no conversion."""
    treated, control = (_sums_by_cluster(clusters[arm], value[arm], conversions[arm]) for arm in arms)
    return ratio_metric_lift(treated, control) if treated.other.sum > 0 and control.other.sum > 0 else None


def _sums_by_cluster(
    clusters: NDArray[np.int64], outcomes: NDArray[np.float64], others: NDArray[np.float64]
) -> PairStatistics:
    """Sums of two variables over the users of each cluster."""
    codes = pd.factorize(clusters)[0]
    return PairStatistics.from_values(np.bincount(codes, weights=outcomes), np.bincount(codes, weights=others))


def _is_treated(arm: NDArray[Any]) -> NDArray[np.bool_]:
    # Arms are compared as codes: a million comparisons of strings are slow.
    codes, labels = pd.factorize(arm)
    return np.asarray(np.asarray([label == "treated" for label in labels], dtype=bool)[codes])


def _column_problems(names: Sequence[str], design: UserDesign, adjusted: bool) -> list[str]:
    needed = (*REQUIRED, *["exposed"] * (design == "ghost_ads"), *[PRE_PERIOD] * adjusted)
    return missing_columns(names, needed, OPTIONAL)


def missing_columns(names: Sequence[str], needed: Sequence[str], optional: Sequence[str]) -> list[str]:
    """A problem for each needed column that a table of these columns lacks."""
    problems = []
    for name in needed:
        if name not in names:
            close = difflib.get_close_matches(name, [x for x in names if x not in (*needed, *optional)], n=1)
            hint = f"did you mean {close[0]}?" if close else f"the table has {', '.join(names)}"
            problems.append(f"{name}: column is required; {hint}")
    return problems


def _value_problems(columns: dict[str, NDArray[Any]], frame: nw.DataFrame[Any]) -> list[str]:
    problems = []
    for name in columns:
        missing = int(frame[name].is_null().sum())
        if missing:
            problems.append(f"{name}: {missing:,} missing values must be given; write 0 for no conversion or cost")
    for name in ("conversions", "value", "cost", PRE_PERIOD):
        if name in columns:
            problems += number_problems(name, columns[name])
    labels = pd.factorize(columns["arm"])[1]
    strangers = sorted({str(label) for label in labels} - set(ARMS))
    if strangers:
        problems.append(f"arm: {', '.join(strangers[:5])} must be treated or control; rename the arms")
    if "exposed" in columns and not np.isin(columns["exposed"], (False, True)).all():
        problems.append("exposed: values must be true or false; write true where an ad reached the user")
    if not problems:
        is_treated = _is_treated(columns["arm"])
        problems += user_problems(columns["user_id"], is_treated)
        if "cluster_id" in columns:
            problems += _cluster_problems(columns["cluster_id"], is_treated)
    return problems


def number_problems(name: str, values: NDArray[Any]) -> list[str]:
    """What is wrong with a column of counts or money; only value may be negative."""
    if not (np.issubdtype(values.dtype, np.number) or values.dtype == np.bool_):
        return [f"{name}: {values.dtype} must be numbers; convert the column"]
    numbers = values.astype(np.float64)
    if not np.isfinite(numbers).all():
        return [f"{name}: {int((~np.isfinite(numbers)).sum()):,} values must be finite numbers; write 0 for none"]
    negative = int((numbers < 0).sum())
    if negative and name != "value":
        return [f"{name}: {negative:,} negative values must be at least 0; book refunds under value"]
    return []


def _in_both_arms(codes: NDArray[np.int64], units: int, is_treated: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which units have a row in either arm."""
    treated = np.zeros(units, dtype=bool)
    treated[codes[is_treated]] = True
    control = np.zeros(units, dtype=bool)
    control[codes[~is_treated]] = True
    return treated & control


def _cluster_problems(cluster_id: NDArray[Any], is_treated: NDArray[np.bool_]) -> list[str]:
    codes, clusters = pd.factorize(cluster_id)
    both = _in_both_arms(codes, clusters.size, is_treated)
    if not both.any():
        return []
    return [
        f"cluster_id: {int(both.sum()):,} clusters in both arms must be in one, first {clusters[both][0]}; "
        "where users were assigned one by one, leave the column out"
    ]


def user_problems(user_id: NDArray[Any], is_treated: NDArray[np.bool_]) -> list[str]:
    """What is wrong with users who stand in several rows, or in both arms."""
    codes, users = pd.factorize(user_id)
    if users.size == user_id.size:
        return []
    split = _in_both_arms(codes, users.size, is_treated)
    both = int(split.sum())
    repeated = int((np.bincount(codes) > 1).sum())
    problems = []
    if both:
        problems.append(
            f"arm: {both:,} users in both arms must be in one; the assignment or the identity is broken, "
            f"first {users[split][0]}"
        )
    if repeated > both:
        problems.append(f"user_id: {repeated - both:,} users in several rows must have one; sum their rows")
    return problems

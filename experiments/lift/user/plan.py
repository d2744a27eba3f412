"""Planning a user-level test: users, duration, detectable lift and price, and what the test itself costs."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd

from cpalab.refusal import refuse
from cpalab.result import Result
from experiments.lift.estimate.cost_ratio import in_money
from experiments.lift.estimate.few_conversions import FEW_CONVERSIONS
from experiments.lift.estimate.lift_estimate import level_problems, significance
from experiments.lift.sequential.group_sequential import GroupSequentialPlan
from experiments.lift.user.assigned_clusters import Clusters

__all__ = ["Sides", "UserTestDesign", "UserTestPlan", "exaggeration", "experiment_multiplier", "plan_user_test"]

Sides = Literal["two-sided", "greater"]
# No test is planned for an expected t beyond.
LARGEST_T = 60.0
# Nor for more users than there could ever be, or for outcomes rarer than one in them.
MOST_USERS = 1e18
# With fewer clusters in an arm, Student's quantiles are wider than the normal ones that plans use.
FEW_CLUSTERS = 20
# With arms less even than this and few conversions in the smaller, score limits find less than the normal ones of plans: at
# 5 % held out and a planned power of 80 %, some 55 % with 10 conversions there and 74 % with 100; even arms lose nothing.
UNEVEN_SHARE = 0.4


def exaggeration(expected_t: float, level: float = 0.95) -> float:
    """E[|estimate| given significance] ÷ |effect|, two-sided and normal (the type M error).

    With λ the expected t, c the critical value: (λ·(Φ(λ − c) − Φ(−λ − c)) + φ(λ − c) + φ(λ + c)) / (λ·power).

    Raises:
        LiftInputError: an expected t that is not positive.

    Source: Gelman and Carlin (2014), "Beyond power calculations: assessing type S (sign) and type M
    (magnitude) errors", Perspectives on Psychological Science 9(6).
    """
    if not expected_t > 0:
        refuse([f"expected_t: {expected_t} must be positive; an effect of nothing has no exaggeration"])
    from scipy.special import ndtr, ndtri

    c = -float(ndtri(significance(level) / 2))
    upper, lower = float(ndtr(expected_t - c)), float(ndtr(-expected_t - c))
    density = [math.exp(-((expected_t + side * c) ** 2) / 2) / math.sqrt(2 * math.pi) for side in (-1, 1)]
    return (expected_t * (upper - lower) + sum(density)) / (expected_t * (upper + lower))


def experiment_multiplier(expected_t: float, wanted_t: float = 3.0) -> float:
    """(wanted t ÷ expected t)²: how many times larger an experiment must be.

    Raises:
        LiftInputError: an expected t that is not positive.

    Source: Lewis and Rao (2015), "The unfavorable economics of measuring the returns to advertising", QJE
    130(4), Table III.
    """
    if not expected_t > 0:
        refuse([f"expected_t: {expected_t} must be positive; no size of test finds an effect of nothing"])
    return (wanted_t / expected_t) ** 2


@dataclass(frozen=True)
class UserTestDesign:
    """A user-level holdout before it is run.

    Args:
        baseline_rate: conversions (or value) per user without ads.
        treated_share: share of the users assigned to see ads; the rest are held out.
        outcome_sd: standard deviation of the outcome per user; None for converters, √(p(1 − p)).
        share_exposed: π, share of the treated users whom an ad reaches. Lifts are those of the exposed; an
            intention-to-treat comparison sees π of them. Ghost ads compare the exposed only: π = 1.
        cost_per_treated_user: money spent per treated user.
        level: confidence level of the test.
        alternative: `two-sided`, or `greater` for a one-sided test.
        looks: planned looks and their boundary, two-sided; None for one look at the end.
        clusters: households or accounts that are assigned as one; None where users are assigned one by one.

    Raises:
        LiftInputError: values outside their ranges; all at once.

    Example:
        >>> from experiments.lift import UserTestDesign
        >>> UserTestDesign(baseline_rate=0.02).required_users(relative_lift=0.10, power=0.80)
        161357
    """

    baseline_rate: float
    treated_share: float = 0.5
    outcome_sd: float | None = None
    share_exposed: float = 1.0
    cost_per_treated_user: float = 0.0
    level: float = 0.95
    alternative: Sides = "two-sided"
    looks: GroupSequentialPlan | None = None
    clusters: Clusters | None = None

    def __post_init__(self) -> None:
        """Refuse a design that is none."""
        problems = []
        if self.outcome_sd is None and not 0 < self.baseline_rate < 1:
            problems.append(
                f"baseline_rate: {self.baseline_rate} must lie between 0 and 1 for converters; "
                "write 0.02 for 2 %, or give outcome_sd for value per user"
            )
        elif not 0 < self.baseline_rate < math.inf:
            problems.append(f"baseline_rate: {self.baseline_rate} must be positive; value per user without ads")
        if 0 < self.baseline_rate < 1 / MOST_USERS:
            problems.append(
                f"baseline_rate: {self.baseline_rate} must be at least {1 / MOST_USERS:g}; no test is that large"
            )
        if self.outcome_sd is not None and 0 < self.outcome_sd < 1 / MOST_USERS:
            problems.append(f"outcome_sd: {self.outcome_sd} must be at least {1 / MOST_USERS:g}; use a smaller unit")
        if self.outcome_sd is not None and not 0 < self.outcome_sd < math.inf:
            problems.append(f"outcome_sd: {self.outcome_sd} must be positive; leave it out for converters")
        if not 0 < self.treated_share < 1:
            problems.append(
                f"treated_share: {self.treated_share} must lie between 0 and 1; write 0.9 for a 10 % holdout"
            )
        if not 0 < self.share_exposed <= 1:
            problems.append(f"share_exposed: {self.share_exposed} must lie above 0 and up to 1")
        if not 0 <= self.cost_per_treated_user < math.inf:
            problems.append(f"cost_per_treated_user: {self.cost_per_treated_user} must not be negative")
        if self.alternative not in ("two-sided", "greater"):
            problems.append(f"alternative: {self.alternative} must be two-sided or greater")
        if self.looks is not None and self.alternative == "greater":
            problems.append("alternative: greater must be two-sided with planned looks; boundaries are two-sided")
        refuse(problems + level_problems((self.level,)))

    def effect(self, relative_lift: float) -> float:
        """Expected difference per assigned user: π·lift·baseline."""
        return self.share_exposed * relative_lift * self.baseline_rate

    def standard_error(self, users: float, relative_lift: float) -> float:
        """√(d·(s_T²/n_T + s_C²/n_C)) of the difference per assigned user, d the design effect of clusters."""
        variances = [
            rate * (1 - rate) if self.outcome_sd is None else self.outcome_sd**2
            for rate in (self.baseline_rate + self.effect(relative_lift), self.baseline_rate)
        ]
        shares = (self.treated_share, 1 - self.treated_share)
        effect = 1.0 if self.clusters is None else self.clusters.design_effect
        return math.sqrt(effect * sum(max(v, 0.0) / w for v, w in zip(variances, shares, strict=True)) / users)

    def expected_t(self, users: float, relative_lift: float) -> float:
        """Effect ÷ standard error."""
        return self.effect(relative_lift) / self.standard_error(users, relative_lift)

    def power_at(self, expected_t: float) -> float:
        """P(the test finds an effect) where its statistic has mean `expected_t`."""
        from scipy.special import ndtr, ndtri

        if self.looks is not None:
            return self.looks.power(expected_t, self.level)
        alpha = significance(self.level)
        if self.alternative == "greater":
            return float(ndtr(expected_t + ndtri(alpha)))
        c = -float(ndtri(alpha / 2))
        return float(ndtr(expected_t - c) + ndtr(-expected_t - c))

    def power(self, users: float, relative_lift: float) -> float:
        """P(the test finds a lift)."""
        return self.power_at(self.expected_t(users, relative_lift))

    def needed_t(self, power: float) -> float:
        """Expected t at which the test has this power (2.80 for 80 % at 95 %, two-sided, one look)."""
        from scipy.optimize import brentq

        if not significance(self.level) < power < 1:
            refuse([f"power: {power} must lie between 1 − level and 1; write 0.8 for 80 %"])
        return float(brentq(lambda t: self.power_at(t) - power, 0.0, LARGEST_T, xtol=1e-10))

    def required_users(self, relative_lift: float, power: float = 0.80) -> int:
        """Users of both arms together that find a lift with this power: (t·se₁ / effect)².

        Raises:
            LiftInputError: a lift that is not positive or impossible, a power outside its range.
        """
        highest = self._highest_lift()
        if not 0 < relative_lift <= highest:
            refuse([f"relative_lift: {relative_lift} must lie above 0 and up to {highest:z.4g}; 0.1 is 10 %"])
        se = self.standard_error(1, relative_lift)
        needed, effect = self.needed_t(power) * se, self.effect(relative_lift)
        if needed > math.sqrt(MOST_USERS) * effect:
            refuse(
                [f"relative_lift: {relative_lift} must need fewer than {MOST_USERS:g} users; plan for a larger lift"]
            )
        # A hair less than a whole user is rounding.
        return math.ceil((needed / effect) ** 2 - 1e-6)

    def minimum_detectable_lift(self, users: float, power: float = 0.80) -> float:
        """Smallest lift found with this power; infinite where even converting everybody would not be.

        Raises:
            LiftInputError: fewer than two users, a power outside its range.
        """
        from scipy.optimize import brentq

        if not users >= 2:
            refuse([f"users: {users} must be at least 2; count the users of both arms"])
        needed = self.needed_t(power)
        highest = self._highest_lift()
        if math.isinf(highest):
            return needed * self.standard_error(users, 0.0) / self.effect(1.0)
        if self.expected_t(users, highest) < needed:
            return math.inf
        return float(brentq(lambda lift: self.expected_t(users, lift) - needed, 0.0, highest, xtol=1e-14, rtol=1e-12))

    def highest_detectable_cost(self, users: float, power: float = 0.80) -> float:
        """Cost per incremental conversion at the smallest detectable lift: dearer ads look like none."""
        lift = self.minimum_detectable_lift(users, power)
        return self.cost_per_treated_user / self.effect(lift)

    def conversions_forgone(self, users: float, relative_lift: float) -> float:
        """Conversions (or value) that the held-out users would have brought: the price of the test."""
        return users * (1 - self.treated_share) * self.effect(relative_lift)

    def _highest_lift(self) -> float:
        """The lift at which every exposed user converts; infinite for value."""
        if self.outcome_sd is not None:
            return math.inf
        return (1 - self.baseline_rate) / (self.share_exposed * self.baseline_rate)


@dataclass(frozen=True)
class UserTestPlan(Result):
    """A user-level test with its size and what it can find.

    Attributes:
        design: the design.
        users: users of both arms together.
        relative_lift: the lift planned for.
        power: P(the test finds it).
        minimum_detectable_lift: smallest lift found with the wanted power.
        wanted_power: the wanted power.
        days: days until all users are in and their conversions have come; nan where the inflow is not given.
        eligible_share: share of the people who come that may take part; only they are users of the test.
    """

    design: UserTestDesign
    users: int
    relative_lift: float
    power: float
    minimum_detectable_lift: float
    wanted_power: float
    days: float
    eligible_share: float = 1.0

    @property
    def expected_t(self) -> float:
        """Mean of the test statistic."""
        return self.design.expected_t(self.users, self.relative_lift)

    @property
    def exaggeration(self) -> float:
        """How much too large the estimate is on average when it is significant (a single look, two-sided)."""
        return exaggeration(self.expected_t, self.design.level)

    @property
    def cost(self) -> float:
        """Money spent on the treated arm."""
        return self.design.cost_per_treated_user * self.design.treated_share * self.users

    @property
    def cost_per_incremental_conversion(self) -> float:
        """Its expected value at the lift planned for; nan without cost."""
        cost = self.design.cost_per_treated_user
        return cost / self.design.effect(self.relative_lift) if cost else math.nan

    @property
    def highest_detectable_cost(self) -> float:
        """Cost per incremental conversion up to which ads are found to work; nan without cost."""
        cost = self.design.cost_per_treated_user
        return cost / self.design.effect(self.minimum_detectable_lift) if cost else math.nan

    @property
    def conversions_forgone(self) -> float:
        """Conversions (or value) the holdout costs at the lift planned for."""
        return self.design.conversions_forgone(self.users, self.relative_lift)

    def to_frame(self) -> pd.DataFrame:
        """One row: the plan in numbers."""
        return pd.DataFrame(
            [
                {
                    "users": self.users,
                    "treated_users": round(self.users * self.design.treated_share),
                    "control_users": self.users - round(self.users * self.design.treated_share),
                    "days": self.days,
                    "relative_lift": self.relative_lift,
                    "power": self.power,
                    "expected_t": self.expected_t,
                    "exaggeration": self.exaggeration,
                    "minimum_detectable_lift": self.minimum_detectable_lift,
                    "cost": self.cost,
                    "cost_per_incremental_conversion": self.cost_per_incremental_conversion,
                    "highest_detectable_cost": self.highest_detectable_cost,
                    "conversions_forgone": self.conversions_forgone,
                    "users_to_halve_the_interval": 4 * self.users,
                    **self._clusters_and_audience(),
                }
            ]
        )

    def _clusters_and_audience(self) -> dict[str, object]:
        """Clusters to assign, and people to reach where only a share of them may take part."""
        found: dict[str, object] = {}
        if self.design.clusters is not None:
            found["clusters"] = math.ceil(self.users / self.design.clusters.mean_size)
            found["design_effect"] = self.design.clusters.design_effect
        if self.eligible_share < 1:
            found["audience"] = math.ceil(self.users / self.eligible_share)
        return found

    def power_curve(self, relative_lifts: Sequence[float] | None = None) -> pd.DataFrame:
        """Power over lifts: `relative_lift, power, exaggeration`; by default up to twice the planned lift."""
        lifts = np.linspace(0.25, 2.0, 8) * self.relative_lift if relative_lifts is None else relative_lifts
        rows = []
        for lift in lifts:
            t = self.design.expected_t(self.users, float(lift))
            rows.append((float(lift), self.design.power_at(t), exaggeration(t, self.design.level)))
        return pd.DataFrame(rows, columns=["relative_lift", "power", "exaggeration"])

    def holdout_shares(self, held_out: Sequence[float] = (0.05, 0.1, 0.2, 0.3, 0.5)) -> pd.DataFrame:
        """What other holdouts would give: their power, detectable lift and conversions forgone."""
        rows = []
        for share in held_out:
            other = replace(self.design, treated_share=1 - share)
            rows.append(
                (
                    share,
                    other.power(self.users, self.relative_lift),
                    other.minimum_detectable_lift(self.users, self.wanted_power),
                    other.conversions_forgone(self.users, self.relative_lift),
                )
            )
        names = ["held_out_share", "power", "minimum_detectable_lift", "conversions_forgone"]
        return pd.DataFrame(rows, columns=names)

    def summary(self) -> str:
        """What the test can find and what it costs, in a few sentences."""
        days = f" in {self.days:z,.0f} days" if math.isfinite(self.days) else ""
        unit = "conversions" if self.design.outcome_sd is None else "value"
        sentences = [
            f"{self.users:,} users{days} find a lift of {self.relative_lift:z.2%} with a power of "
            f"{self.power:z.0%}; the smallest lift found with {self.wanted_power:z.0%} is "
            f"{self.minimum_detectable_lift:z.2%}.",
            f"The holdout forgoes {self.conversions_forgone:z,.1f} {unit}.",
        ]
        if self.design.cost_per_treated_user:
            sentences.append(
                f"At {in_money(self.cost)} spent, ads that cost more than {in_money(self.highest_detectable_cost)} per "
                "incremental conversion would be hard to tell from ads that do nothing."
            )
        if self.design.clusters is not None:
            smallest = min(self.design.treated_share, 1 - self.design.treated_share)
            clusters = math.ceil(self.users / self.design.clusters.mean_size)
            sentences.append(
                f"Assigned in {clusters:,} clusters, they count as "
                f"{self.users / self.design.clusters.design_effect:z,.0f} users assigned one by one (design effect "
                f"{self.design.clusters.design_effect:z.3g})."
            )
            if smallest * clusters < FEW_CLUSTERS:
                sentences.append(
                    "An arm has few clusters: limits for few clusters are wider than this plan reckons with."
                )
        smaller = min(self.design.treated_share, 1 - self.design.treated_share)
        expected = self.users * smaller * self.design.baseline_rate
        if self.design.outcome_sd is None and smaller < UNEVEN_SHARE and expected < FEW_CONVERSIONS:
            sentences.append(
                f"Only about {expected:z,.0f} conversions are expected in the smaller arm: the limits for few conversions "
                "are wider than this plan reckons with, and the test finds the lift less often. Hold out more, or more users."
            )
        if self.eligible_share < 1:
            sentences.append(
                f"With {self.eligible_share:z.1%} of the people eligible, an audience of "
                f"{math.ceil(self.users / self.eligible_share):,} is needed."
            )
        if self.power < 0.5:
            sentences.append(
                f"If it comes out significant, expect the estimate to be {self.exaggeration:z.1f} times too "
                "large on average."
            )
        return " ".join(sentences)


def plan_user_test(
    design: UserTestDesign,
    *,
    users: int | None = None,
    relative_lift: float | None = None,
    power: float = 0.80,
    users_per_day: float | None = None,
    conversion_delay_days: float = 0.0,
    eligible_share: float = 1.0,
) -> UserTestPlan:
    """Complete a plan: users from a lift, the detectable lift from users, or the power of both.

    Args:
        design: the design.
        users: users of both arms; computed where None.
        relative_lift: lift of the exposed; the smallest detectable one where None.
        power: wanted power.
        users_per_day: users who enter the test per day (each once), for the duration.
        conversion_delay_days: days to wait for the conversions of the last user.
        eligible_share: share of the people who come per day that may take part.

    Raises:
        LiftInputError: neither users nor a lift, a lift that no test can find, an inflow that is none.

    Example:
        >>> from experiments.lift import UserTestDesign, plan_user_test
        >>> plan = plan_user_test(UserTestDesign(baseline_rate=0.02), users=100_000)
        >>> round(plan.relative_lift, 3)
        0.128
    """
    problems = []
    if users is None and relative_lift is None:
        problems.append("users, relative_lift: at least one must be given; the other follows")
    if users is not None and users < 2:
        problems.append(f"users: {users} must be at least 2; count the users of both arms")
    if relative_lift is not None and not relative_lift > 0:
        problems.append(f"relative_lift: {relative_lift} must be positive; write 0.1 for 10 %")
    if users_per_day is not None and not 0 < users_per_day < math.inf:
        problems.append(f"users_per_day: {users_per_day} must be positive; users who enter per day")
    if not 0 <= conversion_delay_days < math.inf:
        problems.append(f"conversion_delay_days: {conversion_delay_days} must not be negative; 0 for none")
    if not 0 < eligible_share <= 1:
        problems.append(f"eligible_share: {eligible_share} must lie above 0 and up to 1; write 0.6 for 60 %")
    refuse(problems)
    size = users if users is not None else design.required_users(relative_lift or math.nan, power)
    smallest = design.minimum_detectable_lift(size, power)
    lift = relative_lift if relative_lift is not None else smallest
    if math.isinf(lift):
        refuse([f"users: {size} must be more; even if every exposed user converted it would go unnoticed"])
    days = (
        math.nan
        if users_per_day is None
        else math.ceil(size / (users_per_day * eligible_share)) + conversion_delay_days
    )
    return UserTestPlan(design, size, lift, design.power(size, lift), smallest, power, days, eligible_share)
